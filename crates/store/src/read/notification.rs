//! Questions about notifications, and taking those that are due.

use std::sync::Arc;

use mandate_core::change::{NotificationRow, NotificationState};
use mandate_core::id::{NotificationId, TenantId};
use mandate_core::time::{Millis, Span};
use uuid::Uuid;

use super::{MAX_SCAN, Page, page, read};
use crate::decode;
use crate::error::{Error, Result};
use crate::postgres::Name;
use crate::sql::{Conn, Reader, Sql, statements, values_of};
use crate::store::{Reading, Store};

/// Which notifications are asked for; what is none asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotificationFilter {
    /// `person:<uuid>`, `team:<handle>`, `external:<name>` or `fallback`.
    pub recipient: Option<String>,
    /// The channel's name.
    pub channel: Option<String>,
    /// What became of it.
    pub state: Option<NotificationState>,
    /// Planned at this time or later.
    pub since: Option<Millis>,
}

impl NotificationFilter {
    /// Whether a notification is asked for.
    #[must_use]
    pub fn takes(&self, row: &NotificationRow) -> bool {
        self.recipient.as_ref().is_none_or(|asked| **asked == *row.recipient)
            && self.channel.as_ref().is_none_or(|asked| **asked == *row.channel)
            && self.state.is_none_or(|asked| asked == row.state)
            && self.since.is_none_or(|since| row.created_at >= since)
    }
}

/// The lanes with something to be sent, found by jumping from one to the next in the index of such rows.
macro_rules! claim {
    ($now:literal, $left_out:literal, $pick:literal) => {
        concat!(
            "WITH RECURSIVE clock (now) AS (SELECT ",
            $now,
            "), lanes (lane) AS (
               SELECT min(lane) FROM notification WHERE tenant = $1 AND waits
               UNION ALL
               SELECT (SELECT min(n.lane) FROM notification n
                       WHERE n.tenant = $1 AND n.waits AND n.lane > lanes.lane)
               FROM lanes WHERE lanes.lane IS NOT NULL),
             due (lane) AS (
               SELECT lanes.lane FROM lanes, clock WHERE lanes.lane NOT IN (SELECT value FROM ",
            $left_out,
            ") AND EXISTS (
                 SELECT 1 FROM notification n WHERE n.tenant = $1 AND n.lane = lanes.lane AND n.waits
                   AND n.due_at <= clock.now AND n.lease_until <= clock.now)
               LIMIT $3) ",
            $pick
        )
    };
}

