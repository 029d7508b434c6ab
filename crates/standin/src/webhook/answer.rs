//! Turns a step of the plan into bytes on the wire, or into their absence.

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::header::{HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use hyper::{Response, StatusCode};
use tokio::time::{Interval, interval};

use super::plan::Behaviour;

/// The largest message read, in bytes; the standard asks senders to stay far below.
const MESSAGE_BYTES: usize = 1 << 20;

/// Ends the connection without an answer.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the plan says to hang up")]
pub(super) struct Hangup;

/// An answer's body: some bytes at once, or one byte at a time for ever.
pub(super) enum Body {
    Whole(Bytes),
    Drip(Box<Interval>),
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Drip(pace) => {
                ready!(pace.poll_tick(cx));
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b".")))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Drip(_) => SizeHint::default(),
        }
    }
}

pub(super) async fn read(body: Incoming) -> Result<Bytes, Hangup> {
    let whole = Limited::new(body, MESSAGE_BYTES).collect().await;
    whole.map(http_body_util::Collected::to_bytes).map_err(|_| Hangup)
}

/// Answers as `behaviour` says; `now` (Unix seconds) is what dates count from.
pub(super) async fn give(behaviour: Behaviour, now: i64) -> Result<Response<Body>, Hangup> {
    let empty = || Body::Whole(Bytes::new());
    Ok(match behaviour {
        Behaviour::Answer(status) => answer(status, None, empty()),
        Behaviour::AfterSeconds(status, seconds) => answer(status, Some((RETRY_AFTER, seconds.to_string())), empty()),
        Behaviour::AfterDate(status, seconds) => answer(status, Some((RETRY_AFTER, http_date(now + seconds))), empty()),
        Behaviour::Redirect(location) => answer(302, Some((LOCATION, location)), empty()),
        Behaviour::Drip(pause) => {
            answer(200, None, Body::Drip(Box::new(interval(pause.max(Duration::from_millis(1))))))
        }
        Behaviour::Huge(bytes) => answer(200, None, Body::Whole(vec![b'.'; bytes].into())),
        Behaviour::Slow(pause) => {
            tokio::time::sleep(pause).await;
            answer(200, None, empty())
        }
        Behaviour::Hang => pending().await,
        Behaviour::CloseUnread | Behaviour::CloseRead => return Err(Hangup),
    })
}

fn answer(status: u16, header: Option<(HeaderName, String)>, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some((name, Ok(value))) = header.map(|(name, value)| (name, HeaderValue::try_from(value))) {
        response.headers_mut().insert(name, value);
    }
    response
}

fn http_date(at: i64) -> String {
    jiff::Timestamp::from_second(at)
        .map_or_else(|_| at.to_string(), |at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}
