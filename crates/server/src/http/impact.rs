//! What an action can reach, or would.

use axum::Json as Answer;
use axum::extract::State;
use mandate_api::BlastRadius;
use mandate_core::event::Resource;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use super::caller::Caller;
use super::docs::{KeyProblems, NotFoundProblem, QueryProblems};
use super::events::{address, find};
use super::extract::{Params, Segment};
use super::problem::{Code, Refused};
use super::view;
use crate::app::App;
use crate::auth::Right;
use crate::offline;
use crate::offline::impact::blast_radius;

/// What an event can reach beyond what it declares, and whose that is.
///
/// By the catalog in force now. Only the owners of declared resources are told.
#[utoipa::path(
    get, path = "/v1/events/{id}/blast-radius", tag = "events",
    params(("id" = String, Path, description = "the event's id")),
    responses((status = 200, description = "three layers and their owners", body = BlastRadius),
        NotFoundProblem, KeyProblems)
)]
pub(super) async fn of_event(
    State(app): State<App>,
    caller: Caller,
    id: Segment,
) -> Result<Answer<BlastRadius>, Refused> {
    caller.may(Right::Read, "events.blast_radius")?;
    let stored = find(&app, &caller, &id).await?;
    let event = view::event(&stored)?;
    let resources = match event.pointer("/scope/resources") {
        Some(listed @ Value::Array(_)) => serde_json::from_value::<Vec<Resource>>(listed.clone())
            .map_err(|error| Refused::internal(format!("the resources of event {}: {error}", stored.row.id)))?,
        _ => Vec::new(),
    };
    let snapshot = caller.tenant.snapshot.borrow().clone();
    Ok(Answer(blast_radius(&snapshot, &resources)))
}

/// What would be touched.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Touched {
    /// `type:id`.
    resource: String,
    /// The repository of a file, such as `acme/shop`.
    repo: Option<String>,
}

/// What an action on a resource could reach, and whose that is.
#[utoipa::path(
    get, path = "/v1/blast-radius", tag = "config", params(Touched),
    responses((status = 200, description = "three layers and their owners", body = BlastRadius),
        QueryProblems, KeyProblems)
)]
pub(super) async fn of_resource(
    State(_app): State<App>,
    caller: Caller,
    Params(touched): Params<Touched>,
) -> Result<Answer<BlastRadius>, Refused> {
    caller.may(Right::Read, "owners.blast_radius")?;
    let text = address(touched.resource)?;
    let resource = offline::resource(&text).map_err(|why| Refused::new(Code::InvalidRequest, why))?;
    let resource = Resource { repo: touched.repo, ..resource };
    let snapshot = caller.tenant.snapshot.borrow().clone();
    Ok(Answer(blast_radius(&snapshot, &[resource])))
}
