//! Reading events, why they were routed so, and reporting what became of them.

use axum::Json as Answer;
use axum::extract::State;
use mandate_api::{Event, OutcomeAnswer, OutcomeReport, OutcomeStatus, Page};
use mandate_core::event::{Decision, ResourceKind};
use mandate_core::id::EventId;
use mandate_core::plan::Record;
use mandate_core::time::Millis;
use mandate_store::{EventFilter, StoredEvent};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use utoipa::IntoParams;

use super::caller::Caller;
use super::docs::{BodyProblems, KeyProblems, NotFoundProblem, Once, QueryProblems};
use super::extract::{Json, Params, Segment, cursor, page_size};
use super::problem::{Code, Refused};
use super::view;
use crate::app::App;
use crate::auth::Right;
use crate::input::{OutcomeInput, Refusal};

/// Which events to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// The actor's id.
    actor: Option<String>,
    /// A resource it touched, `type:id`.
    resource: Option<String>,
    /// The action's type.
    r#type: Option<String>,
    /// The path of a file it touched: the same as `resource=file:<path>`.
    path: Option<String>,
    /// Its session.
    session: Option<String>,
    /// How it was routed: `auto`, `monitored`, `flagged` or `gated`.
    decision: Option<String>,
    /// At this time or later, Unix milliseconds.
    since: Option<i64>,
    /// Before this time, Unix milliseconds.
    until: Option<i64>,
    /// The owning team; not available yet.
    team: Option<String>,
    /// Words to search for; not available yet.
    q: Option<String>,
    /// How many, 1 to 1,000; 50 when left out.
    limit: Option<u32>,
    /// Where an earlier page said to go on.
    cursor: Option<String>,
}

impl Filter {
    fn read(self) -> Result<EventFilter, Refused> {
        for (name, given) in [("team", &self.team), ("q", &self.q)] {
            if given.is_some() {
                let detail =
                    format!("the filter `{name}` is not available yet; use actor, resource, type, path or session");
                return Err(Refused::new(Code::NotAvailable, detail));
            }
        }
        let resource = match (self.resource, self.path) {
            (Some(_), Some(_)) => {
                return Err(Refused::new(Code::InvalidRequest, "give `resource` or `path`, not both"));
            }
            (Some(resource), None) => Some(address(resource)?),
            (None, path) => path.map(|path| format!("file:{path}")),
        };
        let decision = self.decision.map(|word| {
            let unknown = || format!("`{word}` is not a decision; it is one of {}", Decision::WORDS.join(", "));
            Decision::from_word(&word).ok_or_else(|| Refused::new(Code::InvalidRequest, unknown()))
        });
        Ok(EventFilter {
            actor: self.actor,
            resource,
            action: self.r#type,
            session: self.session,
            decision: decision.transpose()?,
            since: self.since.map(Millis),
            until: self.until.map(Millis),
        })
    }
}

/// Checks that a text is `type:id`.
pub(super) fn address(text: String) -> Result<String, Refused> {
    let known =
        text.split_once(':').is_some_and(|(kind, id)| ResourceKind::from_word(kind).is_some() && !id.is_empty());
    if known {
        return Ok(text);
    }
    let detail = format!("`{text}` is not a resource; write `type:id`, with one of {}", ResourceKind::WORDS.join(", "));
    Err(Refused::new(Code::InvalidRequest, detail))
}

/// List events, newest first.
///
/// A page may be empty and not be the last: go on while `next_cursor` is there.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", params(Filter),
    responses((status = 200, description = "a page of events", body = Page<Event>), QueryProblems, KeyProblems)
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(filter): Params<Filter>,
) -> Result<Answer<Page<Value>>, Refused> {
    caller.may(Right::Read, "events.list")?;
    let limit = page_size(filter.limit)?;
    let before = cursor::<i64>(filter.cursor.as_deref())?;
    let page = app.store.events(caller.tenant.tenant.id, &filter.read()?, before, limit).await?;
    let items = page.items.iter().map(view::event).collect::<Result<_, _>>()?;
    Ok(Answer(Page { items, next_cursor: page.next.map(|seq| seq.to_string()) }))
}

/// The event that a path names.
pub(super) async fn find(app: &App, caller: &Caller, id: &Segment) -> Result<StoredEvent, Refused> {
    let event: EventId = id.id("event")?;
    let found = app.store.event(caller.tenant.tenant.id, event).await?;
    found.ok_or_else(|| Refused::not_found(format!("event `{event}`")))
}

