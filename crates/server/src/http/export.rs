//! Exports: JSON Lines in chain order, enough to verify offline.
//!
//! Page by page in short transactions; what is being read never waits in memory. An export ends with the last
//! entry there was when it began.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use mandate_api::Page;
use mandate_core::audit;
use mandate_core::id::TenantId;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use super::caller::Caller;
use super::docs::{KeyProblems, QueryProblems};
use super::extract::{Params, page_size};
use super::problem::{Code, Refused};
use super::view;
use crate::app::App;
use crate::auth::Right;
use crate::input::{Input, Refusal};

const JSON_LINES: &str = "application/jsonl";
const PAGE: u32 = 500;

/// Which part of a chain.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// The first place; 1 when left out.
    from: Option<i64>,
    /// The last place; the present one when left out.
    to: Option<i64>,
}

impl Part {
    fn ends(&self, tip: i64) -> Result<(i64, i64), Refused> {
        let from = self.from.unwrap_or(1);
        if from < 1 {
            return Err(Refused::new(Code::InvalidRequest, format!("`from` is a place from 1 on, this is `{from}`")));
        }
        Ok((from, self.to.unwrap_or(tip).min(tip)))
    }
}

#[derive(Debug, Clone, Copy)]
enum Chain {
    Events,
    Audit,
}

/// Every stored event, one a line, in chain order.
///
/// Enough to verify the chain offline, see the contract. Cut off in the middle, the last line is incomplete.
#[utoipa::path(
    get, path = "/v1/export/events", tag = "export", params(Part),
    responses((status = 200, description = "one stored event a line", body = String, content_type = "application/jsonl"),
        QueryProblems, KeyProblems)
)]
pub(super) async fn events(
    State(app): State<App>,
    caller: Caller,
    Params(part): Params<Part>,
) -> Result<Response, Refused> {
    caller.may(Right::Read, "export.events")?;
    let tenant = caller.tenant.tenant.id;
    let (from, to) = part.ends(app.store.head(tenant).await?.events.seq)?;
    Ok(lines(app, tenant, Chain::Events, from, to))
}

/// The audit log, one entry a line, in chain order. Reading it is itself audited.
#[utoipa::path(
    get, path = "/v1/export/audit", tag = "export", params(Part),
    responses((status = 200, description = "one audit entry a line", body = String, content_type = "application/jsonl"),
        QueryProblems, KeyProblems)
)]
pub(super) async fn audit(
    State(app): State<App>,
    caller: Caller,
    Params(part): Params<Part>,
) -> Result<Response, Refused> {
    caller.may(Right::Admin, "export.audit")?;
    let tenant = caller.tenant.tenant.id;
    let (from, to) = part.ends(app.store.head(tenant).await?.audit.seq)?;
    let entry = caller.asker().did("audit.read", format!("audit:{from}-{to}"));
    caller.tenant.intake.push_control(Input::Audit(entry)).map_err(|_| Refusal::Stopping)?;
    Ok(lines(app, tenant, Chain::Audit, from, to))
}

fn lines(app: App, tenant: TenantId, chain: Chain, from: i64, to: i64) -> Response {
    let body = Body::from_stream(pages(app, tenant, chain, from, to));
    ([(header::CONTENT_TYPE, JSON_LINES)], body).into_response()
}

/// An error in the middle cannot change the status any more: the connection breaks off instead.
fn pages(
    app: App,
    tenant: TenantId,
    chain: Chain,
    from: i64,
    to: i64,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    stream::try_unfold(from, move |next| {
        let app = app.clone();
        async move {
            if next > to {
                return Ok(None);
            }
            page(&app, tenant, chain, next, to).await.map_err(|refused| {
                tracing::error!(detail = refused.detail(), "an export broke off");
                std::io::Error::other("the export broke off")
            })
        }
    })
}

async fn page(app: &App, tenant: TenantId, chain: Chain, next: i64, to: i64) -> Result<Option<(Bytes, i64)>, Refused> {
    let limit = u32::try_from(to - next + 1).unwrap_or(PAGE).min(PAGE);
    let mut text = Vec::new();
    let last = match chain {
        Chain::Events => {
            let rows = app.store.events_from(tenant, next, limit).await?;
            for stored in &rows {
                line(&mut text, &view::event(stored)?);
            }
            rows.last().map(|stored| stored.row.seq)
        }
        Chain::Audit => {
            let rows = app.store.audit_from(tenant, next, limit).await?;
            for row in &rows {
                let entry = audit::stored_form(row);
                line(
                    &mut text,
                    &entry.map_err(|error| Refused::internal(format!("audit entry {}: {error}", row.seq)))?,
                );
            }
            rows.last().map(|row| row.seq)
        }
    };
    Ok(last.map(|last| (Bytes::from(text), last + 1)))
}

fn line(text: &mut Vec<u8>, value: &Value) {
    // INVARIANT: a `Value` always serialises, and a vector takes every byte.
    let _ = serde_json::to_writer(&mut *text, value);
    text.push(b'\n');
}

/// Which checkpoints.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    /// How many, 1 to 1,000; 50 when left out.
    limit: Option<u32>,
    /// Where an earlier page said to go on.
    cursor: Option<String>,
}

/// Signed statements of where both chains stood, oldest first.
///
/// Keep them elsewhere: they show when a chain's tail is lost or the chain was written anew.
#[utoipa::path(
    get, path = "/v1/checkpoints", tag = "export", params(After),
    responses((status = 200, description = "a page of checkpoints", body = Page<Value>), QueryProblems, KeyProblems)
)]
pub(super) async fn checkpoints(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<After>,
) -> Result<axum::Json<Page<Value>>, Refused> {
    caller.may(Right::Read, "checkpoints.list")?;
    let limit = page_size(page.limit)?;
    let after = match page.cursor.as_deref() {
        None => (0, -1),
        Some(text) => places(text).ok_or_else(|| {
            Refused::new(Code::InvalidRequest, "`cursor` is not one that a page gave; begin without it")
        })?,
    };
    let rows = app.store.checkpoints(caller.tenant.tenant.id, after, limit).await?;
    let full = rows.len() == limit as usize;
    let next_cursor = rows.last().filter(|_| full).map(|row| format!("{}.{}", row.events.seq, row.audit.seq));
    let items = rows.iter().map(|row| serde_json::to_value(row).unwrap_or_default()).collect();
    Ok(axum::Json(Page { items, next_cursor }))
}

fn places(text: &str) -> Option<(i64, i64)> {
    let (events, audit) = text.split_once('.')?;
    Some((events.parse().ok()?, audit.parse().ok()?))
}
