//! Live streams: control, server-sent events, WebSocket.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::world::{World, event};

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(world: &World) -> Self {
        let (socket, _) = tokio_tungstenite::connect_async(format!("ws://{}/v1/stream", world.address)).await.unwrap();
        Self(socket)
    }

    async fn with_key(world: &World, key: &str) -> Self {
        let mut client = Self::connect(world).await;
        client.say(json!({"type": "auth", "token": key})).await;
        client
    }

    async fn say(&mut self, message: Value) {
        self.0.send(Message::Text(message.to_string().into())).await.unwrap();
    }

    /// The next message, or the code with which the server closed.
    async fn hear(&mut self) -> Result<Value, u16> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => return Err(frame.code.into()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn expect(&mut self, kind: &str) -> Value {
        let message = self.hear().await.unwrap_or_else(|code| panic!("closed with {code} before `{kind}`"));
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// The next event's cursor and idempotency key.
    async fn action(&mut self) -> (String, String) {
        let message = self.expect("event").await;
        let key = message["data"]["event"]["action"]["idempotency_key"].as_str().unwrap_or_default();
        (message["cursor"].as_str().unwrap().to_owned(), key.to_owned())
    }
}

#[tokio::test]
async fn nothing_is_lost_between_ready_and_subscribe_nor_over_a_reconnect() {
    let mut world = World::start().await;
    let mut client = Client::with_key(&world, &world.admin).await;
    client.expect("ready").await;
    world.post("/v1/events", &event("a", "1")).await;
    client.say(json!({"type": "subscribe", "channels": ["events"]})).await;
    let (cursor, key) = client.action().await;
    assert_eq!(key, "1");
    client.expect("caught_up").await;
    let batch: Vec<Value> = (2..=5).map(|n| event("a", &n.to_string())).collect();
    world.post("/v1/events", &json!({"events": batch})).await;
    for expect in ["2", "3"] {
        assert_eq!(client.action().await.1, expect);
    }
    drop(client);

    let mut client = Client::with_key(&world, &world.admin).await;
    client.expect("ready").await;
    client.say(json!({"type": "subscribe", "channels": ["events"], "after": cursor})).await;
    for expect in ["2", "3", "4", "5"] {
        assert_eq!(client.action().await.1, expect, "older ones come from the store");
    }
    client.expect("caught_up").await;
    world.post("/v1/events", &event("a", "6")).await;
    assert_eq!(client.action().await.1, "6");
    client.say(json!({"type": "subscribe", "after": "999999"})).await;
    assert_eq!(client.expect("reset").await["reason"], "unknown");
    world.stop().await;
}

#[tokio::test]
async fn a_client_hears_what_it_asked_for() {
    let mut world = World::start().await;
    let mut client = Client::with_key(&world, &world.admin).await;
    client.expect("ready").await;
    client.say(json!({"type": "subscribe", "channels": ["events"], "filter": {"actor": "b"}})).await;
    client.expect("caught_up").await;
    world.post("/v1/events", &json!({"events": [event("a", "1"), event("b", "2")]})).await;
    assert_eq!(client.action().await.1, "2");
    client.say(json!({"type": "subscribe", "channels": ["tag:staging", "agents"]})).await;
    client.expect("caught_up").await;
    world.post("/v1/events", &event("b", "3")).await;
    world.post("/v1/agents/b/pause", &json!({"reason": "too eager"})).await;
    let told = client.expect("event").await;
    assert_eq!(
        (told["data"]["kind"].as_str(), told["data"]["agent"]["state"].as_str()),
        (Some("agent"), Some("paused"))
    );
    for (said, code) in [
        (json!({"type": "subscribe", "channels": ["incidents"]}), "not_available"),
        (json!({"type": "subscribe", "channels": ["planets"]}), "unknown_channel"),
        (json!({"type": "subscribe", "after": "x"}), "invalid_cursor"),
        (json!({"type": "subscribe", "filter": {"decision": "flaged"}}), "invalid_filter"),
        (json!({"type": "subscribe", "filter": {"resource": "payments"}}), "invalid_filter"),
        (json!({"type": "sing"}), "invalid_message"),
        (json!({"type": "subscribe", "chanels": []}), "invalid_message"),
    ] {
        client.say(said).await;
        assert_eq!(client.expect("error").await["code"], code);
    }
    for query in ["decision=flaged", "resource=payments", "channels=events&resource=servise:payments"] {
        let answer = world.get(&format!("/v1/stream/sse?{query}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{query}");
    }
    world.stop().await;
    assert_eq!(client.hear().await, Err(1001), "stopping says goodbye");
}

#[tokio::test]
async fn who_may_not_listen_is_told_by_the_code() {
    let mut world = World::start().await;
    let (ingest, _) = world.key(json!({"scope": "ingest"})).await;
    let mut client = Client::with_key(&world, "mk_wrong").await;
    assert_eq!(client.hear().await, Err(4001));
    let mut client = Client::with_key(&world, &ingest).await;
    assert_eq!(client.hear().await, Err(4003));
    let mut client = Client::connect(&world).await;
    client.say(json!({"type": "subscribe"})).await;
    assert_eq!(client.hear().await, Err(4001), "the first message says who it is");
    let mut client = Client::with_key(&world, &world.admin).await;
    client.expect("ready").await;
    client.say(json!({"type": "refresh", "token": "mk_wrong"})).await;
    assert_eq!(client.hear().await, Err(4001));
    world.stop().await;
}

#[tokio::test]
async fn sse_has_the_same_cursors() {
    let mut world = World::start().await;
    world.post("/v1/events", &event("a", "1")).await;
    let mut stream = world.sse("/v1/stream/sse?channels=events&after=0", &world.admin).await;
    assert_eq!(stream.next().await.unwrap().0, "ready");
    let (name, cursor, data) = loop {
        let next = stream.next().await.unwrap();
        if next.2["kind"] == "event" {
            break next;
        }
    };
    assert_eq!((name.as_str(), data["event"]["action"]["idempotency_key"].as_str()), ("event", Some("1")));
    assert_eq!(stream.next().await.unwrap().0, "caught_up");
    world.post("/v1/events", &event("a", "2")).await;
    let (_, next, _) = stream.next().await.unwrap();
    assert!(next.parse::<i64>().unwrap() > cursor.parse::<i64>().unwrap());
    world.stop().await;
    assert_eq!(stream.next().await, None, "stopping ends streams");
}

#[tokio::test]
async fn a_pause_reaches_the_agent_and_states_are_whole() {
    let mut world = World::start().await;
    let (key, _) = world.key(json!({"scope": "ingest", "agent": "ci/build@host:1"})).await;
    let path = "/v1/agents/ci%2Fbuild%40host%3A1";
    let mut stream = world.sse(&format!("{path}/control"), &key).await;
    let (name, version, state) = stream.next().await.unwrap();
    assert_eq!((name.as_str(), version.as_str()), ("state", "0"));
    assert_eq!(state, json!({"version": 0, "state": "running"}));
    let paused = world.post(&format!("{path}/pause"), &json!({"reason": "bad deploys"})).await;
    assert_eq!((paused.status, paused.json()["id"].as_str()), (200, Some("ci/build@host:1")));
    let (_, version, state) = stream.next().await.unwrap();
    assert_eq!((version.as_str(), state["state"].as_str()), ("1", Some("paused")));
    assert_eq!(state["reason"], "bad deploys");
    let once = world.send("GET", &format!("{path}/control?once=1"), &key, "", b"").await.json();
    assert_eq!(once, state, "the same state once");

    let resumed = world.post("/v1/agents/resume", &json!({})).await.json();
    assert_eq!((resumed["count"].as_i64(), resumed["preview"].as_bool()), (Some(1), Some(false)));
    assert_eq!(stream.next().await.unwrap().2["state"], "running");
    let preview = world.post("/v1/agents/pause", &json!({"preview": true})).await.json();
    assert_eq!((preview["count"].as_i64(), preview["preview"].as_bool()), (Some(1), Some(true)));
    world.stop().await;
}

#[tokio::test]
async fn a_revoked_key_ends_its_streams() {
    let mut world = World::start().await;
    let (key, id) = world.key(json!({"scope": "read"})).await;
    let mut client = Client::with_key(&world, &key).await;
    client.expect("ready").await;
    let mut control = world.sse("/v1/agents/a/control", &key).await;
    assert_eq!(control.next().await.unwrap().0, "state");
    assert_eq!(world.send("DELETE", &format!("/v1/keys/{id}"), &world.admin, "", b"").await.status, 200);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), client.hear()).await;
    assert_eq!(ended, Ok(Err(4001)), "within a minute");
    assert_eq!(control.next().await, None);
    world.stop().await;
}
