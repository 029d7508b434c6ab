//! People who answer what arrives, press twice when an answer is lost, and what must hold of their answers afterwards.

use std::collections::{BTreeMap, BTreeSet};

use mandate_core::audit::SealedAudit;
use mandate_core::change::{NotificationRow, ResponseRow};
use mandate_core::dedupe::Identity;
use mandate_core::id::{KeyId, NotificationId, TenantId};
use mandate_core::intervention::{Effect, Intervention, Via};
use mandate_core::plan::Why;
use mandate_core::time::Millis;
use mandate_server::input::{Act, Asker, Input, RespondInput, Responded};
use mandate_server::input::{Refusal, Reply};
use mandate_store::{Store, StoredEvent};
use tokio::sync::oneshot;

use crate::chance::Chance;

/// What is pressed.
const VERBS: [Intervention; 5] = [
    Intervention::PauseAgent,
    Intervention::ResumeAgent,
    Intervention::FlagForReview,
    Intervention::LooksOk,
    Intervention::Investigate,
];

/// One press on one notice.
#[derive(Debug, Clone, Copy)]
struct Press {
    notification: NotificationId,
    intervention: Intervention,
    person: usize,
}

/// Those who answer. A press that was not answered is repeated under its own name.
#[derive(Debug, Default)]
pub(super) struct People {
    pressed: u64,
    unanswered: BTreeMap<u64, Press>,
    answered: BTreeSet<u64>,
}

/// An answer on its way back.
pub(super) type Waiting = (u64, oneshot::Receiver<Result<Responded, Refusal>>);

impl People {
    /// Whether every press has its answer.
    pub(super) fn are_answered(&self) -> bool {
        self.unanswered.is_empty()
    }

    /// Somebody presses something on a notice that arrived.
    pub(super) fn press(&mut self, chance: &Chance, notification: NotificationId) {
        let pick = |n: usize| usize::try_from(chance.below(n as u64)).unwrap_or(0);
        self.pressed += 1;
        let press = Press { notification, intervention: VERBS[pick(VERBS.len())], person: pick(2) };
        self.unanswered.insert(self.pressed, press);
    }

    /// A few presses that have no answer yet, each under its own name.
    pub(super) fn inputs(&self, now: Millis, secret: &[u8; 32]) -> (Vec<Input>, Vec<Waiting>) {
        let each = self.unanswered.iter().take(3).map(|(number, press)| {
            let (reply, answer) = oneshot::channel();
            (input(*number, *press, now, secret, reply), (*number, answer))
        });
        each.unzip()
    }

    /// Takes in what came back; a tenth of it is lost on the way.
    pub(super) async fn hear(&mut self, chance: &Chance, waiting: Vec<Waiting>) {
        for (number, answer) in waiting {
            let answered = answer.await.ok().and_then(Result::ok);
            if answered.is_some() && !chance.percent(10) {
                self.unanswered.remove(&number);
                self.answered.insert(number);
            }
        }
    }

    /// Checks every promise about answers and reviews; gives how many there are, and how many overdue ones were told of.
    pub(super) async fn check(
        &self,
        store: &Store,
        tenant: TenantId,
        events: &[StoredEvent],
        told: &[NotificationRow],
    ) -> (usize, usize) {
        let mut overdue = 0;
        let mut noted: BTreeMap<u64, usize> = BTreeMap::new();
        let mut rows: BTreeMap<_, ResponseRow> = BTreeMap::new();
        for event in events {
            let seq = event.row.seq;
            let responses = store.responses_of(tenant, seq).await.expect("no faults");
            for stored in &responses {
                let number = stored.note.as_ref().and_then(|note| note.parse().ok()).expect("our note");
                *noted.entry(number).or_default() += 1;
            }
            let first: Vec<bool> = responses.iter().map(|stored| stored.row.first).collect();
            assert!(
                first.iter().enumerate().all(|(at, first)| *first == (at == 0)),
                "event {seq} has one first answer"
            );
            overdue += self
                .check_review(store, tenant, event, &responses.iter().map(|one| &one.row).collect::<Vec<_>>(), told)
                .await;
            rows.extend(responses.into_iter().map(|stored| (stored.row.id, stored.row)));
        }
        for number in &self.answered {
            assert_eq!(noted.get(number), Some(&1), "press {number} was answered, and is kept once");
        }
        assert!(noted.values().all(|times| *times == 1), "no press is kept twice");
        self.check_agents(store, tenant, events, rows.values()).await;
        for entry in store.audit_from(tenant, 1, 100_000).await.expect("no faults") {
            let sealed: SealedAudit = serde_json::from_slice(&entry.sealed).expect("sealed JSON");
            let row = rows.values().find(|row| row.audit_seq == entry.seq);
            let says = sealed.action.starts_with("response.");
            assert_eq!(row.map(|row| row.intervention.audit_action()), says.then_some(sealed.action.as_str()));
        }
        (rows.len(), overdue)
    }

