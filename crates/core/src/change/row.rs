//! The rows of the store, as the domain has them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::chain::{Hash, Tip};
use crate::event::{ActorKind, Decision, Impact, Level, words};
use crate::id::{ConfigId, EventId, KeyId, NotificationId, PersonId, RejectedId, ResponseId};
use crate::intervention::{Effect, Intervention, Via};
use crate::storm::Because;
use crate::time::{Millis, Span};

/// One event of the chain. Everything but `sealed`, `content` and `plan` is derived from the sealed bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its place in the chain, from 1.
    pub seq: i64,
    /// Its id.
    pub id: EventId,
    /// Its position in the feed.
    pub position: i64,
    /// The time it is ordered by: the source's, or `received_at` where the clocks disagree.
    pub at: Millis,
    /// Who acted, when known.
    pub actor: Option<String>,
    /// The action's type, when known.
    pub action: Option<String>,
    /// The session, when known.
    pub session: Option<String>,
    /// How it was routed.
    pub decision: Decision,
    /// The addresses of what it touched, `type:id`, each once.
    pub resources: Vec<String>,
    /// Its hash.
    pub hash: Hash,
    /// The exact bytes that were hashed.
    pub sealed: Vec<u8>,
    /// The erasable object, canonical; none once erased.
    pub content: Option<Vec<u8>>,
    /// The inputs of the thought, JSON (see `plan::Record`).
    pub plan: Vec<u8>,
}

words! {
    /// What became of a notification so far.
    NotificationState {
        /// Waiting to be sent, for the first time or again.
        Queued = "queued",
        /// The channel took it.
        Delivered = "delivered",
        /// Given up; another notification went to the alternate.
        Failed = "failed",
        /// No message of its own: the message about an earlier action tells of it.
        Merged = "merged",
        /// No message of its own: a digest that comes will tell of it.
        Held = "held",
        /// No message of its own: a digest tells of it.
        Digested = "digested",
    }
}

/// One notification: one recipient, one message, one channel. It is the outbox row too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationRow {
    /// Stable over retries; what the receiver may deduplicate by.
    pub id: NotificationId,
    /// The place of the event it speaks of; none for a notice about Mandate itself.
    pub event_seq: Option<i64>,
    /// `person:<uuid>`, `team:<handle>`, `external:<name>` or `fallback`.
    pub recipient: Arc<str>,
    /// The configured channel's name.
    pub channel: Arc<str>,
    /// Its lane in the outbox: channel and recipient's address there. One lane never delays another.
    pub lane: Arc<str>,
    /// How urgent.
    pub urgency: Level,
    /// How much the action can change, as its sender thinks.
    pub impact: Option<Impact>,
    /// Why this recipient, and for notices without event what they say (JSON, see `plan::NoticeReason`).
    pub reason: Vec<u8>,
    /// When it was planned.
    pub created_at: Millis,
    /// What became of it.
    pub state: NotificationState,
    /// When it is to be tried next.
    pub due_at: Millis,
    /// Until when the holder may send it; by the database's clock.
    pub lease_until: Millis,
    /// How often it was tried.
    pub attempts: u32,
    /// The attempts, JSON list (see `delivery::Attempt`), oldest first; of many edits the latest.
    pub log: Vec<u8>,
    /// When the channel took it, the first message of it; of what is told in another message, when the channel first took
    /// that one with it.
    pub delivered_at: Option<Millis>,
    /// The channel's own name of the message, in the channel's own form; none until it is sent, and where the channel
    /// cannot change what it sent.
    pub receipt: Option<String>,
    /// Rises whenever what it says changes; 0 for the first message.
    pub edition: u32,
    /// The edition that was sent last, or given up.
    pub settled: u32,
    /// Which message tells of it instead, and why.
    pub told_in: Option<ToldIn>,
}

impl NotificationRow {
    /// Whether something of it is still to be sent: the first message, or an edition that the channel can put in its
    /// place.
    #[must_use]
    pub fn waits(&self) -> bool {
        match self.state {
            NotificationState::Queued => true,
            NotificationState::Delivered => self.receipt.is_some() && self.edition > self.settled,
            _ => false,
        }
    }
}

/// The message that tells of a notice which is none of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToldIn {
    /// The notification: of its session, or a digest, which may be still to come.
    pub message: NotificationId,
    /// Why it is no message of its own.
    pub because: Because,
}

/// Somebody's answer to a notice. Never changes; taking it back is an answer of its own.
///
/// Holds nothing personal: the note stands in the erasable half of the audit entry at `audit_seq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseRow {
    /// Its id; in the order in which they were decided.
    pub id: ResponseId,
    /// The notice that was answered.
    pub notification: NotificationId,
    /// The place of the event that the notice speaks of; none when it is about Mandate itself.
    pub event_seq: Option<i64>,
    /// What was done; of an answer that takes another one back, what that one did.
    pub intervention: Intervention,
    /// The answer that this one takes back.
    pub undoes: Option<ResponseId>,
    /// Who is to look after it, as logs name them.
    pub assignee: Option<String>,
    /// Who answered: `person:<uuid>` or `key:<uuid>`.
    pub by: String,
    /// Over what.
    pub via: Via,
    /// When.
    pub at: Millis,
    /// How long after the event's first notice arrived (MET-1); none when nothing had.
    pub since_sent: Option<Span>,
    /// Whether it is the first answer to the event: the one that counts for its time to intervene.
    pub first: bool,
    /// What it did beyond being recorded.
    pub effect: Effect,
    /// The place of its entry in the audit log.
    pub audit_seq: i64,
}

