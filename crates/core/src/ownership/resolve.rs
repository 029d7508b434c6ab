//! The chain: explicit owners, CODEOWNERS, catalog, fallback. The first step with a claim decides (OWN-1).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::codeowners::Line;
use super::explicit::Found;
use super::roster::Roster;
use super::{Directory, OwnerRef, Party, Repository};
use crate::event::{Resource, ResourceKind, words};

words! {
    /// A step of the chain. On-call and contributors will stand between catalog and fallback.
    Step {
        /// `owners:` in `ownership.yaml`.
        Explicit = "explicit",
        /// A repository's CODEOWNERS.
        Codeowners = "codeowners",
        /// `catalog.yaml` or Backstage's `catalog-info.yaml`.
        Catalog = "catalog",
        /// Whom `mandate.yaml` names for what nobody owns.
        Fallback = "fallback",
    }

    /// Why the deciding step decided; for the fallback, why nothing before it did.
    Reason {
        /// An entry names the resource exactly.
        ExactEntry = "exact_entry",
        /// The pattern of an entry matches it.
        PatternEntry = "pattern_entry",
        /// A line of CODEOWNERS is the last to match it, in its section.
        CodeownersLine = "codeowners_line",
        /// The catalog lists it.
        CatalogEntry = "catalog_entry",
        /// The `paths` of a service in the catalog hold the file.
        CatalogPath = "catalog_path",
        /// Nothing names it.
        NoClaim = "no_claim",
        /// The last line to match it has no owners or excludes it, which says that it has none.
        OwnerlessLine = "ownerless_line",
        /// An entry says that its owner is still to be decided.
        Undecided = "undecided",
        /// A file without `repo`, and several repositories it could be in.
        NoRepository = "no_repository",
        /// A file of a repository whose CODEOWNERS is not configured.
        UnknownRepository = "unknown_repository",
        /// A file outside its repository.
        OutsideRepository = "outside_repository",
    }
}

impl Step {
    /// How sure an owner from this step is, in hundredths.
    #[must_use]
    pub const fn confidence(self) -> u8 {
        match self {
            Self::Explicit => 90,
            Self::Codeowners => 85,
            Self::Catalog => 75,
            Self::Fallback => 20,
        }
    }
}

/// The layers of an ownership (OWN-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layers {
    /// Who answers first.
    pub primary: Option<OwnerRef>,
    /// Who answers when the primary cannot.
    pub secondary: Option<OwnerRef>,
    /// The team behind them.
    pub team: Option<OwnerRef>,
    /// Who leads that team.
    pub lead: Option<OwnerRef>,
    /// Who inside is told when an external owner does not answer.
    pub escalation: Option<OwnerRef>,
}

/// Who owns a resource, and how that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// The step that decided.
    pub step: Step,
    /// Why it did.
    pub reason: Reason,
    /// How sure that is, in hundredths: [`Step::confidence`].
    pub confidence: u8,
    /// The layers; what the deciding claim leaves open is filled from the person's team and from later steps.
    pub layers: Layers,
    /// All claimants of the deciding step, in order, each once; the fallback when nobody owns it.
    pub owners: Arc<[OwnerRef]>,
    /// Several claims hold equally, or an entry is still undecided (OWN-8).
    pub ambiguous: bool,
    /// Nobody owns it: a coverage gap.
    pub unowned: bool,
    /// Whether the deciding step names somebody who can be told.
    pub reachable: bool,
    /// Whether the fallback is told: nobody owns it, or no owner can be reached.
    pub fallback_told: bool,
}

/// What one entry or line says.
#[derive(Debug, Clone, Default)]
pub(super) struct Claim {
    pub(super) layers: Layers,
    pub(super) told: Arc<[OwnerRef]>,
    pub(super) reachable: bool,
}

/// What CODEOWNERS says of a resource.
pub(super) enum Listed<'d> {
    NotAFile,
    NoneConfigured,
    NoRepository,
    UnknownRepository,
    OutsideRepository,
    NoLine(&'d Repository),
    /// The lines that decide, one a section; none of them names anybody.
    Ownerless(&'d Repository, Vec<&'d Line>),
    Owned(&'d Repository, Vec<&'d Line>, Claim),
}

/// What the catalog says of a resource.
pub(super) struct Catalogued {
    pub(super) claim: Claim,
    /// They name different owners.
    pub(super) ambiguous: bool,
}

