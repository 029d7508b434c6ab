//! What a commit's rows look like in their tables.

use std::collections::{BTreeMap, BTreeSet};

use mandate_core::change::{Changes, NotificationRow, SeenKey, SeenRow};
use mandate_core::event::Impact;

use crate::error::{Error, Result};
use crate::sql::{Insert, Kind::*, Writes, values_of};

static EVENTS: Insert = Insert::new(
    "event",
    true,
    &[
        ("tenant", Int),
        ("seq", Int),
        ("id", Uuid),
        ("position", Int),
        ("at", Int),
        ("actor", Text),
        ("action", Text),
        ("session", Text),
        ("decision", Text),
        ("resources", Text),
        ("hash", Bytes),
        ("sealed", Bytes),
        ("content", Bytes),
        ("plan", Bytes),
    ],
    "",
);

static RESOURCES: Insert =
    Insert::new("event_resource", false, &[("tenant", Int), ("resource", Text), ("seq", Int)], "");

static AUDIT: Insert = Insert::new(
    "audit",
    true,
    &[("tenant", Int), ("seq", Int), ("at", Int), ("hash", Bytes), ("sealed", Bytes), ("content", Bytes)],
    "",
);

static CHECKPOINTS: Insert = Insert::new(
    "checkpoint",
    false,
    &[
        ("tenant", Int),
        ("event_seq", Int),
        ("audit_seq", Int),
        ("at", Int),
        ("event_hash", Bytes),
        ("audit_hash", Bytes),
        ("public_key", Text),
        ("signature", Text),
    ],
    "",
);

/// A notification's columns.
const NOTIFICATION: &[(&str, crate::sql::Kind)] = &[
    ("tenant", Int),
    ("id", Uuid),
    ("event_seq", Int),
    ("recipient", Text),
    ("channel", Text),
    ("lane", Text),
    ("urgency", Text),
    ("impact", Text),
    ("reason", Bytes),
    ("created_at", Int),
    ("state", Text),
    ("due_at", Int),
    ("lease_until", Int),
    ("attempts", Int),
    ("log", Bytes),
    ("delivered_at", Int),
    ("receipt", Text),
    ("edition", Int),
    ("settled", Int),
    ("told_in", Uuid),
    ("because", Text),
];

/// Two results of one notice may give birth to the same alternate.
static NOTIFICATIONS: Insert = Insert::new("notification", false, NOTIFICATION, "ON CONFLICT (tenant, id) DO NOTHING");

static DELIVERIES: Insert = Insert::new(
    "notification",
    false,
    NOTIFICATION,
    "ON CONFLICT (tenant, id) DO UPDATE SET state = excluded.state, due_at = excluded.due_at,
       lease_until = excluded.lease_until, attempts = excluded.attempts, log = excluded.log,
       delivered_at = excluded.delivered_at, receipt = excluded.receipt, settled = excluded.settled
     WHERE notification.waits AND notification.attempts < excluded.attempts",
);

static RESPONSES: Insert = Insert::new(
    "response",
    false,
    &[
        ("tenant", Int),
        ("id", Uuid),
        ("notification", Uuid),
        ("event_seq", Int),
        ("intervention", Text),
        ("undoes", Uuid),
        ("assignee", Text),
        ("by", Text),
        ("via", Text),
        ("at", Int),
        ("since_sent", Int),
        ("first", Bool),
        ("effect", Text),
        ("audit_seq", Int),
    ],
    "",
);

static REVIEWS: Insert = Insert::new(
    "review",
    false,
    &[
        ("tenant", Int),
        ("event_seq", Int),
        ("event", Uuid),
        ("opened_at", Int),
        ("due_at", Int),
        ("opened_by", Text),
        ("closed_at", Int),
        ("closed_by", Text),
        ("escalated_at", Int),
    ],
    "ON CONFLICT (tenant, event_seq) DO UPDATE SET opened_at = excluded.opened_at, due_at = excluded.due_at,
       opened_by = excluded.opened_by, closed_at = excluded.closed_at, closed_by = excluded.closed_by,
       escalated_at = excluded.escalated_at",
);

