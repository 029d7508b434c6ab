//! CODEOWNERS in GitHub's and in GitLab's dialect.
//!
//! [`github`] and [`gitlab`] read lines, each by its system's rules; what they read is one [`Index`], in which
//! a file of GitHub's has one section. Everything left out is a [`Problem`], a warning: the file is another
//! system's, and the rest of it still applies.

mod github;
mod gitlab;
mod index;
mod reading;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::Problem;
use index::Index;
use reading::Reading;

/// A larger file is ignored, as GitHub ignores it.
pub const MAX_BYTES: usize = 3 * 1024 * 1024;

/// No more lines than this are read from one file.
pub const MAX_LINES: usize = 100_000;

/// No more sections than this are read from one file.
pub const MAX_SECTIONS: usize = 1_000;

/// Whose rules a CODEOWNERS file follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// GitHub's: the last line that matches decides.
    #[default]
    Github,
    /// GitLab's: the last line that matches decides in each section, and all of them hold.
    Gitlab,
}

/// One line that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: u32,
    /// The pattern as written.
    pub pattern: Box<str>,
    /// The owners as written, or those of its section; none says that nobody owns what matches.
    pub owners: Vec<OwnerName>,
    /// Takes what matches out of its section, which then has no owners for it.
    pub excludes: bool,
    section: u32,
}

/// An owner as written: `@user`, `@org/team`, an e-mail address or, in GitLab's dialect, a role such as
/// `@@maintainer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerName {
    /// As written.
    pub text: Box<str>,
    /// The byte of the file at which it begins.
    pub at: u32,
}

impl OwnerName {
    fn new(text: &str, at: usize) -> Self {
        Self { text: text.into(), at: u32::try_from(at).unwrap_or(u32::MAX) }
    }
}

/// A section of a file in GitLab's dialect. What stands before the first heading has an empty name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// As its first heading writes it.
    pub name: Box<str>,
    /// Whether every heading of it begins with `^`: its owners need not approve. They own all the same.
    pub optional: bool,
}

/// One CODEOWNERS file, compiled for lookups that do not grow with its length.
#[derive(Debug, Default)]
pub struct Codeowners {
    lines: Vec<Line>,
    sections: Vec<Section>,
    index: Index,
}

impl Codeowners {
    /// Reads a file. What cannot be read is left out and told.
    #[must_use]
    pub fn parse(dialect: Dialect, file: &str, text: &str) -> (Self, Vec<Problem>) {
        if text.len() > MAX_BYTES {
            let whose = match dialect {
                Dialect::Github => ", as GitHub ignores it",
                Dialect::Gitlab => "",
            };
            let told = format!("{} bytes are more than 3 MB; the file is ignored{whose}", text.len());
            let told = Problem::error(file, "", 0..0, told).warning();
            let told = told.with_help("join lines with wildcards, or split the repository");
            return (Self::default(), vec![told]);
        }
        let mut reading = Reading::new(file, text);
        match dialect {
            Dialect::Github => reading.each_line(github::read),
            Dialect::Gitlab => {
                let mut headings = gitlab::Headings::default();
                reading.each_line(|line, start, reading| headings.read(line, start, reading));
            }
        }
        reading.finish()
    }

    /// The lines that decide about `path`, which is relative to the repository's root, with `/`: at most one a
    /// section, in the sections' order.
    #[must_use]
    pub fn matching(&self, path: &str) -> Vec<&Line> {
        self.deciding(path).into_iter().filter_map(|at| self.lines.get(at)).collect()
    }

    /// Where in [`Self::lines`] the lines that decide stand.
    pub(crate) fn deciding(&self, path: &str) -> Vec<usize> {
        if self.lines.is_empty() {
            return Vec::new();
        }
        let mut segments = Vec::with_capacity(16);
        segments.extend(path.split('/'));
        self.index.deciding(&segments)
    }

    /// The lines that were understood, in order.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The section that a line stands in; none before the first heading, and none in GitHub's dialect.
    #[must_use]
    pub fn section_of(&self, line: &Line) -> Option<&Section> {
        self.sections.get(line.section as usize).filter(|_| line.section > 0)
    }
}
