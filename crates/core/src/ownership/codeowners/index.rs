//! Finds the last matching line without trying them all.
//!
//! Two tries over path segments, one for lines anchored to the root, one for lines that hold at any depth.
//! A line without wildcards is a mark on a node. A line with wildcards hangs on the node of its literal
//! beginning, sorted by what its end fixes: a name, an extension, or nothing. A lookup walks the path down
//! the tries, takes the highest rank among the marks, and tries a wildcard line only if it would beat that.

use std::collections::HashMap;

use crate::ownership::pattern::{Pattern, Segment};

/// So many wildcard lines may share one bucket: each is tried in turn.
const MAX_SHARED: usize = 2_000;

/// The rank of no line; lines rank from 1, a later one higher.
const NONE: u32 = 0;

/// The lines of one file by what their patterns fix.
#[derive(Debug)]
pub(super) struct Index {
    names: HashMap<Box<str>, u32>,
    nodes: Vec<Node>,
}

const ANCHORED: u32 = 0;
const FLOATING: u32 = 1;

#[derive(Debug, Default)]
struct Node {
    /// Sorted by name.
    children: Vec<(u32, u32)>,
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
    pattern: Pattern,
}

impl Default for Index {
    fn default() -> Self {
        Self { names: HashMap::new(), nodes: vec![Node::default(), Node::default()] }
    }
}

impl Index {
    /// Adds a line that ranks above all before it. False when its bucket is full.
    pub(super) fn insert(&mut self, rank: u32, pattern: Pattern) -> bool {
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
        let key = match tail {
            [Segment::Any] | [Segment::One] | [Segment::One, Segment::Any] => None,
            _ => Some(self.key_of(tail)),
        };
        let Some(node) = self.nodes.get_mut(at as usize) else { return false };
        match (tail, key) {
            ([Segment::Any], _) => node.tree = rank,
            ([Segment::One], _) => node.direct = rank,
            (_, None) => node.contents = rank,
            (_, Some(key)) => {
                let buckets = node.wild.get_or_insert_default();
                let bucket = match key {
                    Key::Name(name) => buckets.by_name.entry(name).or_default(),
                    Key::Extension(extension) => buckets.by_extension.entry(extension).or_default(),
                    Key::Nothing => &mut buckets.loose,
                };
                if bucket.len() == MAX_SHARED {
                    return false;
                }
                bucket.push(Candidate { rank, pattern });
            }
        }
        true
    }

    /// To be called once after the last line: candidates are tried from the last line up.
    pub(super) fn finish(&mut self) {
        for buckets in self.nodes.iter_mut().filter_map(|node| node.wild.as_mut()) {
            let named = buckets.by_name.values_mut();
            for bucket in named.chain(buckets.by_extension.values_mut()).chain([&mut buckets.loose]) {
                bucket.reverse();
            }
        }
    }

    /// The rank of the last line that matches, or 0.
    pub(super) fn last_match(&self, path: &[&str]) -> u32 {
        let names: Vec<Option<u32>> = path.iter().map(|name| self.names.get(*name).copied()).collect();
        let mut best = NONE;
        let mut wild: Vec<&Buckets> = Vec::new();
        for (root, from) in std::iter::once((ANCHORED, 0)).chain((0..path.len()).map(|from| (FLOATING, from))) {
            let mut at = root;
            let mut left = path.len() - from;
            let mut rest = names.get(from..).unwrap_or_default().iter();
            while let Some(node) = self.nodes.get(at as usize) {
                best = best.max(node.tree);
                if left >= 1 {
                    best = best.max(node.contents);
                }
                if left == 1 {
                    best = best.max(node.direct);
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
            best = buckets.last_match(path, &names, best);
        }
        best
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

enum Key {
    Name(u32),
    Extension(Box<str>),
    Nothing,
}

impl Buckets {
    fn last_match(&self, path: &[&str], names: &[Option<u32>], mut best: u32) -> u32 {
        best = beat(&self.loose, path, best);
        if !self.by_name.is_empty() {
            for bucket in names.iter().flatten().filter_map(|name| self.by_name.get(name)) {
                best = beat(bucket, path, best);
            }
        }
        if !self.by_extension.is_empty() {
            for (_, extension) in path.iter().filter_map(|name| name.rsplit_once('.')) {
                if let Some(bucket) = self.by_extension.get(extension) {
                    best = beat(bucket, path, best);
                }
            }
        }
        best
    }
}

fn beat(bucket: &[Candidate], path: &[&str], best: u32) -> u32 {
    bucket
        .iter()
        .take_while(|candidate| candidate.rank > best)
        .find(|candidate| candidate.pattern.matches(path))
        .map_or(best, |candidate| candidate.rank)
}
