//! What a notice says, the same for every channel.
//!
//! A notice is atomic: one recipient, one message, with who did what where and when, why it goes to this
//! person, and what can be done about it in one call. Everything in it is already decided and already
//! scrubbed; a channel only turns it into text of a bounded size.

use std::fmt;

use mandate_core::time::{DAY, HOUR, MINUTE, Millis, SECOND, Span};

/// What a notice is about; the `type` on the wire, by which receivers choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `action.monitored`: an agent acted, somebody's resource was touched.
    ActionMonitored,
    /// `action.flagged`: the same, and it asks for attention.
    ActionFlagged,
    /// `action.updated`: more happened in the session of an action that was told, or somebody answered.
    ActionUpdated,
    /// `digest`: actions that were no messages of their own.
    Digest,
    /// `agent.paused`
    AgentPaused,
    /// `agent.resumed`
    AgentResumed,
    /// `system.alert`: Mandate itself needs an admin.
    SystemAlert,
    /// `channel.test`: somebody tries the channel out.
    ChannelTest,
}

impl Kind {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ActionMonitored => "action.monitored",
            Self::ActionFlagged => "action.flagged",
            Self::ActionUpdated => "action.updated",
            Self::Digest => "digest",
            Self::AgentPaused => "agent.paused",
            Self::AgentResumed => "agent.resumed",
            Self::SystemAlert => "system.alert",
            Self::ChannelTest => "channel.test",
        }
    }
}

/// One message to one recipient.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The notification's id, the same over all attempts and in every answer to it.
    pub id: String,
    /// What it is about.
    pub kind: Kind,
    /// When the notice was made; the same in every attempt.
    pub at: Millis,
    /// The word in brackets at the head: the path (`monitored`, `flagged`), or `critical`.
    pub label: String,
    /// How soon somebody should look: `low`, `normal`, `high`, `critical`.
    pub urgency: String,
    /// The recipient's handle, such as `@alice`.
    pub recipient: String,
    /// Who acted.
    pub who: Who,
    /// What was done.
    pub what: What,
    /// What was touched, the most important first.
    pub places: Vec<Place>,
    /// When it happened.
    pub when: When,
    /// Why this recipient is told.
    pub why_you: WhyYou,
    /// How far it may reach, and where to look.
    pub impact: Impact,
    /// What came of it since it happened.
    pub since: Since,
    /// What the recipient can do, the likeliest first.
    pub suggestions: Vec<Suggestion>,
    /// The event that caused it; nothing for notices about no event.
    pub event: Option<EventRef>,
    /// Where Mandate is reached, such as `https://mandate.example.com`; links are left out without it.
    pub public_url: Option<String>,
}

/// The actor, as the event names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Who {
    /// `agent`, `human`, `service`.
    pub kind: String,
    /// The actor's id.
    pub id: String,
    /// The name shown to people; the id when empty.
    pub name: String,
    /// What the agent runs on, such as `mcp`.
    pub framework: Option<String>,
}

/// The action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct What {
    /// The action's type, such as `deploy`.
    pub action: String,
    /// The agent's own words for it.
    pub description: Option<String>,
    /// How much changed, such as `+120 −14 in 3 files`.
    pub diff: Option<String>,
    /// What was put there, such as `v2.3.1`.
    pub version: Option<String>,
    /// Where it runs, such as `production`.
    pub environment: Option<String>,
}

/// One resource that was touched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// `type:id`, such as `service:payments-service`, with its repository in front of a file's path.
    pub resource: String,
    /// The owner's handle; nothing when none was found and the fallback is told.
    pub owner: Option<String>,
    /// Where the owner was found, such as `ownership.yaml:12` or `fallback: no owner configured`.
    pub source: String,
}

/// When it happened and when it was known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct When {
    /// By the sender's clock.
    pub occurred_at: Millis,
    /// By Mandate's.
    pub received_at: Millis,
    /// Why the two are far apart, such as `arrived 14 minutes late: it was spooled while offline`.
    pub late: Option<String>,
}

/// The reason this person is told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WhyYou {
    /// One sentence, such as `You own service:payments-service`.
    pub reason: String,
    /// The rule that chose it.
    pub rule: Option<String>,
    /// How sure the ownership is, 0 to 1.
    pub confidence: f64,
    /// The same in words: `definitely`, `likely`, `possibly`.
    pub confidence_words: String,
}

