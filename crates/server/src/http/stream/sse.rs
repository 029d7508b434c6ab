//! The feed as server-sent events, with the same cursors.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use axum::response::sse::Event;
use mandate_api::{ServerMessage, StreamFilter};
use serde::Deserialize;
use utoipa::IntoParams;

use super::feed::Feed;
use super::listener::{self, Gone, HangUp, Listener};
use super::socket::full;
use super::wanted::Wanted;
use crate::app::App;
use crate::auth::Right;
use crate::http::caller::Caller;
use crate::http::docs::{KeyProblems, QueryProblems};
use crate::http::extract::Params;
use crate::http::problem::{Code, Refused};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What to hear.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subscription {
    /// Channels with commas between: `events`, `notifications`, `agents`, `service:ID`, `tag:T`.
    channels: Option<String>,
    /// The last cursor you have; `Last-Event-ID` wins.
    after: Option<String>,
    /// The actor's id.
    actor: Option<String>,
    /// The action's type.
    r#type: Option<String>,
    /// A resource it touched, `type:id`.
    resource: Option<String>,
    /// How it was routed.
    decision: Option<String>,
    /// Its session.
    session: Option<String>,
}

/// What happens, live, as server-sent events.
///
/// `event: event` with `id:` its cursor and `data:` what happened, as in the WebSocket's `event`; `ready`, `caught_up`
/// and `reset` have their message as `data:`. A comment every 15 s. Whoever does not read for ten seconds is cut off.
#[utoipa::path(
    get, path = "/v1/stream/sse", tag = "stream",
    params(Subscription, ("Last-Event-ID" = Option<String>, Header, description = "the last cursor you have")),
    responses(
        (status = 200, description = "the feed", body = ServerMessage, content_type = "text/event-stream"),
        QueryProblems, KeyProblems,
    )
)]
pub(crate) async fn stream(
    State(app): State<App>,
    caller: Caller,
    hang_up: Option<Extension<HangUp>>,
    headers: HeaderMap,
    Params(asked): Params<Subscription>,
) -> Result<Response, Refused> {
    caller.may(Right::Read, "stream")?;
    let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let after =
        last.or(asked.after).map(|after| after.parse::<i64>()).transpose().map_err(|_| {
            Refused::new(Code::InvalidRequest, "`after` and `Last-Event-ID` are cursors that an event had")
        })?;
    let channels = asked.channels.map(|list| list.split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>());
    let filter = StreamFilter {
        actor: asked.actor,
        kind: asked.r#type,
        resource: asked.resource,
        decision: asked.decision,
        session: asked.session,
    };
    let wanted = Wanted::read(channels.as_deref(), filter).map_err(|(code, detail)| {
        let code = if code == "not_available" { Code::NotAvailable } else { Code::InvalidRequest };
        Refused::new(code, detail)
    })?;
    let permit = app.http.stream().ok_or_else(full)?;
    let mut feed = Feed::new(app.clone(), caller.tenant.clone());
    let mut first = vec![ServerMessage::Ready { cursor: feed.position().to_string() }];
    first.extend(feed.want(wanted, after));
    Ok(listener::answer(&app, &caller, hang_up, permit, |listener| tell(feed, first, listener)))
}

/// Tells what happens, after what is to be said first.
async fn tell(mut feed: Feed, first: Vec<ServerMessage>, listener: Listener) {
    let mut messages = first;
    loop {
        for event in messages.iter().filter_map(event) {
            if let Err(Gone) = listener.tell(event).await {
                return;
            }
        }
        messages = match feed.next().await {
            Ok(Some(messages)) => messages,
            Ok(None) => return,
            Err(refused) => {
                tracing::warn!(detail = refused.detail(), "a stream ended: the feed could not be read");
                return;
            }
        };
    }
}

fn event(message: &ServerMessage) -> Option<Event> {
    let (name, cursor) = match message {
        ServerMessage::Event { cursor, data } => {
            return Event::default().event("event").id(cursor).json_data(data).ok();
        }
        ServerMessage::Ready { .. } => ("ready", None),
        ServerMessage::CaughtUp { cursor } => ("caught_up", Some(cursor)),
        ServerMessage::Reset { cursor, .. } => ("reset", Some(cursor)),
        ServerMessage::Error { .. } => ("error", None),
    };
    let event = Event::default().event(name);
    let event = if let Some(cursor) = cursor { event.id(cursor) } else { event };
    event.json_data(message).ok()
}
