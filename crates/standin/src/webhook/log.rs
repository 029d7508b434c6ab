//! What came to a sink.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::header::HeaderMap;
use serde::Serialize;
use tokio::sync::watch;

use super::plan::Behaviour;
use super::verify::Rejected;

/// One message as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// Its `webhook-id`, empty when there was none.
    pub id: String,
    /// Its headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body, exactly.
    #[serde(serialize_with = "as_text")]
    pub body: Bytes,
    /// Why it was rejected; nothing when it verified.
    #[serde(serialize_with = "as_words")]
    pub rejected: Option<Rejected>,
    /// Whether a message with this id had verified before.
    pub duplicate: bool,
    /// How it was answered.
    pub answered: String,
}

pub(super) struct Log {
    keep: usize,
    kept: Mutex<Kept>,
    total: watch::Sender<u64>,
    verified: watch::Sender<u64>,
    connections: AtomicU64,
}

#[derive(Default)]
struct Kept {
    messages: VecDeque<Received>,
    /// How many messages were let go to keep the bound.
    dropped: u64,
    seen: HashSet<String>,
    duplicates: u64,
}

impl Log {
    pub(super) fn new(keep: usize) -> Self {
        Self {
            keep,
            kept: Mutex::default(),
            total: watch::Sender::new(0),
            verified: watch::Sender::new(0),
            connections: AtomicU64::new(0),
        }
    }

    pub(super) fn add(&self, headers: &HeaderMap, body: Bytes, verdict: Result<(), Rejected>, behaviour: &Behaviour) {
        let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let id = headers.get("webhook-id").map(text).unwrap_or_default();
        let mut kept = self.kept();
        let duplicate = verdict.is_ok() && !kept.seen.insert(id.clone());
        kept.duplicates += u64::from(duplicate);
        if self.keep > 0 {
            if kept.messages.len() >= self.keep {
                kept.messages.pop_front();
                kept.dropped += 1;
            }
            kept.messages.push_back(Received {
                id,
                headers: headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
                body,
                rejected: verdict.err(),
                duplicate,
                answered: format!("{behaviour:?}"),
            });
        } else {
            kept.dropped += 1;
        }
        drop(kept);
        self.total.send_modify(|total| *total += 1);
        if verdict.is_ok() {
            self.verified.send_modify(|verified| *verified += 1);
        }
    }

    pub(super) fn all(&self) -> Vec<Received> {
        self.kept().messages.iter().cloned().collect()
    }

    pub(super) fn verified(&self) -> u64 {
        *self.verified.borrow()
    }

    pub(super) fn duplicates(&self) -> u64 {
        self.kept().duplicates
    }

    pub(super) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(super) async fn reached(&self, count: u64) {
        // The sender lives as long as the log, so waiting cannot fail.
        self.verified.subscribe().wait_for(|verified| *verified >= count).await.ok();
    }

    pub(super) async fn after(&self, seen: u64) -> Option<Received> {
        self.total.subscribe().wait_for(|total| *total > seen).await.ok();
        let kept = self.kept();
        let at = usize::try_from(seen.checked_sub(kept.dropped)?).ok()?;
        kept.messages.get(at).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn as_text<S: serde::Serializer>(body: &Bytes, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&String::from_utf8_lossy(body))
}

fn as_words<S: serde::Serializer>(rejected: &Option<Rejected>, out: S) -> Result<S::Ok, S::Error> {
    match rejected {
        Some(rejected) => out.collect_str(rejected),
        None => out.serialize_none(),
    }
}