impl Claim {
    /// What a list of owners says: its people are primary and secondary, its first team the team; all are told.
    pub(super) fn of_owners(told: Arc<[OwnerRef]>, roster: &Roster) -> Self {
        let mut layers = Layers::default();
        for owner in told.iter() {
            let team = match roster.get(*owner) {
                Some(Party::Team(_)) => true,
                Some(Party::Unknown(unknown)) => unknown.name.contains('/') || unknown.name.starts_with("@@"),
                _ => false,
            };
            let layer = match (team, layers.primary) {
                (true, _) => &mut layers.team,
                (false, None) => &mut layers.primary,
                (false, Some(_)) => &mut layers.secondary,
            };
            layer.get_or_insert(*owner);
        }
        let reachable = told.iter().any(|owner| roster.reaches_somebody(*owner));
        Self { layers, told, reachable }
    }
}

impl Directory {
    /// Who owns a resource. There is always an answer.
    #[must_use]
    pub fn resolve(&self, resource: &Resource) -> Ownership {
        let found = self.explicit.find(resource);
        let entries = found.as_ref().map(|found| self.claims(found)).unwrap_or_default();
        let undecided = entries.undecided;
        if let (Some(found), Some(first)) = (&found, entries.first) {
            let reason = if found.exact { Reason::ExactEntry } else { Reason::PatternEntry };
            let mut layers = first.layers;
            let (mut told, mut reachable) = (Arc::clone(&first.told), first.reachable);
            if !entries.others.is_empty() {
                let mut all = told.to_vec();
                for claim in &entries.others {
                    layers = self.filled(layers, claim.layers);
                    reachable |= claim.reachable;
                    all.extend(claim.told.iter().filter(|owner| !first.told.contains(owner)));
                }
                told = distinct(all);
            }
            if let Listed::Owned(_, _, claim) = self.listed(resource) {
                layers = self.filled(layers, claim.layers);
            }
            if let Some(later) = self.catalogued(resource) {
                layers = self.filled(layers, later.claim.layers);
            }
            let ambiguous = undecided || !entries.others.is_empty();
            return self.owned(Step::Explicit, reason, layers, told, reachable, ambiguous);
        }
        let catalogued = self.catalogued(resource);
        let reason = match self.listed(resource) {
            Listed::Owned(_, _, claim) => {
                let later = catalogued.map(|later| later.claim.layers).unwrap_or_default();
                let layers = if later == Layers::default() { claim.layers } else { self.filled(claim.layers, later) };
                let (step, reason) = (Step::Codeowners, Reason::CodeownersLine);
                return self.owned(step, reason, layers, claim.told, claim.reachable, undecided);
            }
            Listed::Ownerless(..) => Reason::OwnerlessLine,
            _ if undecided => Reason::Undecided,
            Listed::NoRepository => Reason::NoRepository,
            Listed::UnknownRepository => Reason::UnknownRepository,
            Listed::OutsideRepository => Reason::OutsideRepository,
            Listed::NotAFile | Listed::NoneConfigured | Listed::NoLine(_) => Reason::NoClaim,
        };
        if let Some(Catalogued { claim, ambiguous }) = catalogued {
            let is_file = resource.kind == ResourceKind::File;
            let reason = if is_file { Reason::CatalogPath } else { Reason::CatalogEntry };
            let ambiguous = undecided || ambiguous;
            return self.owned(Step::Catalog, reason, claim.layers, claim.told, claim.reachable, ambiguous);
        }
        Ownership { ambiguous: undecided, ..self.unowned(reason) }
    }

    /// The fallback, for what has no resource at all or whose owner cannot be found. It is told, but owns
    /// nothing: there is no layer, so no rule takes its team for the resource's.
    #[must_use]
    pub fn unowned(&self, reason: Reason) -> Ownership {
        Ownership {
            step: Step::Fallback,
            reason,
            confidence: Step::Fallback.confidence(),
            layers: Layers::default(),
            owners: Arc::clone(&self.fallback.told),
            ambiguous: false,
            unowned: true,
            reachable: self.fallback.reachable,
            fallback_told: true,
        }
    }

    fn owned(
        &self,
        step: Step,
        reason: Reason,
        layers: Layers,
        owners: Arc<[OwnerRef]>,
        reachable: bool,
        ambiguous: bool,
    ) -> Ownership {
        let layers = self.filled(layers, Layers::default());
        let confidence = step.confidence();
        Ownership {
            step,
            reason,
            confidence,
            layers,
            owners,
            ambiguous,
            unowned: false,
            reachable,
            fallback_told: !reachable,
        }
    }

