//! Secrets made of digits: card numbers, US social security numbers, phone numbers.

use super::card::is_card;
use super::{Finding, Place, Search};
use crate::text::Text;

const MOST_CARD_DIGITS: usize = 19;

/// The number that starts with the digit at `at`.
pub(super) fn find(search: &Search<'_>, at: usize) -> Option<Finding<'static>> {
    let text = search.text;
    if text.before(at).is_ascii_digit() || !starts_number(text, at) {
        return None;
    }
    let run = text.run(at, |byte| byte.is_ascii_digit()) - at;
    match run {
        3 => social_security(text, at)
            .or_else(|| (search.place == Place::Attribute).then(|| national(text, at)).flatten()),
        4 | 13..=MOST_CARD_DIGITS => card(text, at),
        _ => None,
    }
}

/// Whether a number of its own can start at `at`, rather than a part of an id, a decimal or a word.
fn starts_number(text: Text<'_>, at: usize) -> bool {
    let before_that = text.before(at.saturating_sub(1));
    match text.before(at) {
        b'-' => !before_that.is_ascii_alphanumeric(),
        b'.' | b',' => !before_that.is_ascii_digit(),
        b'_' => false,
        _ => text.word_starts(at),
    }
}

/// Whether a number can end before `at`.
fn ends_number(text: Text<'_>, at: usize) -> bool {
    let next = text.at(at);
    !next.is_ascii_alphanumeric()
        && next != b'_'
        && !(matches!(next, b'-' | b'.') && text.at(at + 1).is_ascii_alphanumeric())
}

/// A card number, plain or in groups of 4 to 6 digits between single spaces or dashes.
fn card(text: Text<'_>, at: usize) -> Option<Finding<'static>> {
    let mut digits = [0_u8; MOST_CARD_DIGITS];
    let mut count = 0;
    let mut next = at;
    let separator = text.at(text.run(at, |byte| byte.is_ascii_digit()));
    loop {
        let group_end = text.run(next, |byte| byte.is_ascii_digit());
        let group = text.slice(next..group_end);
        if group.is_empty() || count + group.len() > MOST_CARD_DIGITS {
            return None;
        }
        for (slot, byte) in digits.iter_mut().skip(count).zip(group.bytes()) {
            *slot = byte - b'0';
        }
        count += group.len();
        if count >= 13 && digits.get(..count).is_some_and(is_card) && ends_number(text, group_end) {
            return Some(Finding { start: at, end: group_end, kind: "card" });
        }
        let goes_on =
            matches!(separator, b' ' | b'-') && text.at(group_end) == separator && (4..=6).contains(&group.len());
        if !goes_on {
            return None;
        }
        next = group_end + 1;
    }
}

/// `ddd-dd-dddd`, as numbers that can have been issued.
fn social_security(text: Text<'_>, at: usize) -> Option<Finding<'static>> {
    let digits = |from: usize, to: usize| text.run(from, |byte| byte.is_ascii_digit()) == to;
    let (area, group, serial) = (text.slice(at..at + 3), text.slice(at + 4..at + 6), text.slice(at + 7..at + 11));
    let shaped = text.at(at + 3) == b'-'
        && digits(at + 4, at + 6)
        && text.at(at + 6) == b'-'
        && digits(at + 7, at + 11)
        && ends_number(text, at + 11);
    let issued = !matches!(area, "000" | "666") && !area.starts_with('9') && group != "00" && serial != "0000";
    (shaped && issued).then_some(Finding { start: at, end: at + 11, kind: "ssn" })
}

/// A North American number: `415-555-0100`, `415.555.0100`, `(415) 555-0100`.
fn national(text: Text<'_>, at: usize) -> Option<Finding<'static>> {
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let in_brackets = text.before(at) == b'(' && text.at(at + 3) == b')';
    let separator = text.at(at + 3);
    let middle = if in_brackets { text.run(at + 4, |byte| byte == b' ').min(at + 5) } else { at + 4 };
    let shaped = (in_brackets || matches!(separator, b'-' | b'.' | b' '))
        && matches!(text.at(at), b'2'..=b'9')
        && text.run(middle, is_digit) == middle + 3
        && (text.at(middle + 3) == separator || in_brackets && matches!(text.at(middle + 3), b'-' | b'.' | b' '))
        && text.run(middle + 4, is_digit) == middle + 8
        && ends_number(text, middle + 8);
    let start = if in_brackets { at - 1 } else { at };
    shaped.then_some(Finding { start, end: middle + 8, kind: "phone" })
}

/// An international number: `+`, then 8 to 15 digits in groups. Not behind a word, where `+` begins build metadata.
pub(super) fn international(text: Text<'_>, at: usize) -> Option<Finding<'static>> {
    let before = text.before(at);
    if before.is_ascii_alphanumeric()
        || matches!(before, b'+' | b'-' | b'.' | b'/' | b'_')
        || !matches!(text.at(at + 1), b'1'..=b'9')
    {
        return None;
    }
    let (mut digits, mut end) = (0, at + 1);
    let mut next = at + 1;
    while digits <= 15 {
        let byte = text.at(next);
        if byte.is_ascii_digit() {
            digits += 1;
            end = next + 1;
        } else {
            let doubled = !text.before(next).is_ascii_digit()
                && !matches!((text.before(next), byte), (b' ', b'(') | (b')', b' '));
            if !matches!(byte, b' ' | b'-' | b'.' | b'(' | b')') || doubled {
                break;
            }
        }
        next += 1;
    }
    ((8..=15).contains(&digits) && ends_number(text, end)).then_some(Finding { start: at, end, kind: "phone" })
}
