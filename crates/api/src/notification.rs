//! Notices: who was told, on which channel, why, and what became of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::response::Response;

/// One notice: one recipient, one message, one channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    /// Stable over retries.
    pub id: Uuid,
    /// The place in the chain of the event it speaks of; absent for a notice about Mandate itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_seq: Option<i64>,
    /// A handle, `person:<uuid>`, `team:<handle>`, `external:<name>` or `fallback`.
    pub recipient: String,
    /// The configured channel's name, or `in-app`.
    pub channel: String,
    /// `low`, `medium`, `high` or `critical`.
    pub urgency: String,
    /// Why this recipient, as codes.
    pub reason: Value,
    /// The same in words, to the recipient.
    #[serde(default)]
    pub why: String,
    /// `queued`, `delivered` or `failed`; `merged` into the message of its session, `held` for a digest that comes, or
    /// `digested` by it.
    pub state: String,
    /// When it was planned.
    pub created_at: i64,
    /// When it is tried next; while it is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<i64>,
    /// When the channel took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<i64>,
    /// The message that tells of it instead, of what is no message of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_in: Option<ToldIn>,
    /// How often it was tried.
    pub attempts: u32,
    /// Every attempt, oldest first; in `GET /v1/notifications/{id}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<Attempt>,
    /// What was answered to it, the first answer first; in `GET /v1/notifications/{id}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<Response>,
}

/// Which message tells of a notice that is none of its own, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToldIn {
    /// That message; a digest that is still to come is not found before it is sent.
    pub notification: Uuid,
    /// `same_session`, `low_urgency`, `person_limit`, `storm`, `queue` or `message_gone`.
    pub because: String,
    /// The same in words.
    pub words: String,
}

/// One attempt to deliver a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// When it began.
    pub at: i64,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// `sent`, `retry`, `refused` or `broken`.
    pub result: String,
    /// The channel's status, when it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
