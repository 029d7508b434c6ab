//! What happened lately: the mutable half of what a plan may know.
//!
//! Owned by one writer, windowed and bounded. [`History::observe`] picks the few numbers that rules may ask
//! for, always all of them; [`History::apply`] takes in what was committed. Rebuilding it from the feed gives
//! the same numbers, because both speak of stored events only.

use serde::{Deserialize, Serialize};

use crate::event::Submission;
use crate::recent::Recent;
pub use crate::rule::Trust;
use crate::time::{DAY, HOUR, Millis, SECOND};

/// An actor is `new` for this long, or until it has done this much (RTE-11).
pub const NEW_FOR: crate::time::Span = DAY.times(7);
/// See [`NEW_FOR`].
pub const NEW_ACTIONS: u64 = 50;
/// From this many events in a second, an actor's volume is suspicious (EVT-5).
pub const SUSPICIOUS_PER_SECOND: u32 = 100;
const HOURS: usize = 24;

/// What a plan may know of the past: always all of it, stored with the event (RTE-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Whether this is the first event of its actor.
    pub first_seen: bool,
    /// The actor's trust level.
    pub trust: Trust,
    /// Actions of the actor before this one.
    pub actor_actions: u64,
    /// Failed actions of the actor in the last 24 hours.
    pub actor_failures: u32,
    /// Events of the actor in the current second, this one included.
    pub actor_per_second: u32,
    /// Incidents on what it touched in the last 30 days.
    pub incidents: u32,
    /// Whether a `sequence` at or above this one was seen in the session.
    pub out_of_order: bool,
    /// Whether its idempotency key was used before for other content.
    #[serde(default)]
    pub key_reused: bool,
}

impl Observed {
    /// What is known of an event without actor.
    pub const NOTHING: Self = Self {
        first_seen: false,
        trust: Trust::New,
        actor_actions: 0,
        actor_failures: 0,
        actor_per_second: 0,
        incidents: 0,
        out_of_order: false,
        key_reused: false,
    };
}

/// One actor's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ActorRecord {
    first_seen: Millis,
    actions: u64,
    second: i64,
    in_second: u32,
    /// `(hour, actions, failures)`, newest last, at most a day's.
    hours: Vec<(i64, u32, u32)>,
}

impl ActorRecord {
    fn new(at: Millis) -> Self {
        Self { first_seen: at, actions: 0, second: 0, in_second: 0, hours: Vec::new() }
    }

    fn count(&mut self, at: Millis, actions: u32, failures: u32) {
        let hour = at.hour();
        match self.hours.iter_mut().rev().find(|(known, ..)| *known == hour) {
            Some((_, acted, failed)) => {
                *acted = acted.saturating_add(actions);
                *failed = failed.saturating_add(failures);
            }
            None => self.hours.push((hour, actions, failures)),
        }
        let oldest = hour - HOURS as i64;
        self.hours.retain(|(known, ..)| *known > oldest);
    }

    fn last_day(&self, now: Millis) -> (u32, u32) {
        let oldest = now.minus(HOUR.times(HOURS as i64)).hour();
        self.hours
            .iter()
            .filter(|(hour, ..)| *hour > oldest)
            .fold((0, 0), |(acted, failed), (_, a, f)| (acted.saturating_add(*a), failed.saturating_add(*f)))
    }

    /// Degraded is at least 3 failures in the last 24 hours, and at least one action in five.
    fn trust(&self, now: Millis) -> Trust {
        let (acted, failed) = self.last_day(now);
        if failed >= 3 && failed.saturating_mul(5) >= acted {
            Trust::Degraded
        } else if now.since(self.first_seen) < NEW_FOR || self.actions < NEW_ACTIONS {
            Trust::New
        } else {
            Trust::Established
        }
    }
}

/// What happened lately.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    actors: Recent<ActorRecord>,
    /// The highest `sequence` of an actor's session.
    sequences: Recent<i64>,
}

/// What the history keeps of one event, from a submission or from its stored row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Who acted.
    pub actor: &'a str,
    /// Its session and its count in it.
    pub sequence: Option<(&'a str, i64)>,
    /// When it was committed.
    pub at: Millis,
}

impl<'a> Seen<'a> {
    /// What the history would keep of a submission; nothing when it has no actor.
    #[must_use]
    pub fn of(submission: &'a Submission, at: Millis) -> Option<Self> {
        let metadata = submission.metadata.as_ref();
        let sequence = metadata.and_then(|metadata| Some((metadata.session_id.as_deref()?, metadata.sequence?)));
        Some(Self { actor: submission.actor_id()?, sequence, at })
    }

