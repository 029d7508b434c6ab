//! What clients send to `POST /v1/events`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::event::Dropped;
use crate::stored::{Action, Metadata, Scope};

/// One event, or a list of up to 1,000.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum SubmitRequest {
    /// A list.
    Batch(Batch),
    /// One event.
    One(Box<NewEvent>),
}

/// A list of events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Batch {
    /// The events; each is answered for itself.
    pub events: Vec<NewEvent>,
    /// When the client sends it, by its own clock: tells late events from clocks that differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<i64>,
    /// What the client had to drop since it last got through; kept in the audit log, so that the gap is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
}

/// An event as a client knows it. Members that are not named here are kept under `metadata.attributes.x`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewEvent {
    /// The version of this shape; `1.0` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<String>,
    /// When it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    /// When the client sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<i64>,
    /// Who acted; without it the event is logged without attribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<NewActor>,
    /// What was done; without a type it is routed by what it touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// What it touched; without it the fallback owner is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// What else is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// Who acted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewActor {
    /// 1–128 of `[A-Za-z0-9._:@/-]`.
    pub id: String,
    /// `agent` when left out, `human` or `system`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// A display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The framework that ran it, such as `mcp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<String>,
}
