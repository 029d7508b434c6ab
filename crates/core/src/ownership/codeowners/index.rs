//! Finds the last matching line of each section without trying them all.
//!
//! Two tries over path segments, one for lines anchored to the root, one for lines that hold at any depth.
//! A line without wildcards is a mark on a node; those of several sections at one mark form a chain. A line
//! with wildcards hangs on the node of its literal beginning, sorted by what its end fixes: a name, an
//! extension, or nothing. A lookup walks the path down the tries, takes for each section the highest rank
//! among the marks, and tries a wildcard line only if it would beat that.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::ownership::pattern::{Pattern, Segment};

/// So many wildcard lines may share one bucket: each is tried in turn.
const MAX_SHARED: usize = 2_000;

/// The rank of no line; lines rank from 1, a later one higher.
const NONE: u32 = 0;

/// Added to the rank of a line that excludes: within its section it beats every line, before and after it.
const EXCLUDES: u32 = 1 << 31;

/// The lines of one file by what their patterns fix.
#[derive(Debug)]
pub(super) struct Index {
    names: HashMap<Box<str>, u32>,
    nodes: Vec<Node>,
    /// By line.
    ranked: Vec<Ranked>,
    /// How many there are; a file without any has one.
    sections: usize,
}

const ANCHORED: u32 = 0;
const FLOATING: u32 = 1;

#[derive(Debug)]
struct Ranked {
    section: u32,
    /// The rank below it in the chain of its mark.
    below: u32,
}

#[derive(Debug, Default)]
struct Node {
    /// Sorted by name.
    children: Vec<(u32, u32)>,
    /// Owns the node itself.
    itself: u32,
    /// Owns the node and all below it.
    tree: u32,
    /// Owns all below the node.
    contents: u32,
    /// Owns what is directly below the node.
    direct: u32,
    wild: Option<Box<Buckets>>,
}

#[derive(Debug, Default)]
struct Buckets {
    by_name: HashMap<u32, Vec<Candidate>>,
    by_extension: HashMap<Box<str>, Vec<Candidate>>,
    loose: Vec<Candidate>,
}

#[derive(Debug)]
struct Candidate {
    rank: u32,
    section: u32,
    pattern: Pattern,
}

impl Default for Index {
    fn default() -> Self {
        Self { names: HashMap::new(), nodes: vec![Node::default(), Node::default()], ranked: Vec::new(), sections: 1 }
    }
}

impl Index {
    /// Adds a line that ranks above those of its `section` before it; one that `excludes`, above all of them.
    /// False when its bucket is full.
    pub(super) fn insert(&mut self, section: u32, excludes: bool, pattern: Pattern) -> bool {
        let line = u32::try_from(self.ranked.len()).unwrap_or(u32::MAX) + 1;
        let rank = if excludes { line | EXCLUDES } else { line };
        let (root, body) = match pattern.segments() {
            [Segment::Any, body @ ..] => (FLOATING, body),
            body => (ANCHORED, body),
        };
        let literals = body.iter().take_while(|segment| matches!(segment, Segment::Literal(_))).count();
        let (prefix, tail) = body.split_at(literals);
        let mut at = root;
        for segment in prefix {
            let Segment::Literal(name) = segment else { break };
            let name = self.intern(name);
            at = self.child(at, name);
        }
        let marked = match tail {
            [] => Some(Mark::Itself),
            [Segment::Any] => Some(Mark::Tree),
            [Segment::One] => Some(Mark::Direct),
            [Segment::One, Segment::Any] => Some(Mark::Contents),
            _ => None,
        };
        let key = self.key_of(tail);
        self.ranked.push(Ranked { section, below: NONE });
        if let Some(mark) = marked {
            let head = self.nodes.get(at as usize).map_or(NONE, |node| *node.mark(mark));
            let head = self.chained(head, rank);
            if let Some(node) = self.nodes.get_mut(at as usize) {
                *node.mark_mut(mark) = head;
            }
        } else if !self.nodes.get_mut(at as usize).is_some_and(|node| node.hang(key, rank, section, pattern)) {
            self.ranked.pop();
            return false;
        }
        self.sections = self.sections.max(section as usize + 1);
        true
    }

