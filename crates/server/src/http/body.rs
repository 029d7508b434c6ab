//! Bodies as they arrive: bounded in size, in time, and in what all of them hold at once.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{Code, Refused};
use crate::app::App;
use crate::intake::Full;

/// A request with events may hold this many bytes (EVT-7).
pub(super) const MAX_EVENTS: usize = 8 * 1024 * 1024;
/// Any other call may: several times the largest item, and far more than a person ever sends.
const MAX_CALL: usize = 256 * 1024;
/// So much of a body that is too large is read before its connection is broken off.
const MAX_DROPPED: usize = 64 * 1024 * 1024;
/// A body may take this long to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);
/// What is taken of the shared room for a body that does not say its length; more as it arrives.
const AT_FIRST: usize = 64 * 1024;
const KILOBYTE: usize = 1_024;

/// What all bodies with events hold at once. Every other call is small, takes nothing of it, and so is never refused
/// because agents send much.
#[derive(Debug)]
pub(super) struct Rooms(Arc<Semaphore>);

/// One body's share.
#[derive(Debug)]
struct Room<'r> {
    rooms: &'r Rooms,
    permit: OwnedSemaphorePermit,
    bytes: usize,
}

impl Rooms {
    /// Room for so many bytes.
    #[must_use]
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / KILOBYTE).max(1))))
    }

    fn take(&self, bytes: usize) -> Result<Room<'_>, Refused> {
        Ok(Room { rooms: self, permit: self.permit(bytes)?, bytes })
    }

    fn permit(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refused> {
        let kilobytes = u32::try_from(bytes.div_ceil(KILOBYTE)).unwrap_or(u32::MAX);
        Arc::clone(&self.0).try_acquire_many_owned(kilobytes).map_err(|_| Full::All.into())
    }
}

impl Room<'_> {
    /// Takes more, when a body turns out to be longer.
    fn grow_to(&mut self, length: usize) -> Result<(), Refused> {
        if length > self.bytes {
            let bytes = length.max(self.bytes * 2).min(MAX_EVENTS);
            self.permit.merge(self.rooms.permit(bytes - self.bytes)?);
            self.bytes = bytes;
        }
        Ok(())
    }
}

/// A whole body with events, with its share of the room.
#[derive(Debug)]
pub(super) struct Whole {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Whole {
    /// Reads the events' body of a request.
    ///
    /// # Errors
    /// 413, 415, 503 when there is no room, 408 when it does not arrive.
    pub(super) async fn read(request: Request, app: &App) -> Result<Self, Refused> {
        check_type(request.headers())?;
        let announced = length_of(request.headers());
        let mut room = app.http.bodies.take(announced.unwrap_or(AT_FIRST).min(MAX_EVENTS))?;
        let body = collect(request.into_body(), announced, MAX_EVENTS, |length| room.grow_to(length));
        let bytes = arrived(body).await?;
        Ok(Self { bytes, _room: room.permit })
    }

    /// The body as text.
    ///
    /// # Errors
    /// 400 when it is not UTF-8, with the byte at which it stops being so.
    pub(super) fn text(&self) -> Result<&str, Refused> {
        text(&self.bytes)
    }
}

/// Reads the body of one of our own calls, at most 256 KB.
///
/// # Errors
/// 413, 415, 408 when it does not arrive.
pub(super) async fn small(request: Request) -> Result<Bytes, Refused> {
    check_type(request.headers())?;
    let announced = length_of(request.headers());
    arrived(collect(request.into_body(), announced, MAX_CALL, |_| Ok(()))).await
}

/// Reads the bytes of what another service sends, at most `limit`, whatever their type.
///
/// # Errors
/// 413, 408 when it does not arrive.
pub(super) async fn foreign(request: Request, limit: usize) -> Result<Bytes, Refused> {
    let announced = length_of(request.headers());
    arrived(collect(request.into_body(), announced, limit, |_| Ok(()))).await
}

/// A body as text.
///
/// # Errors
/// 400 when it is not UTF-8, with the byte at which it stops being so.
pub(super) fn text(bytes: &Bytes) -> Result<&str, Refused> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Refused::new(Code::InvalidText, format!("byte {at} of the body is not UTF-8; send JSON in UTF-8"))
    })
}

async fn arrived(body: impl Future<Output = Result<Bytes, Refused>>) -> Result<Bytes, Refused> {
    let late = |_| {
        let seconds = ARRIVAL.as_secs();
        Refused::new(Code::TooSlow, format!("the body did not arrive within {seconds} seconds"))
    };
    tokio::time::timeout(ARRIVAL, body).await.map_err(late)?
}

fn length_of(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body to its end. One that is too large is read on and dropped, so that its sender gets to the answer
/// instead of a broken connection; up to a bound.
async fn collect(
    mut body: Body,
    announced: Option<usize>,
    limit: usize,
    mut grow_to: impl FnMut(usize) -> Result<(), Refused>,
) -> Result<Bytes, Refused> {
    let mut whole = Bytes::new();
    let mut joined: Vec<u8> = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let broken = |_| Refused::new(Code::InvalidRequest, "the body broke off before its end; send it again");
        let Ok(part) = frame.map_err(broken)?.into_data() else { continue };
        length += part.len();
        if length > MAX_DROPPED {
            return Err(too_large(limit));
        }
        if length > limit {
            joined = Vec::new();
            continue;
        }
        grow_to(length)?;
        if whole.is_empty() && joined.is_empty() {
            // A body that comes in one piece, as nearly all do, is not copied.
            whole = part;
        } else {
            if joined.is_empty() {
                joined.reserve(announced.unwrap_or(AT_FIRST).min(limit));
                joined.extend_from_slice(&std::mem::take(&mut whole));
            }
            joined.extend_from_slice(&part);
        }
    }
    match length {
        length if length > limit => Err(too_large(limit)),
        _ if joined.is_empty() => Ok(whole),
        _ => Ok(joined.into()),
    }
}

fn too_large(limit: usize) -> Refused {
    let what = if limit == MAX_EVENTS { "a request may have" } else { "this call takes" };
    let less = if limit == MAX_EVENTS { "send fewer events at once" } else { "send less" };
    Refused::new(Code::TooLarge, format!("{what} {limit} bytes; {less}"))
}

fn check_type(headers: &HeaderMap) -> Result<(), Refused> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(Refused::new(Code::UnsupportedMediaType, "send the body as it is, without `Content-Encoding`"));
    }
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let kind = kind.to_str().unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    let detail = format!("`{kind}` is not a form this call reads; send `Content-Type: application/json`");
    Err(Refused::new(Code::UnsupportedMediaType, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_of_unknown_length_takes_room_as_it_arrives() {
        let rooms = Rooms::new(1 << 20);
        let free = || rooms.0.available_permits() * KILOBYTE;
        let mut room = rooms.take(AT_FIRST).unwrap();
        assert_eq!(free(), (1 << 20) - AT_FIRST);
        room.grow_to(AT_FIRST).unwrap();
        assert_eq!(free(), (1 << 20) - AT_FIRST);
        room.grow_to(AT_FIRST + 1).unwrap();
        assert_eq!(free(), (1 << 20) - 2 * AT_FIRST);
        room.grow_to(900 * KILOBYTE).unwrap();
        assert_eq!(free(), 124 * KILOBYTE);
        assert!(room.grow_to(2 << 20).is_err());
        assert_eq!(free(), 124 * KILOBYTE, "what it has it keeps");
        drop(room);
        assert_eq!(free(), 1 << 20);
    }
}
