//! What other services send us, each signed in its own way. No key: the signature says who it is.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mandate_connect::channel::slack::inbound::{self, Inbound};
use mandate_connect::channel::slack::signature::{self, Rejected};

use super::body::foreign;
use super::problem::{Code, Refused};
use crate::app::App;
use crate::channel::Channel;
use crate::slack;

/// What people do in Slack: presses, answered modals, slash commands, events.
///
/// Signed by Slack over the raw bytes (`X-Slack-Signature`), at most five minutes old. Answered once it is recorded; what
/// is to be said to the person follows by itself.
#[utoipa::path(
    post, path = "/v1/sources/slack", tag = "notifications", security(()),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "taken", body = String),
        (status = 401, description = "not signed by the workspace, or too old", body = mandate_api::Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "no Slack channel takes requests", body = mandate_api::Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "signed, and not what Slack sends", body = mandate_api::Problem,
            content_type = "application/problem+json"))
)]
pub(super) async fn slack(State(app): State<App>, request: Request) -> Result<Response, Refused> {
    let headers = request.headers().clone();
    let bytes = foreign(request, inbound::BODY_BYTES).await?;
    let is_json =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_json && let Ok(Inbound::Probe) = inbound::form(&bytes) {
        return Ok(StatusCode::OK.into_response());
    }
    let name = sender(&app, &headers, &bytes)?;
    let read = if is_json { inbound::event(&bytes) } else { inbound::form(&bytes) };
    let inbound = read.map_err(|error| Refused::new(Code::Unprocessable, error.to_string()))?;
    if let Inbound::Challenge(text) = inbound {
        return Ok(text.into_response());
    }
    let Some(Channel::Slack(channel)) = app.channels.get(&name) else { return Ok(StatusCode::OK.into_response()) };
    let reply = slack::take(&app, channel, inbound).await;
    let owner = app.clone();
    app.tasks.spawn("slack answer", async move {
        if let Some(Channel::Slack(channel)) = owner.channels.get(&name) {
            reply.say(channel).await;
        }
    });
    Ok(StatusCode::OK.into_response())
}

/// The channel whose signing secret the request is signed with.
fn sender(app: &App, headers: &HeaderMap, bytes: &[u8]) -> Result<Arc<str>, Refused> {
    let given = |name: &str| headers.get(name).map(header::HeaderValue::as_bytes);
    let (timestamp, signed) = (given(signature::TIMESTAMP), given(signature::SIGNATURE));
    let now = app.env.now().0.div_euclid(1_000);
    let mut why: Option<Rejected> = None;
    for channel in app.channels.slack().filter(|channel| !channel.slack.signing_secrets().is_empty()) {
        match signature::verify(channel.slack.signing_secrets(), timestamp, signed, bytes, now) {
            Ok(()) => return Ok(Arc::clone(&channel.name)),
            Err(rejected) => why = Some(rejected),
        }
    }
    Err(match why {
        Some(rejected) => Refused::new(Code::Unauthenticated, rejected.to_string()),
        None => Refused::not_found("a slack channel with a `signing_secret`"),
    })
}
