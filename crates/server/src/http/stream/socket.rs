//! The feed over a WebSocket.
//!
//! The client says who it is within ten seconds, is told `ready` with a cursor, and subscribes. Without `after` it
//! hears everything since that cursor, so nothing that happens between the two is lost. Whoever does not read is
//! cut off; nobody else waits for them. Until a client said who it is, it stands at the door, where there is a
//! little room of its own: strangers take none from those who are known.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::response::Response;
use mandate_api::{ClientMessage, ServerMessage};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::feed::Feed;
use super::wanted::Wanted;
use super::{KeyWatch, SEND_WITHIN};
use crate::app::App;
use crate::auth::{Known, Rejected, Right};
use crate::http::caller::{Caller, identify, peer};
use crate::http::problem::{Code, Refused};

const UNAUTHENTICATED: u16 = 4001;
const FORBIDDEN: u16 = 4003;
const TOO_SLOW: u16 = 4008;
const GOING_AWAY: u16 = 1001;
const INTERNAL: u16 = 1011;
const TRY_AGAIN_LATER: u16 = 1013;

/// The first message must come within this.
const AUTH_WITHIN: Duration = Duration::from_secs(10);
/// A goodbye is not waited for longer than this.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
/// Nor one to a client that has still to read what was sent before it.
const CLOSE_SLOW_WITHIN: Duration = Duration::from_secs(10);
/// What a client says is short.
const MAX_MESSAGE: usize = 64 * 1024;
/// Much larger than any message; a socket that holds more unsent is not read.
const MAX_UNSENT: usize = 4 * 1024 * 1024;

/// What happens, live, over a WebSocket.
///
/// Client: `{"type":"auth","token"}` first, then `{"type":"subscribe","channels","filter","after"}`, later
/// `{"type":"refresh","token"}`. Server: `ready`, `event` with its `cursor`, `caught_up`, `reset`, `error`. Close codes:
/// 4001 unauthenticated, 4003 forbidden, 4008 too slow, 1013 as many streams as this server holds are open. See
/// `ClientMessage` and `ServerMessage`.
#[utoipa::path(
    get, path = "/v1/stream", tag = "stream", security(()),
    responses(
        (status = 101, description = "the protocol is switched"),
        (status = 400, description = "not a WebSocket handshake", body = mandate_api::Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "too many clients are about to say who they are", body = mandate_api::Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn stream(
    State(app): State<App>,
    parts: Parts,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    let upgrade = upgrade.map_err(|rejection| Refused::new(Code::InvalidRequest, rejection.body_text()))?;
    let door = app.http.door().ok_or_else(full)?;
    // Without these two a quiet socket holds 128 KB.
    let upgrade = upgrade.read_buffer_size(4_096).write_buffer_size(0).max_write_buffer_size(MAX_UNSENT);
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let mut closing = Box::pin(app.http.closing());
        let mut conversation = Conversation { app, socket, permit: None };
        let ended = tokio::select! {
            biased;
            () = &mut closing => Err(Close(GOING_AWAY, "the server is stopping".to_owned())),
            ended = conversation.hold(door, parts) => ended,
        };
        let Err(close) = ended;
        conversation.close(close).await;
    }))
}

/// The answer when no more streams fit.
pub(super) fn full() -> Refused {
    Refused::new(Code::Unavailable, "as many streams as this server holds are open; try again")
        .retry_after(mandate_core::time::SECOND.times(5))
}

/// How a conversation ends: a code and a reason. 0 when the client is gone already.
struct Close(u16, String);

const GONE: fn() -> Close = || Close(0, String::new());

struct Conversation {
    app: App,
    socket: WebSocket,
    /// The place among the open streams, once it is known who this is.
    permit: Option<OwnedSemaphorePermit>,
}

impl Conversation {
    async fn hold(&mut self, door: OwnedSemaphorePermit, parts: Parts) -> Result<Infallible, Close> {
        let caller = timeout(AUTH_WITHIN, self.authenticate(parts))
            .await
            .map_err(|_| Close(UNAUTHENTICATED, "say who you are within ten seconds".to_owned()))??;
        self.permit = self.app.http.stream();
        drop(door);
        if self.permit.is_none() {
            return Err(Close(TRY_AGAIN_LATER, full().detail().to_owned()));
        }
        self.tell(caller).await
    }

