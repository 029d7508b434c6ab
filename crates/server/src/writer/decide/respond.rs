//! Deciding what people answered, and what follows when nobody looked in time.
//!
//! Whoever comes second finds what the first one did: the order under the head lock is the only one there is.

use std::sync::Arc;

use mandate_core::change::{Edited, EventRow, FeedEntry, NotificationRow, ResponseRow, ReviewRow};
use mandate_core::dedupe::Identity;
use mandate_core::id::{NotificationId, ResponseId};
use mandate_core::intervention::{Effect, Intervention, Standing, effect, undo_effect};
use mandate_core::ownership::OwnerRef;
use mandate_core::plan::{self, Record};
use mandate_core::review;
use mandate_core::time::Span;

use super::{Answer, Decider};
use crate::input::{Act, Asker, Refusal, RespondInput, Responded};

/// An answer with everything that it is about.
struct Asked {
    notice: Arc<NotificationRow>,
    event: Option<Arc<EventRow>>,
    intervention: Intervention,
    assignee: Option<OwnerRef>,
    undone: Option<ResponseRow>,
}

impl Asked {
    fn agent(&self) -> Option<&str> {
        self.event.as_ref()?.agent()
    }
}

impl Decider<'_> {
    pub(super) fn respond(&mut self, input: &RespondInput) -> Answer {
        match self.find(&input.act) {
            Ok(asked) => Answer::Responded(Box::new(self.record(input, &asked))),
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    /// The answer to a call that was carried out before, with how things are now. A name used again much later is the
    /// later call.
    pub(super) fn responded_before(&self, input: &RespondInput) -> Answer {
        let once = input.by.once.as_ref();
        let is_it = |row: &&ResponseRow| once.is_some_and(|once| once.made(row.id.0));
        let Some(row) = self.view.responses.values().rev().find(is_it) else {
            return Answer::Refused(Refusal::Conflict("what this call did before is no longer kept".to_owned()));
        };
        let agent = row.event_seq.and_then(|seq| self.view.noticed.get(&seq)?.agent());
        Answer::Responded(Box::new(Responded {
            first: self.first_answer(row.event_seq, row.notification).unwrap_or(row).clone(),
            agent: agent.map(|agent| self.agent_row(agent)),
            review: row.event_seq.and_then(|seq| self.view.reviews.get(&seq)).cloned(),
            response: row.clone(),
        }))
    }

    /// Tells once of each review whose time is over.
    pub(super) fn tell_overdue(&mut self) {
        for seq in std::mem::take(&mut self.view.overdue) {
            let review = self.view.reviews.get(&seq).filter(|review| review.is_to_escalate(self.now)).cloned();
            let (Some(mut review), Some(event)) = (review, self.view.noticed.get(&seq).cloned()) else { continue };
            let notices = plan::overdue(&self.snapshot, &event, &review, self.now);
            if notices.is_empty() {
                tracing::warn!(event = %event.id, "a review is overdue, and nobody can be told; see `fallback` in mandate.yaml");
            }
            for notice in notices {
                self.tell(notice);
            }
            review.escalated_at = Some(self.now);
            self.audit(Asker::system().did("review.overdue", format!("event:{}", event.id)));
            self.keep_review(review);
        }
    }

    /// Finds what an answer is about, or why it cannot be given.
    fn find(&self, act: &Act) -> Result<Asked, Refusal> {
        let (notification, intervention, handle, undone) = match act {
            Act::Answer { notification, intervention, assignee } => {
                (*notification, *intervention, assignee.as_deref(), None)
            }
            Act::Undo(id) => {
                let row = self.undoable(*id)?;
                (row.notification, row.intervention, None, Some(row.clone()))
            }
        };
        let notice = self.view.notices.get(&notification).map(Arc::clone);
        let notice = notice.ok_or_else(|| Refusal::NotFound(format!("the notification `{notification}`")))?;
        let event = notice.event_seq.and_then(|seq| self.view.noticed.get(&seq)).map(Arc::clone);
        let agent = event.as_ref().and_then(|event| event.agent());
        if let Some(objection) = intervention.objection(event.is_some(), agent) {
            return Err(Refusal::Invalid(objection));
        }
        let assignee = handle.map(|handle| plan::assignee(&self.snapshot, handle).map_err(Refusal::Invalid));
        Ok(Asked { notice, assignee: assignee.transpose()?, event, intervention, undone })
    }

    /// An answer that can be taken back.
    fn undoable(&self, id: ResponseId) -> Result<&ResponseRow, Refusal> {
        let row = self.view.responses.get(&id);
        let row = row.ok_or_else(|| Refusal::NotFound(format!("the response `{id}`")))?;
        if row.undoes.is_some() {
            let detail = "this response takes another one back; answer the notice anew instead";
            return Err(Refusal::Conflict(detail.to_owned()));
        }
        if let Some(undo) = self.view.responses.values().find(|other| other.undoes == Some(id)) {
            let who = self.snapshot.display_name(&undo.by);
            return Err(Refusal::Conflict(format!("{who} took this response back already, as `{}`", undo.id)));
        }
        if !row.intervention.is_reversible() {
            return Err(Refusal::Invalid(format!("`{}` cannot be taken back", row.intervention)));
        }
        Ok(row)
    }

    fn record(&mut self, input: &RespondInput, asked: &Asked) -> Responded {
        let seq = asked.notice.event_seq;
        let agent = asked.agent().map(|agent| self.agent_row(agent));
        let review = seq.and_then(|seq| self.view.reviews.get(&seq));
        let standing = Standing { agent: agent.as_ref(), review };
        let effect = match &asked.undone {
            Some(undone) => undo_effect(undone, standing),
            None => effect(asked.intervention, standing),
        };
        let entropy = input.by.once.as_ref().map_or_else(|| self.env.random(), Identity::entropy);
        let id = ResponseId(self.ids.next(self.now, entropy));
        let action = if asked.undone.is_some() { "response.undo" } else { asked.intervention.audit_action() };
        let mut entry = input.by.did(action, format!("notification:{}", asked.notice.id));
        if let Some(undone) = &asked.undone {
            entry = entry.with("old_value", undone.intervention.as_str()).with("response", undone.id.to_string());
        }
        if let Some(note) = &input.note {
            entry = entry.with("note", note.as_str());
        }
        let assignee = asked.assignee.map(|party| self.snapshot.log_name(party));
        if let Some(assignee) = &assignee {
            entry = entry.with("new_value", assignee.as_str());
        }
        self.audit(entry);
        let sent_at = seq.map_or(asked.notice.delivered_at, |seq| self.view.first_sent.get(&seq).copied());
        let earlier = self.first_answer(seq, asked.notice.id).cloned();
        let response = ResponseRow {
            id,
            notification: asked.notice.id,
            event_seq: seq,
            intervention: asked.intervention,
            undoes: asked.undone.as_ref().map(|undone| undone.id),
            assignee,
            by: input.by.actor.clone(),
            via: input.via,
            at: self.now,
            since_sent: sent_at.map(|at| Span(self.now.since(at).0.max(0))),
            first: earlier.is_none() && asked.undone.is_none(),
            effect,
            audit_seq: self.head.audit.seq,
        };
        self.changes.feed.push(FeedEntry::Response { id });
        // Every message about it shows who did what, wherever it stands.
        self.changes.edited.push(seq.map_or(Edited::One(asked.notice.id), Edited::AboutEvent));
        self.changes.responses.push(response.clone());
        self.view.responses.insert(id, response.clone());
        self.carry_out_effect(effect, input, asked, id);
        Responded {
            first: earlier.unwrap_or_else(|| response.clone()),
            agent: asked.agent().map(|agent| self.agent_row(agent)),
            review: seq.and_then(|seq| self.view.reviews.get(&seq)).cloned(),
            response,
        }
    }

    fn carry_out_effect(&mut self, effect: Effect, input: &RespondInput, asked: &Asked, id: ResponseId) {
        // INVARIANT: without an event there is nothing that an answer could change, see `Intervention::needs_event`.
        let Some(event) = &asked.event else { return };
        let review = self.view.reviews.get(&event.seq).cloned();
        match effect {
            Effect::Noted | Effect::Unchanged => {}
            Effect::Pause | Effect::Resume => {
                if let Some(agent) = event.agent() {
                    self.set_paused(agent, effect == Effect::Pause, input.note.as_deref(), &input.by);
                }
            }
            Effect::OpenReview => self.keep_review(match review {
                Some(mut review) if asked.undone.is_some() => {
                    review.reopen();
                    review
                }
                _ => ReviewRow::open(event.id, event.seq, &input.by.actor, self.now, review_within(event)),
            }),
            Effect::CloseReview => {
                if let Some(mut review) = review {
                    review.close(&input.by.actor, self.now);
                    self.keep_review(review);
                }
            }
            Effect::Ask => {
                for notice in plan::asked(&self.snapshot, event, id, self.now) {
                    self.tell(notice);
                }
            }
            Effect::Assign => {
                let assignee = asked.assignee;
                let notices = assignee.map(|assignee| plan::assigned(&self.snapshot, event, assignee, id, self.now));
                for notice in notices.into_iter().flatten() {
                    self.tell(notice);
                }
            }
        }
    }

    fn keep_review(&mut self, review: ReviewRow) {
        self.changes.feed.push(FeedEntry::Review { event_seq: review.event_seq });
        self.changes.reviews.push(review.clone());
        self.view.reviews.insert(review.event_seq, review);
    }

    /// The first answer to an event, or to a notice that is about none.
    fn first_answer(&self, event_seq: Option<i64>, notice: NotificationId) -> Option<&ResponseRow> {
        let about = |row: &&ResponseRow| match event_seq {
            Some(_) => row.event_seq == event_seq,
            None => row.notification == notice,
        };
        self.view.responses.values().filter(about).find(|row| row.undoes.is_none())
    }
}

/// How soon a review that a person opens is due: as the event's rule says.
fn review_within(event: &EventRow) -> Span {
    let record: Option<Record> = serde_json::from_slice(&event.plan).ok();
    record.and_then(|record| record.review_within).unwrap_or(review::WITHIN)
}
