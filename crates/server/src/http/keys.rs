//! Making, listing and revoking API keys.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use mandate_api::{Key, KeyRequest, KeyScope, NewKey, Page};
use mandate_core::change::Scope;
use mandate_core::id::KeyId;
use mandate_core::time::Millis;

use super::caller::Caller;
use super::docs::{BodyProblems, KeyProblems, NotFoundProblem, Once, QueryProblems};
use super::extract::{Json, Pages, Params, Segment, cursor, page_size, unknown_cursor};
use super::problem::{Code, Refused};
use super::view;
use crate::app::App;
use crate::auth::{self, KeyWish, Right, WrongWish};
use crate::input::{CreateKeyInput, Input, RevokeKeyInput};

/// List the tenant's keys, oldest first, revoked ones too. Their texts are not kept anywhere.
#[utoipa::path(
    get, path = "/v1/keys", tag = "keys", params(Pages),
    responses((status = 200, description = "a page of keys", body = Page<Key>), QueryProblems, KeyProblems)
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<Pages>,
) -> Result<Answer<Page<Key>>, Refused> {
    caller.may(Right::Admin, "keys.list")?;
    let limit = page_size(page.limit)? as usize;
    let after = cursor::<KeyId>(page.cursor.as_deref())?;
    let rows = app.keys.of(caller.tenant.tenant.id);
    let begin = match after {
        None => 0,
        // Keys are never removed, so the one that a page ended with is still there.
        Some(after) => rows.iter().position(|row| row.id == after).ok_or_else(unknown_cursor)? + 1,
    };
    let items: Vec<Key> = rows.iter().skip(begin).take(limit).map(view::key).collect();
    let next_cursor = items.last().filter(|_| begin + limit < rows.len()).map(|key| key.id.to_string());
    Ok(Answer(Page { items, next_cursor }))
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
    let wish = wish(request).checked(app.env.now()).map_err(refused)?;
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

fn wish(request: KeyRequest) -> KeyWish {
    let scope = match request.scope {
        KeyScope::Ingest => Scope::Ingest,
        KeyScope::Read => Scope::Read,
        KeyScope::Respond => Scope::Respond,
        KeyScope::Admin => Scope::Admin,
    };
    let KeyRequest { name, agent, person, expires_at, .. } = request;
    KeyWish { scope, name, agent, person, expires_at: expires_at.map(Millis) }
}

fn refused(wrong: WrongWish) -> Refused {
    let pointer = format!("/{}", wrong.member);
    Refused::new(Code::InvalidRequest, wrong.detail).at(&pointer, wrong.code)
}
