//! Agents: who they are, pausing and resuming them (IVN-2).

use axum::Json as Answer;
use axum::extract::State;
use mandate_api::{Agent, Page, PauseAllAnswer, PauseRequest};
use mandate_core::change::AgentRow;
use mandate_core::event::submission::{MAX_DESCRIPTION_CHARS, is_actor_id};

use super::caller::Caller;
use super::docs::{BodyProblems, KeyProblems, NotFoundProblem, Once, QueryProblems};
use super::extract::{JsonOrNothing, Pages, Params, Segment, page_size};
use super::problem::{Code, Refused};
use super::view;
use crate::app::App;
use crate::auth::Right;
use crate::input::{AgentStateInput, Agents, Input};

/// At most so many agents are listed in an answer about all of them.
const SHOWN: usize = 1_000;

/// List agents by id.
#[utoipa::path(
    get, path = "/v1/agents", tag = "agents", params(Pages),
    responses((status = 200, description = "a page of agents", body = Page<Agent>), QueryProblems, KeyProblems)
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<Pages>,
) -> Result<Answer<Page<Agent>>, Refused> {
    caller.may(Right::Read, "agents.list")?;
    let limit = page_size(page.limit)?;
    let rows = app.store.agents(caller.tenant.tenant.id, page.cursor.as_deref(), limit).await?;
    let snapshot = caller.tenant.snapshot.borrow().clone();
    let next_cursor = rows.last().filter(|_| rows.len() == limit as usize).map(|row| row.id.clone());
    Ok(Answer(Page { items: rows.iter().map(|row| view::agent(row, &snapshot)).collect(), next_cursor }))
}

/// One agent.
#[utoipa::path(
    get, path = "/v1/agents/{id}", tag = "agents",
    params(("id" = String, Path, description = "the agent's id, percent-encoded")),
    responses((status = 200, description = "the agent", body = Agent), NotFoundProblem, KeyProblems)
)]
pub(super) async fn get(State(app): State<App>, caller: Caller, id: Segment) -> Result<Answer<Agent>, Refused> {
    caller.may(Right::Read, "agents.get")?;
    let row = app.store.agent(caller.tenant.tenant.id, &id.0).await?;
    let row = row.ok_or_else(|| Refused::not_found(format!("agent `{}`", id.0)))?;
    Ok(Answer(view::agent(&row, &caller.tenant.snapshot.borrow())))
}

/// Pause one agent, known or not: its tool calls stop until it is resumed.
#[utoipa::path(
    post, path = "/v1/agents/{id}/pause", tag = "agents", request_body = Option<PauseRequest>,
    params(("id" = String, Path, description = "the agent's id, percent-encoded"), Once),
    responses((status = 200, description = "the agent as it is now", body = Agent), BodyProblems, KeyProblems)
)]
pub(super) async fn pause(
    State(_app): State<App>,
    caller: Caller,
    id: Segment,
    JsonOrNothing(request): JsonOrNothing<PauseRequest>,
) -> Result<Answer<Agent>, Refused> {
    one(&caller, id, true, request).await
}

/// Resume one agent. Needs an `admin` key.
#[utoipa::path(
    post, path = "/v1/agents/{id}/resume", tag = "agents", request_body = Option<PauseRequest>,
    params(("id" = String, Path, description = "the agent's id, percent-encoded"), Once),
    responses((status = 200, description = "the agent as it is now", body = Agent), BodyProblems, KeyProblems)
)]
pub(super) async fn resume(
    State(_app): State<App>,
    caller: Caller,
    id: Segment,
    JsonOrNothing(request): JsonOrNothing<PauseRequest>,
) -> Result<Answer<Agent>, Refused> {
    one(&caller, id, false, request).await
}

/// Pause every agent that is known, at once. With `preview: true` only says how many that would be.
#[utoipa::path(
    post, path = "/v1/agents/pause", tag = "agents", request_body = Option<PauseRequest>, params(Once),
    responses((status = 200, description = "what changed, or would", body = PauseAllAnswer), BodyProblems, KeyProblems)
)]
pub(super) async fn pause_all(
    State(app): State<App>,
    caller: Caller,
    JsonOrNothing(request): JsonOrNothing<PauseRequest>,
) -> Result<Answer<PauseAllAnswer>, Refused> {
    all(&app, &caller, true, request).await
}

