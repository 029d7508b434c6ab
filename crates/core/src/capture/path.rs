//! Where a path points: into the repository around the call, or outside of it.
//!
//! Only the text of paths is looked at; links are the agent side's to resolve.

use super::Call;
use crate::event::{Flag, Flags, Resource, ResourceKind};

/// The id of a repository's own root.
const ROOT: &str = ".";

/// A path of a call's argument as a file: relative to the repository's root when it lies inside, else absolute
/// and flagged. A relative path begins at the working directory, or without one at the root.
pub(super) fn resolve(path: &str, call: &Call<'_>, flags: &mut Flags) -> Resource {
    let path = plain(path);
    let root = call.repo_root.map(plain).map(|root| clean(&root));
    let start = call.cwd.map(plain).or_else(|| root.clone());
    let whole = match &start {
        Some(start) if !is_absolute(&path) => clean(&format!("{start}/{path}")),
        _ => clean(&path),
    };
    if let Some(root) = &root
        && let Some(inside) = whole.strip_prefix(root.trim_end_matches('/'))
        && (inside.is_empty() || inside.starts_with('/'))
    {
        let repo = call.repo.map(str::to_owned).or_else(|| root.rsplit('/').next().map(str::to_owned));
        let id = inside.trim_start_matches('/');
        let repo = repo.filter(|name| !name.is_empty());
        return Resource { repo, ..file(if id.is_empty() { ROOT } else { id }) };
    }
    // A relative path with nothing to begin at is inside whatever there is, unless it climbs out.
    if is_absolute(&whole) || escapes(&path) {
        flags.insert(Flag::OutsideRepo);
    }
    file(&whole)
}

/// A path that an argument gives relative to a repository that an argument names.
pub(super) fn in_repo(path: &str, repo: &str) -> Resource {
    let path = clean(&plain(path));
    Resource { repo: Some(repo.to_owned()), ..file(path.trim_start_matches('/')) }
}

fn file(path: &str) -> Resource {
    Resource::new(ResourceKind::File, if path.is_empty() { ROOT } else { path })
}

/// Without a `file://` in front, and with `/` in paths that begin with a drive.
fn plain(path: &str) -> String {
    let path = path.strip_prefix("file://").unwrap_or(path);
    if has_drive(path) { path.replace('\\', "/") } else { path.to_owned() }
}

fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic())
}

/// From a root, a drive, or somebody's home.
fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || path == "~" || path.starts_with("~/") || has_drive(path)
}

/// Without `.`, `..` and empty parts; `..` at the top goes nowhere.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let front = if path.starts_with('/') { "/" } else { "" };
    format!("{front}{}", parts.join("/"))
}

/// Whether a relative path climbs above where it begins.
fn escapes(path: &str) -> bool {
    let mut depth = 0_i64;
    path.split('/').any(|part| {
        depth += match part {
            "" | "." => 0,
            ".." => -1,
            _ => 1,
        };
        depth < 0
    })
}
