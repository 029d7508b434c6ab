//! Lines in GitLab's dialect: headings of sections, exclusions, and entries.
//!
//! What GitLab does: the last entry that matches a path decides in each section, and a file's owners are those
//! of all sections together. `[Name]` begins a section, `^[Name]` an optional one, whose owners own all the
//! same; `[Name][2]` asks for two approvals, which is nothing to us; names are compared without case, and
//! sections of one name are one. Owners after a heading are inherited by entries that name none; an entry
//! without owners, its section without them too, says that nobody owns what it matches. `!pattern` takes what
//! it matches out of its section for good. There are no comments after owners: what looks like an owner there
//! is one, and any other word is ignored. Patterns are read by [`glob`].

mod glob;
mod owner;

use super::reading::{Entry, Fault};
use super::{OwnerName, Reading};

/// The heading that stands over the lines at hand.
#[derive(Default)]
pub(super) struct Headings {
    section: u32,
    owners: Vec<OwnerName>,
    /// Its section is one too many, so its lines are left out.
    is_left_out: bool,
}

impl Headings {
    /// Reads one line, which begins at byte `start_of_line` of its file.
    pub(super) fn read(&mut self, line: &str, start_of_line: usize, reading: &mut Reading<'_>) {
        let start = line.len() - line.trim_start_matches(is_blank).len();
        let end = line.trim_end_matches(is_blank).len().max(start);
        let text = line.get(start..end).unwrap_or_default();
        if text.is_empty() || text.starts_with('#') {
            return;
        }
        if let Some(heading) = Heading::read(text) {
            self.take(&heading, start, start_of_line, reading);
            return;
        }
        if text.starts_with('[') || text.starts_with("^[") {
            // GitLab takes it for an entry, whose `[` without a `]` matches nothing.
            let message = "this heading of a section has no end, so no section begins here".to_owned();
            reading.tell(Fault { at: start..end, message, help: Some("write `[Name]`") });
        } else if !self.is_left_out {
            self.entry(line, start..end, start_of_line, reading);
        }
    }

    fn take(&mut self, heading: &Heading<'_>, start: usize, start_of_line: usize, reading: &mut Reading<'_>) {
        let at = start..start + heading.length;
        if heading.name.trim().is_empty() {
            let message = "this section has no name".to_owned();
            reading.tell(Fault { at: at.clone(), message, help: Some("write its name between `[` and `]`") });
        }
        let found = owner::find_all(heading.owners);
        let from = start_of_line + start + heading.owners_at;
        self.owners = found.into_iter().map(|(at, name)| OwnerName::new(name, from + at)).collect();
        let section = reading.section(heading.name, heading.optional);
        self.is_left_out = section.is_none();
        match section {
            Some(section) => self.section = section,
            None => {
                let message = "this section is beyond the first 1,000 and left out".to_owned();
                reading.tell(Fault { at, message, help: None });
            }
        }
    }

    fn entry(&self, line: &str, at: std::ops::Range<usize>, start_of_line: usize, reading: &mut Reading<'_>) {
        let whole = line.get(at.clone()).unwrap_or_default();
        let (text, rest) = whole.split_at(end_of_pattern(whole));
        let (excludes, pattern) = match text.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, text),
        };
        let pattern_at = at.start..at.start + text.len();
        let read = match glob::read(pattern) {
            Ok(read) => read,
            Err(why) => {
                let message = format!("`{text}` {why}; this line is left out");
                reading.tell(Fault { at: pattern_at, message, help: None });
                return;
            }
        };
        if let Some(help) = read.help {
            let message = format!("`{text}` owns only what is directly in its directory");
            reading.tell(Fault { at: pattern_at, message, help: Some(help) });
        }
        let rest_at = at.start + text.len();
        let owners = match (excludes, rest.trim_matches(is_blank).is_empty()) {
            (true, true) => Vec::new(),
            (true, false) => {
                let message = "an exclusion has no owners; these are ignored".to_owned();
                let from = rest_at + (rest.len() - rest.trim_start_matches(is_blank).len());
                reading.tell(Fault { at: from..at.end, message, help: None });
                Vec::new()
            }
            (false, true) => self.owners.clone(),
            (false, false) => {
                let (owners, remarks) = owner::read(rest);
                reading.tell_all(
                    remarks
                        .into_iter()
                        .map(|remark| Fault { at: rest_at + remark.at.start..rest_at + remark.at.end, ..remark }),
                );
                let named = |(at, name): (usize, &str)| OwnerName::new(name, start_of_line + rest_at + at);
                owners.into_iter().map(named).collect()
            }
        };
        reading.add(line, Entry { text, pattern: read.pattern, owners, section: self.section, excludes });
    }
}

/// `^[Name][2] @owner`.
struct Heading<'l> {
    name: &'l str,
    optional: bool,
    /// What of the line is heading, without the owners.
    length: usize,
    owners: &'l str,
    /// Where the owners begin.
    owners_at: usize,
}

impl<'l> Heading<'l> {
    fn read(text: &'l str) -> Option<Self> {
        let optional = text.starts_with('^');
        let body = text.strip_prefix('^').unwrap_or(text).strip_prefix('[')?;
        let (name, rest) = body.split_once(']')?;
        // Only a number counts as one; anything else in brackets ends the heading.
        let approvals = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let rest = match approvals {
            Some((number, after)) if number.bytes().all(|byte| byte.is_ascii_digit()) => after,
            _ => rest,
        };
        let owners_at = text.len() - rest.len();
        let allowed = |char: char| is_blank(char) || char.is_alphanumeric() || "@_.-/+".contains(char);
        let owners = if rest.starts_with(is_blank) { rest } else { "" };
        let owners = owners.split(|char| !allowed(char)).next().unwrap_or_default();
        Some(Self { name, optional, length: owners_at, owners, owners_at })
    }
}

/// What parts the words of a line.
fn is_blank(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\u{b}' | '\u{c}' | '\r')
}

/// A pattern ends at the first blank that no `\` stands before.
fn end_of_pattern(text: &str) -> usize {
    let mut before = '\0';
    for (at, char) in text.char_indices() {
        if is_blank(char) && before != '\\' {
            return at;
        }
        before = char;
    }
    text.len()
}