/// Resume every agent that is paused, at once. Needs an `admin` key. With `preview: true` only says how many that would be.
#[utoipa::path(
    post, path = "/v1/agents/resume", tag = "agents", request_body = Option<PauseRequest>, params(Once),
    responses((status = 200, description = "what changed, or would", body = PauseAllAnswer), BodyProblems, KeyProblems)
)]
pub(super) async fn resume_all(
    State(app): State<App>,
    caller: Caller,
    JsonOrNothing(request): JsonOrNothing<PauseRequest>,
) -> Result<Answer<PauseAllAnswer>, Refused> {
    all(&app, &caller, false, request).await
}

fn checked(request: PauseRequest) -> Result<Option<String>, Refused> {
    let reason = request.reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_DESCRIPTION_CHARS) {
        let detail = format!("a reason has at most {MAX_DESCRIPTION_CHARS} characters");
        return Err(Refused::new(Code::InvalidRequest, detail).at("/reason", "too_long"));
    }
    Ok(reason)
}

/// What a key must be able to: whoever answers notices may stop an agent, only an admin lets it go on (SEC-2).
fn right(paused: bool) -> Right {
    if paused { Right::Respond } else { Right::Admin }
}

async fn ask(caller: &Caller, agents: Agents, paused: bool, reason: Option<String>) -> Result<Vec<AgentRow>, Refused> {
    let call = if paused { "agents.pause" } else { "agents.resume" };
    let which = if let Agents::One(id) = &agents { Some(id) } else { None };
    let by = caller.asker_once(call, &(which, &reason));
    let reason = reason.map(|reason| caller.tenant.scrubber.scrub_text(&reason).into_owned());
    let asked = caller.tenant.ask(|reply| Input::AgentState(AgentStateInput { agents, paused, reason, by, reply }));
    Ok(asked.await?)
}

async fn one(caller: &Caller, id: Segment, paused: bool, request: PauseRequest) -> Result<Answer<Agent>, Refused> {
    caller.may(right(paused), if paused { "agents.pause" } else { "agents.resume" })?;
    if !is_actor_id(&id.0) {
        let detail = format!("`{}` is not an agent id: 1–128 of letters, digits and `._:@/-`", id.0);
        return Err(Refused::new(Code::InvalidRequest, detail));
    }
    if request.preview {
        let refused = Refused::new(Code::InvalidRequest, "`preview` is for all agents at once; leave it out here");
        return Err(refused.at("/preview", "not_here"));
    }
    let reason = checked(request)?;
    let rows = ask(caller, Agents::One(id.0), paused, reason).await?;
    let row = rows.first().ok_or_else(|| Refused::internal("the writer answered without the agent"))?;
    Ok(Answer(view::agent(row, &caller.tenant.snapshot.borrow())))
}

async fn all(
    app: &App,
    caller: &Caller,
    paused: bool,
    request: PauseRequest,
) -> Result<Answer<PauseAllAnswer>, Refused> {
    caller.may(right(paused), if paused { "agents.pause_all" } else { "agents.resume_all" })?;
    let preview = request.preview;
    let reason = checked(request)?;
    let rows = if preview {
        let rows = every(app, caller).await?;
        rows.into_iter().filter(|row| row.paused != paused).collect()
    } else {
        ask(caller, Agents::All, paused, reason).await?
    };
    let snapshot = caller.tenant.snapshot.borrow().clone();
    let agents = rows.iter().take(SHOWN).map(|row| view::agent(row, &snapshot)).collect();
    Ok(Answer(PauseAllAnswer { count: rows.len() as u64, preview, agents }))
}

/// Every agent that is known.
pub(super) async fn every(app: &App, caller: &Caller) -> Result<Vec<AgentRow>, Refused> {
    let mut agents: Vec<AgentRow> = Vec::new();
    loop {
        let after = agents.last().map(|row| row.id.clone());
        let rows = app.store.agents(caller.tenant.tenant.id, after.as_deref(), 1_000).await?;
        if rows.is_empty() {
            return Ok(agents);
        }
        agents.extend(rows);
    }
}
