//! Reading bytes of a text without ever leaving it.

use std::ops::Range;

/// A text under examination. Reads beyond its ends give zero, so finders need no bounds of their own.
#[derive(Clone, Copy)]
pub(crate) struct Text<'t>(pub(crate) &'t str);

impl<'t> Text<'t> {
    pub(crate) fn len(self) -> usize {
        self.0.len()
    }

    /// The byte at `at`, or zero beyond the end.
    pub(crate) fn at(self, at: usize) -> u8 {
        self.0.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// The byte before `at`, or zero at the start.
    pub(crate) fn before(self, at: usize) -> u8 {
        at.checked_sub(1).map_or(0, |before| self.at(before))
    }

    /// The part of the text in `range`; empty when the range does not fall on characters.
    pub(crate) fn slice(self, range: Range<usize>) -> &'t str {
        self.0.get(range).unwrap_or("")
    }

    pub(crate) fn from(self, at: usize) -> &'t [u8] {
        self.0.as_bytes().get(at..).unwrap_or(&[])
    }

    /// The end of the run of bytes from `at` that satisfy `keep`.
    pub(crate) fn run(self, at: usize, keep: impl Fn(u8) -> bool) -> usize {
        let rest = self.from(at);
        at + rest.iter().position(|&byte| !keep(byte)).unwrap_or(rest.len())
    }

    /// As [`Text::run`], looking no further than `most` bytes.
    pub(crate) fn run_within(self, at: usize, most: usize, keep: impl Fn(u8) -> bool) -> usize {
        let rest = self.from(at);
        let rest = rest.get(..most).unwrap_or(rest);
        at + rest.iter().position(|&byte| !keep(byte)).unwrap_or(rest.len())
    }

    /// The start of the run of at most `most` bytes before `at` that satisfy `keep`.
    pub(crate) fn run_back(self, at: usize, most: usize, keep: impl Fn(u8) -> bool) -> usize {
        let mut start = at.min(self.len());
        let floor = start.saturating_sub(most);
        while start > floor && keep(self.before(start)) {
            start -= 1;
        }
        start
    }

    /// Whether a word can start at `at`: the byte before is not alphanumeric, or ends an escape such as `\n`.
    pub(crate) fn word_starts(self, at: usize) -> bool {
        let before = self.before(at);
        !before.is_ascii_alphanumeric()
            || (matches!(before, b'n' | b'r' | b't') && at >= 2 && self.before(at - 1) == b'\\')
    }
}

/// Spaces and tabs, but not the end of a line.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The letters of names in code: `[A-Za-z0-9_-]`.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}
