//! Who was told what, and what became of it.

use axum::Json as Answer;
use axum::extract::State;
use mandate_api::{Notification, Page};
use mandate_core::change::NotificationState;
use mandate_core::id::NotificationId;
use mandate_core::plan::Record;
use mandate_core::time::Millis;
use mandate_store::NotificationFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use super::caller::Caller;
use super::docs::{KeyProblems, NotFoundProblem, QueryProblems};
use super::extract::{Params, Segment, cursor, page_size};
use super::problem::{Code, Refused};
use super::view;
use crate::app::App;
use crate::auth::Right;

/// Stands for whoever has the key.
const ME: &str = "me";

/// Which notices to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// A handle such as `@alice`, `me` for the person that the key speaks for, or as logs name them.
    recipient: Option<String>,
    /// The channel's name.
    channel: Option<String>,
    /// `queued`, `delivered` or `failed`.
    state: Option<String>,
    /// Planned at this time or later, Unix milliseconds.
    since: Option<i64>,
    /// How many, 1 to 1,000; 50 when left out.
    limit: Option<u32>,
    /// Where an earlier page said to go on.
    cursor: Option<String>,
}

/// List notices, newest first.
#[utoipa::path(
    get, path = "/v1/notifications", tag = "notifications", params(Filter),
    responses((status = 200, description = "a page of notices", body = Page<Notification>), QueryProblems, KeyProblems)
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(filter): Params<Filter>,
) -> Result<Answer<Page<Notification>>, Refused> {
    caller.may(Right::Read, "notifications.list")?;
    let limit = page_size(filter.limit)?;
    let before = cursor::<NotificationId>(filter.cursor.as_deref())?;
    let snapshot = caller.tenant.snapshot.borrow().clone();
    let state = filter.state.map(|word| {
        let unknown = || format!("`{word}` is not a state; it is one of {}", NotificationState::WORDS.join(", "));
        NotificationState::from_word(&word).ok_or_else(|| Refused::new(Code::InvalidRequest, unknown()))
    });
    let recipient = filter.recipient.map(|name| match snapshot.directory.find(&name) {
        _ if name == ME => myself(&caller),
        Some(party) => Ok(snapshot.log_name(party)),
        None => Ok(name),
    });
    let filter = NotificationFilter {
        recipient: recipient.transpose()?,
        channel: filter.channel,
        state: state.transpose()?,
        since: filter.since.map(Millis),
    };
    let page = app.store.notifications(caller.tenant.tenant.id, &filter, before, limit).await?;
    let items = page.items.iter().map(|row| view::notification(row, &snapshot, false)).collect();
    Ok(Answer(Page { items, next_cursor: page.next.map(|id| id.to_string()) }))
}

/// Whom a key speaks for, as logs name them.
fn myself(caller: &Caller) -> Result<String, Refused> {
    let person = caller.asker().actor;
    if person.starts_with("person:") {
        return Ok(person);
    }
    let detail = "this key speaks for nobody; use one that was made with `keys create --person @alice`";
    Err(Refused::new(Code::InvalidRequest, detail))
}

/// One notice with its delivery log and what was answered to it.
#[utoipa::path(
    get, path = "/v1/notifications/{id}", tag = "notifications",
    params(("id" = String, Path, description = "the notice's id")),
    responses((status = 200, description = "the notice", body = Notification), NotFoundProblem, KeyProblems)
)]
pub(super) async fn get(State(app): State<App>, caller: Caller, id: Segment) -> Result<Answer<Notification>, Refused> {
    caller.may(Right::Read, "notifications.get")?;
    let wanted: NotificationId = id.id("notification")?;
    let row = app.store.notification(caller.tenant.tenant.id, wanted).await?;
    let row = row.ok_or_else(|| Refused::not_found(format!("notification `{wanted}`")))?;
    let tenant = caller.tenant.tenant.id;
    let responses = app.store.responses_to(tenant, wanted).await?;
    let event = match row.event_seq {
        Some(seq) => app.store.event_by_seq(tenant, seq).await?,
        None => None,
    };
    let agent = event.as_ref().and_then(|event| event.row.agent());
    let snapshot = caller.tenant.snapshot.borrow().clone();
    let responses = responses.iter().map(|stored| view::response(stored, agent, &snapshot)).collect();
    let plan: Option<Record> = event.as_ref().and_then(|event| serde_json::from_slice(&event.row.plan).ok());
    let why = view::why(&row, plan.as_ref());
    Ok(Answer(Notification { responses, why, ..view::notification(&row, &snapshot, true) }))
}
