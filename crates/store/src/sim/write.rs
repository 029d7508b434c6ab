//! The write, done in memory under the databases' constraints.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mandate_core::audit::SealedAudit;
use mandate_core::change::{Changes, Edited, Head, NotificationRow, NotificationState, Regrouped, ToldIn};
use mandate_core::id::{NotificationId, PersonId};
use mandate_core::seal::Erased;
use mandate_core::storm::Because;

use super::state::State;
use crate::error::{Error, Result};
use crate::tx::{ERASE_ACTION, Erasure};

/// Adds a row under a key that nothing may have yet.
fn add<K: Ord + std::fmt::Debug, V>(rows: &mut BTreeMap<K, V>, key: K, row: V, table: &str) -> Result<()> {
    if rows.contains_key(&key) {
        return Err(Error::Invalid(format!("`{table}` has a row {key:?} already")));
    }
    rows.insert(key, row);
    Ok(())
}

impl State {
    /// Writes everything. After an error this state is to be thrown away.
    pub(super) fn write(
        &mut self,
        changes: &Changes,
        head: &Head,
        erasures: Vec<Erasure>,
        forgotten: Vec<PersonId>,
    ) -> Result<()> {
        for row in &changes.events {
            add(&mut self.event_ids, row.id, row.seq, "event")?;
            add(&mut self.events, row.seq, Arc::new(row.clone()), "event")?;
        }
        for row in &changes.audit {
            add(&mut self.audit, row.seq, Arc::new(row.clone()), "audit")?;
        }
        for row in &changes.checkpoints {
            add(&mut self.checkpoints, (row.events.seq, row.audit.seq), row.clone(), "checkpoint")?;
        }
        for row in &changes.notifications {
            self.notifications.entry(row.id).or_insert_with(|| row.clone());
        }
        for row in &changes.configs {
            add(&mut self.configs, row.id, Arc::new(row.clone()), "config")?;
        }
        for row in &changes.deliveries {
            let known = self.notifications.get(&row.id);
            let is_news = |known: &NotificationRow| known.waits() && known.attempts < row.attempts;
            if known.is_none_or(is_news) {
                let edition = known.map_or(row.edition, |known| known.edition);
                self.notifications.insert(row.id, NotificationRow { edition, ..row.clone() });
            }
        }
        for edited in BTreeSet::from_iter(&changes.edited) {
            let is_meant = |row: &&mut NotificationRow| match edited {
                Edited::AboutEvent(seq) => row.event_seq == Some(*seq),
                Edited::One(id) => row.id == *id,
            };
            for row in self.notifications.values_mut().filter(is_meant) {
                row.edition += 1;
            }
        }
        for regrouped in &changes.regrouped {
            self.regroup(regrouped);
        }
        for row in &changes.responses {
            add(&mut self.responses, row.id, Arc::new(row.clone()), "response")?;
        }
        self.reviews.extend(changes.reviews.iter().map(|row| (row.event_seq, row.clone())));
        for row in &changes.outcomes {
            self.outcomes.entry(row.event).or_insert_with(|| row.clone());
        }
        for row in &changes.rejected {
            add(&mut self.rejected, row.id, row.clone(), "rejected")?;
        }
        self.seen.extend(changes.seen.iter().map(|row| (row.key, *row)));
        self.agents.extend(changes.agents.iter().map(|row| (row.id.clone(), row.clone())));
        self.keys.extend(changes.keys.iter().map(|row| (row.id, row.clone())));
        self.people.extend(changes.people.iter().map(|row| (row.id, row.clone())));
        if let Some(row) = &changes.history {
            self.history = Some(row.clone());
        }
        if !changes.feed.is_empty() {
            let first = self.head.position + 1;
            self.feed.insert(self.head.position + changes.positions(), (first, changes.feed.clone()));
        }
        for erasure in erasures {
            self.erase(erasure)?;
        }
        for person in forgotten {
            self.people.remove(&person);
        }
        self.head = *head;
        Ok(())
    }

    fn regroup(&mut self, regrouped: &Regrouped) {
        let mut told_in = |message: NotificationId, change: &dyn Fn(&mut NotificationRow, &mut ToldIn)| {
            for row in self.notifications.values_mut() {
                if let Some(mut told_in) = row.told_in.filter(|told_in| told_in.message == message) {
                    change(row, &mut told_in);
                    row.told_in = Some(told_in);
                }
            }
        };
        match *regrouped {
            Regrouped::Digested(digest) => told_in(digest, &|row, _| {
                if row.state == NotificationState::Held {
                    row.state = NotificationState::Digested;
                }
            }),
            Regrouped::Moved { from, to } => told_in(from, &|_, told_in| told_in.message = to),
            Regrouped::HeldAgain { from, digest, due_at } => told_in(from, &|row, told_in| {
                if row.state == NotificationState::Merged && row.delivered_at.is_none() {
                    (row.state, row.due_at) = (NotificationState::Held, due_at);
                    *told_in = ToldIn { message: digest, because: Because::MessageGone };
                }
            }),
            Regrouped::Contained { message, through, at } => told_in(message, &|row, _| {
                if row.event_seq.is_some_and(|seq| seq <= through) {
                    row.delivered_at = row.delivered_at.or(Some(at));
                }
            }),
        }
    }

    /// The narrow door: only with its record in the audit chain, written by the same transaction.
    fn erase(&mut self, erasure: Erasure) -> Result<()> {
        let Erasure { event, seq, audit_seq, at, reason } = erasure;
        let recorded = self
            .audit
            .get(&audit_seq)
            .filter(|row| row.seq > self.head.audit.seq)
            .and_then(|row| serde_json::from_slice::<SealedAudit>(&row.sealed).ok())
            .is_some_and(|entry| entry.action == ERASE_ACTION && entry.resource == format!("event:{event}"));
        match self.events.get_mut(&seq).filter(|row| recorded && row.id == event) {
            None => Err(Error::AppendOnly("an erasure needs its audit entry in the same transaction".into())),
            Some(row) => {
                add(&mut self.erased, seq, Erased { at, reason }, "erased")?;
                Arc::make_mut(row).content = None;
                Ok(())
            }
        }
    }
}
