//! The state of the server, on one page.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The answer to `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The release.
    pub version: String,
    /// Whether events are accepted.
    pub ready: bool,
    /// The tenant's name.
    pub tenant: String,
    /// The last position of the tenant's feed.
    pub position: i64,
    /// The last place of the event chain.
    pub events: i64,
    /// Agents.
    pub agents: AgentCounts,
    /// What happened in the last hour.
    pub last_hour: LastHour,
    /// How soon people answered during the last day.
    pub answers: Answers,
    /// What waits in front of the writer.
    pub queue: Queue,
    /// How large the store is.
    pub store: StoreSize,
    /// The configured channels.
    pub channels: Vec<ChannelHealth>,
}

/// How many agents there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentCounts {
    /// Heard of, or paused before they were.
    pub known: u64,
    /// Whose calls go through.
    pub active: u64,
    /// Whose calls do not.
    pub paused: u64,
}

/// The last hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LastHour {
    /// Actions recorded.
    pub actions: u64,
    /// The share of these whose every resource has an owner, 0 to 1; absent without actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
}

/// How soon people answered what they were told (time to intervene), with what to aim for beside. An event without an
/// answer is open, and stays in the base of every share and percentile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Answers {
    /// Over what time the figures are taken, in milliseconds.
    pub window_ms: i64,
    /// How many events somebody was told of; of more than 20,000 notices the newest.
    pub told: u64,
    /// How many of them were answered.
    pub answered: u64,
    /// Their share, 0 to 1; absent when nobody was told of any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The share to aim for.
    pub share_target: f64,
    /// The time within which half of the events were answered, in milliseconds; absent while fewer were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<i64>,
    /// The same for nineteen of twenty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<i64>,
    /// How many pauses there were.
    pub pauses: u64,
    /// The time within which half of them came, in milliseconds; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_p50_ms: Option<i64>,
    /// The same for nineteen of twenty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_p95_ms: Option<i64>,
    /// What that should be, in milliseconds.
    pub pause_p95_target_ms: i64,
}

/// What waits in front of the writer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// Events.
    pub items: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How large the store is and where that leads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoreSize {
    /// Bytes in use.
    pub bytes: u64,
    /// How many bytes it grew a day lately; absent until it was watched for a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth_per_day: Option<f64>,
    /// Bytes free on its disk; absent where that cannot be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// In how many days the disk is full at this rate; absent when it does not grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_left: Option<f64>,
}

/// How a channel does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelHealth {
    /// Its configured name.
    pub name: String,
    /// Its kind, such as `webhook`.
    pub kind: String,
    /// `unused`, `ok`, `failing` or `broken`, by its last attempt.
    pub state: String,
    /// Attempts it took, since the start.
    pub sent: u64,
    /// Attempts it did not, since the start.
    pub failed: u64,
    /// When it last took one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sent_at: Option<i64>,
    /// Why it last did not take one; absent once it does again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}