    /// Fills what `layers` leaves open from a `later` claim, and then from the teams of the primary.
    fn filled(&self, mut layers: Layers, later: Layers) -> Layers {
        let primary = layers.primary.and_then(|primary| self.party(primary));
        if layers.team.is_none() {
            layers.team = match primary {
                Some(Party::Team(_)) => layers.primary,
                // In several teams, the one that a later step names is meant, else the first that lists them.
                Some(Party::Person(person)) => match person.teams.as_slice() {
                    [only] => Some(*only),
                    [first, ..] if later == Layers::default() => Some(*first),
                    _ => None,
                },
                _ => None,
            };
        }
        layers.team = layers.team.or(later.team);
        layers.secondary = layers.secondary.or(later.secondary.filter(|other| Some(*other) != layers.primary));
        if layers.lead.is_none()
            && let Some(Party::Team(team)) = layers.team.and_then(|team| self.party(team))
        {
            layers.lead = team.lead;
        }
        layers.lead = layers.lead.or(later.lead);
        layers.escalation = layers.escalation.or(later.escalation);
        layers
    }

    pub(super) fn claims(&self, found: &Found) -> Entries<'_> {
        let mut entries = Entries::default();
        for at in std::iter::once(&found.first).chain(&found.others) {
            let Some(entry) = self.entries.get(*at as usize) else { continue };
            match (entry.claim.told.is_empty(), entries.first) {
                (true, _) => entries.undecided = true,
                (false, None) => entries.first = Some(&entry.claim),
                (false, Some(_)) => entries.others.push(&entry.claim),
            }
        }
        entries
    }

    /// What the catalog says of a resource; nothing when it names nobody for it.
    pub(super) fn catalogued(&self, resource: &Resource) -> Option<Catalogued> {
        let services = self.catalog.of(resource);
        let claims = services.iter().filter_map(|service| self.catalogued.get(service.0 as usize));
        let claims: Vec<&Claim> = claims.filter(|claim| !claim.told.is_empty()).collect();
        let (claim, ambiguous) = match claims.as_slice() {
            [] => return None,
            [only] => ((*only).clone(), false),
            [first, others @ ..] => {
                let told = distinct(claims.iter().flat_map(|claim| claim.told.iter().copied()));
                let ambiguous = others.iter().any(|other| other.told != first.told);
                (Claim::of_owners(told, &self.roster), ambiguous)
            }
        };
        Some(Catalogued { claim, ambiguous })
    }

    pub(super) fn listed(&self, resource: &Resource) -> Listed<'_> {
        if resource.kind != ResourceKind::File {
            return Listed::NotAFile;
        }
        let repository = match (&resource.repo, self.repositories.as_slice()) {
            (_, []) => return Listed::NoneConfigured,
            (None, [only]) => only,
            (Some(_), [only]) if only.name.is_empty() => only,
            (None, _) => return Listed::NoRepository,
            (Some(name), _) => match self.repository(name) {
                Some(repository) => repository,
                None => return Listed::UnknownRepository,
            },
        };
        let path = resource.id.as_str();
        let absolute = matches!(path.as_bytes(), [b'/', ..] | [b'A'..=b'Z' | b'a'..=b'z', b':', b'/' | b'\\', ..]);
        if absolute || path.split('/').any(|segment| segment == "..") {
            return Listed::OutsideRepository;
        }
        let deciding = repository.codeowners.deciding(path);
        let lines: Vec<&Line> = deciding.iter().filter_map(|at| repository.codeowners.lines().get(*at)).collect();
        if lines.is_empty() {
            return Listed::NoLine(repository);
        }
        let claims = deciding.iter().filter_map(|at| repository.claims.get(*at));
        let claims: Vec<&Claim> = claims.filter(|claim| !claim.told.is_empty()).collect();
        match claims.as_slice() {
            [] => Listed::Ownerless(repository, lines),
            [only] => Listed::Owned(repository, lines, (*only).clone()),
            several => {
                let told = distinct(several.iter().flat_map(|claim| claim.told.iter().copied()));
                Listed::Owned(repository, lines, Claim::of_owners(told, &self.roster))
            }
        }
    }
}

/// The claims of the entries that were found.
#[derive(Default)]
pub(super) struct Entries<'d> {
    pub(super) first: Option<&'d Claim>,
    pub(super) others: Vec<&'d Claim>,
    pub(super) undecided: bool,
}

/// Each once, in order.
pub(super) fn distinct(owners: impl IntoIterator<Item = OwnerRef>) -> Arc<[OwnerRef]> {
    let mut once = Vec::new();
    for owner in owners {
        if !once.contains(&owner) {
            once.push(owner);
        }
    }
    once.into()
}
