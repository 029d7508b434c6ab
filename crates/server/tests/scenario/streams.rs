//! Live streams: cursors over a restart, who may listen, who is cut off (RT-2).

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use mandate_testkit::world::{Setup, World, look, scenario, scenario_everywhere, until, within};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// A WebSocket client.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// One whose client has not said who it is.
    async fn at_the_door(world: &World) -> Self {
        let url = format!("ws://{}/v1/stream", world.address());
        Self(tokio_tungstenite::connect_async(url).await.unwrap().0)
    }

    async fn open(world: &World, token: &str) -> Self {
        let mut socket = Self::at_the_door(world).await;
        socket.say(json!({"type": "auth", "token": token})).await;
        socket
    }

    async fn say(&mut self, message: Value) {
        self.0.send(Message::Text(message.to_string().into())).await.unwrap();
    }

    /// The next message, or the code with which it was closed; 0 when it broke off.
    async fn hear(&mut self) -> Result<Value, u16> {
        loop {
            match within("the next message", self.0.next()).await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(0, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(0),
            }
        }
    }

    /// Subscribes to events and gives them up to `caught_up`, each with its cursor.
    async fn catch_up(&mut self, after: &str) -> Vec<(String, i64)> {
        assert_eq!(self.hear().await.unwrap()["type"], "ready");
        self.say(json!({"type": "subscribe", "channels": ["events"], "after": after})).await;
        let mut heard = Vec::new();
        loop {
            let message = self.hear().await.unwrap();
            match message["type"].as_str().unwrap() {
                "event" if message["data"]["kind"] == "event" => heard.push(place(&message)),
                "event" => {}
                "caught_up" => return heard,
                other => panic!("{other}: {message}"),
            }
        }
    }
}

fn place(message: &Value) -> (String, i64) {
    let seq = message["data"]["event"]["integrity"]["seq"].as_i64().unwrap();
    (message["cursor"].as_str().unwrap().to_owned(), seq)
}

fn looks(from: usize, to: usize) -> Vec<Value> {
    (from..=to).map(|n| look("deployer", &format!("k{n}"))).collect()
}

#[test]
fn a_cursor_goes_on_over_a_restart_without_gap_or_duplicate() {
    scenario_everywhere(Setup::default(), async |world| {
        world.accept(&looks(1, 40)).await;
        let mut stream = world.stream("/v1/stream/sse?channels=events", &world.admin, Some("0")).await;
        let mut heard = Vec::new();
        let mut last = String::new();
        while heard.len() < 25 {
            let frame = stream.next_named("event").await;
            last.clone_from(&frame.id);
            heard.extend(frame.data["event"]["integrity"]["seq"].as_i64());
        }
        drop(stream);
        let heard_to = last.clone();
        world.accept(&looks(41, 50)).await;
        world.restart().await;
        world.accept(&looks(51, 60)).await;

        let mut stream = world.stream("/v1/stream/sse?channels=events", &world.admin, Some(&last)).await;
        while heard.len() < 60 {
            heard.extend(stream.next_named("event").await.data["event"]["integrity"]["seq"].as_i64());
        }
        assert_eq!(heard, (1..=60).collect::<Vec<i64>>());
        world.accept(&looks(61, 61)).await;
        assert_eq!(stream.next_named("event").await.data["event"]["integrity"]["seq"], 61, "and live from there");

        let mut socket = Socket::open(world, &world.admin).await;
        let caught: Vec<i64> = socket.catch_up(&heard_to).await.into_iter().map(|(_, seq)| seq).collect();
        assert_eq!(caught, (26..=61).collect::<Vec<i64>>());
        world.accept(&looks(62, 63)).await;
        for seq in [62, 63] {
            assert_eq!(place(&socket.hear().await.unwrap()).1, seq);
        }
    });
}

#[test]
fn a_position_that_never_was_is_told() {
    scenario(Setup::default(), async |world| {
        world.accept(&looks(1, 3)).await;
        let mut stream = world.stream("/v1/stream/sse?channels=events", &world.admin, Some("999999")).await;
        let reset = stream.next_named("reset").await;
        assert_eq!(reset.data["reason"], "unknown");
        world.accept(&looks(4, 4)).await;
        assert_eq!(stream.next_named("event").await.data["event"]["integrity"]["seq"], 4);
    });
}

#[test]
fn a_position_that_is_not_kept_any_more_is_told() {
    scenario_everywhere(Setup::default(), async |world| {
        world.accept(&looks(1, 3)).await;
        world.accept(&looks(4, 6)).await;
        world.purge_feed(i64::MAX).await;
        let mut stream = world.stream("/v1/stream/sse?channels=events", &world.admin, Some("0")).await;
        let reset = stream.next_named("reset").await;
        assert_eq!((reset.data["reason"].as_str(), reset.data["cursor"].as_str()), (Some("expired"), Some(&*reset.id)));
        world.accept(&looks(7, 7)).await;
        assert_eq!(stream.next_named("event").await.data["event"]["integrity"]["seq"], 7, "it goes on from now");
        let mut stream = world.stream("/v1/stream/sse?channels=events", &world.admin, Some(&reset.id)).await;
        assert_eq!(stream.next_named("event").await.data["event"]["integrity"]["seq"], 7, "and so does its cursor");
    });
}

