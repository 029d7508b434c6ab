//! Questions about the review queue.

use mandate_core::change::ReviewRow;
use mandate_core::id::TenantId;
use mandate_core::time::Millis;

use super::{page, read};
use crate::decode;
use crate::error::Result;
use crate::sql::{Sql, statements};
use crate::store::Store;

/// Which reviews are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reviews {
    /// Those that somebody is still to look at, in time or not; the one that is due first comes first.
    Open,
    /// Those of them that were due at a time; likewise.
    DueAt(Millis),
    /// Those that somebody looked at; the last one closed comes first.
    Closed,
}

/// Where a page of reviews ends: the time that it is ordered by, and the event's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReviewPlace {
    /// When it is due, or was closed.
    pub at: Millis,
    /// The event's place in the chain.
    pub event_seq: i64,
}

statements! {
    /// The review of one event.
    REVIEW: Sql::both("SELECT * FROM review WHERE tenant = $1 AND event_seq = $2");
    /// The reviews of the events of a JSON list of places.
    REVIEWS_OF: Sql {
        lite: "SELECT * FROM review WHERE tenant = $1 AND event_seq IN (SELECT value FROM json_each($2))",
        pg: "SELECT * FROM review WHERE tenant = $1
               AND event_seq IN (SELECT value::bigint FROM json_array_elements_text($2::json))",
    };
    /// Open reviews that are due by a time and were not told of, the longest due first.
    OVERDUE: Sql::both(
        "SELECT * FROM review WHERE tenant = $1 AND closed_at IS NULL AND escalated_at IS NULL AND due_at <= $2
         ORDER BY due_at, event_seq LIMIT $3",
    );
    /// Open reviews that are due by a time, after a place.
    OPEN: Sql::both(
        "SELECT * FROM review WHERE tenant = $1 AND closed_at IS NULL AND due_at <= $2 AND (due_at, event_seq) > ($3, $4)
         ORDER BY due_at, event_seq LIMIT $5",
    );
    /// Closed reviews before a place.
    CLOSED: Sql::both(
        "SELECT * FROM review WHERE tenant = $1 AND closed_at IS NOT NULL AND (closed_at, event_seq) < ($2, $3)
         ORDER BY closed_at DESC, event_seq DESC LIMIT $4",
    );
}

impl Reviews {
    /// The time that a review is ordered by in this list; none when it is not in it.
    #[must_use]
    pub fn place(self, row: &ReviewRow) -> Option<ReviewPlace> {
        let at = match self {
            Self::Open => row.closed_at.is_none().then_some(row.due_at),
            Self::DueAt(at) => (row.closed_at.is_none() && row.due_at <= at).then_some(row.due_at),
            Self::Closed => row.closed_at,
        };
        Some(ReviewPlace { at: at?, event_seq: row.event_seq })
    }
}

impl Store {
    /// The review of one event.
    ///
    /// # Errors
    /// As every read.
    pub async fn review(&self, tenant: TenantId, event_seq: i64) -> Result<Option<ReviewRow>> {
        read!(self, tenant, one, REVIEW, [event_seq], decode::review, |sim| sim.review(event_seq))
    }

    /// A list of reviews in its order, after the place where an earlier page ended.
    ///
    /// # Errors
    /// As every read.
    pub async fn reviews(
        &self,
        tenant: TenantId,
        which: Reviews,
        after: Option<ReviewPlace>,
        limit: u32,
    ) -> Result<Vec<ReviewRow>> {
        let limit = page(limit);
        if which == Reviews::Closed {
            let after = after.unwrap_or(ReviewPlace { at: Millis(i64::MAX), event_seq: i64::MAX });
            return read!(self, tenant, all, CLOSED, [after.at, after.event_seq, limit], decode::review, |sim| {
                sim.reviews(which, after, limit)
            });
        }
        let until = if let Reviews::DueAt(at) = which { at } else { Millis(i64::MAX) };
        let after = after.unwrap_or(ReviewPlace { at: Millis(i64::MIN), event_seq: i64::MIN });
        read!(self, tenant, all, OPEN, [until, after.at, after.event_seq, limit], decode::review, |sim| {
            sim.reviews(which, after, limit)
        })
    }
}
