//! What can go wrong between a client and the server, in words a person can act on.

use std::time::Duration;

use mandate_api::Problem;

/// Why a request had no answer that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be used.
    #[error("`{url}` is not an address of a server: {why}; give one such as `http://127.0.0.1:7878`")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The key cannot stand in a header.
    #[error("the key holds characters that no key has; copy it again, or make one with `mandate keys create`")]
    Key,
    /// Nothing answered, or the connection broke before the answer was whole.
    #[error("cannot reach `{url}`: {why}; is `mandate serve` running there, and is MANDATE_URL right?")]
    Unreachable {
        /// Where.
        url: String,
        /// What happened.
        why: String,
    },
    /// The answer did not come in time. The server may have taken the request.
    #[error("`{url}` did not answer within {} s; it may be overloaded, try again", after.as_secs_f32())]
    TimedOut {
        /// Where.
        url: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The server answered with a problem.
    #[error("{method} `{path}` was refused with {status}: {}{}", problem.detail, hint(*status))]
    Refused {
        /// The request's method.
        method: String,
        /// The request's path.
        path: String,
        /// The HTTP status.
        status: u16,
        /// What the server said.
        problem: Box<Problem>,
        /// When to try again, if the server said so.
        retry_after: Option<Duration>,
    },
    /// The answer is not what the interface promises.
    #[error("{method} `{path}` was answered with something else than Mandate's: {why}; is that address Mandate's?")]
    Unexpected {
        /// The request's method.
        method: String,
        /// The request's path.
        path: String,
        /// What is wrong with the answer.
        why: String,
    },
}

impl Error {
    /// The HTTP status, when there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the server could not be reached: exit code 3 on the command line.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::TimedOut { .. })
    }
}

fn hint(status: u16) -> &'static str {
    match status {
        401 => "; check MANDATE_KEY, or make a key with `mandate keys create`",
        403 => "; this key may not do that, see `mandate keys list`",
        _ => "",
    }
}
