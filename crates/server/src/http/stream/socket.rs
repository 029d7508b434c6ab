//! The feed over a WebSocket.
//!
//! The client says who it is within ten seconds, is told `ready` with a cursor, and subscribes. Without `after` it
//! hears everything since that cursor, so nothing that happens between the two is lost. Whoever does not read is
//! cut off; nobody else waits for them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::Extensions;
use axum::response::Response;
use mandate_api::{ClientMessage, ServerMessage};
use tokio::time::{MissedTickBehavior, timeout};

use super::feed::Feed;
use super::wanted::Wanted;
use crate::app::App;
use crate::auth::{KEY_CHECKED_EVERY, Known, Right};
use crate::http::caller::identify;
use crate::http::problem::{Code, Refused};

const UNAUTHENTICATED: u16 = 4001;
const FORBIDDEN: u16 = 4003;
const TOO_SLOW: u16 = 4008;
const GOING_AWAY: u16 = 1001;
const INTERNAL: u16 = 1011;

/// The first message must come within this.
const AUTH_WITHIN: Duration = Duration::from_secs(10);
/// One message must be taken within this.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// A goodbye is not waited for longer than this.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
/// What a client says is short.
const MAX_MESSAGE: usize = 64 * 1024;
/// Much larger than any message; a socket that holds more unsent is not read.
const MAX_UNSENT: usize = 4 * 1024 * 1024;

/// What happens, live, over a WebSocket.
///
/// Client: `{"type":"auth","token"}` first, then `{"type":"subscribe","channels","filter","after"}`, later
/// `{"type":"refresh","token"}`. Server: `ready`, `event` with its `cursor`, `caught_up`, `reset`, `error`. Close codes:
/// 4001 unauthenticated, 4003 forbidden, 4008 too slow. See `ClientMessage` and `ServerMessage`.
#[utoipa::path(
    get, path = "/v1/stream", tag = "stream", security(()),
    responses(
        (status = 101, description = "the protocol is switched"),
        (status = 400, description = "not a WebSocket handshake", body = mandate_api::Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "never: who it is, the client says in its first message"),
        (status = 503, description = "as many streams as this server holds are open", body = mandate_api::Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn stream(
    State(app): State<App>,
    extensions: Extensions,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    let upgrade = upgrade.map_err(|rejection| Refused::new(Code::InvalidRequest, rejection.body_text()))?;
    let permit = app.http.stream().ok_or_else(full)?;
    let ip = extensions.get::<ConnectInfo<std::net::SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    // Without these two a quiet socket holds 128 KB.
    let upgrade = upgrade.read_buffer_size(4_096).write_buffer_size(0).max_write_buffer_size(MAX_UNSENT);
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let mut conversation = Conversation { app, socket, ip };
        if let Err(Close(code, reason)) = conversation.hold().await {
            conversation.close(code, reason).await;
        }
        drop(permit);
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
    ip: Option<std::net::IpAddr>,
}

impl Conversation {
    async fn hold(&mut self) -> Result<(), Close> {
        let mut closing = Box::pin(self.app.http.closing());
        let mut known = timeout(AUTH_WITHIN, self.authenticate())
            .await
            .map_err(|_| Close(UNAUTHENTICATED, "say who you are within ten seconds".to_owned()))??;
        let tenant = self.app.tenants.get(&known.tenant).map(Arc::clone);
        let tenant = tenant.ok_or_else(|| Close(INTERNAL, "the key's tenant is not loaded".to_owned()))?;
        let mut feed = Feed::new(self.app.clone(), tenant);
        let mut subscribed = false;
        self.send(&ServerMessage::Ready { cursor: feed.position().to_string() }).await?;
        let mut check = tokio::time::interval(KEY_CHECKED_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = &mut closing => return Err(Close(GOING_AWAY, "the server is stopping".to_owned())),
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => {
                        if let Some(said) = self.understand(&text).await? {
                            match said {
                                ClientMessage::Subscribe { channels, filter, after } => {
                                    let wanted = Wanted::read(channels.as_deref(), filter);
                                    subscribed |= self.subscribe(&mut feed, wanted, after).await?;
                                }
                                ClientMessage::Auth { token } | ClientMessage::Refresh { token } => {
                                    known = self.refresh(&token, &known)?;
                                }
                            }
                        }
                    }
                    Some(Ok(Message::Binary(_))) => self.complain("invalid_message", "send text, not bytes").await?,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(GONE()),
                },
                _ = check.tick() => {
                    let rejected = |rejected: crate::auth::Rejected| Close(UNAUTHENTICATED, rejected.to_string());
                    self.app.keys.in_force(&known.row.hash, self.app.env.now()).map_err(rejected)?;
                    // Finds connections that are gone without a word.
                    self.put(Message::Ping(bytes::Bytes::new())).await?;
                }
                told = feed.next(), if subscribed => match told {
                    Ok(Some(messages)) => {
                        for message in &messages {
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

    async fn authenticate(&mut self) -> Result<Arc<Known>, Close> {
        loop {
            match self.socket.recv().await {
                Some(Ok(Message::Text(text))) => {
                    let Ok(ClientMessage::Auth { token }) = serde_json::from_str(&text) else {
                        let reason = "the first message is {\"type\":\"auth\",\"token\"}";
                        return Err(Close(UNAUTHENTICATED, reason.to_owned()));
                    };
                    return self.known(&token);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => {
                    return Err(Close(UNAUTHENTICATED, "the first message is text".to_owned()));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(GONE()),
            }
        }
    }

    fn known(&self, token: &str) -> Result<Arc<Known>, Close> {
        let known = identify(&self.app, token, self.ip);
        let known = known.map_err(|refused| Close(UNAUTHENTICATED, refused.detail().to_owned()))?;
        if !Right::Read.is_given_by(known.row.scope) {
            let needed = Right::Read.needed();
            return Err(Close(FORBIDDEN, format!("the stream takes a key with scope {needed}")));
        }
        Ok(known)
    }

    fn refresh(&self, token: &str, before: &Known) -> Result<Arc<Known>, Close> {
        let known = self.known(token)?;
        if known.tenant != before.tenant {
            return Err(Close(FORBIDDEN, "this key opens another tenant; connect again with it".to_owned()));
        }
        Ok(known)
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

    async fn close(&mut self, code: u16, mut reason: String) {
        if code == 0 {
            return;
        }
        // A control frame holds 123 bytes of reason.
        while reason.len() > 120 {
            reason.pop();
        }
        let frame = CloseFrame { code, reason: reason.into() };
        let _ = timeout(CLOSE_WITHIN, async {
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        })
        .await;
    }
}