statements! {
    /// One notification by its id.
    NOTIFICATION: Sql::both("SELECT * FROM notification WHERE tenant = $1 AND id = $2");
    /// What one event sent.
    NOTIFICATIONS_OF: Sql::both("SELECT * FROM notification WHERE tenant = $1 AND event_seq = $2 ORDER BY id LIMIT $3");
    /// The notifications of a JSON list of hex ids.
    NOTIFICATIONS_NAMED: Sql {
        lite: "SELECT * FROM notification WHERE tenant = $1 AND id IN (SELECT unhex(value) FROM json_each($2))",
        pg: "SELECT * FROM notification WHERE tenant = $1
               AND id IN (SELECT value::uuid FROM json_array_elements_text($2::json))",
    };
    /// When the first notice of each event of a JSON list of places arrived.
    FIRST_SENT: Sql {
        lite: "SELECT event_seq, min(delivered_at) AS sent_at FROM notification
               WHERE tenant = $1 AND delivered_at IS NOT NULL AND event_seq IN (SELECT value FROM json_each($2))
               GROUP BY event_seq",
        pg: "SELECT event_seq, min(delivered_at) AS sent_at FROM notification
             WHERE tenant = $1 AND delivered_at IS NOT NULL
               AND event_seq IN (SELECT value::bigint FROM json_array_elements_text($2::json))
             GROUP BY event_seq",
    };
    /// How many events somebody was told of since `$3`, among the notifications from an id on.
    TOLD: Sql::both(
        "SELECT count(DISTINCT event_seq) AS told FROM notification
         WHERE tenant = $1 AND id >= $2 AND event_seq IS NOT NULL AND delivered_at >= $3",
    );
    /// When the oldest one that is still to be sent was born.
    OLDEST_QUEUED: Sql::both(
        "SELECT created_at FROM notification WHERE tenant = $1 AND state = 'queued' ORDER BY created_at LIMIT 1",
    );
    /// Notifications before an id, newest first, that pass a filter.
    LIST: Sql {
        lite: "SELECT * FROM notification WHERE tenant = $1 AND id < $2 AND id >= $3
                 AND ($4 IS NULL OR recipient = $4) AND ($5 IS NULL OR channel = $5)
                 AND ($6 IS NULL OR state = $6) AND ($7 IS NULL OR created_at >= $7)
               ORDER BY id DESC LIMIT $8",
        pg: "SELECT * FROM notification WHERE tenant = $1 AND id < $2 AND id >= $3
               AND ($4::text IS NULL OR recipient = $4) AND ($5::text IS NULL OR channel = $5)
               AND ($6::text IS NULL OR state = $6) AND ($7::bigint IS NULL OR created_at >= $7)
             ORDER BY id DESC LIMIT $8",
    };
    /// Where the same stops looking, if it does before the end.
    LIST_FLOOR: Sql::both(
        "SELECT id FROM notification WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT 1 OFFSET $3 - 1",
    );
    /// Takes what is due and nobody holds: `$2` for how long, of `$3` lanes, `$4` of each, none of the JSON list `$5`.
    /// Postgres picks in a step of
    /// its own: within a join it would pick again for each row, and pass the limit.
    CLAIM: Sql {
        lite: claim!(
            "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            "json_each($5)",
            "UPDATE notification SET lease_until = (SELECT now FROM clock) + $2 WHERE rowid IN (
               SELECT p.rowid FROM due CROSS JOIN notification p WHERE p.rowid IN (
                 SELECT n.rowid FROM notification n WHERE n.tenant = $1 AND n.lane = due.lane AND n.waits
                   AND n.due_at <= (SELECT now FROM clock) AND n.lease_until <= (SELECT now FROM clock)
                 ORDER BY n.due_at, n.id LIMIT $4))
             RETURNING *"
        ),
        pg: claim!(
            "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
            "json_array_elements_text($5::json)",
            ", picked (id) AS MATERIALIZED (
               SELECT p.id FROM due CROSS JOIN LATERAL (
                 SELECT n.id FROM notification n WHERE n.tenant = $1 AND n.lane = due.lane AND n.waits
                   AND n.due_at <= (SELECT now FROM clock) AND n.lease_until <= (SELECT now FROM clock)
                 ORDER BY n.due_at, n.id LIMIT $4 FOR UPDATE SKIP LOCKED) AS p)
             UPDATE notification SET lease_until = clock.now + $2 FROM clock, picked
             WHERE notification.tenant = $1 AND notification.id = picked.id
             RETURNING notification.*"
        ),
    };
}

impl Store {
    /// One notification by its id.
    ///
    /// # Errors
    /// As every read.
    pub async fn notification(&self, tenant: TenantId, id: NotificationId) -> Result<Option<NotificationRow>> {
        read!(self, tenant, one, NOTIFICATION, [id.0], decode::notification, |sim| sim.notification(id))
    }

    /// What one event sent, at most a page of 10,000, in the order of their ids.
    ///
    /// # Errors
    /// As every read.
    pub async fn notifications_of(&self, tenant: TenantId, event_seq: i64) -> Result<Vec<NotificationRow>> {
        let limit = page(u32::MAX);
        read!(self, tenant, all, NOTIFICATIONS_OF, [event_seq, limit], decode::notification, |sim| {
            sim.notifications_of(event_seq)
        })
    }

    /// When the oldest notification that is still to be sent was born; none when none is.
    ///
    /// # Errors
    /// As every read.
    pub async fn oldest_queued(&self, tenant: TenantId) -> Result<Option<Millis>> {
        fn born(row: &crate::sql::Row) -> Result<Millis> {
            row.of("notification", "created_at").int("created_at").map(Millis)
        }
        read!(self, tenant, one, OLDEST_QUEUED, [], born, |sim| sim.oldest_queued())
    }

