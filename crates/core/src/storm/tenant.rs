//! How much the whole tenant is told: beyond it, everything but the first word of an agent waits for digests.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::recent::Recent;
use crate::time::{MINUTE, Millis, SECOND, Span};

use super::Because;

/// So many new messages a minute are no storm, however few people there are.
const MESSAGES: usize = 50;
/// So many new messages a minute for each person who was told in the last hour are none either.
const MESSAGES_EACH: usize = 5;
/// More than this many messages that wait to be sent are too many.
const QUEUE: usize = 5_000;
/// Those who look after Mandate are told at most so often.
pub(super) const ALARM_EVERY: Span = MINUTE.times(10);

/// It storms: what those who look after Mandate are to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Which agent acted most in the last minute.
    pub agent: String,
    /// How often.
    pub actions: u64,
}

/// The tenant's last minute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tenant {
    /// New messages that were sent, or held because it storms.
    wanted: Counter,
    actors: Recent<Actor>,
    queued: usize,
    /// It storms, and nobody was told yet.
    alarm: bool,
    pub(super) alarmed_at: Option<Millis>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Actor {
    actions: Counter,
    told_at: Option<Millis>,
}

/// Counts the last minute, by the second; rather a second more of it than less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Counter {
    seconds: VecDeque<(i64, u64)>,
}

impl Counter {
    fn add(&mut self, count: u64, now: Millis) {
        let second = now.0.div_euclid(SECOND.0);
        let oldest = second - MINUTE.0 / SECOND.0;
        while self.seconds.front().is_some_and(|(known, _)| *known < oldest) {
            self.seconds.pop_front();
        }
        match self.seconds.back_mut() {
            // A clock that steps back counts where it was.
            Some((known, counted)) if *known >= second => *counted = counted.saturating_add(count),
            _ => self.seconds.push_back((second, count)),
        }
    }

    fn count(&self, now: Millis) -> u64 {
        let oldest = now.0.div_euclid(SECOND.0) - MINUTE.0 / SECOND.0;
        let lately = self.seconds.iter().filter(|(second, _)| *second >= oldest);
        lately.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

impl Tenant {
    pub(super) fn acted(&mut self, actor: &str, now: Millis) {
        self.actors.update(actor, Actor::default, |known| known.actions.add(1, now));
    }

    /// A new message about this actor goes out.
    pub(super) fn sent(&mut self, actor: &str, now: Millis) {
        self.wanted.add(1, now);
        self.actors.update(actor, Actor::default, |known| known.told_at = Some(now));
    }

    /// A message is held because it storms: it is wanted all the same.
    pub(super) fn held(&mut self, now: Millis) {
        self.wanted.add(1, now);
    }

    pub(super) fn held_before(&mut self, count: u64, at: Millis) {
        self.wanted.add(count, at);
    }

    pub(super) fn queued(&mut self, joined: usize, left: usize) {
        self.queued = self.queued.saturating_add(joined).saturating_sub(left);
    }

    /// Why a new message about this actor has to wait, when it has to.
    pub(super) fn holds(&mut self, actor: &str, people: usize, now: Millis) -> Option<Because> {
        let most = MESSAGES.max(people.saturating_mul(MESSAGES_EACH));
        let storms = usize::try_from(self.wanted.count(now)).unwrap_or(usize::MAX) >= most;
        if !storms && self.queued <= QUEUE {
            return None;
        }
        self.alarm = true;
        let told_at = self.actors.get(actor).and_then(|known| known.told_at);
        let was_told = told_at.is_some_and(|at| now.since(at) < MINUTE);
        let because = if storms { Because::Storm } else { Because::Queue };
        was_told.then_some(because)
    }

    /// What those who look after Mandate are to know now, once for each storm.
    pub(super) fn alarm(&mut self, now: Millis) -> Option<Alarm> {
        if !std::mem::take(&mut self.alarm) || self.alarmed_at.is_some_and(|at| now.since(at) < ALARM_EVERY) {
            return None;
        }
        self.alarmed_at = Some(now);
        let counted = self.actors.iter().map(|(agent, known)| (known.actions.count(now), std::cmp::Reverse(agent)));
        let (actions, std::cmp::Reverse(agent)) = counted.max()?;
        Some(Alarm { agent: agent.to_owned(), actions })
    }
}
