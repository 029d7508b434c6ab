//! What a notice says, and how a webhook writes it.
//!
//! A notice is atomic: one recipient, one message, with who did what where and when, why it goes to this
//! person, and what can be done about it in one call. Everything in it is already decided and already
//! scrubbed; here it only becomes text of a bounded size.

mod view;

use bytes::Bytes;
use mandate_core::time::Millis;

/// The largest body sent, in bytes: many receivers stop reading at 20 KB.
pub const BODY_BYTES: usize = 20_000;

/// What a notice is about; the `type` on the wire, by which receivers choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `action.monitored`: an agent acted, somebody's resource was touched.
    ActionMonitored,
    /// `action.flagged`: the same, and it asks for attention.
    ActionFlagged,
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
    /// The notification's id: the `webhook-id` over all attempts.
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
        let name = if self.who.name.is_empty() { &self.who.id } else { &self.who.name };
        let mut line = format!("[{}] {kind} \"{name}\" {}", self.label, self.what.action);
        if let Some((first, rest)) = self.places.split_first() {
            line.push_str(" on ");
            line.push_str(&first.resource);
            if !rest.is_empty() {
                line.push_str(&format!(" and {} more", rest.len()));
            }
        }
        line
    }

    /// The webhook's body: `{"type", "timestamp", "data"}` in JSON, at most [`BODY_BYTES`] long.
    ///
    /// The same notice always gives the same bytes. What is too long is cut with `…`, first the resources
    /// (their number stays in `more`), then the texts; ids, hashes and paths are never cut.
    #[must_use]
    pub fn body(&self) -> Bytes {
        view::write(self)
    }
}
