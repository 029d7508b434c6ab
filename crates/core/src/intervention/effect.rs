//! What a response does beyond its record, given what stands at that moment.

use serde::{Deserialize, Serialize};

use super::Intervention;
use crate::change::{AgentRow, ResponseRow, ReviewRow};
use crate::event::words;

/// What stands before a response.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing<'a> {
    /// The agent that acted; none when no agent did.
    pub agent: Option<&'a AgentRow>,
    /// The review of the event, open or closed; none when there never was one.
    pub review: Option<&'a ReviewRow>,
}

words! {
    /// What a response does beyond its record.
    Effect {
        /// Nothing: the record is all.
        Noted = "noted",
        /// What it asks for is so already, or was changed again by somebody else: nothing is done.
        Unchanged = "unchanged",
        /// The agent's calls stop.
        Pause = "paused",
        /// The agent's calls go through again.
        Resume = "resumed",
        /// The event waits for a review.
        OpenReview = "review_opened",
        /// The event no longer waits for a review.
        CloseReview = "review_closed",
        /// Those who own the agent are asked.
        Ask = "asked",
        /// The assignee is told.
        Assign = "assigned",
    }
}

impl Effect {
    /// Whether anything is changed beyond the record.
    #[must_use]
    pub const fn changes(self) -> bool {
        !matches!(self, Self::Noted | Self::Unchanged)
    }
}

/// What an intervention does.
#[must_use]
pub fn effect(intervention: Intervention, standing: Standing<'_>) -> Effect {
    let paused = standing.agent.is_some_and(|agent| agent.paused);
    let under_review = standing.review.is_some_and(ReviewRow::is_open);
    match intervention {
        Intervention::PauseAgent if paused => Effect::Unchanged,
        Intervention::PauseAgent => Effect::Pause,
        Intervention::ResumeAgent if paused => Effect::Resume,
        Intervention::ResumeAgent => Effect::Unchanged,
        Intervention::FlagForReview if under_review => Effect::Unchanged,
        Intervention::FlagForReview => Effect::OpenReview,
        Intervention::Acknowledge | Intervention::LooksOk if under_review => Effect::CloseReview,
        Intervention::AskQuestion => Effect::Ask,
        Intervention::AssignOwner => Effect::Assign,
        Intervention::Acknowledge | Intervention::LooksOk | Intervention::NotRelevant | Intervention::Investigate => {
            Effect::Noted
        }
    }
}

/// What taking a response back does. It changes only what that response changed, as long as nobody changed it since.
#[must_use]
pub fn undo_effect(undone: &ResponseRow, standing: Standing<'_>) -> Effect {
    let is_mine = |at, by: Option<&String>| at == Some(undone.at) && by == Some(&undone.by);
    let agent = standing.agent.filter(|agent| is_mine(agent.since, agent.by.as_ref()));
    let review = standing.review;
    let (applies, effect) = match undone.effect {
        Effect::Noted | Effect::Unchanged | Effect::Ask | Effect::Assign => return Effect::Noted,
        Effect::Pause => (agent.is_some_and(|agent| agent.paused), Effect::Resume),
        Effect::Resume => (agent.is_some_and(|agent| !agent.paused), Effect::Pause),
        Effect::OpenReview => {
            let opened = |review: &ReviewRow| is_mine(Some(review.opened_at), Some(&review.opened_by));
            (review.is_some_and(|review| review.is_open() && opened(review)), Effect::CloseReview)
        }
        Effect::CloseReview => {
            let closed = |review: &ReviewRow| is_mine(review.closed_at, review.closed_by.as_ref());
            (review.is_some_and(closed), Effect::OpenReview)
        }
    };
    if applies { effect } else { Effect::Unchanged }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{EventId, NotificationId, ResponseId};
    use crate::intervention::Via;
    use crate::time::{HOUR, Millis};
    use uuid::Uuid;

    fn response(intervention: Intervention, at: i64, effect: Effect) -> ResponseRow {
        ResponseRow {
            id: ResponseId(Uuid::nil()),
            notification: NotificationId(Uuid::nil()),
            event_seq: Some(1),
            intervention,
            undoes: None,
            assignee: None,
            by: "person:1".into(),
            via: Via::Api,
            at: Millis(at),
            since_sent: None,
            first: false,
            effect,
            audit_seq: 1,
        }
    }

    fn paused(at: i64, by: &str) -> AgentRow {
        let mut agent = AgentRow::unknown("deployer");
        agent.set_paused(true, None, by, Millis(at));
        agent
    }

    #[test]
    fn a_press_does_what_is_not_done_yet() {
        let (running, stopped) = (AgentRow::unknown("deployer"), paused(5, "person:1"));
        let open = ReviewRow::open(EventId(Uuid::nil()), 1, "rule:x", Millis(5), HOUR);
        let mut closed = open.clone();
        assert!(closed.close("person:1", Millis(6)) && !closed.close("person:2", Millis(7)));
        fn check(verb: Intervention, agent: Option<&AgentRow>, review: Option<&ReviewRow>, expect: Effect) {
            assert_eq!(effect(verb, Standing { agent, review }), expect, "{verb}");
        }
        check(Intervention::PauseAgent, Some(&running), None, Effect::Pause);
        check(Intervention::PauseAgent, Some(&stopped), None, Effect::Unchanged);
        check(Intervention::ResumeAgent, Some(&stopped), None, Effect::Resume);
        check(Intervention::ResumeAgent, Some(&running), None, Effect::Unchanged);
        check(Intervention::FlagForReview, None, None, Effect::OpenReview);
        check(Intervention::FlagForReview, None, Some(&open), Effect::Unchanged);
        check(Intervention::FlagForReview, None, Some(&closed), Effect::OpenReview);
        check(Intervention::LooksOk, None, Some(&open), Effect::CloseReview);
        check(Intervention::Acknowledge, None, Some(&closed), Effect::Noted);
        check(Intervention::NotRelevant, None, Some(&open), Effect::Noted);
    }

    #[test]
    fn taking_back_touches_only_ones_own_doing() {
        fn check(undone: ResponseRow, agent: Option<&AgentRow>, review: Option<&ReviewRow>, expect: Effect) {
            assert_eq!(undo_effect(&undone, Standing { agent, review }), expect, "{undone:?}");
        }
        let pause = || response(Intervention::PauseAgent, 5, Effect::Pause);
        check(pause(), Some(&paused(5, "person:1")), None, Effect::Resume);
        check(pause(), Some(&paused(9, "person:2")), None, Effect::Unchanged);
        check(pause(), Some(&AgentRow::unknown("deployer")), None, Effect::Unchanged);
        let late = response(Intervention::PauseAgent, 5, Effect::Unchanged);
        check(late, Some(&paused(5, "person:1")), None, Effect::Noted);
        let mut review = ReviewRow::open(EventId(Uuid::nil()), 1, "person:1", Millis(5), HOUR);
        let flag = |at| response(Intervention::FlagForReview, at, Effect::OpenReview);
        check(flag(5), None, Some(&review), Effect::CloseReview);
        check(flag(4), None, Some(&review), Effect::Unchanged);
        review.close("person:1", Millis(8));
        let looks_ok = |at, effect| response(Intervention::LooksOk, at, effect);
        check(looks_ok(8, Effect::CloseReview), None, Some(&review), Effect::OpenReview);
        check(looks_ok(7, Effect::CloseReview), None, Some(&review), Effect::Unchanged);
        check(looks_ok(8, Effect::Noted), None, Some(&review), Effect::Noted);
    }
}
