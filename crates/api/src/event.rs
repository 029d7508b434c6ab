//! Submitting events and what comes back.

use serde::{Deserialize, Serialize};
use serde_json::Value;
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

/// What became of an action, as its agent reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeReport {
    /// Whether it did what it set out to do.
    pub status: OutcomeStatus,
    /// What went wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What kind of failure, such as `timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_mode: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// What came out of it; scrubbed before it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// Whether an action did what it set out to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeStatus {
    /// It did.
    Completed,
    /// It did not.
    Failed,
}

/// What became of an action, as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// When it was reported.
    pub at: i64,
    /// Whether it did what it set out to do.
    pub status: OutcomeStatus,
    /// What went wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What kind of failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_mode: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// What came out of it, scrubbed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// The answer to an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutcomeAnswer {
    /// Whether it was recorded now; `false` when one was recorded before, which stays.
    pub recorded: bool,
}
