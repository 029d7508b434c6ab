//! From files to a [`RuleSet`]: words understood, inheritance resolved, layers put in order.

mod draft;
mod inherit;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use draft::Draft;

use super::fact::bare;
use super::form::{FileForm, RuleForm};
use super::key::Source;
use super::pattern::{Over, Pattern};
use super::predicate::{Choice, Predicate, Test, TextKey, WordKey};
use super::{Layer, REVIEW_WITHIN, Rule, RuleFile, RuleSet, Target};
use crate::diagnostic::{Problem, Severity};
use crate::event::{Decision, Level, ResourceKind};
use crate::yaml::{self, Spanned, span_of};

/// The file name that the shipped defaults go by.
pub(super) const SHIPPED: &str = "shipped/rules.yaml";
const SHIPPED_TEXT: &str = include_str!("../defaults/rules.yaml");

impl RuleSet {
    /// Reads rules files over the shipped defaults.
    ///
    /// What is wrong comes back as problems. When one of them is an error the set lacks what could not be read:
    /// the caller keeps the one it has.
    #[must_use]
    pub fn load(files: &[RuleFile<'_>]) -> (Self, Vec<Problem>) {
        let shipped = RuleFile { file: SHIPPED, text: SHIPPED_TEXT };
        let sources: Vec<Source<'_>> =
            std::iter::once(&shipped).chain(files).map(|file| Source { file: file.file, text: file.text }).collect();
        let mut problems = Vec::new();
        let mut drafts = Vec::new();
        let mut disabled = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            match parse(source) {
                Ok(form) => {
                    let layer = if number == 0 { Some(Home::shipped()) } else { home(source, &form, &mut problems) };
                    let Some(home) = layer else { continue };
                    disabled.extend(form.disable.iter().map(|name| (number, name.value.clone(), span_of(name))));
                    drafts.extend(draft::read(number, source, &home, form, &mut problems));
                }
                Err(mistakes) => problems.extend(mistakes),
            }
        }
        unique(&sources, &drafts, &mut problems);
        disable(&sources, &mut drafts, disabled, &mut problems);
        inherit::resolve(&sources, &mut drafts, &mut problems);

        let mut rules: Vec<Rule> = Vec::new();
        for draft in drafts {
            if let Some(source) = sources.get(draft.file) {
                rules.extend(draft.finish(source, &mut problems));
            }
        }
        rules.sort_by_key(|rule| rule.layer.rank());
        let (critical_points, rules) = rules.into_iter().partition(|rule| rule.critical_point);
        problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
        (Self::compile(rules, critical_points), problems)
    }
}

/// A file that is a list holds rules; any other is a mapping.
fn parse(source: &Source<'_>) -> Result<FileForm, Vec<Problem>> {
    let mut lines = source.text.lines().map(str::trim_start);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#') && *line != "---");
    if first.is_some_and(|line| line == "-" || line.starts_with("- ")) {
        let rules = yaml::parse::<Vec<RuleForm>>(source.file, source.text)?;
        return Ok(FileForm { rules, ..FileForm::default() });
    }
    yaml::parse(source.file, source.text)
}

/// Whose a file's rules are, and what that asks of the resource.
struct Home {
    layer: Layer,
    guard: Vec<Predicate>,
    /// The kind that a resource's layer is about.
    kind: Option<ResourceKind>,
}

impl Home {
    fn shipped() -> Self {
        Self { layer: Layer::Shipped, guard: Vec::new(), kind: None }
    }
}

fn home(source: &Source<'_>, form: &FileForm, problems: &mut Vec<Problem>) -> Option<Home> {
    let tenant = Home { layer: Layer::Tenant, ..Home::shipped() };
    let Some(said) = &form.layer else { return Some(tenant) };
    let at = span_of(said);
    let guard = |key, choice| Predicate {
        key: "layer".into(),
        wanted: said.value.as_str().into(),
        test: Test::Text(key, choice),
        at: at.clone(),
    };
    let exactly = |text: &str, over| Pattern::compile(text, over).map(|any| Choice { any: vec![any], none: vec![] });
    let read = match said.value.split_once(':') {
        None if said.value == "tenant" => return Some(tenant),
        Some(("team", team)) if !bare(team).is_empty() => exactly(bare(team), Over::Name).map(|choice| Home {
            layer: Layer::Team(format!("@{}", bare(team)).into()),
            guard: vec![guard(TextKey::ResourceTeam, choice)],
            kind: None,
        }),
        Some(("resource", address)) => match address.split_once(':') {
            Some((word, id)) if !id.is_empty() => {
                let Some(kind) = ResourceKind::from_word(word) else {
                    let problem = source.error(at, format!("`{word}` is not a type of resource"));
                    problems.push(problem.with_nearest(word, ResourceKind::WORDS.iter().copied()));
                    return None;
                };
                exactly(id, Over::Path).map(|choice| {
                    let mut kind_guard = guard(TextKey::ResourceId, Choice::default());
                    kind_guard.test = Test::Word(WordKey::ResourceType, 1 << (kind as u8));
                    Home {
                        layer: Layer::Resource(address.into()),
                        guard: vec![kind_guard, guard(TextKey::ResourceId, choice)],
                        kind: Some(kind),
                    }
                })
            }
            _ => Err(format!("`{}` names no resource", said.value)),
        },
        _ => Err(format!("`{}` is not a layer", said.value)),
    };
    match read {
        Ok(home) => Some(home),
        Err(message) => {
            let help = "`tenant`, `team:@payments-team` or `resource:service:payments-*`";
            problems.push(source.error(at, message).with_help(help));
            None
        }
    }
}

