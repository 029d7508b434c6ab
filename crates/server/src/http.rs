//! The HTTP side: calls, streams, the document that describes them.
//!
//! One endpoint group a file. A call's handler checks what the key may do, reads its input strictly, asks the
//! store or the writer, and returns rows as [`mandate_api`] shows them or a [`problem::Refused`]. [`layer`] stands
//! around every call; [`serve()`] carries connections to it.

mod agents;
mod body;
mod caller;
mod channels;
mod config;
mod control;
mod docs;
mod events;
mod export;
pub mod extract;
mod impact;
mod keys;
mod layer;
mod notifications;
pub mod problem;
mod rejected;
mod responses;
mod reviews;
mod serve;
mod sources;
mod state;
pub mod status;
mod stream;
mod submit;
pub mod tls;
mod view;

use axum::extract::State;
use axum::http::header;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use caller::Caller;
pub use serve::serve;
pub use state::HttpState;

use crate::app::App;
use problem::Refused;

/// Everything that one server answers.
pub fn router(app: App) -> axum::Router {
    let (router, _) = calls().split_for_parts();
    router
        .fallback(layer::no_such_call)
        .method_not_allowed_fallback(layer::method_not_allowed)
        .layer(middleware::from_fn_with_state(app.clone(), layer::around))
        .with_state(app)
}

/// The document that describes every call, OpenAPI 3.1. Needs no server.
#[must_use]
pub fn openapi() -> OpenApi {
    calls().into_openapi()
}

fn calls() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(submit::submit, events::list))
        .routes(routes!(events::get))
        .routes(routes!(events::explain))
        .routes(routes!(events::outcome))
        .routes(routes!(rejected::list))
        .routes(routes!(impact::of_event))
        .routes(routes!(impact::of_resource))
        .routes(routes!(export::events))
        .routes(routes!(export::audit))
        .routes(routes!(export::checkpoints))
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::get))
        .routes(routes!(responses::respond))
        .routes(routes!(responses::undo))
        .routes(routes!(reviews::list))
        .routes(routes!(agents::list))
        .routes(routes!(agents::pause_all))
        .routes(routes!(agents::resume_all))
        .routes(routes!(agents::get))
        .routes(routes!(agents::pause))
        .routes(routes!(agents::resume))
        .routes(routes!(control::control))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::revoke))
        .routes(routes!(config::get))
        .routes(routes!(config::put))
        .routes(routes!(config::owners))
        .routes(routes!(config::explain))
        .routes(routes!(channels::test))
        .routes(routes!(sources::slack))
        .routes(routes!(stream::socket::stream))
        .routes(routes!(stream::sse::stream))
        .routes(routes!(status::status))
        .routes(routes!(status::healthz))
        .routes(routes!(status::readyz))
        .routes(routes!(status::metrics))
        .routes(routes!(document))
}

/// The head of the document.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Mandate",
        description = "Routes agent actions to the right humans in real time. Times are Unix milliseconds, ids UUID v7. \
                       Errors are RFC 9457 problems with a stable `type`. Extra members may appear in answers: ignore them.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    modifiers(&Keys),
    security(("key" = [])),
    components(schemas(
        mandate_api::Problem, mandate_api::ClientMessage, mandate_api::ServerMessage, mandate_api::FeedData,
        mandate_api::Control, mandate_api::Event,
    )),
    tags(
        (name = "events", description = "what agents did"),
        (name = "agents", description = "who they are, pausing them"),
        (name = "notifications", description = "who was told, and what they answered"),
        (name = "config", description = "rules, owners and dependencies in force"),
        (name = "stream", description = "what happens, live"),
        (name = "export", description = "what can be verified elsewhere"),
        (name = "keys", description = "API keys"),
        (name = "status", description = "how the server does"),
    ),
)]
struct Document;

struct Keys;

impl utoipa::Modify for Keys {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("mk_…");
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(scheme.description(Some("an API key")).build()));
    }
}

/// This document.
///
/// Needs a key with scope `read` unless the server listens on loopback.
#[utoipa::path(
    get, path = "/openapi.json", tag = "status",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value), docs::KeyProblems)
)]
async fn document(State(app): State<App>, caller: Result<Caller, Refused>) -> Result<Response, Refused> {
    status::readable(&app, caller, "openapi")?;
    let text = openapi().to_json().map_err(|error| Refused::internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_described_with_its_answers() {
        let document = serde_json::to_value(openapi()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["title"], "Mandate");
        let mut calls = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, call) in methods.as_object().unwrap() {
                calls += 1;
                let name = format!("{method} {path}");
                assert!(call["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name} has no summary");
                let answers = call["responses"].as_object().unwrap();
                // A WebSocket's client says who it is in its first message, when the answer was given.
                let open = ["/healthz", "/readyz", "/v1/stream"].contains(&path.as_str());
                assert!(open || answers.contains_key("401"), "{name} does not say 401");
                assert_eq!(path.contains('{'), call["parameters"].to_string().contains("\"in\":\"path\""), "{name}");
            }
        }
        assert!(calls >= 30, "{calls} calls");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk<'d>(value: &'d serde_json::Value, found: &mut Vec<&'d str>) {
            match value {
                serde_json::Value::Object(members) => {
                    found.extend(members.get("$ref").and_then(serde_json::Value::as_str));
                    members.values().for_each(|member| walk(member, found));
                }
                serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
                _ => {}
            }
        }
        let document = serde_json::to_value(openapi()).unwrap();
        let mut references = Vec::new();
        walk(&document, &mut references);
        assert!(references.len() > 50);
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}
