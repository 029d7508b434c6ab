//! What a batch needs to know from the store before it is decided, read in a few round trips.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mandate_core::change::{
    AgentRow, EventRow, KeyRow, NotificationRow, NotificationState, ResponseRow, ReviewRow, SeenKey, SeenRow,
};
use mandate_core::dedupe::{Identity, Known};
use mandate_core::delivery::Answer;
use mandate_core::history::History;
use mandate_core::id::{EventId, KeyId, NotificationId, ResponseId};
use mandate_core::review::OVERDUE_AT_ONCE;
use mandate_core::seal::{SealedEvent, SealedRouting};
use mandate_core::time::Millis;
use mandate_store::{Error as StoreError, Tx};

use crate::input::{Act, Agents, Input, Recorded};

/// The stored rows that a batch touches. Deciding changes them as it goes, so that later inputs of the same
/// batch see what earlier ones did.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) seen: BTreeMap<SeenKey, SeenRow>,
    /// Events that repeats are answered with, by place.
    pub(super) repeated: BTreeMap<i64, Recorded>,
    pub(super) agents: BTreeMap<String, AgentRow>,
    /// Events that outcomes and erasures speak of.
    pub(super) events: BTreeMap<EventId, EventRow>,
    /// Events among them that have an outcome.
    pub(super) outcomes: BTreeSet<EventId>,
    pub(super) keys: BTreeMap<KeyId, KeyRow>,
    /// Notices that are answered.
    pub(super) notices: BTreeMap<NotificationId, Arc<NotificationRow>>,
    /// Events that they speak of, and whose reviews are overdue, by place.
    pub(super) noticed: BTreeMap<i64, Arc<EventRow>>,
    /// When the first notice of each arrived.
    pub(super) first_sent: BTreeMap<i64, Millis>,
    /// What was answered to these notices and to the others of their events, by id and so in order.
    pub(super) responses: BTreeMap<ResponseId, ResponseRow>,
    /// The reviews of these events.
    pub(super) reviews: BTreeMap<i64, ReviewRow>,
    /// The places of events whose review is to be told of as overdue.
    pub(super) overdue: Vec<i64>,
    /// How much a message did not tell yet that may be past changing.
    pub(super) untold: BTreeMap<NotificationId, u64>,
}

impl View {
    pub(super) async fn read(
        tx: &mut Tx,
        history: &History,
        inputs: &[Input],
        now: Millis,
    ) -> Result<Self, StoreError> {
        let mut view = Self::default();
        view.read_seen(tx, inputs).await?;
        view.read_repeated(tx, inputs, now).await?;
        view.read_answered(tx, inputs).await?;
        view.read_overdue(tx, inputs, now).await?;
        view.read_untold(tx, inputs).await?;
        view.read_agents(tx, history, inputs).await?;
        view.read_named(tx, inputs).await?;
        Ok(view)
    }

    /// First under the names alone; where a name is known with other content, or comes twice in the batch, under
    /// its reuses too. That is rare, and halves what is looked for.
    async fn read_seen(&mut self, tx: &mut Tx, inputs: &[Input]) -> Result<(), StoreError> {
        let calls = || inputs.iter().filter_map(Input::once);
        let first = items(inputs).map(|item| &item.identity).chain(calls()).flat_map(Identity::first_lookups);
        let first: Vec<SeenKey> = first.collect();
        self.read_keys(tx, &first).await?;
        let mut here = BTreeSet::new();
        let reused = items(inputs).filter(|item| {
            let mut known = item.identity.first_lookups().filter_map(|key| self.seen.get(&key));
            let twice = item.identity.first_lookups().next().is_some_and(|key| !here.insert(key));
            twice || known.any(|row| item.identity.differs_from(row))
        });
        let reused: Vec<SeenKey> = reused.flat_map(|item| item.identity.reused_lookups()).collect();
        self.read_keys(tx, &reused).await
    }

