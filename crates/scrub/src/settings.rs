//! What a tenant adds to the shipped patterns, and what it exempts.

use regex::{Regex, RegexBuilder};
use thiserror::Error;

use crate::mark::is_kind;

/// The most patterns a tenant may add.
const MOST_PATTERNS: usize = 100;
/// The most memory one compiled pattern may take, in bytes.
const MOST_COMPILED: usize = 1 << 20;

/// Why settings were refused.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The pattern's name cannot stand in a replacement.
    #[error("`{0}` is not a pattern's name: use 1 to 32 of a-z, 0-9 and `_`")]
    Name(String),
    /// The pattern is not a regular expression, or compiles to more than 1 MiB.
    #[error("pattern `{name}` cannot be used: {reason}")]
    Pattern {
        /// The pattern's name.
        name: String,
        /// What the regular expression's compiler said.
        reason: String,
    },
    /// There are too many patterns.
    #[error("{0} patterns are too many: join some with `|`, at most 100 are taken")]
    TooMany(usize),
}

/// A tenant's own pattern, compiled.
#[derive(Debug, Clone)]
pub struct TenantPattern {
    pub(crate) name: String,
    pub(crate) regex: Regex,
}

impl TenantPattern {
    /// Compiles a pattern. `name` becomes the kind in the replacement; when the expression has a group named
    /// `secret`, only that group is replaced.
    ///
    /// # Errors
    /// [`SettingsError::Name`] and [`SettingsError::Pattern`].
    pub fn new(name: &str, expression: &str) -> Result<Self, SettingsError> {
        if !is_kind(name) {
            return Err(SettingsError::Name(name.to_owned()));
        }
        let regex = RegexBuilder::new(expression)
            .size_limit(MOST_COMPILED)
            .build()
            .map_err(|error| SettingsError::Pattern { name: name.to_owned(), reason: error.to_string() })?;
        Ok(Self { name: name.to_owned(), regex })
    }
}

/// A tenant's settings for scrubbing. Field names are compared without regard to case and word separators:
/// `userEmail` and `user_email` are the same.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub(crate) patterns: Vec<TenantPattern>,
    pub(crate) allow: Vec<String>,
    pub(crate) keep_personal: Vec<String>,
}

impl Settings {
    /// Adds patterns of the tenant's own.
    ///
    /// # Errors
    /// [`SettingsError::TooMany`] beyond 100.
    pub fn with_patterns(mut self, patterns: Vec<TenantPattern>) -> Result<Self, SettingsError> {
        self.patterns.extend(patterns);
        if self.patterns.len() > MOST_PATTERNS { Err(SettingsError::TooMany(self.patterns.len())) } else { Ok(self) }
    }

    /// Leaves fields of these names as they are, with everything below them.
    #[must_use]
    pub fn allow<S: Into<String>>(mut self, fields: impl IntoIterator<Item = S>) -> Self {
        self.allow.extend(fields.into_iter().map(Into::into));
        self
    }

    /// Keeps personal data in fields of these names and below (`pii: keep`); secrets still go.
    #[must_use]
    pub fn keep_personal<S: Into<String>>(mut self, fields: impl IntoIterator<Item = S>) -> Self {
        self.keep_personal.extend(fields.into_iter().map(Into::into));
        self
    }
}