#[test]
fn strangers_take_no_room_from_those_who_are_known() {
    let setup = Setup { settings: "limits: {streams: 1}\n".to_owned(), ..Setup::default() };
    scenario(setup, async |world| {
        let strangers = (Socket::at_the_door(world).await, Socket::at_the_door(world).await);
        let mut known = Socket::open(world, &world.admin).await;
        known.catch_up("0").await;
        assert_eq!(Socket::open(world, &world.admin).await.hear().await, Err(1013), "the one place is taken");
        drop(strangers);
    });
}

#[test]
fn who_may_not_listen_is_closed_with_the_reason() {
    scenario(Setup::default(), async |world| {
        let (ingest, _) = world.key("ingest", None).await;
        for (token, code) in [("mk_nothing", 4001), ("", 4001), (ingest.as_str(), 4003)] {
            assert_eq!(Socket::open(world, token).await.hear().await, Err(code), "{token}");
        }
        world.expect_audited("access.refused", "refused", "call:stream").await;
        let (read, id) = world.key("read", None).await;
        let (bound, bound_id) = world.key("ingest", Some("deployer")).await;
        let mut socket = Socket::open(world, &read).await;
        socket.catch_up("0").await;
        let mut stream = world.stream("/v1/stream/sse?channels=events", &read, None).await;
        let mut control = world.stream("/v1/agents/deployer/control", &bound, None).await;
        assert_eq!(control.next().await.unwrap().name, "state");
        for id in [id, bound_id] {
            world.call("DELETE", &format!("/v1/keys/{id}"), &world.admin, None).await;
        }
        assert_eq!(socket.hear().await, Err(4001), "a revoked key's stream is closed");
        while stream.next().await.is_some() {}
        assert_eq!(control.next().await, None);
    });
}

#[test]
fn who_does_not_read_is_cut_off_and_nobody_waits() {
    scenario(Setup::default(), async |world| {
        let mut socket = Socket::open(world, &world.admin).await;
        socket.catch_up("0").await;
        let mut idle = world.stream("/v1/stream/sse?channels=events", &world.admin, None).await;
        let mut reader = world.stream("/v1/stream/sse?channels=events", &world.admin, None).await;
        let open =
            async |count: usize| world.get("/metrics").await.text().contains(&format!("\nmandate_streams {count}\n"));
        assert!(open(3).await);
        let mut last = 0;
        for batch in 0..10 {
            let events: Vec<Value> = (0..100)
                .map(|n| {
                    let mut event = look("deployer", &format!("{batch}-{n}"));
                    event["metadata"] = json!({"attributes": {"text": "lorem ipsum ".repeat(4_000)}});
                    event
                })
                .collect();
            last = world.accept(&events).await.last().unwrap()["seq"].as_i64().unwrap();
            let mut heard = 0;
            while heard < last {
                heard = reader.next_named("event").await.data["event"]["integrity"]["seq"].as_i64().unwrap();
            }
        }
        assert_eq!(last, 1_000, "the one that reads has heard everything");
        until("the one that reads is alone", async || open(1).await.then_some(())).await;
        let code = loop {
            match socket.hear().await {
                Ok(_) => {}
                Err(code) => break code,
            }
        };
        assert_eq!(code, 4008, "a client that reads again is told why");
        let mut heard = 0;
        while let Some(frame) = idle.next().await {
            heard = frame.data["event"]["integrity"]["seq"].as_i64().unwrap_or(heard);
        }
        assert!(heard < last, "the stream broke off where it was not read");
        world.accept(&looks(1, 1)).await;
        assert_eq!(reader.next_named("event").await.data["event"]["integrity"]["seq"], 1_001);
    });
}

#[test]
fn streams_end_when_the_server_stops() {
    scenario(Setup::default(), async |world| {
        let mut socket = Socket::open(world, &world.admin).await;
        socket.catch_up("0").await;
        let mut stream = world.stream("/v1/stream/sse", &world.admin, None).await;
        let mut control = world.stream("/v1/agents/deployer/control", &world.admin, None).await;
        let began = tokio::time::Instant::now();
        world.stop().await;
        assert!(began.elapsed() < Duration::from_secs(5), "stopping took {:?}", began.elapsed());
        assert_eq!(socket.hear().await, Err(1001));
        while stream.next().await.is_some() {}
        while control.next().await.is_some() {}
        world.go_on().await;
    });
}
