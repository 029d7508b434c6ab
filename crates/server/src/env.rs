//! The clock and the randomness, passed in by the binary: nothing below reads either by itself.

use std::fmt;
use std::sync::Arc;

use mandate_core::time::Millis;
use tokio::time::Instant;

/// Fills bytes with randomness.
type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// Where the server gets the time and random bytes from.
#[derive(Clone)]
pub struct Env {
    now: Arc<dyn Fn() -> Millis + Send + Sync>,
    fill: Arc<Fill>,
    disk_free: Arc<dyn Fn() -> Option<u64> + Send + Sync>,
    began: Instant,
}

impl Env {
    /// An environment over a wall clock and a source of random bytes.
    pub fn new(
        now: impl Fn() -> Millis + Send + Sync + 'static,
        fill: impl Fn(&mut [u8]) + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), fill: Arc::new(fill), disk_free: Arc::new(|| None), began: Instant::now() }
    }

    /// The same, with a way to ask how many bytes are free on the store's disk.
    #[must_use]
    pub fn with_disk_free(mut self, disk_free: impl Fn() -> Option<u64> + Send + Sync + 'static) -> Self {
        self.disk_free = Arc::new(disk_free);
        self
    }

    /// How many bytes are free on the store's disk, where that can be known.
    #[must_use]
    pub fn disk_free(&self) -> Option<u64> {
        (self.disk_free)()
    }

    /// An environment over a clock in Unix milliseconds and a source of random bytes.
    pub fn unix(
        now: impl Fn() -> i64 + Send + Sync + 'static,
        fill: impl Fn(&mut [u8]) + Send + Sync + 'static,
    ) -> Self {
        Self::new(move || Millis(now()), fill)
    }

    /// The wall clock.
    #[must_use]
    pub fn now(&self) -> Millis {
        (self.now)()
    }

    /// Milliseconds that passed since the start, which no wall clock's step moves: for leases, waits and rates.
    #[must_use]
    pub fn steady(&self) -> Millis {
        Millis(i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Fresh random bytes.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes);
        bytes
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Env")
    }
}
