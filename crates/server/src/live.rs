//! What was just committed, for those who watch: streams, the dispatcher, agents' control streams.
//!
//! The recent past is in memory; a watcher that fell behind reads the rest from the store, by feed position.

use std::sync::Arc;

use mandate_core::change::{AgentRow, EventRow, FeedEntry, KeyRow, NotificationRow};
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
}

/// How many commits a watcher may be behind before it reads from the store. They stay in memory while anybody
/// watches, and one may hold a thousand events.
const RECENT: usize = 64;
/// How many pauses and resumes a watcher may be behind; these are small.
const RECENT_AGENTS: usize = 1_024;

impl Default for Live {
    fn default() -> Self {
        Self {
            commits: broadcast::Sender::new(RECENT),
            agents: broadcast::Sender::new(RECENT_AGENTS),
            position: watch::Sender::new(0),
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
        self.position.send_replace(committed.last());
    }

    /// Says from which position on commits will be told, at start.
    pub fn start_at(&self, position: i64) {
        self.position.send_replace(position);
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
