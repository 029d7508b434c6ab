//! The answer for one resource, and for all resources of one event.

use super::fact::{EventFacts, ResourceFacts};
use super::{Index, Rule, RuleSet, Target};
use crate::event::{Decision, Level};
use crate::time::Span;

/// How one resource of an action is routed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed<'r> {
    /// The decision.
    pub decision: Decision,
    /// The rule that decided: the first match, or what is stricter than it.
    pub rule: &'r Rule,
    /// Others that have a say: the first match when something stricter decided, a locked rule, critical points.
    pub others: Vec<&'r Rule>,
    /// How urgent it is: the highest of all of them.
    pub urgency: Level,
    /// How soon it is to be reviewed, when it is flagged: the soonest of those that flag it.
    pub review_within: Option<Span>,
    /// How long an answer is waited for, when the deciding rule says so.
    pub timeout: Option<Span>,
}

impl<'r> Routed<'r> {
    fn by(rule: &'r Rule, facts: &EventFacts<'_>) -> Self {
        Self {
            decision: rule.decision,
            rule,
            others: Vec::new(),
            urgency: rule.urgency_for(facts),
            review_within: (rule.decision == Decision::Flagged).then_some(rule.review_within),
            timeout: rule.timeout,
        }
    }

    /// Takes in a rule that can only make the answer stricter.
    fn raise(&mut self, by: &'r Rule, facts: &EventFacts<'_>) {
        self.urgency = self.urgency.max(by.urgency_for(facts));
        if by.decision > self.decision {
            self.others.push(std::mem::replace(&mut self.rule, by));
            (self.decision, self.timeout) = (by.decision, by.timeout);
        } else {
            self.others.push(by);
        }
        let review = (by.decision == Decision::Flagged).then_some(by.review_within);
        self.review_within = self.review_within.into_iter().chain(review).min();
    }

    /// The rules that have a say, the deciding one first.
    pub fn rules(&self) -> impl Iterator<Item = &'r Rule> + '_ {
        std::iter::once(self.rule).chain(self.others.iter().copied())
    }

    /// Whom it tells, with the rule that says so; a target may come twice, with different rules.
    pub fn notify(&self) -> impl Iterator<Item = (&'r Target, &'r Rule)> + '_ {
        self.rules().flat_map(|rule| rule.notify.iter().map(move |target| (target, rule)))
    }
}

impl RuleSet {
    /// Routes one resource of an action, or an action without resources, which `resource.*` keys do not match.
    ///
    /// Always finds something.
    #[must_use]
    pub fn route(&self, facts: &EventFacts<'_>, resource: Option<&ResourceFacts<'_>>) -> Routed<'_> {
        let first = |from| self.first_from(from, facts, resource);
        let (at, rule) = first(0).unwrap_or((self.rules.len(), &self.last_resort));
        let mut routed = Routed::by(rule, facts);
        if self.has_locked
            && at < self.tenant_from
            && let Some((_, floor)) = first(self.tenant_from)
            && floor.locked
        {
            routed.raise(floor, facts);
        }
        let holds = |number| find(&self.critical_points, number).is_some_and(|point| point.holds(facts, resource));
        for number in self.critical_index.all(facts, resource, holds) {
            if let Some(point) = find(&self.critical_points, number) {
                routed.raise(point, facts);
            }
        }
        routed
    }

    fn first_from(
        &self,
        from: usize,
        facts: &EventFacts<'_>,
        resource: Option<&ResourceFacts<'_>>,
    ) -> Option<(usize, &Rule)> {
        let holds = |number| find(&self.rules, number).is_some_and(|rule| rule.holds(facts, resource));
        let number = Index::first(&self.index, u32::try_from(from).ok()?, facts, resource, holds)?;
        Some((usize::try_from(number).ok()?, find(&self.rules, number)?))
    }
}

fn find(rules: &[Rule], number: u32) -> Option<&Rule> {
    rules.get(usize::try_from(number).ok()?)
}

/// How one event is routed: its resources together (RTE-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combined<'r> {
    /// The strictest decision.
    pub decision: Decision,
    /// Which of the resources decided, the first of the strictest.
    pub decided_by: usize,
    /// Its deciding rule.
    pub rule: &'r Rule,
    /// All rules that have a say, each once, the deciding one first. Where somebody is told, those that would
    /// only have recorded it have none.
    pub rules: Vec<&'r Rule>,
    /// The highest urgency.
    pub urgency: Level,
    /// The soonest review, when a resource is flagged.
    pub review_within: Option<Span>,
    /// The deciding rule's.
    pub timeout: Option<Span>,
    /// Everybody any of them tells, each target once, in the order they are first named.
    pub notify: Vec<Notice<'r>>,
}

/// One target, and all that name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice<'r> {
    /// Whom to tell; `resource.*` stand for somebody else with each resource.
    pub target: &'r Target,
    /// For which resource, by its place in what was combined, and by which rule.
    pub because: Vec<(usize, &'r Rule)>,
}

/// Puts the answers for the resources of one event together: the strictest decision, and the union of their
/// notices with all reasons. Nothing when there is nothing to put together.
#[must_use]
pub fn strictest<'r>(routed: &[Routed<'r>]) -> Option<Combined<'r>> {
    let decision = routed.iter().map(|one| one.decision).max()?;
    let (decided_by, deciding) = routed.iter().enumerate().find(|(_, one)| one.decision == decision)?;
    let mut rules = vec![deciding.rule];
    let mut notify: Vec<Notice<'r>> = Vec::new();
    for (place, one) in routed.iter().enumerate() {
        for rule in one.rules() {
            let has_a_say = decision == Decision::Auto || rule.decision != Decision::Auto;
            if has_a_say && !rules.iter().any(|known| std::ptr::eq(*known, rule)) {
                rules.push(rule);
            }
        }
        for (target, rule) in one.notify() {
            match notify.iter_mut().find(|notice| notice.target == target) {
                Some(notice) => notice.because.push((place, rule)),
                None => notify.push(Notice { target, because: vec![(place, rule)] }),
            }
        }
    }
    Some(Combined {
        decision,
        decided_by,
        rule: deciding.rule,
        rules,
        urgency: routed.iter().map(|one| one.urgency).max()?,
        review_within: routed.iter().filter_map(|one| one.review_within).min(),
        timeout: deciding.timeout,
        notify,
    })
}
