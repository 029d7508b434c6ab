//! Who owns what: people, teams, explicit owners, CODEOWNERS, the catalog and the fallback.
//!
//! [`Directory::load`] compiles the text of `ownership.yaml`, of CODEOWNERS files and of the catalog, once a version.
//! [`Directory::resolve`] then answers for a resource in about a microsecond, always with somebody and a
//! reason; [`Directory::explain`] tells each step in words. The first step that names anybody decides:
//!
//! 1. *explicit*: the most specific entry of `owners:`; several equal ones are ambiguous and all are told;
//! 2. *CODEOWNERS*: for files, the last line that matches, in GitLab's dialect that of each section together;
//!    lines without owners pass on;
//! 3. *catalog*: the team of the service that the resource is, or that holds the file; several services that
//!    hold it equally are ambiguous and all are told;
//! 4. *fallback*: whom `mandate.yaml` names; the resource counts as unowned.
//!
//! A layer that the deciding claim leaves open (secondary, team, lead) comes from the primary's team, then from
//! later steps. An owner who is only a name stays the owner and is shown, but reaches nobody, so the fallback is
//! told too. What is wrong in the files is told as problems and never stops the rest from being used.

mod address;
pub mod codeowners;
mod explain;
pub(crate) mod explicit;
pub(crate) mod findings;
mod form;
mod load;
mod party;
mod pattern;
mod resolve;
mod roster;

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::id::PersonId;
use codeowners::{Codeowners, Dialect};
use explicit::{ExplicitIndex, Names, lower};
use resolve::Claim;
use roster::Roster;

pub use address::check_slack_contacts;
pub use explain::{Explanation, LayersShown, OwnerShown, Place, StepOutcome, TriedStep};
pub(crate) use form::OwnershipForm;
pub use form::Trust;
pub use load::{WantedCodeowners, wanted_codeowners};
pub use party::{Contact, External, LogName, OwnerRef, Party, PartyKind, Person, Team, Unknown, person_id};
pub use resolve::{Layers, Ownership, Reason, Step};

/// The text of `ownership.yaml`.
#[derive(Debug, Clone, Copy)]
pub struct OwnershipSource<'a> {
    /// The file, as problems name it.
    pub file: &'a str,
    /// What it holds.
    pub text: &'a str,
}

/// The text of one CODEOWNERS file.
#[derive(Debug, Clone, Copy)]
pub struct CodeownersSource<'a> {
    /// The repository, such as `acme/shop`. Empty for the only one, whatever its name.
    pub repo: &'a str,
    /// Whose rules it follows.
    pub dialect: Dialect,
    /// The file, as problems name it.
    pub file: &'a str,
    /// What it holds.
    pub text: &'a str,
}

/// `fallback:` in `mandate.yaml`: whom to tell of what nobody owns, and where when a channel fails.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fallback {
    /// Handles of people and teams.
    pub notify: Vec<String>,
    /// Names of channels, in the order they are tried.
    pub alternate: Vec<String>,
}

/// Everyone who can own something and everything they own: one immutable version of it.
#[derive(Debug)]
pub struct Directory {
    file: Arc<str>,
    roster: Roster,
    entries: Vec<Entry>,
    explicit: ExplicitIndex,
    repositories: Vec<Repository>,
    /// By name in lower case.
    by_repository: HashMap<String, usize>,
    catalog: Catalog,
    /// One a service.
    catalogued: Vec<Claim>,
    fallback: Claim,
    agents: Vec<Agent>,
    by_agent: Names,
}

/// An entry of `owners:` that speaks of a resource.
#[derive(Debug)]
struct Entry {
    resource: Arc<str>,
    line: u32,
    /// Without anyone to tell when the owner is still to be decided.
    claim: Claim,
}

/// A repository with its CODEOWNERS.
#[derive(Debug)]
struct Repository {
    name: Arc<str>,
    file: Arc<str>,
    codeowners: Codeowners,
    /// One a line.
    claims: Vec<Claim>,
}

/// An agent, or those whose ids match a pattern, and the team that owns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The id or pattern as written.
    pub id: Arc<str>,
    /// The owning team.
    pub team: OwnerRef,
    /// How far it is trusted, when its owners say.
    pub trust: Option<Trust>,
}

