//! Questions about the feed and the history's checkpoint.

use mandate_core::change::{FeedEntry, HistoryRow};
use mandate_core::id::TenantId;

use super::{page, read};
use crate::decode;
use crate::error::Result;
use crate::sql::{Row, Sql, statements};
use crate::store::Store;

/// What one commit says happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRow {
    /// The position of the first entry; the others follow, see [`FeedEntry::positions`].
    pub first: i64,
    /// What happened, in order.
    pub entries: Vec<FeedEntry>,
}

impl FeedRow {
    /// The last position that it covers.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.first - 1 + self.entries.iter().map(FeedEntry::positions).sum::<i64>()
    }
}

statements! {
    /// The feed after a position.
    FEED_AFTER: Sql {
        lite: "SELECT first, entries FROM feed WHERE no > (($1 << 44) | $2) AND no < (($1 + 1) << 44)
               ORDER BY no LIMIT $3",
        pg: "SELECT first, entries FROM feed WHERE tenant = $1 AND last > $2 ORDER BY last LIMIT $3",
    };
    /// The feed's beginning.
    OLDEST_FEED: Sql {
        lite: "SELECT first FROM feed WHERE no > ($1 << 44) AND no < (($1 + 1) << 44) ORDER BY no LIMIT 1",
        pg: "SELECT first FROM feed WHERE tenant = $1 ORDER BY last LIMIT 1",
    };
    /// The history's checkpoint.
    HISTORY: Sql::both("SELECT tenant, position, event_seq, body FROM history WHERE tenant = $1");
}

impl Store {
    /// What commits said after a position, oldest first, a row a commit. The first row may begin at or before the
    /// position, when that lies within a commit.
    ///
    /// # Errors
    /// As every read.
    pub async fn feed_after(&self, tenant: TenantId, position: i64, limit: u32) -> Result<Vec<FeedRow>> {
        let (position, limit) = (position.max(0), page(limit));
        read!(self, tenant, all, FEED_AFTER, [position, limit], decode::feed, |sim| sim.feed_after(position, limit))
    }

    /// The oldest position that the feed still has; none when it has nothing.
    ///
    /// # Errors
    /// As every read.
    pub async fn oldest_feed_position(&self, tenant: TenantId) -> Result<Option<i64>> {
        fn first(row: &Row) -> Result<i64> {
            row.of("feed", "first").int("first")
        }
        read!(self, tenant, one, OLDEST_FEED, [], first, |sim| sim.oldest_feed_position())
    }

    /// The history's last checkpoint.
    ///
    /// # Errors
    /// As every read.
    pub async fn history(&self, tenant: TenantId) -> Result<Option<HistoryRow>> {
        read!(self, tenant, one, HISTORY, [], decode::history, |sim| sim.history())
    }
}
