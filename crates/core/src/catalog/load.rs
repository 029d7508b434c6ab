//! Compiles a [`Catalog`] from the text of its files.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use super::backstage;
use super::form::CatalogForm;
use super::{BACKSTAGE, Catalog, CatalogSource, ExternalDependency, OwnerNamed, Service, ServiceKind, ServiceRef};
use crate::diagnostic::{Lines, Problem};
use crate::ownership::OwnerRef;
use crate::ownership::explicit::{ExplicitIndex, Subject, SubjectError};
use crate::ownership::findings::Findings;
use crate::yaml::{self, Spanned, span_of};

/// No more services than this are read.
const MAX_SERVICES: usize = 100_000;

/// Finds out who an owner is, and tells when nobody is called so.
pub(super) type FindOwner<'f> = dyn FnMut(&OwnerNamed<'_>, &mut Findings<'_>) -> Option<OwnerRef> + 'f;

/// A dependency as one file names it, until all services are known.
pub(super) struct Wanted {
    pub(super) from: ServiceRef,
    /// The kinds that it can be, the likeliest first.
    pub(super) kinds: &'static [ServiceKind],
    pub(super) id: String,
    pub(super) at: Range<usize>,
    /// The other way round: what is named depends on `from`.
    pub(super) reversed: bool,
}

/// One file while it is read.
pub(super) struct Page<'s> {
    pub(super) source: CatalogSource<'s>,
    pub(super) file: Arc<str>,
    pub(super) lines: Lines,
    pub(super) found: Findings<'s>,
    pub(super) wanted: Vec<Wanted>,
}

impl Catalog {
    /// Compiles the files' text; `owner` knows who is called how. What is wrong is told, and the rest used.
    pub(crate) fn load(sources: &[CatalogSource<'_>], owner: &mut FindOwner<'_>) -> (Self, Vec<Problem>) {
        let mut catalog = Self::default();
        let mut subjects = Vec::new();
        let (mut problems, mut pages) = (Vec::new(), Vec::new());
        for source in sources {
            let mut page = Page::new(*source);
            if !page.is_ours() {
                backstage::read(&mut page, &mut catalog, owner);
            } else {
                match yaml::parse(source.file, source.text) {
                    Ok(form) => read(form, &mut page, &mut catalog, &mut subjects, owner),
                    Err(told) => problems.extend(told),
                }
            }
            pages.push(page);
        }
        catalog.paths = ExplicitIndex::build(subjects);
        let ids: Vec<Arc<str>> = catalog.services.iter().map(|service| Arc::clone(&service.id)).collect();
        let whatever_case = catalog.by_lower_case();
        for mut page in pages {
            for wanted in std::mem::take(&mut page.wanted) {
                let by_case = |kind: &ServiceKind| catalog.find(*kind, &wanted.id);
                let lower = (!page.is_ours()).then(|| wanted.id.to_lowercase());
                let without = |kind: &ServiceKind| whatever_case.get(&(*kind, lower.clone()?)).copied();
                let named = wanted.kinds.iter().find_map(by_case).or_else(|| wanted.kinds.iter().find_map(without));
                catalog.connect(&wanted, named, &ids, &mut page);
            }
            problems.extend(page.found.finish(std::iter::empty()));
        }
        (catalog, problems)
    }

    /// Takes in a service; nothing when its id is taken.
    pub(super) fn add(&mut self, service: Service, at: Range<usize>, page: &mut Page<'_>) -> Option<ServiceRef> {
        if self.services.len() == MAX_SERVICES {
            page.wrong(at, "this is beyond the first 100,000 services and left out".to_owned(), None);
            return None;
        }
        let new = ServiceRef(u32::try_from(self.services.len()).unwrap_or(u32::MAX));
        match self.by_id.entry(service.kind).or_default().entry(Arc::clone(&service.id)) {
            Entry::Occupied(known) => {
                let first = self.services.get(known.get().0 as usize);
                let place = first.map(|first| format!("{}:{}", first.file, first.line)).unwrap_or_default();
                let told = format!("the {} `{}` is listed twice, first in {place}", service.kind, service.id);
                page.wrong(at, told, Some("keep one of them; this one is left out"));
                None
            }
            Entry::Vacant(free) => {
                free.insert(new);
                self.services.push(service);
                Some(new)
            }
        }
    }

    /// The number of a system, by name.
    pub(super) fn enter(&mut self, system: String, service: ServiceRef, systems: &mut HashMap<String, u32>) {
        let new = u32::try_from(self.systems.len()).unwrap_or(u32::MAX);
        let number = *systems.entry(system).or_insert(new);
        if number == new {
            self.systems.push(Vec::new());
        }
        if let Some(members) = self.systems.get_mut(number as usize) {
            members.push(service);
        }
        if let Some(service) = self.services.get_mut(service.0 as usize) {
            service.system = Some(number);
        }
    }

    fn by_lower_case(&self) -> HashMap<(ServiceKind, String), ServiceRef> {
        let named = (0..).map(ServiceRef).zip(&self.services);
        named.map(|(at, service)| ((service.kind, service.id.to_lowercase()), at)).collect()
    }

    fn connect(&mut self, wanted: &Wanted, named: Option<ServiceRef>, ids: &[Arc<str>], page: &mut Page<'_>) {
        let Some(named) = named else {
            let told = format!("nothing in the catalog has the id `{}`", wanted.id);
            return page.misnamed(wanted.at.clone(), told, &wanted.id, ids.iter().map(AsRef::as_ref));
        };
        if named == wanted.from {
            return page.found.warning(wanted.at.clone(), format!("`{}` depends on itself", wanted.id), None);
        }
        let (from, to) = if wanted.reversed { (named, wanted.from) } else { (wanted.from, named) };
        if let Some(service) = self.services.get_mut(from.0 as usize)
            && !service.depends_on.contains(&to)
        {
            service.depends_on.push(to);
            if let Some(service) = self.services.get_mut(to.0 as usize) {
                service.dependents.push(from);
            }
        }
    }
}

impl<'s> Page<'s> {
    fn new(source: CatalogSource<'s>) -> Self {
        Self {
            source,
            file: source.file.into(),
            lines: Lines::of(source.text),
            found: Findings::new(source.file, source.text),
            wanted: Vec::new(),
        }
    }

