//! The workspace's one port: the Web API, response URLs, sockets and the page.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::arguments::Arguments;
use super::log::Call;
use super::mishap::Mishap;
use super::state::Shared;
use super::{api, page, respond, socket};

/// The largest call read, in bytes.
const CALL_BYTES: usize = 4 << 20;

pub(super) type Answer = Response<Full<Bytes>>;

/// Ends the connection without an answer.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the connection is to be closed")]
pub(super) struct Hangup;

/// Takes connections until it is dropped.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        // A connection that was given up before it was accepted is nobody's concern.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let shared = shared.clone();
        connections.spawn(async move {
            let mut down = shared.down.subscribe();
            tokio::select! {
                biased;
                _ = down.wait_for(|down| *down) => (),
                () = converse(stream, shared.clone()) => (),
            }
        });
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let upgrade = Arc::new(Mutex::new(None));
    let (within, slot) = (shared.clone(), upgrade.clone());
    let service = service_fn(move |request| serve(within.clone(), request, slot.clone()));
    let serving = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    // How a connection ends is the caller's affair, or a mishap's.
    serving.with_upgrades().await.ok();
    let upgrade = upgrade.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(upgrade) = upgrade
        && let Ok(stream) = upgrade.await
    {
        socket::run(shared, TokioIo::new(stream)).await;
    }
}

async fn serve(
    shared: Arc<Shared>,
    mut request: Request<Incoming>,
    slot: Arc<Mutex<Option<OnUpgrade>>>,
) -> Result<Answer, Hangup> {
    if request.uri().path() == "/link/" {
        let (answer, upgrade) = socket::greet(&shared, &mut request);
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = upgrade;
        return Ok(answer);
    }
    let (head, body) = request.into_parts();
    let body = Limited::new(body, CALL_BYTES).collect().await.map_err(|_| Hangup)?.to_bytes();
    let path = head.uri.path().to_owned();
    if let Some(method) = path.strip_prefix("/api/") {
        return call(&shared, method, &head, &body).await;
    }
    if let Some(handed) = path.strip_prefix("/respond/") {
        return Ok(respond::take(&shared, handed, &head, &body));
    }
    Ok(page::answer(&shared, &head, &body).await)
}

/// A call of the Web API, with the mishap that was planned for it.
async fn call(shared: &Shared, method: &str, head: &Parts, body: &[u8]) -> Result<Answer, Hangup> {
    let (mishap, status, retry_after, answer) = decide(shared, method, head, body);
    shared.changed();
    match mishap {
        Mishap::Hang => std::future::pending().await,
        Mishap::HangUp | Mishap::Lose => return Err(Hangup),
        Mishap::Slow(pause) => tokio::time::sleep(pause).await,
        Mishap::Status(_) => return Ok(text(status, "text/html; charset=utf-8", "<h1>Server Error</h1>".to_owned())),
        Mishap::RateLimited(_) | Mishap::Refuse(_) | Mishap::Nothing => (),
    }
    let mut response = json_answer(status, &answer);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

fn decide(shared: &Shared, method: &str, head: &Parts, body: &[u8]) -> (Mishap, u16, Option<i64>, Value) {
    let now = shared.now();
    let mut state = shared.state();
    let mishap = state.mishaps.take(method);
    let arguments = Arguments::read(head.uri.query(), &head.headers, body);
    let (status, retry_after, answer) = match &mishap {
        Mishap::RateLimited(seconds) => (429, Some(i64::from(*seconds)), json!({"ok": false, "error": "ratelimited"})),
        Mishap::Refuse(error) => (200, None, json!({"ok": false, "error": error})),
        Mishap::Status(status) => (*status, None, Value::Null),
        _ if !mishap.is_done() => (0, None, Value::Null),
        _ => match arguments.as_ref().map(|arguments| api::call(&mut state, method, arguments, now)) {
            Ok(Ok(answer)) => (200, None, answer),
            Ok(Err(refusal)) => {
                let status = if refusal.retry_after.is_some() { 429 } else { 200 };
                (status, refusal.retry_after, refusal.answer())
            }
            Err(refusal) => (200, None, refusal.answer()),
        },
    };
    let answered = !matches!(mishap, Mishap::Hang | Mishap::HangUp | Mishap::Lose);
    let status = if answered { status } else { 0 };
    let arguments = arguments.map(Arguments::into_value).unwrap_or_default();
    state.log.add(Call { at: now, method: method.to_owned(), arguments, status, answer: answer.clone(), answered });
    (mishap, status, retry_after, answer)
}

/// An answer of JSON.
pub(super) fn json_answer(status: u16, value: &Value) -> Answer {
    text(status, "application/json; charset=utf-8", value.to_string())
}

/// An answer of text of some kind.
pub(super) fn text(status: u16, kind: &'static str, text: String) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
