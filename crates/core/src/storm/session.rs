//! Messages that are kept up to date: what goes on in a session joins the message about its first action.

use crate::event::Level;
use crate::id::NotificationId;
use crate::recent::Recent;
use crate::time::{HOUR, MINUTE, Millis, Span};

use super::Pending;

/// A message takes in what follows until nothing did for so long.
const IDLE: Span = MINUTE.times(15);
/// A message takes in what follows for so long: later, people look for it further down.
pub(super) const LONGEST: Span = HOUR;
/// Messages that one recipient has of one session at once.
const TOGETHER: usize = 8;

/// The open messages, by recipient, channel, actor and session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sessions {
    open: Recent<Vec<Open>>,
    closed: Recent<()>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) message: NotificationId,
    pub(super) urgency: Level,
    pub(super) owners: Vec<String>,
    pub(super) opened_at: Millis,
    pub(super) last_at: Millis,
}

impl Open {
    fn is_over(&self, now: Millis) -> bool {
        now.since(self.last_at) >= IDLE || now.since(self.opened_at) >= LONGEST
    }

    /// A higher urgency or the resource of another owner is not for this message.
    fn takes(&self, pending: &Pending<'_>) -> bool {
        let owners = pending.acted.owners.iter();
        self.urgency >= pending.urgency && owners.into_iter().all(|owner| self.owners.binary_search(owner).is_ok())
    }
}

impl Sessions {
    /// The message that tells of this notice, when one is open: of several the least urgent, then the oldest.
    pub(super) fn join(&mut self, pending: &Pending<'_>, now: Millis) -> Option<NotificationId> {
        let key = key(pending);
        let closed = &self.closed;
        let may =
            |open: &Open| open.takes(pending) && !open.is_over(now) && closed.get(&open.message.to_string()).is_none();
        let message = self.open.get(&key)?.iter().filter(|open| may(open)).min_by_key(|open| open.urgency)?.message;
        self.open.update(&key, Vec::new, |open| {
            for open in open.iter_mut().filter(|open| open.message == message) {
                open.last_at = now;
            }
        });
        Some(message)
    }

    /// What follows joins this notice.
    pub(super) fn open(&mut self, pending: &Pending<'_>, now: Millis) {
        let open = Open {
            message: pending.id,
            urgency: pending.urgency,
            owners: pending.acted.owners.to_vec(),
            opened_at: now,
            last_at: now,
        };
        self.restore(&key(pending), open, now);
    }

    pub(super) fn restore(&mut self, key: &str, message: Open, now: Millis) {
        self.open.update(key, Vec::new, |open| {
            open.retain(|known| !known.is_over(now));
            if open.len() >= TOGETHER {
                open.remove(0);
            }
            open.push(message);
        });
    }

    pub(super) fn close(&mut self, message: NotificationId) {
        self.closed.update(&message.to_string(), || (), |()| ());
    }
}

pub(super) fn key(pending: &Pending<'_>) -> String {
    let Pending { recipient, channel, acted, .. } = pending;
    format!("{recipient}\n{channel}\n{}\n{}", acted.actor, acted.session)
}