    /// Notifications that pass a filter, newest first, before the id `before`. Looks at 20,000 at most, as
    /// [`Store::events`].
    ///
    /// # Errors
    /// As every read.
    pub async fn notifications(
        &self,
        tenant: TenantId,
        filter: &NotificationFilter,
        before: Option<NotificationId>,
        limit: u32,
    ) -> Result<Page<NotificationRow, NotificationId>> {
        let before = before.unwrap_or(NotificationId(Uuid::max()));
        match self.reading(tenant).await? {
            Reading::Sql(no, mut reader) => list(&mut reader, no, filter, before, page(limit)).await,
            #[cfg(feature = "sim")]
            Reading::Sim(sim) => Ok(sim.notifications(filter, before, page(limit))),
        }
    }

    /// Takes notifications that are due and whose lease ran out, a few a lane, and holds them for `lease`.
    ///
    /// No two callers get the same one while its lease lasts. The oldest due of each lane come first; the lanes
    /// `left_out` give nothing.
    ///
    /// # Errors
    /// As every read, and [`Error::Full`].
    pub async fn claim_due(
        &self,
        tenant: TenantId,
        lease: Span,
        lanes: u32,
        per_lane: u32,
        left_out: &[Arc<str>],
    ) -> Result<Vec<NotificationRow>> {
        let (lanes, per_lane) = (page(lanes), page(per_lane));
        let names = serde_json::to_string(left_out).map_err(|error| Error::Invalid(error.to_string()))?;
        let rows = match self {
            Self::Sqlite(store) => {
                let no = self.number(tenant).await?;
                let mut transaction = store.0.begin().await?;
                let values = values_of![no, lease.0, lanes, per_lane, &names];
                let rows = Conn::Lite(&mut transaction).all(CLAIM, &values).await?;
                transaction.commit().await?;
                rows
            }
            Self::Postgres(store) => {
                let no = self.number(tenant).await?;
                let mut transaction = store.0.begin(Name::Tenant(no)).await?;
                let values = values_of![no, lease.0, lanes, per_lane, &names];
                let rows = Conn::Pg(&mut transaction).all(CLAIM, &values).await?;
                transaction.commit().await?;
                rows
            }
            #[cfg(feature = "sim")]
            Self::Sim(sim) => return sim.claim_due(tenant, lease, lanes, per_lane, left_out).await,
        };
        let mut rows = rows.iter().map(decode::notification).collect::<Result<Vec<_>>>()?;
        rows.sort_by(|a, b| (&a.lane, a.due_at, a.id).cmp(&(&b.lane, b.due_at, b.id)));
        Ok(rows)
    }
}

async fn list(
    reader: &mut Reader,
    tenant: i64,
    filter: &NotificationFilter,
    before: NotificationId,
    limit: i64,
) -> Result<Page<NotificationRow, NotificationId>> {
    let scan = i64::from(MAX_SCAN);
    let mut conn = reader.conn();
    // The floor first: what is added in between is newer than what was looked at, and cannot lower it.
    let floor = conn.one(LIST_FLOOR, &values_of![tenant, before.0, scan]).await?;
    let floor = floor.map(|row| row.of("notification", "id").uuid("id")).transpose()?;
    let state = filter.state.map(NotificationState::as_str);
    let values = values_of![
        tenant,
        before.0,
        floor.unwrap_or(Uuid::nil()),
        &filter.recipient,
        &filter.channel,
        state,
        filter.since,
        limit
    ];
    let rows = conn.all(LIST, &values).await?;
    let items = rows.iter().map(decode::notification).collect::<Result<Vec<_>>>()?;
    let next = if i64::try_from(items.len()).is_ok_and(|found| found >= limit) {
        items.last().map(|row| row.id)
    } else {
        floor.map(NotificationId)
    };
    Ok(Page { items, next })
}