/// One whom a notice goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient<'d> {
    /// Who it is.
    pub owner: OwnerRef,
    /// How logs name it.
    pub log_name: LogName<'d>,
    /// How to reach it, in order of preference; never empty.
    pub contacts: &'d [Contact],
}

impl Directory {
    /// The party that a reference of this directory names.
    #[must_use]
    pub fn party(&self, owner: OwnerRef) -> Option<&Party> {
        self.roster.get(owner)
    }

    /// The party that a handle or e-mail address names, whatever its case.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<OwnerRef> {
        self.roster.find(name)
    }

    /// The person with this handle or e-mail address.
    #[must_use]
    pub fn person(&self, name: &str) -> Option<&Person> {
        match self.party(self.find(name)?)? {
            Party::Person(person) => Some(person),
            _ => None,
        }
    }

    /// The team with this handle; `@org/team` finds the team `@team` too.
    #[must_use]
    pub fn team(&self, name: &str) -> Option<&Team> {
        match self.party(self.find(name)?)? {
            Party::Team(team) => Some(team),
            _ => None,
        }
    }

    /// Whom a log's `person:<uuid>` means: a person, an external owner or a mere name.
    #[must_use]
    pub fn by_id(&self, id: PersonId) -> Option<OwnerRef> {
        self.roster.by_id(id)
    }

    /// The person that a log's `person:<uuid>` means.
    #[must_use]
    pub fn person_by_id(&self, id: PersonId) -> Option<&Person> {
        match self.party(self.by_id(id)?)? {
            Party::Person(person) => Some(person),
            _ => None,
        }
    }

    /// All people, in the file's order.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.roster.all().filter_map(|(_, party)| match party {
            Party::Person(person) => Some(person),
            _ => None,
        })
    }

    /// All teams, in the file's order.
    pub fn teams(&self) -> impl Iterator<Item = &Team> {
        self.roster.all().filter_map(|(_, party)| match party {
            Party::Team(team) => Some(team),
            _ => None,
        })
    }

    /// Whom a notice for this party goes to: the party where it has contacts; for a team without any, each
    /// member who has; nobody when nobody can be told.
    #[must_use]
    pub fn recipients(&self, owner: OwnerRef) -> Vec<Recipient<'_>> {
        let one = |owner: OwnerRef| {
            let party = self.party(owner)?;
            let contacts = party.contacts();
            (!contacts.is_empty()).then(|| Recipient { owner, log_name: party.log_name(), contacts })
        };
        match self.party(owner) {
            Some(Party::Team(team)) if team.contacts.is_empty() => {
                team.members.iter().filter_map(|at| one(*at)).collect()
            }
            _ => one(owner).into_iter().collect(),
        }
    }

    /// Whether telling this party reaches anybody.
    #[must_use]
    pub fn is_reachable(&self, owner: OwnerRef) -> bool {
        self.roster.reaches_somebody(owner)
    }

    /// Those whom the fallback tells, in order. Empty when none is configured.
    #[must_use]
    pub fn fallback(&self) -> &[OwnerRef] {
        &self.fallback.told
    }

    /// The entries of `agents:` that speak of an actor, the most specific only: usually one or none. Ids
    /// are matched like those of resources.
    #[must_use]
    pub fn agents(&self, actor: &str) -> Vec<&Agent> {
        let Some(found) = self.by_agent.find(actor) else { return Vec::new() };
        std::iter::once(&found.first).chain(&found.others).filter_map(|at| self.agents.get(*at as usize)).collect()
    }

    /// The repositories whose CODEOWNERS was read, in order.
    pub fn repositories(&self) -> impl Iterator<Item = (&str, &Codeowners)> {
        self.repositories.iter().map(|repository| (repository.name.as_ref(), &repository.codeowners))
    }

    /// What runs, and what it depends on.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// How many entries of `owners:` speak of a resource.
    #[must_use]
    pub fn explicit_len(&self) -> usize {
        self.entries.len()
    }

    fn repository(&self, name: &str) -> Option<&Repository> {
        self.by_repository.get(lower(name).as_ref()).and_then(|at| self.repositories.get(*at))
    }
}
