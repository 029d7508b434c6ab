//! The same resolution with every step tried, in words (OWN-1). Made when somebody asks, never on the way.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::codeowners::Line;
use super::resolve::{Catalogued, Claim, Listed, distinct};
use super::{Directory, Layers, OwnerRef, Ownership, Party, PartyKind, Reason, Repository, Step};
use crate::catalog::Service;
use crate::event::{Resource, ResourceKind, words};

words! {
    /// What became of a step.
    StepOutcome {
        /// It names the owner.
        Decided = "decided",
        /// It names nobody.
        Passed = "passed",
        /// An earlier step decided, and this one says the same or only completes it.
        Completes = "completes",
        /// An earlier step decided, and this one names others. They are shown, not told.
        Disagrees = "disagrees",
        /// It was not needed.
        NotNeeded = "not_needed",
        /// An earlier step decided but reaches nobody, so this one is told too.
        ToldToo = "told_too",
    }
}

/// Who owns a resource, and what each step said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `type:id`.
    pub resource: String,
    /// The repository of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The answer in a sentence.
    pub summary: String,
    /// The step that decided.
    pub step: Step,
    /// Why it did.
    pub reason: Reason,
    /// How sure that is, in hundredths.
    pub confidence: u8,
    /// Several claims hold equally, or the owner is still undecided.
    pub ambiguous: bool,
    /// Nobody owns it.
    pub unowned: bool,
    /// Whether the deciding step names somebody who can be told.
    pub reachable: bool,
    /// Whether the fallback is told.
    pub fallback_told: bool,
    /// Everyone who is told, in order.
    pub owners: Vec<OwnerShown>,
    /// The layers.
    pub layers: LayersShown,
    /// Every step, in order.
    pub steps: Vec<TriedStep>,
}

/// The layers of an ownership, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LayersShown {
    /// Who answers first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<OwnerShown>,
    /// Who answers when the primary cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secondary: Option<OwnerShown>,
    /// The team behind them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<OwnerShown>,
    /// Who leads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead: Option<OwnerShown>,
    /// Who inside is told when an external owner does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalation: Option<OwnerShown>,
}

/// An owner, as shown to people who may see names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnerShown {
    /// The handle, or an external owner's name.
    pub handle: String,
    /// A display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Person, team, external or unknown.
    pub kind: PartyKind,
    /// Whether telling them reaches anybody.
    pub reachable: bool,
}

/// What one step said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TriedStep {
    /// The step.
    pub step: Step,
    /// What became of it.
    pub outcome: StepOutcome,
    /// The same in a sentence.
    pub words: String,
    /// The lines it went by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// Whom it names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<OwnerShown>,
}

/// A line of a file that a step went by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What stands there: the pattern, and in CODEOWNERS the owners as written.
    pub text: String,
}

impl Directory {
    /// Who owns a resource, with every step tried. Its answer is [`Directory::resolve`]'s.
    #[must_use]
    pub fn explain(&self, resource: &Resource) -> Explanation {
        let ownership = self.resolve(resource);
        let address = resource.address();
        let steps = vec![
            self.explicit_step(resource, &ownership, &address),
            self.codeowners_step(resource, &ownership),
            self.catalog_step(resource, &ownership, &address),
            self.fallback_step(&ownership),
        ];
        Explanation {
            summary: self.summary(&ownership, &address),
            resource: address,
            repo: resource.repo.clone(),
            step: ownership.step,
            reason: ownership.reason,
            confidence: ownership.confidence,
            ambiguous: ownership.ambiguous,
            unowned: ownership.unowned,
            reachable: ownership.reachable,
            fallback_told: ownership.fallback_told,
            owners: self.shown(&self.told(&ownership)),
            layers: self.layers_shown(&ownership.layers),
            steps,
        }
    }

    /// An owner, as shown to people who may see names.
    #[must_use]
    pub fn owner_shown(&self, owner: OwnerRef) -> OwnerShown {
        OwnerShown {
            handle: self.party(owner).map(|party| party.handle().to_string()).unwrap_or_default(),
            name: self.party(owner).and_then(Party::name).map(str::to_owned),
            kind: self.party(owner).map_or(PartyKind::Unknown, Party::kind),
            reachable: self.roster.reaches_somebody(owner),
        }
    }

