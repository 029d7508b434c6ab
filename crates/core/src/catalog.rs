//! What runs, what it depends on, and whose it is: `catalog.yaml`, and Backstage's `catalog-info.yaml` as it is.
//!
//! [`crate::ownership::Directory`] compiles a catalog, with its people at hand, and asks it as the third step of
//! its search; [`crate::blast`] follows the dependencies; tags add to those of an event. A service is found by
//! its id, and by the `paths` of the files that make it up.
//!
//! Mistakes in `catalog.yaml` are errors; those in Backstage's file are warnings, since it is another system's.

mod backstage;
mod form;
mod load;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{Resource, ResourceKind, words};
use crate::ownership::OwnerRef;
use crate::ownership::explicit::ExplicitIndex;

pub(crate) use form::CatalogForm;

/// The files that hold a catalog, by their path in the configuration directory.
pub const FILES: [&str; 2] = ["catalog.yaml", BACKSTAGE];

/// How Backstage calls its file.
pub(crate) const BACKSTAGE: &str = "catalog-info.yaml";

/// The text of one file of the catalog.
#[derive(Debug, Clone, Copy)]
pub struct CatalogSource<'a> {
    /// The file, as problems name it. `catalog-info.yaml` is read as Backstage's, any other as ours.
    pub file: &'a str,
    /// What it holds.
    pub text: &'a str,
}

/// Everything that runs: one immutable version of it.
#[derive(Debug, Default)]
pub struct Catalog {
    services: Vec<Service>,
    by_id: BTreeMap<ServiceKind, HashMap<Arc<str>, ServiceRef>>,
    paths: ExplicitIndex,
    /// By entry of `paths`.
    held_by: Vec<ServiceRef>,
    external: Vec<ExternalDependency>,
    systems: Vec<Vec<ServiceRef>>,
}

/// Names one [`Service`] of one [`Catalog`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceRef(pub(crate) u32);

words! {
    /// What kind of thing a catalog lists.
    ServiceKind {
        /// Something that runs: an entry of `services:`, or a `Component` of Backstage.
        Service = "service",
        /// An `API` of Backstage.
        Api = "api",
        /// A `Resource` of Backstage, such as a database.
        Resource = "resource",
    }
}

/// One thing that a catalog lists.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its id among its kind.
    pub id: Arc<str>,
    /// What kind of thing it is.
    pub kind: ServiceKind,
    /// Whose it is.
    pub owner: Option<OwnerRef>,
    /// Its tags, and `tier:…` when it has a tier.
    pub tags: Vec<Arc<str>>,
    /// What it cannot do without, each once.
    pub depends_on: Vec<ServiceRef>,
    /// What cannot do without it, each once.
    pub dependents: Vec<ServiceRef>,
    /// The system it is part of: an index into [`Catalog::system`].
    pub system: Option<u32>,
    /// Where it stands.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
}

/// A vendor that something here depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalDependency {
    /// What it is called.
    pub name: Arc<str>,
    /// Where it says how it does.
    pub status_page: Option<Arc<str>>,
    /// How its state is read, such as `status_page_monitor`.
    pub integration: Option<Arc<str>>,
}

impl Service {
    /// `type:id`, as an event names it: what Backstage calls a resource is a `service` there.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.resource_kind(), self.id)
    }

    /// It as a resource of an event.
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource::new(self.resource_kind(), self.id.as_ref())
    }

    fn resource_kind(&self) -> ResourceKind {
        match self.kind {
            ServiceKind::Service | ServiceKind::Resource => ResourceKind::Service,
            ServiceKind::Api => ResourceKind::Api,
        }
    }
}

impl Catalog {
    /// The services that a resource is or is part of: for a file those whose `paths` match it most exactly.
    #[must_use]
    pub fn of(&self, resource: &Resource) -> Vec<ServiceRef> {
        if self.services.is_empty() {
            return Vec::new();
        }
        let kinds: &[ServiceKind] = match resource.kind {
            ResourceKind::Service => &[ServiceKind::Service, ServiceKind::Resource],
            ResourceKind::Api => &[ServiceKind::Api],
            ResourceKind::Table | ResourceKind::Config => &[ServiceKind::Resource],
            ResourceKind::File => return self.holding(resource),
        };
        kinds.iter().find_map(|kind| self.find(*kind, &resource.id)).into_iter().collect()
    }

    /// The service with this id.
    #[must_use]
    pub fn find(&self, kind: ServiceKind, id: &str) -> Option<ServiceRef> {
        self.by_id.get(&kind)?.get(id).copied()
    }

    /// The service that a reference of this catalog names.
    #[must_use]
    pub fn get(&self, service: ServiceRef) -> Option<&Service> {
        self.services.get(service.0 as usize)
    }

    /// All services, in the files' order.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The services of a system: they fail together.
    #[must_use]
    pub fn system(&self, system: u32) -> &[ServiceRef] {
        self.systems.get(system as usize).map_or(&[], Vec::as_slice)
    }

    /// Vendors that something here depends on.
    #[must_use]
    pub fn external_dependencies(&self) -> &[ExternalDependency] {
        &self.external
    }

    /// The tags that configuration gives a resource: those of the services it is or is part of, each once.
    #[must_use]
    pub fn tags(&self, resource: &Resource) -> Vec<&str> {
        let mut tags: Vec<&str> = Vec::new();
        for service in self.of(resource).into_iter().filter_map(|service| self.get(service)) {
            for tag in &service.tags {
                if !tags.contains(&tag.as_ref()) {
                    tags.push(tag);
                }
            }
        }
        tags
    }

    fn holding(&self, file: &Resource) -> Vec<ServiceRef> {
        let is_outside = file.id.starts_with('/') || file.id.split('/').any(|segment| segment == "..");
        let Some(found) = (!is_outside).then(|| self.paths.find(file)).flatten() else { return Vec::new() };
        let mut services = Vec::new();
        for at in std::iter::once(&found.first).chain(&found.others) {
            if let Some(service) = self.held_by.get(*at as usize)
                && !services.contains(service)
            {
                services.push(*service);
            }
        }
        services
    }
}

/// An owner as a catalog names it.
#[derive(Debug, Clone)]
pub(crate) struct OwnerNamed<'n> {
    /// A handle, or an e-mail address.
    pub(crate) name: &'n str,
    /// Another name for the same, when the first is not known.
    pub(crate) email: Option<&'n str>,
    /// Where it stands.
    pub(crate) at: Range<usize>,
    /// The file is ours, so a name that nobody has is an error.
    pub(crate) is_ours: bool,
}
