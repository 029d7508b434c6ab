//! Load: prebuilt requests over keep-alive connections. Closed: each connection sends when its last answer came.
//! Open: requests leave by the clock, whatever the answers do, and their wait counts from when they were due.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Result;
use crate::figure::Durations;
use crate::sink::Arrivals;

/// Reads one answer after another from a connection.
#[derive(Debug)]
struct Answers {
    buffer: Vec<u8>,
    /// How much of the buffer was given already.
    given: usize,
}

impl Answers {
    fn new() -> Self {
        Self { buffer: Vec::with_capacity(64 * 1024), given: 0 }
    }

    /// Waits for the next whole answer.
    async fn next(&mut self, from: &mut (impl tokio::io::AsyncRead + Unpin)) -> Result<()> {
        self.buffer.drain(..self.given);
        self.given = 0;
        loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.buffer[..end])?;
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let whole = end + 4 + length.ok_or("an answer without a length")?.parse::<usize>()?;
                if self.buffer.len() >= whole {
                    if !head.starts_with("HTTP/1.1 202") {
                        return Err(String::from_utf8_lossy(&self.buffer[..whole]).into());
                    }
                    self.given = whole;
                    return Ok(());
                }
            }
            if from.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
        }
    }
}

/// How far senders may run ahead of a sink.
#[derive(Debug, Clone)]
pub struct Ahead {
    /// What arrived there.
    pub arrivals: Arrivals,
    /// How many events may be under way.
    pub most: usize,
}

/// Sends every request over `connections` connections, each when its last answer came. Gives the time from the
/// first byte to the last answer, and how long each answer took.
///
/// # Errors
/// An answer was not 202.
pub async fn closed(
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    connections: usize,
    batch: usize,
    ahead: Option<Ahead>,
) -> Result<(Duration, Durations)> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let began = Instant::now();
    let mut senders = JoinSet::new();
    for mut stream in streams {
        let (requests, next, ahead) = (Arc::clone(&requests), Arc::clone(&next), ahead.clone());
        senders.spawn(async move {
            let (mut answers, mut took) = (Answers::new(), Durations::default());
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = requests.get(place) else { return Ok(took) };
                if let Some(ahead) = &ahead {
                    ahead.arrivals.reach((place + 1) * batch, ahead.most).await;
                }
                let sent = Instant::now();
                stream.write_all(request).await?;
                answers.next(&mut stream).await?;
                took.add(sent.elapsed());
            }
        });
    }
    let mut took = Durations::default();
    while let Some(sender) = senders.join_next().await {
        let sender: Result<Durations> = sender?;
        took.join(sender?);
    }
    Ok((began.elapsed(), took))
}

/// Sends request n at `start + n × every`, on connection n modulo `connections`, whether or not earlier ones were
/// answered. Gives how long each answer came after its request was due.
///
/// # Errors
/// An answer was not 202.
pub async fn open(
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    connections: usize,
    start: Instant,
    every: Duration,
) -> Result<Durations> {
    let mut readers = JoinSet::new();
    let mut writers = Vec::new();
    let count = requests.len();
    for connection in 0..connections {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        writers.push(stream.try_clone()?);
        let mut stream = TcpStream::from_std(stream)?;
        readers.spawn(async move {
            let (mut answers, mut took) = (Answers::new(), Durations::default());
            for place in (connection..count).step_by(connections) {
                answers.next(&mut stream).await?;
                took.add(start.elapsed().saturating_sub(every * u32::try_from(place)?));
            }
            Ok(took)
        });
    }
    // A thread of its own: timers of the runtime are a millisecond coarse, this one's sleep is not.
    let writer = std::thread::spawn(move || {
        for (place, request) in requests.iter().enumerate() {
            let due = every * u32::try_from(place).unwrap_or(u32::MAX);
            std::thread::sleep(due.saturating_sub(start.elapsed()));
            let stream = &mut writers[place % connections];
            let mut rest = request.as_slice();
            while !rest.is_empty() {
                match stream.write(rest) {
                    Ok(sent) => rest = &rest[sent..],
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => std::thread::yield_now(),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    });
    let mut took = Durations::default();
    while let Some(reader) = readers.join_next().await {
        let reader: Result<Durations> = reader?;
        took.join(reader?);
    }
    writer.join().map_err(|_| "the writing thread broke off")??;
    Ok(took)
}