    fn is_ours(&self) -> bool {
        !self.source.file.ends_with(BACKSTAGE)
    }

    /// Tells a mistake: an error in a file of ours, else a warning.
    pub(super) fn wrong(&mut self, at: Range<usize>, message: String, help: Option<&str>) {
        if self.is_ours() {
            self.found.error(at, message, help);
        } else {
            self.found.warning(at, message, help);
        }
    }

    fn misnamed<'n>(
        &mut self,
        at: Range<usize>,
        message: String,
        given: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        if self.is_ours() {
            self.found.misnamed(at, message, given, known);
        } else {
            self.found.warning(at, message, Some("the dependency is left out"));
        }
    }
}

fn read(
    form: CatalogForm,
    page: &mut Page<'_>,
    catalog: &mut Catalog,
    subjects: &mut Vec<(u32, Subject)>,
    owner: &mut FindOwner<'_>,
) {
    for service in form.services {
        let id = service.id.value.as_str();
        if id.is_empty() || id.chars().any(char::is_control) {
            page.found.error(span_of(&service.id), "a service needs an id", Some("write it as events name it"));
            continue;
        }
        let tier = service.tier.iter().map(|tier| format!("tier:{tier}").into());
        let entry = Service {
            id: id.into(),
            kind: ServiceKind::Service,
            owner: service.team.as_ref().and_then(|team| {
                let named = OwnerNamed { name: team.value.trim(), email: None, at: span_of(team), is_ours: true };
                owner(&named, &mut page.found)
            }),
            tags: service.tags.iter().map(|tag| tag.as_str().into()).chain(tier).collect(),
            depends_on: Vec::new(),
            dependents: Vec::new(),
            system: None,
            file: Arc::clone(&page.file),
            line: page.lines.line_of(span_of(&service.id).start),
        };
        let Some(entry) = catalog.add(entry, span_of(&service.id), page) else { continue };
        for path in &service.paths {
            if let Some(subject) = files(path, &mut page.found) {
                subjects.push((u32::try_from(catalog.held_by.len()).unwrap_or(u32::MAX), subject));
                catalog.held_by.push(entry);
            }
        }
        page.wanted.extend(service.depends_on.into_iter().map(|on| Wanted {
            from: entry,
            kinds: ServiceKind::ALL,
            at: span_of(&on),
            id: on.value,
            reversed: false,
        }));
    }
    for vendor in form.external_dependencies {
        if catalog.external.iter().any(|known| *known.name == *vendor.name.value) {
            let told = format!("the vendor `{}` is listed twice", vendor.name.value);
            page.found.error(span_of(&vendor.name), told, Some("keep one of them"));
            continue;
        }
        catalog.external.push(ExternalDependency {
            name: vendor.name.value.into(),
            status_page: vendor.status_page.map(Into::into),
            integration: vendor.integration.map(Into::into),
        });
    }
}

/// The files that a path speaks of. One that ends in `/` is a directory's contents.
fn files(path: &Spanned<String>, found: &mut Findings<'_>) -> Option<Subject> {
    let (repo, files) = path.value.rsplit_once(':').map_or(("", path.value.as_str()), |(repo, files)| (repo, files));
    let files = files.strip_prefix("./").unwrap_or(files).trim_start_matches('/');
    let below = if files.ends_with('/') { "**" } else { "" };
    let part = if repo.is_empty() { "" } else { ":" };
    match Subject::parse(&format!("file:{repo}{part}{files}{below}")) {
        Ok(subject) => Some(subject),
        Err(SubjectError::Pattern(_)) => {
            let help = "write `src/payments/**`, or `acme/shop:src/payments/**` for one repository";
            found.error(span_of(path), format!("`{}` is not a path with globs", path.value), Some(help));
            None
        }
        // INVARIANT: the type is `file`.
        Err(SubjectError::Untyped | SubjectError::Type(_)) => None,
    }
}
