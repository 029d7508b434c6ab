//! What an action can reach beyond what it declares.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::owner::Owner;

/// What an action can reach, by the catalog in force. It speaks of impact, never of cause.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlastRadius {
    /// What is declared, and the services that hold a declared file.
    pub definite: BlastLayer,
    /// What depends on that directly, and what depends on the same things as that.
    pub likely: BlastLayer,
    /// The rest of the chain of dependents, and the systems that the first layer is in.
    pub possible: BlastLayer,
}

/// One layer of a blast radius.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlastLayer {
    /// What is in it, the nearest first; nothing is in two layers.
    pub resources: Vec<AffectedResource>,
    /// Whose that is, each once. Only the owners of declared resources are told.
    pub owners: Vec<Owner>,
    /// Whether the layer is longer than what is listed.
    pub more: bool,
}

/// One thing that can be affected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AffectedResource {
    /// `type:id`.
    pub resource: String,
    /// Why it is in its layer, such as `depends on payments-db`.
    pub reason: String,
    /// The handles of its owners; empty when nobody owns it.
    pub owners: Vec<String>,
}
