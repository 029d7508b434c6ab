//! A webhook receiver that does next to nothing: notes when each event's message arrived and answers 204.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Result;
use crate::work::number_in;

const DONE: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// What arrived so far.
#[derive(Debug, Clone)]
pub struct Arrivals {
    first: Arc<Mutex<Vec<Option<Instant>>>>,
    count: watch::Sender<usize>,
}

impl Arrivals {
    /// Waits until at most `most` of the first `sent` events are missing.
    pub async fn reach(&self, sent: usize, most: usize) {
        let enough = sent.saturating_sub(most);
        let _ = self.count.subscribe().wait_for(|count| *count >= enough).await;
    }

    /// How many events arrived, each counted once.
    #[must_use]
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// When each event first arrived, by number.
    #[must_use]
    pub fn times(&self) -> Vec<Option<Instant>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, number: usize) {
        let at = Instant::now();
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place @ None) = first.get_mut(number) {
            *place = Some(at);
            drop(first);
            self.count.send_modify(|count| *count += 1);
        }
    }
}

/// A listening sink; dropping it ends it.
#[derive(Debug)]
pub struct Sink {
    /// Where it listens.
    pub address: SocketAddr,
    /// What arrived.
    pub arrivals: Arrivals,
    _tasks: JoinSet<()>,
}

impl Sink {
    /// Listens for the messages of so many events.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(events: usize) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let arrivals = Arrivals { first: Arc::new(Mutex::new(vec![None; events])), count: watch::Sender::new(0) };
        let mut tasks = JoinSet::new();
        let noted = arrivals.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                connections.spawn(serve(stream, noted.clone()));
            }
        });
        Ok(Self { address, arrivals, _tasks: tasks })
    }
}

async fn serve(mut stream: TcpStream, arrivals: Arrivals) {
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        while let Some((whole, number)) = message(&buffer) {
            if let Some(number) = number {
                arrivals.note(number);
            }
            buffer.drain(..whole);
            if stream.write_all(DONE).await.is_err() {
                return;
            }
        }
        if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
            return;
        }
    }
}

/// The length of the first whole request, and its event's number.
fn message(buffer: &[u8]) -> Option<(usize, Option<usize>)> {
    let end = memchr::memmem::find(buffer, b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(buffer.get(..end)?).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") { value.trim().parse::<usize>().ok() } else { None }
    });
    let whole = end + length.unwrap_or_default();
    Some((whole, number_in(buffer.get(end..whole)?)))
}