    fn session_key(self) -> Option<(String, i64)> {
        self.sequence.map(|(session, sequence)| (format!("{}\n{session}", self.actor), sequence))
    }
}

impl History {
    /// What rules may ask about the actor of an event that is about to be committed.
    #[must_use]
    pub fn observe(&self, seen: Option<Seen<'_>>) -> Observed {
        let Some(seen) = seen else { return Observed::NOTHING };
        let out_of_order = seen
            .session_key()
            .is_some_and(|(key, sequence)| self.sequences.get(&key).is_some_and(|highest| sequence <= *highest));
        let Some(record) = self.actors.get(seen.actor) else {
            return Observed { first_seen: true, actor_per_second: 1, out_of_order, ..Observed::NOTHING };
        };
        let second = seen.at.0.div_euclid(SECOND.0);
        Observed {
            trust: record.trust(seen.at),
            actor_actions: record.actions,
            actor_failures: record.last_day(seen.at).1,
            actor_per_second: if record.second == second { record.in_second.saturating_add(1) } else { 1 },
            out_of_order,
            ..Observed::NOTHING
        }
    }

    /// Takes in a committed event.
    pub fn apply(&mut self, seen: Seen<'_>) {
        let second = seen.at.0.div_euclid(SECOND.0);
        self.actors.update(
            seen.actor,
            || ActorRecord::new(seen.at),
            |record| {
                record.actions += 1;
                record.in_second = if record.second == second { record.in_second.saturating_add(1) } else { 1 };
                record.second = second;
                record.count(seen.at, 1, 0);
            },
        );
        if let Some((key, sequence)) = seen.session_key() {
            self.sequences.update(&key, || sequence, |highest| *highest = sequence.max(*highest));
        }
    }

    /// Takes in a failure that was reported for an action of `actor`.
    pub fn apply_failure(&mut self, actor: &str, at: Millis) {
        self.actors.update(actor, || ActorRecord::new(at), |record| record.count(at, 0, 1));
    }

    /// When an actor was first seen, and how much it has done since; none when it is not remembered.
    #[must_use]
    pub fn actor(&self, id: &str) -> Option<(Millis, u64)> {
        self.actors.get(id).map(|record| (record.first_seen, record.actions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recent::GENERATION;
    use crate::time::MINUTE;

    fn seen(actor: &str, at: i64) -> Seen<'_> {
        Seen { actor, sequence: None, at: Millis(at) }
    }

    #[test]
    fn trust_follows_time_count_and_failures() {
        let mut history = History::default();
        let start = DAY.times(1_000).0;
        assert!(history.observe(Some(seen("deployer", start))).first_seen);
        for n in 0..60 {
            history.apply(seen("deployer", start + n * MINUTE.0));
        }
        let trust = |history: &History, at| history.observe(Some(seen("deployer", at))).trust;
        assert_eq!(trust(&history, start + DAY.0), Trust::New, "sixty actions in a day are still new");
        let later = start + DAY.times(8).0;
        assert_eq!(trust(&history, later), Trust::Established);
        for _ in 0..3 {
            history.apply_failure("deployer", Millis(later));
        }
        assert_eq!(trust(&history, later), Trust::Degraded);
        assert_eq!(trust(&history, later + DAY.times(2).0), Trust::Established, "a day later it is forgotten");
    }

    #[test]
    fn volume_counts_within_one_second() {
        let mut history = History::default();
        for _ in 0..100 {
            history.apply(seen("loop", 5_000));
        }
        assert_eq!(history.observe(Some(seen("loop", 5_999))).actor_per_second, 101);
        assert_eq!(history.observe(Some(seen("loop", 6_000))).actor_per_second, 1);
    }

    #[test]
    fn a_sequence_that_does_not_rise_is_out_of_order() {
        let mut history = History::default();
        let at = |sequence| Seen { actor: "a", sequence: Some(("s", sequence)), at: Millis(0) };
        history.apply(at(4));
        assert!(history.observe(Some(at(3))).out_of_order);
        assert!(history.observe(Some(at(4))).out_of_order);
        assert!(!history.observe(Some(at(5))).out_of_order);
    }

    #[test]
    fn memory_is_bounded_and_survives_its_own_form() {
        let mut history = History::default();
        for n in 0..3 * GENERATION {
            history.apply(seen(&format!("agent-{n}"), 0));
        }
        assert!(history.actors.len() <= 2 * GENERATION);
        let text = serde_json::to_string(&history).unwrap();
        assert_eq!(serde_json::from_str::<History>(&text).unwrap(), history);
    }
}