    async fn read_keys(&mut self, tx: &mut Tx, keys: &[SeenKey]) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let rows = tx.seen(keys).await?;
        self.seen.extend(keys.iter().zip(rows).filter_map(|(key, row)| Some((*key, row?))));
        Ok(())
    }

    /// Each repeat is answered with the row of its first time.
    async fn read_repeated(&mut self, tx: &mut Tx, inputs: &[Input], now: Millis) -> Result<(), StoreError> {
        if self.seen.is_empty() {
            return Ok(());
        }
        let same =
            items(inputs).filter_map(|item| match item.identity.judge(now, |key| self.seen.get(&key).copied()) {
                Known::Same { seq } => Some(seq),
                _ => None,
            });
        let seqs: Vec<i64> = same.collect::<BTreeSet<_>>().into_iter().collect();
        for row in tx.events_at(&seqs).await? {
            self.repeated.insert(row.seq, recorded(&row)?);
        }
        Ok(())
    }

    /// Notices that are answered, with what their events are and what was answered before.
    async fn read_answered(&mut self, tx: &mut Tx, inputs: &[Input]) -> Result<(), StoreError> {
        let (mut notices, mut undone) = (BTreeSet::new(), Vec::new());
        let acts =
            inputs.iter().filter_map(|input| if let Input::Respond(one) = input { Some(&one.act) } else { None });
        for act in acts {
            match act {
                Act::Answer { notification, .. } => drop(notices.insert(*notification)),
                Act::Undo(response) => undone.push(*response),
            }
        }
        let undone = tx.responses_named(&undone).await?;
        notices.extend(undone.iter().map(|row| row.notification));
        if notices.is_empty() {
            return Ok(());
        }
        let notices: Vec<_> = notices.into_iter().collect();
        let rows = tx.notifications_named(&notices).await?;
        let seqs: Vec<i64> = rows.iter().filter_map(|row| row.event_seq).collect::<BTreeSet<_>>().into_iter().collect();
        self.notices = rows.into_iter().map(|row| (row.id, Arc::new(row))).collect();
        self.responses = tx.responses_to(&seqs, &notices).await?.into_iter().map(|row| (row.id, row)).collect();
        self.first_sent = tx.first_sent(&seqs).await?;
        self.read_noticed(tx, &seqs).await
    }

    /// Reviews that are overdue, when time passed.
    async fn read_overdue(&mut self, tx: &mut Tx, inputs: &[Input], now: Millis) -> Result<(), StoreError> {
        if !inputs.iter().any(|input| matches!(input, Input::Tick)) {
            return Ok(());
        }
        let overdue = tx.reviews_overdue(now, OVERDUE_AT_ONCE).await?;
        self.overdue = overdue.into_iter().map(|row| row.event_seq).collect();
        let seqs = self.overdue.clone();
        self.read_noticed(tx, &seqs).await
    }

    async fn read_noticed(&mut self, tx: &mut Tx, seqs: &[i64]) -> Result<(), StoreError> {
        self.noticed.extend(tx.events_at(seqs).await?.into_iter().map(|row| (row.seq, Arc::new(row))));
        self.reviews.extend(tx.reviews_of(seqs).await?.into_iter().map(|row| (row.event_seq, row)));
        Ok(())
    }

    /// Edits that did not arrive, and may never.
    async fn read_untold(&mut self, tx: &mut Tx, inputs: &[Input]) -> Result<(), StoreError> {
        let mut failed = BTreeSet::new();
        for input in inputs {
            let Input::Deliveries(deliveries) = input else { continue };
            let edits = deliveries.iter().filter(|delivery| delivery.row.state == NotificationState::Delivered);
            let lost = edits.filter(|delivery| !matches!(delivery.attempt.answer, Answer::Sent { .. }));
            failed.extend(lost.map(|delivery| delivery.row.id));
        }
        for message in failed {
            self.untold.insert(message, tx.untold(message).await?);
        }
        Ok(())
    }

    /// Agents that are paused or resumed, whose actions are answered, and actors that the history does not know.
    async fn read_agents(&mut self, tx: &mut Tx, history: &History, inputs: &[Input]) -> Result<(), StoreError> {
        let mut wanted: BTreeSet<&str> = self.noticed.values().filter_map(|event| event.agent()).collect();
        let mut all = false;
        for input in inputs {
            match input {
                Input::AgentState(state) => match &state.agents {
                    Agents::One(id) => drop(wanted.insert(id)),
                    Agents::All => all = true,
                },
                Input::Events(events) => {
                    let actors = events.items.iter().filter_map(|item| item.submission.actor_id());
                    wanted.extend(actors.filter(|id| history.actor(id).is_none()));
                }
                _ => {}
            }
        }
        let wanted: Vec<&str> = wanted.into_iter().collect();
        let rows = if all { tx.every_agent().await? } else { tx.agents_named(&wanted).await? };
        self.agents = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        Ok(())
    }

    async fn read_named(&mut self, tx: &mut Tx, inputs: &[Input]) -> Result<(), StoreError> {
        let named = inputs.iter().filter_map(|input| match input {
            Input::Outcome(outcome) => Some(outcome.event),
            Input::Erase(erase) => Some(erase.event),
            _ => None,
        });
        let named: Vec<EventId> = named.collect::<BTreeSet<_>>().into_iter().collect();
        self.events = tx.events_named(&named).await?.into_iter().map(|row| (row.id, row)).collect();
        self.outcomes = tx.with_outcome(&named).await?;
        if inputs.iter().any(|input| matches!(input, Input::RevokeKey(_))) {
            self.keys = tx.keys().await?.into_iter().map(|row| (row.id, row)).collect();
        }
        Ok(())
    }
}

fn items(inputs: &[Input]) -> impl Iterator<Item = &crate::input::Prepared> {
    inputs.iter().flat_map(|input| if let Input::Events(events) = input { events.items.as_slice() } else { &[] })
}

/// Where a stored event stands, for the answer to a repeat.
fn recorded(row: &EventRow) -> Result<Recorded, StoreError> {
    let event: SealedEvent = serde_json::from_slice(&row.sealed).map_err(|_| StoreError::Corrupt {
        table: "event",
        column: "sealed",
        id: row.id.to_string(),
    })?;
    let tip = mandate_core::chain::Tip { seq: row.seq, hash: row.hash };
    let routing: SealedRouting = event.routing;
    Ok(Recorded { id: row.id, tip, routing })
}
