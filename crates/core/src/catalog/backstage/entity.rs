//! The parts of an entity that say something to us. Everything else in it is Backstage's own business.

use serde::Deserialize;

use crate::yaml::Spanned;

/// What tells one kind of entity from another.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    pub(super) kind: Option<Spanned<String>>,
}

/// One entity.
#[derive(Debug, Deserialize)]
pub(super) struct Entity {
    #[serde(default)]
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) spec: Spec,
}

/// How it is called.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub(super) name: Option<Spanned<String>>,
    namespace: Option<String>,
    pub(super) tags: Option<Vec<String>>,
}

impl Metadata {
    /// The namespace that references without one are in.
    pub(super) fn namespace(&self) -> String {
        self.namespace.as_deref().unwrap_or("default").to_lowercase()
    }
}

/// What it is and what it needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) owner: Option<Spanned<String>>,
    pub(super) system: Option<Spanned<String>>,
    pub(super) depends_on: Option<Vec<Spanned<String>>>,
    pub(super) dependency_of: Option<Vec<Spanned<String>>>,
    pub(super) provides_apis: Option<Vec<Spanned<String>>>,
    pub(super) consumes_apis: Option<Vec<Spanned<String>>>,
    pub(super) profile: Option<Profile>,
}

/// How a person or a group is reached.
#[derive(Debug, Deserialize)]
pub(super) struct Profile {
    pub(super) email: Option<String>,
}