static OUTCOMES: Insert = Insert::new(
    "outcome",
    false,
    &[("tenant", Int), ("event", Uuid), ("at", Int), ("failed", Bool), ("body", Bytes)],
    "ON CONFLICT (tenant, event) DO NOTHING",
);

static REJECTED: Insert = Insert::new(
    "rejected",
    false,
    &[("tenant", Int), ("id", Uuid), ("at", Int), ("key", Uuid), ("errors", Bytes), ("item", Text)],
    "",
);

/// The columns of an input's key.
const SEEN_COLUMNS: &[(&str, crate::sql::Kind)] =
    &[("tenant", Int), ("hour", Int), ("digest", Bytes), ("content", Bytes), ("seq", Int), ("expires_at", Int)];

/// Keys that are not there: the plain insert costs a database less.
static SEEN_NEW: Insert = Insert::new("seen", false, SEEN_COLUMNS, "");

static SEEN: Insert = Insert::new(
    "seen",
    false,
    SEEN_COLUMNS,
    "ON CONFLICT (tenant, hour, digest) DO UPDATE SET
       content = excluded.content, seq = excluded.seq, expires_at = excluded.expires_at",
);

static AGENTS: Insert = Insert::new(
    "agent",
    false,
    &[
        ("tenant", Int),
        ("id", Text),
        ("kind", Text),
        ("name", Text),
        ("framework", Text),
        ("first_seen_at", Int),
        ("paused", Bool),
        ("version", Int),
        ("reason", Text),
        ("by", Text),
        ("since", Int),
    ],
    "ON CONFLICT (tenant, id) DO UPDATE SET kind = excluded.kind, name = excluded.name,
       framework = excluded.framework, first_seen_at = excluded.first_seen_at, paused = excluded.paused,
       version = excluded.version, reason = excluded.reason, by = excluded.by, since = excluded.since",
);

static KEYS: Insert = Insert::new(
    "api_key",
    false,
    &[
        ("tenant", Int),
        ("id", Uuid),
        ("hash", Bytes),
        ("scope", Text),
        ("name", Text),
        ("agent", Text),
        ("person", Text),
        ("created_at", Int),
        ("expires_at", Int),
        ("revoked_at", Int),
    ],
    "ON CONFLICT (tenant, id) DO UPDATE SET hash = excluded.hash, scope = excluded.scope, name = excluded.name,
       agent = excluded.agent, person = excluded.person, created_at = excluded.created_at,
       expires_at = excluded.expires_at, revoked_at = excluded.revoked_at",
);

static CONFIGS: Insert = Insert::new(
    "config",
    false,
    &[("tenant", Int), ("id", Uuid), ("hash", Bytes), ("files", Bytes), ("at", Int), ("by", Text)],
    "",
);

static PEOPLE: Insert = Insert::new(
    "person",
    false,
    &[("tenant", Int), ("id", Uuid), ("handle", Text), ("name", Text)],
    "ON CONFLICT (tenant, id) DO UPDATE SET handle = excluded.handle, name = excluded.name",
);

static HISTORY: Insert = Insert::new(
    "history",
    false,
    &[("tenant", Int), ("position", Int), ("event_seq", Int), ("body", Bytes)],
    "ON CONFLICT (tenant) DO UPDATE SET
       position = excluded.position, event_seq = excluded.event_seq, body = excluded.body",
);

static FEED: Insert =
    Insert::new("feed", true, &[("tenant", Int), ("last", Int), ("first", Int), ("entries", Text)], "");

/// Every insert.
pub(crate) static ALL: &[&Insert] = &[
    &EVENTS,
    &RESOURCES,
    &AUDIT,
    &CHECKPOINTS,
    &NOTIFICATIONS,
    &DELIVERIES,
    &RESPONSES,
    &REVIEWS,
    &OUTCOMES,
    &REJECTED,
    &SEEN_NEW,
    &SEEN,
    &AGENTS,
    &KEYS,
    &CONFIGS,
    &PEOPLE,
    &HISTORY,
    &FEED,
];

