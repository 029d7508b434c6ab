//! The calls: one attempt each, to the end within the configured time.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method as Verb, Request, StatusCode, Uri};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::Slack;
use super::address::Receipt;
use super::answer::{self, Failure};
use super::block::Block;
use super::message::Message;
use super::method::Method;
use super::token::Token;
use super::view::View;
use crate::http::address;
use crate::http::guard::forbidden;
use crate::http::innermost;

/// The most that is read of an answer: Slack sends the message back.
const ANSWER_BYTES: usize = 1024 * 1024;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("Mandate/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Who the token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The workspace's id, `T…`.
    pub team: String,
    /// The workspace's name.
    pub team_name: String,
    /// The app's user, `U…`.
    pub user: String,
}

/// What an answer to a response URL does with the message that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Leaves it, and tells only the one who pressed.
    Whisper,
    /// Puts the answer in its place.
    Replace,
}

#[derive(Serialize)]
struct Posted<'a> {
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<&'a str>,
    #[serde(flatten)]
    message: &'a Message,
    unfurl_links: bool,
    unfurl_media: bool,
}

#[derive(Serialize)]
struct Replied<'a> {
    response_type: &'static str,
    replace_original: bool,
    text: &'a str,
    blocks: &'a [Block],
}

#[derive(Serialize)]
struct Opened<'a> {
    trigger_id: &'a str,
    view: &'a View,
}

impl Slack {
    /// Posts a message into `channel`: a channel's id, or a person's for a direct message. Under another message
    /// when its time stamp is given as `thread`.
    ///
    /// # Errors
    /// What came of it instead. When it is ambiguous the message may stand there; a second post doubles it. The
    /// receipt may still come with a press ([`super::inbound::Press::message`]) or with
    /// [`super::inbound::Inbound::Seen`]; whoever would rather have it twice than not at all posts again.
    pub async fn post(&self, channel: &str, thread: Option<&str>, message: &Message) -> Result<Receipt, Failure> {
        let body = Posted { thread_ts: thread, ..posted(channel, message) };
        let told = self.call(Method::PostMessage, &body).await?;
        receipt(&told).ok_or_else(|| Failure::unanswered("slack gave no receipt for the message".to_owned(), true))
    }

    /// Replaces a message that was posted. May be repeated: the same content again changes nothing.
    ///
    /// # Errors
    /// What came of it instead.
    pub async fn update(&self, at: &Receipt, message: &Message) -> Result<Receipt, Failure> {
        let body = Posted { ts: Some(&at.ts), ..posted(&at.channel, message) };
        let told = self.call(Method::UpdateMessage, &body).await?;
        Ok(receipt(&told).unwrap_or_else(|| at.clone()))
    }

    /// Shows a message in `channel` to `user` only, until they reload.
    ///
    /// # Errors
    /// What came of it instead.
    pub async fn post_ephemeral(&self, channel: &str, user: &str, message: &Message) -> Result<(), Failure> {
        let message = Message { metadata: None, ..message.clone() };
        let body = Posted { user: Some(user), ..posted(channel, &message) };
        self.call(Method::PostEphemeral, &body).await.map(drop)
    }

    /// Opens a modal for the one whose press gave `trigger_id`, within three seconds of it.
    ///
    /// # Errors
    /// What came of it instead; a trigger that is too old is refused.
    pub async fn open_view(&self, trigger_id: &str, view: &View) -> Result<(), Failure> {
        self.call(Method::OpenView, &Opened { trigger_id, view }).await.map(drop)
    }

