//! Names: of the agent, from what its client says, and of a server, from what it says of itself.

/// An agent's id when the operator gave none: `<client name>@<host>`, with what ids may hold.
pub(super) fn agent_id(client: &str, host: &str) -> String {
    let client = permitted(client, b"._:/-");
    let host = permitted(host, b"._-");
    let client = if client.is_empty() { "mcp".to_owned() } else { client };
    let host = if host.is_empty() { "localhost".to_owned() } else { host };
    // Only ASCII is left: any place is a boundary.
    let mut id = client;
    id.truncate(64);
    id.push('@');
    id.push_str(&host);
    id.truncate(128);
    id
}

/// A server's name as rules and `capture.yaml` know it: `secure-filesystem-server` is `filesystem`.
pub(super) fn server_name(announced: &str) -> String {
    let lower = announced.to_lowercase();
    let last = lower.rsplit('/').next().unwrap_or_default();
    let mut name = last;
    loop {
        let before = name;
        for prefix in ["mcp-server-", "mcp_server_", "server-", "mcp-", "mcp_", "secure-"] {
            name = name.strip_prefix(prefix).filter(|rest| !rest.is_empty()).unwrap_or(name);
        }
        for suffix in ["-mcp-server", "_mcp_server", "-server", "_server", " server", "-mcp", "_mcp", " mcp"] {
            name = name.strip_suffix(suffix).filter(|rest| !rest.is_empty()).unwrap_or(name);
        }
        if name == before {
            break;
        }
    }
    let mut name = permitted(name, b"._-");
    name.truncate(64);
    if name.is_empty() { "unknown".to_owned() } else { name }
}

fn permitted(text: &str, marks: &[u8]) -> String {
    let allowed =
        |letter: char| letter.is_ascii_alphanumeric() || u8::try_from(letter).is_ok_and(|byte| marks.contains(&byte));
    let mapped: String = text.trim().chars().map(|letter| if allowed(letter) { letter } else { '-' }).collect();
    mapped.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (announced, expect) in [
            ("secure-filesystem-server", "filesystem"),
            ("mcp-servers/everything", "everything"),
            ("memory-server", "memory"),
            ("mcp-time", "time"),
            ("@acme/mcp-server-git", "git"),
            ("GitHub MCP Server", "github"),
            ("server", "server"),
            ("mcp", "mcp"),
            ("", "unknown"),
            ("Ünïcode", "n-code"),
        ] {
            assert_eq!(server_name(announced), expect, "{announced}");
        }
        assert_eq!(agent_id("Claude Desktop", "box.local"), "Claude-Desktop@box.local");
        assert_eq!(agent_id("", ""), "mcp@localhost");
        assert!(agent_id(&"x".repeat(500), &"y".repeat(500)).len() <= 128);
    }
}
