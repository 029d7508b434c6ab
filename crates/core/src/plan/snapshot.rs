//! What people configured, in one immutable version named by its hash.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::reach::{Process, Reach, Reaches};
use crate::blast::Spreads;
use crate::calendar::BusinessHours;
use crate::capture::{Call, CaptureFile, CaptureSet, Hints};
use crate::catalog::{self, CatalogSource};
use crate::chain::Hash;
use crate::change::PersonRow;
use crate::diagnostic::{Problem, nearest};
use crate::event::submission::Scope;
use crate::event::{Flag, Submission};
use crate::json;
use crate::ownership::codeowners::Dialect;
use crate::ownership::{
    CodeownersSource, Directory, OwnerRef, OwnershipSource, WantedCodeowners, check_slack_contacts, wanted_codeowners,
};
use crate::rule::{RuleFile, RuleSet};

/// A tenant's files by their path in the configuration directory.
pub type Files = BTreeMap<String, String>;

/// Everything that plans are made with.
#[derive(Debug)]
pub struct Snapshot {
    /// SHA-256 over the files and what the process brings.
    pub id: Hash,
    /// How actions are routed.
    pub rules: RuleSet,
    /// Who owns what.
    pub directory: Directory,
    /// What each service can reach.
    pub spreads: Spreads,
    /// What tool calls touch.
    pub capture: CaptureSet,
    /// When people work.
    pub hours: BusinessHours,
    reaches: Reaches,
}

/// Files that other parts of the product read, and that cannot be used yet.
const LATER: [&str; 5] = ["escalation.yaml", "schedules.yaml", "playbooks.yaml", "recovery.yaml", "incidents.yaml"];
/// What the agent side calls an action whose kind it leaves to us.
const TOOL_CALL: &str = "tool_call";
const KNOWN: [&str; 7] = [
    "mandate.yaml",
    "ownership.yaml",
    "capture.yaml",
    "calendar.yaml",
    "catalog.yaml",
    "catalog-info.yaml",
    "CODEOWNERS",
];

impl Snapshot {
    /// The shipped defaults alone.
    #[must_use]
    pub fn shipped(process: &Process, tenant_key: &[u8; 32]) -> Self {
        Self::load(&Files::new(), process, tenant_key).0
    }

    /// Compiles a tenant's files. Broken input gives what could be read, and every problem; with an error
    /// among them, the caller keeps the version it has.
    #[must_use]
    pub fn load(files: &Files, process: &Process, tenant_key: &[u8; 32]) -> (Self, Vec<Problem>) {
        let mut problems = unknown_files(files);
        let text = |name: &str| files.get(name).map(String::as_str);

        let rule_files: Vec<RuleFile<'_>> =
            files.iter().filter(|(path, _)| is_rules(path)).map(|(file, text)| RuleFile { file, text }).collect();
        let (rules, found) = RuleSet::load(&rule_files);
        problems.extend(found);

        let ownership = text("ownership.yaml").map(|text| OwnershipSource { file: "ownership.yaml", text });
        let wanted = ownership.map(|source| wanted_codeowners(source.text)).unwrap_or_default();
        let codeowners = codeowners(files, &wanted);
        let catalog = catalog::FILES.iter().filter_map(|file| Some(CatalogSource { file, text: text(file)? }));
        let catalog: Vec<CatalogSource<'_>> = catalog.collect();
        let (directory, found) = Directory::load(ownership, &codeowners, &catalog, &process.fallback, tenant_key);
        problems.extend(found);
        if let Some(source) = ownership {
            problems.extend(check_slack_contacts(source.file, source.text, &process.slack));
        }

        let capture_files: Vec<CaptureFile<'_>> =
            text("capture.yaml").map(|text| CaptureFile { file: "capture.yaml", text }).into_iter().collect();
        let (capture, found) = CaptureSet::load(&capture_files);
        problems.extend(found);

        let hours = text("calendar.yaml").map(|text| BusinessHours::load("calendar.yaml", text));
        let hours = hours.unwrap_or_else(|| Ok(BusinessHours::default())).unwrap_or_else(|found| {
            problems.extend(found);
            BusinessHours::default()
        });

        let reaches = Reaches::build(&directory, process);
        let spreads = Spreads::build(&directory);
        let snapshot = Self { id: name(files, process), rules, directory, spreads, capture, hours, reaches };
        (snapshot, problems)
    }