    /// Everyone who is told, each once: the owners, and the fallback when none of them can be reached.
    fn told(&self, ownership: &Ownership) -> Arc<[OwnerRef]> {
        if ownership.fallback_told {
            distinct(ownership.owners.iter().chain(self.fallback.told.iter()).copied())
        } else {
            Arc::clone(&ownership.owners)
        }
    }

    fn summary(&self, ownership: &Ownership, address: &str) -> String {
        let told = self.names(&self.told(ownership));
        let because = match ownership.reason {
            Reason::ExactEntry
            | Reason::PatternEntry
            | Reason::CodeownersLine
            | Reason::CatalogEntry
            | Reason::CatalogPath => "",
            Reason::NoClaim => "nothing names it",
            Reason::OwnerlessLine => "CODEOWNERS says that it has no owner",
            Reason::Undecided => "its owner is still undecided",
            Reason::NoRepository => "it names no repository and several are configured",
            Reason::UnknownRepository => "its repository has no CODEOWNERS here",
            Reason::OutsideRepository => "it lies outside its repository",
        };
        if ownership.unowned {
            let fallback = match (ownership.owners.is_empty(), ownership.reachable) {
                (true, _) => "no fallback is configured, so nobody is told".to_owned(),
                (false, true) => format!("the fallback {told} is told"),
                (false, false) => format!("the fallback {told} reaches nobody"),
            };
            return format!("nobody owns `{address}`, since {because}; {fallback}");
        }
        let how = match ownership.step {
            Step::Explicit => "by ownership.yaml",
            Step::Codeowners => "by CODEOWNERS",
            Step::Catalog => "by the catalog",
            Step::Fallback => "by the fallback",
        };
        let ambiguous = if ownership.ambiguous { "; the ownership is ambiguous, all claimants are told" } else { "" };
        if ownership.reachable {
            format!("{told} owns `{address}` {how}{ambiguous}")
        } else {
            format!("`{address}` has an owner {how} who cannot be reached; told: {told}{ambiguous}")
        }
    }

    fn explicit_step(&self, resource: &Resource, ownership: &Ownership, address: &str) -> TriedStep {
        let Some(found) = self.explicit.find(resource) else {
            let words = match self.entries.len() {
                0 => "no owners are listed".to_owned(),
                count => format!("none of the {count} entries of `owners:` matches `{address}`"),
            };
            return TriedStep {
                step: Step::Explicit,
                outcome: StepOutcome::Passed,
                words,
                places: vec![],
                owners: vec![],
            };
        };
        let at = std::iter::once(&found.first).chain(&found.others);
        let entries: Vec<_> = at.filter_map(|at| self.entries.get(*at as usize)).collect();
        let places = entries.iter().map(|entry| Place {
            file: self.file.to_string(),
            line: entry.line,
            text: entry.resource.to_string(),
        });
        let places: Vec<Place> = places.collect();
        let told: Vec<OwnerRef> = entries.iter().flat_map(|entry| entry.claim.told.iter().copied()).collect();
        let decided = ownership.step == Step::Explicit;
        let lines: Vec<String> = places.iter().map(|place| format!("line {} (`{}`)", place.line, place.text)).collect();
        let mut words = if found.exact {
            format!("{} names it exactly", lines.join(" and "))
        } else {
            format!("{} matches it, and nothing names it more exactly", lines.join(" and "))
        };
        if !decided {
            words.push_str(", but leaves its owner undecided");
        } else if ownership.ambiguous {
            words.push_str("; these hold equally or are undecided, so the ownership is ambiguous");
        }
        words.push_str(&self.unreached(&told));
        let outcome = if decided { StepOutcome::Decided } else { StepOutcome::Passed };
        TriedStep { step: Step::Explicit, outcome, words, places, owners: self.shown(&told) }
    }

