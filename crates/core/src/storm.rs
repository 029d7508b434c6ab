//! Storm control: what of that which is planned becomes a message of its own, and what joins another one (NTF-5).
//!
//! A row of small passes over each planned notice, in this order: what cannot wait is sent; what goes on in a session
//! that has a message joins it ([`session`]); what may wait is held for a digest; when the whole tenant storms, so is
//! everything but the first word of an agent ([`tenant`]); and nobody gets more than so many messages a minute
//! ([`person`]). Nothing is dropped: what is not sent names the message that tells of it, and why.
//!
//! Owned by one writer like the [`History`](crate::history::History), bounded, and rebuilt from the stored
//! notifications ([`past`]): a restart changes no verdict.

mod because;
mod past;
mod pending;
mod person;
mod session;
mod tenant;

use std::sync::Arc;

use crate::change::ToldIn;
use crate::event::Level;
use crate::id::{EventId, NotificationId, derive};
use crate::time::{HOUR, MINUTE, Millis, SECOND, Span};

pub use because::Because;
pub use past::{Past, PastEvent, PastGathering, PastMessage, owners};
pub use pending::{Acted, Pending};
pub use person::Digest;
pub use tenant::Alarm;

use person::{Gathering, People};
use session::Sessions;
use tenant::Tenant;

/// How long what may wait is gathered for one digest.
const LOW_WAITS: Span = HOUR;
/// How long is held what is too much for a person.
const LIMIT_WAITS: Span = MINUTE;

/// What `storm:` of `mandate.yaml` sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Without, every notice is a message of its own.
    pub enabled: bool,
    /// A message is edited at most this often.
    pub window: Span,
    /// New messages that one person gets in a minute, critical ones beside them.
    pub per_person_per_minute: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, window: SECOND.times(5), per_person_per_minute: 10 }
    }
}

/// What becomes of one planned notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A message of its own, now.
    Send,
    /// The message of its session tells of it, once it is edited.
    Merge(ToldIn),
    /// A digest that is still to be written tells of it.
    Hold {
        /// In which, and why.
        told_in: ToldIn,
        /// When the digest is due, as far as is known now.
        due_at: Millis,
    },
}

/// What time brought about.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Digests to be sent now.
    pub digests: Vec<Digest>,
    /// Those who look after Mandate are to know that it storms.
    pub alarm: Option<Alarm>,
}

/// What storm control remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storm {
    settings: Settings,
    sessions: Sessions,
    people: People,
    tenant: Tenant,
}

impl Storm {
    /// Nothing was told yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, sessions: Sessions::default(), people: People::default(), tenant: Tenant::default() }
    }

    /// A message is edited at most this often.
    #[must_use]
    pub fn edit_every(&self) -> Span {
        self.settings.window
    }

    /// Takes in an action, whoever is told of it.
    pub fn acted(&mut self, actor: &str, now: Millis) {
        if self.settings.enabled {
            self.tenant.acted(actor, now);
        }
    }

    /// Judges one planned notice.
    pub fn judge(&mut self, pending: &Pending<'_>, now: Millis) -> Verdict {
        if !self.settings.enabled {
            return Verdict::Send;
        }
        if pending.cannot_wait() {
            self.people.told(pending.recipient, now);
            self.tenant.sent(pending.acted.actor, now);
            return Verdict::Send;
        }
        if !pending.stands_alone()
            && let Some(message) = self.sessions.join(pending, now)
        {
            return Verdict::Merge(ToldIn { message, because: Because::SameSession });
        }
        if pending.urgency == Level::Low {
            return self.hold(pending, Because::LowUrgency, now);
        }
        if let Some(because) = self.tenant.holds(pending.acted.actor, self.people.told_lately(now), now) {
            return self.hold(pending, because, now);
        }
        let limit = self.settings.per_person_per_minute as usize;
        if !self.people.has_place(pending.recipient, pending.acted.actor, limit, now) {
            return self.hold(pending, Because::PersonLimit, now);
        }
        self.people.take_place(pending.recipient, pending.acted.actor, now);
        self.tenant.sent(pending.acted.actor, now);
        if !pending.stands_alone() {
            self.sessions.open(pending, now);
        }
        Verdict::Send
    }

    fn hold(&mut self, pending: &Pending<'_>, because: Because, now: Millis) -> Verdict {
        if because == Because::Storm {
            self.tenant.held(now);
        }
        let wait = if because == Because::LowUrgency { LOW_WAITS } else { LIMIT_WAITS };
        let gathering = Gathering {
            digest: NotificationId(derive(now, EventId(pending.id.0), "digest", &[pending.recipient])),
            channel: Arc::clone(pending.channel),
            lane: Arc::clone(pending.lane),
            urgency: pending.urgency,
            due_at: now.plus(wait),
            count: 1,
        };
        let (digest, due_at) = self.people.gather(pending.recipient, gathering);
        Verdict::Hold { told_in: ToldIn { message: digest, because }, due_at }
    }

    /// A message cannot be changed any more: it takes in nothing from now on.
    pub fn close(&mut self, message: NotificationId) {
        self.sessions.close(message);
    }

    /// A message cannot be changed any more, and did not tell of all that was merged into it: that is held for the
    /// digest named here, due then.
    pub fn gather_again(&mut self, message: &Digest, now: Millis) -> (NotificationId, Millis) {
        self.close(message.id);
        let gathering = Gathering {
            digest: NotificationId(derive(now, EventId(message.id.0), "digest", &[&message.recipient])),
            channel: Arc::clone(&message.channel),
            lane: Arc::clone(&message.lane),
            urgency: message.urgency,
            due_at: now.plus(LIMIT_WAITS),
            count: message.count,
        };
        self.people.gather(&message.recipient, gathering)
    }

    /// Takes in how many messages joined those that wait to be sent, and how many left them.
    pub fn queued(&mut self, joined: usize, left: usize) {
        self.tenant.queued(joined, left);
    }

    /// What is due by now. To be asked at the end of every commit, and at least every second.
    pub fn due(&mut self, now: Millis) -> Due {
        let limit = if self.settings.enabled { self.settings.per_person_per_minute as usize } else { usize::MAX };
        let digests = self.people.due(limit, now);
        for _ in &digests {
            self.tenant.sent("", now);
        }
        let alarm = if self.settings.enabled { self.tenant.alarm(now) } else { None };
        Due { digests, alarm }
    }
}
