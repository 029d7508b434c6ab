//! Everything that happens, as the writer takes it in.
//!
//! An input carries the way back to whoever waits for it. The answer is given after the commit, so "accepted"
//! means durable, routed, its notifications written.

mod respond;

use mandate_core::audit::AuditEntry;
use mandate_core::chain::{Hash, Tip};
use mandate_core::change::{KeyRow, NotificationRow, PersonRow, RejectedRow};
use mandate_core::dedupe::Identity;
use mandate_core::delivery::Attempt;
use mandate_core::event::{FieldError, Submission};
use mandate_core::id::{ConfigId, EventId, KeyId};
use mandate_core::plan::Why;
use mandate_core::seal::{SealedContent, SealedRouting};
use mandate_core::time::Millis;
use tokio::sync::oneshot;

pub use respond::{Act, RespondInput, Responded};

/// The way back to whoever waits for an input. Nobody may wait any more: then the answer is dropped.
pub type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// Why an input was not carried out. Nothing of it happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The store cannot be reached; send it again later.
    #[error("the store cannot be reached; nothing was recorded, send it again")]
    StoreAway,
    /// The disk is full; send it again once there is room.
    #[error("no room on the store's disk; nothing was recorded, send it again later")]
    NoRoom,
    /// The server is stopping.
    #[error("the server is stopping; send it again")]
    Stopping,
    /// What it speaks of does not exist.
    #[error("{0} is not known")]
    NotFound(String),
    /// It contradicts what is stored.
    #[error("{0}")]
    Conflict(String),
    /// The key is bound to other agents.
    #[error("{0}")]
    NotYours(String),
    /// It can never be carried out.
    #[error("{0}")]
    Invalid(String),
}

/// One thing for the writer to do.
#[derive(Debug)]
pub enum Input {
    /// One request's events.
    Events(EventsInput),
    /// What became of an action.
    Outcome(OutcomeInput),
    /// A person paused or resumed agents.
    AgentState(AgentStateInput),
    /// Somebody answers a notice, or takes an answer back.
    Respond(RespondInput),
    /// Channels answered.
    Deliveries(Vec<Delivery>),
    /// Somebody makes an API key.
    CreateKey(CreateKeyInput),
    /// Somebody revokes an API key.
    RevokeKey(RevokeKeyInput),
    /// Another configuration is to be in force.
    ApplyConfig(ApplyConfigInput),
    /// Something to be remembered in the audit log alone, such as a refused request.
    Audit(AuditEntry),
    /// Those who look after Mandate are to know of this.
    Alert(Why),
    /// Removes one event's content.
    Erase(EraseInput),
    /// Time passed: a checkpoint of the chains and the history, when one is due.
    Tick,
    /// The server stops: a checkpoint of all that was added since the last.
    Checkpoint,
}

/// What agents send. It waits in their own sub-queue, and may be refused for load.
#[derive(Debug)]
pub enum AgentInput {
    /// One request's events.
    Events(EventsInput),
    /// What became of an action.
    Outcome(OutcomeInput),
}

impl AgentInput {
    /// How many events it counts for.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Events(events) => events.items.len() + events.rejected.len(),
            Self::Outcome(_) => 1,
        }
    }

    /// What it holds in memory, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Events(events) => events.bytes,
            Self::Outcome(outcome) => outcome.body.len(),
        }
    }
}

impl From<EventsInput> for AgentInput {
    fn from(events: EventsInput) -> Self {
        Self::Events(events)
    }
}

impl From<OutcomeInput> for AgentInput {
    fn from(outcome: OutcomeInput) -> Self {
        Self::Outcome(outcome)
    }
}

impl From<AgentInput> for Input {
    fn from(input: AgentInput) -> Self {
        match input {
            AgentInput::Events(events) => Self::Events(events),
            AgentInput::Outcome(outcome) => Self::Outcome(outcome),
        }
    }
}

impl Input {
    /// What makes a repeat of a call the same one, when its client named it.
    #[must_use]
    pub fn once(&self) -> Option<&Identity> {
        match self {
            Self::Outcome(outcome) => outcome.once.as_ref(),
            Self::AgentState(state) => state.by.once.as_ref(),
            Self::Respond(respond) => respond.by.once.as_ref(),
            Self::CreateKey(create) => create.by.once.as_ref(),
            Self::RevokeKey(revoke) => revoke.by.once.as_ref(),
            _ => None,
        }
    }
}

/// One request's events, prepared outside the writer.
#[derive(Debug)]
pub struct EventsInput {
    /// The key it came with.
    pub key: Option<KeyId>,
    /// When it reached us.
    pub received_at: Millis,
    /// What can be recorded, in the order sent.
    pub items: Vec<Prepared>,
    /// What is no event, to be kept for a day.
    pub rejected: Vec<RejectedRow>,
    /// What it holds in memory, roughly.
    pub bytes: usize,
    /// Gets one answer an item.
    pub reply: Reply<Vec<ItemAnswer>>,
}

/// One event with everything computed that needs no lock.
#[derive(Debug)]
pub struct Prepared {
    /// The event.
    pub submission: Submission,
    /// Its erasable half, sealed under a fresh salt.
    pub content: SealedContent,
    /// What makes two submissions the same.
    pub identity: Identity,
    /// Whom a human actor's id stands for.
    pub person: Option<PersonRow>,
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemAnswer {
    /// Recorded now.
    Accepted(Recorded),
    /// Recorded before.
    Duplicate(Recorded),
    /// Not recorded.
    Invalid(Vec<FieldError>),
}

/// Where an event stands in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its id.
    pub id: EventId,
    /// Its place and hash.
    pub tip: Tip,
    /// How it was routed.
    pub routing: SealedRouting,
}

