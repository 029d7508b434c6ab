//! Backstage's `catalog-info.yaml`: one entity a document, read as it is.
//!
//! A `Component`, an `API` and a `Resource` are services here; a `System` groups them, and those without an
//! owner have the system's. `Group` and `User` say by which address their owner is known, should `ownership.yaml`
//! not have the name. A component depends on what `dependsOn` and `consumesApis` name, and an API on those
//! that provide it. References are `[kind:][namespace/]name`, whatever their case.

mod entity;
mod reference;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::load::{FindOwner, Page, Wanted};
use super::{Catalog, OwnerNamed, Service, ServiceKind, ServiceRef};
use crate::diagnostic::Problem;
use crate::yaml::{self, Spanned, span_of};
use entity::{Entity, Head};
use reference::Reference;

/// An entity, and how far into the file its document begins.
struct Placed {
    from: usize,
    kind: String,
    entity: Entity,
}

impl Placed {
    fn at<T>(&self, value: &Spanned<T>) -> Range<usize> {
        let at = span_of(value);
        self.from + at.start..self.from + at.end
    }

    fn reference(&self, text: &str, kind: &str) -> Reference {
        Reference::read(text, kind, &self.entity.metadata.namespace())
    }

    fn own_reference(&self) -> Option<Reference> {
        let name = &self.entity.metadata.name.as_ref()?.value;
        Some(self.reference(name, &self.kind))
    }
}

/// Reads all documents of a file. What is wrong is told as warnings.
pub(super) fn read(page: &mut Page<'_>, catalog: &mut Catalog, owner: &mut FindOwner<'_>) {
    let entities = entities(page);
    let mut addresses: HashMap<Reference, String> = HashMap::new();
    let mut system_owners: HashMap<Reference, &Placed> = HashMap::new();
    for placed in &entities {
        let Some(own) = placed.own_reference() else { continue };
        match placed.kind.as_str() {
            "group" | "user" => {
                let email = placed.entity.spec.profile.as_ref().and_then(|profile| profile.email.clone());
                addresses.extend(email.map(|email| (own, email)));
            }
            "system" => _ = system_owners.insert(own, placed),
            _ => {}
        }
    }
    let mut systems = HashMap::new();
    for placed in &entities {
        let kind = match placed.kind.as_str() {
            "component" => ServiceKind::Service,
            "api" => ServiceKind::Api,
            "resource" => ServiceKind::Resource,
            _ => continue,
        };
        let (Some(name), Some(own)) = (&placed.entity.metadata.name, placed.own_reference()) else { continue };
        let system = placed.entity.spec.system.as_ref().map(|system| placed.reference(&system.value, "system"));
        let of_system = system.as_ref().and_then(|system| system_owners.get(system).copied());
        let named = [Some(placed), of_system].into_iter().flatten();
        let owner = named.filter_map(|placed| whose(placed, &addresses, page, owner)).next();
        let service = Service {
            id: own.id().into(),
            kind,
            owner,
            tags: placed.entity.metadata.tags.iter().flatten().map(|tag| tag.as_str().into()).collect(),
            depends_on: Vec::new(),
            dependents: Vec::new(),
            system: None,
            file: Arc::clone(&page.file),
            line: page.lines.line_of(placed.at(name).start),
        };
        let Some(service) = catalog.add(service, placed.at(name), page) else { continue };
        if let Some(system) = system {
            catalog.enter(system.id(), service, &mut systems);
        }
        want(placed, service, page);
    }
}

/// The entities of the kinds that are read; each other kind is told once.
fn entities(page: &mut Page<'_>) -> Vec<Placed> {
    let mut entities = Vec::new();
    let mut told = BTreeSet::new();
    let (file, text) = (page.source.file, page.source.text);
    for (from, document) in yaml::documents(text) {
        let kind = match yaml::parse::<Head>(file, document) {
            Ok(head) => head.kind,
            Err(problems) => {
                unread(problems, from, page);
                continue;
            }
        };
        let Some(kind) = kind else {
            let at = from..from + document.trim_end().len().min(1);
            page.found.warning(at, "this document has no `kind`, so it is ignored", None);
            continue;
        };
        let lower = kind.value.to_lowercase();
        if !["component", "system", "api", "resource", "group", "user"].contains(&lower.as_str()) {
            if told.insert(lower) {
                let at = span_of(&kind);
                let kind = kind.value;
                let message =
                    format!("entities of kind `{kind}` are not read; this one and others like it are ignored");
                page.found.warning(from + at.start..from + at.end, message, None);
            }
            continue;
        }
        match yaml::parse(file, document) {
            Ok(entity) => entities.push(Placed { from, kind: lower, entity }),
            Err(problems) => unread(problems, from, page),
        }
    }
    for placed in entities.iter().filter(|placed| placed.entity.metadata.name.is_none()) {
        let at = placed.from..placed.from + 1;
        page.found.warning(at, format!("this {} has no `metadata.name`, so it is ignored", placed.kind), None);
    }
    entities
}

/// Tells what is wrong with a document that begins at byte `from`.
fn unread(problems: Vec<Problem>, from: usize, page: &mut Page<'_>) {
    for Problem { at, message, help, .. } in problems {
        page.found.warning(from + at.start..from + at.end, message, help.as_deref());
    }
}

fn whose(
    placed: &Placed,
    addresses: &HashMap<Reference, String>,
    page: &mut Page<'_>,
    owner: &mut FindOwner<'_>,
) -> Option<crate::ownership::OwnerRef> {
    let named = placed.entity.spec.owner.as_ref()?;
    let reference = placed.reference(&named.value, "group");
    let email = addresses.get(&reference).map(String::as_str);
    let handle = reference.handle();
    owner(&OwnerNamed { name: &handle, email, at: placed.at(named), is_ours: false }, &mut page.found)
}

fn want(placed: &Placed, from: ServiceRef, page: &mut Page<'_>) {
    let spec = &placed.entity.spec;
    let lists = [
        (&spec.depends_on, "component", false),
        (&spec.dependency_of, "component", true),
        (&spec.consumes_apis, "api", false),
        (&spec.provides_apis, "api", true),
    ];
    for (list, kind, reversed) in lists {
        for named in list.iter().flatten() {
            let reference = placed.reference(&named.value, kind);
            let kinds: &[ServiceKind] = match reference.kind() {
                "component" => &[ServiceKind::Service],
                "api" => &[ServiceKind::Api],
                "resource" => &[ServiceKind::Resource],
                _ => &[],
            };
            page.wanted.push(Wanted { from, kinds, id: reference.id(), at: placed.at(named), reversed });
        }
    }
}
