//! Items that were no events, for people who want to know what an agent sends wrong (EVT-10).

use axum::Json as Answer;
use axum::extract::State;
use mandate_api::{Page, Rejected};
use mandate_core::change::RejectedRow;
use mandate_core::id::RejectedId;

use super::caller::Caller;
use super::docs::{KeyProblems, QueryProblems};
use super::extract::{Pages, Params, cursor, page_size};
use super::problem::Refused;
use crate::app::App;
use crate::auth::Right;

/// List what was sent during the last day and is no event, newest first, with what is wrong with it.
///
/// At most 60 a minute are kept for one key, and 10,000 in all.
#[utoipa::path(
    get, path = "/v1/rejected", tag = "events", params(Pages),
    responses((status = 200, description = "a page of items", body = Page<Rejected>), QueryProblems, KeyProblems)
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<Pages>,
) -> Result<Answer<Page<Rejected>>, Refused> {
    caller.may(Right::Read, "rejected.list")?;
    let limit = page_size(page.limit)?;
    let before: Option<RejectedId> = cursor(page.cursor.as_deref())?;
    let rows = app.store.rejected(caller.tenant.tenant.id, before, limit).await?;
    let next_cursor = rows.last().filter(|_| rows.len() == limit as usize).map(|row| row.id.to_string());
    let items = rows.into_iter().map(shown).collect::<Result<_, _>>()?;
    Ok(Answer(Page { items, next_cursor }))
}

fn shown(row: RejectedRow) -> Result<Rejected, Refused> {
    let RejectedRow { id, at, key, errors, item } = row;
    let errors = serde_json::from_slice(&errors)
        .map_err(|error| Refused::internal(format!("errors of the rejected item {id}: {error}")))?;
    Ok(Rejected { id: id.0, at: at.0, key_id: key.0, errors, item })
}
