//! The state again after a restart, from the notifications that are stored.

use std::sync::Arc;

use crate::change::{NotificationRow, NotificationState};
use crate::event::{Decision, Level};
use crate::id::NotificationId;
use crate::plan::{Record, Why};
use crate::time::{HOUR, MINUTE, Millis, SECOND};

use super::person::Gathering;
use super::session::{LONGEST, Open, key};
use super::{Acted, Pending, Settings, Storm};

/// What is stored of what was told and held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// What was sent since [`Past::since`], the oldest first.
    pub messages: Vec<PastMessage>,
    /// What is held.
    pub gathered: Vec<PastGathering>,
    /// How many notices were held because it stormed, by the second in which they were.
    pub stormed: Vec<(i64, u64)>,
    /// How many messages wait to be sent.
    pub queued: usize,
}

/// A message that was sent, or waits to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastMessage {
    /// The message.
    pub row: NotificationRow,
    /// What it was about.
    pub event: Option<PastEvent>,
    /// When something was last merged into it.
    pub merged_at: Option<Millis>,
}

/// The event that a message was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastEvent {
    /// Who acted.
    pub actor: Option<String>,
    /// In which session.
    pub session: Option<String>,
    /// How it was routed.
    pub decision: Decision,
    /// Its record, JSON (see [`Record`]).
    pub plan: Vec<u8>,
}

/// What is held for one digest, of one urgency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastGathering {
    /// The digest.
    pub digest: NotificationId,
    /// For whom.
    pub recipient: Arc<str>,
    /// The channel of the first that was held.
    pub channel: Arc<str>,
    /// Its lane.
    pub lane: Arc<str>,
    /// How urgent.
    pub urgency: Level,
    /// When the digest is due.
    pub due_at: Millis,
    /// How many.
    pub count: u64,
}

impl Past {
    /// What was sent before this changes nothing any more.
    #[must_use]
    pub fn since(now: Millis) -> Millis {
        now.minus(if LONGEST > HOUR { LONGEST } else { HOUR })
    }

    /// What was held because of a storm before this changes nothing any more.
    #[must_use]
    pub fn stormed_since(now: Millis) -> Millis {
        now.minus(MINUTE).minus(SECOND.times(2))
    }
}

impl Storm {
    /// The state that led to what is stored.
    #[must_use]
    pub fn restore(settings: Settings, past: Past) -> Self {
        let mut storm = Self::new(settings);
        let mut counted: Vec<(Millis, u64)> =
            past.stormed.iter().map(|(second, count)| (Millis(second.saturating_mul(SECOND.0)), *count)).collect();
        counted.sort_unstable();
        let mut counted = counted.into_iter().peekable();
        for message in &past.messages {
            while let Some((at, count)) = counted.next_if(|(at, _)| *at <= message.row.created_at) {
                storm.tenant.held_before(count, at);
            }
            storm.remember(message);
        }
        for (at, count) in counted {
            storm.tenant.held_before(count, at);
        }
        for held in past.gathered {
            let PastGathering { digest, recipient, channel, lane, urgency, due_at, count } = held;
            storm.people.gather(&recipient, Gathering { digest, channel, lane, urgency, due_at, count });
        }
        storm.tenant.queued(past.queued, 0);
        storm
    }

    fn remember(&mut self, message: &PastMessage) {
        let row = &message.row;
        let why: Vec<Why> = serde_json::from_slice(&row.reason).unwrap_or_default();
        let Some(event) = &message.event else {
            if why.iter().any(|why| matches!(why, Why::Digest)) {
                self.people.take_place(&row.recipient, "", row.created_at);
                self.tenant.sent("", row.created_at);
            }
            if why.iter().any(|why| matches!(why, Why::Storm { .. })) {
                self.tenant.alarmed_at = Some(row.created_at);
            }
            return;
        };
        if why.iter().any(|why| matches!(why, Why::Instead { .. })) {
            return;
        }
        let record: Option<Record> = serde_json::from_slice(&event.plan).ok();
        let owners = record.map(|record| owners(record.owners.into_iter().flat_map(|owned| owned.owners)));
        let pending = Pending {
            id: row.id,
            recipient: &row.recipient,
            channel: &row.channel,
            lane: &row.lane,
            urgency: row.urgency,
            acted: Acted {
                actor: event.actor.as_deref().unwrap_or_default(),
                session: event.session.as_deref().unwrap_or_default(),
                owners: owners.as_deref().unwrap_or_default(),
                decision: event.decision,
                impact: row.impact,
            },
        };
        self.tenant.sent(pending.acted.actor, row.created_at);
        if pending.cannot_wait() {
            return self.people.told(&row.recipient, row.created_at);
        }
        self.people.take_place(&row.recipient, pending.acted.actor, row.created_at);
        if !pending.stands_alone() && row.state != NotificationState::Failed {
            let open = Open {
                message: row.id,
                urgency: row.urgency,
                owners: pending.acted.owners.to_vec(),
                opened_at: row.created_at,
                last_at: message.merged_at.unwrap_or(row.created_at),
            };
            self.sessions.restore(&key(&pending), open, row.created_at);
        }
    }
}

/// Owners in order and each once, as [`Acted`] has them.
#[must_use]
pub fn owners(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut owners: Vec<String> = names.collect();
    owners.sort_unstable();
    owners.dedup();
    owners
}
