//! A line in GitHub's dialect: a pattern, then owners, then perhaps a comment.
//!
//! What GitHub does: the last line that matches a path decides, over the whole file; a line with a pattern or
//! an owner that is not valid is left out and the rest kept; a line without owners says that nobody owns what
//! it matches; paths are case-sensitive; `# …` after the owners is a comment; `[` and `]` are ordinary
//! characters; `!` and a leading `\#` are not supported.

use super::reading::{Entry, Fault};
use super::{OwnerName, Reading};
use crate::ownership::pattern::Pattern;

/// Reads one line, which begins at byte `start_of_line` of its file.
pub(super) fn read(line: &str, start_of_line: usize, reading: &mut Reading<'_>) {
    match parse(line, start_of_line) {
        Ok(None) => {}
        Ok(Some((entry, remark))) => {
            reading.tell_all(remark);
            reading.add(line, entry);
        }
        Err(fault) => reading.tell(fault),
    }
}

/// Reads one line; `None` when it is blank or a comment.
fn parse(line: &str, start_of_line: usize) -> Result<Option<(Entry<'_>, Option<Fault>)>, Fault> {
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
    let owners = owners(line, end, start_of_line)?;
    let remark = text.contains('[').then(|| {
        let help = "character ranges and sections are not part of GitHub's dialect";
        refused(format!("the brackets in `{text}` are taken literally"), Some(help))
    });
    Ok(Some((Entry { text, pattern, owners, section: 0, excludes: false }, remark)))
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

fn owners(line: &str, from: usize, start_of_line: usize) -> Result<Vec<OwnerName>, Fault> {
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
            owners.push(OwnerName::new(name, start_of_line + at));
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
