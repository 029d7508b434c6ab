//! What was just committed, for those who watch: streams, the dispatcher, agents' control streams.
//!
//! The recent past is in memory; a watcher that fell behind reads the rest from the store, by feed position.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mandate_core::change::{AgentRow, EventRow, FeedEntry, Head, KeyRow, NotificationRow};
use mandate_core::time::{MINUTE, Millis};
use tokio::sync::{broadcast, watch};

/// One commit, as watchers see it.
#[derive(Debug, Default)]
pub struct Committed {
    /// The feed position of its first entry.
    pub first: i64,
    /// What happened, in order.
    pub entries: Vec<FeedEntry>,
    /// The events that joined the chain.
    pub events: Vec<Arc<EventRow>>,
    /// Notifications born with it or changed by it, as they are now.
    pub notifications: Vec<Arc<NotificationRow>>,
    /// Agents whose state changed, as they are now.
    pub agents: Vec<AgentRow>,
    /// API keys that changed, as they are now.
    pub keys: Vec<KeyRow>,
    /// When it was decided, by the store's clock.
    pub at: Millis,
    /// How many of the events touched something that nobody owns.
    pub unowned: u64,
}

impl Committed {
    /// The position of its last entry.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.first - 1 + self.entries.iter().map(FeedEntry::positions).sum::<i64>()
    }
}

/// One tenant's live feed.
#[derive(Debug, Clone)]
pub struct Live {
    commits: broadcast::Sender<Arc<Committed>>,
    agents: broadcast::Sender<Arc<AgentRow>>,
    position: watch::Sender<i64>,
    tally: Arc<Mutex<Tally>>,
}

/// How many events were committed since the start, by minute: `(all, unowned)`.
#[derive(Debug, Default)]
struct Tally {
    /// The last event from before the start.
    before: i64,
    minutes: BTreeMap<i64, (u64, u64)>,
}

/// How many commits a watcher may be behind before it reads from the store. They stay in memory while anybody
/// watches, and one may hold a thousand events.
const RECENT: usize = 64;
/// The tally goes back so many minutes.
const TALLIED: i64 = 90;
/// How many pauses and resumes a watcher may be behind; these are small.
const RECENT_AGENTS: usize = 1_024;

impl Default for Live {
    fn default() -> Self {
        Self {
            commits: broadcast::Sender::new(RECENT),
            agents: broadcast::Sender::new(RECENT_AGENTS),
            position: watch::Sender::new(0),
            tally: Arc::default(),
        }
    }
}

impl Live {
    /// Tells every watcher of a commit.
    pub fn publish(&self, committed: &Arc<Committed>) {
        for agent in &committed.agents {
            // Nobody may be watching: that is no error.
            let _ = self.agents.send(Arc::new(agent.clone()));
        }
        if self.commits.receiver_count() > 0 {
            let _ = self.commits.send(Arc::clone(committed));
        }
        if !committed.events.is_empty() {
            let minute = committed.at.0.div_euclid(MINUTE.0);
            let mut tally = self.tally();
            let counts = tally.minutes.entry(minute).or_default();
            counts.0 += committed.events.len() as u64;
            counts.1 += committed.unowned;
            tally.minutes = tally.minutes.split_off(&(minute - TALLIED));
        }
        self.position.send_replace(committed.last());
    }

    /// Says from where on commits will be told, at start.
    pub fn start_at(&self, head: &Head) {
        self.tally().before = head.events.seq;
        self.position.send_replace(head.position);
    }

    /// The last event from before the start: those after it are in the tally.
    #[must_use]
    pub fn tallied_after(&self) -> i64 {
        self.tally().before
    }

    /// How many events were committed since a time, and how many of them touched something that nobody owns; of those
    /// since the start, and by whole minutes.
    #[must_use]
    pub fn tally_since(&self, since: Millis) -> (u64, u64) {
        let minutes = self.tally();
        let counts = minutes.minutes.range(since.0.div_euclid(MINUTE.0)..).map(|(_, counts)| counts);
        counts.fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1))
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last committed position.
    #[must_use]
    pub fn position(&self) -> i64 {
        *self.position.borrow()
    }

    /// Tells when the position moves.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.position.subscribe()
    }

    /// Every commit from now on; lagging gives an error that says how many were missed.
    #[must_use]
    pub fn commits(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.commits.subscribe()
    }

    /// Every pause and resume from now on. Subscribe first, then read the state from the store: no gap.
    #[must_use]
    pub fn agents(&self) -> broadcast::Receiver<Arc<AgentRow>> {
        self.agents.subscribe()
    }
}
