//! Those who can own something: people, teams, external owners, and names that nobody has described.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::event::words;
use crate::id::{PersonId, first_16, uuid_v7};
use crate::time::{Millis, Span};

/// Names one [`Party`] of one [`super::Directory`]. Valid only with the directory that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerRef(pub(crate) u32);

/// Someone who can own something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    /// Someone listed under `people:`.
    Person(Person),
    /// A team listed under `teams:`.
    Team(Team),
    /// Someone outside, named by an `external:` owner.
    External(External),
    /// A name that something uses and `ownership.yaml` does not describe.
    Unknown(Unknown),
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// How logs name them.
    pub id: PersonId,
    /// As written, such as `@alice`.
    pub handle: Arc<str>,
    /// A display name.
    pub name: Option<Arc<str>>,
    /// Their address.
    pub email: Option<Arc<str>>,
    /// How to reach them, in their order; the `email` is the last.
    pub contacts: Vec<Contact>,
    /// The teams that list them, in the file's order.
    pub teams: Vec<OwnerRef>,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// As written, such as `@payments-team`.
    pub handle: Arc<str>,
    /// A display name.
    pub name: Option<Arc<str>>,
    /// Its people, in the file's order.
    pub members: Vec<OwnerRef>,
    /// Who leads it.
    pub lead: Option<OwnerRef>,
    /// Where the team as a whole is reached.
    pub contacts: Vec<Contact>,
}

/// An owner outside the organization (OWN-6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// How logs name them.
    pub id: PersonId,
    /// As written, such as `Acme Consulting`.
    pub name: Arc<str>,
    /// How to reach them: e-mail unless a channel is named.
    pub contacts: Vec<Contact>,
    /// How long they may take to answer before their escalation is told.
    pub sla: Option<Span>,
    /// Who inside is told when they do not answer.
    pub escalation: Option<OwnerRef>,
}

/// A name without a description: it can be shown, and nobody can be reached by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// How logs name them, should it be a person.
    pub id: PersonId,
    /// As written.
    pub name: Arc<str>,
}

/// One way to reach a party.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Contact {
    /// The channel's name in `mandate.yaml`, or `email`.
    pub channel: Arc<str>,
    /// The address in that channel, when it needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Arc<str>>,
}

words! {
    /// What kind of party.
    PartyKind {
        /// Under `people:`.
        Person = "person",
        /// Under `teams:`.
        Team = "team",
        /// Outside the organization.
        External = "external",
        /// Not in `ownership.yaml`.
        Unknown = "unknown",
    }
}

impl Party {
    /// What kind of party it is.
    #[must_use]
    pub fn kind(&self) -> PartyKind {
        match self {
            Self::Person(_) => PartyKind::Person,
            Self::Team(_) => PartyKind::Team,
            Self::External(_) => PartyKind::External,
            Self::Unknown(_) => PartyKind::Unknown,
        }
    }

    /// The name that people write: a handle, or an external owner's name.
    #[must_use]
    pub fn handle(&self) -> &Arc<str> {
        match self {
            Self::Person(person) => &person.handle,
            Self::Team(team) => &team.handle,
            Self::External(external) => &external.name,
            Self::Unknown(unknown) => &unknown.name,
        }
    }

    /// A display name, when one is given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Person(person) => person.name.as_deref(),
            Self::Team(team) => team.name.as_deref(),
            Self::External(external) => Some(&external.name),
            Self::Unknown(_) => None,
        }
    }

    /// Its own contacts. A team without any is reached through its members, see [`super::Directory::recipients`].
    #[must_use]
    pub fn contacts(&self) -> &[Contact] {
        match self {
            Self::Person(person) => &person.contacts,
            Self::Team(team) => &team.contacts,
            Self::External(external) => &external.contacts,
            Self::Unknown(_) => &[],
        }
    }

    /// How logs name it: `person:<uuid>`, for a team `team:<handle>`.
    #[must_use]
    pub fn log_name(&self) -> LogName<'_> {
        match self {
            Self::Person(Person { id, .. })
            | Self::External(External { id, .. })
            | Self::Unknown(Unknown { id, .. }) => LogName::Person(*id),
            Self::Team(team) => LogName::Team(&team.handle),
        }
    }
}

/// How logs name a party, without anything personal. Shown by `Display`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogName<'a> {
    /// A person, an external owner, or a name that nobody described.
    Person(PersonId),
    /// A team, by its handle.
    Team(&'a str),
}

impl fmt::Display for LogName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Team(handle) => write!(f, "team:{handle}"),
        }
    }
}

/// The id of the person with this handle, whatever its case, under a tenant's person key.
///
/// It is 122 bits of HMAC-SHA-256 laid out as a UUID v7: the same on every node and after every restart, and
/// without the key nobody can test a guess. Its time means nothing.
#[must_use]
pub fn person_id(key: &[u8; 32], handle: &str) -> PersonId {
    // INVARIANT: HMAC takes a key of any length; without one the id is that of no key, never a panic.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else {
        return PersonId(uuid_v7(Millis(0), [0; 16]));
    };
    mac.update(b"person:");
    mac.update(handle.to_lowercase().as_bytes());
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    let [.., t0, t1, t2, t3, t4, t5] = digest;
    let time = i64::from_be_bytes([0, 0, t0, t1, t2, t3, t4, t5]);
    PersonId(uuid_v7(Millis(time), first_16(&digest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_keeps_one_id_whatever_the_case_and_another_key_gives_another() {
        let id = person_id(&[7; 32], "@alice");
        assert_eq!(id, person_id(&[7; 32], "@Alice"));
        assert_ne!(id, person_id(&[8; 32], "@alice"));
        assert_ne!(id, person_id(&[7; 32], "@alicf"));
        assert_eq!(id.0.get_version_num(), 7);
        assert_eq!(id.to_string(), "4a473158-69de-7413-8199-0e4daa69c6e4", "logs keep it");
    }
}
