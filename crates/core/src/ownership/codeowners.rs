//! CODEOWNERS in GitHub's dialect: the last line that matches a path wins, over the whole file.
//!
//! What GitHub does: a file over 3 MB counts as absent; a line with a pattern or an owner that is not
//! valid is left out and the rest kept; a line without owners says that nobody owns what it matches; paths
//! are case-sensitive; `# …` after the owners is a comment; `[` and `]` are ordinary characters; `!` and a
//! leading `\#` are not supported. Everything left out is a [`Problem`], a warning: the file is another
//! system's, and the rest of it still applies.

mod index;
mod line;

use crate::diagnostic::Problem;
use index::Index;
pub use line::{Line, OwnerName};

/// GitHub takes no notice of a larger file.
pub const MAX_BYTES: usize = 3 * 1024 * 1024;

/// No more lines than this are read from one file.
pub const MAX_LINES: usize = 100_000;

/// After so many problems in one file the others are only counted.
const MAX_PROBLEMS: usize = 100;

/// One CODEOWNERS file, compiled for lookups that do not grow with its length.
#[derive(Debug, Default)]
pub struct Codeowners {
    lines: Vec<Line>,
    index: Index,
}

impl Codeowners {
    /// Reads a file. What cannot be read is left out and told.
    #[must_use]
    pub fn parse(file: &str, text: &str) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut read = Self::default();
        if text.len() > MAX_BYTES {
            let told = Problem::error(
                file,
                "",
                0..0,
                format!("{} bytes are more than 3 MB; the file is ignored, as GitHub ignores it", text.len()),
            );
            problems.push(told.warning().with_help("join lines with wildcards, or split the repository"));
            return (read, problems);
        }
        let body = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut faults = Vec::new();
        let mut start = text.len() - body.len();
        for (number, raw) in body.split('\n').enumerate() {
            let at = start;
            start += raw.len() + 1;
            let raw = raw.strip_suffix('\r').unwrap_or(raw);
            let parsed = match line::parse(raw) {
                Ok(None) => continue,
                Ok(Some(parsed)) => parsed,
                Err(fault) => {
                    faults.push((at, fault));
                    continue;
                }
            };
            faults.extend(parsed.remark.map(|remark| (at, remark)));
            if read.lines.len() == MAX_LINES {
                faults.push((
                    at,
                    line::Fault::whole(raw, "is beyond the first 100,000 and left out, as are those after it", None),
                ));
                break;
            }
            let rank = u32::try_from(read.lines.len()).unwrap_or(u32::MAX) + 1;
            if read.index.insert(rank, parsed.pattern) {
                let number = u32::try_from(number + 1).unwrap_or(u32::MAX);
                read.lines.push(Line { number, pattern: parsed.text.into(), owners: parsed.owners });
            } else {
                let why = "cannot be told apart quickly from 2,000 earlier lines and is left out";
                faults.push((
                    at,
                    line::Fault::whole(raw, why, Some("begin the pattern with a directory or end it with a name")),
                ));
            }
        }
        read.index.finish();
        let beyond = faults.len().saturating_sub(MAX_PROBLEMS);
        for (at, fault) in faults.into_iter().take(MAX_PROBLEMS) {
            let told = Problem::error(file, text, at + fault.at.start..at + fault.at.end, fault.message).warning();
            problems.push(match fault.help {
                Some(help) => told.with_help(help),
                None => told,
            });
        }
        if beyond > 0 {
            problems.push(Problem::error(file, text, 0..0, format!("{beyond} more lines have problems")).warning());
        }
        (read, problems)
    }

    /// The line that decides who owns `path`, which is relative to the repository's root, with `/`.
    #[must_use]
    pub fn matching(&self, path: &str) -> Option<&Line> {
        self.rank_of(path).and_then(|rank| self.lines.get(rank))
    }

    /// Where in [`Self::lines`] the line that decides stands.
    pub(crate) fn rank_of(&self, path: &str) -> Option<usize> {
        if self.lines.is_empty() {
            return None;
        }
        let mut segments = Vec::with_capacity(16);
        segments.extend(path.split('/'));
        (self.index.last_match(&segments) as usize).checked_sub(1)
    }

    /// The lines that were understood, in order.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}
