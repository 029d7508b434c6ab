//! `POST /v1/events`: the hot path. Parse once, prepare outside the lock, wait for the commit, answer.
//!
//! What a single item gets wrong is that item's; a body that is not JSON fails whole. The answer comes after the
//! commit, so `accepted` means durable, routed, its notifications written.

mod body;
mod reject;

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use mandate_api::{SubmitRequest, SubmitResponse, SubmitStatus};
use mandate_core::chain::Hash;
use mandate_core::event::{Actor, ActorKind, FieldError, Submission};
use mandate_core::id::EventId;
use mandate_core::seal::SealedRouting;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::body::Whole;
use super::caller::Caller;
use super::docs::SubmitProblems;
use super::problem::{Code, Refused};
use crate::app::App;
use crate::auth::Right;
use crate::input::{EventsInput, ItemAnswer, Prepared, Recorded, Refusal};

/// A request may hold this many items (EVT-7).
const MAX_ITEMS: usize = 1_000;
/// So many items are read before others get a turn.
const TURN: usize = 64;
/// What an item holds in memory beside its text, roughly.
const ITEM_OVERHEAD: usize = 1_024;

/// Submit one event or a list.
///
/// Each item gets its own answer, in the order sent. `accepted` means durable: on disk, routed, its notices
/// written. One bad item never fails its neighbours. Send it again after 429, 503 or a lost answer: with
/// `action.idempotency_key` or the header the repeat is answered `duplicate` with the first answer.
#[utoipa::path(
    post, path = "/v1/events", tag = "events", request_body = SubmitRequest,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "gives each item without a key of its own the key `<this>#<its index>`; at most 250 bytes")),
    responses(
        (status = 202, description = "at least one item was accepted or is a duplicate", body = SubmitResponse),
        (status = 422, description = "no item was taken; `results` says why", body = SubmitResponse),
        SubmitProblems,
    )
)]
pub(super) async fn submit(State(app): State<App>, caller: Caller, request: Request) -> Result<Response, Refused> {
    let began = Instant::now();
    let answer = take(&app, &caller, request).await;
    if let Err(refused) = &answer
        && matches!(refused.code(), Code::RateLimited | Code::Unavailable)
    {
        app.metrics.refused_for_load.add(1);
    }
    app.metrics.ingestion.observe(began.elapsed());
    answer
}

async fn take(app: &App, caller: &Caller, request: Request) -> Result<Response, Refused> {
    caller.may(Right::Ingest, "events.submit")?;
    let body = Whole::read(request, app).await?;
    let text = body.text()?;
    let request = body::parse(text)?;

    let received_at = app.env.now();
    let tenant = &caller.tenant;
    let mut read = Vec::with_capacity(request.items.len());
    for (index, item) in request.items.iter().enumerate() {
        if index > 0 && index % TURN == 0 {
            tokio::task::yield_now().await;
        }
        let mut submission = Submission::read(item, request.sent_at, &tenant.scrubber);
        if let (Ok(submission), Some(key)) = (&mut submission, &caller.idempotency_key) {
            let own = &mut submission.action.get_or_insert_default().idempotency_key;
            own.get_or_insert_with(|| format!("{key}#{index}"));
        }
        read.push(submission);
    }
    check_identity(caller, &read, request.is_batch)?;
    let queue = take_tokens(caller, &read)?;

    // Nothing below waits until the input is queued; an input is queued whole or not at all.
    let mut answers: Vec<Option<ItemAnswer>> = Vec::with_capacity(read.len());
    let (mut items, mut rejected) = (Vec::with_capacity(read.len()), Vec::new());
    for (submission, item) in read.into_iter().zip(&request.items) {
        match submission {
            Ok(submission) => {
                items.push(Prepared::new(submission, received_at, app.env.random(), &tenant.tenant.secret));
                answers.push(None);
            }
            Err(errors) => {
                rejected.extend(reject::keep(app, caller, item, &errors, received_at));
                answers.push(Some(ItemAnswer::Invalid(errors)));
            }
        }
    }
    if !(items.is_empty() && rejected.is_empty()) {
        let (reply, answer) = oneshot::channel();
        let bytes = text.len() + items.len() * ITEM_OVERHEAD;
        let input = EventsInput { key: Some(caller.key().id), received_at, items, rejected, bytes, reply };
        tenant.intake.push_agent(&queue, input)?;
        let mut recorded = answer.await.unwrap_or(Err(Refusal::Stopping))?.into_iter();
        for open in answers.iter_mut().filter(|answer| answer.is_none()) {
            *open = recorded.next();
        }
    }
    // A request that was not taken comes again, and says it again.
    if let Some(dropped) = request.dropped {
        caller.note_dropped(&caller.logged(ActorKind::Agent, &queue), dropped);
    }
    let answers: Option<Vec<ItemAnswer>> = answers.into_iter().collect();
    let answers = answers.ok_or_else(|| Refused::internal("the writer answered fewer items than it was given"))?;
    Ok(answer_of(app, &answers))
}

type Read = Result<Submission, Vec<FieldError>>;

