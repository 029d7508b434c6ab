//! Agents as people see and steer them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::AgentState;

/// An agent that was heard of, or paused before it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    /// Its id: 1–128 of `[A-Za-z0-9._:@/-]`.
    pub id: String,
    /// `agent`, `human` or `system`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Display name, when it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Framework, when it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<String>,
    /// When its first event came; absent for one that was only paused so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen_at: Option<i64>,
    /// Whether its calls go through.
    pub state: AgentState,
    /// Rises with each pause and resume.
    pub version: i64,
    /// Why it is in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who chose the state: a handle such as `@alice`, or `key:<uuid>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Since when the state holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
}

/// The body of every pause and resume; may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseRequest {
    /// Why, in at most 500 characters; shown to the agent and to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Only say how many agents it would touch. For all agents at once.
    #[serde(default)]
    pub preview: bool,
}

/// What pausing or resuming all agents came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PauseAllAnswer {
    /// How many agents changed, or would change in a preview.
    pub count: u64,
    /// Whether nothing was done.
    pub preview: bool,
    /// Those that changed, or would, as they are now; at most 1,000.
    pub agents: Vec<Agent>,
}
