//! Rows as the interface shows them: people by their handles, states by their words.

use mandate_api::{
    Agent, AgentState, Attempt, Control, Key, KeyScope, Notification, Outcome, Response, Review, ToldIn,
};
use mandate_core::change::{AgentRow, KeyRow, NotificationRow, NotificationState, OutcomeRow, ReviewRow, Scope};
use mandate_core::delivery;
use mandate_core::plan::{Record, Snapshot, Why};
use mandate_core::seal;
use mandate_core::time::Millis;
use mandate_store::{StoredEvent, StoredResponse};
use serde_json::Value;

use super::problem::Refused;

fn state(row: &AgentRow) -> AgentState {
    if row.paused { AgentState::Paused } else { AgentState::Running }
}

/// An agent as people see it.
pub(super) fn agent(row: &AgentRow, snapshot: &Snapshot) -> Agent {
    Agent {
        id: row.id.clone(),
        kind: row.kind.as_str().to_owned(),
        name: row.name.clone(),
        framework: row.framework.clone(),
        first_seen_at: row.first_seen_at.map(|at| at.0),
        state: state(row),
        version: row.version,
        reason: row.reason.clone(),
        by: row.by.as_deref().map(|by| snapshot.display_name(by)),
        since: row.since.map(|at| at.0),
    }
}

/// An agent's state as the agent gets it.
pub(super) fn control(row: &AgentRow, snapshot: &Snapshot) -> Control {
    Control {
        version: row.version,
        state: state(row),
        reason: row.reason.clone(),
        by: row.by.as_deref().map(|by| snapshot.display_name(by)),
        since: row.since.map(|at| at.0),
        ..Control::running()
    }
}

/// A scope in the interface's words.
pub(super) fn scope(scope: Scope) -> KeyScope {
    match scope {
        Scope::Ingest => KeyScope::Ingest,
        Scope::Read => KeyScope::Read,
        Scope::Respond => KeyScope::Respond,
        Scope::Admin => KeyScope::Admin,
    }
}

/// An API key without its hash.
pub(super) fn key(row: &KeyRow) -> Key {
    Key {
        id: row.id.0,
        scope: scope(row.scope),
        name: row.name.clone(),
        agent: row.agent.clone(),
        person: row.person.clone(),
        created_at: row.created_at.0,
        expires_at: row.expires_at.map(|at| at.0),
        revoked_at: row.revoked_at.map(|at| at.0),
    }
}

/// A notice; with its delivery log when `whole`.
pub(super) fn notification(row: &NotificationRow, snapshot: &Snapshot, whole: bool) -> Notification {
    let log: Vec<delivery::Attempt> = serde_json::from_slice(&row.log).unwrap_or_default();
    Notification {
        id: row.id.0,
        event_seq: row.event_seq,
        recipient: snapshot.display_name(&row.recipient),
        channel: row.channel.to_string(),
        urgency: row.urgency.to_string(),
        reason: serde_json::from_slice(&row.reason).unwrap_or_default(),
        why: why(row, None),
        state: row.state.to_string(),
        created_at: row.created_at.0,
        due_at: (row.state == NotificationState::Queued).then_some(row.due_at.0),
        delivered_at: row.delivered_at.map(|at| at.0),
        told_in: row.told_in.map(told_in),
        attempts: row.attempts,
        log: if whole { log.iter().map(attempt).collect() } else { Vec::new() },
        responses: Vec::new(),
    }
}

/// Which message tells of a notice.
pub(super) fn told_in(told_in: mandate_core::change::ToldIn) -> ToldIn {
    let because = told_in.because;
    ToldIn { notification: told_in.message.0, because: because.to_string(), words: because.sentence().to_owned() }
}

/// Why a notice's recipient is told, in words; with the event's plan those name what was touched.
pub(super) fn why(row: &NotificationRow, plan: Option<&Record>) -> String {
    let reasons: Vec<Why> = serde_json::from_slice(&row.reason).unwrap_or_default();
    let place = |n: u32| {
        let owned = plan?.owners.get(n as usize)?;
        Some((owned.resource.as_str(), owned.step.as_str()))
    };
    let mut sentences: Vec<String> = reasons.iter().map(|why| why.sentence(place)).collect();
    // Two rules may give one reason.
    sentences.dedup();
    sentences.join("; ")
}

/// An answer to a notice about what `agent` did.
pub(super) fn response(stored: &StoredResponse, agent: Option<&str>, snapshot: &Snapshot) -> Response {
    let StoredResponse { row, note } = stored;
    let to = row.assignee.as_deref().map(|to| snapshot.display_name(to));
    let agent = agent.unwrap_or("the agent");
    let did = match row.undoes {
        Some(_) => row.intervention.undid(agent),
        None => row.intervention.did(agent, to.as_deref().unwrap_or_default()),
    };
    Response {
        id: row.id.0,
        notification_id: row.notification.0,
        event_seq: row.event_seq,
        intervention: row.intervention.to_string(),
        undoes: row.undoes.map(|id| id.0),
        to,
        by: snapshot.display_name(&row.by),
        via: row.via.to_string(),
        at: row.at.0,
        since_sent_ms: row.since_sent.map(|span| span.0),
        first: row.first,
        effect: row.effect.to_string(),
        note: note.clone(),
        did,
    }
}

/// A review as it stands now.
pub(super) fn review(row: &ReviewRow, now: Millis, snapshot: &Snapshot) -> Review {
    Review {
        event_id: row.event.0,
        event_seq: row.event_seq,
        state: row.state(now).to_string(),
        opened_at: row.opened_at.0,
        due_at: row.due_at.0,
        opened_by: snapshot.display_name(&row.opened_by),
        closed_at: row.closed_at.map(|at| at.0),
        closed_by: row.closed_by.as_deref().map(|by| snapshot.display_name(by)),
        escalated_at: row.escalated_at.map(|at| at.0),
    }
}

fn attempt(attempt: &delivery::Attempt) -> Attempt {
    use delivery::Answer;
    let (result, status, why) = match &attempt.answer {
        Answer::Sent { status, .. } => ("sent", Some(*status), None),
        Answer::Retry { why, .. } => ("retry", None, Some(why)),
        Answer::Refused { why } => ("refused", None, Some(why)),
        Answer::Broken { why } => ("broken", None, Some(why)),
    };
    let (at, took_ms) = (attempt.at.0, attempt.took_ms);
    Attempt { at, took_ms, result: result.to_owned(), status, why: why.cloned() }
}

/// An outcome.
pub(super) fn outcome(row: &OutcomeRow) -> Result<Outcome, Refused> {
    let mut report: Value = serde_json::from_slice(&row.body).unwrap_or_default();
    if let Value::Object(members) = &mut report {
        members.insert("at".to_owned(), row.at.0.into());
    }
    serde_json::from_value(report)
        .map_err(|error| Refused::internal(format!("the outcome of event {}: {error}", row.event)))
}

/// A stored event as reads and exports have it.
pub(super) fn event(stored: &StoredEvent) -> Result<Value, Refused> {
    let row = &stored.row;
    seal::stored_form(&row.sealed, row.content.as_deref(), row.hash, stored.erased.as_ref())
        .map_err(|error| Refused::internal(format!("event {}: {error}", row.id)))
}
