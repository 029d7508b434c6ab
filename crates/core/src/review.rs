//! The review queue (RTE-1): what somebody is to look at within a time, whoever asked for that.
//!
//! A rule that flags an event opens its review with it; a person may open one too. The action never waits for it. One
//! that is overdue is told of once, and stays in the queue.

use serde::{Deserialize, Serialize};

use crate::change::ReviewRow;
use crate::event::words;
use crate::id::EventId;
use crate::time::{DAY, Millis, Span};

/// How soon a review is due when no rule says.
pub const WITHIN: Span = DAY;

/// No more overdue reviews than this are told of in one step; the next one goes on.
pub const OVERDUE_AT_ONCE: u32 = 100;

words! {
    /// How a review stands.
    ReviewState {
        /// Somebody is to look at it, in time or not.
        Open = "open",
        /// Open, and its time is over.
        Overdue = "overdue",
        /// Somebody looked at it.
        Closed = "closed",
    }
}

impl ReviewRow {
    /// A review that begins now.
    #[must_use]
    pub fn open(event: EventId, event_seq: i64, by: &str, at: Millis, within: Span) -> Self {
        Self {
            event,
            event_seq,
            opened_at: at,
            due_at: at.plus(within),
            opened_by: by.to_owned(),
            closed_at: None,
            closed_by: None,
            escalated_at: None,
        }
    }

    /// Whether somebody is still to look at it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// Ends it. Says whether that changed anything.
    pub fn close(&mut self, by: &str, at: Millis) -> bool {
        let changes = self.is_open();
        if changes {
            (self.closed_at, self.closed_by) = (Some(at), Some(by.to_owned()));
        }
        changes
    }

    /// Opens it again as it was: what was told of stays told.
    pub fn reopen(&mut self) {
        (self.closed_at, self.closed_by) = (None, None);
    }

    /// Whether it is to be told of that nobody looked in time.
    #[must_use]
    pub fn is_to_escalate(&self, now: Millis) -> bool {
        self.is_open() && self.escalated_at.is_none() && self.due_at <= now
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self, now: Millis) -> ReviewState {
        match self.closed_at {
            Some(_) => ReviewState::Closed,
            None if self.due_at <= now => ReviewState::Overdue,
            None => ReviewState::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::HOUR;

    #[test]
    fn a_review_is_told_of_once_when_its_time_is_over() {
        let mut review = ReviewRow::open(EventId(uuid::Uuid::nil()), 7, "rule:deletes", Millis(0), HOUR);
        assert_eq!((review.state(Millis(1)), review.is_to_escalate(Millis(1))), (ReviewState::Open, false));
        let over = Millis(HOUR.0);
        assert_eq!((review.state(over), review.is_to_escalate(over)), (ReviewState::Overdue, true));
        review.escalated_at = Some(over);
        assert!(!review.is_to_escalate(over.plus(HOUR)));
        review.close("person:1", over);
        assert_eq!(review.state(over), ReviewState::Closed);
        review.reopen();
        assert_eq!((review.state(over), review.is_to_escalate(over)), (ReviewState::Overdue, false));
    }
}
