//! What was told and held, answered from memory.

use std::collections::BTreeMap;

use mandate_core::change::{NotificationRow, NotificationState};
use mandate_core::id::NotificationId;
use mandate_core::plan::IN_APP;
use mandate_core::storm::{Because, Past, PastEvent, PastGathering, PastMessage};
use mandate_core::time::Millis;

use super::state::State;
use crate::read::storm::{ACTS, first_id};
use crate::read::{Acts, Together};

impl State {
    fn told_in(&self, message: NotificationId) -> impl Iterator<Item = &NotificationRow> {
        let is_told = move |row: &&NotificationRow| row.told_in.is_some_and(|told_in| told_in.message == message);
        self.notifications.values().filter(is_told)
    }

    pub(crate) fn past(&self, now: Millis) -> Past {
        let rows = || self.notifications.values();
        let since = NotificationId(first_id(Past::since(now)));
        let sent = rows().filter(|row| row.id >= since && row.told_in.is_none() && *row.channel != *IN_APP);
        let mut messages: Vec<PastMessage> = sent
            .map(|row| {
                let event = row.event_seq.and_then(|seq| self.events.get(&seq)).map(|event| PastEvent {
                    actor: event.actor.clone(),
                    session: event.session.clone(),
                    decision: event.decision,
                    plan: event.plan.clone(),
                });
                let merged_at = self.told_in(row.id).map(|row| row.created_at).max();
                PastMessage { row: row.clone(), event, merged_at }
            })
            .collect();
        messages.sort_by_key(|message| (message.row.created_at, message.row.event_seq, message.row.id));
        let mut held: Vec<&NotificationRow> = rows().filter(|row| row.state == NotificationState::Held).collect();
        held.sort_by_key(|row| row.created_at);
        let gathered = held.into_iter().filter_map(|row| {
            Some(PastGathering {
                digest: row.told_in?.message,
                recipient: row.recipient.clone(),
                channel: row.channel.clone(),
                lane: row.lane.clone(),
                urgency: row.urgency,
                due_at: row.due_at,
                count: 1,
            })
        });
        let mut stormed: BTreeMap<i64, u64> = BTreeMap::new();
        let since = NotificationId(first_id(Past::stormed_since(now)));
        let storm = |row: &&NotificationRow| row.told_in.is_some_and(|told_in| told_in.because == Because::Storm);
        for row in rows().filter(|row| row.id >= since).filter(storm) {
            *stormed.entry(row.created_at.0 / 1_000).or_default() += 1;
        }
        Past {
            messages,
            gathered: gathered.collect(),
            stormed: stormed.into_iter().collect(),
            queued: rows().filter(|row| row.state == NotificationState::Queued).count(),
        }
    }

    pub(crate) fn untold(&self, message: NotificationId) -> u64 {
        let untold = |row: &&NotificationRow| row.state == NotificationState::Merged && row.delivered_at.is_none();
        self.told_in(message).filter(untold).count() as u64
    }

    pub(crate) fn together(&self, message: NotificationId, acts: bool) -> Together {
        let mut together = Together::default();
        let mut counted: BTreeMap<_, (u64, i64)> = BTreeMap::new();
        for row in self.told_in(message) {
            together.count += 1;
            together.worst = together.worst.max(row.impact);
            let Some(event) = row.event_seq.and_then(|seq| self.events.get(&seq)) else { continue };
            if event.seq >= together.through {
                (together.through, together.last_action) = (event.seq, event.action.clone());
            }
            let known = counted.entry((event.actor.clone(), event.action.clone())).or_default();
            *known = (known.0 + 1, known.1.max(event.seq));
        }
        if acts {
            let mut counted: Vec<_> = counted.into_iter().collect();
            counted.sort_by_key(|(_, (count, last))| std::cmp::Reverse((*count, *last)));
            let acts = counted.into_iter().take(ACTS as usize);
            together.acts = acts.map(|((actor, action), (count, _))| Acts { actor, action, count }).collect();
        }
        together
    }
}
