//! `extends`: a rule begins with what another says, and says only what differs.
//!
//! Inherited are the keys of `match` that the rule does not state itself, and every other key it leaves out,
//! except what belongs to one rule alone: name, layer, `locked`, `sunset`, `source`.

use std::collections::BTreeMap;

use super::draft::Draft;
use crate::diagnostic::Problem;
use crate::rule::key::Source;

/// A chain longer than this is not one a person follows.
const MAX_CHAIN: usize = 16;

pub(super) fn resolve(sources: &[Source<'_>], drafts: &mut [Draft], problems: &mut Vec<Problem>) {
    // The tenant's own rule of a name comes before the shipped one, which a rule of that name itself extends.
    let mut by_name: BTreeMap<String, [Option<usize>; 2]> = BTreeMap::new();
    for (number, draft) in drafts.iter().enumerate().filter(|(_, draft)| !draft.critical_point) {
        let [own, shipped] = by_name.entry(draft.name.clone()).or_default();
        let place = if draft.is_shipped() { shipped } else { own };
        *place = place.or(Some(number));
    }
    let parent: Vec<Option<usize>> = drafts
        .iter()
        .enumerate()
        .map(|(this, draft)| {
            let (name, at) = draft.extends.as_ref()?;
            if let Some(places) = by_name.get(name) {
                let other = places.iter().flatten().find(|number| **number != this);
                return Some(*other.unwrap_or(&this));
            }
            if let Some(source) = sources.get(draft.file) {
                let problem = source.error(at.clone(), format!("there is no rule `{name}` to extend"));
                problems.push(problem.with_nearest(name, by_name.keys().map(String::as_str)));
            }
            None
        })
        .collect();
    let parent_of = |number: usize| parent.get(number).copied().flatten();

    // Parents first, so that each rule takes from one that is already whole.
    let mut order: Vec<(usize, usize)> = Vec::new();
    for number in 0..drafts.len() {
        let mut depth = 0;
        let mut above = parent_of(number);
        while let Some(next) = above {
            depth += 1;
            if next == number || depth > MAX_CHAIN {
                circle(sources, drafts, number, next == number, problems);
                break;
            }
            above = parent_of(next);
        }
        if above.is_none() {
            order.push((depth, number));
        }
    }
    order.sort_unstable();
    for (depth, number) in order {
        if depth == 0 && drafts.get(number).is_some_and(|draft| draft.extends.is_some()) {
            // What it extends is missing, which has been said.
            if let Some(draft) = drafts.get_mut(number) {
                draft.broken = true;
            }
        }
        if let Some(base) = parent_of(number) {
            inherit(drafts, number, base);
        }
    }
}

fn circle(sources: &[Source<'_>], drafts: &mut [Draft], number: usize, itself: bool, problems: &mut Vec<Problem>) {
    let Some(draft) = drafts.get_mut(number) else { return };
    draft.broken = true;
    if let (Some((name, at)), Some(source)) = (&draft.extends, sources.get(draft.file)) {
        let message = match itself {
            true if *name == draft.name => format!("`{name}` extends itself"),
            true => format!("`{}` extends itself by way of `{name}`", draft.name),
            false => format!("`{}` extends a circle, or more than {MAX_CHAIN} rules in a row", draft.name),
        };
        problems.push(source.error(at.clone(), message));
    }
}

fn inherit(drafts: &mut [Draft], number: usize, base: usize) {
    let Some(from) = drafts.get(base) else { return };
    let matches = from.matches.clone();
    let (decision, notify, suggest) = (from.decision, from.notify.clone(), from.suggest.clone());
    let (timeout, urgency, review_within) = (from.timeout, from.urgency, from.review_within);
    let (reason, broken) = (from.reason.clone(), from.broken);
    let Some(draft) = drafts.get_mut(number) else { return };
    for predicate in matches {
        if draft.matches.iter().all(|own| own.key != predicate.key) {
            draft.matches.push(predicate);
        }
    }
    draft.decision = draft.decision.or(decision);
    draft.notify = draft.notify.take().or(notify);
    draft.suggest = draft.suggest.take().or(suggest);
    draft.reason = draft.reason.take().or(reason);
    draft.timeout = draft.timeout.or(timeout);
    draft.urgency = draft.urgency.or(urgency);
    draft.review_within = draft.review_within.or(review_within);
    draft.broken |= broken;
}
