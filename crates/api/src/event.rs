//! Submitting events and what comes back.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::FieldError;

/// The answer to `POST /v1/events`: one receipt an item, in the order they were sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubmitResponse {
    /// One receipt an item.
    pub results: Vec<Receipt>,
}

/// What became of one submitted item. Keep the last accepted one: it proves what the chain held (ITG-4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// The event's id; absent when the item was invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// What became of it.
    pub status: SubmitStatus,
    /// Its place in the tenant's chain, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// Its hash in the chain, `sha256:` and 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// How it was routed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<Routing>,
    /// What is wrong with it, when it was invalid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What became of one submitted item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubmitStatus {
    /// Durable: recorded, routed, its notifications written.
    Accepted,
    /// Seen before; the answer is the first one's.
    Duplicate,
    /// Left out by sampling.
    Sampled,
    /// Not recorded; `errors` says why.
    Invalid,
}

/// How an event was routed, as sealed with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Routing {
    /// `auto`, `monitored`, `flagged` or `gated`.
    pub decision: String,
    /// The rule that decided.
    pub rule_matched: String,
    /// How many notifications were written with it.
    pub notifications_planned: u32,
}

/// What a client had to drop while the server was away, as `dropped` beside `events` in a request (EVT-9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dropped {
    /// How many events and outcomes are lost.
    pub count: u64,
    /// When the first of them happened, in Unix milliseconds.
    pub since: i64,
    /// When the last of them happened, in Unix milliseconds.
    pub until: i64,
}

/// How an action ended, as `POST /v1/events/{id}/outcome` takes it (EVT-10).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// Whether it did what it was asked to.
    pub status: OutcomeStatus,
    /// What went wrong, in the words of who ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The kind of failure, such as `tool_error`, `protocol_error`, `cancelled` or `disconnected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_mode: Option<String>,
    /// From call to result, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// Shapes and sizes of what came back, never its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Value>,
}

/// Whether an action did what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeStatus {
    /// It did.
    Completed,
    /// It did not.
    Failed,
}
