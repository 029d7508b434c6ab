//! Who owns a resource, and how that was found.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who owns a resource, and what each step of the search said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnerAnswer {
    /// The resource asked for, `type:id`.
    pub resource: String,
    /// The repository of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The answer in a sentence.
    pub summary: String,
    /// The step that decided: `explicit`, `codeowners`, `catalog` or `fallback`.
    pub step: String,
    /// Why it did, such as `exact_entry`.
    pub reason: String,
    /// How sure that is, in hundredths.
    pub confidence: u8,
    /// Whether several claims hold equally, or the owner is still undecided.
    pub ambiguous: bool,
    /// Whether nobody owns it.
    pub unowned: bool,
    /// Whether the deciding step names somebody who can be told.
    pub reachable: bool,
    /// Whether the fallback is told.
    pub fallback_told: bool,
    /// Everyone who is told, in order.
    pub owners: Vec<Owner>,
    /// Who stands where.
    pub layers: OwnerLayers,
    /// Every step, in order.
    pub steps: Vec<OwnerStep>,
}

/// The layers of an ownership.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnerLayers {
    /// Who answers first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<Owner>,
    /// Who answers when the primary cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary: Option<Owner>,
    /// The team behind them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Owner>,
    /// Who leads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<Owner>,
    /// Who inside is told when an external owner does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Owner>,
}

/// An owner as people know them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Owner {
    /// Their handle, such as `@alice`, or an external owner's name.
    pub handle: String,
    /// A display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `person`, `team`, `external` or `unknown`.
    pub kind: String,
    /// Whether telling them reaches anybody.
    pub reachable: bool,
}

/// What one step of the search said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnerStep {
    /// The step.
    pub step: String,
    /// What became of it, such as `decided` or `passed`.
    pub outcome: String,
    /// The same in a sentence.
    pub words: String,
    /// The lines it went by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<OwnerPlace>,
    /// Whom it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Owner>,
}

/// A line of a file that a step went by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnerPlace {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What stands there.
    pub text: String,
}
