//! Collects what is wrong with one file, bounded: a file of mistakes must not cost more than a good one.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnostic::{Problem, Severity, nearest};

/// After so many of one severity the others are only counted.
const MAX: usize = 100;

/// So many unknown names are compared with the known ones.
const MAX_SUGGESTED: usize = 20;

/// The problems of one file, in the order they were found.
pub(crate) struct Findings<'f> {
    file: &'f str,
    text: &'f str,
    problems: Vec<Problem>,
    errors: usize,
    warnings: usize,
    /// By name: where it stands first, and how often.
    unknown: BTreeMap<String, (Range<usize>, usize)>,
}

impl<'f> Findings<'f> {
    pub(crate) fn new(file: &'f str, text: &'f str) -> Self {
        Self { file, text, problems: Vec::new(), errors: 0, warnings: 0, unknown: BTreeMap::new() }
    }

    pub(crate) fn error(&mut self, at: Range<usize>, message: impl Into<String>, help: Option<&str>) {
        self.errors += 1;
        if self.errors <= MAX {
            self.problems.push(self.problem(at, message, help));
        }
    }

    /// An error with the nearest of the names that would have been right.
    pub(crate) fn misnamed<'n>(
        &mut self,
        at: Range<usize>,
        message: impl Into<String>,
        given: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        self.errors += 1;
        if self.errors <= MAX {
            let problem = self.problem(at, message, None);
            self.problems.push(problem.with_nearest(given, known));
        }
    }

    pub(crate) fn warning(&mut self, at: Range<usize>, message: impl Into<String>, help: Option<&str>) {
        self.warnings += 1;
        if self.warnings <= MAX {
            self.problems.push(self.problem(at, message, help).warning());
        }
    }

    /// An owner that is not described: told once a name, with the number of places.
    pub(crate) fn unknown(&mut self, name: &str, at: Range<usize>) {
        self.unknown.entry(name.to_owned()).or_insert((at, 0)).1 += 1;
    }

    pub(crate) fn finish<'n>(mut self, known: impl Iterator<Item = &'n str> + Clone) -> Vec<Problem> {
        let mut unknown: Vec<_> = std::mem::take(&mut self.unknown).into_iter().collect();
        unknown.sort_by_key(|(_, (at, _))| at.start);
        for (name, (at, places)) in unknown {
            let more = match places {
                0 | 1 => String::new(),
                2 => " (and in one more place)".to_owned(),
                places => format!(" (and in {} more places)", places - 1),
            };
            // Looking for a near name reads all names, so only the first few get one.
            let near = if self.warnings < MAX_SUGGESTED { nearest(&name, known.clone()) } else { None };
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "list it under `people:` or `teams:`; until then the fallback is told too".to_owned(),
            };
            self.warning(at, format!("`{name}` is not in ownership.yaml, so it reaches nobody{more}"), Some(&help));
        }
        for (severity, found) in [(Severity::Error, self.errors), (Severity::Warning, self.warnings)] {
            if found > MAX {
                let rest = format!("{} more problems like these are not shown", found - MAX);
                self.problems.push(Problem { severity, ..self.problem(0..0, rest, None) });
            }
        }
        self.problems
    }

    fn problem(&self, at: Range<usize>, message: impl Into<String>, help: Option<&str>) -> Problem {
        let problem = Problem::error(self.file, self.text, at, message);
        match help {
            Some(help) => problem.with_help(help),
            None => problem,
        }
    }
}