/// Inserts everything that the changes hold, the feed after `position`. The head is moved afterwards.
///
/// Of the keys of inputs, `unseen` are known not to be there.
pub(super) async fn insert(
    writes: &mut Writes<'_, '_>,
    tenant: i64,
    position: i64,
    changes: &Changes,
    unseen: &BTreeSet<SeenKey>,
) -> Result<()> {
    insert_logs(writes, tenant, position, changes).await?;
    let notifications: Vec<_> = changes.notifications.iter().map(|row| notification(tenant, row)).collect();
    NOTIFICATIONS.rows(writes, &notifications).await?;
    // An upsert statement may not meet a row twice, so of rows with one key only the furthest is sent.
    let mut deliveries: BTreeMap<_, &NotificationRow> = BTreeMap::new();
    for row in &changes.deliveries {
        let known = deliveries.entry(row.id).or_insert(row);
        if known.attempts < row.attempts {
            *known = row;
        }
    }
    let deliveries: Vec<_> = deliveries.values().map(|row| notification(tenant, row)).collect();
    DELIVERIES.rows(writes, &deliveries).await?;
    insert_answers(writes, tenant, changes).await?;
    let outcomes: Vec<_> =
        changes.outcomes.iter().map(|row| values_of![tenant, row.event.0, row.at, row.failed, &row.body]).collect();
    OUTCOMES.rows(writes, &outcomes).await?;
    let rejected: Vec<_> = changes
        .rejected
        .iter()
        .map(|row| values_of![tenant, row.id.0, row.at, row.key.0, &row.errors, &row.item])
        .collect();
    REJECTED.rows(writes, &rejected).await?;
    let (new, known): (Vec<&SeenRow>, Vec<&SeenRow>) =
        last_by(&changes.seen, |row| row.key).into_values().partition(|row| unseen.contains(&row.key));
    for (insert, rows) in [(&SEEN_NEW, new), (&SEEN, known)] {
        let rows: Vec<_> = rows
            .into_iter()
            .map(|row| values_of![tenant, row.key.hour, &row.key.digest, &row.content, row.seq, row.expires_at])
            .collect();
        insert.rows(writes, &rows).await?;
    }
    insert_state(writes, tenant, changes).await
}

async fn insert_logs(writes: &mut Writes<'_, '_>, tenant: i64, position: i64, changes: &Changes) -> Result<()> {
    let lists: Vec<_> = changes.events.iter().map(|row| json(&row.resources)).collect::<Result<_>>()?;
    let events: Vec<_> = changes
        .events
        .iter()
        .zip(&lists)
        .map(|(row, resources)| {
            values_of![
                tenant,
                row.seq,
                row.id.0,
                row.position,
                row.at,
                &row.actor,
                &row.action,
                &row.session,
                row.decision.as_str(),
                resources,
                &row.hash,
                &row.sealed,
                &row.content,
                &row.plan,
            ]
        })
        .collect();
    EVENTS.rows(writes, &events).await?;
    let mut resources: Vec<_> =
        changes.events.iter().flat_map(|row| row.resources.iter().map(|resource| (resource, row.seq))).collect();
    resources.sort_unstable();
    let resources: Vec<_> = resources.into_iter().map(|(resource, seq)| values_of![tenant, resource, seq]).collect();
    RESOURCES.rows(writes, &resources).await?;
    let audit: Vec<_> = changes
        .audit
        .iter()
        .map(|row| values_of![tenant, row.seq, row.at, &row.hash, &row.sealed, &row.content])
        .collect();
    AUDIT.rows(writes, &audit).await?;
    let checkpoints: Vec<_> = changes
        .checkpoints
        .iter()
        .map(|row| {
            let (events, audit) = (&row.events, &row.audit);
            values_of![
                tenant,
                events.seq,
                audit.seq,
                row.at,
                &events.hash,
                &audit.hash,
                &row.public_key,
                &row.signature
            ]
        })
        .collect();
    CHECKPOINTS.rows(writes, &checkpoints).await?;
    if changes.feed.is_empty() {
        return Ok(());
    }
    let entries = json(&changes.feed)?;
    FEED.rows(writes, &[values_of![tenant, position + changes.positions(), position + 1, &entries]]).await
}

