//! Every call of the Web API, as it came and as it was answered.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// Unix milliseconds.
    pub at: i64,
    /// `chat.postMessage`; a response URL is `response_url`.
    pub method: String,
    /// Query, form and JSON in one, without the token.
    pub arguments: Value,
    /// The HTTP status; 0 when the connection was closed instead.
    pub status: u16,
    /// What was answered, or would have been, had the answer not been lost.
    pub answer: Value,
    /// Whether the caller heard it.
    pub answered: bool,
}

impl Call {
    /// Whether the call was carried out.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.answer["ok"] == Value::Bool(true)
    }

    /// The error's name, empty when there is none.
    #[must_use]
    pub fn error(&self) -> &str {
        self.answer["error"].as_str().unwrap_or_default()
    }
}

/// The calls that are kept.
pub(super) struct Log {
    keep: usize,
    calls: VecDeque<Call>,
    /// How many there were in all.
    pub(super) total: u64,
}

impl Log {
    pub(super) fn new(keep: usize) -> Self {
        Self { keep, calls: VecDeque::new(), total: 0 }
    }

    pub(super) fn add(&mut self, call: Call) {
        self.total += 1;
        self.calls.push_back(call);
        while self.calls.len() > self.keep {
            self.calls.pop_front();
        }
    }

    pub(super) fn all(&self) -> Vec<Call> {
        self.calls.iter().cloned().collect()
    }
}
