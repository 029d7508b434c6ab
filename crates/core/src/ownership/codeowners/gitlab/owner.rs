//! Owners in GitLab's dialect: whatever among the words looks like one.

use crate::ownership::codeowners::reading::Fault;

/// The roles of a project's members that can own something.
const ROLES: [&str; 6] = ["developer", "developers", "maintainer", "maintainers", "owner", "owners"];

/// The owners in the words after a pattern, each with where it begins, and what to know of the other words.
pub(super) fn read(words: &str) -> (Vec<(usize, &str)>, Vec<Fault>) {
    let mut remarks = Vec::new();
    let mut at = 0;
    let mut is_comment = false;
    for word in words.split(super::is_blank) {
        let end = at + word.len();
        if word.starts_with('#') && !is_comment {
            is_comment = true;
            let message = "there are no comments after owners: what looks like an owner here is one".to_owned();
            remarks.push(Fault { at: at..end, message, help: Some("put the comment on a line of its own") });
        } else if !is_comment && !word.is_empty() && find_all(word).is_empty() {
            let message = format!("`{word}` is not an owner and is ignored");
            let help = "owners are `@user`, `@group/team`, `@@maintainer` or an e-mail address; a space in a path is written `\\ `";
            remarks.push(Fault { at: at..end, message, help: Some(help) });
        }
        at = end + 1;
    }
    (find_all(words), remarks)
}

/// Everything in a text that looks like an owner, each with where it begins.
pub(super) fn find_all(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find('@')).map(|at| from + at) {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        let (start, length) = if before.ends_with(|char: char| char.is_alphanumeric() || char == '_') {
            let free = text.get(from..at).unwrap_or_default();
            let local = free.rsplit(|char| !is_local(char)).next().unwrap_or_default();
            (at - local.len(), if local.is_empty() { 0 } else { domain(after) })
        } else if let Some(role) = after.strip_prefix('@') {
            let word = span(role, |char| char.is_ascii_alphanumeric() || char == '_');
            let is_role = role.get(..word).is_some_and(|word| ROLES.contains(&word));
            // An unknown role is nothing, and its second `@` begins nothing either.
            (at, if is_role { word + 1 } else { 0 })
        } else {
            (at, name(after))
        };
        let end = at + 1 + length;
        if length > 0 {
            found.extend(text.get(start..end).map(|owner| (start, owner)));
        }
        from = if length == 0 && after.starts_with('@') { end + 1 } else { end };
    }
    found
}

/// How much of a text is the name of a user or a group, with its parents: `group/sub/group`.
fn name(text: &str) -> usize {
    let whole = span(text, |char| char.is_ascii_alphanumeric() || "_.-/".contains(char));
    let mut end = 0;
    for part in text.get(..whole).unwrap_or_default().split('/') {
        let kept = part.trim_end_matches('.');
        if !kept.starts_with(|char: char| char.is_ascii_alphanumeric() || char == '_' || char == '.') {
            break;
        }
        end += kept.len() + usize::from(end > 0);
        if kept.len() < part.len() {
            break;
        }
    }
    end
}

fn domain(text: &str) -> usize {
    let whole = span(text, |char| char.is_alphanumeric() || ".-".contains(char));
    text.get(..whole).unwrap_or_default().trim_end_matches(['.', '-']).len()
}

fn is_local(char: char) -> bool {
    char.is_alphanumeric() || "_.+-%'".contains(char)
}

fn span(text: &str, holds: impl Fn(char) -> bool) -> usize {
    text.find(|char| !holds(char)).unwrap_or(text.len())
}
