//! Socket Mode: tickets, links, envelopes and their acknowledgements.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::serve::{Answer, text};
use super::state::Shared;

/// The most sockets an app may hold at once.
const LINKS: usize = 10;
/// Between two pings.
const PING: Duration = Duration::from_secs(5);

/// Why a socket is told to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Disconnect {
    /// It will be closed soon.
    Warning,
    /// It has lived long enough.
    RefreshRequested,
    /// Socket Mode was switched off.
    LinkDisabled,
}

/// The open sockets, and what waits for their acknowledgement.
#[derive(Default)]
pub(super) struct Links {
    tickets: HashSet<String>,
    open: Vec<Link>,
    waiting: HashMap<String, oneshot::Sender<Value>>,
    last: u64,
}

struct Link {
    number: u64,
    frames: mpsc::UnboundedSender<Option<String>>,
    /// Whether it was told to go, and gets nothing any more while another is there.
    leaving: bool,
}

impl Links {
    /// A ticket for one socket; none when there are as many as there may be.
    pub(super) fn ticket(&mut self) -> Option<String> {
        if self.open.len() >= LINKS {
            return None;
        }
        self.last += 1;
        let ticket = format!("ticket-{}", self.last);
        self.tickets.insert(ticket.clone());
        Some(ticket)
    }

    pub(super) fn count(&self) -> usize {
        self.open.len()
    }

    /// Sends a payload in an envelope of its own; the acknowledgement comes through what is returned. Nothing when
    /// no socket is open.
    pub(super) fn send(&mut self, kind: &str, payload: &Value, retry: bool) -> Option<oneshot::Receiver<Value>> {
        self.last += 1;
        let number = self.last;
        let fresh = self.open.iter().rev().find(|link| !link.leaving);
        let link = fresh.or(self.open.last())?;
        let id = format!("envelope-{number}");
        let mut envelope =
            json!({"envelope_id": id, "type": kind, "payload": payload, "accepts_response_payload": true});
        if retry {
            envelope["retry_attempt"] = json!(1);
            envelope["retry_reason"] = json!("timeout");
        }
        link.frames.send(Some(envelope.to_string())).ok()?;
        let (acknowledge, acknowledged) = oneshot::channel();
        self.waiting.insert(id, acknowledge);
        Some(acknowledged)
    }

    pub(super) fn disconnect(&mut self, reason: Disconnect) {
        let frame = json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "standin"}}).to_string();
        for link in &mut self.open {
            link.leaving = true;
            link.frames.send(Some(frame.clone())).ok();
        }
    }

    /// Closes every socket at once.
    pub(super) fn close(&mut self) {
        for link in &self.open {
            link.frames.send(None).ok();
        }
    }

    fn acknowledge(&mut self, said: &Value) {
        let waiting = said["envelope_id"].as_str().and_then(|id| self.waiting.remove(id));
        if let Some(waiting) = waiting {
            waiting.send(said["payload"].clone()).ok();
        }
    }
}

/// Answers the request for a socket; what comes with 101 becomes the socket.
pub(super) fn greet(shared: &Shared, request: &mut Request<Incoming>) -> (Answer, Option<OnUpgrade>) {
    let query = request.uri().query().unwrap_or_default();
    let ticket = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "ticket");
    let admitted = ticket.is_some_and(|(_, ticket)| shared.state().links.tickets.remove(ticket.as_ref()));
    let key = request.headers().get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let key = key.and_then(|key| HeaderValue::try_from(key).ok());
    let (Some(key), true) = (key, admitted) else {
        return (text(404, "text/plain", "no such ticket".to_owned()), None);
    };
    let mut answer = text(200, "text/plain", String::new());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.clear();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    (answer, Some(hyper::upgrade::on(request)))
}

/// Runs one socket until either side closes it.
pub(super) async fn run(shared: Arc<Shared>, stream: TokioIo<Upgraded>) {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    let (frames, mut to_send) = mpsc::unbounded_channel();
    let entry = Entry::new(shared, frames);
    let mut ping = tokio::time::interval(PING);
    loop {
        let sent = tokio::select! {
            biased;
            frame = to_send.recv() => match frame.flatten() {
                Some(frame) => socket.send(Message::text(frame)).await,
                None => socket.close(None).await,
            },
            heard = socket.next() => match heard {
                Some(Ok(Message::Text(said))) => {
                    let said = serde_json::from_str(&said).unwrap_or_default();
                    entry.shared.state().links.acknowledge(&said);
                    Ok(())
                }
                Some(Ok(_)) => Ok(()),
                Some(Err(_)) | None => return,
            },
            _ = ping.tick() => socket.send(Message::Ping("standin".into())).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// A socket's place among the open ones, given up when it is dropped.
struct Entry {
    shared: Arc<Shared>,
    number: u64,
}

impl Entry {
    fn new(shared: Arc<Shared>, frames: mpsc::UnboundedSender<Option<String>>) -> Self {
        let mut state = shared.state();
        let hello = json!({
            "type": "hello",
            "num_connections": state.links.open.len() + 1,
            "debug_info": {"host": "standin", "build_number": 1, "approximate_connection_time": 18_060},
            "connection_info": {"app_id": state.workspace.app.id},
        });
        frames.send(Some(hello.to_string())).ok();
        state.links.last += 1;
        let number = state.links.last;
        state.links.open.push(Link { number, frames, leaving: false });
        drop(state);
        shared.changed();
        Self { shared, number }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.shared.state().links.open.retain(|link| link.number != self.number);
        self.shared.changed();
    }
}
