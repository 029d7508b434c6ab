//! The reads, answered from memory.

use std::collections::BTreeSet;

use mandate_core::audit::{self, AuditRow};
use mandate_core::change::{
    AgentRow, CheckpointRow, ConfigRow, EventRow, Head, HistoryRow, KeyRow, NotificationRow, NotificationState,
    OutcomeRow, PersonRow, RejectedRow, ResponseRow, ReviewRow,
};
use mandate_core::id::{ConfigId, EventId, NotificationId, RejectedId, ResponseId};
use mandate_core::metric::AnswerTimes;
use mandate_core::time::Millis;

use super::state::State;
use crate::read::response::{MEASURED, measured, oldest_measured};
use crate::read::{
    EventFilter, FeedRow, MAX_SCAN, NotificationFilter, Page, ReviewPlace, Reviews, StoredEvent, StoredResponse,
};

/// A limit as an iterator takes it.
fn take(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or(0)
}

impl State {
    fn stored(&self, row: &EventRow) -> StoredEvent {
        StoredEvent { row: row.clone(), erased: self.erased.get(&row.seq).cloned() }
    }

    pub(crate) fn head(&self) -> Head {
        self.head
    }

    pub(crate) fn event(&self, id: EventId) -> Option<StoredEvent> {
        self.event_by_seq(*self.event_ids.get(&id)?)
    }

    pub(crate) fn event_by_seq(&self, seq: i64) -> Option<StoredEvent> {
        self.events.get(&seq).map(|row| self.stored(row))
    }

    pub(crate) fn last_event_before(&self, id: EventId) -> Option<i64> {
        self.event_ids.iter().filter(|(other, _)| **other < id).map(|(_, seq)| *seq).max()
    }

    pub(crate) fn events_from(&self, seq: i64, limit: i64) -> Vec<StoredEvent> {
        self.events.range(seq..).take(take(limit)).map(|(_, row)| self.stored(row)).collect()
    }

    pub(crate) fn events(&self, filter: &EventFilter, before: Option<i64>, limit: i64) -> Page<StoredEvent> {
        let key = EventFilter { resource: filter.resource.clone(), ..EventFilter::default() };
        let key = match (&filter.resource, &filter.actor) {
            (None, Some(_)) => EventFilter { actor: filter.actor.clone(), ..key },
            _ => key,
        };
        let before = before.unwrap_or(i64::MAX).max(1);
        let walk = self.events.range(..before).rev().map(|(_, row)| row).filter(|row| key.takes(row));
        let (mut items, mut looked, mut next) = (Vec::new(), 0, None);
        for row in walk {
            looked += 1;
            if filter.takes(row) {
                items.push(self.stored(row));
            }
            if items.len() >= take(limit) || looked >= MAX_SCAN {
                next = Some(row.seq).filter(|seq| *seq > 1);
                break;
            }
        }
        Page { items, next }
    }

    pub(crate) fn audit_from(&self, seq: i64, limit: i64) -> Vec<AuditRow> {
        self.audit.range(seq..).take(take(limit)).map(|(_, row)| AuditRow::clone(row)).collect()
    }

    pub(crate) fn checkpoints(&self, after: (i64, i64), limit: i64) -> Vec<CheckpointRow> {
        let after = self.checkpoints.iter().filter(|(key, _)| **key > after);
        after.take(take(limit)).map(|(_, row)| row.clone()).collect()
    }

    pub(crate) fn latest_checkpoint(&self) -> Option<CheckpointRow> {
        self.checkpoints.last_key_value().map(|(_, row)| row.clone())
    }

    pub(crate) fn notification(&self, id: NotificationId) -> Option<NotificationRow> {
        self.notifications.get(&id).cloned()
    }

    pub(crate) fn notifications_of(&self, event_seq: i64) -> Vec<NotificationRow> {
        self.notifications.values().filter(|row| row.event_seq == Some(event_seq)).cloned().collect()
    }

    pub(crate) fn oldest_queued(&self) -> Option<Millis> {
        let queued = self.notifications.values().filter(|row| row.state == NotificationState::Queued);
        queued.map(|row| row.created_at).min()
    }

    pub(crate) fn notifications(
        &self,
        filter: &NotificationFilter,
        before: NotificationId,
        limit: i64,
    ) -> Page<NotificationRow, NotificationId> {
        let (mut items, mut next) = (Vec::new(), None);
        for (looked, (id, row)) in (1..).zip(self.notifications.range(..before).rev()) {
            if filter.takes(row) {
                items.push(row.clone());
            }
            if items.len() >= take(limit) || looked >= MAX_SCAN {
                next = Some(*id);
                break;
            }
        }
        Page { items, next }
    }