    /// Tells what happens, and listens to what the client wants.
    async fn tell(&mut self, mut caller: Caller) -> Result<Infallible, Close> {
        let rejected = |rejected: Rejected| Close(UNAUTHENTICATED, rejected.to_string());
        let mut key = KeyWatch::new(self.app.clone(), caller.key());
        let mut feed = Feed::new(self.app.clone(), Arc::clone(&caller.tenant));
        let mut subscribed = false;
        self.send(&ServerMessage::Ready { cursor: feed.position().to_string() }).await?;
        loop {
            tokio::select! {
                biased;
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => {
                        if let Some(said) = self.understand(&text).await? {
                            match said {
                                ClientMessage::Subscribe { channels, filter, after } => {
                                    let wanted = Wanted::read(channels.as_deref(), filter);
                                    subscribed |= self.subscribe(&mut feed, wanted, after).await?;
                                }
                                ClientMessage::Auth { token } | ClientMessage::Refresh { token } => {
                                    caller = self.refresh(&token, caller)?;
                                    key = KeyWatch::new(self.app.clone(), caller.key());
                                }
                            }
                        }
                    }
                    Some(Ok(Message::Binary(_))) => self.complain("invalid_message", "send text, not bytes").await?,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(GONE()),
                },
                () = key.due() => {
                    key.look_when_due().map_err(rejected)?;
                    // Finds connections that are gone without a word.
                    self.put(Message::Ping(bytes::Bytes::new())).await?;
                }
                told = feed.next(), if subscribed => match told {
                    Ok(Some(messages)) => {
                        for message in &messages {
                            key.look_when_due().map_err(rejected)?;
                            self.send(message).await?;
                        }
                    }
                    Ok(None) => return Err(Close(GOING_AWAY, "the server is stopping".to_owned())),
                    Err(refused) => {
                        tracing::warn!(detail = refused.detail(), "a stream ended: the feed could not be read");
                        return Err(Close(INTERNAL, "the feed cannot be read now; connect again".to_owned()));
                    }
                },
            }
        }
    }

    async fn authenticate(&mut self, parts: Parts) -> Result<Caller, Close> {
        let ip = peer(&parts);
        loop {
            match self.socket.recv().await {
                Some(Ok(Message::Text(text))) => {
                    let Ok(ClientMessage::Auth { token }) = serde_json::from_str(&text) else {
                        let reason = "the first message is {\"type\":\"auth\",\"token\"}";
                        return Err(Close(UNAUTHENTICATED, reason.to_owned()));
                    };
                    let known = self.known(&token, ip)?;
                    let caller = Caller::new(&self.app, known, ip, &parts);
                    return may_listen(caller.map_err(|refused| Close(INTERNAL, refused.detail().to_owned()))?);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => {
                    return Err(Close(UNAUTHENTICATED, "the first message is text".to_owned()));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(GONE()),
            }
        }
    }

    fn known(&self, token: &str, ip: Option<IpAddr>) -> Result<Arc<Known>, Close> {
        identify(&self.app, token, ip).map_err(|refused| Close(UNAUTHENTICATED, refused.detail().to_owned()))
    }

    fn refresh(&self, token: &str, mut caller: Caller) -> Result<Caller, Close> {
        let known = self.known(token, caller.ip)?;
        if known.tenant != caller.known.tenant {
            return Err(Close(FORBIDDEN, "this key opens another tenant; connect again with it".to_owned()));
        }
        caller.known = known;
        may_listen(caller)
    }

    async fn understand(&mut self, text: &str) -> Result<Option<ClientMessage>, Close> {
        match serde_json::from_str(text) {
            Ok(said) => Ok(Some(said)),
            Err(error) => {
                self.complain("invalid_message", &format!("not understood: {error}")).await?;
                Ok(None)
            }
        }
    }

    /// Says whether the client is subscribed now.
    async fn subscribe(
        &mut self,
        feed: &mut Feed,
        wanted: Result<Wanted, (&'static str, String)>,
        after: Option<String>,
    ) -> Result<bool, Close> {
        let after = after.map(|after| after.parse::<i64>()).transpose();
        match (wanted, after) {
            (Err((code, detail)), _) => self.complain(code, &detail).await.map(|()| false),
            (_, Err(_)) => {
                self.complain("invalid_cursor", "`after` is a cursor that an event had").await.map(|()| false)
            }
            (Ok(wanted), Ok(after)) => {
                if let Some(reset) = feed.want(wanted, after) {
                    self.send(&reset).await?;
                }
                Ok(true)
            }
        }
    }

    async fn complain(&mut self, code: &str, detail: &str) -> Result<(), Close> {
        self.send(&ServerMessage::Error { code: code.to_owned(), detail: detail.to_owned() }).await
    }

    async fn send(&mut self, message: &ServerMessage) -> Result<(), Close> {
        // INVARIANT: texts, integers and JSON always serialise.
        let text = serde_json::to_string(message).unwrap_or_default();
        self.put(Message::Text(text.into())).await
    }

    async fn put(&mut self, message: Message) -> Result<(), Close> {
        match timeout(SEND_WITHIN, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(GONE()),
            Err(_) => {
                Err(Close(TOO_SLOW, "messages were not read in time; connect again from the last cursor".to_owned()))
            }
        }
    }

    async fn close(mut self, Close(code, mut reason): Close) {
        if code == 0 {
            return;
        }
        let patience = if code == TOO_SLOW {
            // Who did not read holds nobody's place while it is told so.
            self.permit = None;
            CLOSE_SLOW_WITHIN
        } else {
            CLOSE_WITHIN
        };
        // A control frame holds 123 bytes of reason.
        while reason.len() > 120 {
            reason.pop();
        }
        let frame = CloseFrame { code, reason: reason.into() };
        let _ = timeout(patience, async {
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        })
        .await;
    }
}

/// Lets a caller on whose key may read; a refusal is written to the audit log, as every other one.
fn may_listen(caller: Caller) -> Result<Caller, Close> {
    match caller.may(Right::Read, "stream") {
        Ok(()) => Ok(caller),
        Err(refused) => Err(Close(FORBIDDEN, refused.detail().to_owned())),
    }
}
