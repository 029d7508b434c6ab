//! Copies of what passed, on their way from the pumps to the session. Bounded: a pump never waits here.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Copies of client lines may wait up to this many bytes.
const MAX_CLIENT_BYTES: usize = 48 << 20;
/// Copies of server output may wait up to this many bytes, so that a flood leaves room for the client's calls.
const MAX_SERVER_BYTES: usize = 32 << 20;

/// One copy.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Whole lines from the client.
    Client(Vec<u8>),
    /// A line whose sender must be known before it is judged; it may or may not come again as [`Piece::Client`].
    Peek(Vec<u8>),
    /// Output of the server, cut anywhere.
    Server(Vec<u8>),
    /// Output of the server is missing here.
    ServerGap,
    /// So many calls of the client are missing here, as far as can be told unread.
    ClientGap(u64),
}

/// When something passed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    /// In Unix milliseconds.
    pub(super) at: i64,
    /// On the monotonic clock, for durations.
    pub(super) instant: Instant,
}

/// The queue between pumps and session.
#[derive(Debug)]
pub(super) struct Tap {
    now: fn() -> i64,
    queue: Mutex<Queue>,
    arrived: Condvar,
    idle: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<(Passed, Piece)>,
    bytes: usize,
    working: bool,
    closed: bool,
}

impl Tap {
    /// An empty queue that stamps what comes by this clock.
    pub(super) fn new(now: fn() -> i64) -> Self {
        Self { now, queue: Mutex::default(), arrived: Condvar::new(), idle: Condvar::new() }
    }

    /// Adds a copy; a gap when there is no room. [`Self::wake`] must follow.
    pub(super) fn push(&self, piece: Piece) {
        let at = Passed { at: (self.now)(), instant: Instant::now() };
        let mut queue = self.lock();
        let (size, limit) = match &piece {
            Piece::Client(bytes) | Piece::Peek(bytes) => (bytes.len(), MAX_CLIENT_BYTES),
            Piece::Server(bytes) => (bytes.len(), MAX_SERVER_BYTES),
            Piece::ServerGap | Piece::ClientGap(_) => (0, usize::MAX),
        };
        if queue.bytes + size <= limit {
            queue.bytes += size;
            queue.pieces.push_back((at, piece));
        } else {
            queue.miss(at, &piece);
        }
    }

    /// Tells the session that something is there.
    pub(super) fn wake(&self) {
        self.arrived.notify_one();
    }

    /// No more will come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// No more will come, and what is there is no longer read, only how much of it is missing then.
    pub(super) fn abandon(&self) {
        let mut queue = self.lock();
        queue.bytes = 0;
        for (at, piece) in std::mem::take(&mut queue.pieces) {
            queue.miss(at, &piece);
        }
        queue.closed = true;
        self.arrived.notify_one();
    }

    /// The next copy and when it passed; `None` once closed and empty. Waits.
    pub(super) fn next(&self) -> Option<(Passed, Piece)> {
        let mut queue = self.lock();
        queue.working = false;
        loop {
            if let Some((at, piece)) = queue.pieces.pop_front() {
                if let Piece::Client(bytes) | Piece::Peek(bytes) | Piece::Server(bytes) = &piece {
                    queue.bytes = queue.bytes.saturating_sub(bytes.len());
                }
                queue.working = true;
                return Some((at, piece));
            }
            self.idle.notify_all();
            if queue.closed {
                return None;
            }
            queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until the session has read all that passed so far, at most `limit`.
    pub(super) fn wait_idle(&self, limit: Duration) {
        let queue = self.lock();
        drop(self.idle.wait_timeout_while(queue, limit, |queue| queue.working || !queue.pieces.is_empty()));
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Notes that a copy is missing.
    fn miss(&mut self, at: Passed, piece: &Piece) {
        let gap = match piece {
            Piece::Client(bytes) => Piece::ClientGap(calls(bytes)),
            // Whatever is only peeked at comes again if it passes.
            Piece::Peek(_) => return,
            Piece::Server(_) | Piece::ServerGap => Piece::ServerGap,
            Piece::ClientGap(calls) => Piece::ClientGap(*calls),
        };
        match (self.pieces.back_mut().map(|(_, last)| last), gap) {
            (Some(Piece::ClientGap(before)), Piece::ClientGap(more)) => *before += more,
            (Some(Piece::ServerGap), Piece::ServerGap) => {}
            (_, gap) => self.pieces.push_back((at, gap)),
        }
    }
}

/// About how many calls these lines hold; a text that speaks of calls counts too.
fn calls(lines: &[u8]) -> u64 {
    memchr::memmem::find_iter(lines, br#""tools/call""#).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &[u8] = b"{\"method\":\"tools/call\",\"id\":1}\n";

    fn rest(tap: &Tap) -> Vec<Piece> {
        std::iter::from_fn(|| tap.next()).map(|(_, piece)| piece).collect()
    }

    #[test]
    fn what_is_left_unread_is_counted() {
        let tap = Tap::new(|| 0);
        tap.push(Piece::Client(CALL.repeat(2)));
        tap.push(Piece::Peek(CALL.to_vec()));
        tap.push(Piece::Client(CALL.to_vec()));
        tap.push(Piece::Server(b"{}\n".to_vec()));
        tap.push(Piece::Server(b"{}\n".to_vec()));
        tap.push(Piece::ClientGap(1));
        tap.push(Piece::Client(b"{\"method\":\"ping\"}\n".to_vec()));
        tap.abandon();
        assert_eq!(rest(&tap), [Piece::ClientGap(3), Piece::ServerGap, Piece::ClientGap(1)]);
    }

    #[test]
    fn what_finds_no_room_is_counted_and_what_follows_is_read() {
        let tap = Tap::new(|| 0);
        let most = Piece::Client(vec![b' '; MAX_CLIENT_BYTES]);
        tap.push(Piece::Client(vec![b' '; MAX_CLIENT_BYTES]));
        tap.push(Piece::Client(CALL.repeat(3)));
        tap.push(Piece::Client(CALL.to_vec()));
        assert_eq!(tap.next().map(|(_, piece)| piece), Some(most));
        tap.push(Piece::Client(CALL.to_vec()));
        tap.close();
        assert_eq!(rest(&tap), [Piece::ClientGap(4), Piece::Client(CALL.to_vec())]);
    }
}
