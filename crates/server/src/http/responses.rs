//! What people answer to notices, and taking an answer back (IVN-1).

use axum::Json as Answer;
use axum::extract::State;
use mandate_api::{ResponseAnswer, ResponseRequest, UndoRequest};
use mandate_core::change::{AgentRow, EventRow, NotificationRow, ReviewRow, Scope};
use mandate_core::event::submission::MAX_DESCRIPTION_CHARS;
use mandate_core::id::{NotificationId, ResponseId};
use mandate_core::intervention::{Effect, Intervention, Standing, Told, Via, effect, told, undo_effect};
use mandate_core::plan::{Snapshot, assignee};
use mandate_store::StoredResponse;

use super::caller::Caller;
use super::docs::{BodyProblems, ConflictProblem, KeyProblems, NotFoundProblem, Once};
use super::extract::{Json, JsonOrNothing, Segment};
use super::problem::{Code, Refused};
use super::view;
use crate::app::App;
use crate::auth::Right;
use crate::input::{Act, Input, RespondInput, Responded};

/// Answer a notice.
///
/// Recorded at once and never changed; the same press by a second person is recorded too and told who was first.
/// `resume_agent` needs an `admin` key, everything else `respond`. With `preview: true` it only says what it would do.
#[utoipa::path(
    post, path = "/v1/notifications/{id}/responses", tag = "notifications", request_body = ResponseRequest,
    params(("id" = String, Path, description = "the notice's id"), Once),
    responses((status = 200, description = "what came of it, or would", body = ResponseAnswer),
        NotFoundProblem, ConflictProblem, BodyProblems, KeyProblems)
)]
pub(super) async fn respond(
    State(app): State<App>,
    caller: Caller,
    id: Segment,
    Json(request): Json<ResponseRequest>,
) -> Result<Answer<ResponseAnswer>, Refused> {
    caller.may(Right::Respond, "notifications.respond")?;
    let intervention = Intervention::read(&request.intervention)
        .map_err(|detail| Refused::new(Code::InvalidRequest, detail).at("/intervention", "unknown_word"))?;
    may(&caller, intervention, "notifications.respond")?;
    let notification: NotificationId = id.id("notification")?;
    let note = checked(request.note.as_deref())?;
    if intervention.needs_note() && note.is_none() {
        let detail = format!("`{intervention}` takes a `note`: the words of the question");
        return Err(Refused::new(Code::InvalidRequest, detail).at("/note", "missing"));
    }
    match (&request.to, intervention.needs_assignee()) {
        (None, true) => {
            let detail =
                format!("`{intervention}` takes `to`: the handle of who is to look after it, such as `@alice`");
            return Err(Refused::new(Code::InvalidRequest, detail).at("/to", "missing"));
        }
        (Some(_), false) => {
            let detail = "`to` is for `assign_owner`; leave it out here";
            return Err(Refused::new(Code::InvalidRequest, detail).at("/to", "not_here"));
        }
        _ => {}
    }
    if request.preview {
        return preview(&app, &caller, notification, intervention, request.to.as_deref(), None).await;
    }
    let by = caller.asker_once("notifications.respond", &(&notification, intervention, &note, &request.to));
    let act = Act::Answer { notification, intervention, assignee: request.to };
    ask(&caller, act, note, by).await
}

/// Take an answer back.
///
/// It is recorded as an answer of its own and undoes only what the first one changed, as long as nobody changed it
/// since. Taking a pause back resumes the agent, and needs an `admin` key like every resuming.
#[utoipa::path(
    post, path = "/v1/responses/{id}/undo", tag = "notifications", request_body = Option<UndoRequest>,
    params(("id" = String, Path, description = "the response's id"), Once),
    responses((status = 200, description = "what came of it, or would", body = ResponseAnswer),
        NotFoundProblem, ConflictProblem, BodyProblems, KeyProblems)
)]
pub(super) async fn undo(
    State(app): State<App>,
    caller: Caller,
    id: Segment,
    JsonOrNothing(request): JsonOrNothing<UndoRequest>,
) -> Result<Answer<ResponseAnswer>, Refused> {
    caller.may(Right::Respond, "responses.undo")?;
    let wanted: ResponseId = id.id("response")?;
    let undone = app.store.response(caller.tenant.tenant.id, wanted).await?;
    let undone = undone.ok_or_else(|| Refused::not_found(format!("response `{wanted}`")))?;
    if undone.row.effect == Effect::Pause {
        may(&caller, Intervention::ResumeAgent, "responses.undo")?;
    }
    let note = checked(request.note.as_deref())?;
    if request.preview {
        let (notification, intervention) = (undone.row.notification, undone.row.intervention);
        return preview(&app, &caller, notification, intervention, None, Some(&undone)).await;
    }
    let by = caller.asker_once("responses.undo", &(&wanted, &note));
    ask(&caller, Act::Undo(wanted), note, by).await
}

fn may(caller: &Caller, intervention: Intervention, call: &str) -> Result<(), Refused> {
    let right = if intervention.needs() == Scope::Admin { Right::Admin } else { Right::Respond };
    caller.may(right, call)
}

fn checked(note: Option<&str>) -> Result<Option<String>, Refused> {
    let note = note.map(str::trim).filter(|note| !note.is_empty());
    if note.is_some_and(|note| note.chars().count() > MAX_DESCRIPTION_CHARS) {
        let detail = format!("a note has at most {MAX_DESCRIPTION_CHARS} characters");
        return Err(Refused::new(Code::InvalidRequest, detail).at("/note", "too_long"));
    }
    Ok(note.map(str::to_owned))
}