/// A bound key that speaks for another agent is refused whole, and that is written to the audit log (SEC-1).
fn check_identity(caller: &Caller, read: &[Read], is_batch: bool) -> Result<(), Refused> {
    let Some(binding) = caller.binding() else { return Ok(()) };
    let named = read.iter().enumerate().filter_map(|(index, item)| Some((index, item.as_ref().ok()?.actor.as_ref()?)));
    let others: Vec<(usize, &Actor)> = named.filter(|(_, actor)| !binding.allows(&actor.id)).collect();
    let Some((_, first)) = others.first() else { return Ok(()) };
    let first_id = caller.logged(first.kind, &first.id);
    caller.audit_refusal("identity_mismatch", format!("agent:{first_id}"));
    let first = &first.id;
    let bound = caller.key().agent.as_deref().unwrap_or_default();
    let errors = others.iter().map(|(index, actor)| mandate_api::FieldError {
        pointer: if is_batch { format!("/events/{index}/actor/id") } else { "/actor/id".to_owned() },
        code: "identity_mismatch".to_owned(),
        detail: format!("`{}` is not an agent of this key; it is bound to `{bound}`", actor.id),
    });
    let detail = format!("this key is bound to `{bound}` and the request names `{first}`; nothing was taken");
    Err(Refused::new(Code::IdentityMismatch, detail).with_errors(errors.collect()))
}

/// Takes each actor's tokens; gives the sub-queue to wait in.
fn take_tokens(caller: &Caller, read: &[Read]) -> Result<String, Refused> {
    let unnamed = caller.queue();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut first = None;
    // What cannot be read costs as much as what can: it counts for the key.
    for item in read {
        let actor = item.as_ref().ok().and_then(Submission::actor_id).unwrap_or(&unnamed);
        if item.is_ok() {
            first.get_or_insert(actor);
        }
        *counts.entry(actor).or_default() += 1;
    }
    let queue = first.unwrap_or(&unnamed).to_owned();
    caller.take_tokens(counts)?;
    Ok(queue)
}

/// [`mandate_api::Receipt`], borrowed.
#[derive(Serialize)]
struct Receipt<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<EventId>,
    status: SubmitStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing: Option<&'a SealedRouting>,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

impl<'a> Receipt<'a> {
    fn of(answer: &'a ItemAnswer) -> Self {
        let recorded = |status, at: &'a Recorded| Self {
            id: Some(at.id),
            status,
            seq: Some(at.tip.seq),
            hash: Some(at.tip.hash),
            routing: Some(&at.routing),
            errors: &[],
        };
        match answer {
            ItemAnswer::Accepted(at) => recorded(SubmitStatus::Accepted, at),
            ItemAnswer::Duplicate(at) => recorded(SubmitStatus::Duplicate, at),
            ItemAnswer::Invalid(errors) => {
                Self { id: None, status: SubmitStatus::Invalid, seq: None, hash: None, routing: None, errors }
            }
        }
    }
}

fn answer_of(app: &App, answers: &[ItemAnswer]) -> Response {
    let count = |test: fn(&ItemAnswer) -> bool| answers.iter().filter(|answer| test(answer)).count() as u64;
    let accepted = count(|answer| matches!(answer, ItemAnswer::Accepted(_)));
    let duplicate = count(|answer| matches!(answer, ItemAnswer::Duplicate(_)));
    let invalid = answers.len() as u64 - accepted - duplicate;
    app.metrics.accepted.add(accepted);
    app.metrics.duplicate.add(duplicate);
    app.metrics.invalid.add(invalid);
    let status = if accepted + duplicate > 0 { StatusCode::ACCEPTED } else { StatusCode::UNPROCESSABLE_ENTITY };
    (status, [(header::CONTENT_TYPE, "application/json")], json(answers)).into_response()
}

fn json(answers: &[ItemAnswer]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Results<'a> {
        results: Vec<Receipt<'a>>,
    }
    // INVARIANT: texts, integers and lists always serialise.
    serde_json::to_vec(&Results { results: answers.iter().map(Receipt::of).collect() }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use mandate_core::chain::Tip;
    use mandate_core::event::Decision;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn receipts_are_what_the_interface_says() {
        let recorded = Recorded {
            id: EventId(Uuid::from_u128(5)),
            tip: Tip { seq: 3, hash: Hash::of(b"x") },
            routing: SealedRouting {
                decision: Decision::Monitored,
                notifications_planned: 2,
                rule_matched: "default".into(),
            },
        };
        let error = FieldError { pointer: "/actor/id".into(), code: "missing".into(), detail: "…".into() };
        let answers = [ItemAnswer::Accepted(recorded.clone()), ItemAnswer::Invalid(vec![error])];
        let SubmitResponse { results } = serde_json::from_slice(&json(&answers)).unwrap();
        assert_eq!(results[0].id, Some(recorded.id.0));
        assert_eq!((results[0].status, results[0].seq), (SubmitStatus::Accepted, Some(3)));
        assert_eq!(results[0].hash, Some(recorded.tip.hash.to_string()));
        assert_eq!(results[0].routing.as_ref().unwrap().decision, "monitored");
        assert_eq!((results[1].status, results[1].id), (SubmitStatus::Invalid, None));
        assert_eq!(results[1].errors[0].pointer, "/actor/id");
    }
}
