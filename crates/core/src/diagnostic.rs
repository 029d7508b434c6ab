//! Mistakes in people's files, shown as a compiler shows them: file, line, column, caret, a hint.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// How serious a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file still applies.
    Warning,
    /// The file is refused and the running version stays.
    Error,
}

/// One mistake in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the file is refused for it.
    pub severity: Severity,
    /// The file, as the person named it.
    pub file: String,
    /// Where in the file, in bytes.
    pub at: Range<usize>,
    /// 1-based line of `at.start`.
    pub line: usize,
    /// 1-based column of `at.start`, in characters.
    pub column: usize,
    /// What is wrong: lower case, no full stop, the user's own value in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// An error at a byte range of `source`.
    #[must_use]
    pub fn error(file: &str, source: &str, at: Range<usize>, message: impl Into<String>) -> Self {
        let start = floor_char(source, at.start);
        let end = floor_char(source, at.end).max(start);
        let before = source.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            at: start..end,
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            message: message.into(),
            help: None,
        }
    }

    /// Whether the file is refused for it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds `did you mean …` when one of the `known` names is near.
    #[must_use]
    pub fn with_nearest<'n>(self, given: &str, known: impl IntoIterator<Item = &'n str>) -> Self {
        match nearest(given, known) {
            Some(name) => self.with_help(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// The snippet with its caret, without colour.
    #[must_use]
    pub fn render(&self, source: &str) -> String {
        let (level, kind) = match self.severity {
            Severity::Error => (Level::ERROR, AnnotationKind::Primary),
            Severity::Warning => (Level::WARNING, AnnotationKind::Primary),
        };
        let snippet = Snippet::source(source).path(&self.file).annotation(kind.span(self.at.clone()));
        let mut report: Vec<Group<'_>> = vec![level.primary_title(&self.message).element(snippet)];
        if let Some(help) = &self.help {
            report.push(Group::with_title(Level::HELP.secondary_title(help)));
        }
        Renderer::plain().render(&report)
    }
}

/// Where the lines of a text begin.
#[derive(Debug)]
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    /// The lines of a text.
    pub(crate) fn of(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(breaks).collect())
    }

    /// The line of a byte, from 1.
    pub(crate) fn line_of(&self, at: usize) -> u32 {
        u32::try_from(self.0.partition_point(|start| *start <= at)).unwrap_or(u32::MAX)
    }
}

/// The name in `known` that `given` was probably meant to be: at most a third of its letters differ.
#[must_use]
pub fn nearest<'n>(given: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    known
        .into_iter()
        .map(|name| (edit_distance(given, name), name))
        .filter(|(distance, name)| *distance <= name.chars().count().max(given.chars().count()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (to, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let cost = usize::from(from != *to);
            let best = (diagonal + cost).min(*above + 1).min(left + 1);
            diagonal = *above;
            *above = best;
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

fn floor_char(source: &str, at: usize) -> usize {
    (0..=at.min(source.len())).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0)
}
