//! The least HTTP client that a test needs: one connection a request.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::HeaderMap;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// Null when it is not JSON.
    pub(crate) body: Value,
}

pub(crate) async fn post_json(url: &str, headers: &[(&str, &str)], body: &Value) -> Option<Answer> {
    let kind = ("content-type", "application/json; charset=utf-8");
    send("POST", url, &[&[kind], headers].concat(), &body.to_string()).await
}

pub(crate) async fn get(url: &str) -> Option<Answer> {
    send("GET", url, &[], "").await
}

/// Sends one request; nothing when the connection breaks before the answer is whole.
pub(crate) async fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
    let url: Uri = url.parse().unwrap();
    let authority = url.authority().unwrap();
    let stream = TcpStream::connect(authority.as_str()).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let mut request = Request::builder().method(method).uri(url.path_and_query().unwrap().as_str());
    for (name, value) in [("host", authority.as_str())].iter().chain(headers) {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let exchange = async {
        let answer = sender.send_request(request).await.ok()?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.into_body().collect().await.ok()?.to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Some(Answer { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text })
    };
    tokio::pin!(exchange, connection);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        // The answer may have been read whole before the connection ended.
        _ = &mut connection => exchange.await,
    }
}