/// How far an action may reach beyond what it touched, and where to look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Impact {
    /// What else it may touch, the surest first.
    pub blast_radius: Vec<BlastLine>,
    /// What to check first, a sentence each.
    pub check_first: Vec<String>,
    /// An earlier incident that began like this.
    pub resembles: Option<PastIncident>,
}

/// One resource in reach of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlastLine {
    /// How sure it is.
    pub layer: Layer,
    /// `type:id`.
    pub resource: String,
    /// The owner's handle; nothing when none was found.
    pub owner: Option<String>,
}

/// How sure it is that a resource is in reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Declared by the action, or it failed right after.
    Definite,
    /// It depends on what was touched, or shares a dependency with it.
    Likely,
    /// Further along the chain, or in the same failure domain.
    Possible,
}

impl Layer {
    /// The layer in one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Definite => "definite",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}

/// An earlier incident, and what was agreed then and is not done yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PastIncident {
    /// Its name, such as `INC-12 Checkout down for 40 minutes`.
    pub title: String,
    /// Its action items that are still open.
    pub undone: Vec<String>,
}

/// What came of an action since the first notice about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Since {
    /// The handles of those who were told beside the recipient.
    pub also_told: Vec<String>,
    /// The later actions that share this notice.
    pub merged: Option<Merged>,
    /// What people answered, the first answer first.
    pub responses: Vec<Response>,
}

/// Later actions of the same session that are told by editing the first notice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// How many there are beside the first.
    pub count: u64,
    /// The last one's type, such as `deploy`.
    pub last_action: String,
    /// The worst impact of all of them: `none`, `low`, `medium`, `high`.
    pub worst_impact: String,
}

/// One person's answer to a notice; reads `@alice paused deployer, 12 s after the notice`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The person's handle, such as `@alice`.
    pub who: String,
    /// What they did, such as `paused deployer`.
    pub did: String,
    /// How long after the notice was sent.
    pub after: Span,
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span(after) = self.after;
        let (count, unit) = match after {
            ..60_000 => (after.max(0) / SECOND.0, "s"),
            60_000..3_600_000 => (after / MINUTE.0, "min"),
            3_600_000..86_400_000 => (after / HOUR.0, "h"),
            _ => (after / DAY.0, "d"),
        };
        write!(f, "{} {}, {count} {unit} after the notice", self.who, self.did)
    }
}

/// Something the recipient can do, with the call that does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// What it does, in a few words.
    pub label: String,
    /// The call.
    pub call: Call,
}

/// A call to Mandate's API; each one needs the recipient's own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// `POST /v1/agents/{id}/pause`
    Pause {
        /// The agent's id.
        agent: String,
    },
    /// `POST /v1/agents/{id}/resume`
    Resume {
        /// The agent's id.
        agent: String,
    },
    /// `POST /v1/notifications/{id}/responses` with this intervention, such as `acknowledge`.
    Respond {
        /// The intervention's name.
        intervention: String,
    },
}

/// The event behind a notice, enough to find it and to check it against the chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventRef {
    /// The event's id.
    pub id: String,
    /// Its place in the tenant's chain.
    pub seq: i64,
    /// Its hash, `sha256:` and hex.
    pub hash: String,
}

impl Notice {
    /// The head line, such as `[monitored] Agent "deployer" deploy on service:payments-service and 2 more`.
    #[must_use]
    pub fn header(&self) -> String {
        let kind = if self.who.kind == "human" { "Person" } else { "Agent" };
        let mut line = match self.kind {
            Kind::Digest => format!("[{}] {} {}", self.label, self.actor(), self.what.action),
            _ => format!("[{}] {kind} \"{}\" {}", self.label, self.actor(), self.what.action),
        };
        if let Some((first, rest)) = self.places.split_first() {
            line.push_str(" on ");
            line.push_str(&first.resource);
            if !rest.is_empty() {
                line.push_str(&format!(" and {} more", rest.len()));
            }
        }
        line
    }

    /// The actor as people know it: by name, else by id.
    #[must_use]
    pub fn actor(&self) -> &str {
        if self.who.name.is_empty() { &self.who.id } else { &self.who.name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_says_who_did_what_and_how_soon() {
        let check = |after, expect: &str| {
            let response = Response { who: "@alice".into(), did: "paused deployer".into(), after };
            assert_eq!(response.to_string(), format!("@alice paused deployer, {expect} after the notice"));
        };
        check(SECOND.times(-1), "0 s");
        check(Span(12_900), "12 s");
        check(MINUTE, "1 min");
        check(Span(HOUR.0 - 1), "59 min");
        check(HOUR.times(5), "5 h");
        check(DAY.times(3), "3 d");
    }
}
