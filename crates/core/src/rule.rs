//! Routing rules: which actions are told to whom, how soon, and why.
//!
//! Rules are YAML files in layers. [`RuleSet::load`] reads all of them over the shipped defaults and compiles
//! an index; [`RuleSet::route`] finds, for one resource, the most specific layer with a match (resource, team,
//! tenant, shipped) and the first match within it; [`strictest`] puts the resources of one event together.
//! Everything is decided by the facts that are passed in: the same set and the same facts give the same answer.
//!
//! Two things can make that answer stricter, never laxer: a tenant's `locked: true` rule, when a layer above it
//! decided, and critical points, which raise the urgency to critical and say so. A file with a mistake gives
//! located [`Problem`](crate::diagnostic::Problem)s, and the caller keeps the set it has.

mod explain;
pub mod fact;
mod form;
mod index;
mod key;
mod load;
pub mod pattern;
mod predicate;
mod route;
mod sensitivity;
mod target;
pub(crate) mod value;

use std::fmt;
use std::sync::Arc;

pub use explain::{Outcome, Step};
pub use fact::{EventFacts, ResourceFacts, Trust};
pub(crate) use form::FileForm;
use index::Index;
pub use key::KEYS;
pub use predicate::Predicate;
pub use route::{Combined, Notice, Routed, strictest};
pub use sensitivity::sensitivity;
pub use target::Target;

use crate::event::{Decision, Level};
use crate::time::{HOUR, Millis, Span};

/// How long a flagged action waits for its review when the rule does not say.
pub const REVIEW_WITHIN: Span = HOUR.times(24);

/// One rules file; it says itself which layer it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct RuleFile<'a> {
    /// Its name, as problems show it.
    pub file: &'a str,
    /// Its YAML.
    pub text: &'a str,
}

/// Whose rules they are. `layer:` at the top of a file says it; without it they are the tenant's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Layer {
    /// `resource:TYPE:PATTERN`: for the resources of that type whose id matches. Files that name the same
    /// resource form one layer, in the order they were given.
    Resource(Arc<str>),
    /// `team:@x`: for the resources that team owns.
    Team(Arc<str>),
    /// `tenant`.
    Tenant,
    /// What every tenant begins with.
    Shipped,
}

impl Layer {
    /// 0 for the most specific.
    fn rank(&self) -> u8 {
        match self {
            Self::Resource(_) => 0,
            Self::Team(_) => 1,
            Self::Tenant => 2,
            Self::Shipped => 3,
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource(of) => write!(f, "resource:{of}"),
            Self::Team(of) => write!(f, "team:{of}"),
            Self::Tenant => f.write_str("tenant"),
            Self::Shipped => f.write_str("shipped"),
        }
    }
}

/// One rule, as it applies: what it inherits is already in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Unique in its set, critical points included.
    pub name: Arc<str>,
    /// Whose rule it is.
    pub layer: Layer,
    /// The file it stands in.
    pub file: Arc<str>,
    /// The 1-based line it begins at.
    pub line: usize,
    /// Whether it is a critical point: it raises what the rules decided.
    pub critical_point: bool,
    /// How the action is routed.
    pub decision: Decision,
    /// How urgent it is; without it, [`Rule::urgency_for`] says.
    pub urgency: Option<Level>,
    /// Whom it tells; none when the decision is auto.
    pub notify: Vec<Target>,
    /// Why, in the rule author's words.
    pub reason: Option<Arc<str>>,
    /// What the told person might do.
    pub suggest: Arc<[String]>,
    /// How long an answer is waited for, when the rule says so.
    pub timeout: Option<Span>,
    /// How soon a flagged action is to be reviewed.
    pub review_within: Span,
    /// From this moment on it no longer matches.
    pub sunset: Option<Millis>,
    /// Where it came from, such as `postmortem:234`.
    pub source: Option<String>,
    /// Whether layers above may only be stricter.
    pub locked: bool,
    /// What has to hold, cheapest first: the layer's own condition and the keys of `match`.
    pub matches: Vec<Predicate>,
}

impl Rule {
    /// Whether it applies.
    #[must_use]
    pub fn holds(&self, facts: &EventFacts<'_>, resource: Option<&ResourceFacts<'_>>) -> bool {
        self.sunset.is_none_or(|sunset| facts.now < sunset)
            && self.matches.iter().all(|predicate| predicate.holds(facts, resource))
    }

    /// Its urgency: what it says, else high for flagged actions and high impact, medium for other monitored
    /// ones, low for auto.
    #[must_use]
    pub fn urgency_for(&self, facts: &EventFacts<'_>) -> Level {
        self.urgency.unwrap_or(match self.decision {
            Decision::Auto => Level::Low,
            Decision::Monitored if facts.estimated_impact != Some(crate::event::Impact::High) => Level::Medium,
            Decision::Monitored | Decision::Flagged | Decision::Gated => Level::High,
        })
    }

    /// What stands in when nothing matches, which the shipped catch-all makes impossible.
    fn last_resort() -> Self {
        Self {
            name: "everything else".into(),
            layer: Layer::Shipped,
            file: load::SHIPPED.into(),
            line: 1,
            critical_point: false,
            decision: Decision::Monitored,
            urgency: None,
            notify: vec![Target::ResourceOwners],
            reason: None,
            suggest: Arc::default(),
            timeout: None,
            review_within: REVIEW_WITHIN,
            sunset: None,
            source: None,
            locked: false,
            matches: Vec::new(),
        }
    }
}

/// The rules of one tenant over the shipped defaults: compiled, immutable.
#[derive(Debug, Clone)]
pub struct RuleSet {
    /// The most specific layer first, each in the order of its files.
    rules: Vec<Rule>,
    index: Index,
    critical_points: Vec<Rule>,
    critical_index: Index,
    /// Where the tenant's own layer begins in `rules`.
    tenant_from: usize,
    /// Whether a rule of the tenant's layer is locked.
    has_locked: bool,
    last_resort: Rule,
}

impl RuleSet {
    /// Indexes rules that are already in order.
    fn compile(rules: Vec<Rule>, critical_points: Vec<Rule>) -> Self {
        Self {
            index: Index::build(&rules),
            critical_index: Index::build(&critical_points),
            tenant_from: rules.iter().take_while(|rule| rule.layer.rank() < Layer::Tenant.rank()).count(),
            has_locked: rules.iter().any(|rule| rule.locked),
            last_resort: Rule::last_resort(),
            rules,
            critical_points,
        }
    }

    /// The rules in the order they are tried: the most specific layer first.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The critical points, all of which are tried.
    #[must_use]
    pub fn critical_points(&self) -> &[Rule] {
        &self.critical_points
    }
}
