//! The configuration in force, and what it says of a resource or an event.

use std::collections::BTreeMap;

use axum::Json as Answer;
use axum::extract::State;
use mandate_api::{ConfigFile, ConfigVersion, OwnerAnswer};
use mandate_core::event::{Resource, ResourceKind, Submission};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::docs::{BodyProblems, KeyProblems, NotFoundProblem, QueryProblems};
use super::events::address;
use super::extract::{Json, Params, Segment};
use super::problem::{Code, Refused};
use crate::app::App;
use crate::auth::Right;
use crate::offline::RouteAnswer;
use crate::offline::route::of_submission;

/// What to show of the files.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Show {
    /// `true` for their texts too.
    #[serde(default)]
    text: bool,
}

/// The configuration in force.
#[utoipa::path(
    get, path = "/v1/config", tag = "config", params(Show),
    responses((status = 200, description = "the version in force", body = ConfigVersion), QueryProblems, KeyProblems)
)]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Params(show): Params<Show>,
) -> Result<Answer<ConfigVersion>, Refused> {
    caller.may(Right::Read, "config.get")?;
    let tenant = caller.tenant.tenant.id;
    let snapshot = caller.tenant.snapshot.borrow().clone();
    let Some(id) = app.store.head(tenant).await?.config else {
        let shipped =
            ConfigVersion { id: None, hash: Some(snapshot.id.to_string()), at: None, by: None, files: Vec::new() };
        return Ok(Answer(shipped));
    };
    let row = app.store.config(tenant, id).await?;
    let row = row.ok_or_else(|| Refused::internal(format!("the configuration {id} in force is not stored")))?;
    let files: BTreeMap<String, String> = serde_json::from_slice(&row.files)
        .map_err(|error| Refused::internal(format!("the files of configuration {id}: {error}")))?;
    let file =
        |(path, text): (String, String)| ConfigFile { path, bytes: text.len() as u64, text: show.text.then_some(text) };
    Ok(Answer(ConfigVersion {
        id: Some(id.0),
        hash: Some(row.hash.to_string()),
        at: Some(row.at.0),
        by: Some(snapshot.display_name(&row.by)),
        files: files.into_iter().map(file).collect(),
    }))
}

/// The parts of a tenant's configuration.
const KINDS: [&str; 4] = ["rules", "ownership", "capture", "calendar"];

/// Change a part of the configuration: not over HTTP yet, it belongs to the files of `--config`.
#[utoipa::path(
    put, path = "/v1/config/{kind}", tag = "config",
    params(("kind" = String, Path, description = "`rules`, `ownership`, `capture` or `calendar`")),
    responses((status = 409, description = "managed by files", body = mandate_api::Problem,
        content_type = "application/problem+json"), NotFoundProblem, KeyProblems)
)]
pub(super) async fn put(State(_app): State<App>, caller: Caller, kind: Segment) -> Result<(), Refused> {
    caller.may(Right::Admin, "config.put")?;
    let kind = kind.0;
    if !KINDS.contains(&kind.as_str()) {
        let detail = format!("`{kind}` is no part of the configuration; there are {}", KINDS.join(", "));
        return Err(Refused::new(Code::NotFound, detail));
    }
    let detail = format!(
        "`{kind}` is managed by files, not over HTTP: put it into a directory and start the server with `--config` and that"
    );
    Err(Refused::new(Code::ManagedByFiles, detail))
}

/// Whose owner is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    /// `type:id`.
    resource: String,
    /// The repository of a file, such as `acme/shop`.
    repo: Option<String>,
}

/// Who owns a resource, with every step tried.
#[utoipa::path(
    get, path = "/v1/owners", tag = "config", params(Whose),
    responses((status = 200, description = "the owners and how they were found", body = OwnerAnswer),
        QueryProblems, KeyProblems)
)]
pub(super) async fn owners(
    State(_app): State<App>,
    caller: Caller,
    Params(whose): Params<Whose>,
) -> Result<Answer<OwnerAnswer>, Refused> {
    caller.may(Right::Read, "owners.explain")?;
    let text = address(whose.resource)?;
    let (kind, id) = text.split_once(':').unwrap_or_default();
    let kind = ResourceKind::from_word(kind).unwrap_or(ResourceKind::Service);
    let resource = Resource { repo: whose.repo, ..Resource::new(kind, id) };
    let snapshot = caller.tenant.snapshot.borrow().clone();
    owner_answer(&snapshot.directory.explain(&resource)).map(Answer)
}

/// The core's explanation in the interface's type. They have one shape, which a test holds them to.
pub(crate) fn owner_answer(explanation: &mandate_core::ownership::Explanation) -> Result<OwnerAnswer, Refused> {
    let shown = serde_json::to_value(explanation).and_then(serde_json::from_value);
    shown.map_err(|error| Refused::internal(format!("an explanation of owners: {error}")))
}

/// An event to try the rules on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainRequest {
    /// The event as it would be submitted.
    #[schema(value_type = mandate_api::NewEvent)]
    event: Box<RawValue>,
}

/// How an event would be routed now, and why. Nothing is recorded, nobody is told.
///
/// What was observed of the past counts as nothing: an agent never seen before.
#[utoipa::path(
    post, path = "/v1/rules/explain", tag = "config", request_body = ExplainRequest,
    responses((status = 200, description = "the plan that would be made", body = RouteAnswer), BodyProblems, KeyProblems)
)]
pub(super) async fn explain(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<ExplainRequest>,
) -> Result<Answer<RouteAnswer>, Refused> {
    caller.may(Right::Read, "rules.explain")?;
    let submission = Submission::read(request.event.get(), None, &caller.tenant.scrubber).map_err(|errors| {
        let errors = errors.into_iter().map(|error| mandate_api::FieldError {
            pointer: format!("/event{}", error.pointer),
            code: error.code,
            detail: error.detail,
        });
        Refused::new(Code::Unprocessable, "the event could not be recorded as it is").with_errors(errors.collect())
    })?;
    let snapshot = caller.tenant.snapshot.borrow().clone();
    Ok(Answer(of_submission(&snapshot, submission, app.env.now())))
}
