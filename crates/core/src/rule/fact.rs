//! What rules may ask about: one action, and one resource of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::event::{ActorKind, Flags, Impact, Level, ResourceKind, words};
use crate::time::Millis;

words! {
    /// How well an actor is known (RTE-11).
    Trust {
        /// Seen for less than seven days or fifty actions.
        New = "new",
        /// Seen for longer.
        Established = "established",
        /// Failing more than usual lately.
        Degraded = "degraded",
    }
}

/// What is known of an action, whatever it touches.
#[derive(Debug, Clone, Copy)]
pub struct EventFacts<'a> {
    /// When it is routed: what a rule's `sunset` is compared with.
    pub now: Millis,
    /// `action_type`; without it, only rules that do not ask for one match.
    pub action_type: Option<&'a str>,
    /// `actor.id`.
    pub actor_id: Option<&'a str>,
    /// `actor.type`.
    pub actor_kind: Option<ActorKind>,
    /// `actor.name`.
    pub actor_name: Option<&'a str>,
    /// `actor.framework`.
    pub framework: Option<&'a str>,
    /// `actor.team`, with or without its `@`.
    pub actor_team: Option<&'a str>,
    /// `actor.trust_level`.
    pub trust: Trust,
    /// `metadata.estimated_impact`.
    pub estimated_impact: Option<Impact>,
    /// `metadata.reversible`.
    pub reversible: Option<bool>,
    /// `metadata.*` beside those two, nested ones by dotted path.
    pub attributes: Option<&'a Map<String, Value>>,
    /// `time.business_hours`; `time.outside_business_hours` is its opposite.
    pub business_hours: bool,
    /// `time.change_freeze`.
    pub change_freeze: bool,
    /// `history.incidents`.
    pub incidents: u32,
    /// `history.actor_failures`, of the last 24 hours.
    pub actor_failures: u32,
    /// `flags`.
    pub flags: Option<&'a Flags>,
}

impl Default for EventFacts<'_> {
    /// Nothing known, in business hours, by a new actor.
    fn default() -> Self {
        Self {
            now: Millis::default(),
            action_type: None,
            actor_id: None,
            actor_kind: None,
            actor_name: None,
            framework: None,
            actor_team: None,
            trust: Trust::New,
            estimated_impact: None,
            reversible: None,
            attributes: None,
            business_hours: true,
            change_freeze: false,
            incidents: 0,
            actor_failures: 0,
            flags: None,
        }
    }
}

/// What is known of one resource.
#[derive(Debug, Clone, Copy)]
pub struct ResourceFacts<'a> {
    /// `resource.type`.
    pub kind: ResourceKind,
    /// `resource.id`.
    pub id: &'a str,
    /// `resource.repo`.
    pub repo: Option<&'a str>,
    /// `resource.tags`: the configured ones and the event's.
    pub tags: &'a [&'a str],
    /// `resource.sensitivity`, from the configured tags only: see [`super::sensitivity()`].
    pub sensitivity: Level,
    /// `resource.team`: the owning team, with or without its `@`.
    pub team: Option<&'a str>,
    /// `resource.environment`.
    pub environment: Option<&'a str>,
    /// `owner.available`.
    pub owner_available: bool,
}

impl<'a> ResourceFacts<'a> {
    /// A resource of which only its address is known; its owner counts as available.
    #[must_use]
    pub fn new(kind: ResourceKind, id: &'a str) -> Self {
        Self {
            kind,
            id,
            repo: None,
            tags: &[],
            sensitivity: Level::Low,
            team: None,
            environment: None,
            owner_available: true,
        }
    }
}

/// Finds an attribute by its dotted path; a name that holds dots itself is found whole first.
#[must_use]
pub fn attribute<'v>(attributes: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    if let Some(value) = attributes.get(path) {
        return Some(value);
    }
    path.match_indices('.').find_map(|(dot, _)| {
        let (head, tail) = path.split_at(dot);
        attribute(attributes.get(head)?.as_object()?, tail.strip_prefix('.')?)
    })
}

/// A team without the `@` of its handle.
pub(crate) fn bare(handle: &str) -> &str {
    handle.strip_prefix('@').unwrap_or(handle)
}