    fn codeowners_step(&self, resource: &Resource, ownership: &Ownership) -> TriedStep {
        let passed = |words: String| TriedStep {
            step: Step::Codeowners,
            outcome: StepOutcome::Passed,
            words,
            places: vec![],
            owners: vec![],
        };
        match self.listed(resource) {
            Listed::NotAFile => passed(format!("CODEOWNERS is about files, and this is of type {}", resource.kind)),
            Listed::NoneConfigured => passed("no CODEOWNERS is configured".to_owned()),
            Listed::NoRepository => {
                let repositories = self.repositories.len();
                passed(format!("the file names no repository, and {repositories} are configured"))
            }
            Listed::UnknownRepository => {
                let repo = resource.repo.as_deref().unwrap_or_default();
                passed(format!("no CODEOWNERS is configured for `{repo}`"))
            }
            Listed::OutsideRepository => passed(format!("`{}` lies outside its repository", resource.id)),
            Listed::NoLine(repository) => {
                let lines = repository.codeowners.lines().len();
                passed(format!("none of the {lines} lines of {} matches `{}`", in_repository(repository), resource.id))
            }
            Listed::Ownerless(repository, lines) => TriedStep {
                places: lines.iter().map(|line| place(repository, line)).collect(),
                ..passed(format!("{}: explicitly unowned", deciding(repository, &lines)))
            },
            Listed::Owned(repository, lines, claim) => {
                let (outcome, then) = self.standing(&claim, ownership, Step::Codeowners);
                let words = format!("{}{then}{}", deciding(repository, &lines), self.unreached(&claim.told));
                let places = lines.iter().map(|line| place(repository, line)).collect();
                TriedStep { step: Step::Codeowners, outcome, words, places, owners: self.shown(&claim.told) }
            }
        }
    }

    fn catalog_step(&self, resource: &Resource, ownership: &Ownership, address: &str) -> TriedStep {
        let passed = |words: String| TriedStep {
            step: Step::Catalog,
            outcome: StepOutcome::Passed,
            words,
            places: vec![],
            owners: vec![],
        };
        let services = self.catalog.of(resource);
        let services: Vec<&Service> = services.iter().filter_map(|service| self.catalog.get(*service)).collect();
        if services.is_empty() {
            return passed(match (self.catalog.services().len(), resource.kind) {
                (0, _) => "no services are listed".to_owned(),
                (count, ResourceKind::File) => {
                    format!("none of the {count} services has `paths` that hold `{}`", resource.id)
                }
                (count, _) => format!("none of the {count} services is `{address}`"),
            });
        }
        let places = services.iter().map(|service| Place {
            file: service.file.to_string(),
            line: service.line,
            text: service.id.to_string(),
        });
        let places: Vec<Place> = places.collect();
        let holds = if resource.kind == ResourceKind::File { "holds it" } else { "lists it" };
        let lines = places.iter().map(|place| format!("line {} of {} (`{}`)", place.line, place.file, place.text));
        let lines = lines.collect::<Vec<_>>().join(" and ");
        let Some(Catalogued { claim, ambiguous }) = self.catalogued(resource) else {
            return TriedStep { places, ..passed(format!("{lines} {holds} and names no owner")) };
        };
        let (outcome, then) = self.standing(&claim, ownership, Step::Catalog);
        let ambiguous = if ambiguous && outcome == StepOutcome::Decided { "; they name different owners" } else { "" };
        let words = format!("{lines} {holds}{ambiguous}{then}{}", self.unreached(&claim.told));
        TriedStep { step: Step::Catalog, outcome, words, places, owners: self.shown(&claim.told) }
    }

    fn standing(&self, claim: &Claim, ownership: &Ownership, step: Step) -> (StepOutcome, &'static str) {
        if ownership.step == step {
            return (StepOutcome::Decided, "");
        }
        let Layers { primary, secondary, team, lead, escalation } = ownership.layers;
        let settled = [primary, secondary, team, lead, escalation];
        if claim.told.iter().all(|owner| ownership.owners.contains(owner) || settled.contains(&Some(*owner))) {
            (StepOutcome::Completes, "; an earlier step decided, and this agrees")
        } else {
            (StepOutcome::Disagrees, "; an earlier step decided, and this names others: they are shown, not told")
        }
    }

