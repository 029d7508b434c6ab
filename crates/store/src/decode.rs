//! From rows of the database to rows of the domain. What cannot be read is named by table, column and id.

use mandate_core::audit::{self, AuditRow};
use mandate_core::chain::Tip;
use mandate_core::change::row::Scope;
use mandate_core::change::{
    AgentRow, CheckpointRow, ConfigRow, EventRow, Head, HistoryRow, KeyRow, NotificationRow, NotificationState,
    OutcomeRow, PersonRow, RejectedRow, ResponseRow, ReviewRow, SeenKey, SeenRow, ToldIn,
};
use mandate_core::event::{ActorKind, Decision, Impact, Level};
use mandate_core::id::{ConfigId, EventId, KeyId, NotificationId, PersonId, RejectedId, ResponseId};
use mandate_core::intervention::{Effect, Intervention, Via};
use mandate_core::seal::Erased;
use mandate_core::storm::Because;
use mandate_core::time::Span;

use crate::error::Result;
use crate::read::{FeedRow, StoredEvent, StoredResponse};
use crate::sql::Row;

pub(crate) fn head(row: &Row) -> Result<Head> {
    let row = row.of("head", "tenant");
    Ok(Head {
        position: row.int("position")?,
        events: Tip { seq: row.int("event_seq")?, hash: row.hash("event_hash")? },
        audit: Tip { seq: row.int("audit_seq")?, hash: row.hash("audit_hash")? },
        last_id_at: row.millis("last_id_at")?,
        config: row.uuid_or("config")?.map(ConfigId),
    })
}

/// Reads the columns of `read::event`'s select.
pub(crate) fn event(row: &Row) -> Result<StoredEvent> {
    let row = row.of("event", "seq");
    let erased = match (row.millis_or("erased_at")?, row.text_or("erased_reason")?) {
        (Some(at), Some(reason)) => Some(Erased { at, reason }),
        _ => None,
    };
    let event = EventRow {
        seq: row.int("seq")?,
        id: EventId(row.uuid("id")?),
        position: row.int("position")?,
        at: row.millis("at")?,
        actor: row.text_or("actor")?,
        action: row.text_or("action")?,
        session: row.text_or("session")?,
        decision: row.word("decision", Decision::from_word)?,
        resources: row.json("resources")?,
        hash: row.hash("hash")?,
        sealed: row.bytes("sealed")?,
        content: row.bytes_or("content")?,
        plan: row.bytes("plan")?,
    };
    Ok(StoredEvent { row: event, erased })
}

pub(crate) fn audit(row: &Row) -> Result<AuditRow> {
    let row = row.of("audit", "seq");
    Ok(AuditRow {
        seq: row.int("seq")?,
        at: row.millis("at")?,
        hash: row.hash("hash")?,
        sealed: row.bytes("sealed")?,
        content: row.bytes_or("content")?,
    })
}

pub(crate) fn checkpoint(row: &Row) -> Result<CheckpointRow> {
    let row = row.of("checkpoint", "event_seq");
    Ok(CheckpointRow {
        at: row.millis("at")?,
        events: Tip { seq: row.int("event_seq")?, hash: row.hash("event_hash")? },
        audit: Tip { seq: row.int("audit_seq")?, hash: row.hash("audit_hash")? },
        public_key: row.text("public_key")?.to_owned(),
        signature: row.text("signature")?.to_owned(),
    })
}

pub(crate) fn notification(row: &Row) -> Result<NotificationRow> {
    let row = row.of("notification", "id");
    let told_in = match (row.uuid_or("told_in")?, row.text_or("because")?) {
        (Some(message), Some(because)) => Some(ToldIn {
            message: NotificationId(message),
            because: Because::from_word(&because).ok_or_else(|| row.corrupt("because"))?,
        }),
        _ => None,
    };
    let impact = row.text_or("impact")?.map(|word| Impact::from_word(&word).ok_or_else(|| row.corrupt("impact")));
    let count = |name| u32::try_from(row.int(name)?).map_err(|_| row.corrupt(name));
    Ok(NotificationRow {
        id: NotificationId(row.uuid("id")?),
        event_seq: row.int_or("event_seq")?,
        recipient: row.text("recipient")?.into(),
        channel: row.text("channel")?.into(),
        lane: row.text("lane")?.into(),
        urgency: row.word("urgency", Level::from_word)?,
        impact: impact.transpose()?,
        reason: row.bytes("reason")?,
        created_at: row.millis("created_at")?,
        state: row.word("state", NotificationState::from_word)?,
        due_at: row.millis("due_at")?,
        lease_until: row.millis("lease_until")?,
        attempts: count("attempts")?,
        log: row.bytes("log")?,
        delivered_at: row.millis_or("delivered_at")?,
        receipt: row.text_or("receipt")?,
        edition: count("edition")?,
        settled: count("settled")?,
        told_in,
    })
}

