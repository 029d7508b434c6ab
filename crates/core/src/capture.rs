//! What a tool call does and touches: `capture.yaml`.
//!
//! The agent side sends server, tool, scrubbed arguments and where it runs; the server turns that into an
//! action and resources here, so that a file in a repository gets its owner whatever tool changed it. A
//! tenant's own entries come first, the shipped ones know common servers, the last takes everything. The first
//! entry that matches decides; what its template cannot fill in becomes `api:mcp/SERVER/TOOL`: never nothing.

mod form;
mod path;
mod template;

use std::sync::Arc;

pub(crate) use form::FileForm;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use template::Template;

use crate::diagnostic::Problem;
use crate::event::submission::{MAX_RESOURCES, bounded};
use crate::event::{Flags, Impact, Resource, ResourceKind, words};
use crate::rule::pattern::Pattern;
use crate::yaml;

/// The file name that the shipped entries go by.
pub const SHIPPED: &str = "shipped/capture.yaml";
const SHIPPED_TEXT: &str = include_str!("defaults/capture.yaml");

/// One `capture.yaml`.
#[derive(Debug, Clone, Copy)]
pub struct CaptureFile<'a> {
    /// Its name, as problems show it.
    pub file: &'a str,
    /// Its YAML.
    pub text: &'a str,
}

/// A tool call, as the agent side saw it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The server's name, or the coding agent's for its own tools.
    pub server: &'a str,
    /// The tool's name.
    pub tool: &'a str,
    /// The scrubbed arguments.
    pub arguments: &'a Map<String, Value>,
    /// What the server says of the tool.
    pub hints: Hints,
    /// The absolute path that relative ones start from.
    pub cwd: Option<&'a str>,
    /// The absolute path of the repository around it.
    pub repo_root: Option<&'a str>,
    /// The repository's name, from its remote; without it, the last part of its root.
    pub repo: Option<&'a str>,
}

/// The four annotations of a tool. A server says them of itself, so they are not trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hints {
    /// `readOnlyHint`; absent means false.
    pub read_only: Option<bool>,
    /// `destructiveHint`; absent means true.
    pub destructive: Option<bool>,
    /// `idempotentHint`; absent means false.
    pub idempotent: Option<bool>,
    /// `openWorldHint`; absent means true.
    pub open_world: Option<bool>,
}

words! {
    /// A property that an entry asks of a tool's annotations.
    Hint {
        /// It changes nothing.
        ReadOnly = "read_only",
        /// It may destroy something.
        Destructive = "destructive",
        /// Doing it twice is doing it once.
        Idempotent = "idempotent",
        /// It reaches beyond a closed set of things.
        OpenWorld = "open_world",
    }
}

impl Hints {
    /// Whether a property holds, with the defaults of the protocol: what is absent counts as destructive and
    /// reaching anywhere.
    #[must_use]
    pub fn has(&self, hint: Hint) -> bool {
        let read_only = self.read_only.unwrap_or(false);
        match hint {
            Hint::ReadOnly => read_only,
            Hint::Destructive => !read_only && self.destructive.unwrap_or(true),
            Hint::Idempotent => self.idempotent.unwrap_or(false),
            Hint::OpenWorld => self.open_world.unwrap_or(true),
        }
    }

    /// How much a call can change, by what the server says: nothing, little, or (destructive, also when it says
    /// nothing) some.
    fn impact(&self) -> Impact {
        match (self.has(Hint::ReadOnly), self.has(Hint::Destructive)) {
            (true, _) => Impact::None,
            (false, false) => Impact::Low,
            (false, true) => Impact::Medium,
        }
    }
}

/// What a call turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured<'c> {
    /// The action's type, in words that the shipped rules know.
    pub action_type: &'c str,
    /// What it touches: at least one, at most 100.
    pub resources: Vec<Resource>,
    /// How much it can change, when the entry says so.
    pub impact: Option<Impact>,
    /// How much it can change by the server's own, untrusted word.
    pub hinted_impact: Impact,
    /// Whether it can be undone, when the entry says so.
    pub reversible: Option<bool>,
    /// `outside_repo`, when a path leaves the repository.
    pub flags: Flags,
    /// Whether action or impact rest on the server's own, untrusted word.
    pub by_untrusted_hint: bool,
    /// The file of the entry that decided, and its 1-based line there.
    pub entry: (&'c str, usize),
}

