//! Socket Mode.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use mandate_standin::slack::socket::Disconnect;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::Desk;
use crate::app::App;

struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn open(desk: &Desk) -> Self {
        Self::connect(&url(desk).await).await.unwrap()
    }

    async fn connect(url: &str) -> Option<Self> {
        let address = url.trim_start_matches("ws://").split('/').next().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let mut socket = Self(client_async(url, stream).await.ok()?.0);
        let hello = socket.next().await.unwrap();
        assert_eq!((&hello["type"], &hello["connection_info"]["app_id"]), (&json!("hello"), &json!("A0MANDATE")));
        Some(socket)
    }

    /// The next text, nothing when the socket was closed.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => (),
            }
        }
    }

    async fn acknowledge(&mut self, payload: Option<Value>) -> Value {
        let envelope = self.next().await.unwrap();
        let mut said = json!({"envelope_id": envelope["envelope_id"]});
        if let Some(payload) = payload {
            said["payload"] = payload;
        }
        self.0.send(Message::text(said.to_string())).await.unwrap();
        envelope
    }
}

async fn url(desk: &Desk) -> String {
    let opened = desk.call_as("xapp-standin", "apps.connections.open", json!({})).await.unwrap().body;
    opened["url"].as_str().unwrap_or_else(|| panic!("{opened}")).to_owned()
}

#[tokio::test]
async fn an_address_opens_one_socket() {
    let desk = Desk::new().await;
    assert_eq!(desk.refused("apps.connections.open", json!({})).await, "not_allowed_token_type");
    let url = url(&desk).await;
    let mut open = vec![Socket::connect(&url).await.unwrap()];
    assert!(Socket::connect(&url).await.is_none(), "an address is good for one socket");
    while open.len() < 10 {
        open.push(Socket::open(&desk).await);
    }
    let eleventh = desk.call_as("xapp-standin", "apps.connections.open", json!({})).await.unwrap().body;
    assert_eq!(eleventh["error"], "too_many_websockets");
    drop(open);
    desk.slack.until(|slack| slack.sockets() == 0).await;
}

#[tokio::test]
async fn interactions_go_through_the_socket_and_are_timed() {
    let (desk, app) = (Desk::new().await, App::new().await);
    desk.slack.set_interactivity_url(&app.url);
    let ts = desk.post_buttons().await;
    let mut socket = Socket::open(&desk).await;
    let press = || desk.slack.press("U0ALICE", &ts, "ack");
    let (delivery, envelope) = tokio::join!(press().send(), socket.acknowledge(None));
    let delivery = delivery.unwrap();
    assert!(delivery.is_acknowledged() && app.seen().is_empty());
    assert_eq!((&envelope["type"], &envelope["payload"]), (&json!("interactive"), &delivery.payload));
    assert_eq!(envelope["accepts_response_payload"], true);

    let shown = json!({"text": "2 agents"});
    let command = desk.slack.command("U0BOB", "ops", "/mandate", "status").send();
    let (delivery, envelope) = tokio::join!(command, socket.acknowledge(Some(shown)));
    assert!(delivery.unwrap().is_acknowledged());
    assert_eq!((&envelope["type"], &envelope["payload"]["text"]), (&json!("slash_commands"), &json!("status")));
    assert_eq!(desk.slack.ephemerals("U0BOB")[0].content.text, "2 agents");

    let doubled = async { (socket.acknowledge(None).await, socket.acknowledge(None).await) };
    let (delivery, (first, second)) = tokio::join!(press().twice().send(), doubled);
    assert_eq!((delivery.unwrap().attempts.len(), &first["payload"]), (2, &second["payload"]));
    assert_ne!(first["envelope_id"], second["envelope_id"]);
    assert_eq!((&first["retry_attempt"], &second["retry_attempt"]), (&Value::Null, &json!(1)));

    let unheard = press().send().await.unwrap();
    assert!(!unheard.is_acknowledged() && unheard.first().took >= Duration::from_millis(400));
    assert!(press().over_http().send().await.unwrap().is_acknowledged());
    assert_eq!(app.seen().len(), 1);
}

#[tokio::test]
async fn a_socket_is_told_to_go_and_another_takes_its_place() {
    let desk = Desk::new().await;
    let ts = desk.post_buttons().await;
    let mut old = Socket::open(&desk).await;
    for (reason, name) in [
        (Disconnect::Warning, "warning"),
        (Disconnect::RefreshRequested, "refresh_requested"),
        (Disconnect::LinkDisabled, "link_disabled"),
    ] {
        desk.slack.disconnect(reason);
        let told = old.next().await.unwrap();
        assert_eq!((&told["type"], &told["reason"]), (&json!("disconnect"), &json!(name)));
    }
    let press = || desk.slack.press("U0ALICE", &ts, "ack").send();
    let (delivery, _) = tokio::join!(press(), old.acknowledge(None));
    assert!(delivery.unwrap().is_acknowledged(), "until there is another, the old one is used");
    let mut new = Socket::open(&desk).await;
    let (delivery, _) = tokio::join!(press(), new.acknowledge(None));
    assert!(delivery.unwrap().is_acknowledged());

    desk.slack.close_sockets();
    assert_eq!((old.next().await, new.next().await), (None, None));
    let mut open = Socket::open(&desk).await;
    desk.slack.set_down(true);
    assert_eq!(open.next().await, None);
    desk.slack.until(|slack| slack.sockets() == 0).await;
}
