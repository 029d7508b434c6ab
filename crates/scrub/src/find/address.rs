//! E-mail addresses, and the passwords in URLs.

use super::Finding;
use crate::shape::{is_placeholder, is_random};
use crate::text::Text;

const MOST_LOCAL: usize = 64;

/// Ends of units and files, none of which is a top-level domain: `openvpn@client.service` and `flag@dark.svg` are
/// names of things. Those that are both, such as `rs` and `zip`, are not here.
const EXTENSIONS: &[&str] = &[
    // systemd
    "automount",
    "device",
    "mount",
    "path",
    "scope",
    "service",
    "slice",
    "socket",
    "swap",
    "timer", // text and data
    "cfg",
    "conf",
    "csv",
    "env",
    "ini",
    "json",
    "lock",
    "log",
    "proto",
    "sql",
    "toml",
    "tsv",
    "txt",
    "xml",
    "yaml",
    "yml", // pictures, fonts, documents
    "avif",
    "bmp",
    "eps",
    "gif",
    "ico",
    "jpeg",
    "jpg",
    "pdf",
    "png",
    "psd",
    "svg",
    "ttf",
    "webp",
    "woff",
    // code and archives
    "bak",
    "css",
    "gz",
    "htm",
    "html",
    "js",
    "jsx",
    "less",
    "rb",
    "sass",
    "scss",
    "tar",
    "tgz",
    "tmp",
    "ts",
    "tsx",
];

/// The e-mail address around the `@` at `at`.
pub(super) fn email(text: Text<'_>, at: usize) -> Option<Finding<'static>> {
    let start = local_start(text, at);
    let local = text.slice(start..at);
    if local.is_empty() || local.starts_with('.') && local.len() == 1 {
        return None;
    }
    let mut end = text.run(at + 1, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    while matches!(text.before(end), b'.' | b'-') && end > at + 1 {
        end -= 1;
    }
    let domain = text.slice(at + 1..end);
    let (rest, top) = domain.rsplit_once('.')?;
    let is_top = top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic()) && !is_extension(top);
    // `pkg@v1.2.0-beta.rc` is a version, `logo@2x.png` a size, `git@host:path` a repository.
    let first = rest.split('.').next().unwrap_or("");
    let number =
        first.strip_prefix('v').unwrap_or(first).strip_suffix('x').unwrap_or(first.strip_prefix('v').unwrap_or(first));
    let is_version = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_repository = matches!(local, "git" | "hg");
    (is_top && !rest.is_empty() && !is_version && !is_repository).then_some(Finding { start, end, kind: "email" })
}

fn is_extension(top: &str) -> bool {
    EXTENSIONS.iter().any(|known| top.eq_ignore_ascii_case(known))
}

/// Where the part before the `@` starts. Letters of the alphabets that write e-mail belong to it.
fn local_start(text: Text<'_>, at: usize) -> usize {
    let belongs = |letter: char| match letter {
        letter if letter.is_ascii() => letter.is_ascii_alphanumeric() || "._%+-".contains(letter),
        letter => letter.is_alphabetic() && letter < '\u{2e80}',
    };
    let before = text.slice(0..at);
    let length: usize =
        before.chars().rev().take(MOST_LOCAL).take_while(|&letter| belongs(letter)).map(char::len_utf8).sum();
    at - length
}

/// The password in the URL whose `://` is at `at`; or the whole path of a webhook that is one.
pub(super) fn userinfo(text: Text<'_>, at: usize) -> Option<Finding<'static>> {
    let start = at + 3;
    if text.from(start).starts_with(b"hooks.slack.com/") {
        let path = start + 16;
        let end = text.run(path, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-'));
        return (end - path >= 20).then_some(Finding { start: path, end, kind: "slack_webhook" });
    }
    let stop = text.run(start, |byte| byte > b' ' && !matches!(byte, b'/' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`'));
    let authority = text.slice(start..stop);
    let (user, _) = authority.rsplit_once('@')?;
    let end = start + user.len();
    let found = |start, kind| Some(Finding { start, end, kind });
    match user.split_once(':') {
        Some((_, "")) => None,
        Some((_, password)) if is_placeholder(password) || is_port(password) => None,
        Some((name, _)) if name.contains(['?', '#']) => None,
        Some((name, password)) => found(start + name.len() + 1, super::known(password).unwrap_or("password")),
        None if is_random(user) => found(start, super::known(user).unwrap_or("credential")),
        None => None,
    }
}

/// Whether what follows the `:` is a port, so that the `@` belongs to the query: `http://host:80?to=a@b`.
fn is_port(rest: &str) -> bool {
    rest.split_once(['?', '#']).is_some_and(|(port, _)| port.bytes().all(|byte| byte.is_ascii_digit()))
}
