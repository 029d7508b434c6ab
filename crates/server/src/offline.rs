//! What the command line does without a server: the same conversions as over HTTP, on files and on the store.
//!
//! [`schemas`] says how the files are written, [`wanted_files`] and [`check`] read a configuration, [`Checked`] explains owners, impact and routes with it,
//! [`OfflineStore`] makes keys, exports and verifies while no server holds the store, and [`Verifier`] checks an
//! export wherever it lies.

pub(crate) mod impact;
pub(crate) mod route;
mod store;
mod verify;

use std::collections::BTreeMap;

use mandate_api::{BlastRadius, OwnerAnswer};
use mandate_core::event::{Resource, ResourceKind};
use mandate_core::ownership::wanted_codeowners;
use mandate_core::plan::snapshot::Files;
use mandate_core::plan::{Process, Snapshot};
use mandate_core::schema;
use mandate_core::time::Millis;

use crate::settings::Settings;
use crate::start::process;

pub use mandate_core::diagnostic::{Problem, nearest};
pub use route::{Exempt, Notified, OwnedResource, Reasoned, RouteAnswer, Tried, TriedRule};
pub use store::{KeyDraft, Log, OfflineStore};
pub use verify::{Finding, Verdict, Verifier};

/// Keys whatever is compiled for looking only: nothing made with it is stored.
const LOOKING: [u8; 32] = [0; 32];

/// The files beyond the usual ones that a configuration names: CODEOWNERS of repositories, as paths relative to
/// the configuration's directory.
#[must_use]
pub fn wanted_files(files: &BTreeMap<String, String>) -> Vec<String> {
    let ownership = files.get("ownership.yaml").map(String::as_str).unwrap_or_default();
    let wanted = wanted_codeowners(ownership).into_iter();
    wanted.map(|wanted| wanted.path.trim_start_matches("./").to_owned()).collect()
}

/// JSON Schemas of the configuration files, pretty, each with the name it goes by: `mandate`, `ownership`, ….
#[must_use]
pub fn schemas() -> Vec<(String, String)> {
    let own = ("mandate", crate::settings::schema());
    let each = std::iter::once(own).chain(schema::all());
    each.map(|(name, schema)| (name.to_owned(), format!("{schema:#}"))).collect()
}

/// A configuration that was read, and everything that is wrong with it.
#[derive(Debug)]
pub struct Checked {
    snapshot: Snapshot,
    /// What is wrong with it, errors first.
    pub problems: Vec<Problem>,
}

/// Reads a configuration: the tenant's files, and the text of `mandate.yaml` when there is one. `env` looks up
/// the environment variables that its secrets name.
#[must_use]
pub fn check(files: &Files, settings: Option<&str>, env: impl Fn(&str) -> Option<String>) -> Checked {
    let mut problems = Vec::new();
    let process = match settings.map(|text| Settings::parse(text, "mandate.yaml", env)) {
        Some(Ok(settings)) => process(&settings),
        Some(Err(found)) => {
            problems.extend(found);
            Process::default()
        }
        None => Process::default(),
    };
    let (snapshot, found) = Snapshot::load(files, &process, &LOOKING);
    problems.extend(found);
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    Checked { snapshot, problems }
}

impl Checked {
    /// Whether the configuration would be refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.problems.iter().any(Problem::is_error)
    }

    /// How many rules there are beyond the shipped ones.
    #[must_use]
    pub fn rules(&self) -> usize {
        let own = |rule: &&mandate_core::rule::Rule| rule.layer != mandate_core::rule::Layer::Shipped;
        self.snapshot.rules.rules().iter().filter(own).count()
    }

    /// Who owns a resource, with every step tried. `address` is `type:id`.
    ///
    /// # Errors
    /// Says what is wrong with the address.
    pub fn explain_owner(&self, address: &str, repo: Option<&str>) -> Result<OwnerAnswer, String> {
        let mut resource = resource(address)?;
        resource.repo = repo.map(str::to_owned);
        let explained = serde_json::to_value(self.snapshot.directory.explain(&resource));
        explained.and_then(serde_json::from_value).map_err(|error| error.to_string())
    }

    /// What an action on these resources can reach. Each is `type:id`; `repo` is that of the files among them.
    ///
    /// # Errors
    /// Says what is wrong with an address.
    pub fn blast_radius(&self, addresses: &[String], repo: Option<&str>) -> Result<BlastRadius, String> {
        let read = |address: &String| {
            let mut resource = resource(address)?;
            if resource.kind == ResourceKind::File {
                resource.repo = repo.map(str::to_owned);
            }
            Ok(resource)
        };
        let resources = addresses.iter().map(read).collect::<Result<Vec<_>, String>>()?;
        Ok(impact::blast_radius(&self.snapshot, &resources))
    }

    /// How an event would be routed at `now` (Unix milliseconds), with every rule tried. `event` is one event as
    /// clients send it, JSON.
    ///
    /// # Errors
    /// Says what is wrong with the event, a line a field.
    pub fn explain_route(&self, event: &str, now: i64) -> Result<RouteAnswer, String> {
        route::explain(&self.snapshot, event, Millis(now))
    }
}

/// Reads `type:id`.
///
/// # Errors
/// Says what is wrong, with the nearest type.
pub fn resource(address: &str) -> Result<Resource, String> {
    let (word, id) = address
        .split_once(':')
        .ok_or_else(|| format!("`{address}` is no resource; write `type:id`, such as `service:payments-service`"))?;
    let kind = ResourceKind::from_word(word).ok_or_else(|| {
        let hint = nearest(word, ResourceKind::WORDS.iter().copied());
        let hint = hint.map_or_else(
            || format!("use one of {}", ResourceKind::WORDS.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        format!("`{word}` is no type of resource; {hint}")
    })?;
    if id.is_empty() {
        return Err(format!("`{address}` names nothing; write an id after the colon"));
    }
    Ok(Resource::new(kind, id))
}
