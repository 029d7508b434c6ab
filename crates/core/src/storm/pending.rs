//! A planned notice as storm control sees it.

use std::sync::Arc;

use crate::event::{Decision, Impact, Level};
use crate::id::NotificationId;

/// What storm control asks about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acted<'a> {
    /// Who acted; empty when nobody says.
    pub actor: &'a str,
    /// In which session; empty when nobody says.
    pub session: &'a str,
    /// Whose the resources are, as logs name them, in order and each once.
    pub owners: &'a [String],
    /// How it was routed.
    pub decision: Decision,
    /// How much the sender thinks it can change.
    pub impact: Option<Impact>,
}

/// A planned notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending<'a> {
    /// Its id.
    pub id: NotificationId,
    /// To whom.
    pub recipient: &'a Arc<str>,
    /// On which channel.
    pub channel: &'a Arc<str>,
    /// In which lane.
    pub lane: &'a Arc<str>,
    /// How urgent.
    pub urgency: Level,
    /// About what.
    pub acted: Acted<'a>,
}

/// A message about more owners than this takes in nothing else.
const OWNERS: usize = 32;

impl Pending<'_> {
    /// Critical notices, and questions that an agent waits for, are never merged nor held.
    pub(super) fn cannot_wait(&self) -> bool {
        self.urgency == Level::Critical || self.acted.decision == Decision::Gated
    }

    /// What changes a lot, and what a person is to review, is a message of its own (RTE-1).
    pub(super) fn stands_alone(&self) -> bool {
        self.acted.decision == Decision::Flagged
            || self.acted.impact == Some(Impact::High)
            || self.acted.owners.len() > OWNERS
    }
}
