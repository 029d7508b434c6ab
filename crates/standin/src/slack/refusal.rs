//! `ok: false`, and why.

use serde_json::{Map, Value, json};

/// Why a call is not carried out, in Slack's names.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: &'static str,
    messages: Vec<String>,
    more: Map<String, Value>,
    /// HTTP 429 with so many seconds in `Retry-After`, instead of HTTP 200.
    pub(super) retry_after: Option<i64>,
}

impl Refusal {
    pub(super) fn new(error: &'static str) -> Self {
        Self { error, messages: Vec::new(), more: Map::new(), retry_after: None }
    }

    pub(super) fn with_messages(error: &'static str, messages: Vec<String>) -> Self {
        Self { messages, ..Self::new(error) }
    }

    pub(super) fn invalid_arguments(message: &str) -> Self {
        Self::with_messages("invalid_arguments", vec![format!("[ERROR] {message}")])
    }

    pub(super) fn ratelimited(seconds: i64) -> Self {
        Self { retry_after: Some(seconds), ..Self::new("ratelimited") }
    }

    /// Adds a member to the answer.
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    pub(super) fn answer(&self) -> Value {
        let mut answer = json!({"ok": false, "error": self.error});
        if !self.messages.is_empty() {
            let bare: Vec<_> = self.messages.iter().map(|text| text.trim_start_matches("[ERROR] ")).collect();
            answer["errors"] = json!(bare);
            answer["response_metadata"] = json!({"messages": self.messages});
        }
        for (name, value) in &self.more {
            answer[name] = value.clone();
        }
        answer
    }
}
