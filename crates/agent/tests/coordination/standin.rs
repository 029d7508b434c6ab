//! A server that keeps the contract with agents, and breaks down on command.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

type Answer = Response<http_body_util::combinators::BoxBody<Bytes, Infallible>>;

/// How the server treats what is sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// Takes everything and breaks the connection instead of answering.
    LosesAnswers,
    /// Answers so, and takes nothing.
    Answers(u16),
    Hangs,
}

/// What it holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Events by idempotency key, in order.
    pub(crate) events: Vec<Value>,
    ids: HashMap<String, String>,
    /// Outcomes by the event's key.
    pub(crate) outcomes: HashMap<String, Value>,
    pub(crate) duplicates: usize,
    pub(crate) refused: usize,
    /// How many records agents said they lost.
    pub(crate) dropped: u64,
}

/// What it holds, and a bell that rings whenever that may have changed.
#[derive(Debug, Default)]
struct Shelf {
    held: Mutex<Held>,
    changed: Condvar,
}

pub(crate) struct Standin {
    pub(crate) address: SocketAddr,
    shelf: Arc<Shelf>,
    pub(crate) mood: watch::Sender<Mood>,
    pub(crate) control: watch::Sender<Value>,
    _runtime: tokio::runtime::Runtime,
}

pub(crate) const KEY: &str = "mk_testbed";
/// What takes longer on any machine does not come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

impl Standin {
    pub(crate) fn start() -> Self {
        Self::start_at("127.0.0.1:0")
    }

    pub(crate) fn start_at(address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).unwrap();
        let address = listener.local_addr().unwrap();
        let shelf = Arc::new(Shelf::default());
        let mood = watch::Sender::new(Mood::Well);
        let control = watch::Sender::new(json!({"version": 0, "state": "running", "unknown_member": 1}));
        let (h, m, c) = (Arc::clone(&shelf), mood.subscribe(), control.subscribe());
        runtime.spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (h, m, c) = (Arc::clone(&h), m.clone(), c.clone());
                tokio::task::spawn(async move {
                    let service = service_fn(|request| answer(request, Arc::clone(&h), m.clone(), c.clone()));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { address, shelf, mood, control, _runtime: runtime }
    }

    /// What it holds now.
    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.shelf.held.lock().unwrap()
    }

    /// Waits until it holds that.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Held) -> bool) {
        let waited = self.shelf.changed.wait_timeout_while(self.held(), PATIENCE, |held| !holds(held));
        assert!(!waited.unwrap().1.timed_out(), "{what}");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn set(&self, version: i64, state: &str) {
        self.control.send_replace(json!({
            "version": version, "state": state, "reason": "bad deploys", "by": "@alice", "since": 1,
        }));
    }
}

async fn answer(
    request: Request<Incoming>,
    shelf: Arc<Shelf>,
    mood: watch::Receiver<Mood>,
    control: watch::Receiver<Value>,
) -> Result<Answer, std::io::Error> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let authorized = parts.headers.get("authorization").is_some_and(|value| value == &format!("Bearer {KEY}"));
    if !authorized {
        shelf.held.lock().unwrap().refused += 1;
        shelf.changed.notify_all();
        return Ok(json_answer(
            401,
            &json!({"type": "urn:mandate:problem:unauthenticated", "title": "no", "status": 401, "detail": "this key is not known"}),
        ));
    }
    if path.starts_with("/v1/agents/") && path.ends_with("/control") {
        let known = ["/v1/agents/team%2Fdeployer/control", "/v1/agents/tester%40testbed/control"];
        assert!(known.contains(&path.as_str()), "{path}");
        return Ok(stream(control));
    }
    let mood = *mood.borrow();
    if mood == Mood::Hangs {
        std::future::pending::<()>().await;
    }
    if let Mood::Answers(status) = mood {
        return Ok(json_answer(status, &json!({"type": "x", "title": "x", "status": status, "detail": "inside"})));
    }
    let bytes = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let body: Value = serde_json::from_slice(&bytes).expect("JSON");
    let answer = {
        let mut held = shelf.held.lock().unwrap();
        if path == "/v1/events" { take_events(&body, &mut held) } else { take_outcome(&path, body, &mut held) }
    };
    shelf.changed.notify_all();
    if mood == Mood::LosesAnswers {
        return Err(std::io::Error::other("the answer is lost"));
    }
    Ok(answer)
}

fn take_events(body: &Value, held: &mut Held) -> Answer {
    assert!(body["sent_at"].is_i64());
    held.dropped += body["dropped"]["count"].as_u64().unwrap_or(0);
    let events = body["events"].as_array().expect("a batch");
    assert!((1..=1000).contains(&events.len()));
    let results: Vec<Value> = events
        .iter()
        .map(|event| {
            let key = event["action"]["idempotency_key"].as_str().expect("a key on each event").to_owned();
            let count = held.ids.len();
            let seen = held.ids.contains_key(&key);
            let id = held.ids.entry(key).or_insert_with(|| format!("01970000-0000-7000-8000-{count:012}")).clone();
            if seen {
                held.duplicates += 1;
            } else {
                held.events.push(event.clone());
            }
            json!({"id": id, "status": if seen { "duplicate" } else { "accepted" }, "seq": 1, "hash": "sha256:00"})
        })
        .collect();
    json_answer(202, &json!({"results": results}))
}

fn take_outcome(path: &str, body: Value, held: &mut Held) -> Answer {
    let id = path.strip_prefix("/v1/events/").and_then(|rest| rest.strip_suffix("/outcome")).expect("a known path");
    let key = held.ids.iter().find(|(_, known)| *known == id).map(|(key, _)| key.clone()).expect("a known event");
    held.outcomes.insert(key, body);
    json_answer(202, &json!({}))
}

fn json_answer(status: u16, body: &Value) -> Answer {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())).boxed())
        .unwrap()
}

fn stream(mut control: watch::Receiver<Value>) -> Answer {
    let (frames, receiver) = mpsc::channel(4);
    tokio::task::spawn(async move {
        loop {
            let state = control.borrow_and_update().clone();
            let text = format!(": hello\n\nevent: state\nid: {}\ndata: {state}\n\n", state["version"]);
            if frames.send(Bytes::from(text)).await.is_err() || control.changed().await.is_err() {
                return;
            }
        }
    });
    Response::builder().header("content-type", "text/event-stream").body(Frames(receiver).boxed()).unwrap()
}

struct Frames(mpsc::Receiver<Bytes>);

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
