//! What an action can reach beyond what it declares: the blast radius (BLR-1).
//!
//! Three layers, each resource in the first that it belongs to:
//!
//! 1. *definite*: what the action declares, and the services whose files it declares;
//! 2. *likely*: what depends on one of those directly, and what depends on the same thing as one of those;
//! 3. *possible*: the rest of the chain of dependents, and the systems that those of the first layer are in.
//!
//! [`Spreads::build`] follows the chains once a snapshot, bounded and safe against circles; [`radius`] joins
//! what it found for the resources of one action. It speaks of impact, never of cause, and tells nobody:
//! notices go to the owners of declared resources only.

mod spread;

use std::sync::Arc;

use crate::catalog::{Catalog, ServiceRef};
use crate::event::{Resource, ResourceKind};
use crate::ownership::OwnerRef;
use crate::plan::Snapshot;

pub use spread::{MAX_SPREAD, Spreads};

/// Everything that an action can reach, by layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Radius {
    /// What it declares.
    pub definite: Reached,
    /// What is one step away.
    pub likely: Reached,
    /// What is further away.
    pub possible: Reached,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reached {
    /// What is in it, the nearest first.
    pub resources: Vec<Affected>,
    /// Whose all that is, each once, in that order; those who are told of what nobody owns are not among them.
    pub owners: Vec<OwnerRef>,
    /// Some more is left out: [`MAX_SPREAD`] of a service are kept.
    pub more: bool,
}

/// One thing that can be affected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// `type:id`.
    pub resource: String,
    /// What it is in the catalog; nothing for a declared resource that is not listed there.
    pub service: Option<ServiceRef>,
    /// Why it is in its layer.
    pub because: Because,
    /// Whose it is; nobody's when it is unowned.
    pub owners: Arc<[OwnerRef]>,
}

/// Why something is in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// The action names it.
    Declared,
    /// It is made up of files that the action names; the first of them, as `type:id`.
    Holds(String),
    /// It depends on this, which is definitely affected.
    DependsOn(ServiceRef),
    /// It depends on this, as something does that is definitely affected.
    Shares(ServiceRef),
    /// It depends, over so many steps, on what is definitely affected; the last step is this.
    Chain(ServiceRef, u32),
    /// It is part of the same system as this, which is definitely affected.
    SameSystem(ServiceRef),
}

impl Because {
    /// The reason in a sentence about the resource, such as `depends on payments-db`.
    #[must_use]
    pub fn sentence(&self, catalog: &Catalog) -> String {
        let name = |service: &ServiceRef| catalog.get(*service).map_or("", |service| &*service.id);
        match self {
            Self::Declared => "declared".to_owned(),
            Self::Holds(file) => format!("holds {file}"),
            Self::DependsOn(on) => format!("depends on {}", name(on)),
            Self::Shares(what) => format!("shares {}", name(what)),
            Self::Chain(on, steps) => format!("depends on {}, {steps} steps away", name(on)),
            Self::SameSystem(with) => format!("is in the same system as {}", name(with)),
        }
    }
}

/// What an action on these resources can reach.
#[must_use]
pub fn radius(snapshot: &Snapshot, resources: &[Resource]) -> Radius {
    let (directory, spreads) = (&snapshot.directory, &snapshot.spreads);
    let catalog = directory.catalog();
    let mut joined = Joined::new(catalog, spreads);
    let is_first = |at: &usize, resource: &Resource| {
        let same =
            |other: &Resource| (other.kind, &other.id, &other.repo) == (resource.kind, &resource.id, &resource.repo);
        !resources.iter().take(*at).any(same)
    };
    for (_, resource) in resources.iter().enumerate().filter(|(at, resource)| is_first(at, resource)) {
        let ownership = directory.resolve(resource);
        let owners = if ownership.unowned { [].into() } else { ownership.owners };
        joined.declare(resource, owners);
    }
    for resource in resources {
        joined.hold(resource);
    }
    joined.spread()
}

/// The layers while they are joined.
struct Joined<'s> {
    catalog: &'s Catalog,
    spreads: &'s Spreads,
    /// By service.
    seen: Vec<bool>,
    definite: Reached,
    /// The services of the definite layer.
    struck: Vec<ServiceRef>,
}

impl<'s> Joined<'s> {
    fn new(catalog: &'s Catalog, spreads: &'s Spreads) -> Self {
        let seen = vec![false; catalog.services().len()];
        Self { catalog, spreads, seen, definite: Reached::default(), struck: Vec::new() }
    }

    fn declare(&mut self, resource: &Resource, owners: Arc<[OwnerRef]>) {
        // What is no file is at most one service.
        let services = if resource.kind == ResourceKind::File { Vec::new() } else { self.catalog.of(resource) };
        let service = services.first().copied();
        let struck = service.filter(|service| self.is_new(*service));
        self.struck.extend(struck);
        let resource = resource.address();
        self.definite.add(Affected { resource, service, because: Because::Declared, owners });
    }

    /// Adds the services that hold a declared file.
    fn hold(&mut self, resource: &Resource) {
        for service in self.catalog.of(resource) {
            if self.is_new(service) {
                self.struck.push(service);
                self.definite.extend(self.affected(service, Because::Holds(resource.address())));
            }
        }
    }

    fn spread(mut self) -> Radius {
        let (mut likely, mut possible) = (Reached::default(), Reached::default());
        let spreads = self.spreads;
        let of_each: Vec<_> = self.struck.iter().filter_map(|service| spreads.of(*service)).collect();
        for spread in &of_each {
            likely.more |= spread.likely_more;
            for (service, because) in spread.likely() {
                if self.is_new(service) {
                    likely.extend(self.affected(service, because));
                }
            }
        }
        for spread in &of_each {
            possible.more |= spread.possible_more;
            for (service, because) in spread.possible() {
                if self.is_new(service) {
                    possible.extend(self.affected(service, because));
                }
            }
        }
        Radius { definite: self.definite, likely, possible }
    }

    fn is_new(&mut self, service: ServiceRef) -> bool {
        self.seen.get_mut(service.0 as usize).is_some_and(|seen| !std::mem::replace(seen, true))
    }

    fn affected(&self, service: ServiceRef, because: Because) -> Option<Affected> {
        let owners = self.spreads.owners(service);
        let resource = self.catalog.get(service)?.address();
        Some(Affected { resource, service: Some(service), because, owners })
    }
}

impl Reached {
    fn add(&mut self, affected: Affected) {
        for owner in affected.owners.iter() {
            if !self.owners.contains(owner) {
                self.owners.push(*owner);
            }
        }
        self.resources.push(affected);
    }

    fn extend(&mut self, affected: Option<Affected>) {
        if let Some(affected) = affected {
            self.add(affected);
        }
    }
}
