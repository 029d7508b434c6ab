//! A CODEOWNERS file while its lines are read, bounded in lines and in problems.

use std::collections::HashMap;
use std::ops::Range;

use super::index::Index;
use super::{Codeowners, Line, MAX_LINES, MAX_SECTIONS, OwnerName, Section};
use crate::diagnostic::Problem;
use crate::ownership::pattern::Pattern;

/// After so many problems in one file the others are only counted.
const MAX_PROBLEMS: usize = 100;

/// What was read so far, and where.
pub(super) struct Reading<'t> {
    file: &'t str,
    text: &'t str,
    /// The line at hand: its number, from 1, and its first byte.
    number: u32,
    start: usize,
    is_full: bool,
    lines: Vec<Line>,
    sections: Vec<Section>,
    /// By name in lower case.
    by_name: HashMap<String, u32>,
    index: Index,
    /// With the first byte of their lines.
    faults: Vec<(usize, Fault)>,
}

/// What a line says.
pub(super) struct Entry<'l> {
    /// The pattern as written.
    pub(super) text: &'l str,
    pub(super) pattern: Pattern,
    pub(super) owners: Vec<OwnerName>,
    pub(super) section: u32,
    pub(super) excludes: bool,
}

/// Something to tell of a line: where in it, what, and what to do.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) message: String,
    pub(super) help: Option<&'static str>,
}

impl Fault {
    fn whole(line: &str, why: &str, help: Option<&'static str>) -> Self {
        Self { at: 0..line.len(), message: format!("this line {why}"), help }
    }
}

impl<'t> Reading<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        let unnamed = Section { name: "".into(), optional: false };
        Self {
            file,
            text,
            number: 0,
            start: 0,
            is_full: false,
            lines: Vec::new(),
            sections: vec![unnamed],
            by_name: HashMap::new(),
            index: Index::default(),
            faults: Vec::new(),
        }
    }

    /// Reads line after line with `read`, which is given the line and its first byte.
    pub(super) fn each_line(&mut self, mut read: impl FnMut(&'t str, usize, &mut Self)) {
        let body = self.text.strip_prefix('\u{feff}').unwrap_or(self.text);
        self.start = self.text.len() - body.len();
        for line in body.split('\n') {
            self.number += 1;
            read(line.strip_suffix('\r').unwrap_or(line), self.start, self);
            if self.is_full {
                break;
            }
            self.start += line.len() + 1;
        }
    }

    /// Takes in what the line at hand says, or tells why not.
    pub(super) fn add(&mut self, line: &str, entry: Entry<'_>) {
        if self.lines.len() == MAX_LINES {
            self.is_full = true;
            let why = "is beyond the first 100,000 and left out, as are those after it";
            return self.tell(Fault::whole(line, why, None));
        }
        let Entry { text, pattern, owners, section, excludes } = entry;
        if !self.index.insert(section, excludes, pattern) {
            let why = "cannot be told apart quickly from 2,000 earlier lines and is left out";
            return self.tell(Fault::whole(
                line,
                why,
                Some("begin the pattern with a directory or end it with a name"),
            ));
        }
        self.lines.push(Line { number: self.number, pattern: text.into(), owners, excludes, section });
    }

    /// The section with this name, whatever its case; a new one when there is none. Nothing when there are too
    /// many.
    pub(super) fn section(&mut self, name: &str, optional: bool) -> Option<u32> {
        let lower = name.to_lowercase();
        if let Some(known) = self.by_name.get(&lower) {
            if let Some(section) = self.sections.get_mut(*known as usize) {
                section.optional &= optional;
            }
            return Some(*known);
        }
        let new = u32::try_from(self.sections.len()).ok().filter(|_| self.sections.len() <= MAX_SECTIONS)?;
        self.sections.push(Section { name: name.into(), optional });
        self.by_name.insert(lower, new);
        Some(new)
    }

    pub(super) fn tell(&mut self, fault: Fault) {
        self.faults.push((self.start, fault));
    }

    pub(super) fn tell_all(&mut self, faults: impl IntoIterator<Item = Fault>) {
        let start = self.start;
        self.faults.extend(faults.into_iter().map(|fault| (start, fault)));
    }

    pub(super) fn finish(mut self) -> (Codeowners, Vec<Problem>) {
        self.index.finish();
        let (file, text) = (self.file, self.text);
        let beyond = self.faults.len().saturating_sub(MAX_PROBLEMS);
        let told = self.faults.into_iter().take(MAX_PROBLEMS).map(|(start, fault)| {
            let told =
                Problem::error(file, text, start + fault.at.start..start + fault.at.end, fault.message).warning();
            match fault.help {
                Some(help) => told.with_help(help),
                None => told,
            }
        });
        let mut problems: Vec<Problem> = told.collect();
        if beyond > 0 {
            problems.push(Problem::error(file, text, 0..0, format!("{beyond} more lines have problems")).warning());
        }
        (Codeowners { lines: self.lines, sections: self.sections, index: self.index }, problems)
    }
}
