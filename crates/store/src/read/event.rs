//! Questions about events.

use mandate_core::change::EventRow;
use mandate_core::event::Decision;
use mandate_core::id::{EventId, TenantId, uuid_v7};
use mandate_core::seal::Erased;
use mandate_core::time::{HOUR, Millis};
use uuid::Uuid;

use super::{MAX_SCAN, Page, page, read};
use crate::decode;
use crate::error::Result;
use crate::sql::{Reader, Sql, statements, values_of};
use crate::store::{Reading, Store};

/// A stored event, and when and why its content was erased if it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The event.
    pub row: EventRow,
    /// Its erasure.
    pub erased: Option<Erased>,
}

/// Which events are asked for; what is none asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Who acted.
    pub actor: Option<String>,
    /// The address of something touched, `type:id`.
    pub resource: Option<String>,
    /// The action's type.
    pub action: Option<String>,
    /// The session.
    pub session: Option<String>,
    /// How it was routed.
    pub decision: Option<Decision>,
    /// At this time or later.
    pub since: Option<Millis>,
    /// Before this time.
    pub until: Option<Millis>,
}

impl EventFilter {
    /// Whether an event is asked for.
    #[must_use]
    pub fn takes(&self, row: &EventRow) -> bool {
        fn is(asked: Option<&String>, has: Option<&String>) -> bool {
            asked.is_none() || asked == has
        }
        is(self.actor.as_ref(), row.actor.as_ref())
            && is(self.action.as_ref(), row.action.as_ref())
            && is(self.session.as_ref(), row.session.as_ref())
            && self.resource.as_ref().is_none_or(|asked| row.resources.contains(asked))
            && self.decision.is_none_or(|asked| asked == row.decision)
            && self.since.is_none_or(|since| row.at >= since)
            && self.until.is_none_or(|until| row.at < until)
    }

    /// An id that is older than every event at or after `since`: an event is never dated further ahead of its
    /// arrival than the clocks may disagree, for which an hour is generous.
    fn oldest_id(&self) -> Option<Uuid> {
        self.since.map(|since| uuid_v7(since.minus(HOUR), [0; 16]))
    }
}

macro_rules! select {
    ($rest:literal) => {
        select!($rest, $rest)
    };
    ($lite:expr, $pg:expr) => {
        Sql {
            lite: concat!(columns!(), "event e ", erased!(), $lite),
            pg: concat!(columns!(), "event e ", erased!(), $pg),
        }
    };
}

/// What is read of an event, up to `FROM`.
macro_rules! columns {
    () => {
        "SELECT e.seq, e.id, e.position, e.at, e.actor, e.action, e.session, e.decision, e.resources, e.hash, e.sealed,
           e.content, e.plan, x.at AS erased_at, x.reason AS erased_reason FROM "
    };
}

macro_rules! erased {
    () => {
        "LEFT JOIN erased x ON x.tenant = e.tenant AND x.seq = e.seq "
    };
}

/// Events from the place `$3` up to before `$2`, newest first: `$4` is the actor or resource, the rest the filter.
/// The order is an index's, so the list ends with the page.
macro_rules! list {
    ($lite_from:expr, $lite_key:expr, $lite_order:expr, $pg_from:expr, $pg_key:expr, $pg_order:expr) => {
        Sql {
            lite: concat!(
                columns!(),
                $lite_from,
                erased!(),
                "WHERE ",
                $lite_key,
                " AND ($5 IS NULL OR e.action = $5) AND ($6 IS NULL OR e.session = $6)
                  AND ($7 IS NULL OR e.decision = $7) AND ($8 IS NULL OR e.at >= $8) AND ($9 IS NULL OR e.at < $9)
                  AND ($10 IS NULL OR e.actor = $10)
                ORDER BY ",
                $lite_order,
                " DESC LIMIT $11"
            ),
            pg: concat!(
                columns!(),
                $pg_from,
                erased!(),
                "WHERE ",
                $pg_key,
                " AND ($5::text IS NULL OR e.action = $5) AND ($6::text IS NULL OR e.session = $6)
                  AND ($7::text IS NULL OR e.decision = $7) AND ($8::bigint IS NULL OR e.at >= $8)
                  AND ($9::bigint IS NULL OR e.at < $9) AND ($10::text IS NULL OR e.actor = $10)
                ORDER BY ",
                $pg_order,
                " DESC LIMIT $11"
            ),
        }
    };
}

