//! How much one person is told: so many new messages a minute, the rest in one digest after it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::event::Level;
use crate::id::NotificationId;
use crate::time::{HOUR, MINUTE, Millis};

/// A digest that is due: what was held for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Its id, which the held notices name.
    pub id: NotificationId,
    /// For whom.
    pub recipient: Arc<str>,
    /// On which channel.
    pub channel: Arc<str>,
    /// In which lane.
    pub lane: Arc<str>,
    /// The highest urgency in it.
    pub urgency: Level,
    /// How many notices it tells of.
    pub count: u64,
}

/// Everybody who was told lately or has a digest coming. They are people of the configuration, so not many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct People {
    told: BTreeMap<Arc<str>, Told>,
    gathering: BTreeMap<Arc<str>, Gathering>,
    due: BTreeSet<(Millis, Arc<str>)>,
    /// How many were told in the last hour, counted once a second.
    lately: (i64, usize),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Told {
    /// When each message of the last minute was sent, and about whom; critical ones apart.
    lately: VecDeque<(Millis, Arc<str>)>,
    last_at: Millis,
}

/// What is held for one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gathering {
    pub(super) digest: NotificationId,
    pub(super) channel: Arc<str>,
    pub(super) lane: Arc<str>,
    pub(super) urgency: Level,
    pub(super) due_at: Millis,
    pub(super) count: u64,
}

impl Told {
    fn forget(&mut self, now: Millis) {
        while self.lately.front().is_some_and(|(at, _)| now.since(*at) >= MINUTE) {
            self.lately.pop_front();
        }
    }
}

impl People {
    /// Somebody is told something that counts towards no limit.
    pub(super) fn told(&mut self, recipient: &Arc<str>, now: Millis) {
        self.told.entry(Arc::clone(recipient)).or_default().last_at = now;
    }

    /// How many were told in the last hour.
    pub(super) fn told_lately(&mut self, now: Millis) -> usize {
        let second = now.0.div_euclid(1_000);
        if self.lately.0 != second {
            self.told.retain(|_, told| now.since(told.last_at) < HOUR);
            self.lately = (second, self.told.len());
        }
        self.lately.1
    }

    /// Whether one more message about this actor fits into the minute.
    ///
    /// A third of the places is for agents that the person did not hear of in this minute, so that a busy one never
    /// delays another's first notice; one more is kept for the digest when one is coming, and joins it what is no
    /// first notice, so that order is kept.
    pub(super) fn has_place(&mut self, recipient: &Arc<str>, actor: &str, limit: usize, now: Millis) -> bool {
        let told = self.told.entry(Arc::clone(recipient)).or_default();
        told.forget(now);
        let taken = told.lately.len();
        let comes = self.gathering.get(recipient).is_some_and(|digest| digest.due_at <= now.plus(MINUTE));
        if told.lately.iter().all(|(_, known)| **known != *actor) {
            taken + usize::from(comes) < limit
        } else {
            !comes && taken + limit / 3 < limit
        }
    }

    pub(super) fn take_place(&mut self, recipient: &Arc<str>, actor: &str, now: Millis) {
        let told = self.told.entry(Arc::clone(recipient)).or_default();
        told.forget(now);
        told.lately.push_back((now, actor.into()));
        told.last_at = now;
    }

    /// Adds to what is held for somebody. Gives the digest it will be in, and when that is due.
    pub(super) fn gather(&mut self, recipient: &Arc<str>, more: Gathering) -> (NotificationId, Millis) {
        let known = self.gathering.remove(recipient);
        if let Some(known) = &known {
            self.due.remove(&(known.due_at, Arc::clone(recipient)));
        }
        let all = match known {
            Some(known) => Gathering {
                urgency: known.urgency.max(more.urgency),
                due_at: known.due_at.min(more.due_at),
                count: known.count.saturating_add(more.count),
                ..known
            },
            None => more,
        };
        let told_in = (all.digest, all.due_at);
        self.due.insert((all.due_at, Arc::clone(recipient)));
        self.gathering.insert(Arc::clone(recipient), all);
        told_in
    }

    /// The digests that are due and find a place; the others wait for one.
    pub(super) fn due(&mut self, limit: usize, now: Millis) -> Vec<Digest> {
        let mut digests = Vec::new();
        while let Some((_, recipient)) = self.due.first().filter(|(due_at, _)| *due_at <= now).cloned() {
            self.due.pop_first();
            let Some(mut held) = self.gathering.remove(&recipient) else { continue };
            let told = self.told.entry(Arc::clone(&recipient)).or_default();
            told.forget(now);
            if told.lately.len() >= limit
                && let Some((oldest, _)) = told.lately.front()
            {
                held.due_at = oldest.plus(MINUTE);
                self.due.insert((held.due_at, Arc::clone(&recipient)));
                self.gathering.insert(recipient, held);
                continue;
            }
            self.take_place(&recipient, "", now);
            let Gathering { digest, channel, lane, urgency, count, .. } = held;
            digests.push(Digest { id: digest, recipient, channel, lane, urgency, count });
        }
        digests
    }
}
