//! Everyone who can own something, by each name they are called.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::findings::Findings;
use super::form::{ContactForm, OwnershipForm};
use super::party::{Contact, External, OwnerRef, Party, Person, Team, Unknown, person_id};
use crate::id::PersonId;
use crate::time::Span;
use crate::yaml::{Spanned, span_of};

/// The channel of an e-mail address.
const EMAIL: &str = "email";

/// All parties of a directory. Names are found whatever their case.
pub(super) struct Roster {
    key: [u8; 32],
    parties: Vec<Party>,
    by_name: HashMap<Box<str>, OwnerRef>,
    by_email: HashMap<Box<str>, OwnerRef>,
    by_external: HashMap<Box<str>, OwnerRef>,
    by_id: HashMap<PersonId, OwnerRef>,
}

/// Shows the parties, not the key.
impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roster").field("parties", &self.parties).finish_non_exhaustive()
    }
}

impl Roster {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self {
            key: *key,
            parties: Vec::new(),
            by_name: HashMap::new(),
            by_email: HashMap::new(),
            by_external: HashMap::new(),
            by_id: HashMap::new(),
        }
    }

    /// Lets go of the key: after this, nobody is added.
    pub(super) fn close(&mut self) {
        self.key = [0; 32];
    }

    /// Takes in `people:` and `teams:`.
    pub(super) fn enlist(&mut self, form: &OwnershipForm, found: &mut Findings<'_>) {
        for person in &form.people {
            let handle = &person.handle.value;
            if !is_handle(handle, false) {
                found.error(
                    span_of(&person.handle),
                    format!("`{handle}` is not a person's handle"),
                    Some("write `@` and letters, digits, `.`, `_` or `-`, such as `@alice`"),
                );
                continue;
            }
            let mut contacts = contacts(&person.contacts);
            if let Some(email) = &person.email {
                contacts.push(Contact { channel: EMAIL.into(), address: Some(email.value.as_str().into()) });
            }
            if contacts.is_empty() {
                found.warning(
                    span_of(&person.handle),
                    format!("`{handle}` has no contacts, so nobody can be told"),
                    Some("add `contacts: [{channel: …}]` or `email:`"),
                );
            }
            let id = person_id(&self.key, handle);
            let email: Option<Arc<str>> = person.email.as_ref().map(|email| email.value.as_str().into());
            let name = person.name.as_deref().map(Arc::from);
            let party = Person { id, handle: handle.as_str().into(), name, email, contacts, teams: Vec::new() };
            let Some(reference) = self.add_named(Party::Person(party), &person.handle, found) else { continue };
            self.by_id.insert(id, reference);
            if let Some(email) = &person.email
                && self.by_email.insert(email.value.to_lowercase().into(), reference).is_some()
            {
                let told = format!("the address `{}` belongs to somebody else already", email.value);
                found.error(span_of(email), told, Some("an address in CODEOWNERS must name one person"));
            }
        }
        let mut listed = Vec::new();
        for team in &form.teams {
            let handle = &team.handle.value;
            if !is_handle(handle, true) {
                found.error(
                    span_of(&team.handle),
                    format!("`{handle}` is not a team's handle"),
                    Some("write `@` and letters, digits, `.`, `_` or `-`, such as `@payments` or `@acme/payments`"),
                );
                continue;
            }
            let party = Team {
                handle: handle.as_str().into(),
                name: team.name.as_deref().map(Arc::from),
                members: Vec::new(),
                lead: None,
                contacts: contacts(&team.contacts),
            };
            listed.extend(self.add_named(Party::Team(party), &team.handle, found).map(|reference| (reference, team)));
        }
        for (reference, team) in listed {
            let mut members = Vec::new();
            for member in &team.members {
                match self.person(member, "member", found) {
                    Some(person) if members.contains(&person) => {
                        found.warning(span_of(member), format!("`{}` is listed twice", member.value), None);
                    }
                    Some(person) => members.push(person),
                    None => {}
                }
            }
            for member in &members {
                if let Some(Party::Person(person)) = self.parties.get_mut(member.0 as usize) {
                    person.teams.push(reference);
                }
            }
            let lead = team.lead.as_ref().and_then(|lead| self.person(lead, "lead", found));
            if let Some(Party::Team(entry)) = self.parties.get_mut(reference.0 as usize) {
                (entry.members, entry.lead) = (members, lead);
            }
            if !self.reaches_somebody(reference) {
                found.warning(
                    span_of(&team.handle),
                    format!("`{}` has neither contacts nor a member who can be told", team.handle.value),
                    Some("add `contacts:` or members with contacts"),
                );
            }
        }
    }

    /// Takes in an external owner. One who is named again keeps what was said first, completed by the new.
    pub(super) fn add_external(
        &mut self,
        name: &str,
        contact: Option<(&str, &str)>,
        sla: Option<Span>,
        escalation: Option<OwnerRef>,
    ) -> OwnerRef {
        let contacts: Vec<Contact> = contact
            .map(|(channel, address)| Contact { channel: channel.into(), address: Some(address.into()) })
            .into_iter()
            .collect();
        if let Some(known) = self.external(name) {
            if let Some(Party::External(external)) = self.parties.get_mut(known.0 as usize) {
                external.sla = external.sla.or(sla);
                external.escalation = external.escalation.or(escalation);
                if external.contacts.is_empty() {
                    external.contacts = contacts;
                }
            }
            return known;
        }
        let id = person_id(&self.key, &format!("external:{name}"));
        let party = External { id, name: name.into(), contacts, sla, escalation };
        let reference = self.push(Party::External(party));
        self.by_external.insert(name.to_lowercase().into(), reference);
        self.by_id.insert(id, reference);
        reference
    }

    /// An external owner that was taken in.
    pub(super) fn external(&self, name: &str) -> Option<OwnerRef> {
        self.by_external.get(name.to_lowercase().as_str()).copied()
    }

    /// The party called so: a handle; an e-mail address; `@group/sub/team` also where the team is listed as
    /// `@sub/team` or `@team`; a role, such as `@@maintainers`, also where it is listed in the singular.
    pub(super) fn find(&self, name: &str) -> Option<OwnerRef> {
        let lower = name.to_lowercase();
        let direct = self.by_name.get(lower.as_str()).or_else(|| self.by_email.get(lower.as_str()));
        direct.copied().or_else(|| self.find_team(&lower))
    }

    fn find_team(&self, lower: &str) -> Option<OwnerRef> {
        if lower.starts_with("@@") {
            return self.by_name.get(lower.strip_suffix('s')?).copied();
        }
        let mut rest = lower.strip_prefix('@')?;
        while let Some((_, team)) = rest.split_once('/') {
            let short = self.by_name.get(format!("@{team}").as_str()).copied();
            if let Some(short) = short.filter(|short| matches!(self.get(*short), Some(Party::Team(_)))) {
                return Some(short);
            }
            rest = team;
        }
        None
    }

    /// The party called so, else a new one that is only a name. Tells which places use such a name.
    pub(super) fn find_or_note(&mut self, name: &str, at: Range<usize>, found: &mut Findings<'_>) -> OwnerRef {
        let reference = self.find_or_add(name);
        if matches!(self.get(reference), Some(Party::Unknown(_))) {
            found.unknown(name, at);
        }
        reference
    }

    /// The party called so, else a new one that is only a name.
    pub(super) fn find_or_add(&mut self, name: &str) -> OwnerRef {
        if let Some(known) = self.find(name) {
            return known;
        }
        let id = person_id(&self.key, name);
        let reference = self.push(Party::Unknown(Unknown { id, name: name.into() }));
        self.by_name.insert(name.to_lowercase().into(), reference);
        self.by_id.insert(id, reference);
        reference
    }

    pub(super) fn get(&self, reference: OwnerRef) -> Option<&Party> {
        self.parties.get(reference.0 as usize)
    }

    pub(super) fn by_id(&self, id: PersonId) -> Option<OwnerRef> {
        self.by_id.get(&id).copied()
    }

    /// All parties, in the order they were taken in.
    pub(super) fn all(&self) -> impl Iterator<Item = (OwnerRef, &Party)> {
        (0..).map(OwnerRef).zip(&self.parties)
    }

    /// The handles that `people:` and `teams:` list.
    pub(super) fn known_handles(&self) -> impl Iterator<Item = &str> + Clone {
        self.parties.iter().filter_map(|party| match party {
            Party::Person(person) => Some(person.handle.as_ref()),
            Party::Team(team) => Some(team.handle.as_ref()),
            _ => None,
        })
    }

    /// Whether telling this party reaches anybody.
    pub(super) fn reaches_somebody(&self, reference: OwnerRef) -> bool {
        match self.get(reference) {
            Some(Party::Team(team)) => {
                let reached = |member: &OwnerRef| self.get(*member).is_some_and(|party| !party.contacts().is_empty());
                !team.contacts.is_empty() || team.members.iter().any(reached)
            }
            Some(party) => !party.contacts().is_empty(),
            None => false,
        }
    }

    fn push(&mut self, party: Party) -> OwnerRef {
        let reference = OwnerRef(u32::try_from(self.parties.len()).unwrap_or(u32::MAX));
        self.parties.push(party);
        reference
    }

    fn add_named(&mut self, party: Party, handle: &Spanned<String>, found: &mut Findings<'_>) -> Option<OwnerRef> {
        let lower = handle.value.to_lowercase();
        if self.by_name.contains_key(lower.as_str()) {
            let help = "people and teams share one set of handles, and case does not tell them apart";
            found.error(span_of(handle), format!("the handle `{}` is taken already", handle.value), Some(help));
            return None;
        }
        let reference = self.push(party);
        self.by_name.insert(lower.into(), reference);
        Some(reference)
    }

    fn person(&self, name: &Spanned<String>, what: &str, found: &mut Findings<'_>) -> Option<OwnerRef> {
        let reference = self.by_name.get(name.value.to_lowercase().as_str()).copied();
        match reference.and_then(|reference| self.get(reference)) {
            Some(Party::Person(_)) => return reference,
            Some(_) => found.error(span_of(name), format!("the {what} `{}` is a team, not a person", name.value), None),
            None => {
                let people = self.parties.iter().filter_map(|party| match party {
                    Party::Person(person) => Some(person.handle.as_ref()),
                    _ => None,
                });
                let told = format!("the {what} `{}` is not listed under `people:`", name.value);
                found.misnamed(span_of(name), told, &name.value, people);
            }
        }
        None
    }
}

fn contacts(form: &[ContactForm]) -> Vec<Contact> {
    let contact = |contact: &ContactForm| Contact {
        channel: contact.channel.value.as_str().into(),
        address: contact.address.as_ref().map(|address| address.value.as_str().into()),
    };
    form.iter().map(contact).collect()
}

fn is_handle(handle: &str, team: bool) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.chars().all(|char| char.is_alphanumeric() || ['.', '_', '-'].contains(&char))
    };
    if team && ["@@developer", "@@maintainer", "@@owner"].contains(&handle) {
        return true;
    }
    handle.strip_prefix('@').is_some_and(|rest| match rest.split_once('/') {
        Some((organization, name)) => team && word(organization) && word(name),
        None => word(rest),
    })
}
