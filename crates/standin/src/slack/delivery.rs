//! Carrying an interaction to the app: signed over HTTP, or in an envelope through a socket, and timed.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::state::Shared;

/// The largest answer read, in bytes.
const ANSWER_BYTES: usize = 1 << 20;

/// An interaction as it was sent, and how each sending went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Delivery {
    /// Which way it went.
    pub route: Route,
    /// What it told, before it was put into a form.
    pub payload: Value,
    /// Opens a view once, within three seconds.
    pub trigger_id: String,
    /// Takes up to five messages within half an hour; empty for a view.
    pub response_url: String,
    /// One, or two when it was doubled.
    pub attempts: Vec<Attempt>,
}

impl Delivery {
    /// Whether the first sending was acknowledged in time.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.attempts.first().is_some_and(|attempt| attempt.acknowledged)
    }

    /// The first sending.
    ///
    /// # Panics
    /// Never: there is one always.
    #[must_use]
    pub fn first(&self) -> &Attempt {
        &self.attempts[0]
    }
}

/// Which way an interaction goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Posted to a URL with these headers and this body, byte for byte.
    Http {
        /// The whole address.
        url: String,
        /// Content type, signature and timestamp.
        headers: Vec<(String, String)>,
        /// A form.
        body: String,
    },
    /// In an envelope of this type.
    Socket {
        /// `interactive` or `slash_commands`.
        envelope: String,
    },
}

/// One sending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Whether a 2xx, or an acknowledgement of the envelope, came in time.
    pub acknowledged: bool,
    /// The HTTP status, if one came in time.
    pub status: Option<u16>,
    /// What was answered: the body, or the payload of the acknowledgement.
    pub body: String,
    /// How long it took; never more than the workspace's patience.
    pub took: Duration,
}

/// `X-Slack-Signature` of a body, sent at a time in Unix seconds.
#[must_use]
pub fn sign(secret: &str, timestamp: i64, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        unreachable!("HMAC takes keys of any length");
    };
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body.as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

/// Sends it once; `again` marks a repetition.
pub(super) async fn carry(shared: &Shared, route: &Route, payload: &Value, again: bool) -> Attempt {
    let began = Instant::now();
    let heard = match route {
        Route::Http { url, headers, body } => {
            let answer = timeout(shared.patience, post(url, headers, body)).await;
            answer.ok().flatten().map(|(status, body)| (Some(status), body))
        }
        Route::Socket { envelope } => {
            let waiting = shared.state().links.send(envelope, payload, again);
            let answer = match waiting {
                Some(waiting) => timeout(shared.patience, waiting).await.ok().and_then(Result::ok),
                None => None,
            };
            answer.map(|payload| (None, if payload.is_null() { String::new() } else { payload.to_string() }))
        }
    };
    let took = began.elapsed();
    match heard {
        Some((status, body)) => {
            Attempt { acknowledged: status.is_none_or(|status| (200..300).contains(&status)), status, body, took }
        }
        None => Attempt { acknowledged: false, status: None, body: String::new(), took },
    }
}

/// Posts over a connection of its own; nothing when no whole answer comes.
async fn post(url: &str, headers: &[(String, String)], body: &str) -> Option<(u16, String)> {
    let url: Uri = url.parse().ok().filter(|url: &Uri| url.scheme_str() == Some("http"))?;
    let authority = url.authority()?;
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::post(path).header("host", authority.as_str());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).ok()?;
    let exchange = async {
        let response = sender.send_request(request).await.ok()?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await.ok()?.to_bytes();
        Some((status, String::from_utf8_lossy(&body).into_owned()))
    };
    tokio::pin!(exchange, connection);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        // The answer may have been read whole before the connection ended.
        _ = &mut connection => exchange.await,
    }
}

/// A form of these fields.
pub(super) fn form<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Turns bytes into something that looks like a signature and is none.
pub(super) fn spoil(signature: &str) -> String {
    let mut spoilt = String::from("v0=");
    for letter in signature.trim_start_matches("v0=").chars() {
        let digit = letter.to_digit(16).unwrap_or_default();
        // Writing to a string cannot fail.
        write!(spoilt, "{:x}", 15 - digit).ok();
    }
    spoilt
}
