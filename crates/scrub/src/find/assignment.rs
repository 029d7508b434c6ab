//! Values beside their names: `key=value`, `"key": "value"`, `Header: value`, `<key>value</key>`, `PASSWORD 'value'`.

use super::value::{line, value};
use super::{Finding, Place, Search, known};
use crate::key::{Beside, Personal, Telling, Tier, Words, may_tell, personal, telling};
use crate::shape::is_personal_ip;
use crate::text::{is_blank, is_word};

const MOST_NAME: usize = 64;
const MOST_BLANKS: usize = 4;

/// A name in the text.
struct Name {
    is_quoted: bool,
    /// The quote around the whole assignment, as in `-H "Cookie: a=b"`.
    enclosing: Option<u8>,
    words: Words,
}

/// The value behind the `=` or `:` at `at`, when the name before it tells.
pub(super) fn find(search: &Search<'_>, at: usize) -> Option<Finding<'static>> {
    let text = search.text;
    let separator = text.at(at);
    if separator == b':' && (text.at(at + 1) == b':' || text.before(at) == b':') {
        return None;
    }
    let name = name(search, at)?;
    if search.exempt.allows(&name.words) {
        return None;
    }
    // `:=`, `=>`, `==` separate as well.
    let start = text.run(at + 1, |byte| matches!(byte, b'=' | b'>' | b'~')).min(at + 3);
    let Some(telling) = telling(&name.words) else { return personal_value(search, &name.words, start) };
    let is_spaced = separator == b':' && is_blank(text.at(start));
    match telling.kind {
        "authorization" => return authorization(search, start, &name, telling),
        "cookie" if separator == b':' && !name.is_quoted => {
            let range = line(text, start, name.enclosing);
            return found(search, range.start, range.end, telling, Beside::Assigned);
        }
        _ => {}
    }
    let value = value(text, start);
    let beside = if is_spaced && !value.is_quoted && !name.is_quoted { Beside::Prose } else { Beside::Assigned };
    let opens_json = name.is_quoted && !value.is_quoted && matches!(text.at(value.range.start), b'[' | b'{');
    if opens_json && telling.tier <= Tier::UnlessId {
        return structure(search, value.range.start, telling);
    }
    found(search, value.range.start, value.range.end, telling, beside)
}

/// The text of the element `<name>…<` whose `>` is at `at`.
pub(super) fn element(search: &Search<'_>, at: usize) -> Option<Finding<'static>> {
    let text = search.text;
    let start = text.run_back(at, MOST_NAME, is_word);
    if start == at || text.before(start) != b'<' {
        return None;
    }
    let words = Words::of(text.slice(start..at));
    let telling = telling(&words).filter(|_| !search.exempt.allows(&words))?;
    let end = text.run(at + 1, |byte| byte != b'<');
    (text.at(end) == b'<').then(|| found(search, at + 1, end, telling, Beside::Assigned)).flatten()
}

/// The SQL literal whose first quote is at `at`, behind `PASSWORD` or `IDENTIFIED BY`.
pub(super) fn literal(search: &Search<'_>, at: usize) -> Option<Finding<'static>> {
    let text = search.text;
    let blanks = text.run_back(at, MOST_BLANKS, is_blank);
    let start = text.run_back(blanks, MOST_NAME, is_word);
    let word = text.slice(start..blanks);
    let is_telling = word.eq_ignore_ascii_case("password") || word.eq_ignore_ascii_case("secret");
    let is_by = word.eq_ignore_ascii_case("by")
        && text
            .slice(text.run_back(start, 11, |_| true)..start)
            .to_ascii_lowercase()
            .trim_end()
            .ends_with("identified");
    if blanks == at || !(is_telling || is_by) {
        return None;
    }
    let value = value(text, at);
    found(
        search,
        value.range.start,
        value.range.end,
        Telling { tier: Tier::Always, kind: "password" },
        Beside::Assigned,
    )
}

/// The name that ends before `at`, with its quotes, brackets and one `[:=!]` in between skipped.
fn name(search: &Search<'_>, at: usize) -> Option<Name> {
    let text = search.text;
    let mut end = if matches!(text.before(at), b':' | b'!' | b'?') { at - 1 } else { at };
    end = text.run_back(end, MOST_BLANKS, is_blank);
    end = text.run_back(end, 1, |byte| byte == b']');
    let unquoted = text.run_back(end, 1, |byte| matches!(byte, b'"' | b'\'' | b'`'));
    let is_quoted = unquoted < end;
    end = if is_quoted { text.run_back(unquoted, 7, |byte| byte == b'\\') } else { end };
    let mut start = text.run_back(end, MOST_NAME, is_word);
    // Shorter names tell nothing; most numbers and times end here.
    if end - start < 3 || !text.before(end).is_ascii_alphanumeric() {
        return None;
    }
    if !may_tell(text.slice(start..end)) {
        return None;
    }
    // "API key: …" is written with a space in prose.
    if text.slice(start..end).eq_ignore_ascii_case("key") && text.before(start) == b' ' {
        let before = text.run_back(start - 1, 8, is_word);
        let is_part = ["api", "access", "secret", "private", "signing", "encryption"]
            .iter()
            .any(|part| part.eq_ignore_ascii_case(text.slice(before..start - 1)));
        start = if is_part { before } else { start };
    }
    let enclosing = Some(text.before(start)).filter(|byte| !is_quoted && matches!(byte, b'"' | b'\'' | b'`'));
    Some(Name { is_quoted, enclosing, words: Words::of(text.slice(start..end)) })
}

/// The credentials of an `Authorization` header; its scheme stays readable.
fn authorization(search: &Search<'_>, start: usize, name: &Name, telling: Telling) -> Option<Finding<'static>> {
    let text = search.text;
    let whole = value(text, start);
    let from = whole.range.start;
    let scheme_end = text.run_within(from, MOST_NAME, is_word);
    let scheme = text.slice(from..scheme_end);
    let rest = text.run(scheme_end, is_blank);
    let has_scheme = rest > scheme_end && is_scheme(scheme) && (!whole.is_quoted || rest < whole.range.end);
    let end = match (whole.is_quoted, has_scheme) {
        (true, _) | (false, false) => whole.range.end,
        (false, true) if has_parameters(scheme) => line(text, rest, name.enclosing).end,
        (false, true) => value(text, rest).range.end,
    };
    let kind = if has_scheme && scheme.eq_ignore_ascii_case("bearer") { "bearer" } else { telling.kind };
    found(search, if has_scheme { rest } else { from }, end, Telling { kind, ..telling }, Beside::Assigned)
}

/// Whether `word` is the scheme of an `Authorization` header.
pub(crate) fn is_scheme(word: &str) -> bool {
    const SCHEMES: [&str; 8] = ["bearer", "basic", "token", "apikey", "api-key", "negotiate", "key", "jwt"];
    SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(word)) || has_parameters(word)
}

/// Whether what follows this scheme goes on to the end of the line.
fn has_parameters(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("digest") || scheme.to_ascii_uppercase().starts_with("AWS4-HMAC")
}

/// The array or object that opens at `start`, to its matching bracket or the end of the text.
fn structure(search: &Search<'_>, start: usize, telling: Telling) -> Option<Finding<'static>> {
    let text = search.text;
    let (mut depth, mut in_string, mut at) = (0_usize, false, start);
    while at < text.len() {
        match text.at(at) {
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    let end = at.min(text.len());
    found(search, start + 1, if depth == 0 { end - 1 } else { end }, telling, Beside::Assigned)
}

/// An IP address or a phone number beside a name that says so.
fn personal_value(search: &Search<'_>, words: &Words, start: usize) -> Option<Finding<'static>> {
    if search.place == Place::KeptAttribute || search.exempt.keeps(words) {
        return None;
    }
    let text = search.text;
    let kind = personal(words)?;
    let from = text.run(text.run(start, is_blank), |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    let end = match kind {
        Personal::Ip => text.run(from, |byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')),
        Personal::Phone => text.run(from, |byte| byte.is_ascii_digit() || b"+()-. ".contains(&byte)),
        Personal::Email | Personal::Name => return None,
    };
    let value = text.slice(from..end).trim_end_matches([' ', '.', ':', '-', '(']);
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let is_personal = if kind == Personal::Ip { is_personal_ip(value) } else { (7..=15).contains(&digits) };
    is_personal.then(|| Finding { start: from, end: from + value.len(), kind: kind.kind() })
}

/// The finding of a value, when its name accepts it.
pub(super) fn found(
    search: &Search<'_>,
    start: usize,
    end: usize,
    telling: Telling,
    beside: Beside,
) -> Option<Finding<'static>> {
    let value = search.text.slice(start..end);
    let is_secret = end > start && telling.accepts(value, beside);
    is_secret.then(|| Finding { start, end, kind: known(value).unwrap_or(telling.kind) })
}
