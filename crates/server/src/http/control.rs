//! The control stream: whether an agent may go on, told within milliseconds (IVN-2).
//!
//! Always the whole state, never a difference, so that a client that missed something needs only the last one.
//! It subscribes first and reads the state then: nothing can fall between. The stream lives as long as the
//! connection, the key and the server do.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt as _};
use mandate_api::Control;
use mandate_core::change::AgentRow;
use mandate_core::event::submission::is_actor_id;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior};
use utoipa::IntoParams;

use super::caller::Caller;
use super::docs::{KeyProblems, QueryProblems};
use super::extract::{Params, Segment};
use super::problem::{Code, Refused};
use super::view;
use crate::app::App;
use crate::auth::{KEY_CHECKED_EVERY, Right};

/// A comment is sent after this long without a state.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

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
    let mut check = tokio::time::interval(KEY_CHECKED_EVERY);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let closing = app.http.closing();
    let watch = Watch { app, caller, id, changes, check, sent: None, first: Some(first), _permit: permit };
    let states = stream::unfold(watch, Watch::next).take_until(Box::pin(closing));
    Ok(Sse::new(states).keep_alive(KeepAlive::new().interval(ALIVE_EVERY)).into_response())
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
    check: Interval,
    /// The version sent last.
    sent: Option<i64>,
    /// The state at the beginning, until it was sent.
    first: Option<Option<AgentRow>>,
    _permit: OwnedSemaphorePermit,
}

impl Watch {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if let Some(first) = self.first.take() {
            let event = self.event(first.as_ref())?;
            return Some((Ok(event), self));
        }
        loop {
            let changed = tokio::select! {
                biased;
                changed = self.changes.recv() => changed,
                _ = self.check.tick() => {
                    // A key that opens nothing any more ends the stream; the client is told when it comes back.
                    self.app.keys.in_force(&self.caller.key().hash, self.app.env.now()).ok()?;
                    continue;
                }
            };
            let row = match changed {
                Ok(row) if row.id == self.id => Some(row.as_ref().clone()),
                Ok(_) => continue,
                Err(RecvError::Lagged(_)) => self.app.store.agent(self.caller.tenant.tenant.id, &self.id).await.ok()?,
                Err(RecvError::Closed) => return None,
            };
            let version = row.as_ref().map_or(0, |row| row.version);
            if self.sent.is_none_or(|sent| version > sent) {
                let event = self.event(row.as_ref())?;
                return Some((Ok(event), self));
            }
        }
    }

    fn event(&mut self, row: Option<&AgentRow>) -> Option<Event> {
        let state = shown(row, &self.caller);
        self.sent = Some(state.version);
        Event::default().event("state").id(state.version.to_string()).json_data(&state).ok()
    }
}