/// What became of an action, reported by its agent.
#[derive(Debug)]
pub struct OutcomeInput {
    /// The action.
    pub event: EventId,
    /// Whether it failed.
    pub failed: bool,
    /// The rest of the report, scrubbed, JSON.
    pub body: Vec<u8>,
    /// The key it came with.
    pub key: Option<KeyId>,
    /// The agent that the key is bound to, an id or a glob; it may report on its own actions only.
    pub bound_to: Option<String>,
    /// What makes a repeat of the report the same one, when its client named it.
    pub once: Option<Identity>,
    /// Told once it is recorded; `false` when one was recorded before, which stays.
    pub reply: Reply<bool>,
}

/// Who asks for something, for the audit log and for those who are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// `person:<uuid>`, `key:<uuid>` or `system`.
    pub actor: String,
    /// The key it came with.
    pub key: Option<KeyId>,
    /// From where, for the erasable half of the audit entry.
    pub ip: Option<String>,
    /// With what, likewise.
    pub user_agent: Option<String>,
    /// What makes a repeat of the call the same one, when its client named it: a repeat does nothing.
    pub once: Option<Identity>,
}

impl Asker {
    /// The server itself.
    #[must_use]
    pub fn system() -> Self {
        Self { actor: "system".to_owned(), key: None, ip: None, user_agent: None, once: None }
    }

    /// An audit entry that says this asker did something.
    #[must_use]
    pub fn did(&self, action: &'static str, resource: impl Into<String>) -> AuditEntry {
        let mut entry = AuditEntry::done(self.actor.clone(), action, resource).with_key(self.key);
        for (name, value) in [("ip", &self.ip), ("user_agent", &self.user_agent)] {
            if let Some(value) = value {
                entry = entry.with(name, value.as_str());
            }
        }
        entry
    }
}

/// Which agents to pause or resume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agents {
    /// One, known or not: pausing an id never seen holds when it appears.
    One(String),
    /// All that are known.
    All,
}

/// A person paused or resumed agents.
#[derive(Debug)]
pub struct AgentStateInput {
    /// Which.
    pub agents: Agents,
    /// Whether they are to stop.
    pub paused: bool,
    /// Why.
    pub reason: Option<String>,
    /// Who.
    pub by: Asker,
    /// Gets the agents as they are now.
    pub reply: Reply<Vec<mandate_core::change::AgentRow>>,
}

/// What a channel said to one attempt.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The notification as it was sent.
    pub row: NotificationRow,
    /// The attempt.
    pub attempt: Attempt,
    /// The place of the last event that the message told of beside its own, when it told of others.
    pub through: Option<i64>,
}

/// Somebody makes an API key. The writer never sees its text, only the hash.
#[derive(Debug)]
pub struct CreateKeyInput {
    /// The row to store.
    pub row: KeyRow,
    /// Who asks.
    pub by: Asker,
    /// Told once it works.
    pub reply: Reply<KeyRow>,
}

/// Somebody revokes an API key.
#[derive(Debug)]
pub struct RevokeKeyInput {
    /// Which.
    pub id: KeyId,
    /// Who asks.
    pub by: Asker,
    /// Told once it no longer works.
    pub reply: Reply<KeyRow>,
}

/// Another configuration is to be in force.
#[derive(Debug)]
pub struct ApplyConfigInput {
    /// The files, checked, by path.
    pub files: std::collections::BTreeMap<String, String>,
    /// Who asks.
    pub by: Asker,
    /// Gets its id and the hash that names its snapshot.
    pub reply: Reply<(ConfigId, Hash)>,
}

/// Removes one event's content, leaving the chain whole.
#[derive(Debug)]
pub struct EraseInput {
    /// Which.
    pub event: EventId,
    /// Why; kept with the event.
    pub reason: String,
    /// Who asks.
    pub by: Asker,
    /// Told once it is gone.
    pub reply: Reply<()>,
}

impl EventsInput {
    /// A request of a size, for tests of queues.
    #[cfg(test)]
    pub(crate) fn for_test(items: usize) -> Self {
        let scrubber = mandate_scrub::Scrubber::new([0; 32]);
        let prepare = |n: usize| {
            let item = format!(r#"{{"action":{{"type":"test","idempotency_key":"{n}"}}}}"#);
            let submission = Submission::read(&item, None, &scrubber).expect("a valid item");
            Prepared::new(submission, Millis(0), [0; 16], &[0; 32])
        };
        let (reply, _) = oneshot::channel();
        Self {
            key: None,
            received_at: Millis(0),
            items: (0..items).map(prepare).collect(),
            rejected: Vec::new(),
            bytes: items * 100,
            reply,
        }
    }
}

impl Prepared {
    /// Prepares a submission: seals its content under `salt` and works out its identity under the tenant's key.
    #[must_use]
    pub fn new(mut submission: Submission, received_at: Millis, salt: [u8; 16], tenant_key: &[u8; 32]) -> Self {
        let person = submission.name_person(tenant_key);
        let content = SealedContent::new(&submission.content, salt);
        let identity = Identity::of(&submission, received_at, tenant_key);
        Self { submission, content, identity, person }
    }
}