async fn insert_answers(writes: &mut Writes<'_, '_>, tenant: i64, changes: &Changes) -> Result<()> {
    let responses: Vec<_> = changes
        .responses
        .iter()
        .map(|row| {
            values_of![
                tenant,
                row.id.0,
                row.notification.0,
                row.event_seq,
                row.intervention.as_str(),
                row.undoes.map(|id| id.0),
                &row.assignee,
                &row.by,
                row.via.as_str(),
                row.at,
                row.since_sent.map(|span| span.0),
                row.first,
                row.effect.as_str(),
                row.audit_seq,
            ]
        })
        .collect();
    RESPONSES.rows(writes, &responses).await?;
    let reviews: Vec<_> = last_by(&changes.reviews, |row| row.event_seq)
        .into_values()
        .map(|row| {
            values_of![
                tenant,
                row.event_seq,
                row.event.0,
                row.opened_at,
                row.due_at,
                &row.opened_by,
                row.closed_at,
                &row.closed_by,
                row.escalated_at,
            ]
        })
        .collect();
    REVIEWS.rows(writes, &reviews).await
}

async fn insert_state(writes: &mut Writes<'_, '_>, tenant: i64, changes: &Changes) -> Result<()> {
    let agents: Vec<_> = last_by(&changes.agents, |row| &row.id)
        .into_values()
        .map(|row| {
            values_of![
                tenant,
                &row.id,
                row.kind.as_str(),
                &row.name,
                &row.framework,
                row.first_seen_at,
                row.paused,
                row.version,
                &row.reason,
                &row.by,
                row.since,
            ]
        })
        .collect();
    AGENTS.rows(writes, &agents).await?;
    let keys: Vec<_> = last_by(&changes.keys, |row| row.id)
        .into_values()
        .map(|row| {
            values_of![
                tenant,
                row.id.0,
                &row.hash,
                row.scope.as_str(),
                &row.name,
                &row.agent,
                &row.person,
                row.created_at,
                row.expires_at,
                row.revoked_at,
            ]
        })
        .collect();
    KEYS.rows(writes, &keys).await?;
    let configs: Vec<_> = changes
        .configs
        .iter()
        .map(|row| values_of![tenant, row.id.0, &row.hash, &row.files, row.at, &row.by])
        .collect();
    CONFIGS.rows(writes, &configs).await?;
    let people: Vec<_> = last_by(&changes.people, |row| row.id)
        .into_values()
        .map(|row| values_of![tenant, row.id.0, &row.handle, &row.name])
        .collect();
    PEOPLE.rows(writes, &people).await?;
    let history: Vec<_> =
        changes.history.iter().map(|row| values_of![tenant, row.position, row.event_seq, &row.body]).collect();
    HISTORY.rows(writes, &history).await
}

fn notification(tenant: i64, row: &NotificationRow) -> [crate::sql::Value<'_>; NOTIFICATION.len()] {
    values_of![
        tenant,
        row.id.0,
        row.event_seq,
        &*row.recipient,
        &*row.channel,
        &*row.lane,
        row.urgency.as_str(),
        row.impact.map(Impact::as_str),
        &row.reason,
        row.created_at,
        row.state.as_str(),
        row.due_at,
        row.lease_until,
        row.attempts,
        &row.log,
        row.delivered_at,
        &row.receipt,
        row.edition,
        row.settled,
        row.told_in.map(|told_in| told_in.message.0),
        row.told_in.map(|told_in| told_in.because.as_str()),
    ]
}

/// The last of the rows with each key, by key.
fn last_by<'r, T, K: Ord>(rows: &'r [T], key: impl Fn(&'r T) -> K) -> BTreeMap<K, &'r T> {
    rows.iter().map(|row| (key(row), row)).collect()
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Invalid(error.to_string()))
}
