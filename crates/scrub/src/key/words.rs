//! The words of a field's name, without allocating.

use crate::mark::is_only_marks;

const MOST: usize = 64;

/// A name in lower case with `_` between its words: `X-Api-Key`, `apiKey` and `--api_key` all read `api_key` at their
/// end. Of a longer name only the last 64 bytes count.
pub(crate) struct Words {
    letters: [u8; 2 * MOST],
    length: usize,
}

impl Words {
    pub(crate) fn of(name: &str) -> Self {
        // A name that was itself a secret tells nothing: its mark names a kind.
        let bytes = if name.starts_with('[') && is_only_marks(name) { &[] } else { name.as_bytes() };
        let bytes = bytes.get(bytes.len().saturating_sub(MOST)..).unwrap_or(bytes);
        let mut words = Self { letters: [0; 2 * MOST], length: 0 };
        let mut before = 0_u8;
        for (at, &byte) in bytes.iter().enumerate() {
            if byte.is_ascii_alphanumeric() {
                let next_is_lower = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
                let starts = byte.is_ascii_uppercase()
                    && (before.is_ascii_lowercase()
                        || before.is_ascii_digit()
                        || (before.is_ascii_uppercase() && next_is_lower));
                if starts {
                    words.push(b'_');
                }
                words.push(byte.to_ascii_lowercase());
            } else {
                words.push(b'_');
            }
            before = byte;
        }
        words
    }

    pub(crate) fn as_str(&self) -> &str {
        let letters = self.letters.get(..self.length).and_then(|letters| std::str::from_utf8(letters).ok());
        letters.unwrap_or("").trim_matches('_')
    }

    fn push(&mut self, byte: u8) {
        let repeats = byte == b'_' && self.length.checked_sub(1).and_then(|at| self.letters.get(at)) == Some(&b'_');
        if let Some(slot) = self.letters.get_mut(self.length)
            && !repeats
        {
            *slot = byte;
            self.length += 1;
        }
    }
}
