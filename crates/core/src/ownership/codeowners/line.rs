//! One line of CODEOWNERS: a pattern, then owners, then perhaps a comment.

use std::ops::Range;

use crate::ownership::pattern::Pattern;

/// One line that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: u32,
    /// The pattern as written.
    pub pattern: Box<str>,
    /// The owners as written; none says that nobody owns what matches.
    pub owners: Vec<OwnerName>,
}

/// An owner as written: `@user`, `@org/team` or an e-mail address, and where in its line it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerName {
    /// As written.
    pub text: Box<str>,
    /// The byte of the line at which it begins.
    pub offset: u32,
}

#[derive(Debug)]
pub(super) struct Parsed<'l> {
    pub(super) text: &'l str,
    pub(super) pattern: Pattern,
    pub(super) owners: Vec<OwnerName>,
    /// Something to know about a line that applies.
    pub(super) remark: Option<Fault>,
}

/// Something to tell of a line: where in it, what, and what to do.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) message: String,
    pub(super) help: Option<&'static str>,
}

impl Fault {
    pub(super) fn whole(line: &str, why: &str, help: Option<&'static str>) -> Self {
        Self { at: 0..line.len(), message: format!("this line {why}"), help }
    }
}

/// Reads one line; `None` when it is blank or a comment.
pub(super) fn parse(line: &str) -> Result<Option<Parsed<'_>>, Fault> {
    let start = line.len() - line.trim_start_matches(BLANKS).len();
    let end = end_of_pattern(line, start);
    let text = line.get(start..end).unwrap_or_default();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let refused = |message: String, help| Fault { at: start..end, message, help };
    if text.starts_with('!') {
        let message = format!("`{text}` begins with `!`, which CODEOWNERS does not support; this line is left out");
        return Err(refused(message, Some("to take something out, write it on a later line without owners")));
    }
    if text.starts_with("\\#") {
        let message = format!("`{text}` begins with `\\#`, which CODEOWNERS does not support; this line is left out");
        return Err(refused(message, Some("match the name with `?` in place of `#`")));
    }
    let pattern =
        Pattern::codeowners(text).map_err(|why| refused(format!("`{text}` {why}; this line is left out"), None))?;
    let owners = owners(line, end)?;
    let remark = text.contains('[').then(|| {
        let help = "character ranges and sections are not part of GitHub's dialect";
        refused(format!("the brackets in `{text}` are taken literally"), Some(help))
    });
    Ok(Some(Parsed { text, pattern, owners, remark }))
}

const BLANKS: [char; 2] = [' ', '\t'];

fn end_of_pattern(line: &str, start: usize) -> usize {
    let mut escaped = false;
    for (at, char) in line.char_indices().filter(|(at, _)| *at >= start) {
        if !escaped && BLANKS.contains(&char) {
            return at;
        }
        escaped = char == '\\' && !escaped;
    }
    line.len()
}

fn owners(line: &str, from: usize) -> Result<Vec<OwnerName>, Fault> {
    let mut owners = Vec::new();
    let mut at = from;
    for word in line.get(from..).unwrap_or_default().split(BLANKS) {
        let (name, comment) = match word.split_once('#') {
            Some((name, _)) => (name, true),
            None => (word, false),
        };
        if !name.is_empty() {
            if !is_owner(name) {
                return Err(Fault {
                    at: at..at + name.len(),
                    message: format!("`{name}` is not an owner; this line is left out"),
                    help: Some(
                        "owners are `@user`, `@org/team` or an e-mail address; a space in a path is written `\\ `",
                    ),
                });
            }
            owners.push(OwnerName { text: name.into(), offset: u32::try_from(at).unwrap_or(u32::MAX) });
        }
        if comment {
            break;
        }
        at += word.len() + 1;
    }
    Ok(owners)
}

fn is_owner(name: &str) -> bool {
    let word = |word: &str, extra: &[u8]| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) || extra.contains(&byte))
    };
    match name.split_once('@') {
        Some(("", handle)) => match handle.split_once('/') {
            Some((organization, team)) => word(organization, b"") && word(team, b""),
            None => word(handle, b""),
        },
        Some((local, domain)) => word(local, b"+%'") && word(domain, b""),
        None => false,
    }
}