statements! {
    /// One event by its id.
    EVENT: select!("WHERE e.tenant = $1 AND e.id = $2");
    /// One event by its place.
    EVENT_BY_SEQ: select!("WHERE e.no = (($1 << 44) | $2)", "WHERE e.tenant = $1 AND e.seq = $2");
    /// The events at the places of a JSON list.
    EVENTS_AT: select!(
        "WHERE e.no IN (SELECT ($1 << 44) | value FROM json_each($2))",
        "WHERE e.tenant = $1 AND e.seq IN (SELECT value::bigint FROM json_array_elements_text($2::json))"
    );
    /// The events with the ids of a JSON list of hex.
    EVENTS_NAMED: select!(
        "WHERE e.tenant = $1 AND e.id IN (SELECT unhex(value) FROM json_each($2))",
        "WHERE e.tenant = $1 AND e.id IN (SELECT value::uuid FROM json_array_elements_text($2::json))"
    );
    /// Events from a place on, in chain order.
    EVENTS_FROM: select!(
        "WHERE e.no >= (($1 << 44) | $2) AND e.no < (($1 + 1) << 44) ORDER BY e.no LIMIT $3",
        "WHERE e.tenant = $1 AND e.seq >= $2 ORDER BY e.seq LIMIT $3"
    );
    /// Every event, newest first.
    LIST: list!(
        "event e ",
        "e.no < (($1 << 44) | $2) AND e.no >= (($1 << 44) | $3) AND $4 IS NULL",
        "e.no",
        "event e ",
        "e.tenant = $1 AND e.seq < $2 AND e.seq >= $3 AND $4::text IS NULL",
        "e.seq"
    );
    /// The same of one actor.
    LIST_OF_ACTOR: list!(
        "event e INDEXED BY event_by_actor ",
        "e.tenant = $1 AND e.actor = $4 AND e.no < (($1 << 44) | $2) AND e.no >= (($1 << 44) | $3)",
        "e.no",
        "event e ",
        "e.tenant = $1 AND e.actor = $4 AND e.seq < $2 AND e.seq >= $3",
        "e.seq"
    );
    /// The same of one resource.
    LIST_OF_RESOURCE: list!(
        "event_resource r CROSS JOIN event e ON e.no = (($1 << 44) | r.seq) ",
        "r.tenant = $1 AND r.resource = $4 AND r.seq < $2 AND r.seq >= $3",
        "r.seq",
        "event_resource r JOIN event e ON e.tenant = $1 AND e.seq = r.seq ",
        "r.tenant = $1 AND r.resource = $4 AND r.seq < $2 AND r.seq >= $3",
        "r.seq"
    );
    /// Where a list of one actor stops looking, if it does before the end.
    FLOOR_OF_ACTOR: Sql {
        lite: "SELECT seq FROM event WHERE tenant = $1 AND actor = $4 AND no < (($1 << 44) | $2)
               ORDER BY no DESC LIMIT 1 OFFSET $3 - 1",
        pg: "SELECT seq FROM event WHERE tenant = $1 AND actor = $4 AND seq < $2 ORDER BY seq DESC LIMIT 1 OFFSET $3 - 1",
    };
    /// The same of one resource.
    FLOOR_OF_RESOURCE: Sql::both(
        "SELECT seq FROM event_resource WHERE tenant = $1 AND resource = $4 AND seq < $2
         ORDER BY seq DESC LIMIT 1 OFFSET $3 - 1",
    );
    /// The place after the newest event.
    TOP: Sql::both("SELECT event_seq + 1 AS seq FROM head WHERE tenant = $1");
    /// The last place whose id is older than one.
    BEFORE_ID: Sql::both("SELECT seq FROM event WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT 1");
    /// Resources that events list but the index of resources lacks.
    UNINDEXED: Sql {
        lite: "SELECT e.seq, r.value AS resource FROM event e, json_each(e.resources) r
               WHERE e.no >= (($1 << 44) | $2) AND e.no <= (($1 << 44) | $3) AND NOT EXISTS (
                 SELECT 1 FROM event_resource i WHERE i.tenant = $1 AND i.resource = r.value AND i.seq = e.seq)
               ORDER BY e.seq LIMIT 100",
        pg: "SELECT e.seq, r.value AS resource FROM event e, json_array_elements_text(e.resources::json) AS r (value)
             WHERE e.tenant = $1 AND e.seq >= $2 AND e.seq <= $3 AND NOT EXISTS (
               SELECT FROM event_resource i WHERE i.tenant = $1 AND i.resource = r.value AND i.seq = e.seq)
             ORDER BY e.seq LIMIT 100",
    };
}

impl Store {
    /// One event by its id.
    ///
    /// # Errors
    /// As every read.
    pub async fn event(&self, tenant: TenantId, id: EventId) -> Result<Option<StoredEvent>> {
        read!(self, tenant, one, EVENT, [id.0], decode::event, |sim| sim.event(id))
    }

