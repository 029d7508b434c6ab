//! What people answer to notices, and what came of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::agent::Agent;
use crate::review::Review;

/// What `POST /v1/notifications/{id}/responses` takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseRequest {
    /// `acknowledge`, `looks_ok`, `not_relevant`, `flag_for_review`, `investigate`, `ask_question`, `assign_owner`,
    /// `pause_agent` or `resume_agent`.
    pub intervention: String,
    /// In at most 500 characters: the words of a question, the reason of a pause, or whatever should be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who is to look after it, as their handle; for `assign_owner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Only say what it would do.
    #[serde(default)]
    pub preview: bool,
}

/// What `POST /v1/responses/{id}/undo` takes; may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoRequest {
    /// Why, in at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Only say what it would do.
    #[serde(default)]
    pub preview: bool,
}

/// Somebody's answer to a notice. It never changes; taking it back is an answer of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Response {
    /// Its id.
    pub id: Uuid,
    /// The notice that was answered.
    pub notification_id: Uuid,
    /// The place in the chain of the event it is about; absent for a notice about Mandate itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_seq: Option<i64>,
    /// What was done; of an answer that takes another one back, what that one did.
    pub intervention: String,
    /// The answer that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<Uuid>,
    /// Who is to look after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Who answered: a handle such as `@alice`, or `key:<uuid>`.
    pub by: String,
    /// `api`, `cli` or `slack`.
    pub via: String,
    /// When.
    pub at: i64,
    /// How long after the event's first notice arrived, in milliseconds; absent when nothing had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_sent_ms: Option<i64>,
    /// Whether it is the first answer to the event: the one that counts for its time to intervene.
    pub first: bool,
    /// What it did: `noted`, `unchanged`, `paused`, `resumed`, `review_opened`, `review_closed`, `asked` or `assigned`.
    pub effect: String,
    /// What they wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The answer in words, after the name: `paused deployer`.
    pub did: String,
}

/// What came of an answer, or what would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResponseAnswer {
    /// What is now, or would be, in one sentence.
    pub said: String,
    /// Whether nothing was done.
    pub preview: bool,
    /// What it does, or would, as in [`Response::effect`].
    pub effect: String,
    /// How many agents it touches, or would.
    pub agents: u64,
    /// The answer as it is kept; absent in a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// The first answer to the event, which may be this one; absent in a preview that would be the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Response>,
    /// The agent that acted, as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// The review of the event, as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
}
