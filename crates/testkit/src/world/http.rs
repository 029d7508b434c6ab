//! A small HTTP client that sends exactly what it is told to, and reads streams frame by frame.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::within;

/// Asks one server after the other; keeps connections as real clients do.
#[derive(Debug, Clone)]
pub(super) struct Http(Client<HttpConnector, Full<Bytes>>);

impl Http {
    pub(super) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// The head of an answer and the body that is still to come; none when nothing answered.
    pub(super) async fn open(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Response<Incoming>> {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).expect("a method")).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).expect("a request");
        within(&format!("the head of the answer to {method} {url}"), self.0.request(request)).await.ok()
    }

    /// A whole answer; none when nothing answered, or the answer broke off.
    pub(super) async fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
        let (head, body) = self.open(method, url, headers, body).await?.into_parts();
        let body = within("the rest of an answer", body.collect()).await.ok()?.to_bytes();
        Some(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// Somebody who goes on sending while the world changes.
#[derive(Debug, Clone)]
pub struct Sender {
    http: Http,
    url: String,
    bearer: String,
}

impl Sender {
    pub(super) fn new(http: Http, url: String, key: &str) -> Self {
        Self { http, url, bearer: format!("Bearer {key}") }
    }

    /// Submits one event or a list; none when no whole answer came.
    pub async fn post(&self, events: &Value) -> Option<Answer> {
        let headers = [("authorization", self.bearer.as_str()), ("content-type", "application/json")];
        self.http.send("POST", &self.url, &headers, events.to_string().as_bytes()).await
    }
}

/// A whole answer.
#[derive(Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.text())
    }
}

impl Answer {
    /// Its body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Its body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The body's lines as JSON. A line ends with a newline and with nothing else.
    ///
    /// # Panics
    /// When one is not JSON.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).expect("a line of JSON")).collect()
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The code of a problem, empty when it is none.
    #[must_use]
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let kind = body["type"].as_str().unwrap_or_default();
        kind.strip_prefix("urn:mandate:problem:").unwrap_or_default().to_owned()
    }

    /// What each submitted item was answered, in order.
    #[must_use]
    pub fn results(&self) -> Vec<Value> {
        self.json()["results"].as_array().cloned().unwrap_or_default()
    }

    /// The same in a word each, an invalid one with the pointer and code of its first error.
    #[must_use]
    pub fn statuses(&self) -> Vec<String> {
        let one = |result: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            match result["errors"].get(0) {
                Some(error) => {
                    format!("{} {} {}", text(&result["status"]), text(&error["pointer"]), text(&error["code"]))
                }
                None => text(&result["status"]),
            }
        };
        self.results().iter().map(one).collect()
    }
}

/// A stream of server-sent events.
#[derive(Debug)]
pub struct Frames {
    body: Incoming,
    unread: Vec<u8>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// `event:`
    pub name: String,
    /// `id:`, empty without.
    pub id: String,
    /// `data:`
    pub data: Value,
}

impl Frames {
    pub(super) fn new(body: Incoming) -> Self {
        Self { body, unread: Vec::new() }
    }

    /// The next one; comments are passed over. None once the stream ended.
    ///
    /// # Panics
    /// When none comes within the world's patience.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let rest = self.unread.split_off(end + 2);
                let text = String::from_utf8(std::mem::replace(&mut self.unread, rest)).expect("UTF-8");
                if let Some(frame) = read(&text) {
                    return Some(frame);
                }
                continue;
            }
            let more = within("the next frame of a stream", self.body.frame()).await?.ok()?;
            self.unread.extend_from_slice(&more.into_data().unwrap_or_default());
        }
    }

    /// The next one with this name; others are passed over.
    ///
    /// # Panics
    /// When the stream ends first.
    pub async fn next_named(&mut self, name: &str) -> Frame {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("the stream ended before `{name}`"));
            if frame.name == name {
                return frame;
            }
        }
    }
}

fn read(text: &str) -> Option<Frame> {
    let member = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.strip_prefix(' ').unwrap_or(line).to_owned())
    };
    let data = serde_json::from_str(&member("data")?).expect("JSON in a frame");
    Some(Frame { name: member("event").unwrap_or_default(), id: member("id").unwrap_or_default(), data })
}
