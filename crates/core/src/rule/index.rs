//! Finds the rules that could match without trying all of them.
//!
//! Each rule is filed once, under the key of its `match` whose literal values the fewest rules share: whole
//! values in one table, the literal fronts of globs in another, cut to a few lengths. A lookup asks each table
//! that is in use once for each value or length, so its price depends on the keys in use, not on the number of
//! rules. Rules without any literal are tried always; what is found is only a candidate and is evaluated.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};

use super::fact::{EventFacts, ResourceFacts};
use super::pattern::Literal;
use super::predicate::{Lookup, TextKey};
use super::{Predicate, Rule};

/// The lengths that literal fronts of globs are cut to: at most so many lookups a value.
const LENGTHS: [usize; 10] = [32, 24, 16, 12, 8, 6, 4, 3, 2, 1];

/// Looked up, never iterated, and without a random seed.
type Table = HashMap<Box<str>, Vec<u32>, BuildHasherDefault<DefaultHasher>>;

/// Candidate rules by the facts.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    drawers: Vec<Drawer>,
    always: Vec<u32>,
}

/// The rules filed under one key.
#[derive(Debug, Clone)]
struct Drawer {
    key: Lookup,
    whole: Table,
    front: Table,
    /// The lengths in use in `front`.
    lengths: Vec<usize>,
}

impl Index {
    pub(super) fn build(rules: &[Rule]) -> Self {
        let mut population: BTreeMap<(String, Box<str>, bool), usize> = BTreeMap::new();
        for (key, literals) in rules.iter().flat_map(|rule| &rule.matches).filter_map(Predicate::literals) {
            for (text, whole) in literals.into_iter().map(filed) {
                *population.entry((format!("{key:?}"), text.into(), whole)).or_default() += 1;
            }
        }
        let crowd = |predicate: &&Predicate| {
            predicate.literals().map_or(usize::MAX, |(key, literals)| {
                let key = format!("{key:?}");
                let shared = literals.into_iter().map(filed);
                shared.filter_map(|(text, whole)| population.get(&(key.clone(), text.into(), whole))).sum()
            })
        };
        let mut index = Self::default();
        for (number, rule) in (0_u32..).zip(rules) {
            match rule.matches.iter().min_by_key(crowd).and_then(Predicate::literals) {
                Some((key, literals)) => index.file(key, literals, number),
                None => index.always.push(number),
            }
        }
        index
    }

    fn file(&mut self, key: Lookup, literals: Vec<Literal<'_>>, number: u32) {
        if !self.drawers.iter().any(|drawer| drawer.key == key) {
            let (whole, front) = (Table::default(), Table::default());
            self.drawers.push(Drawer { key, whole, front, lengths: Vec::new() });
        }
        for drawer in self.drawers.iter_mut().filter(|drawer| drawer.key == key) {
            for (text, whole) in literals.iter().copied().map(filed) {
                let table = if whole { &mut drawer.whole } else { &mut drawer.front };
                let rules = table.entry(text.into()).or_default();
                if rules.last() != Some(&number) {
                    rules.push(number);
                }
                if !whole && !drawer.lengths.contains(&text.len()) {
                    drawer.lengths.push(text.len());
                }
            }
        }
    }

    /// Hands each list of candidates to `visit`, numbers rising within a list; lists may overlap.
    fn lists<'i>(
        &'i self,
        facts: &EventFacts<'_>,
        resource: Option<&ResourceFacts<'_>>,
        mut visit: impl FnMut(&'i [u32]),
    ) {
        for drawer in &self.drawers {
            match drawer.key {
                Lookup::Word(key) => {
                    if let Some((_, word)) = key.read(facts, resource) {
                        drawer.value(word, &mut visit);
                    }
                }
                Lookup::Text(TextKey::ResourceTags) => {
                    for tag in resource.iter().flat_map(|resource| resource.tags) {
                        drawer.value(tag, &mut visit);
                    }
                }
                Lookup::Text(TextKey::Flags) => {
                    for flag in facts.flags.iter().flat_map(|flags| flags.iter()) {
                        drawer.value(flag.as_str(), &mut visit);
                    }
                }
                Lookup::Text(key) => {
                    if let Some(text) = key.read(facts, resource) {
                        drawer.value(text, &mut visit);
                    }
                }
            }
        }
        visit(&self.always);
    }

    /// The number of the first rule from `from` on that holds.
    pub(super) fn first(
        &self,
        from: u32,
        facts: &EventFacts<'_>,
        resource: Option<&ResourceFacts<'_>>,
        holds: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let mut best: Option<u32> = None;
        self.lists(facts, resource, |list| {
            let list = list.get(list.partition_point(|number| *number < from)..).unwrap_or_default();
            let better = list.iter().take_while(|number| best.is_none_or(|best| **number < best));
            if let Some(number) = better.copied().find(|number| holds(*number)) {
                best = Some(number);
            }
        });
        best
    }

    /// The numbers of all rules that hold, rising.
    pub(super) fn all(
        &self,
        facts: &EventFacts<'_>,
        resource: Option<&ResourceFacts<'_>>,
        holds: impl Fn(u32) -> bool,
    ) -> Vec<u32> {
        let mut found = Vec::new();
        self.lists(facts, resource, |list| found.extend(list.iter().copied().filter(|number| holds(*number))));
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Drawer {
    fn value<'i>(&'i self, text: &str, visit: &mut impl FnMut(&'i [u32])) {
        if !self.whole.is_empty()
            && let Some(list) = self.whole.get(text)
        {
            visit(list);
        }
        for length in &self.lengths {
            if let Some(list) = text.get(..*length).and_then(|front| self.front.get(front)) {
                visit(list);
            }
        }
    }
}

/// What a literal is filed under, and whether that is the whole value.
fn filed(literal: Literal<'_>) -> (&str, bool) {
    match literal {
        Literal::Whole(text) => (text, true),
        Literal::Prefix(front) => {
            // INVARIANT: fronts are not empty, and a first character has one to four bytes, all of them lengths.
            let cut = LENGTHS.into_iter().find_map(|length| front.get(..length));
            (cut.unwrap_or(front), false)
        }
    }
}
