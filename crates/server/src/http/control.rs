//! The control stream: whether an agent may go on, told within milliseconds (IVN-2).
//!
//! Always the whole state, never a difference, so that a client that missed something needs only the last one.
//! It subscribes first and reads the state then: nothing can fall between. The stream lives as long as the
//! connection, the key and the server do.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use mandate_api::Control;
use mandate_core::change::AgentRow;
use mandate_core::event::submission::is_actor_id;
use serde::Deserialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use utoipa::IntoParams;

use super::caller::Caller;
use super::docs::{KeyProblems, QueryProblems};
use super::extract::{Params, Segment};
use super::problem::{Code, Refused};
use super::stream::listener::{self, Gone, HangUp, Listener};
use super::view;
use crate::app::App;
use crate::auth::Right;

/// How the state is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct How {
    /// `1` or `true` for the state as JSON, once, instead of a stream.
    once: Option<String>,
}

impl How {
    fn once(&self) -> Result<bool, Refused> {
        match self.once.as_deref() {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true" | "") => Ok(true),
            Some(other) => Err(Refused::new(Code::InvalidRequest, format!("`once` is 1 or 0, this is `{other}`"))),
        }
    }
}

/// Whether an agent may go on: a stream of server-sent events, or JSON once.
///
/// `event: state`, `id: <version>`, `data:` the whole state; a comment every 15 s. Ignore a version below the one
/// you have, and keep the last state while disconnected. An ingest key reads its own agent's state.
#[utoipa::path(
    get, path = "/v1/agents/{id}/control", tag = "agents",
    params(("id" = String, Path, description = "the agent's id, percent-encoded"), How),
    responses(
        (status = 200, description = "the state; as `text/event-stream` unless asked for once", body = Control),
        QueryProblems, KeyProblems,
    )
)]
pub(super) async fn control(
    State(app): State<App>,
    caller: Caller,
    hang_up: Option<Extension<HangUp>>,
    id: Segment,
    Params(how): Params<How>,
) -> Result<Response, Refused> {
    let id = id.0;
    may_read(&caller, &id)?;
    if !is_actor_id(&id) {
        let detail = format!("`{id}` is not an agent id: 1–128 of letters, digits and `._:@/-`");
        return Err(Refused::new(Code::InvalidRequest, detail));
    }
    if how.once()? {
        let row = app.store.agent(caller.tenant.tenant.id, &id).await?;
        return Ok(axum::Json(shown(row.as_ref(), &caller)).into_response());
    }
    let permit = app.http.stream().ok_or_else(|| {
        Refused::new(Code::Unavailable, "as many streams as this server holds are open; ask with `?once=1`")
            .retry_after(mandate_core::time::SECOND.times(5))
    })?;
    let changes = caller.tenant.live.agents();
    let first = app.store.agent(caller.tenant.tenant.id, &id).await?;
    let watch = Watch { app: app.clone(), caller: caller.clone(), id, changes };
    Ok(listener::answer(&app, &caller, hang_up, permit, |listener| watch.tell(first, listener)))
}

/// A key that reads may read all; an ingest key its own agents.
fn may_read(caller: &Caller, id: &str) -> Result<(), Refused> {
    let own =
        Right::Ingest.is_given_by(caller.key().scope) && caller.binding().is_none_or(|binding| binding.allows(id));
    if own { Ok(()) } else { caller.may(Right::Read, "agents.control") }
}

fn shown(row: Option<&AgentRow>, caller: &Caller) -> Control {
    row.map_or_else(Control::running, |row| view::control(row, &caller.tenant.snapshot.borrow()))
}

/// One open stream.
struct Watch {
    app: App,
    caller: Caller,
    id: String,
    changes: Receiver<Arc<AgentRow>>,
}

impl Watch {
    /// Tells the state as it is, then every later one.
    async fn tell(mut self, first: Option<AgentRow>, listener: Listener) {
        let mut row = first;
        let mut told = None;
        loop {
            let version = row.as_ref().map_or(0, |row| row.version);
            if told.is_none_or(|told| version > told) {
                let Some(event) = event(&shown(row.as_ref(), &self.caller)) else { return };
                if let Err(Gone) = listener.tell(event).await {
                    return;
                }
                told = Some(version);
            }
            let Some(next) = self.next().await else { return };
            row = next;
        }
    }

    /// The agent's next state; none when there will be no more.
    async fn next(&mut self) -> Option<Option<AgentRow>> {
        loop {
            match self.changes.recv().await {
                Ok(row) if row.id == self.id => return Some(Some(row.as_ref().clone())),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => {
                    return self.app.store.agent(self.caller.tenant.tenant.id, &self.id).await.ok();
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

fn event(state: &Control) -> Option<Event> {
    Event::default().event("state").id(state.version.to_string()).json_data(state).ok()
}
