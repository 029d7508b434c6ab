//! Private keys in PEM: the whole block, or what is there of it.

use memchr::memmem;

use super::Finding;
use crate::text::Text;

/// The block whose first `-` is at `at`. Without its end it reaches to the end of the text.
pub(super) fn find(text: Text<'_>, at: usize) -> Option<Finding<'static>> {
    let rest = text.from(at);
    if text.before(at) == b'-' || !rest.starts_with(b"-----BEGIN ") {
        return None;
    }
    let label_end =
        text.run(at + 11, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ').min(at + 64);
    memmem::find(text.slice(at..label_end).as_bytes(), b"PRIVATE KEY")?;
    let end = memmem::find(text.from(label_end), b"-----END ").map_or(text.len(), |end| {
        let label = label_end + end + 9;
        text.run(text.run(label, |byte| byte != b'-' && byte != b'\n').min(label + 64), |byte| byte == b'-')
    });
    Some(Finding { start: at, end, kind: "private_key" })
}
