//! Whom and what Slack's ids name.

use std::fmt;

/// Where a message stands: what an update needs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Receipt {
    /// The channel's id, `C…`, `G…` or `D…`; for a message to a person, that of the conversation.
    pub channel: String,
    /// The message's time stamp, its id within the channel.
    pub ts: String,
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.channel, self.ts)
    }
}

impl Receipt {
    /// Reads a receipt back as it was shown; nothing when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (channel, ts) = text.split_once(' ').filter(|(channel, ts)| !channel.is_empty() && !ts.is_empty())?;
        Some(Self { channel: channel.to_owned(), ts: ts.to_owned() })
    }
}

/// A person of a workspace. A user's id means nothing without its team's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlackUser {
    /// The workspace the person belongs to, `T…`; the organisation, `E…`, when there is none.
    pub team: String,
    /// The person, `U…` or `W…`.
    pub user: String,
}

/// Somebody who is called by a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention(String);

impl Mention {
    /// Reads the id of a person (`U…`, `W…`) or of a user group (`S…`); nothing when it is none.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        let (kind, rest) = id.split_at_checked(1)?;
        let clean = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        if rest.is_empty() || id.len() > 32 || !rest.bytes().all(clean) {
            return None;
        }
        match kind {
            "U" | "W" => Some(Self(format!("<@{id}>"))),
            "S" => Some(Self(format!("<!subteam^{id}>"))),
            _ => None,
        }
    }
}

impl fmt::Display for Mention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_read_back() {
        let receipt = Receipt { channel: "C1".into(), ts: "1767225600.000100".into() };
        assert_eq!(Receipt::parse(&receipt.to_string()), Some(receipt));
        assert_eq!(Receipt::parse("C1"), None);
        assert_eq!(Receipt::parse(" 1"), None);
    }

    #[test]
    fn only_people_and_groups_are_called() {
        let check = |id: &str, expect: Option<&str>| {
            assert_eq!(Mention::parse(id).map(|mention| mention.to_string()).as_deref(), expect, "{id}");
        };
        check("U024BE7LH", Some("<@U024BE7LH>"));
        check("W1", Some("<@W1>"));
        check("S0614TZR7", Some("<!subteam^S0614TZR7>"));
        for id in ["", "U", "C1", "u1", "U1>", "here", "U 1", "ÜU1", &"U1".repeat(40)] {
            check(id, None);
        }
    }
}