/// Our own command line says who it is.
fn via(caller: &Caller) -> Via {
    let agent = caller.user_agent.as_ref().and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    if agent.starts_with("mandate/") { Via::Cli } else { Via::Api }
}

async fn ask(
    caller: &Caller,
    act: Act,
    note: Option<String>,
    by: crate::input::Asker,
) -> Result<Answer<ResponseAnswer>, Refused> {
    let note = note.map(|note| caller.tenant.scrubber.scrub_text(&note).into_owned());
    let (via, kept) = (via(caller), note.clone());
    let asked = caller.tenant.ask(|reply| Input::Respond(RespondInput { act, note, via, by, reply }));
    let Responded { response, first, agent, review } = asked.await?;
    let snapshot = caller.tenant.snapshot.borrow().clone();
    let agent_id = agent.as_ref().map(|agent| agent.id.as_str());
    let said = told(Told {
        intervention: response.intervention,
        undoes: response.undoes.is_some(),
        effect: response.effect,
        agent: agent_id.unwrap_or("the agent"),
        assignee: &response.assignee.as_deref().map(|to| snapshot.display_name(to)).unwrap_or_default(),
        preview: false,
    });
    let (id, effect) = (response.id, response.effect);
    let response = view::response(&StoredResponse { row: response, note: kept }, agent_id, &snapshot);
    let was_first =
        (first.id != id).then(|| view::response(&StoredResponse { row: first, note: None }, agent_id, &snapshot));
    let said = match &was_first {
        Some(first) => format!("{said}; the first to answer was {}, who {}", first.by, first.did),
        None => said,
    };
    Ok(Answer(ResponseAnswer {
        said,
        preview: false,
        effect: effect.to_string(),
        agents: touched(effect),
        first: Some(was_first.unwrap_or_else(|| response.clone())),
        response: Some(response),
        agent: agent.map(|row| view::agent(&row, &snapshot)),
        review: review.map(|row| view::review(&row, caller.now(), &snapshot)),
    }))
}

/// How many agents an effect touches.
fn touched(effect: Effect) -> u64 {
    u64::from(matches!(effect, Effect::Pause | Effect::Resume))
}

/// What a notice is about, as it is now.
struct About {
    notice: NotificationRow,
    event: Option<EventRow>,
    agent: Option<AgentRow>,
    review: Option<ReviewRow>,
    responses: Vec<StoredResponse>,
}

impl About {
    async fn read(app: &App, caller: &Caller, id: NotificationId) -> Result<Self, Refused> {
        let tenant = caller.tenant.tenant.id;
        let notice = app.store.notification(tenant, id).await?;
        let notice = notice.ok_or_else(|| Refused::not_found(format!("notification `{id}`")))?;
        let Some(seq) = notice.event_seq else {
            let responses = app.store.responses_to(tenant, id).await?;
            return Ok(Self { notice, event: None, agent: None, review: None, responses });
        };
        let event = app.store.event_by_seq(tenant, seq).await?.map(|stored| stored.row);
        let agent = match event.as_ref().and_then(EventRow::agent) {
            Some(id) => Some(app.store.agent(tenant, id).await?.unwrap_or_else(|| AgentRow::unknown(id))),
            None => None,
        };
        let review = app.store.review(tenant, seq).await?;
        let responses = app.store.responses_of(tenant, seq).await?;
        Ok(Self { notice, event, agent, review, responses })
    }
}

/// What an answer would do now. Somebody else may come first.
async fn preview(
    app: &App,
    caller: &Caller,
    notification: NotificationId,
    intervention: Intervention,
    to: Option<&str>,
    undone: Option<&StoredResponse>,
) -> Result<Answer<ResponseAnswer>, Refused> {
    let About { notice, event, agent, review, responses } = About::read(app, caller, notification).await?;
    let snapshot: std::sync::Arc<Snapshot> = caller.tenant.snapshot.borrow().clone();
    let agent_id = agent.as_ref().map(|agent| agent.id.as_str());
    if let Some(objection) = intervention.objection(notice.event_seq.is_some() && event.is_some(), agent_id) {
        return Err(Refused::new(Code::Unprocessable, objection));
    }
    if let Some(handle) = to {
        assignee(&snapshot, handle).map_err(|detail| Refused::new(Code::Unprocessable, detail).at("/to", "unknown"))?;
    }
    let standing = Standing { agent: agent.as_ref(), review: review.as_ref() };
    let effect = match undone {
        Some(undone) => undo_effect(&undone.row, standing),
        None => effect(intervention, standing),
    };
    let said = told(Told {
        intervention,
        undoes: undone.is_some(),
        effect,
        agent: agent_id.unwrap_or("the agent"),
        assignee: to.unwrap_or_default(),
        preview: true,
    });
    let first = responses.iter().find(|stored| stored.row.undoes.is_none());
    Ok(Answer(ResponseAnswer {
        said,
        preview: true,
        effect: effect.to_string(),
        agents: touched(effect),
        response: None,
        first: first.map(|stored| view::response(stored, agent_id, &snapshot)),
        agent: agent.as_ref().map(|row| view::agent(row, &snapshot)),
        review: review.map(|row| view::review(&row, caller.now(), &snapshot)),
    }))
}
