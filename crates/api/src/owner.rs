//! Who owns a resource, and how that was found.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The owners of a resource with every step that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnerAnswer {
    /// The resource asked for, `type:id`.
    pub resource: String,
    /// Its repository, when one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The owners, most responsible first.
    pub owners: Vec<PartyRef>,
    /// Whether nobody owns it and the fallback is told.
    pub fallback: bool,
    /// Every step tried, in order.
    pub steps: Vec<OwnerStep>,
}

/// An owner as people know them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartyRef {
    /// `person`, `team`, `external` or `unknown`.
    pub kind: String,
    /// Their handle, such as `@alice`, or name.
    pub handle: String,
    /// In which part: `primary`, `secondary`, `team`.
    pub role: String,
}

/// One step of the search for an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnerStep {
    /// Where it looked, such as `ownership.yaml` or `CODEOWNERS`.
    pub source: String,
    /// What it found there, in words, with the line when there is one.
    pub found: String,
    /// Whether this step decided.
    pub decided: bool,
}
