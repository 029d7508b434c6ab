//! What may go wrong with the next calls, on purpose.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// One way for a call to go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mishap {
    /// HTTP 429, `ratelimited`, `Retry-After` in seconds; nothing is done.
    RateLimited(u32),
    /// HTTP 200 with `ok: false` and this error; nothing is done.
    Refuse(String),
    /// This status with a body that is not JSON; nothing is done.
    Status(u16),
    /// No answer as long as the caller waits; nothing is done.
    Hang,
    /// The connection is closed; nothing is done.
    HangUp,
    /// All is done at once, the answer comes after this long.
    Slow(Duration),
    /// All is done, then the connection is closed: the answer is lost.
    Lose,
    /// All goes well; to place another mishap after it.
    Nothing,
}

impl Mishap {
    /// Whether the call is carried out all the same.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Slow(_) | Self::Lose | Self::Nothing)
    }
}

/// The mishaps to come, by method.
#[derive(Default)]
pub(super) struct Mishaps(BTreeMap<String, VecDeque<Mishap>>);

impl Mishaps {
    pub(super) fn add(&mut self, method: &str, mishaps: impl IntoIterator<Item = Mishap>) {
        self.0.entry(method.to_owned()).or_default().extend(mishaps);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn take(&mut self, method: &str) -> Mishap {
        self.0.get_mut(method).and_then(VecDeque::pop_front).unwrap_or(Mishap::Nothing)
    }
}
