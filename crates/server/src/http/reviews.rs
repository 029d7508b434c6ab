//! The review queue (RTE-1).

use axum::Json as Answer;
use axum::extract::State;
use mandate_api::{Page, Review};
use mandate_core::review::ReviewState;
use mandate_core::time::Millis;
use mandate_store::{ReviewPlace, Reviews};
use serde::Deserialize;
use utoipa::IntoParams;

use super::caller::Caller;
use super::docs::{KeyProblems, QueryProblems};
use super::extract::{Params, page_size};
use super::problem::{Code, Refused};
use super::view;
use crate::app::App;
use crate::auth::Right;

/// Which reviews to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// `open` (overdue ones among them; when left out), `overdue` or `closed`.
    state: Option<String>,
    /// How many, 1 to 1,000; 50 when left out.
    limit: Option<u32>,
    /// Where an earlier page said to go on.
    cursor: Option<String>,
}

/// List reviews: those that are open by when they are due, those that are closed newest first.
#[utoipa::path(
    get, path = "/v1/reviews", tag = "notifications", params(Filter),
    responses((status = 200, description = "a page of reviews", body = Page<Review>), QueryProblems, KeyProblems)
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(filter): Params<Filter>,
) -> Result<Answer<Page<Review>>, Refused> {
    caller.may(Right::Read, "reviews.list")?;
    let limit = page_size(filter.limit)?;
    let now = caller.now();
    let which = match filter.state.as_deref().map(|word| (word, ReviewState::from_word(word))) {
        None | Some((_, Some(ReviewState::Open))) => Reviews::Open,
        Some((_, Some(ReviewState::Overdue))) => Reviews::DueAt(now),
        Some((_, Some(ReviewState::Closed))) => Reviews::Closed,
        Some((word, None)) => {
            let detail = format!("`{word}` is not a state; it is one of {}", ReviewState::WORDS.join(", "));
            return Err(Refused::new(Code::InvalidRequest, detail));
        }
    };
    let after = filter.cursor.as_deref().map(place).transpose()?;
    let rows = app.store.reviews(caller.tenant.tenant.id, which, after, limit).await?;
    let snapshot = caller.tenant.snapshot.borrow().clone();
    let last = rows.last().filter(|_| rows.len() == limit as usize).and_then(|row| which.place(row));
    Ok(Answer(Page {
        items: rows.iter().map(|row| view::review(row, now, &snapshot)).collect(),
        next_cursor: last.map(|place| format!("{}.{}", place.at.0, place.event_seq)),
    }))
}

fn place(cursor: &str) -> Result<ReviewPlace, Refused> {
    let parts = cursor.split_once('.').and_then(|(at, seq)| Some((at.parse().ok()?, seq.parse().ok()?)));
    let (at, event_seq) = parts
        .ok_or_else(|| Refused::new(Code::InvalidRequest, "`cursor` is not one that a page gave; begin without it"))?;
    Ok(ReviewPlace { at: Millis(at), event_seq })
}