    /// One event by its place in the chain.
    ///
    /// # Errors
    /// As every read.
    pub async fn event_by_seq(&self, tenant: TenantId, seq: i64) -> Result<Option<StoredEvent>> {
        read!(self, tenant, one, EVENT_BY_SEQ, [seq], decode::event, |sim| sim.event_by_seq(seq))
    }

    /// Events from a place on, in chain order: for export, verification and replay.
    ///
    /// # Errors
    /// As every read.
    pub async fn events_from(&self, tenant: TenantId, seq: i64, limit: u32) -> Result<Vec<StoredEvent>> {
        let (seq, limit) = (seq.max(1), page(limit));
        read!(self, tenant, all, EVENTS_FROM, [seq, limit], decode::event, |sim| sim.events_from(seq, limit))
    }

    /// The place of the last event that was recorded before a time; none when there is no such one.
    ///
    /// # Errors
    /// As every read.
    pub async fn last_event_before(&self, tenant: TenantId, at: Millis) -> Result<Option<i64>> {
        fn seq(row: &crate::sql::Row) -> Result<i64> {
            row.of("event", "seq").int("seq")
        }
        let id = uuid_v7(at, [0; 16]);
        read!(self, tenant, one, BEFORE_ID, [id], seq, |sim| sim.last_event_before(EventId(id)))
    }

    /// Resources that events in a range of places list but that searching by resource would not find, at most
    /// 100, as `(seq, resource)`. For verification.
    ///
    /// # Errors
    /// As every read.
    pub async fn unindexed_resources(&self, tenant: TenantId, from: i64, to: i64) -> Result<Vec<(i64, String)>> {
        fn pair(row: &crate::sql::Row) -> Result<(i64, String)> {
            let row = row.of("event", "seq");
            Ok((row.int("seq")?, row.text("resource")?.to_owned()))
        }
        read!(self, tenant, all, UNINDEXED, [from, to], pair, |_sim| Vec::new())
    }

    /// Events that pass a filter, newest first, before the place `before`.
    ///
    /// Looks at 20,000 events of the resource, else of the actor, else of all at most; then gives what it found and where
    /// to go on, so a page may be empty and not be the last.
    ///
    /// # Errors
    /// As every read.
    pub async fn events(
        &self,
        tenant: TenantId,
        filter: &EventFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<StoredEvent>> {
        match self.reading(tenant).await? {
            Reading::Sql(no, mut reader) => list(&mut reader, no, filter, before, page(limit)).await,
            #[cfg(feature = "sim")]
            Reading::Sim(sim) => Ok(sim.events(filter, before, page(limit))),
        }
    }
}

async fn list(
    reader: &mut Reader,
    tenant: i64,
    filter: &EventFilter,
    before: Option<i64>,
    limit: i64,
) -> Result<Page<StoredEvent>> {
    let mut conn = reader.conn();
    // Below a fixed place nothing is ever added, so both statements see the same events.
    let top = conn.one(TOP, &values_of![tenant]).await?;
    let top = top.map_or(Ok(1), |row| row.of("head", "seq").int("seq"))?;
    let before = before.unwrap_or(top).clamp(1, top);
    let mut oldest = 1;
    if let Some(id) = filter.oldest_id()
        && let Some(row) = conn.one(BEFORE_ID, &values_of![tenant, id]).await?
    {
        oldest = row.of("event", "seq").int("seq")? + 1;
    }
    let scan = i64::from(MAX_SCAN);
    let (sql, floor, key) = match (&filter.resource, &filter.actor) {
        (Some(resource), _) => (LIST_OF_RESOURCE, Some(FLOOR_OF_RESOURCE), Some(resource.as_str())),
        (None, Some(actor)) => (LIST_OF_ACTOR, Some(FLOOR_OF_ACTOR), Some(actor.as_str())),
        (None, None) => (LIST, None, None),
    };
    let from = match floor {
        Some(floor) => match conn.one(floor, &values_of![tenant, before, scan, key]).await? {
            Some(row) => row.of("event", "seq").int("seq")?,
            None => 1,
        },
        // Places have no gap.
        None => before - scan,
    };
    let from = from.max(oldest);
    let values = values_of![
        tenant,
        before,
        from,
        key,
        &filter.action,
        &filter.session,
        filter.decision.map(Decision::as_str),
        filter.since,
        filter.until,
        &filter.actor,
        limit,
    ];
    let items = conn.all(sql, &values).await?.iter().map(decode::event).collect::<Result<Vec<_>>>()?;
    let full = i64::try_from(items.len()).is_ok_and(|found| found >= limit);
    let stopped = if full { items.last().map_or(from, |event| event.row.seq) } else { from };
    Ok(Page { items, next: Some(stopped).filter(|seq| *seq > oldest) })
}