/// Reports names that stand twice in a tenant's files, with both places. A name that only the shipped file has
/// too is the tenant's to take: a later release may ship any name.
fn unique(sources: &[Source<'_>], drafts: &[Draft], problems: &mut Vec<Problem>) {
    let mut first: BTreeMap<(bool, &str), &Draft> = BTreeMap::new();
    for draft in drafts {
        let Some(source) = sources.get(draft.file) else { continue };
        let Some(other) = first.get(&(draft.is_shipped(), draft.name.as_str())) else {
            first.insert((draft.is_shipped(), &draft.name), draft);
            continue;
        };
        let problem = source.error(draft.name_at.clone(), format!("the name `{}` stands twice", draft.name));
        problems.push(match sources.get(other.file) {
            Some(place) => problem.with_help(format!("the first is at {}:{}", place.file, other.line)),
            None => problem,
        });
    }
}

/// Takes out the shipped critical points that the tenant turned off.
fn disable(
    sources: &[Source<'_>],
    drafts: &mut Vec<Draft>,
    disabled: Vec<(usize, String, Range<usize>)>,
    problems: &mut Vec<Problem>,
) {
    let shipped: Vec<String> = drafts
        .iter()
        .filter(|draft| draft.critical_point && draft.layer == Layer::Shipped)
        .map(|draft| draft.name.clone())
        .collect();
    for (file, name, at) in disabled {
        let Some(source) = sources.get(file) else { continue };
        if !shipped.contains(&name) {
            let problem = source.error(at, format!("`{name}` is not a shipped critical point"));
            let near = problem.with_nearest(&name, shipped.iter().map(String::as_str));
            problems.push(match near.help {
                Some(_) => near,
                None => near.with_help(format!("one of `{}`", shipped.join("`, `"))),
            });
        }
        drafts.retain(|draft| draft.layer != Layer::Shipped || !draft.critical_point || draft.name != name);
    }
}

impl Draft {
    /// The rule it stands for; none when it lacks what every rule needs.
    fn finish(self, source: &Source<'_>, problems: &mut Vec<Problem>) -> Option<Rule> {
        let Some(decision) = self.decision else {
            if !self.broken {
                let message = format!("the rule `{}` has no decision", self.name);
                let help = "`auto_execute`, `monitored_execute` or `flagged_execute`";
                problems.push(source.error(self.name_at, message).with_help(help));
            }
            return None;
        };
        if let Some(kind) = self.kind
            && let Some(other) = self.matches.iter().find(|predicate| {
                matches!(predicate.test, Test::Word(WordKey::ResourceType, mask)
                    if mask & (1 << (kind as u8)) == 0)
            })
        {
            let message = format!("this rule never applies: its layer is about a {kind}");
            problems.push(source.error(other.at.clone(), message));
        }
        let told = self.notify.is_some();
        let notify = match (decision, self.notify) {
            (Decision::Auto, _) => Vec::new(),
            (_, Some(targets)) => targets,
            (_, None) => vec![Target::ResourceOwners],
        };
        if decision == Decision::Auto && told && self.states_notify {
            let problem = source.error(self.name_at.clone(), "`auto_execute` tells nobody, so `notify` has no effect");
            problems.push(problem.warning().with_help("use `monitored_execute` to tell somebody"));
        }
        if decision != Decision::Auto && notify.is_empty() && !self.broken {
            let problem = source.error(self.name_at.clone(), format!("the rule `{}` tells nobody", self.name));
            problems.push(problem.with_help("leave `notify` out to tell the owners, or use `auto_execute`"));
        }
        let mut matches = self.guard;
        matches.extend(self.matches);
        matches.sort_by_key(Predicate::cost);
        Some(Rule {
            name: self.name.into(),
            layer: self.layer,
            file: source.file.into(),
            line: self.line,
            critical_point: self.critical_point,
            decision,
            urgency: if self.critical_point { Some(Level::Critical) } else { self.urgency },
            notify,
            reason: self.reason.map(Arc::from),
            suggest: self.suggest.unwrap_or_default().into(),
            timeout: self.timeout,
            review_within: self.review_within.unwrap_or(REVIEW_WITHIN),
            sunset: self.sunset,
            source: self.source,
            locked: self.locked,
            matches,
        })
    }
}

/// Whether any problem refuses the files.
pub(super) fn has_error(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}

/// One word out of a set, with the nearest in the problem.
fn word<T>(
    source: &Source<'_>,
    what: &str,
    said: &Spanned<String>,
    words: &[&'static str],
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, Problem> {
    read(&said.value).ok_or_else(|| {
        let problem = source.error(span_of(said), format!("`{}` is not {what}", said.value));
        let near = problem.with_nearest(&said.value, words.iter().copied());
        match near.help {
            Some(_) => near,
            None => near.with_help(format!("one of `{}`", words.join("`, `"))),
        }
    })
}
