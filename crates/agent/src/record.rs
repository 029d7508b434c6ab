//! What was seen and must reach the server: events and how they ended.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// One event or one outcome, with the key that makes sending it twice harmless.
///
/// It keeps the time it happened; whenever it arrives, it arrives as the same action.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// The action's idempotency key, the same on the event and its outcome.
    pub key: String,
    /// When it happened, in Unix milliseconds.
    pub at: i64,
    /// What `body` is.
    pub kind: Kind,
    /// The event's id, on an outcome, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The JSON that will be sent, as it will be sent.
    pub body: Box<RawValue>,
}

/// What a record's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One item of `POST /v1/events`.
    Event,
    /// The body of `POST /v1/events/{id}/outcome` for the action under the same key.
    Outcome,
}

impl Record {
    /// About how many bytes it takes, in memory and on the wire.
    #[must_use]
    pub fn size(&self) -> usize {
        self.body.get().len() + self.key.len() + 64
    }
}
