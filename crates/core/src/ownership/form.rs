//! The form of `ownership.yaml`, as it is read before anything is checked.

use schemars::JsonSchema;
use serde::Deserialize;

use super::codeowners::Dialect;
use crate::yaml::Spanned;

/// Who owns what: people, teams, explicit owners, and the CODEOWNERS files to read.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OwnershipForm {
    /// People, each with a handle.
    pub(super) people: Vec<PersonForm>,
    /// Teams, each with a handle.
    pub(super) teams: Vec<TeamForm>,
    /// Who owns which resources, before anything else is asked; the most specific entry decides.
    pub(super) owners: Vec<OwnerForm>,
    /// CODEOWNERS files of repositories, asked for files next.
    pub(super) codeowners: Vec<CodeownersForm>,
    /// Which team runs which agents.
    pub(super) agents: Vec<AgentForm>,
}

/// Somebody who can be told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Person")]
pub(super) struct PersonForm {
    /// How everything else names them, such as `@alice`.
    pub(super) handle: Spanned<String>,
    /// How people call them.
    pub(super) name: Option<String>,
    /// Their address; CODEOWNERS may name them by it.
    pub(super) email: Option<Spanned<String>>,
    /// Where notices go.
    #[serde(default)]
    pub(super) contacts: Vec<ContactForm>,
}

/// One way to reach somebody.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Contact")]
pub(super) struct ContactForm {
    /// A channel of `mandate.yaml`.
    pub(super) channel: Spanned<String>,
    /// Their address there, where the channel needs one.
    pub(super) address: Option<Spanned<String>>,
}

/// People who own things together.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Team")]
pub(super) struct TeamForm {
    /// How everything else names it, such as `@platform`.
    pub(super) handle: Spanned<String>,
    /// How people call it.
    pub(super) name: Option<String>,
    /// Handles of people.
    #[serde(default)]
    pub(super) members: Vec<Spanned<String>>,
    /// The handle of the person who leads it.
    pub(super) lead: Option<Spanned<String>>,
    /// Where notices to the team go.
    #[serde(default)]
    pub(super) contacts: Vec<ContactForm>,
}

/// An entry of `owners:`: either the layers of a resource, or an external owner with its own fields
/// (`type: external`), with a resource or declared for other entries to name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Owner")]
pub(super) struct OwnerForm {
    /// `type:id`, with `*` as a glob, such as `service:payments-*`.
    pub(super) resource: Option<Spanned<String>>,
    /// Who is told first.
    pub(super) primary: Option<Spanned<String>>,
    /// Who is next.
    pub(super) secondary: Option<Spanned<String>>,
    /// The team it belongs to.
    pub(super) team: Option<Spanned<String>>,
    /// Who leads that team.
    pub(super) lead: Option<Spanned<String>>,
    /// An owner outside, instead of a primary.
    pub(super) external: Option<ExternalForm>,
    /// Declares an owner outside, with the fields beside it.
    #[serde(rename = "type")]
    pub(super) kind: Option<Spanned<OwnerKind>>,
    /// What an owner outside is called.
    pub(super) name: Option<Spanned<String>>,
    /// Where they are reached by email.
    pub(super) email: Option<String>,
    /// Where they are reached, when it is no email.
    pub(super) contact: Option<String>,
    /// The channel they are told on; `email` without it.
    pub(super) channel: Option<String>,
    /// How long they take to answer: `30s`, `5m`, `4h`, `7d`.
    pub(super) sla: Option<Spanned<String>>,
    /// The person or team inside who is told when they do not answer.
    pub(super) escalation: Option<Spanned<String>>,
}

/// What kind of owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OwnerKind {
    /// Somebody outside.
    External,
}

/// An owner outside.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExternalOwner")]
pub(super) struct ExternalForm {
    /// What they are called.
    pub(super) name: Spanned<String>,
    /// Where they are reached by email.
    pub(super) email: Option<String>,
    /// Where they are reached, when it is no email.
    pub(super) contact: Option<String>,
    /// The channel they are told on; `email` without it.
    pub(super) channel: Option<String>,
    /// How long they take to answer: `30s`, `5m`, `4h`, `7d`.
    pub(super) sla: Option<Spanned<String>>,
    /// The person or team inside who is told when they do not answer.
    pub(super) escalation: Option<Spanned<String>>,
}

/// The CODEOWNERS file of one repository.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Codeowners")]
pub(super) struct CodeownersForm {
    /// The repository, such as `acme/shop`.
    pub(super) repo: Spanned<String>,
    /// The file, relative to the configuration's directory.
    pub(super) path: Spanned<String>,
    /// Whose rules the file follows; GitHub's without it.
    #[serde(default)]
    pub(super) dialect: Dialect,
}

/// Which team runs an agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Agent")]
pub(super) struct AgentForm {
    /// An agent's id, with `*` as a glob.
    pub(super) id: Spanned<String>,
    /// The team that runs it.
    pub(super) team: Spanned<String>,
    /// How far it is trusted.
    pub(super) trust: Option<Trust>,
}

/// How far an agent is trusted, as its owners say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// New, or under watch.
    Low,
    /// Known.
    Medium,
    /// Proven.
    High,
}
