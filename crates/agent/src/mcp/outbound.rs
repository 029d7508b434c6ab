//! From the server to the client: every chunk at once, and our few lines between its lines.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::tap::{Piece, Tap};

const CHUNK_BYTES: usize = 64 << 10;

/// The one writer to the client. Whoever writes also writes what others left for it, so nobody waits for a client
/// that does not read.
#[derive(Debug)]
pub(super) struct Mouth<W> {
    out: Mutex<Out<W>>,
    left: Mutex<VecDeque<Vec<u8>>>,
}

#[derive(Debug)]
struct Out<W> {
    to: Option<W>,
    at_line_start: bool,
}

impl<W: Write> Mouth<W> {
    pub(super) fn new(to: W) -> Self {
        Self { out: Mutex::new(Out { to: Some(to), at_line_start: true }), left: Mutex::new(VecDeque::new()) }
    }

    /// Writes output of the server as it came.
    pub(super) fn pass(&self, chunk: &[u8]) -> io::Result<()> {
        let mut out = lock(&self.out);
        let line_end = memchr::memrchr(b'\n', chunk).map_or(0, |at| at + 1);
        if line_end > 0 && !lock(&self.left).is_empty() {
            let (whole, begun) = chunk.split_at(line_end);
            out.write(whole)?;
            self.write_left(&mut out)?;
            out.write(begun)?;
        } else {
            out.write(chunk)?;
        }
        drop(out);
        self.say_left()
    }

    /// Writes a whole line of ours, now or as soon as the server's line has ended.
    pub(super) fn say(&self, line: Vec<u8>) -> io::Result<()> {
        lock(&self.left).push_back(line);
        self.say_left()
    }

    /// The client will get nothing more.
    pub(super) fn close(&self) {
        lock(&self.out).to = None;
    }

    fn say_left(&self) -> io::Result<()> {
        while !lock(&self.left).is_empty() {
            let mut out = match self.out.try_lock() {
                Ok(out) => out,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // Who holds it looks here once more when done.
                Err(TryLockError::WouldBlock) => return Ok(()),
            };
            if !out.at_line_start {
                return Ok(());
            }
            self.write_left(&mut out)?;
        }
        Ok(())
    }

    fn write_left(&self, out: &mut Out<W>) -> io::Result<()> {
        loop {
            let Some(line) = lock(&self.left).pop_front() else { return Ok(()) };
            out.write(&line)?;
        }
    }
}

impl<W: Write> Out<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(last) = bytes.last() else { return Ok(()) };
        self.at_line_start = *last == b'\n';
        match &mut self.to {
            Some(to) => to.write_all(bytes).and_then(|()| to.flush()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Pumps until the server's output ends or the client is gone. `progress` is odd while a write is under way.
pub(super) fn pump<W: Write>(mut from: impl Read, mouth: &Mouth<W>, tap: &Tap, progress: &AtomicU64) {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = match from.read(&mut chunk) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                tracing::debug!(%error, "reading from the server ended");
                break;
            }
        };
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        // The copy goes first: what the client asks in reply must not be read before it.
        tap.push(Piece::Server(bytes.to_vec()));
        progress.fetch_add(1, Ordering::AcqRel);
        let passed = mouth.pass(bytes);
        progress.fetch_add(1, Ordering::AcqRel);
        tap.wake();
        if let Err(error) = passed {
            tracing::debug!(%error, "the client does not listen any more");
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_lines_stand_between_the_servers_lines() {
        let mut sink = Vec::new();
        let mouth = Mouth::new(&mut sink);
        let say = |line: &str| mouth.say(line.as_bytes().to_vec()).unwrap();
        say("A\n");
        mouth.pass(b"one\ntw").unwrap();
        say("B\n");
        say("C\n");
        mouth.pass(b"o").unwrap();
        mouth.pass(b"!\nthr").unwrap();
        mouth.pass(b"ee\n").unwrap();
        say("D\n");
        drop(mouth);
        assert_eq!(String::from_utf8(sink).unwrap(), "A\none\ntwo!\nB\nC\nthree\nD\n");
    }
}
