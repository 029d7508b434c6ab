//! The control stream: whether an agent may go on. Always the whole state, never a difference.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether an agent's calls go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Every call goes through.
    Running,
    /// No tool call goes through.
    Paused,
    /// Only calls that change nothing go through.
    ReadOnly,
}

/// The state of one agent, as the control stream sends it and clients keep it on disk.
///
/// A client ignores a version below the one it has, and members it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Control {
    /// Rises with each change of this agent's state; 0 when it never changed.
    pub version: i64,
    /// Whether its calls go through.
    pub state: AgentState,
    /// Why, in the words of the person who chose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who chose it, such as `@alice`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Since when, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Globs over `server/tool` that are turned off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disabled_tools: Vec<String>,
    /// Globs over `server/tool` whose calls wait for the server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ask_first: Vec<String>,
}

impl Control {
    /// The state of an agent that nobody ever paused.
    #[must_use]
    pub fn running() -> Self {
        Self {
            version: 0,
            state: AgentState::Running,
            reason: None,
            by: None,
            since: None,
            disabled_tools: Vec::new(),
            ask_first: Vec::new(),
        }
    }
}
