//! What an agent did, in the words of the specification.
//!
//! A [`Submission`] is what a client sent, after the strict reading in [`submission`]: every field is of a
//! type that cannot be wrong. The writer completes it with ids, times, routing and chain, see [`crate::seal`].

pub mod flag;
pub mod submission;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use flag::{Flag, Flags};
pub use submission::{FieldError, Submission};

use crate::time::Millis;

/// The version of the event's shape that this code writes.
pub const SCHEMA_VERSION: &str = "1.0";

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The framework that ran it, such as `mcp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<String>,
    /// 1–128 of `[A-Za-z0-9._:@/-]`; a person's is `person:<uuid>`.
    pub id: String,
    /// A display name; never a person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Agent, human or system.
    #[serde(rename = "type")]
    pub kind: ActorKind,
}

/// One thing that an action touched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resource {
    /// Its name among its kind; a file's is relative to the root of `repo`, with `/`.
    pub id: String,
    /// The repository that a file belongs to, such as `acme/shop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// What the sender says of it. Configuration can add tags, never the sender remove one (RTE-13).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Service, file, table, API or configuration.
    #[serde(rename = "type")]
    pub kind: ResourceKind,
}

impl Resource {
    /// A resource without repository or tags.
    #[must_use]
    pub fn new(kind: ResourceKind, id: impl Into<String>) -> Self {
        Self { id: id.into(), repo: None, tags: None, kind }
    }

    /// `type:id`, as people write it and filters take it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.kind.as_str(), self.id)
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant),*
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// Every word, in order.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The value that a word names.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}
pub(crate) use words;

words! {
    /// What kind of actor.
    ActorKind {
        /// A program that chooses its own actions.
        Agent = "agent",
        /// A person.
        Human = "human",
        /// A program that does not choose, such as a cron job.
        System = "system",
    }

    /// What kind of resource.
    ResourceKind {
        /// A deployed service.
        Service = "service",
        /// A file, usually in a repository.
        File = "file",
        /// A database table.
        Table = "table",
        /// Something called over a network, or a tool.
        Api = "api",
        /// A configuration value.
        Config = "config",
    }

    /// How much an action can change (RTE-16's scale).
    Impact {
        /// Reads only.
        None = "none",
        /// Little, and easily undone.
        Low = "low",
        /// Some.
        Medium = "medium",
        /// A lot, or not to be undone.
        High = "high",
    }

    /// The scale of sensitivity, urgency and severity (RTE-16).
    Level {
        /// Tell when convenient.
        Low = "low",
        /// Tell now.
        Medium = "medium",
        /// Tell now and wait for an answer.
        High = "high",
        /// Tell on every channel.
        Critical = "critical",
    }

    /// How an action is routed, from the least to the most attention (RTE-1).
    Decision {
        /// Recorded; nobody is told.
        Auto = "auto",
        /// Recorded and told: the default.
        Monitored = "monitored",
        /// Told, and a person reviews it later.
        Flagged = "flagged",
        /// Waits for a person.
        Gated = "gated",
    }
}

/// What is known beside who, what and on what.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// How much the sender thinks this can change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_impact: Option<Impact>,
    /// The action that led to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_action_id: Option<String>,
    /// Whether the sender thinks this can be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversible: Option<bool>,
    /// The sender's count within its session (EVT-9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
    /// The run or conversation this belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// W3C span id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span_id: Option<String>,
    /// W3C trace id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// The erasable half of a submission: free text and whatever the contract does not name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Content {
    /// What the agent says it did, at most 500 characters.
    pub description: Option<String>,
    /// Anything else; members that the contract does not name stand under `x`, by JSON pointer.
    pub attributes: Option<Map<String, Value>>,
}

/// The three times of an event (EVT-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When the source says it happened.
    pub timestamp: Millis,
    /// When it reached us.
    pub received_at: Millis,
    /// When it was routed: the commit's time.
    pub processed_at: Millis,
}
