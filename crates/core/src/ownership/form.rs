//! The form of `ownership.yaml`, as it is read before anything is checked.

use serde::Deserialize;

use crate::yaml::Spanned;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OwnershipForm {
    pub(super) people: Vec<PersonForm>,
    pub(super) teams: Vec<TeamForm>,
    pub(super) owners: Vec<OwnerForm>,
    pub(super) codeowners: Vec<CodeownersForm>,
    pub(super) agents: Vec<AgentForm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonForm {
    pub(super) handle: Spanned<String>,
    pub(super) name: Option<String>,
    pub(super) email: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) contacts: Vec<ContactForm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactForm {
    pub(super) channel: Spanned<String>,
    pub(super) address: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TeamForm {
    pub(super) handle: Spanned<String>,
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) members: Vec<Spanned<String>>,
    pub(super) lead: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) contacts: Vec<ContactForm>,
}

/// An entry of `owners:`: either the layers of a resource, or an external owner with its own fields
/// (`type: external`), with a resource or declared for other entries to name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnerForm {
    pub(super) resource: Option<Spanned<String>>,
    pub(super) primary: Option<Spanned<String>>,
    pub(super) secondary: Option<Spanned<String>>,
    pub(super) team: Option<Spanned<String>>,
    pub(super) lead: Option<Spanned<String>>,
    pub(super) external: Option<ExternalForm>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Spanned<OwnerKind>>,
    pub(super) name: Option<Spanned<String>>,
    pub(super) email: Option<String>,
    pub(super) contact: Option<String>,
    pub(super) channel: Option<String>,
    pub(super) sla: Option<Spanned<String>>,
    pub(super) escalation: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OwnerKind {
    External,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExternalForm {
    pub(super) name: Spanned<String>,
    pub(super) email: Option<String>,
    pub(super) contact: Option<String>,
    pub(super) channel: Option<String>,
    pub(super) sla: Option<Spanned<String>>,
    pub(super) escalation: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeownersForm {
    pub(super) repo: Spanned<String>,
    pub(super) path: Spanned<String>,
    pub(super) dialect: Option<Spanned<Dialect>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Dialect {
    Github,
    Gitlab,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentForm {
    pub(super) id: Spanned<String>,
    pub(super) team: Spanned<String>,
    pub(super) trust: Option<Trust>,
}

/// How far an agent is trusted, as its owners say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// New, or under watch.
    Low,
    /// Known.
    Medium,
    /// Proven.
    High,
}
