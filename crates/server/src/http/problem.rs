//! Error answers: RFC 9457 problems with stable codes.
//!
//! [`Refused`] is what handlers return. Codes are part of the interface; their list is [`Code`]. A 5xx shows
//! nothing of what is inside and is logged once, here, with the request's id.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mandate_api::{FieldError, Problem};
use mandate_core::time::Span;

use crate::auth::Right;
use crate::input::Refusal;
use crate::intake::Full;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:ident, $title:literal;)*) => {
        /// Every kind of problem, with its word, its status and its title.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $name),*
        }

        impl Code {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// The status it is answered with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),* }
            }

            const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    /// The body is not UTF-8.
    InvalidText = "invalid_text", BAD_REQUEST, "the body is not UTF-8";
    /// The body is not JSON.
    InvalidJson = "invalid_json", BAD_REQUEST, "the body is not JSON";
    /// A member, parameter or header is not as it must be.
    InvalidRequest = "invalid_request", BAD_REQUEST, "the request is not as it must be";
    /// Something asked for comes with a later release.
    NotAvailable = "not_available", BAD_REQUEST, "not available yet";
    /// No usable credentials.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "who is asking is not known";
    /// The key's scope does not allow it.
    Forbidden = "forbidden", FORBIDDEN, "this key may not";
    /// An event names an actor that the key is not bound to.
    IdentityMismatch = "identity_mismatch", FORBIDDEN, "this key may not speak for that agent";
    /// A loopback server was asked under a name that is not its own.
    UnknownHost = "unknown_host", FORBIDDEN, "this server does not answer under that name";
    /// No such thing.
    NotFound = "not_found", NOT_FOUND, "no such thing";
    /// No such call.
    NoSuchCall = "no_such_call", NOT_FOUND, "no such call";
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "not with this method";
    /// It contradicts what is stored.
    Conflict = "conflict", CONFLICT, "this contradicts what is stored";
    /// The configuration belongs to files.
    ManagedByFiles = "managed_by_files", CONFLICT, "managed by files";
    /// The body did not arrive in time.
    TooSlow = "too_slow", REQUEST_TIMEOUT, "the request took too long to arrive";
    /// More than a request may hold.
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "the request is too large";
    /// Not JSON by its own word.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "not a form this call reads";
    /// It can never be carried out.
    Unprocessable = "unprocessable", UNPROCESSABLE_ENTITY, "this cannot be carried out";
    /// More than this sender's share.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "too many at once";
    /// Something inside went wrong.
    Internal = "internal", INTERNAL_SERVER_ERROR, "something inside went wrong";
    /// The store or a queue cannot take more now.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "cannot be taken now";
}

/// A request that was refused. Small, since every handler returns one.
#[derive(Debug)]
pub struct Refused(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<u32>,
    /// What happened inside; for the log alone.
    inside: Option<String>,
}

impl Refused {
    /// A problem with what a person can do about it.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self(Box::new(Inner { code, detail, errors: Vec::new(), retry_after: None, inside: None }))
    }

    /// The same, with what is wrong field by field.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// The same, with one field.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, code: &str) -> Self {
        let detail = self.0.detail.clone();
        self.0.errors.push(FieldError { pointer: pointer.into(), code: code.to_owned(), detail });
        self
    }

    /// The same, with when to come back.
    #[must_use]
    pub fn retry_after(mut self, wait: Span) -> Self {
        self.0.retry_after = Some(u32::try_from(wait.0.max(0).saturating_add(999) / 1_000).unwrap_or(u32::MAX));
        self
    }

    /// Something inside went wrong; `inside` goes to the log alone.
    #[must_use]
    pub fn internal(inside: impl Into<String>) -> Self {
        let mut refused = Self::new(Code::Internal, "the server's log says more under this request's id");
        refused.0.inside = Some(inside.into());
        refused
    }

    /// Nothing of this name.
    #[must_use]
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("{what} is not known"))
    }

    /// The key may not.
    #[must_use]
    pub fn forbidden(right: Right, has: mandate_core::change::Scope) -> Self {
        let needed = right.needed();
        Self::new(Code::Forbidden, format!("this call takes a key with scope {needed}; this one has `{has}`"))
    }

    /// What kind it is.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What is wrong field by field.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// What is wrong, in words.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The answer, with the request's id.
    pub(super) fn into_problem(self, request_id: &str) -> Response {
        let Inner { code, detail, errors, retry_after, inside } = *self.0;
        if let Some(inside) = inside {
            tracing::error!(request_id, code = code.as_str(), inside, "a request failed");
        }
        let problem = Problem {
            kind: format!("urn:mandate:problem:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            detail,
            request_id: Some(request_id.to_owned()),
            errors,
        };
        // INVARIANT: texts and integers always serialise.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (code.status(), [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if code == Code::Unauthenticated {
            const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"mandate\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        response
    }
}

/// The type of every error answer.
pub(super) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Names a request in answers and in the log.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A refusal on its way out: the layer around every call ([`super::layer`]) gives it the request's id.
impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        response.extensions_mut().insert(OnItsWay(std::sync::Arc::new(std::sync::Mutex::new(Some(self)))));
        response
    }
}

/// See [`Refused::into_response`]; extensions must be clonable, a refusal is taken out once.
#[derive(Debug, Clone)]
pub(super) struct OnItsWay(std::sync::Arc<std::sync::Mutex<Option<Refused>>>);

impl OnItsWay {
    pub(super) fn take(&self) -> Option<Refused> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}

/// When to come back while the store is away or everything is full.
const SOON: Span = mandate_core::time::SECOND.times(2);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::StoreAway | Refusal::NoRoom | Refusal::Stopping => Code::Unavailable,
            Refusal::NotFound(_) => Code::NotFound,
            Refusal::Conflict(_) => Code::Conflict,
            Refusal::NotYours(_) => Code::IdentityMismatch,
            Refusal::Invalid(_) => Code::Unprocessable,
        };
        let refused = Self::new(code, refusal.to_string());
        if code == Code::Unavailable { refused.retry_after(SOON) } else { refused }
    }
}

impl From<Full> for Refused {
    fn from(full: Full) -> Self {
        match full {
            Full::Agent => Self::new(
                Code::RateLimited,
                "this agent's share of the queue is full; nothing was taken, send it again later",
            )
            .retry_after(mandate_core::time::SECOND),
            Full::All => Self::new(Code::Unavailable, "the queue is full; nothing was taken, send it again later")
                .retry_after(SOON),
            Full::Stopping => Refusal::Stopping.into(),
        }
    }
}

/// A read that failed: what can be tried again says so, the rest is for the log.
impl From<mandate_store::Error> for Refused {
    fn from(error: mandate_store::Error) -> Self {
        use mandate_store::Error;
        match error {
            Error::Unreachable(_) | Error::Full(_) | Error::Conflict(_) => {
                let mut refused =
                    Self::new(Code::Unavailable, "the store cannot be reached; try again").retry_after(SOON);
                refused.0.inside = Some(error.to_string());
                refused
            }
            other => Self::internal(other.to_string()),
        }
    }
}
