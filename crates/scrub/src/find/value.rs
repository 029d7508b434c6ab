//! Where a value beside a name starts and ends.

use std::ops::Range;

use memchr::memmem;

use crate::text::{Text, is_blank, is_word};

/// Backslashes before a quote that are still understood: JSON in JSON in JSON.
const MOST_ESCAPES: usize = 7;

/// A value: its bytes without quotes, and whether it had some.
pub(super) struct Value {
    pub(super) range: Range<usize>,
    pub(super) is_quoted: bool,
}

/// The value that starts at `at`, behind blanks.
pub(super) fn value(text: Text<'_>, at: usize) -> Value {
    let start = text.run(at, is_blank);
    quoted(text, start).unwrap_or_else(|| Value { range: start..bare_end(text, start), is_quoted: false })
}

/// The value to the end of its line, or of its quotes: headers that are secret as a whole.
pub(super) fn line(text: Text<'_>, at: usize, enclosing: Option<u8>) -> Range<usize> {
    let start = text.run(at, is_blank);
    let end = text.run(start, |byte| !matches!(byte, b'\n' | b'\r') && Some(byte) != enclosing);
    let end = memmem::find(text.slice(start..end).as_bytes(), b"\\n").map_or(end, |escape| start + escape);
    start..end
}

fn quoted(text: Text<'_>, start: usize) -> Option<Value> {
    let open = text.run(start, |byte| byte == b'\\');
    let escapes = open - start;
    let quote = text.at(open);
    if !matches!(quote, b'"' | b'\'' | b'`') || escapes > MOST_ESCAPES {
        return None;
    }
    let inside = open + 1;
    let close = memchr::memchr_iter(quote, text.from(inside)).map(|offset| inside + offset).find(|&close| {
        let before = close - text.run_back(close, close - inside, |byte| byte == b'\\');
        if escapes == 0 { before.is_multiple_of(2) } else { before <= escapes }
    });
    let range = match close {
        Some(close) => inside..text.run_back(close, escapes.min(close - inside), |byte| byte == b'\\'),
        // Cut off somewhere: all that is left of the line.
        None => inside..text.run(inside, |byte| byte != b'\n'),
    };
    Some(Value { range, is_quoted: true })
}

/// The end of a value without quotes. It reaches over commas and the like unless another name follows them: better
/// too much is hidden than the rest of a password shown.
fn bare_end(text: Text<'_>, start: usize) -> usize {
    let mut end = start;
    while end < text.len() && !ends_bare(text, end) {
        end += 1;
    }
    // Punctuation and closing brackets behind it belong to the text around, unless they close what it opened.
    let opens = |open| text.slice(start..end).as_bytes().contains(&open);
    let (round, square, curly) = (opens(b'('), opens(b'['), opens(b'{'));
    let trimmed = |byte| match byte {
        b')' => !round,
        b']' => !square,
        b'}' => !curly,
        _ => matches!(byte, b',' | b';' | b':' | b'.' | b'\\'),
    };
    text.run_back(end, end - start, trimmed)
}

fn ends_bare(text: Text<'_>, at: usize) -> bool {
    match text.at(at) {
        0..=b' ' | b'<' => true,
        b'"' | b'\'' | b'`' => !text.at(at + 1).is_ascii_alphanumeric(),
        b'\\' => matches!(text.at(at + 1), b'n' | b'r' | b't' | b'"' | b'\''),
        b',' | b';' | b'&' | b'|' => {
            let next = at + 1;
            let name_end = text.run(next, is_word).min(next + 64);
            matches!(text.at(next), 0..=b' ' | b'"' | b'\'' | b'{' | b'[')
                || name_end > next && matches!(text.at(name_end), b'=' | b':')
        }
        _ => false,
    }
}
