//! Compiles a [`Directory`] from the text of its files.

use std::collections::HashMap;
use std::ops::Range;

use super::codeowners::{Codeowners, Dialect};
use super::explicit::{ExplicitIndex, Names, Subject, SubjectError};
use super::findings::Findings;
use super::form::{AgentForm, CodeownersForm, ExternalForm, OwnerForm, OwnershipForm};
use super::pattern::Pattern;
use super::resolve::{Claim, Layers, distinct};
use super::roster::Roster;
use super::{Agent, CodeownersSource, Directory, Entry, Fallback, OwnerRef, OwnershipSource, Party, Repository};
use crate::catalog::{Catalog, CatalogSource, OwnerNamed, Service};
use crate::diagnostic::{Lines, Problem};
use crate::event::ResourceKind;
use crate::time::Span;
use crate::yaml::{self, Spanned, span_of};

/// A CODEOWNERS file that `ownership.yaml` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedCodeowners {
    /// The repository, such as `acme/shop`.
    pub repo: String,
    /// Where the file is, as written: relative to `ownership.yaml`'s directory.
    pub path: String,
    /// Whose rules it follows.
    pub dialect: Dialect,
}

/// The CODEOWNERS files that `ownership.yaml` asks for, so that the caller can read them.
///
/// None when the text is broken; [`Directory::load`] tells why.
#[must_use]
pub fn wanted_codeowners(text: &str) -> Vec<WantedCodeowners> {
    let form: OwnershipForm = yaml::parse("", text).unwrap_or_default();
    let wanted = |entry: CodeownersForm| WantedCodeowners {
        repo: entry.repo.value,
        path: entry.path.value,
        dialect: entry.dialect,
    };
    form.codeowners.into_iter().map(wanted).collect()
}

