//! What the system noticed about an event while taking it in.

use serde::{Deserialize, Serialize};

use super::words;

words! {
    /// One thing noticed about an event, sealed with it.
    Flag {
        /// The sender's clock and ours differ too much; order is by `received_at` (EVT-2).
        ClockSkew = "clock_skew",
        /// The idempotency key was used before for other content (EVT-4).
        KeyReused = "key_reused",
        /// It happened well before it was sent (EVT-2).
        Late = "late",
        /// No action type was given (EVT-8).
        NoActionType = "no_action_type",
        /// No actor was given (EVT-8).
        NoActor = "no_actor",
        /// No resource was given (EVT-8).
        NoResource = "no_resource",
        /// A `sequence` below one already seen in the session (EVT-9).
        OutOfOrder = "out_of_order",
        /// A path outside the repository it was called from.
        OutsideRepo = "outside_repo",
        /// The actor sends more than 100 events a second (EVT-5).
        SuspiciousVolume = "suspicious_volume",
        /// The description was cut to 500 characters (EVT-7).
        Truncated = "truncated",
        /// At least one resource has no owner but the fallback (OWN-1).
        Unowned = "unowned",
    }
}

/// A set of flags, kept in the order of their words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flags(Vec<Flag>);

impl Flags {
    /// Adds a flag once.
    pub fn insert(&mut self, flag: Flag) {
        if let Err(at) = self.0.binary_search(&flag) {
            self.0.insert(at, flag);
        }
    }

    /// Takes a flag away.
    pub fn remove(&mut self, flag: Flag) {
        self.0.retain(|known| *known != flag);
    }

    /// Whether a flag is set.
    #[must_use]
    pub fn contains(&self, flag: Flag) -> bool {
        self.0.binary_search(&flag).is_ok()
    }

    /// Whether no flag is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The flags in order.
    pub fn iter(&self) -> impl Iterator<Item = Flag> + '_ {
        self.0.iter().copied()
    }
}
