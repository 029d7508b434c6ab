//! What a batch needs to know from the store before it is decided, read in a few round trips.

use std::collections::{BTreeMap, BTreeSet};

use mandate_core::change::{AgentRow, EventRow, KeyRow, SeenKey, SeenRow};
use mandate_core::dedupe::Known;
use mandate_core::history::History;
use mandate_core::id::{EventId, KeyId, TenantId};
use mandate_core::seal::{SealedEvent, SealedRouting};
use mandate_core::time::Millis;
use mandate_store::{Error as StoreError, Store, Tx};

use crate::input::{Agents, Input, Recorded};

const PAGE: u32 = 1_000;

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
        store: &Store,
        tx: &mut Tx,
        tenant: TenantId,
        history: &History,
        inputs: &[Input],
        now: Millis,
    ) -> Result<Self, StoreError> {
        let mut view = Self::default();
        view.read_seen(tx, inputs).await?;
        view.read_repeated(store, tenant, inputs, now).await?;
        view.read_agents(store, tenant, history, inputs).await?;
        view.read_named(store, tenant, inputs).await?;
        Ok(view)
    }

    /// First under the names alone; where a name is known with other content, or comes twice in the batch, under
    /// its reuses too. That is rare, and halves what is looked for.
    async fn read_seen(&mut self, tx: &mut Tx, inputs: &[Input]) -> Result<(), StoreError> {
        let first: Vec<SeenKey> = items(inputs).flat_map(|item| item.identity.first_lookups()).collect();
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

    /// Repeats are rare, and each is answered with the row of its first time.
    async fn read_repeated(
        &mut self,
        store: &Store,
        tenant: TenantId,
        inputs: &[Input],
        now: Millis,
    ) -> Result<(), StoreError> {
        if self.seen.is_empty() {
            return Ok(());
        }
        for item in items(inputs) {
            if let Known::Same { seq } = item.identity.judge(now, |key| self.seen.get(&key).copied())
                && !self.repeated.contains_key(&seq)
                && let Some(row) = store.event_by_seq(tenant, seq).await?
            {
                self.repeated.insert(seq, recorded(&row.row)?);
            }
        }
        Ok(())
    }

    /// Agents that are paused or resumed, and actors that the history does not know.
    async fn read_agents(
        &mut self,
        store: &Store,
        tenant: TenantId,
        history: &History,
        inputs: &[Input],
    ) -> Result<(), StoreError> {
        let mut wanted: Vec<&str> = Vec::new();
        for input in inputs {
            match input {
                Input::AgentState(state) => match &state.agents {
                    Agents::One(id) => wanted.push(id),
                    Agents::All => {
                        let mut cursor: Option<String> = None;
                        loop {
                            let page = store.agents(tenant, cursor.as_deref(), PAGE).await?;
                            let Some(last) = page.last() else { break };
                            cursor = Some(last.id.clone());
                            self.agents.extend(page.into_iter().map(|row| (row.id.clone(), row)));
                        }
                    }
                },
                Input::Events(events) => {
                    let actors = events.items.iter().filter_map(|item| item.submission.actor_id());
                    wanted.extend(actors.filter(|id| history.actor(id).is_none()));
                }
                _ => {}
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        for id in wanted {
            if !self.agents.contains_key(id)
                && let Some(row) = store.agent(tenant, id).await?
            {
                self.agents.insert(id.to_owned(), row);
            }
        }
        Ok(())
    }

    async fn read_named(&mut self, store: &Store, tenant: TenantId, inputs: &[Input]) -> Result<(), StoreError> {
        for input in inputs {
            let event = match input {
                Input::Outcome(outcome) => outcome.event,
                Input::Erase(erase) => erase.event,
                Input::RevokeKey(_) => {
                    if self.keys.is_empty() {
                        self.keys = store.keys(tenant).await?.into_iter().map(|row| (row.id, row)).collect();
                    }
                    continue;
                }
                _ => continue,
            };
            if !self.events.contains_key(&event)
                && let Some(row) = store.event(tenant, event).await?
            {
                if store.outcome(tenant, event).await?.is_some() {
                    self.outcomes.insert(event);
                }
                self.events.insert(event, row.row);
            }
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
