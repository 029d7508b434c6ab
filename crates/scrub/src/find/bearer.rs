//! `Bearer <token>` and `Basic <base64>` outside of a header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::Finding;
use crate::shape::is_mixed;
use crate::text::{Text, is_blank};

/// The credentials behind the scheme whose first letter is at `at`.
pub(super) fn find(text: Text<'_>, at: usize) -> Option<Finding<'static>> {
    if !text.word_starts(at) {
        return None;
    }
    let scheme_end = text.run(at, |byte| byte.is_ascii_alphabetic()).min(at + 7);
    let scheme = text.slice(at..scheme_end);
    let start = text.run(scheme_end, is_blank);
    if start == scheme_end {
        return None;
    }
    let end = text.run(start, |byte| byte.is_ascii_alphanumeric() || b"._~+/=-".contains(&byte));
    let value = text.slice(start..end);
    let trimmed = value.trim_end_matches('.');
    let found = |kind| Some(Finding { start, end: start + trimmed.len(), kind });
    if scheme.eq_ignore_ascii_case("bearer") {
        return (is_mixed(trimmed) || trimmed.len() >= 20).then(|| found("bearer")).flatten();
    }
    (scheme.eq_ignore_ascii_case("basic") && is_pair(trimmed)).then(|| found("authorization")).flatten()
}

/// Whether `value` is base64 of `user:password`.
fn is_pair(value: &str) -> bool {
    let pair = STANDARD_NO_PAD.decode(value.trim_end_matches('=')).ok().and_then(|pair| String::from_utf8(pair).ok());
    pair.is_some_and(|pair| pair.contains(':') && !pair.chars().any(char::is_control))
}