    /// Says whose token it is.
    ///
    /// # Errors
    /// What came of it instead; a token that is not accepted is [`mandate_core::delivery::Answer::Broken`].
    pub async fn test_auth(&self) -> Result<Identity, Failure> {
        let told = self.call(Method::TestAuth, &serde_json::Map::new()).await?;
        let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Identity { team: text("team_id"), team_name: text("team"), user: text("user_id") })
    }

    /// Answers a press, modal or command at the URL that came with it: five times at most, within half an hour.
    ///
    /// # Errors
    /// What came of it instead; a URL that is used up is refused.
    pub async fn respond(&self, response_url: &str, reply: Reply, message: &Message) -> Result<(), Failure> {
        let (uri, host) = address::read(response_url, self.reach).map_err(|why| {
            Failure::refused(format!("the response url `{}` {why}", address::without_secrets(response_url)))
        })?;
        let (response_type, replace_original) = match reply {
            Reply::Whisper => ("ephemeral", false),
            Reply::Replace => ("in_channel", true),
        };
        let Message { text, blocks, .. } = message;
        let body = body(&Replied { response_type, replace_original, text, blocks })?;
        let (status, headers, told) = self.exchange(uri, host, None, body).await?;
        answer::responded(status, &headers, &told)
    }

    /// The address of a Socket Mode connection, to be used once.
    pub(super) async fn open_connection(&self, app_token: &Token) -> Result<String, Failure> {
        let told = self.send(Method::OpenConnection, app_token, Bytes::from_static(b"{}")).await?;
        let url = told.get("url").and_then(Value::as_str).map(str::to_owned);
        url.ok_or_else(|| Failure::unanswered("slack gave no address to connect to".to_owned(), false))
    }

    async fn call(&self, method: Method, arguments: &impl Serialize) -> Result<Value, Failure> {
        self.send(method, &self.token, body(arguments)?).await
    }

    async fn send(&self, method: Method, token: &Token, body: Bytes) -> Result<Value, Failure> {
        let uri: Uri = format!("{}{}", self.base, method.as_str())
            .parse()
            .map_err(|_| Failure::refused(format!("`{}` cannot be called", method.as_str())))?;
        let (status, headers, told) = self.exchange(uri, self.host.clone(), Some(token), body).await?;
        answer::read(status, &headers, &told)
    }

    async fn exchange(
        &self,
        uri: Uri,
        host: HeaderValue,
        token: Option<&Token>,
        body: Bytes,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Failure> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Verb::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(HOST, host);
        headers.insert(USER_AGENT, AGENT);
        headers.insert(CONTENT_TYPE, JSON);
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, token.header());
        }
        let late = || Failure::unanswered(format!("no answer within {} ms", self.timeout.as_millis()), true);
        let deadline = Instant::now() + self.timeout;
        let asked = timeout_at(deadline, self.client.request(self.reach, request)).await.map_err(|_| late())?;
        let (head, rest) = asked.map_err(|error| self.failed(&error))?.into_parts();
        let rest = timeout_at(deadline, Limited::new(rest, ANSWER_BYTES).collect()).await.map_err(|_| late())?;
        let told =
            rest.map_err(|error| Failure::unanswered(format!("the answer broke off: {}", innermost(&*error)), true))?;
        Ok((head.status, head.headers, told.to_bytes()))
    }

    fn failed(&self, error: &hyper_util::client::legacy::Error) -> Failure {
        if let Some(forbidden) = forbidden(error) {
            return Failure::refused(forbidden.to_string());
        }
        let connecting = error.is_connect();
        let what = if connecting { "cannot connect to slack" } else { "the connection to slack broke" };
        Failure::unanswered(format!("{what}: {}", innermost(error)), !connecting)
    }
}

fn posted<'a>(channel: &'a str, message: &'a Message) -> Posted<'a> {
    Posted { channel, ts: None, user: None, thread_ts: None, message, unfurl_links: false, unfurl_media: false }
}

fn receipt(told: &Value) -> Option<Receipt> {
    let text = |name: &str| told.get(name)?.as_str().map(str::to_owned);
    Some(Receipt { channel: text("channel")?, ts: text("ts")? })
}

fn body(arguments: &impl Serialize) -> Result<Bytes, Failure> {
    let bytes = serde_json::to_vec(arguments);
    bytes.map(Bytes::from).map_err(|error| Failure::refused(format!("the call cannot be written: {error}")))
}