/// An event that somebody is to look at within a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewRow {
    /// The event.
    pub event: EventId,
    /// Its place in the chain.
    pub event_seq: i64,
    /// Since when it waits.
    pub opened_at: Millis,
    /// Until when somebody should have looked.
    pub due_at: Millis,
    /// Who opened it: `rule:<name>`, `person:<uuid>` or `key:<uuid>`.
    pub opened_by: String,
    /// When somebody had looked.
    pub closed_at: Option<Millis>,
    /// Who.
    pub closed_by: Option<String>,
    /// When it was told of that nobody looked in time.
    pub escalated_at: Option<Millis>,
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRow {
    /// The action.
    pub event: EventId,
    /// When it was reported.
    pub at: Millis,
    /// Whether it did what it set out to do.
    pub failed: bool,
    /// The rest of the report, scrubbed, JSON.
    pub body: Vec<u8>,
}

/// An item of a request that was no event, kept for a day so that people see what an agent sends wrong (EVT-10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// Names it; its time is when it came.
    pub id: RejectedId,
    /// When it came.
    pub at: Millis,
    /// The key it came with.
    pub key: KeyId,
    /// What is wrong with it: a JSON list of pointer, code and detail.
    pub errors: Vec<u8>,
    /// What was sent, secrets replaced, cut to a few kilobytes.
    pub item: String,
}

/// The key of an input (EVT-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeenKey {
    /// The hour of the source timestamp, so that inserts stay local and purging is cheap.
    pub hour: i64,
    /// Half a SHA-256 over what makes the input the same.
    pub digest: [u8; 16],
}

/// An input that was taken, and enough to answer a repeat like the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenRow {
    /// The input's key.
    pub key: SeenKey,
    /// What the input said, to tell a repeat from a key used again for something else.
    pub content: [u8; 16],
    /// The event's place in the chain; for other inputs, the feed position of their effect.
    pub seq: i64,
    /// Until when a repeat gets the first answer.
    pub expires_at: Millis,
}

/// An agent that was heard of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// Its id.
    pub id: String,
    /// What kind of actor.
    pub kind: ActorKind,
    /// Display name, when it gave one.
    pub name: Option<String>,
    /// Framework, when it gave one.
    pub framework: Option<String>,
    /// When its first event came; none for one that was only paused so far.
    pub first_seen_at: Option<Millis>,
    /// Whether its calls go through.
    pub paused: bool,
    /// Rises with each pause and resume; 0 when there was none.
    pub version: i64,
    /// Why, in the words of who chose it.
    pub reason: Option<String>,
    /// Who chose it: `person:<uuid>` or `key:<uuid>`.
    pub by: Option<String>,
    /// Since when the state holds.
    pub since: Option<Millis>,
}

words! {
    /// What a key may do, from the least to the most; the roles of SEC-2 until users exist.
    Scope {
        /// Write events only.
        Ingest = "ingest",
        /// Read.
        Read = "read",
        /// Read, answer notices, pause.
        Respond = "respond",
        /// Everything, resuming agents among it.
        Admin = "admin",
    }
}

/// An API key: the public half and the hash of the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Names the key.
    pub id: KeyId,
    /// SHA-256 of the whole key text.
    pub hash: [u8; 32],
    /// What it may do.
    pub scope: Scope,
    /// What people call it.
    pub name: Option<String>,
    /// The agent it is bound to, an id or a glob.
    pub agent: Option<String>,
    /// The person it speaks for, as their handle.
    pub person: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// When it stops working by itself.
    pub expires_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
}

/// One immutable version of a tenant's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigRow {
    /// Its id.
    pub id: ConfigId,
    /// SHA-256 over its files: the snapshot's name.
    pub hash: Hash,
    /// The files: JSON object from path to text.
    pub files: Vec<u8>,
    /// When it was put in force.
    pub at: Millis,
    /// Who did.
    pub by: String,
}

/// What joins a person's name to the id that logs hold. Deleting it forgets the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// The id in logs.
    pub id: PersonId,
    /// Their handle, such as `@alice`.
    pub handle: String,
    /// Their name.
    pub name: Option<String>,
}

/// The history up to a position, so that a start reads only the feed after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// The last feed position in it.
    pub position: i64,
    /// The last event in it.
    pub event_seq: i64,
    /// The counters, JSON.
    pub body: Vec<u8>,
}

/// A signed statement of where both chains stood (ITG-4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRow {
    /// When.
    pub at: Millis,
    /// The event chain.
    pub events: Tip,
    /// The audit chain.
    pub audit: Tip,
    /// The server's public key, hex.
    pub public_key: String,
    /// Ed25519 over the canonical form of the other members and the tenant, `ed25519:` and base64.
    pub signature: String,
}