    /// The people that logs may name, to be kept beside them.
    pub fn people(&self) -> impl Iterator<Item = PersonRow> + '_ {
        self.directory.people().map(|person| PersonRow {
            id: person.id,
            handle: person.handle.to_string(),
            name: person.name.as_deref().map(str::to_owned),
        })
    }

    /// How logs name a party.
    #[must_use]
    pub fn log_name(&self, party: OwnerRef) -> String {
        self.directory.party(party).map_or_else(String::new, |party| party.log_name().to_string())
    }

    /// How people name whom a log names: a handle where one is known.
    #[must_use]
    pub fn display_name(&self, log_name: &str) -> String {
        if let Some(team) = log_name.strip_prefix("team:") {
            return team.to_owned();
        }
        let party = log_name.strip_prefix("person:").and_then(|id| self.directory.by_id(id.parse().ok()?));
        let known = party.and_then(|party| self.directory.party(party));
        known.map_or_else(|| log_name.to_owned(), |party| party.handle().to_string())
    }

    /// Whom a notice for this party reaches, and how.
    #[must_use]
    pub fn reaches(&self, party: OwnerRef) -> &[Reach] {
        self.reaches.of(party)
    }

    /// How somebody is reached whom a log names.
    #[must_use]
    pub fn reach_by_log_name(&self, name: &str) -> Option<&Reach> {
        self.reaches.by_log_name(name)
    }

    /// Whom to tell when nobody else can be.
    #[must_use]
    pub fn fallback(&self) -> &[Reach] {
        &self.reaches.fallback
    }

    /// Who looks after Mandate.
    #[must_use]
    pub fn admins(&self) -> &[Reach] {
        &self.reaches.admins
    }

    /// Whether the person that a log names so is one of those who look after Mandate, or of a team that does.
    #[must_use]
    pub fn looks_after(&self, log_name: &str) -> bool {
        self.reaches.keepers.contains(log_name)
    }

    /// The team that owns an agent, as people write it.
    #[must_use]
    pub fn agent_team(&self, agent: &str) -> Option<&str> {
        let entry = self.directory.agents(agent).into_iter().next()?;
        self.directory.party(entry.team).map(|party| &**party.handle())
    }

    /// A submission with what its tool call touches filled in; nothing when it is no tool call, or when the
    /// sender said itself what it touched. What the capture file says of impact and reversibility wins over the
    /// sender and over the tool server's hints; where it says nothing, the sender comes before the hints.
    #[must_use]
    pub fn captured(&self, submission: &Submission) -> Option<Submission> {
        if !submission.resources().is_empty() {
            return None;
        }
        let call = submission.content.attributes.as_ref()?.get("call")?.as_object()?;
        let text = |name: &str| call.get(name).and_then(Value::as_str);
        let hint = |name: &str| call.get("hints")?.get(name)?.as_bool();
        let nothing = Map::new();
        let captured = self.capture.apply(&Call {
            server: text("server")?,
            tool: text("tool")?,
            arguments: call.get("arguments").and_then(Value::as_object).unwrap_or(&nothing),
            hints: Hints {
                read_only: hint("read_only"),
                destructive: hint("destructive"),
                idempotent: hint("idempotent"),
                open_world: hint("open_world"),
            },
            cwd: text("cwd"),
            repo_root: text("repo_root"),
            repo: text("repo"),
        });
        let mut filled = submission.clone();
        let action = filled.action.get_or_insert_default();
        if action.kind.as_deref().is_none_or(|kind| kind == TOOL_CALL) {
            action.kind = Some(captured.action_type.to_owned());
        }
        filled.scope = Some(Scope { resources: Some(captured.resources) });
        let metadata = filled.metadata.get_or_insert_default();
        metadata.estimated_impact = captured.impact.or(metadata.estimated_impact).or(Some(captured.hinted_impact));
        metadata.reversible = captured.reversible.or(metadata.reversible);
        filled.flags.remove(Flag::NoResource);
        filled.flags.remove(Flag::NoActionType);
        for flag in captured.flags.iter() {
            filled.flags.insert(flag);
        }
        Some(filled)
    }
}

fn is_rules(path: &str) -> bool {
    path.starts_with("rules/") && path.ends_with(".yaml") && !path.ends_with("_test.yaml")
}

/// The CODEOWNERS that `ownership.yaml` names; without any, the one in the directory speaks for every file.
fn codeowners<'a>(files: &'a Files, wanted: &'a [WantedCodeowners]) -> Vec<CodeownersSource<'a>> {
    if wanted.is_empty() {
        let only = files.get_key_value("CODEOWNERS");
        return only
            .map(|(file, text)| CodeownersSource { repo: "", dialect: Dialect::Github, file, text })
            .into_iter()
            .collect();
    }
    let named = wanted.iter().filter_map(|wanted| {
        let (file, text) = files.get_key_value(wanted.path.trim_start_matches("./"))?;
        Some(CodeownersSource { repo: &wanted.repo, dialect: wanted.dialect, file, text })
    });
    named.collect()
}

fn unknown_files(files: &Files) -> Vec<Problem> {
    let wanted = files.get("ownership.yaml").map(|text| wanted_codeowners(text)).unwrap_or_default();
    let is_wanted = |path: &str| wanted.iter().any(|wanted| wanted.path.trim_start_matches("./") == path);
    let mut problems = Vec::new();
    for (path, text) in files {
        if LATER.contains(&path.as_str()) {
            problems.push(Problem::error(path, text, 0..0, format!("`{path}` is not available yet; take it out")));
        } else if !is_rules(path) && !path.starts_with("rules/") && !KNOWN.contains(&path.as_str()) && !is_wanted(path)
        {
            let mut problem = Problem::error(path, text, 0..0, format!("`{path}` is no configuration file")).warning();
            if let Some(near) = nearest(path, KNOWN) {
                problem = problem.with_help(format!("did you mean `{near}`?"));
            }
            problems.push(problem);
        }
    }
    problems
}

fn name(files: &Files, process: &Process) -> Hash {
    let of = serde_json::json!({ "files": files, "process": process });
    Hash::of(&json::canonical(&of))
}
