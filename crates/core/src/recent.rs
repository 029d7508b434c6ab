//! A bounded memory of what was touched lately.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Entries remembered, per generation; twice as many at most.
pub(crate) const GENERATION: usize = 10_000;

/// A bounded map in two generations: what was not touched for a whole generation is forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recent<V> {
    young: BTreeMap<String, V>,
    old: BTreeMap<String, V>,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self { young: BTreeMap::new(), old: BTreeMap::new() }
    }
}

impl<V> Recent<V> {
    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(crate) fn update<R>(&mut self, key: &str, new: impl FnOnce() -> V, change: impl FnOnce(&mut V) -> R) -> R {
        if let Some(value) = self.young.get_mut(key) {
            return change(value);
        }
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        let mut value = self.old.remove(key).unwrap_or_else(new);
        let result = change(&mut value);
        self.young.insert(key.to_owned(), value);
        result
    }

    /// Everything remembered, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.young.iter().chain(&self.old).map(|(key, value)| (key.as_str(), value))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}
