//! The review queue.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An event that somebody is to look at within a time. The action does not wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// The event.
    pub event_id: Uuid,
    /// Its place in the chain.
    pub event_seq: i64,
    /// `open`, `overdue` or `closed`.
    pub state: String,
    /// Since when it waits.
    pub opened_at: i64,
    /// Until when somebody should have looked.
    pub due_at: i64,
    /// Who opened it: a handle, `key:<uuid>` or `rule:<name>`.
    pub opened_by: String,
    /// When somebody had looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<i64>,
    /// Who had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<String>,
    /// When others were told that nobody had looked in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<i64>,
}
