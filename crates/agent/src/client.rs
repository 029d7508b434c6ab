//! HTTP to the server: one client for the wrapper, the hooks and the command line.
//!
//! Connections are kept alive. Every request has a time limit; a stream has none, but a silent one counts as broken,
//! since the server sends a comment every 15 s. Errors say what happened, where, and what to do ([`Error`]).

mod error;
pub mod sse;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use mandate_api::{Control, OutcomeReport, Problem, SubmitResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use uuid::Uuid;

pub use error::Error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The server's streams are never silent for longer than 15 s.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(40);
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// A client of one server under one key. Clones share connections.
#[derive(Clone)]
pub struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    authorization: Option<HeaderValue>,
    request_timeout: Duration,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

/// What a body is, when a request has one.
#[derive(Debug, Clone)]
pub struct Body {
    /// Its media type, such as `application/json`.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Body {
    /// A JSON body.
    pub fn json(bytes: impl Into<Bytes>) -> Self {
        Self { content_type: "application/json", bytes: bytes.into() }
    }

    /// A YAML body, as the configuration endpoints take it.
    pub fn yaml(bytes: impl Into<Bytes>) -> Self {
        Self { content_type: "application/yaml", bytes: bytes.into() }
    }
}

impl Client {
    /// A client of the server at `base_url` (`http://` or `https://`, optionally with a path), under `key`.
    ///
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// [`Error::Address`] and [`Error::Key`].
    pub fn new(base_url: &str, key: Option<&str>) -> Result<Self, Error> {
        let base = base_url.trim_end_matches('/').to_owned();
        let refuse = |why: &str| Error::Address { url: base_url.to_owned(), why: why.to_owned() };
        let uri: Uri = base.parse().map_err(|error: hyper::http::uri::InvalidUri| refuse(&error.to_string()))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(refuse("it starts with neither `http://` nor `https://`"));
        }
        if uri.host().is_none_or(str::is_empty) {
            return Err(refuse("it names no host"));
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(Error::Address {
                url: "<address with a password>".into(),
                why: "it holds a user or password".into(),
            });
        }
        if uri.query().is_some() {
            return Err(refuse("it has a `?`"));
        }
        let authorization = key
            .map(|key| {
                let mut value =
                    HeaderValue::try_from(format!("Bearer {}", key.trim())).map_err(|_invalid| Error::Key)?;
                value.set_sensitive(true);
                Ok(value)
            })
            .transpose()?;

        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().wrap_connector(tcp);
        let http = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(8)
            .build(connector);
        Ok(Self { http, base, authorization, request_timeout: REQUEST_TIMEOUT })
    }

    /// The same client with another time limit for a request (10 s unless told).
    #[must_use]
    pub fn with_timeout(mut self, limit: Duration) -> Self {
        self.request_timeout = limit;
        self
    }