impl Directory {
    /// Compiles the files' text. `person_key` is the tenant's key for [`super::person_id`].
    ///
    /// There is always a directory. From a broken `ownership.yaml` nothing is used, from one with mistakes
    /// in single entries the others are; each mistake is a problem. An error says that the file should be
    /// refused; problems of CODEOWNERS and of Backstage's catalog are warnings, since those files are not ours.
    #[must_use]
    pub fn load(
        ownership: Option<OwnershipSource<'_>>,
        codeowners: &[CodeownersSource<'_>],
        catalog: &[CatalogSource<'_>],
        fallback: &Fallback,
        person_key: &[u8; 32],
    ) -> (Self, Vec<Problem>) {
        let source = ownership.unwrap_or(OwnershipSource { file: "ownership.yaml", text: "" });
        let (form, mut problems) = match yaml::parse(source.file, source.text) {
            Ok(form) => (form, Vec::new()),
            Err(problems) => (OwnershipForm::default(), problems),
        };
        let mut found = Findings::new(source.file, source.text);
        let mut roster = Roster::new(person_key);
        roster.enlist(&form, &mut found);
        let lines = Lines::of(source.text);
        let (entries, explicit) = entries(&form, &lines, &mut roster, &mut found);
        let (agents, by_agent) = agents(&form.agents, &mut roster, &mut found);
        check_wanted(&form.codeowners, codeowners, &mut found);
        problems.extend(found.finish(roster.known_handles()));

        let mut repositories: Vec<Repository> = Vec::new();
        let mut by_repository = HashMap::new();
        for source in codeowners {
            if by_repository.contains_key(&source.repo.to_lowercase()) {
                let told = format!("`{}` has a CODEOWNERS already; this one is left out", source.repo);
                problems.push(Problem::error(source.file, source.text, 0..0, told).warning());
                continue;
            }
            by_repository.insert(source.repo.to_lowercase(), repositories.len());
            let (file, told) = Codeowners::parse(source.dialect, source.file, source.text);
            problems.extend(told);
            repositories.push(repository(*source, file, &mut roster, &mut problems));
        }
        let (catalog, told) = Catalog::load(catalog, &mut |named, found| catalogued(named, &mut roster, found));
        problems.extend(told);
        let owner_of = |service: &Service| service.owner.into_iter().collect();
        let catalogued =
            catalog.services().iter().map(|service| Claim::of_owners(owner_of(service), &roster)).collect();
        let fallback = fallback_claim(fallback, &mut roster);
        roster.close();
        let directory = Self {
            file: source.file.into(),
            roster,
            entries,
            explicit,
            repositories,
            by_repository,
            catalog,
            catalogued,
            fallback,
            agents,
            by_agent,
        };
        (directory, problems)
    }
}

fn entries(
    form: &OwnershipForm,
    lines: &Lines,
    roster: &mut Roster,
    found: &mut Findings<'_>,
) -> (Vec<Entry>, ExplicitIndex) {
    let mut entries = Vec::new();
    let mut subjects = Vec::new();
    // Those declared on their own come first, so that an entry can name one by name, wherever it stands.
    for owner in form.owners.iter().filter(|owner| owner.kind.is_some() && owner.resource.is_none()) {
        declare(owner, roster, found);
    }
    for owner in &form.owners {
        let Some(resource) = &owner.resource else {
            if owner.kind.is_none() {
                let at = first_span(owner);
                found.error(at, "this entry names no resource", Some("add `resource: \"service:…\"`"));
            }
            continue;
        };
        let subject = match Subject::parse(&resource.value) {
            Ok(subject) => subject,
            Err(why) => {
                misread(resource, why, found);
                continue;
            }
        };
        if let Some(open) = resource.value.find('{')
            && resource.value.get(open..).is_some_and(|rest| rest.contains(',') && rest.contains('}'))
        {
            let help = "write one entry for each alternative";
            found.warning(span_of(resource), "`{` and `}` are taken literally", Some(help));
        }
        let Some(claim) = claim(owner, resource, roster, found) else { continue };
        let at = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        subjects.push((at, subject));
        let line = lines.line_of(span_of(resource).start);
        entries.push(Entry { resource: resource.value.as_str().into(), line, claim });
    }
    (entries, ExplicitIndex::build(subjects))
}

fn misread(resource: &Spanned<String>, why: SubjectError, found: &mut Findings<'_>) {
    let (at, text) = (span_of(resource), &resource.value);
    match why {
        SubjectError::Untyped => {
            let help = format!("write `service:{text}`, or another of {}", ResourceKind::WORDS.join(", "));
            found.error(at, format!("`{text}` says no type"), Some(&help));
        }
        SubjectError::Type(kind) => {
            let told = format!("`{kind}` is not a type of resource; {} are", ResourceKind::WORDS.join(", "));
            found.misnamed(at, told, &kind, ResourceKind::WORDS.iter().copied());
        }
        SubjectError::Pattern(why) => found.error(at, why, None),
    }
}

/// What an entry says; `None` when it is refused.
fn claim(
    owner: &OwnerForm,
    resource: &Spanned<String>,
    roster: &mut Roster,
    found: &mut Findings<'_>,
) -> Option<Claim> {
    let external = match (&owner.external, &owner.kind) {
        (Some(external), _) => Some(described(external, roster, found)?),
        (None, Some(_)) => Some(declare(owner, roster, found)?),
        (None, None) => None,
    };
    if let (Some(_), Some(primary)) = (external, &owner.primary) {
        let help = "the external owner is the primary; name the one inside under its `escalation`";
        found.error(span_of(primary), "an entry has an external owner or a primary, not both", Some(help));
        return None;
    }
    let mut undecided = false;
    let mut layer = |name: &Option<Spanned<String>>, found: &mut Findings<'_>| {
        let name = name.as_ref()?;
        if is_undecided(&name.value) {
            undecided = true;
            let told = format!("`{}` leaves the owner of `{}` undecided", name.value, resource.value);
            found.warning(
                span_of(name),
                told,
                Some("until somebody is named, later steps decide and the notice says so"),
            );
            return None;
        }
        Some(roster.find_or_note(name.value.trim(), span_of(name), found))
    };
    let primary = layer(&owner.primary, found);
    let secondary = layer(&owner.secondary, found);
    let team = layer(&owner.team, found);
    let lead = layer(&owner.lead, found);
    let escalation = match external.and_then(|external| roster.get(external)) {
        Some(Party::External(external)) => external.escalation,
        _ => None,
    };
    let layers = Layers { primary: external.or(primary), secondary, team, lead, escalation };
    let Some(first) = layers.primary.or(secondary).or(team).or(lead) else {
        if !undecided {
            let help = "add `primary:`, `team:` or `external:`";
            found.error(span_of(resource), format!("nobody is named for `{}`", resource.value), Some(help));
            return None;
        }
        return Some(Claim::default());
    };
    Some(Claim { layers, told: [first].into(), reachable: roster.reaches_somebody(first) })
}

/// The external owner of an entry's `external:`.
fn described(form: &ExternalForm, roster: &mut Roster, found: &mut Findings<'_>) -> Option<OwnerRef> {
    let address = form.email.as_deref().or(form.contact.as_deref());
    external(&form.name, address, form.channel.as_deref(), form.sla.as_ref(), form.escalation.as_ref(), roster, found)
}

/// The external owner of an entry with `type: external`.
fn declare(owner: &OwnerForm, roster: &mut Roster, found: &mut Findings<'_>) -> Option<OwnerRef> {
    let Some(name) = &owner.name else {
        let at = owner.kind.as_ref().map_or_else(|| first_span(owner), span_of);
        found.error(at, "an external owner needs a name", Some("add `name:`"));
        return None;
    };
    let address = owner.email.as_deref().or(owner.contact.as_deref());
    external(name, address, owner.channel.as_deref(), owner.sla.as_ref(), owner.escalation.as_ref(), roster, found)
}

fn external(
    name: &Spanned<String>,
    address: Option<&str>,
    channel: Option<&str>,
    sla: Option<&Spanned<String>>,
    escalation: Option<&Spanned<String>>,
    roster: &mut Roster,
    found: &mut Findings<'_>,
) -> Option<OwnerRef> {
    let known = roster.external(&name.value);
    let sla = sla.and_then(|sla| match Span::parse(sla.value.trim()) {
        Ok(span) => Some(span),
        Err(why) => {
            found.error(span_of(sla), why, None);
            None
        }
    });
    let inside = match escalation {
        Some(escalation) => {
            if roster.external(&escalation.value).is_some() {
                let told = format!("`{}` is an external owner too", escalation.value);
                found.error(
                    span_of(escalation),
                    told,
                    Some("the escalation of an external owner is a person or team inside"),
                );
                return None;
            }
            Some(roster.find_or_note(escalation.value.trim(), span_of(escalation), found))
        }
        None if known.is_some() => None,
        None => {
            let told = format!("the external owner `{}` has no escalation inside", name.value);
            found.error(
                span_of(name),
                told,
                Some("add `escalation: \"@someone\"`: who is told when they do not answer"),
            );
            return None;
        }
    };
    if address.is_none() && known.is_none() {
        let told = format!("the external owner `{}` has no address", name.value);
        found.error(span_of(name), told, Some("add `email:`"));
        return None;
    }
    let contact = address.map(|address| (channel.unwrap_or("email"), address));
    Some(roster.add_external(&name.value, contact, sla, inside))
}

fn agents(form: &[AgentForm], roster: &mut Roster, found: &mut Findings<'_>) -> (Vec<Agent>, Names) {
    let mut agents = Vec::new();
    let mut names = Names::default();
    for agent in form {
        let pattern = match Pattern::id(&agent.id.value) {
            Ok(pattern) if !agent.id.value.is_empty() => pattern,
            Ok(_) => {
                found.error(span_of(&agent.id), "an agent needs an id or a pattern", None);
                continue;
            }
            Err(why) => {
                found.error(span_of(&agent.id), format!("`{}` {why}", agent.id.value), None);
                continue;
            }
        };
        if agent.trust.is_some() {
            let message = "`trust` has no effect yet: no rule can ask for it";
            found.warning(span_of(&agent.id), message, Some("match `actor.id` in a rule instead"));
        }
        let team = roster.find_or_note(agent.team.value.trim(), span_of(&agent.team), found);
        names.insert(u32::try_from(agents.len()).unwrap_or(u32::MAX), pattern);
        agents.push(Agent { id: agent.id.value.as_str().into(), team, trust: agent.trust });
    }
    (agents, names)
}

fn check_wanted(form: &[CodeownersForm], given: &[CodeownersSource<'_>], found: &mut Findings<'_>) {
    for (at, entry) in form.iter().enumerate() {
        let repo = &entry.repo.value;
        if form.iter().take(at).any(|before| before.repo.value.eq_ignore_ascii_case(repo)) {
            let help = match entry.dialect {
                Dialect::Github => "GitHub reads one file: the first of `.github/`, the root and `docs/`",
                Dialect::Gitlab => "GitLab reads one file: the first of the root, `docs/` and `.gitlab/`",
            };
            found.error(span_of(&entry.repo), format!("`{repo}` is listed twice"), Some(help));
        } else if !given.iter().any(|source| source.repo.eq_ignore_ascii_case(repo)) {
            let told = format!("the CODEOWNERS of `{repo}` was not read, so its files have no owners from it");
            found.warning(span_of(&entry.path), told, None);
        }
    }
}

fn repository(
    source: CodeownersSource<'_>,
    codeowners: Codeowners,
    roster: &mut Roster,
    problems: &mut Vec<Problem>,
) -> Repository {
    let mut found = Findings::new(source.file, source.text);
    let mut claims = Vec::with_capacity(codeowners.lines().len());
    for line in codeowners.lines() {
        let owners = line.owners.iter().map(|owner| {
            let at = owner.at as usize;
            roster.find_or_note(&owner.text, at..at + owner.text.len(), &mut found)
        });
        let owners = distinct(owners.collect::<Vec<_>>());
        claims.push(Claim::of_owners(owners, roster));
    }
    problems.extend(found.finish(roster.known_handles()));
    Repository { name: source.repo.into(), file: source.file.into(), codeowners, claims }
}

/// Whom a catalog names as an owner; nobody when that is still undecided.
fn catalogued(named: &OwnerNamed<'_>, roster: &mut Roster, found: &mut Findings<'_>) -> Option<OwnerRef> {
    let name = named.name;
    if is_undecided(name) {
        found.warning(named.at.clone(), format!("`{name}` leaves the owner undecided"), None);
        return None;
    }
    let known = roster.find(name).or_else(|| roster.find(named.email?));
    match known.map(|known| (known, roster.get(known))) {
        Some((known, Some(party))) if !matches!(party, Party::Unknown(_)) => Some(known),
        _ if named.is_ours => {
            let told = format!("`{name}` is no team or person of ownership.yaml");
            found.misnamed(named.at.clone(), told, name, roster.known_handles());
            Some(roster.find_or_add(name))
        }
        _ => Some(roster.find_or_note(name, named.at.clone(), found)),
    }
}

fn fallback_claim(fallback: &Fallback, roster: &mut Roster) -> Claim {
    let told = distinct(fallback.notify.iter().map(|name| roster.find_or_add(name.trim())).collect::<Vec<_>>());
    let is_team = |owner: &&OwnerRef| matches!(roster.get(**owner), Some(Party::Team(_)));
    let layers = Layers {
        primary: told.iter().find(|owner| !is_team(owner)).copied(),
        team: told.iter().find(is_team).copied(),
        ..Layers::default()
    };
    let reachable = told.iter().any(|owner| roster.reaches_somebody(*owner));
    Claim { layers, told, reachable }
}

fn is_undecided(name: &str) -> bool {
    let bare = name.trim().trim_start_matches('@').to_lowercase();
    ["", "tbd", "todo", "unknown", "unassigned", "nobody", "none", "n/a", "?"].contains(&bare.as_str())
}

/// Some place in an entry that lacks the field one would point at.
fn first_span(owner: &OwnerForm) -> Range<usize> {
    let fields =
        [&owner.primary, &owner.secondary, &owner.team, &owner.lead, &owner.name, &owner.sla, &owner.escalation];
    let external = owner.external.as_ref().map(|external| span_of(&external.name));
    fields.into_iter().flatten().map(span_of).chain(external).min_by_key(|at| at.start).unwrap_or(0..0)
}
