//! The error answers of calls, for the OpenAPI document.

use mandate_api::Problem;
use utoipa::{IntoParams, IntoResponses};

/// What every call that takes a key can answer.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the OpenAPI document alone")]
pub(super) enum KeyProblems {
    /// no API key, or one that opens nothing
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(Problem),
    /// the key's scope does not allow it; `detail` says which one does
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// too many requests; `Retry-After` says when to come back
    #[response(status = 429, content_type = "application/problem+json")]
    RateLimited(Problem),
    /// something inside went wrong; nothing was changed unless a later read shows it
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// the store cannot be reached or the server is stopping; `Retry-After` says when to come back
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// What calls with parameters can answer beside.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the OpenAPI document alone")]
pub(super) enum QueryProblems {
    /// a parameter is not as it must be
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Problem),
}

/// What calls on one thing can answer beside.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the OpenAPI document alone")]
pub(super) enum NotFoundProblem {
    /// no such thing
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
}

/// What calls that depend on what is stored can answer beside.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the OpenAPI document alone")]
pub(super) enum ConflictProblem {
    /// it contradicts what is stored; `detail` says what that is
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
}

/// What calls with a body can answer beside.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the OpenAPI document alone")]
pub(super) enum BodyProblems {
    /// not UTF-8, not JSON, or not of this shape; `errors` points at the member
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Problem),
    /// the body did not arrive in time
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(Problem),
    /// more than 8 MB
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// not `application/json`
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(Problem),
    /// it can never be carried out
    #[response(status = 422, content_type = "application/problem+json")]
    Unprocessable(Problem),
}

/// What `POST /v1/events` can answer beside its results.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the OpenAPI document alone")]
pub(super) enum SubmitProblems {
    /// not UTF-8, not JSON, or an envelope with unknown members: nothing was taken
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Problem),
    /// no API key, or one that opens nothing
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(Problem),
    /// the key may not write events, or not for an actor that is named: nothing was taken
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// the body did not arrive in time
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(Problem),
    /// more than 8 MB or 1,000 items: nothing was taken
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// not `application/json`
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(Problem),
    /// this agent sends too much; nothing was taken, `Retry-After` says when to send it again
    #[response(status = 429, content_type = "application/problem+json")]
    RateLimited(Problem),
    /// something inside went wrong; send it again with the same keys
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// the queue is full or the store away; nothing was taken, `Retry-After` says when to send it again
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// What every call that changes something may be sent with.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the OpenAPI document alone")]
pub(super) struct Once {
    /// The client's name for this call, 1 to 250 visible ASCII letters. Within the hour and the next, a repeat under the
    /// same name does nothing and gets the first answer; another content under the same name is answered 409.
    #[param(rename = "Idempotency-Key")]
    idempotency_key: Option<String>,
}