    pub(crate) fn response(&self, id: ResponseId) -> Option<StoredResponse> {
        self.responses.get(&id).map(|row| self.answered(row))
    }

    pub(crate) fn responses(&self, asked: impl Fn(&ResponseRow) -> bool) -> Vec<StoredResponse> {
        self.responses.values().filter(|row| asked(row)).map(|row| self.answered(row)).collect()
    }

    fn answered(&self, row: &ResponseRow) -> StoredResponse {
        let content = self.audit.get(&row.audit_seq).and_then(|entry| entry.content.as_deref());
        StoredResponse { row: row.clone(), note: content.and_then(audit::note) }
    }

    pub(crate) fn answer_times(&self, since: Millis) -> AnswerTimes {
        let oldest = oldest_measured(since);
        let newest = self.notifications.range(NotificationId(oldest)..).rev().take(take(MEASURED));
        let told = newest.filter(|(_, row)| row.delivered_at.is_some_and(|at| at >= since));
        let told: BTreeSet<i64> = told.filter_map(|(_, row)| row.event_seq).collect();
        let counts = |row: &&ResponseRow| row.undoes.is_none() && row.event_seq.is_some();
        let rows = self.responses.range(ResponseId(oldest)..).map(|(_, row)| &**row).filter(counts);
        measured(i64::try_from(told.len()).unwrap_or(i64::MAX), rows, since)
    }

    pub(crate) fn review(&self, event_seq: i64) -> Option<ReviewRow> {
        self.reviews.get(&event_seq).cloned()
    }

    pub(crate) fn reviews(&self, which: Reviews, after: ReviewPlace, limit: i64) -> Vec<ReviewRow> {
        let placed = self.reviews.values().filter_map(|row| Some((which.place(row)?, row)));
        let mut placed: Vec<_> = match which {
            Reviews::Closed => placed.filter(|(place, _)| *place < after).collect(),
            _ => placed.filter(|(place, _)| *place > after).collect(),
        };
        placed.sort_unstable_by_key(|(place, _)| *place);
        if which == Reviews::Closed {
            placed.reverse();
        }
        placed.into_iter().take(take(limit)).map(|(_, row)| row.clone()).collect()
    }

    pub(crate) fn reviews_overdue(&self, now: Millis, limit: u32) -> Vec<ReviewRow> {
        let mut due: Vec<_> = self.reviews.values().filter(|row| row.is_to_escalate(now)).cloned().collect();
        due.sort_by_key(|row| (row.due_at, row.event_seq));
        due.truncate(limit as usize);
        due
    }

    pub(crate) fn outcome(&self, event: EventId) -> Option<OutcomeRow> {
        self.outcomes.get(&event).cloned()
    }

    pub(crate) fn rejected(&self, before: uuid::Uuid, limit: i64) -> Vec<RejectedRow> {
        self.rejected.range(..RejectedId(before)).rev().take(take(limit)).map(|(_, row)| row.clone()).collect()
    }

    pub(crate) fn agents(&self, after: &str, limit: i64) -> Vec<AgentRow> {
        let after = self.agents.values().filter(|row| row.id.as_str() > after);
        after.take(take(limit)).cloned().collect()
    }

    pub(crate) fn agent(&self, id: &str) -> Option<AgentRow> {
        self.agents.get(id).cloned()
    }

    pub(crate) fn keys(&self) -> Vec<KeyRow> {
        self.keys.values().cloned().collect()
    }

    pub(crate) fn config(&self, id: ConfigId) -> Option<ConfigRow> {
        self.configs.get(&id).map(|row| ConfigRow::clone(row))
    }

    pub(crate) fn configs(&self, limit: i64) -> Vec<ConfigRow> {
        self.configs.values().rev().take(take(limit)).map(|row| ConfigRow::clone(row)).collect()
    }

    pub(crate) fn people(&self) -> Vec<PersonRow> {
        self.people.values().cloned().collect()
    }

    pub(crate) fn feed_after(&self, position: i64, limit: i64) -> Vec<FeedRow> {
        let after = self.feed.range(position.saturating_add(1)..).take(take(limit));
        after.map(|(_, (first, entries))| FeedRow { first: *first, entries: entries.clone() }).collect()
    }

    pub(crate) fn oldest_feed_position(&self) -> Option<i64> {
        self.feed.first_key_value().map(|(_, (first, _))| *first)
    }

    pub(crate) fn history(&self) -> Option<HistoryRow> {
        self.history.clone()
    }
}
