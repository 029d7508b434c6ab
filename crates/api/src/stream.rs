//! The live stream: what goes over the WebSocket, and as SSE.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::agent::Agent;
use crate::event::Outcome;
use crate::notification::Notification;
use crate::response::Response;
use crate::review::Review;

/// What a client says on the WebSocket. The first message is `auth`, within ten seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// Says who it is.
    Auth {
        /// An API key.
        token: String,
    },
    /// Says what it wants to hear; again to change that.
    Subscribe {
        /// `events`, `notifications`, `agents`, `service:ID`, `tag:T`; the first three when left out.
        #[serde(default)]
        channels: Option<Vec<String>>,
        /// What events have to be like.
        #[serde(default)]
        filter: StreamFilter,
        /// The last cursor it has; without it, from now on.
        #[serde(default)]
        after: Option<String>,
    },
    /// Says who it is from now on.
    Refresh {
        /// An API key.
        token: String,
    },
}

/// What an event has to be like to be sent. All that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamFilter {
    /// The actor's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The action's type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// A resource it touched, `type:id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// How it was routed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// Its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// What the server says on the WebSocket.
#[expect(clippy::large_enum_variant, reason = "nearly every message is the large one")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The client is known; what happens after `cursor` will reach it once it subscribes.
    Ready {
        /// Where the feed stood.
        cursor: String,
    },
    /// Something happened.
    Event {
        /// Where it stands; send it as `after` to go on from here.
        cursor: String,
        /// What.
        data: FeedData,
    },
    /// Everything that happened before was sent; what follows is live.
    CaughtUp {
        /// Where the feed stood.
        cursor: String,
    },
    /// The client asked to go on from where the feed cannot: reload, then subscribe from `cursor`.
    Reset {
        /// `expired`: older than what is kept. `unknown`: no such position.
        reason: String,
        /// Where the feed stands.
        cursor: String,
    },
    /// A message was not understood.
    Error {
        /// A stable code.
        code: String,
        /// What is wrong and what to do.
        detail: String,
    },
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FeedData {
    /// An event joined the chain.
    Event {
        /// The stored event, as [`crate::stored::Event`].
        event: Value,
    },
    /// A notice's state changed.
    Notification {
        /// As it is now.
        notification: Notification,
    },
    /// An outcome was reported.
    Outcome {
        /// Of which event.
        event_id: Uuid,
        /// What became of it.
        outcome: Outcome,
    },
    /// Somebody answered a notice, or took an answer back.
    Response {
        /// The answer.
        response: Response,
    },
    /// A review was closed, opened by a person, or told of as overdue.
    Review {
        /// As it is now.
        review: Review,
    },
    /// An agent was paused or resumed.
    Agent {
        /// As it is now.
        agent: Agent,
    },
    /// Another configuration is in force.
    Config {
        /// Its id.
        id: Uuid,
    },
}