    /// To be called once after the last line: candidates are tried from the highest rank down.
    pub(super) fn finish(&mut self) {
        for buckets in self.nodes.iter_mut().filter_map(|node| node.wild.as_mut()) {
            let named = buckets.by_name.values_mut();
            for bucket in named.chain(buckets.by_extension.values_mut()).chain([&mut buckets.loose]) {
                bucket.sort_unstable_by_key(|candidate| Reverse(candidate.rank));
            }
        }
    }

    /// The lines that decide, counted from 0, at most one a section, in the sections' order.
    pub(super) fn deciding(&self, path: &[&str]) -> Vec<usize> {
        let names: Vec<Option<u32>> = path.iter().map(|name| self.names.get(*name).copied()).collect();
        let mut best = Best { ranked: &self.ranked, ranks: vec![NONE; self.sections] };
        let mut wild: Vec<&Buckets> = Vec::new();
        for (root, from) in std::iter::once((ANCHORED, 0)).chain((0..path.len()).map(|from| (FLOATING, from))) {
            let mut at = root;
            let mut left = path.len() - from;
            let mut rest = names.get(from..).unwrap_or_default().iter();
            while let Some(node) = self.nodes.get(at as usize) {
                best.offer(node.tree);
                if left == 0 {
                    best.offer(node.itself);
                } else {
                    best.offer(node.contents);
                }
                if left == 1 {
                    best.offer(node.direct);
                }
                // What floats from the top was seen when the walk began at the first segment.
                if let Some(buckets) = &node.wild
                    && (at != FLOATING || from == 0)
                {
                    wild.push(buckets);
                }
                let Some(Some(name)) = rest.next() else { break };
                let Ok(child) = node.children.binary_search_by_key(name, |(name, _)| *name) else { break };
                at = node.children.get(child).map_or(u32::MAX, |(_, node)| *node);
                left -= 1;
            }
        }
        for buckets in wild {
            buckets.offer(path, &names, &mut best);
        }
        best.ranks.iter().filter_map(|rank| line_of(*rank)).collect()
    }

    fn intern(&mut self, name: &str) -> u32 {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let new = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.insert(name.into(), new);
        new
    }

    fn child(&mut self, of: u32, name: u32) -> u32 {
        let new = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let Some(node) = self.nodes.get_mut(of as usize) else { return new };
        match node.children.binary_search_by_key(&name, |(name, _)| *name) {
            Ok(at) => node.children.get(at).map_or(new, |(_, child)| *child),
            Err(at) => {
                node.children.insert(at, (name, new));
                self.nodes.push(Node::default());
                new
            }
        }
    }

    /// The head of a mark's chain with `rank` in it, and without what it beats.
    fn chained(&mut self, head: u32, rank: u32) -> u32 {
        let of = |ranked: &[Ranked], rank: u32| {
            line_of(rank).and_then(|line| ranked.get(line)).map_or((0, NONE), |line| (line.section, line.below))
        };
        let (section, _) = of(&self.ranked, rank);
        let (mut above, mut at) = (NONE, head);
        while at != NONE {
            let (other, below) = of(&self.ranked, at);
            if other == section {
                if at > rank {
                    return head;
                }
                break;
            }
            (above, at) = (at, below);
        }
        // `at` is the one that is beaten, or none.
        let (_, rest) = of(&self.ranked, at);
        let head = if above == NONE { rest } else { head };
        for (rank, below) in [(above, rest), (rank, head)] {
            if let Some(line) = line_of(rank).and_then(|line| self.ranked.get_mut(line)) {
                line.below = below;
            }
        }
        rank
    }

