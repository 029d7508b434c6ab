//! What a batch needs to know from the store before it is decided, read in a few round trips.

use std::collections::{BTreeMap, BTreeSet};

use mandate_core::change::{AgentRow, EventRow, KeyRow, SeenKey, SeenRow};
use mandate_core::dedupe::{Identity, Known};
use mandate_core::history::History;
use mandate_core::id::{EventId, KeyId};
use mandate_core::seal::{SealedEvent, SealedRouting};
use mandate_core::time::Millis;
use mandate_store::{Error as StoreError, Tx};

use crate::input::{Agents, Input, Recorded};

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

    /// Agents that are paused or resumed, and actors that the history does not know.
    async fn read_agents(&mut self, tx: &mut Tx, history: &History, inputs: &[Input]) -> Result<(), StoreError> {
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
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
