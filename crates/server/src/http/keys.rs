//! Making, listing and revoking API keys.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use mandate_api::{Key, KeyRequest, KeyScope, NewKey, Page};
use mandate_core::change::Scope;
use mandate_core::id::KeyId;
use mandate_core::time::Millis;

use super::caller::Caller;
use super::docs::{BodyProblems, KeyProblems, NotFoundProblem, Once};
use super::extract::{Json, Segment};
use super::problem::{Code, Refused};
use super::view;
use crate::app::App;
use crate::auth::{self, Binding, KeyWish, Right};
use crate::input::{CreateKeyInput, Input, RevokeKeyInput};

const MAX_TEXT: usize = 256;

/// List the tenant's keys, oldest first, revoked ones too. Their texts are not kept anywhere.
#[utoipa::path(
    get, path = "/v1/keys", tag = "keys",
    responses((status = 200, description = "every key", body = Page<Key>), KeyProblems)
)]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Answer<Page<Key>>, Refused> {
    caller.may(Right::Admin, "keys.list")?;
    let items = app.keys.of(caller.tenant.tenant.id).iter().map(view::key).collect();
    Ok(Answer(Page { items, next_cursor: None }))
}

/// Make a key. Its text is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/keys", tag = "keys", request_body = KeyRequest, params(Once),
    responses(
        (status = 201, description = "the key with its text", body = NewKey),
        (status = 409, description = "made before under the same `Idempotency-Key`; its text is kept nowhere",
            body = mandate_api::Problem, content_type = "application/problem+json"),
        BodyProblems, KeyProblems,
    )
)]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<KeyRequest>,
) -> Result<(StatusCode, Answer<NewKey>), Refused> {
    caller.may(Right::Admin, "keys.create")?;
    let by = caller.asker_once("keys.create", &request);
    let wish = wish(request, app.env.now())?;
    let (text, row) = auth::generate(&app.env, wish);
    let row = caller.tenant.ask(|reply| Input::CreateKey(CreateKeyInput { row, by, reply })).await?;
    // The table hears of it with the commit too; whoever has this answer must be able to use the key at once.
    app.keys.apply(caller.tenant.tenant.id, std::slice::from_ref(&row));
    Ok((StatusCode::CREATED, Answer(NewKey { key: text, row: view::key(&row) })))
}

/// Revoke a key. It opens nothing from then on; streams it opened are closed within a minute.
#[utoipa::path(
    delete, path = "/v1/keys/{id}", tag = "keys", params(("id" = String, Path, description = "the key's id"), Once),
    responses((status = 200, description = "the key as it is now", body = Key), NotFoundProblem, KeyProblems)
)]
pub(super) async fn revoke(State(app): State<App>, caller: Caller, id: Segment) -> Result<Answer<Key>, Refused> {
    caller.may(Right::Admin, "keys.revoke")?;
    let key: KeyId = id.id("key")?;
    let by = caller.asker_once("keys.revoke", &key);
    let row = caller.tenant.ask(|reply| Input::RevokeKey(RevokeKeyInput { id: key, by, reply })).await?;
    app.keys.apply(caller.tenant.tenant.id, std::slice::from_ref(&row));
    Ok(Answer(view::key(&row)))
}

fn wish(request: KeyRequest, now: Millis) -> Result<KeyWish, Refused> {
    let wrong =
        |pointer: &str, code: &str, detail: String| Err(Refused::new(Code::InvalidRequest, detail).at(pointer, code));
    for (pointer, text) in [("/name", &request.name), ("/agent", &request.agent), ("/person", &request.person)] {
        let Some(text) = text else { continue };
        if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
            return wrong(pointer, "invalid_text", format!("1 to {MAX_TEXT} bytes without control characters"));
        }
    }
    if let Some(agent) = &request.agent {
        if request.scope != KeyScope::Ingest {
            return wrong(
                "/agent",
                "not_here",
                "only an ingest key is bound to an agent; leave `agent` out".to_owned(),
            );
        }
        let letters =
            |pattern: &str| pattern.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:@/-*?".contains(&byte));
        if let Some(bad) = Binding::new(agent).patterns().find(|pattern| pattern.is_empty() || !letters(pattern)) {
            return wrong("/agent", "invalid_id", format!("`{bad}` is no agent id and no glob with `*` and `?`"));
        }
    }
    if let Some(person) = &request.person
        && !person.starts_with('@')
    {
        return wrong("/person", "invalid_handle", format!("`{person}` is no handle; write `@` and the name"));
    }
    if request.expires_at.is_some_and(|at| at <= now.0) {
        return wrong(
            "/expires_at",
            "in_the_past",
            "`expires_at` is a time in the future, in Unix milliseconds".to_owned(),
        );
    }
    let scope = match request.scope {
        KeyScope::Ingest => Scope::Ingest,
        KeyScope::Read => Scope::Read,
        KeyScope::Respond => Scope::Respond,
        KeyScope::Admin => Scope::Admin,
    };
    let KeyRequest { name, agent, person, expires_at, .. } = request;
    Ok(KeyWish { scope, name, agent, person, expires_at: expires_at.map(Millis) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_makes_sense() {
        let cases = [
            (r#"{"scope":"ingest","agent":"ci/*, deployer"}"#, ""),
            (r#"{"scope":"respond","person":"@alice","name":"laptop","expires_at":6}"#, ""),
            (r#"{"scope":"read","agent":"deployer"}"#, "/agent"),
            (r#"{"scope":"ingest","agent":"a b"}"#, "/agent"),
            (r#"{"scope":"ingest","agent":"a,,b"}"#, "/agent"),
            (r#"{"scope":"read","person":"alice"}"#, "/person"),
            (r#"{"scope":"read","name":"a\nb"}"#, "/name"),
            (r#"{"scope":"read","expires_at":5}"#, "/expires_at"),
        ];
        for (text, expect) in cases {
            let got = wish(serde_json::from_str(text).unwrap(), Millis(5));
            let pointer = got.err().map_or(String::new(), |refused| refused.errors()[0].pointer.clone());
            assert_eq!(pointer, expect, "{text}");
        }
    }
}
