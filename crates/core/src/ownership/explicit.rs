//! Explicit owners: which entries of `owners:` speak of a resource.
//!
//! `resource:` is `type:id`, the id a name or a pattern: `*` and `?` stay within a segment between `/`, `**`
//! crosses segments, a lone `*` is every id, `\` takes the next character literally. A `file:` is in any
//! repository (`file:src/**`) or in one (`file:acme/shop:src/**`).
//!
//! The most specific entries decide: an exact id before a pattern; each of them in the named repository
//! before any; among patterns the one with the longest literal beginning. Entries that are equal in this all
//! hold, and the ownership is ambiguous.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use super::pattern::Pattern;
use crate::event::{Resource, ResourceKind};

/// A `resource:` that was understood.
#[derive(Debug)]
pub(crate) struct Subject {
    kind: ResourceKind,
    repo: Option<String>,
    pattern: Pattern,
}

/// Why a `resource:` was not understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SubjectError {
    /// It has no `type:` in front.
    Untyped,
    /// The type is not one.
    Type(String),
    /// The rest is wrong.
    Pattern(String),
}

impl Subject {
    pub(crate) fn parse(text: &str) -> Result<Self, SubjectError> {
        let (kind, rest) = text.split_once(':').ok_or(SubjectError::Untyped)?;
        let kind = ResourceKind::from_word(kind).ok_or_else(|| SubjectError::Type(kind.to_owned()))?;
        let (repo, id) = match (kind, rest.split_once(':')) {
            (ResourceKind::File, Some((repo, id))) => (Some(repo.to_lowercase()), id),
            _ => (None, rest),
        };
        let refused = |why: &str| SubjectError::Pattern(format!("`{text}` {why}"));
        if repo.as_ref().is_some_and(|repo| repo.is_empty() || repo.contains(['*', '?'])) {
            return Err(refused("names no repository; write one in full, or leave it out for all"));
        }
        if id.is_empty() {
            return Err(refused("names nothing; write an id, or `*` for all"));
        }
        let pattern = Pattern::id(id).map_err(refused)?;
        Ok(Self { kind, repo, pattern })
    }
}

/// The entries that decide about a resource.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Whether they name it exactly.
    pub(crate) exact: bool,
    /// The first of them in the file.
    pub(crate) first: u32,
    /// The others, when there are several.
    pub(crate) others: Vec<u32>,
}

/// All entries by what they speak of.
#[derive(Debug, Default)]
pub(crate) struct ExplicitIndex {
    kinds: HashMap<ResourceKind, Names>,
    repos: HashMap<String, Names>,
}

impl ExplicitIndex {
    pub(crate) fn build(entries: impl IntoIterator<Item = (u32, Subject)>) -> Self {
        let mut index = Self::default();
        for (entry, Subject { kind, repo, pattern }) in entries {
            let names = match repo {
                Some(repo) => index.repos.entry(repo).or_default(),
                None => index.kinds.entry(kind).or_default(),
            };
            names.insert(entry, pattern);
        }
        index
    }

    pub(crate) fn find(&self, resource: &Resource) -> Option<Found> {
        let anywhere = self.kinds.get(&resource.kind);
        let in_repo = match &resource.repo {
            Some(repo) if resource.kind == ResourceKind::File && !self.repos.is_empty() => {
                self.repos.get(lower(repo).as_ref())
            }
            _ => None,
        };
        let exact = in_repo.and_then(|names| names.exact(&resource.id));
        let exact = exact.or_else(|| anywhere.and_then(|names| names.exact(&resource.id)));
        exact
            .or_else(|| in_repo.and_then(|names| names.by_pattern(&resource.id)))
            .or_else(|| anywhere.and_then(|names| names.by_pattern(&resource.id)))
    }
}

/// In lower case, without a copy when it is so already.
pub(super) fn lower(text: &str) -> std::borrow::Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        text.to_lowercase().into()
    } else {
        text.into()
    }
}

/// Entries by name or pattern, within one kind.
#[derive(Debug, Default)]
pub(super) struct Names {
    exact: HashMap<String, Vec<u32>>,
    /// By literal beginning.
    patterns: BTreeMap<String, Vec<(u32, Pattern)>>,
}

impl Names {
    pub(super) fn insert(&mut self, entry: u32, pattern: Pattern) {
        match pattern.literal() {
            Some(name) => self.exact.entry(name).or_default().push(entry),
            None => self.patterns.entry(pattern.literal_prefix()).or_default().push((entry, pattern)),
        }
    }

    /// The most specific entries for a name.
    pub(super) fn find(&self, name: &str) -> Option<Found> {
        self.exact(name).or_else(|| self.by_pattern(name))
    }

    fn exact(&self, name: &str) -> Option<Found> {
        let (first, others) = self.exact.get(name)?.split_first()?;
        Some(Found { exact: true, first: *first, others: others.to_vec() })
    }

    /// Walks the literal beginnings of `name` from the longest: whichever beginning sorts last among those
    /// not after `name` either begins it, or shares with it all that a shorter one could.
    fn by_pattern(&self, name: &str) -> Option<Found> {
        if self.patterns.is_empty() {
            return None;
        }
        let segments: Vec<&str> = name.split('/').collect();
        let mut limit = name;
        loop {
            let (prefix, entries) =
                self.patterns.range::<str, _>((Bound::Unbounded, Bound::Included(limit))).next_back()?;
            let shared = shared(prefix, name);
            if shared < prefix.len() {
                // Nothing longer than what the two share can begin the name.
                limit = name.get(..shared)?;
                continue;
            }
            let mut matching =
                entries.iter().filter(|(_, pattern)| pattern.matches(&segments)).map(|(entry, _)| *entry);
            if let Some(first) = matching.next() {
                return Some(Found { exact: false, first, others: matching.collect() });
            }
            let mut letters = prefix.chars();
            letters.next_back()?;
            limit = name.get(..letters.as_str().len())?;
        }
    }
}

/// How many bytes two texts have in common from their start, in whole characters.
fn shared(a: &str, b: &str) -> usize {
    let same = |((at, left), right): ((usize, char), char)| (left == right).then_some(at + left.len_utf8());
    a.char_indices().zip(b.chars()).map_while(same).last().unwrap_or(0)
}