pub(crate) fn response(row: &Row) -> Result<ResponseRow> {
    let row = row.of("response", "id");
    Ok(ResponseRow {
        id: ResponseId(row.uuid("id")?),
        notification: NotificationId(row.uuid("notification")?),
        event_seq: row.int_or("event_seq")?,
        intervention: row.word("intervention", Intervention::from_word)?,
        undoes: row.uuid_or("undoes")?.map(ResponseId),
        assignee: row.text_or("assignee")?,
        by: row.text("by")?.to_owned(),
        via: row.word("via", Via::from_word)?,
        at: row.millis("at")?,
        since_sent: row.int_or("since_sent")?.map(Span),
        first: row.bool("first")?,
        effect: row.word("effect", Effect::from_word)?,
        audit_seq: row.int("audit_seq")?,
    })
}

/// Reads a response with the content of its audit entry beside it.
pub(crate) fn stored_response(row: &Row) -> Result<StoredResponse> {
    let note = row.of("response", "id").bytes_or("audit_content")?.and_then(|content| audit::note(&content));
    Ok(StoredResponse { row: response(row)?, note })
}

pub(crate) fn review(row: &Row) -> Result<ReviewRow> {
    let row = row.of("review", "event_seq");
    Ok(ReviewRow {
        event: EventId(row.uuid("event")?),
        event_seq: row.int("event_seq")?,
        opened_at: row.millis("opened_at")?,
        due_at: row.millis("due_at")?,
        opened_by: row.text("opened_by")?.to_owned(),
        closed_at: row.millis_or("closed_at")?,
        closed_by: row.text_or("closed_by")?,
        escalated_at: row.millis_or("escalated_at")?,
    })
}

pub(crate) fn outcome(row: &Row) -> Result<OutcomeRow> {
    let row = row.of("outcome", "event");
    Ok(OutcomeRow {
        event: EventId(row.uuid("event")?),
        at: row.millis("at")?,
        failed: row.bool("failed")?,
        body: row.bytes("body")?,
    })
}

pub(crate) fn rejected(row: &Row) -> Result<RejectedRow> {
    let row = row.of("rejected", "id");
    Ok(RejectedRow {
        id: RejectedId(row.uuid("id")?),
        at: row.millis("at")?,
        key: KeyId(row.uuid("key")?),
        errors: row.bytes("errors")?,
        item: row.text("item")?.to_owned(),
    })
}

pub(crate) fn seen(row: &Row) -> Result<SeenRow> {
    let row = row.of("seen", "hour");
    Ok(SeenRow {
        key: SeenKey { hour: row.int("hour")?, digest: row.array("digest")? },
        content: row.array("content")?,
        seq: row.int("seq")?,
        expires_at: row.millis("expires_at")?,
    })
}

pub(crate) fn agent(row: &Row) -> Result<AgentRow> {
    let row = row.of("agent", "id");
    Ok(AgentRow {
        id: row.text("id")?.to_owned(),
        kind: row.word("kind", ActorKind::from_word)?,
        name: row.text_or("name")?,
        framework: row.text_or("framework")?,
        first_seen_at: row.millis_or("first_seen_at")?,
        paused: row.bool("paused")?,
        version: row.int("version")?,
        reason: row.text_or("reason")?,
        by: row.text_or("by")?,
        since: row.millis_or("since")?,
    })
}

pub(crate) fn key(row: &Row) -> Result<KeyRow> {
    let row = row.of("api_key", "id");
    Ok(KeyRow {
        id: KeyId(row.uuid("id")?),
        hash: row.array("hash")?,
        scope: row.word("scope", Scope::from_word)?,
        name: row.text_or("name")?,
        agent: row.text_or("agent")?,
        person: row.text_or("person")?,
        created_at: row.millis("created_at")?,
        expires_at: row.millis_or("expires_at")?,
        revoked_at: row.millis_or("revoked_at")?,
    })
}

pub(crate) fn config(row: &Row) -> Result<ConfigRow> {
    let row = row.of("config", "id");
    Ok(ConfigRow {
        id: ConfigId(row.uuid("id")?),
        hash: row.hash("hash")?,
        files: row.bytes("files")?,
        at: row.millis("at")?,
        by: row.text("by")?.to_owned(),
    })
}

pub(crate) fn person(row: &Row) -> Result<PersonRow> {
    let row = row.of("person", "id");
    Ok(PersonRow { id: PersonId(row.uuid("id")?), handle: row.text("handle")?.to_owned(), name: row.text_or("name")? })
}

pub(crate) fn history(row: &Row) -> Result<HistoryRow> {
    let row = row.of("history", "tenant");
    Ok(HistoryRow { position: row.int("position")?, event_seq: row.int("event_seq")?, body: row.bytes("body")? })
}

pub(crate) fn feed(row: &Row) -> Result<FeedRow> {
    let row = row.of("feed", "first");
    Ok(FeedRow { first: row.int("first")?, entries: row.json("entries")? })
}
