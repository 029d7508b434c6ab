//! Effects as data: everything one commit writes.
//!
//! The writer fills a [`Changes`] while it works through a batch of inputs and hands it to the store, which
//! writes all of it or nothing. Logs (events, audit, checkpoints) are only ever added to; the rest are rows
//! that say what is, replaced whole.

pub mod row;

use serde::{Deserialize, Serialize};

pub use row::{
    AgentRow, CheckpointRow, ConfigRow, EventRow, HistoryRow, KeyRow, NotificationRow, NotificationState, OutcomeRow,
    PersonRow, RejectedRow, ResponseRow, ReviewRow, Scope, SeenKey, SeenRow, ToldIn,
};

use crate::audit::AuditRow;
use crate::chain::Tip;
use crate::id::{ConfigId, EventId, KeyId, NotificationId, ResponseId};
use crate::time::Millis;

/// The tenant's head: the one row that every commit locks and moves on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The last position in the feed; 0 when nothing was ever committed.
    pub position: i64,
    /// The tip of the event chain.
    pub events: Tip,
    /// The tip of the audit chain.
    pub audit: Tip,
    /// The time in the last id given, so that ids never run backwards.
    pub last_id_at: Millis,
    /// The configuration in force; none before the first.
    pub config: Option<ConfigId>,
}

impl Head {
    /// The head of a tenant that has nothing yet.
    pub const EMPTY: Self =
        Self { position: 0, events: Tip::EMPTY, audit: Tip::EMPTY, last_id_at: Millis(0), config: None };
}

/// Everything that one commit writes, beside the head.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Log: new events, in chain order.
    pub events: Vec<EventRow>,
    /// Log: new audit entries, in chain order.
    pub audit: Vec<AuditRow>,
    /// Log: new checkpoints.
    pub checkpoints: Vec<CheckpointRow>,
    /// Log: what people answered.
    pub responses: Vec<ResponseRow>,
    /// New notifications.
    pub notifications: Vec<NotificationRow>,
    /// Notifications that exist, with what became of them. Their editions stay as they are.
    pub deliveries: Vec<NotificationRow>,
    /// Notifications whose content changed: each is one edition further, however often it stands here.
    pub edited: Vec<Edited>,
    /// Which message tells of what, in this order, after everything above.
    pub regrouped: Vec<Regrouped>,
    /// Outcomes of actions; the first one of an event stays.
    pub outcomes: Vec<OutcomeRow>,
    /// Reviews as they are now.
    pub reviews: Vec<ReviewRow>,
    /// Items that are no events.
    pub rejected: Vec<RejectedRow>,
    /// Keys of inputs taken, with what was answered. A key that exists is replaced.
    pub seen: Vec<SeenRow>,
    /// Agents as they are now.
    pub agents: Vec<AgentRow>,
    /// API keys as they are now.
    pub keys: Vec<KeyRow>,
    /// New versions of the configuration.
    pub configs: Vec<ConfigRow>,
    /// People as logs name them, with what joins their names.
    pub people: Vec<PersonRow>,
    /// A new checkpoint of the history.
    pub history: Option<HistoryRow>,
    /// What the feed says happened, in order. Its first entry stands right after the old head's position.
    pub feed: Vec<FeedEntry>,
}

/// Notifications that say something else than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edited {
    /// All that speak of the event at this place.
    AboutEvent(i64),
    /// One.
    One(NotificationId),
}

/// Notices that are no messages of their own are told in another message than before, or were now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regrouped {
    /// What was held for this digest is in it: it goes out.
    Digested(NotificationId),
    /// Another message takes the place of one that did not arrive, with everything in it.
    Moved {
        /// The one that did not arrive.
        from: NotificationId,
        /// The other.
        to: NotificationId,
    },
    /// A message cannot be changed any more: what was merged into it and not told waits for a digest.
    HeldAgain {
        /// The message.
        from: NotificationId,
        /// The digest.
        digest: NotificationId,
        /// When that is due.
        due_at: Millis,
    },
    /// The channel took a message, with what is in it up to an event's place.
    Contained {
        /// The message.
        message: NotificationId,
        /// The last place.
        through: i64,
        /// When.
        at: Millis,
    },
}

impl Changes {
    /// Whether nothing would be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many positions the feed moves on.
    #[must_use]
    pub fn positions(&self) -> i64 {
        self.feed.iter().map(FeedEntry::positions).sum()
    }
}

/// One thing that the feed says happened. Readers load the rest by its id.
///
/// A commit's entries are one row; an entry covers [`FeedEntry::positions`] positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FeedEntry {
    /// Events joined the chain.
    Events {
        /// The first one's place.
        from: i64,
        /// The last one's place.
        to: i64,
    },
    /// A notification's state changed, beyond its birth with its event.
    Notification {
        /// Which.
        id: NotificationId,
    },
    /// An outcome was reported.
    Outcome {
        /// Of which event.
        event: EventId,
    },
    /// Somebody answered a notice, or took an answer back.
    Response {
        /// Which answer.
        id: ResponseId,
    },
    /// A review was closed, opened by a person, or told of as overdue.
    Review {
        /// The place of the event that it is about.
        event_seq: i64,
    },
    /// An agent was paused or resumed.
    Agent {
        /// Which.
        id: String,
    },
    /// An API key was made, changed or revoked.
    Key {
        /// Which.
        id: KeyId,
    },
    /// Another configuration is in force.
    Config {
        /// Which.
        id: ConfigId,
    },
}

impl FeedEntry {
    /// How many positions this entry covers: one for each event, else one.
    #[must_use]
    pub fn positions(&self) -> i64 {
        match self {
            Self::Events { from, to } => to - from + 1,
            _ => 1,
        }
    }
}
