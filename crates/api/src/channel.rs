//! Trying channels out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a test message goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelTestRequest {
    /// An address on the channel, such as `#ops`; somebody who is reached there when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What became of a test message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelTest {
    /// The channel's name.
    pub channel: String,
    /// What it is, such as `slack`.
    pub kind: String,
    /// The address it went to; absent where the channel has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Whether the channel took it.
    pub delivered: bool,
    /// Why not, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
}
