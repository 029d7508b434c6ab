//! An app that takes callbacks, keeps them, and answers as told.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// One callback as it came.
#[derive(Clone)]
pub(crate) struct Callback {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Callback {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// The form's field.
    pub(crate) fn field(&self, name: &str) -> String {
        let mut fields = form_urlencoded::parse(self.body.as_bytes());
        fields.find(|(field, _)| field == name).unwrap().1.into_owned()
    }

    pub(crate) fn payload(&self) -> Value {
        serde_json::from_str(&self.field("payload")).unwrap()
    }

    /// Whether an app that follows the contract would take it: 300 seconds either way, a matching signature.
    pub(crate) fn verifies(&self, secret: &str, now: i64) -> bool {
        let Some(signature) = self.headers.get("x-slack-signature") else { return false };
        let at: i64 = self.header("x-slack-request-timestamp").parse().unwrap();
        (now - at).abs() <= 300 && mandate_standin::slack::delivery::sign(secret, at, &self.body) == *signature
    }
}

/// How the app answers: status, body, and after how long.
type Manner = (u16, String, Duration);

pub(crate) struct App {
    pub(crate) url: String,
    manner: Arc<Mutex<Manner>>,
    seen: Arc<Mutex<Vec<Callback>>>,
    _task: JoinSet<()>,
}

impl App {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/slack", listener.local_addr().unwrap());
        let manner = Arc::new(Mutex::new((200, String::new(), Duration::ZERO)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut task = JoinSet::new();
        task.spawn(run(listener, manner.clone(), seen.clone()));
        Self { url, manner, seen, _task: task }
    }

    pub(crate) fn answer(&self, status: u16, body: &str, after: Duration) {
        *self.manner.lock().unwrap() = (status, body.to_owned(), after);
    }

    pub(crate) fn seen(&self) -> Vec<Callback> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> Callback {
        self.seen().pop().unwrap()
    }
}

async fn run(listener: TcpListener, manner: Arc<Mutex<Manner>>, seen: Arc<Mutex<Vec<Callback>>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (manner, seen) = (manner.clone(), seen.clone());
        connections.spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let (manner, seen) = (manner.clone(), seen.clone());
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let body = String::from_utf8(body.to_vec()).unwrap();
                    seen.lock().unwrap().push(Callback { headers: head.headers, body });
                    let (status, body, after) = manner.lock().unwrap().clone();
                    tokio::time::sleep(after).await;
                    let answer = Response::builder().status(status).body(Full::new(Bytes::from(body)));
                    Ok::<_, Infallible>(answer.unwrap())
                }
            });
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}