    /// The server's address, without a slash at its end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// Submits events: `body` is one event object or `{"sent_at", "events": […]}`.
    ///
    /// A 422 that carries receipts is an answer like 202: nothing was taken, each receipt says why.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn submit(&self, body: impl Into<Bytes>) -> Result<SubmitResponse, Error> {
        let (method, path) = (Method::POST, "/v1/events");
        let (status, bytes) = match self.send(&method, path, Some(Body::json(body)), &[]).await? {
            response if response.status() == StatusCode::UNPROCESSABLE_ENTITY => {
                let status = response.status();
                let retry_after = retry_after(&response);
                let bytes = self.collect(&method, path, response).await?;
                if serde_json::from_slice::<SubmitResponse>(&bytes).is_err() {
                    return Err(refused(&method, path, status, retry_after, &bytes));
                }
                (status, bytes)
            }
            response => self.accept(&method, path, response).await?,
        };
        tracing::trace!(%status, "submitted");
        decode(&method, path, &bytes)
    }

    /// Reports how an action ended. A repeat under the same `key` changes nothing.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn outcome(&self, event: Uuid, outcome: &OutcomeReport, key: &str) -> Result<(), Error> {
        let body = to_json(&Method::POST, "/v1/events/{id}/outcome", outcome)?;
        self.outcome_raw(event, body, key).await
    }

    pub(crate) async fn outcome_raw(&self, event: Uuid, body: Bytes, key: &str) -> Result<(), Error> {
        let path = format!("/v1/events/{event}/outcome");
        let header = HeaderValue::try_from(format!("outcome:{key}")).ok();
        let headers: Vec<_> =
            header.into_iter().map(|value| (HeaderName::from_static("idempotency-key"), value)).collect();
        let response = self.send(&Method::POST, &path, Some(Body::json(body)), &headers).await?;
        self.accept(&Method::POST, &path, response).await.map(drop)
    }

    /// The control state of an agent, once.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn control_once(&self, agent: &str) -> Result<Control, Error> {
        self.get_json(&format!("{}?once=1", control_path(agent))).await
    }

    /// The control stream of an agent: its state now, then each change.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn control_stream(&self, agent: &str) -> Result<ControlStream, Error> {
        Ok(ControlStream { stream: self.stream_sse(&control_path(agent), None).await? })
    }

    /// Reads JSON from `path`, which begins with `/` and may have a query.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        decode(&Method::GET, path, &self.request(Method::GET, path, None).await?)
    }

    /// Sends JSON to `path` and reads JSON.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn post_json<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        let body = Body::json(to_json(&Method::POST, path, body)?);
        decode(&Method::POST, path, &self.request(Method::POST, path, Some(body)).await?)
    }

    /// Sends a request and gives the bytes of a successful answer.
    ///
    /// # Errors
    /// See [`Error`]; any status outside 2xx is [`Error::Refused`].
    pub async fn request(&self, method: Method, path: &str, body: Option<Body>) -> Result<Bytes, Error> {
        let response = self.send(&method, path, body, &[]).await?;
        Ok(self.accept(&method, path, response).await?.1)
    }

    /// Reads an answer of any length piece by piece, such as an export.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn download(&self, path: &str) -> Result<Download, Error> {
        let response = self.send(&Method::GET, path, None, &[]).await?;
        if !response.status().is_success() {
            return Err(self.refusal(&Method::GET, path, response).await);
        }
        Ok(Download { body: response.into_body(), url: self.url(path), silence: self.request_timeout })
    }

    /// Opens a stream of server-sent events, after `last_event_id` when given.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn stream_sse(&self, path: &str, last_event_id: Option<&str>) -> Result<SseStream, Error> {
        let mut headers = vec![(ACCEPT, HeaderValue::from_static("text/event-stream"))];
        if let Some(id) = last_event_id.and_then(|id| HeaderValue::try_from(id).ok()) {
            headers.push((HeaderName::from_static("last-event-id"), id));
        }
        let response = self.send(&Method::GET, path, None, &headers).await?;
        if !response.status().is_success() {
            return Err(self.refusal(&Method::GET, path, response).await);
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            let why = format!("`{kind}` is not a stream of events");
            return Err(Error::Unexpected { method: "GET".into(), path: path.into(), why });
        }
        let download = Download { body: response.into_body(), url: self.url(path), silence: SILENCE_TIMEOUT };
        Ok(SseStream { download, parser: sse::Parser::default(), ready: VecDeque::new() })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<Body>,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Response<Incoming>, Error> {
        let url = self.url(path);
        let mut request = Request::builder()
            .method(method)
            .uri(&url)
            .header(USER_AGENT, concat!("mandate/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(body) = &body {
            request = request.header(CONTENT_TYPE, body.content_type);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let bytes = body.map(|body| body.bytes).unwrap_or_default();
        let request = request
            .body(Full::new(bytes))
            .map_err(|error| Error::Address { url: url.clone(), why: error.to_string() })?;
        match timeout(self.request_timeout, self.http.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(Error::Unreachable { url: self.base.clone(), why: innermost(&error) }),
            Err(_elapsed) => Err(Error::TimedOut { url, after: self.request_timeout }),
        }
    }

    async fn accept(
        &self,
        method: &Method,
        path: &str,
        response: Response<Incoming>,
    ) -> Result<(StatusCode, Bytes), Error> {
        let status = response.status();
        if !status.is_success() {
            return Err(self.refusal(method, path, response).await);
        }
        Ok((status, self.collect(method, path, response).await?))
    }

    async fn refusal(&self, method: &Method, path: &str, response: Response<Incoming>) -> Error {
        let (status, after) = (response.status(), retry_after(&response));
        match self.collect(method, path, response).await {
            Ok(bytes) => refused(method, path, status, after, &bytes),
            Err(error) => error,
        }
    }

    async fn collect(&self, method: &Method, path: &str, response: Response<Incoming>) -> Result<Bytes, Error> {
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES);
        match timeout(self.request_timeout, body.collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Error::Unexpected {
                method: method.to_string(),
                path: path.to_owned(),
                why: format!("more than {} MB", MAX_ANSWER_BYTES >> 20),
            }),
            Ok(Err(error)) => Err(Error::Unreachable { url: self.base.clone(), why: innermost(error.as_ref()) }),
            Err(_elapsed) => Err(Error::TimedOut { url: self.url(path), after: self.request_timeout }),
        }
    }
}

