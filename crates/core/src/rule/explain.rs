//! Why a rule was chosen, and why the ones before it were not: what `rules explain` shows.

use super::fact::{EventFacts, ResourceFacts};
use super::{Rule, RuleSet};

/// One rule that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'r> {
    /// The rule.
    pub rule: &'r Rule,
    /// How it went.
    pub outcome: Outcome<'r>,
}

/// How trying a rule went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<'r> {
    /// Everything it asks holds.
    Matched,
    /// Its sunset has passed.
    Expired,
    /// The first key that does not hold, what the rule wants of it, and what is the case.
    Missed {
        /// The key, such as `resource.tags`; `layer` when the whole layer is about other resources.
        key: &'r str,
        /// The values in the file.
        wanted: &'r str,
        /// The value in the facts, or `nothing`.
        found: String,
    },
}

impl RuleSet {
    /// Tries rules one by one, as [`RuleSet::route`] does by index: all up to the first match, then all critical
    /// points. When a layer above the tenant's decided and the tenant's first match is locked, so that it has a say
    /// too, the rules tried on the way to it follow.
    #[must_use]
    pub fn explain(&self, facts: &EventFacts<'_>, resource: Option<&ResourceFacts<'_>>) -> Vec<Step<'_>> {
        let mut steps = Vec::new();
        until_match(&self.rules, facts, resource, &mut steps);
        if self.has_locked && steps.len() <= self.tenant_from {
            let mut below = Vec::new();
            until_match(self.rules.get(self.tenant_from..).unwrap_or_default(), facts, resource, &mut below);
            if below.last().is_some_and(|floor| floor.outcome == Outcome::Matched && floor.rule.locked) {
                steps.append(&mut below);
            }
        }
        steps.extend(self.critical_points.iter().map(|rule| Step { rule, outcome: outcome(rule, facts, resource) }));
        steps
    }
}

fn until_match<'r>(
    rules: &'r [Rule],
    facts: &EventFacts<'_>,
    resource: Option<&ResourceFacts<'_>>,
    steps: &mut Vec<Step<'r>>,
) {
    for rule in rules {
        let outcome = outcome(rule, facts, resource);
        let matched = outcome == Outcome::Matched;
        steps.push(Step { rule, outcome });
        if matched {
            break;
        }
    }
}

fn outcome<'r>(rule: &'r Rule, facts: &EventFacts<'_>, resource: Option<&ResourceFacts<'_>>) -> Outcome<'r> {
    if rule.sunset.is_some_and(|sunset| facts.now >= sunset) {
        return Outcome::Expired;
    }
    match rule.matches.iter().find(|predicate| !predicate.holds(facts, resource)) {
        None => Outcome::Matched,
        Some(missed) => {
            Outcome::Missed { key: &missed.key, wanted: &missed.wanted, found: missed.found(facts, resource) }
        }
    }
}