/// The entries of one tenant over the shipped ones: compiled, immutable.
#[derive(Debug, Clone)]
pub struct CaptureSet {
    entries: Vec<Entry>,
    last_resort: Entry,
}

#[derive(Debug, Clone)]
struct Entry {
    file: Arc<str>,
    line: usize,
    server: Vec<Pattern>,
    tool: Vec<Pattern>,
    hints: Vec<Hint>,
    action: Box<str>,
    resources: Vec<Template>,
    repo: Option<Template>,
    impact: Option<Impact>,
    reversible: Option<bool>,
}

impl CaptureSet {
    /// Reads capture files over the shipped one, in their order.
    ///
    /// What is wrong comes back as problems; the set then lacks what could not be read, and the caller keeps the
    /// one it has.
    #[must_use]
    pub fn load(files: &[CaptureFile<'_>]) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut entries = Vec::new();
        let shipped = CaptureFile { file: SHIPPED, text: SHIPPED_TEXT };
        for source in files.iter().chain([&shipped]) {
            match yaml::parse::<FileForm>(source.file, source.text) {
                Ok(form) => {
                    entries.extend(form.tools.iter().filter_map(|entry| form::read(source, entry, &mut problems)));
                }
                Err(mistakes) => problems.extend(mistakes),
            }
        }
        (Self { entries, last_resort: Entry::last_resort() }, problems)
    }

    /// Says what a call does and touches.
    #[must_use]
    pub fn apply(&self, call: &Call<'_>) -> Captured<'_> {
        let entry = self.entries.iter().find(|entry| entry.takes(call)).unwrap_or(&self.last_resort);
        let repo = entry.repo.as_ref().map(|template| template.fill(call));
        let repo = repo.and_then(|names| names.into_iter().next());
        let mut flags = Flags::default();
        let mut resources: Vec<Resource> = Vec::new();
        for template in &entry.resources {
            for filled in template.fill(call) {
                let mut resource = match (template.kind, &repo) {
                    (ResourceKind::File, Some(repo)) => path::in_repo(&filled, repo),
                    (ResourceKind::File, None) => path::resolve(&filled, call, &mut flags),
                    (kind, _) => Resource { repo: repo.clone(), ..Resource::new(kind, filled) },
                };
                resource.id = bounded(resource.id);
                resource.repo = resource.repo.map(bounded);
                if resources.len() < MAX_RESOURCES && !resources.contains(&resource) {
                    resources.push(resource);
                }
            }
        }
        if resources.is_empty() {
            let id = bounded(format!("mcp/{}/{}", call.server, call.tool));
            resources.push(Resource::new(ResourceKind::Api, id));
        }
        Captured {
            action_type: &entry.action,
            resources,
            impact: entry.impact,
            hinted_impact: call.hints.impact(),
            reversible: entry.reversible,
            flags,
            by_untrusted_hint: !entry.hints.is_empty() || entry.impact.is_none(),
            entry: (&entry.file, entry.line),
        }
    }
}

impl Entry {
    fn takes(&self, call: &Call<'_>) -> bool {
        let any = |patterns: &[Pattern], text| patterns.is_empty() || patterns.iter().any(|one| one.matches(text));
        any(&self.tool, call.tool)
            && any(&self.server, call.server)
            && self.hints.iter().all(|hint| call.hints.has(*hint))
    }

    /// What stands in when nothing matches, which the shipped catch-all makes impossible.
    fn last_resort() -> Self {
        Self {
            file: SHIPPED.into(),
            line: 1,
            server: Vec::new(),
            tool: Vec::new(),
            hints: Vec::new(),
            action: "tool_call".into(),
            resources: Vec::new(),
            repo: None,
            impact: None,
            reversible: None,
        }
    }
}