    fn fallback_step(&self, ownership: &Ownership) -> TriedStep {
        let told = &self.fallback.told;
        let (outcome, words) = match (ownership.step == Step::Fallback, ownership.fallback_told, told.is_empty()) {
            (false, false, _) => (StepOutcome::NotNeeded, "not needed".to_owned()),
            (_, _, true) => {
                (StepOutcome::Passed, "no fallback is configured, so nobody is told: set `fallback.notify`".to_owned())
            }
            (true, _, false) => {
                (StepOutcome::Decided, format!("no step names an owner, so {} is told", self.names(told)))
            }
            (false, true, false) => {
                (StepOutcome::ToldToo, format!("the owner cannot be reached, so {} is told too", self.names(told)))
            }
        };
        let owners = if outcome == StepOutcome::NotNeeded { vec![] } else { self.shown(told) };
        let words = words + if owners.is_empty() { String::new() } else { self.unreached(told) }.as_str();
        TriedStep { step: Step::Fallback, outcome, words, places: vec![], owners }
    }

    /// Those among `owners` that reach nobody, in words.
    fn unreached(&self, owners: &[OwnerRef]) -> String {
        let mut words = String::new();
        for owner in owners {
            let Some(party) = self.party(*owner) else { continue };
            match party {
                Party::Unknown(_) => words.push_str(&format!("; `{}` is not in ownership.yaml", party.handle())),
                _ if self.roster.reaches_somebody(*owner) => {}
                _ => words.push_str(&format!("; `{}` has no contacts", party.handle())),
            }
        }
        words
    }

    fn names(&self, owners: &[OwnerRef]) -> String {
        let names: Vec<&str> = owners.iter().filter_map(|owner| Some(self.party(*owner)?.handle().as_ref())).collect();
        match names.as_slice() {
            [] => "nobody".to_owned(),
            [one] => (*one).to_owned(),
            [first @ .., last] => format!("{} and {last}", first.join(", ")),
        }
    }

    fn shown(&self, owners: &[OwnerRef]) -> Vec<OwnerShown> {
        owners.iter().map(|owner| self.owner_shown(*owner)).collect()
    }

    fn layers_shown(&self, layers: &Layers) -> LayersShown {
        let shown = |layer: Option<OwnerRef>| layer.map(|owner| self.owner_shown(owner));
        LayersShown {
            primary: shown(layers.primary),
            secondary: shown(layers.secondary),
            team: shown(layers.team),
            lead: shown(layers.lead),
            escalation: shown(layers.escalation),
        }
    }
}

fn in_repository(repository: &Repository) -> String {
    match repository.name.as_ref() {
        "" => repository.file.to_string(),
        name => format!("{} in {name}", repository.file),
    }
}

fn place(repository: &Repository, line: &Line) -> Place {
    Place { file: repository.file.to_string(), line: line.number, text: written(line) }
}

/// A line's pattern and owners, as written.
fn written(line: &Line) -> String {
    let owners = line.owners.iter().map(|owner| owner.text.as_ref());
    std::iter::once(line.pattern.as_ref()).chain(owners).collect::<Vec<_>>().join(" ")
}

/// Which lines decide, each with its section, and what they do.
fn deciding(repository: &Repository, lines: &[&Line]) -> String {
    let of = in_repository(repository);
    let parts = lines.iter().enumerate().map(|(at, line)| {
        let of = if at == 0 { format!(" of {of}") } else { String::new() };
        let section = match repository.codeowners.section_of(line) {
            Some(section) if section.optional => format!(" in the optional section `{}`", section.name),
            Some(section) => format!(" in section `{}`", section.name),
            None => String::new(),
        };
        let does = match (line.excludes, line.owners.is_empty()) {
            (true, _) => "excludes it",
            (false, true) => "is the last to match and has no owners",
            (false, false) => "is the last to match",
        };
        format!("line {}{of} (`{}`) {does}{section}", line.number, written(line))
    });
    parts.collect::<Vec<_>>().join("; ")
}
