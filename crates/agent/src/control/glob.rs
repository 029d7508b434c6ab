//! Patterns over tools, as the control state names them: `*` any run of characters, `?` one.

/// Whether a pattern covers a tool of a server. A pattern with a `/` is over `server/tool`, one without over the tool.
pub(super) fn covers(pattern: &str, server: &str, tool: &str) -> bool {
    match pattern.split_once('/') {
        // Tools may hold a slash themselves: the whole name is tried too.
        Some((servers, tools)) => {
            (matches(servers.as_bytes(), server.as_bytes()) && matches(tools.as_bytes(), tool.as_bytes()))
                || matches(pattern.as_bytes(), tool.as_bytes())
        }
        None => matches(pattern.as_bytes(), tool.as_bytes()),
    }
}

/// Linear in practice, never worse than pattern times text: only the last star is tried again.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(b'?') => (at, from) = (at + 1, from + 1),
            Some(byte) if text.get(from) == Some(byte) => (at, from) = (at + 1, from + 1),
            _ => match star {
                Some((star_at, star_from)) => {
                    star = Some((star_at, star_from + 1));
                    (at, from) = (star_at + 1, star_from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_tools() {
        for (pattern, server, tool, expect) in [
            ("delete_*", "filesystem", "delete_file", true),
            ("delete_*", "filesystem", "undelete_file", false),
            ("filesystem/delete_*", "filesystem", "delete_file", true),
            ("filesystem/delete_*", "memory", "delete_file", false),
            ("*/write_file", "memory", "write_file", true),
            ("*", "a", "b", true),
            ("get?", "a", "gets", true),
            ("get?", "a", "get", false),
            ("*a*b*", "s", "xxaxxbxx", true),
            ("*a*b", "s", "xxaxxbxx", false),
            ("issues/*", "github", "issues/create", true),
            ("", "a", "b", false),
        ] {
            assert_eq!(covers(pattern, server, tool), expect, "{pattern} over {server}/{tool}");
        }
    }
}