    /// An agent is as the last answer that changed it left it.
    async fn check_agents<'r>(
        &self,
        store: &Store,
        tenant: TenantId,
        events: &[StoredEvent],
        rows: impl Iterator<Item = &'r ResponseRow>,
    ) {
        let mut paused: BTreeMap<&str, bool> = BTreeMap::new();
        for row in rows.filter(|row| matches!(row.effect, Effect::Pause | Effect::Resume)) {
            let event = events.iter().find(|event| Some(event.row.seq) == row.event_seq).expect("its event");
            let before = paused.insert(event.row.agent().expect("an agent"), row.effect == Effect::Pause);
            assert_ne!(before, Some(row.effect == Effect::Pause), "a change changes something");
        }
        for (agent, paused) in paused {
            let row = store.agent(tenant, agent).await.expect("no faults").expect("it acted");
            assert_eq!(row.paused, paused, "{agent}");
        }
    }

    /// A review is as the last answer that changed it left it, and was told of once when it was overdue. Gives how often.
    async fn check_review(
        &self,
        store: &Store,
        tenant: TenantId,
        event: &StoredEvent,
        responses: &[&ResponseRow],
        told: &[NotificationRow],
    ) -> usize {
        let review = store.review(tenant, event.row.seq).await.expect("no faults");
        let last = responses.iter().rev().find(|row| matches!(row.effect, Effect::OpenReview | Effect::CloseReview));
        if let Some(last) = last {
            let is_open = review.as_ref().is_some_and(|review| review.is_open());
            assert_eq!(is_open, last.effect == Effect::OpenReview, "{review:?}");
        }
        let is_overdue = |row: &&NotificationRow| {
            let why: Vec<Why> = serde_json::from_slice(&row.reason).expect("reasons");
            // What went to an alternate is the same notice.
            matches!(why.as_slice(), [Why::ReviewOverdue { .. }]) && row.event_seq == Some(event.row.seq)
        };
        let opened = 1 + responses.iter().filter(|row| row.effect == Effect::OpenReview).count();
        let times = told.iter().filter(is_overdue).count();
        let escalated = review.as_ref().is_some_and(|review| review.escalated_at.is_some());
        assert!(times <= opened && (times >= 1 || !escalated), "event {} was told of {times} times", event.row.seq);
        times
    }
}

fn input(number: u64, press: Press, now: Millis, secret: &[u8; 32], reply: Reply<Responded>) -> Input {
    let Press { notification, intervention, person } = press;
    let (name, content) = (number.to_string(), intervention.as_str());
    let client = KeyId(uuid::Uuid::from_u128(person as u128));
    let once = Identity::of_call(client, "respond", &name, content.as_bytes(), now, secret);
    let by = Asker { actor: format!("person:{person}"), once: Some(once), ..Asker::system() };
    let act = Act::Answer { notification, intervention, assignee: None };
    Input::Respond(RespondInput { act, note: Some(name), via: Via::Api, by, reply })
}
