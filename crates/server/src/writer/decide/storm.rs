//! Deciding which notices are messages, and which are told in another one.

use mandate_core::chain::Tip;
use mandate_core::change::{Edited, FeedEntry, NotificationRow, NotificationState, Regrouped};
use mandate_core::delivery::{self, Next};
use mandate_core::event::Submission;
use mandate_core::id::NotificationId;
use mandate_core::plan::{Notice, Plan, Why};
use mandate_core::storm::{Acted, Digest, Pending, Verdict, owners};
use mandate_core::time::Millis;
use uuid::Uuid;

use super::Decider;
use crate::input::Delivery;

impl Decider<'_> {
    /// Writes the notices of an event: each is a message, or says which one tells of it.
    pub(super) fn notify(&mut self, plan: &Plan, submission: &Submission, tip: Tip) {
        let impact = submission.metadata.as_ref().and_then(|metadata| metadata.estimated_impact);
        let owned = plan.owners.iter().flat_map(|owned| owned.ownership.owners.iter());
        let owners = owners(owned.map(|owner| self.snapshot.log_name(*owner)));
        let acted = Acted {
            actor: submission.actor_id().unwrap_or_default(),
            session: submission.session_id().unwrap_or_default(),
            owners: &owners,
            decision: plan.decision,
            impact,
        };
        self.storm.acted(acted.actor, self.now);
        for notice in &plan.notices {
            let row = NotificationRow { impact, ..notice.row(tip.seq, self.now) };
            if row.state == NotificationState::Delivered {
                // What arrived with its event has no later state to tell of, and interrupts nobody.
                self.changes.feed.push(FeedEntry::Notification { id: row.id });
                self.changes.notifications.push(row);
            } else {
                let row = self.judged(notice, acted, row);
                self.changes.notifications.push(row);
            }
        }
    }

    fn judged(&mut self, notice: &Notice, acted: Acted<'_>, row: NotificationRow) -> NotificationRow {
        let Notice { id, recipient, channel, lane, urgency, .. } = notice;
        let pending = Pending { id: *id, recipient, channel, lane, urgency: *urgency, acted };
        let lease_until = Millis(0);
        match self.storm.judge(&pending, self.now) {
            Verdict::Send => row,
            Verdict::Merge(told_in) => {
                let edited = Edited::One(told_in.message);
                if self.changes.edited.last() != Some(&edited) {
                    self.changes.edited.push(edited);
                }
                NotificationRow { state: NotificationState::Merged, told_in: Some(told_in), lease_until, ..row }
            }
            Verdict::Hold { told_in, due_at } => {
                NotificationRow { state: NotificationState::Held, told_in: Some(told_in), due_at, lease_until, ..row }
            }
        }
    }

    /// Follows a message with what is told in it: it arrived with it, another one takes its place, or it can no longer
    /// be changed and a digest tells what it did not.
    pub(super) fn regroup(
        &mut self,
        delivery: &Delivery,
        after: &NotificationRow,
        next: Next,
        alternate: Option<NotificationId>,
    ) {
        let (message, before) = (after.id, delivery.row.state);
        self.left_queue += usize::from(before == NotificationState::Queued && after.state != before);
        match next {
            Next::Done => {
                if let (Some(through), delivery::Answer::Sent { .. }) = (delivery.through, &delivery.attempt.answer) {
                    self.changes.regrouped.push(Regrouped::Contained { message, through, at: self.now });
                }
            }
            Next::Alternate | Next::GiveUp => {
                self.storm.close(message);
                if let Some(to) = alternate {
                    self.changes.regrouped.push(Regrouped::Moved { from: message, to });
                }
            }
            Next::LeaveAsItIs => {
                self.storm.close(message);
                let joined = |row: &&NotificationRow| {
                    row.state == NotificationState::Merged && row.told_in.is_some_and(|told| told.message == message)
                };
                let joined = self.changes.notifications.iter().filter(joined).count() as u64;
                let count = self.view.untold.get(&message).copied().unwrap_or_default() + joined;
                if count > 0 {
                    let NotificationRow { id, recipient, channel, lane, urgency, .. } = after.clone();
                    let gone = Digest { id, recipient, channel, lane, urgency, count };
                    let (digest, due_at) = self.storm.gather_again(&gone, self.now);
                    self.changes.regrouped.push(Regrouped::HeldAgain { from: message, digest, due_at });
                }
            }
            Next::Wait | Next::WaitAndAlternate => {}
        }
    }

    /// Tells what is due by now: digests, and that it storms.
    pub(super) fn tell_due(&mut self) {
        let due = self.storm.due(self.now);
        for digest in due.digests {
            let Digest { id, recipient, channel, lane, urgency, .. } = digest;
            let notice = Notice { id, recipient, channel, lane, urgency, why: vec![Why::Digest] };
            self.tell(NotificationRow { event_seq: None, ..notice.row(0, self.now) });
            self.changes.regrouped.push(Regrouped::Digested(id));
        }
        if let Some(alarm) = due.alarm {
            let cause = Uuid::from_bytes(self.env.random());
            self.alert(cause, &Why::Storm { agent: alarm.agent, actions: alarm.actions });
        }
        let queued = self.changes.notifications.iter().filter(|row| row.state == NotificationState::Queued).count();
        self.storm.queued(queued, self.left_queue);
    }
}