/// One event, with its outcome, the notices it led to, what people answered, and its review.
#[utoipa::path(
    get, path = "/v1/events/{id}", tag = "events", params(("id" = String, Path, description = "the event's id")),
    responses((status = 200, description = "the event", body = Event), NotFoundProblem, KeyProblems)
)]
pub(super) async fn get(State(app): State<App>, caller: Caller, id: Segment) -> Result<Answer<Value>, Refused> {
    caller.may(Right::Read, "events.get")?;
    let stored = find(&app, &caller, &id).await?;
    let tenant = caller.tenant.tenant.id;
    let outcome = app.store.outcome(tenant, stored.row.id).await?;
    let notices = app.store.notifications_of(tenant, stored.row.seq).await?;
    let snapshot = caller.tenant.snapshot.borrow().clone();
    let notices: Vec<_> = notices.iter().map(|row| view::notification(row, &snapshot, false)).collect();
    let responses = app.store.responses_of(tenant, stored.row.seq).await?;
    let review = app.store.review(tenant, stored.row.seq).await?;
    let mut event = view::event(&stored)?;
    if let Value::Object(members) = &mut event {
        if let Some(outcome) = outcome {
            members.insert("outcome".to_owned(), json!(view::outcome(&outcome)?));
        }
        members.insert("notifications".to_owned(), json!(notices));
        let agent = stored.row.agent();
        let responses: Vec<_> = responses.iter().map(|one| view::response(one, agent, &snapshot)).collect();
        if let Some(first) = responses.iter().find(|response| response.first) {
            members.insert("first_responder".to_owned(), json!(first.by));
        }
        members.insert("responses".to_owned(), json!(responses));
        if let Some(review) = review {
            members.insert("review".to_owned(), json!(view::review(&review, caller.now(), &snapshot)));
        }
    }
    Ok(Answer(event))
}

/// Why an event was routed so, and why each recipient was told or not.
///
/// The inputs of the thought as they were at that moment: the configuration by its hash, what was known of the
/// past, the rule that decided, the owners, the reasons.
#[utoipa::path(
    get, path = "/v1/events/{id}/explain", tag = "events",
    params(("id" = String, Path, description = "the event's id")),
    responses((status = 200, description = "the plan's record", body = Value), NotFoundProblem, KeyProblems)
)]
pub(super) async fn explain(State(app): State<App>, caller: Caller, id: Segment) -> Result<Answer<Value>, Refused> {
    caller.may(Right::Read, "events.explain")?;
    let stored = find(&app, &caller, &id).await?;
    let mut record: Value = serde_json::from_slice(&stored.row.plan)
        .map_err(|error| Refused::internal(format!("the plan of event {}: {error}", stored.row.id)))?;
    let snapshot = caller.tenant.snapshot.borrow().clone();
    name_people(&mut record, &snapshot);
    if let (Value::Object(members), Ok(read)) = (&mut record, serde_json::from_slice::<Record>(&stored.row.plan)) {
        members.insert("event_id".to_owned(), json!(stored.row.id));
        members.insert("in_force".to_owned(), json!(read.snapshot == snapshot.id));
        let left = members.get_mut("not_told").and_then(Value::as_array_mut);
        for (left, known) in left.into_iter().flatten().zip(&read.not_told) {
            left["words"] = json!(known.why.sentence());
        }
        let rows = app.store.notifications_of(caller.tenant.tenant.id, stored.row.seq).await?;
        let told = members.get_mut("told").and_then(Value::as_array_mut);
        for (told, known) in told.into_iter().flatten().zip(&read.told) {
            let Some(row) = rows.iter().find(|row| row.id == known.id) else { continue };
            told["state"] = json!(row.state);
            if let Some(told_in) = row.told_in {
                told["told_in"] = json!(view::told_in(told_in));
            }
        }
    }
    Ok(Answer(record))
}

/// Puts handles where logs have `person:<uuid>` and `team:<handle>`.
fn name_people(value: &mut Value, snapshot: &mandate_core::plan::Snapshot) {
    match value {
        Value::String(text) if text.starts_with("person:") || text.starts_with("team:") => {
            *text = snapshot.display_name(text);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| name_people(item, snapshot)),
        Value::Object(members) => members.values_mut().for_each(|member| name_people(member, snapshot)),
        _ => {}
    }
}

/// Report what became of an action.
///
/// The first report of an action stays; a second one is answered `recorded: false` and changes nothing. It never
/// changes the event.
#[utoipa::path(
    post, path = "/v1/events/{id}/outcome", tag = "events", request_body = OutcomeReport,
    params(("id" = String, Path, description = "the event's id"), Once),
    responses((status = 200, description = "recorded, now or before", body = OutcomeAnswer),
        NotFoundProblem, BodyProblems, KeyProblems)
)]
pub(super) async fn outcome(
    State(_app): State<App>,
    caller: Caller,
    id: Segment,
    Json(report): Json<OutcomeReport>,
) -> Result<Answer<OutcomeAnswer>, Refused> {
    caller.may(Right::Ingest, "events.outcome")?;
    let event: EventId = id.id("event")?;
    let failed = report.status == OutcomeStatus::Failed;
    // INVARIANT: texts, integers and JSON always serialise, and a report is an object.
    let mut body: Map<String, Value> =
        serde_json::to_value(&report).ok().and_then(|value| value.as_object().cloned()).unwrap_or_default();
    caller.tenant.scrubber.scrub_object(&mut body);
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let (key, bound_to) = (Some(caller.key().id), caller.key().agent.clone());
    let once = caller.once("events.outcome", &(event, &report));
    let queue = caller.queue();
    caller.take_tokens([(queue.as_str(), 1)])?;
    let (reply, answer) = oneshot::channel();
    caller.tenant.intake.push_agent(&queue, OutcomeInput { event, failed, body, key, bound_to, once, reply })?;
    let recorded = answer.await.unwrap_or(Err(Refusal::Stopping))?;
    Ok(Answer(OutcomeAnswer { recorded }))
}
