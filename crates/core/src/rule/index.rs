//! Finds the rules that could match without trying all of them.
//!
//! Each rule is filed once, under the key of its `match` whose literal values the fewest rules share: whole
//! values in one table, the literal fronts and backs of globs in two others, cut to a few lengths. A lookup asks each table
//! that is in use once for each value or length, so its price depends on the keys in use, not on the number of
//! rules. Rules without any literal are tried always; what is found is only a candidate and is evaluated.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use super::fact::{EventFacts, ResourceFacts};
use super::pattern::Literal;
use super::predicate::{Lookup, TextKey};
use super::{Predicate, Rule};

/// The lengths that literal fronts and backs of globs are cut to: at most so many lookups a value.
const LENGTHS: [usize; 10] = [32, 24, 16, 12, 8, 6, 4, 3, 2, 1];

/// Looked up, never iterated. Its keys are an administrator's, so no sender can choose ones that collide.
type Table = HashMap<Box<str>, Vec<u32>, BuildHasherDefault<Fold>>;

/// Hashes short keys by folding eight bytes at a time, without a seed.
#[derive(Default)]
struct Fold(u64);

impl Fold {
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.fold(word.try_into().map_or(0, u64::from_le_bytes));
        }
        let rest = words.remainder();
        let rest = rest.iter().fold(rest.len() as u64, |word, byte| (word << 8) | u64::from(*byte));
        self.fold(rest);
    }

    fn write_u8(&mut self, byte: u8) {
        self.fold(u64::from(byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

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
    front: Cut,
    back: Cut,
}

/// Rules by one end of a value.
#[derive(Debug, Clone, Default)]
struct Cut {
    table: Table,
    /// The lengths in use in `table`.
    lengths: Vec<usize>,
}

/// Which part of a value a rule is filed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Whole,
    Front,
    Back,
}

impl Index {
    pub(super) fn build(rules: &[Rule]) -> Self {
        let mut population: BTreeMap<(String, Box<str>, Part), usize> = BTreeMap::new();
        for (key, literals) in rules.iter().flat_map(|rule| &rule.matches).filter_map(Predicate::literals) {
            for (text, part) in literals.into_iter().map(filed) {
                *population.entry((format!("{key:?}"), text.into(), part)).or_default() += 1;
            }
        }
        let crowd = |predicate: &&Predicate| {
            predicate.literals().map_or(usize::MAX, |(key, literals)| {
                let key = format!("{key:?}");
                let shared = literals.into_iter().map(filed);
                shared.filter_map(|(text, part)| population.get(&(key.clone(), text.into(), part))).sum()
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
            self.drawers.push(Drawer { key, whole: Table::default(), front: Cut::default(), back: Cut::default() });
        }
        for drawer in self.drawers.iter_mut().filter(|drawer| drawer.key == key) {
            for (text, part) in literals.iter().copied().map(filed) {
                match part {
                    Part::Whole => put(&mut drawer.whole, text, number),
                    Part::Front => drawer.front.put(text, number),
                    Part::Back => drawer.back.put(text, number),
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
        for length in &self.front.lengths {
            if let Some(list) = text.get(..*length).and_then(|front| self.front.table.get(front)) {
                visit(list);
            }
        }
        for length in &self.back.lengths {
            let back = text.len().checked_sub(*length).and_then(|start| text.get(start..));
            if let Some(list) = back.and_then(|back| self.back.table.get(back)) {
                visit(list);
            }
        }
    }
}

impl Cut {
    fn put(&mut self, text: &str, number: u32) {
        put(&mut self.table, text, number);
        if !self.lengths.contains(&text.len()) {
            self.lengths.push(text.len());
        }
    }
}

fn put(table: &mut Table, text: &str, number: u32) {
    let rules = table.entry(text.into()).or_default();
    if rules.last() != Some(&number) {
        rules.push(number);
    }
}

/// What a literal is filed under.
fn filed(literal: Literal<'_>) -> (&str, Part) {
    // INVARIANT: fronts and backs are not empty, and a character has one to four bytes, all of them lengths.
    let mut lengths = LENGTHS.into_iter();
    match literal {
        Literal::Whole(text) => (text, Part::Whole),
        Literal::Prefix(text) => (lengths.find_map(|length| text.get(..length)).unwrap_or(text), Part::Front),
        Literal::Suffix(text) => {
            let cut = lengths.find_map(|length| text.get(text.len().checked_sub(length)?..));
            (cut.unwrap_or(text), Part::Back)
        }
    }
}
