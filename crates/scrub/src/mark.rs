//! The text that stands where a secret stood: `[redacted:<kind>:<6 hex>]`.

use std::ops::Range;

use hmac::{Hmac, KeyInit, Mac};
use memchr::memmem;
use sha2::Sha256;

const OPEN: &[u8] = b"[redacted:";
const MAX_KIND: usize = 32;

/// Makes marks under one tenant's key. Does not print the key.
#[derive(Clone)]
pub(crate) struct Marker {
    keyed: Hmac<Sha256>,
}

impl Marker {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        // A key shorter than the hash's block is filled up with zeros.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        for (to, from) in block.iter_mut().zip(key) {
            *to = from;
        }
        Self { keyed: Hmac::new(&block) }
    }

    /// Appends the mark of `secret` to `out`.
    pub(crate) fn mark(&self, out: &mut String, kind: &str, secret: &str) {
        let mut mac = self.keyed.clone();
        mac.update(secret.as_bytes());
        let mut digest = hex::encode(mac.finalize().into_bytes());
        digest.truncate(6);
        for part in ["[redacted:", kind, ":", &digest, "]"] {
            out.push_str(part);
        }
    }
}

/// Whether `kind` may name a kind: 1–32 of `[a-z0-9_]`.
pub(crate) fn is_kind(kind: &str) -> bool {
    (1..=MAX_KIND).contains(&kind.len()) && kind.bytes().all(is_kind_byte)
}

fn is_kind_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

/// The marks already in `text`, in order.
pub(crate) fn marks(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    memmem::find_iter(bytes, OPEN).filter_map(|at| Some(at..at + mark_length(bytes.get(at..)?)?)).collect()
}

/// The length of the mark that `bytes` begins with.
fn mark_length(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(OPEN)?;
    let kind = rest.iter().take(MAX_KIND + 1).position(|&byte| !is_kind_byte(byte)).filter(|&length| length > 0)?;
    let (digest, close) = rest.get(kind..)?.strip_prefix(b":")?.split_at_checked(6)?;
    let is_hex = digest.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte));
    (is_hex && close.first() == Some(&b']')).then_some(OPEN.len() + kind + 8)
}

/// Whether `text` holds nothing worth hiding besides marks: no letter or digit.
pub(crate) fn is_only_marks(text: &str) -> bool {
    let mut at = 0;
    for mark in marks(text) {
        if has_content(text.get(at..mark.start).unwrap_or("")) {
            return false;
        }
        at = mark.end;
    }
    !has_content(text.get(at..).unwrap_or(""))
}

/// Whether there is a letter or a digit in `text`.
pub(crate) fn has_content(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}