/// An answer read piece by piece.
#[derive(Debug)]
pub struct Download {
    body: Incoming,
    url: String,
    silence: Duration,
}

impl Download {
    /// The next bytes, or `None` at the end.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when the connection broke, [`Error::TimedOut`] when it fell silent.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match timeout(self.silence, self.body.frame()).await {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                Ok(Some(Err(error))) => {
                    return Err(Error::Unreachable { url: self.url.clone(), why: innermost(&error) });
                }
                Err(_elapsed) => return Err(Error::TimedOut { url: self.url.clone(), after: self.silence }),
            }
        }
    }
}

/// A stream of server-sent events.
#[derive(Debug)]
pub struct SseStream {
    download: Download,
    parser: sse::Parser,
    ready: VecDeque<sse::Item>,
}

impl SseStream {
    /// The next event, comment or retry hint, or `None` when the server ended the stream.
    ///
    /// # Errors
    /// As [`Download::chunk`], and [`Error::Unexpected`] for an event that never ends.
    pub async fn next(&mut self) -> Result<Option<sse::Item>, Error> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            let Some(bytes) = self.download.chunk().await? else { return Ok(None) };
            let items = self.parser.push(&bytes).map_err(|error| Error::Unexpected {
                method: "GET".into(),
                path: self.download.url.clone(),
                why: error.to_string(),
            })?;
            self.ready.extend(items);
        }
    }
}

/// The control stream of one agent.
#[derive(Debug)]
pub struct ControlStream {
    stream: SseStream,
}

impl ControlStream {
    /// The next whole state, or `None` when the server ended the stream.
    ///
    /// # Errors
    /// As [`SseStream::next`]. A state that cannot be read is [`Error::Unexpected`].
    pub async fn next(&mut self) -> Result<Option<Control>, Error> {
        while let Some(item) = self.stream.next().await? {
            if let sse::Item::Event(event) = item
                && event.name == "state"
            {
                return decode(&Method::GET, "the control stream", event.data.as_bytes()).map(Some);
            }
        }
        Ok(None)
    }
}

/// An agent's id, or anything else, as one segment of a path.
#[must_use]
pub fn path_segment(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut segment, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
        segment
    })
}

fn control_path(agent: &str) -> String {
    format!("/v1/agents/{}/control", path_segment(agent))
}

fn to_json(method: &Method, path: &str, body: &impl Serialize) -> Result<Bytes, Error> {
    serde_json::to_vec(body).map(Bytes::from).map_err(|error| Error::Unexpected {
        method: method.to_string(),
        path: path.to_owned(),
        why: error.to_string(),
    })
}

fn decode<T: DeserializeOwned>(method: &Method, path: &str, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Unexpected {
        method: method.to_string(),
        path: path.to_owned(),
        why: error.to_string(),
    })
}

fn refused(method: &Method, path: &str, status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Error {
    let problem = serde_json::from_slice::<Problem>(body).unwrap_or_else(|_other| Problem {
        kind: "about:blank".into(),
        title: status.canonical_reason().unwrap_or("error").into(),
        status: status.as_u16(),
        detail: String::from_utf8_lossy(body.get(..200).unwrap_or(body)).trim().to_owned(),
        request_id: None,
        errors: Vec::new(),
    });
    Error::Refused {
        method: method.to_string(),
        path: path.to_owned(),
        status: status.as_u16(),
        problem: Box::new(problem),
        retry_after,
    }
}

fn retry_after(response: &Response<Incoming>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What happened at the bottom: the layers above it only say that a request failed.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_cannot_be_used_are_named() {
        let check = |url: &str, expect: &str| {
            let error = Client::new(url, None).unwrap_err().to_string();
            assert!(error.contains(expect), "{url}: {error}");
        };
        check("localhost:7878", "neither `http://` nor `https://`");
        check("ftp://host", "neither");
        check("http://", "is not an address");
        check("http://user:word@host", "user or password");
        assert!(!Client::new("http://u:secret-word@h", None).unwrap_err().to_string().contains("secret-word"));
        assert!(Client::new("http://127.0.0.1:7878/", Some("mk_x")).is_ok());
        assert!(matches!(Client::new("http://127.0.0.1", Some("a\nb")), Err(Error::Key)));
    }

    #[test]
    fn a_path_segment_keeps_nothing_that_could_split_it() {
        assert_eq!(path_segment("claude-code@host/a:1"), "claude-code%40host%2Fa%3A1");
    }

    #[test]
    fn the_key_is_never_shown() {
        let client = Client::new("http://127.0.0.1:1", Some("mk_hidden")).unwrap();
        assert!(!format!("{client:?}").contains("mk_hidden"));
    }
}
