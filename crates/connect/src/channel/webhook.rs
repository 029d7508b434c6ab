//! The webhook channel: Standard Webhooks over HTTPS. `webhook/README.md` is the contract.
//!
//! The extension point for everything Mandate has no adapter for. An attempt is signed anew each time, under
//! the same id, so that the receiver can tell a repeat from a second notice.

mod answer;
pub mod body;
pub mod secret;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Uri};
use tokio::time::{Instant, timeout_at};

use crate::Error;
use crate::http::guard::{Reach, forbidden};
use crate::http::{HttpClient, address, innermost};
use mandate_core::delivery::Answer;
use secret::Secret;

/// The time an attempt may take when the configuration does not say: far below the outbox lease of 15 s.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// An answer's body is read this far, so that its connection can be used again; nothing in it is looked at.
const ANSWER_BYTES: usize = 64 * 1024;

/// The longest a slow body is waited for once the head has said everything.
const ANSWER_GRACE: Duration = Duration::from_millis(250);

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("Mandate/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// One endpoint, as `mandate.yaml` configures it.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// The channel's name, for errors.
    pub name: String,
    /// Where to post: `https://`, or `http://` when `allow_private`.
    pub url: String,
    /// What to sign with, the newest first; several while a secret is being rotated. At least one.
    pub secrets: Vec<Secret>,
    /// Whether loopback and private addresses may be reached.
    pub allow_private: bool,
    /// The longest one attempt may take, connection and answer together: 100 ms to 10 s.
    pub timeout: Duration,
}

/// A webhook channel, ready to send. Cheap to clone; all clones share the client's connections.
#[derive(Clone)]
pub struct Webhook {
    uri: Uri,
    /// The headers that every request has.
    headers: HeaderMap,
    secrets: Vec<Secret>,
    reach: Reach,
    timeout: Duration,
    client: HttpClient,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Webhook").field(&self.uri.host().unwrap_or_default()).finish()
    }
}

impl Webhook {
    /// Checks a configuration and prepares everything that is the same for each attempt. Opens no connection.
    ///
    /// # Errors
    /// What can never work: a malformed or unencrypted address, one that the guard would refuse, no secret, a timeout out of range.
    pub fn new(config: WebhookConfig, client: HttpClient) -> Result<Self, Error> {
        let reach = if config.allow_private { Reach::Private } else { Reach::Public };
        let (uri, host) = address::read(&config.url, reach).map_err(|why| Error::Url {
            channel: config.name.clone(),
            url: address::without_secrets(&config.url),
            why,
        })?;
        if config.secrets.is_empty() {
            let why = "no secret is set; an unsigned webhook cannot be trusted by its receiver".to_owned();
            return Err(Error::Secret { channel: config.name, why });
        }
        if !(Duration::from_millis(100)..=Duration::from_secs(10)).contains(&config.timeout) {
            return Err(Error::Timeout { channel: config.name, millis: config.timeout.as_millis() });
        }
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(HOST, host);
        headers.insert(USER_AGENT, AGENT);
        headers.insert(CONTENT_TYPE, JSON);
        Ok(Self { uri, headers, secrets: config.secrets, reach, timeout: config.timeout, client })
    }

    /// Makes one attempt to deliver `body`, signed for the moment `at` (Unix seconds).
    ///
    /// `id` is the notification's, the same over all attempts: visible ASCII without `.`.
    /// Ends within the configured timeout, whatever the endpoint does.
    pub async fn send(&self, id: &str, at: i64, body: Bytes) -> Answer {
        let Some(request) = self.request(id, at, body) else {
            return Answer::Refused { why: format!("`{id}` cannot be a webhook id; use visible ASCII without `.`") };
        };
        let deadline = Instant::now() + self.timeout;
        match timeout_at(deadline, self.client.request(self.reach, request)).await {
            Err(_) => Answer::Retry { after: None, why: format!("no answer within {} ms", self.timeout.as_millis()) },
            Ok(Err(error)) => self.failed(&error),
            Ok(Ok(answer)) => {
                let outcome = answer::read(answer.status(), answer.headers(), at);
                drain(answer.into_body(), deadline).await;
                outcome
            }
        }
    }

    fn request(&self, id: &str, at: i64, body: Bytes) -> Option<Request<Full<Bytes>>> {
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.') {
            return None;
        }
        let timestamp = at.to_string();
        let mut signature = String::with_capacity(48 * self.secrets.len());
        for secret in &self.secrets {
            if !signature.is_empty() {
                signature.push(' ');
            }
            secret.sign_into(id, &timestamp, &body, &mut signature);
        }
        let mut headers = self.headers.clone();
        headers.insert(WEBHOOK_ID, HeaderValue::from_str(id).ok()?);
        headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::try_from(timestamp).ok()?);
        headers.insert(WEBHOOK_SIGNATURE, HeaderValue::try_from(signature).ok()?);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers;
        Some(request)
    }

    fn failed(&self, error: &hyper_util::client::legacy::Error) -> Answer {
        if let Some(forbidden) = forbidden(error) {
            return Answer::Refused { why: forbidden.to_string() };
        }
        let host = self.uri.host().unwrap_or_default();
        let what = if error.is_connect() { "cannot connect to" } else { "the connection broke while talking to" };
        Answer::Retry { after: None, why: format!("{what} `{host}`: {}", innermost(error)) }
    }
}

/// Reads a bounded part of a body, so that the connection is free for the next request; gives it up otherwise.
async fn drain(mut body: Incoming, deadline: Instant) {
    if body.is_end_stream() {
        return;
    }
    let until = deadline.min(Instant::now() + ANSWER_GRACE);
    let mut left = ANSWER_BYTES;
    while let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await {
        let read = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(read) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