    /// What a path must have to be matched by a pattern with this `tail`.
    fn key_of(&mut self, tail: &[Segment]) -> Key {
        let named = tail.iter().rev().find(|segment| !matches!(segment, Segment::One | Segment::Any));
        match named {
            Some(Segment::Literal(name)) => Key::Name(self.intern(name)),
            Some(segment) => segment.extension().map_or(Key::Nothing, |extension| Key::Extension(extension.into())),
            None => Key::Nothing,
        }
    }
}

/// The line of a rank, counted from 0.
fn line_of(rank: u32) -> Option<usize> {
    ((rank & !EXCLUDES) as usize).checked_sub(1)
}

#[derive(Debug, Clone, Copy)]
enum Mark {
    Itself,
    Tree,
    Contents,
    Direct,
}

enum Key {
    Name(u32),
    Extension(Box<str>),
    Nothing,
}

impl Node {
    fn mark(&self, mark: Mark) -> &u32 {
        match mark {
            Mark::Itself => &self.itself,
            Mark::Tree => &self.tree,
            Mark::Contents => &self.contents,
            Mark::Direct => &self.direct,
        }
    }

    fn mark_mut(&mut self, mark: Mark) -> &mut u32 {
        match mark {
            Mark::Itself => &mut self.itself,
            Mark::Tree => &mut self.tree,
            Mark::Contents => &mut self.contents,
            Mark::Direct => &mut self.direct,
        }
    }

    fn hang(&mut self, key: Key, rank: u32, section: u32, pattern: Pattern) -> bool {
        let buckets = self.wild.get_or_insert_default();
        let bucket = match key {
            Key::Name(name) => buckets.by_name.entry(name).or_default(),
            Key::Extension(extension) => buckets.by_extension.entry(extension).or_default(),
            Key::Nothing => &mut buckets.loose,
        };
        if bucket.len() == MAX_SHARED {
            return false;
        }
        bucket.push(Candidate { rank, section, pattern });
        true
    }
}

/// The highest rank found so far, by section.
struct Best<'i> {
    ranked: &'i [Ranked],
    ranks: Vec<u32>,
}

impl Best<'_> {
    /// Takes in the chain of a mark.
    fn offer(&mut self, mut rank: u32) {
        while let Some(line) = line_of(rank).and_then(|line| self.ranked.get(line)) {
            self.raise(line.section, rank);
            rank = line.below;
        }
    }

    fn raise(&mut self, section: u32, rank: u32) {
        if let Some(best) = self.ranks.get_mut(section as usize) {
            *best = rank.max(*best);
        }
    }

    fn is_beaten_by(&self, candidate: &Candidate) -> bool {
        self.ranks.get(candidate.section as usize).is_some_and(|best| candidate.rank > *best)
    }

    /// What ranks no higher cannot matter any more.
    fn floor(&self) -> u32 {
        if let [only] = self.ranks.as_slice() { *only } else { NONE }
    }
}

impl Buckets {
    fn offer(&self, path: &[&str], names: &[Option<u32>], best: &mut Best<'_>) {
        offer(&self.loose, path, best);
        if !self.by_name.is_empty() {
            for bucket in names.iter().flatten().filter_map(|name| self.by_name.get(name)) {
                offer(bucket, path, best);
            }
        }
        if !self.by_extension.is_empty() {
            for (_, extension) in path.iter().filter_map(|name| name.rsplit_once('.')) {
                if let Some(bucket) = self.by_extension.get(extension) {
                    offer(bucket, path, best);
                }
            }
        }
    }
}

fn offer(bucket: &[Candidate], path: &[&str], best: &mut Best<'_>) {
    for candidate in bucket {
        if candidate.rank <= best.floor() {
            break;
        }
        if best.is_beaten_by(candidate) && candidate.pattern.matches(path) {
            best.raise(candidate.section, candidate.rank);
        }
    }
}
