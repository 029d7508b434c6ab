//! The one writer of a tenant: takes a batch of inputs, plans and commits them in one transaction, answers.
//!
//! Steps, so that a simulator can drive it: [`Writer::step`] takes what queued and comes back once everybody
//! was answered. What queued meanwhile goes into the next batch: no timer, no artificial delay.
//!
//! Failing is part of it. Another node wrote first: what is loaded is thrown away and read again. The
//! connection broke during COMMIT: the head's hash says whether it happened, and only then is anyone answered.
//! Data that the store refuses: the batch is halved until the one bad input stands alone. No room: rolled back
//! and refused, to be sent again. An I/O error: [`Step::Halt`], because a failed fsync must not be retried.

mod decide;
mod lookup;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mandate_core::change::{FeedEntry, Head, NotificationRow};
use mandate_core::history::{History, Seen};
use mandate_core::plan::{Process, Snapshot};
use mandate_core::seal::SealedEvent;
use mandate_core::time::Millis;
use mandate_store::{CommitError, Error as StoreError, Store, StoredEvent, Tenant};

use tokio::time::Instant;

use crate::env::Env;
use crate::input::{Input, Refusal};
use crate::live::Committed;

use decide::{Answer, Decided, Decider};
use lookup::View;

/// How many of one batch's transactions may lose a race against another node.
const RACES: u32 = 8;

/// One tenant's writer.
#[derive(Debug)]
pub struct Writer {
    env: Env,
    store: Store,
    tenant: Tenant,
    process: Arc<Process>,
    loaded: Option<Loaded>,
    /// Channels whose break was told to those who look after Mandate.
    broken: BTreeSet<Arc<str>>,
    /// Where the chains stood at the last checkpoint, and when that was.
    checkpointed: (Millis, i64, i64),
}

/// What the writer holds in memory, true for the head it was loaded at or moved on to.
#[derive(Debug)]
struct Loaded {
    position: i64,
    snapshot: Arc<Snapshot>,
    config: Option<mandate_core::id::ConfigId>,
    history: History,
}

/// What a step came to.
#[derive(Debug)]
pub enum Step {
    /// Committed; tell the watchers, send what is born claimed, use the snapshot from now on.
    Committed {
        /// What to tell.
        committed: Arc<Committed>,
        /// What to send from here: this node holds it until its lease runs out.
        to_send: Vec<Arc<NotificationRow>>,
        /// The configuration in force.
        snapshot: Arc<Snapshot>,
        /// How long it took to observe, plan, seal and apply the whole batch.
        deciding: Duration,
    },
    /// Nothing was written; everybody was answered.
    Nothing,
    /// The store is away or full: everybody was refused, wait before the next try.
    Away(Refusal),
    /// The store cannot be trusted any more: say so and exit.
    Halt(String),
}

impl Writer {
    /// A writer that has loaded nothing yet.
    #[must_use]
    pub fn new(env: Env, store: Store, tenant: Tenant, process: Arc<Process>) -> Self {
        Self { env, store, tenant, process, loaded: None, broken: BTreeSet::new(), checkpointed: (Millis(0), 0, 0) }
    }

    /// Loads configuration and history, so that the first input finds everything ready.
    ///
    /// # Errors
    /// What the store said.
    pub async fn load(&mut self) -> Result<Arc<Snapshot>, StoreError> {
        let head = self.store.head(self.tenant.id).await?;
        let latest = self.store.latest_checkpoint(self.tenant.id).await?;
        self.checkpointed = latest.map_or((Millis(0), 0, 0), |row| (row.at, row.events.seq, row.audit.seq));
        Ok(Arc::clone(&self.load_at(&head).await?.snapshot))
    }

    /// Carries out a batch of inputs and answers each.
    pub async fn step(&mut self, inputs: Vec<Input>) -> Step {
        let mut result = Step::Nothing;
        // Inputs that one transaction could not take are halved; the stack holds what is still to be done.
        let mut batches = vec![inputs];
        while let Some(batch) = batches.pop() {
            if batch.is_empty() {
                continue;
            }
            match self.commit(&batch).await {
                Ok(done) => {
                    result = merge(result, done.step);
                    for (input, answer) in batch.into_iter().zip(done.answers) {
                        answer.give(input);
                    }
                }
                Err(StoreError::Invalid(_)) if batch.len() > 1 => {
                    self.loaded = None;
                    let mut first = batch;
                    let second = first.split_off(first.len() / 2);
                    batches.push(second);
                    batches.push(first);
                }
                Err(error) => {
                    self.loaded = None;
                    let (step, refusal) = refusal(&error);
                    tracing::error!(%error, inputs = batch.len(), "nothing of a batch was recorded");
                    for input in batch {
                        Answer::Refused(refusal.clone()).give(input);
                    }
                    result = merge(result, step);
                }
            }
        }
        result
    }

    async fn commit(&mut self, inputs: &[Input]) -> Result<Done, StoreError> {
        let mut races = 0;
        loop {
            match self.try_commit(inputs).await {
                Err(StoreError::Conflict(_)) if races < RACES => {
                    races += 1;
                    self.loaded = None;
                }
                result => return result,
            }
        }
    }

    async fn try_commit(&mut self, inputs: &[Input]) -> Result<Done, StoreError> {
        let mut tx = self.store.begin(self.tenant.id).await?;
        let head = *tx.head();
        let now = tx.now();
        if self.loaded.as_ref().is_none_or(|loaded| loaded.position != head.position || loaded.config != head.config) {
            self.load_at(&head).await?;
        }
        let Some(loaded) = &mut self.loaded else {
            return Err(StoreError::Conflict("the head moved while it was being read".to_owned()));
        };
        let view = View::read(&self.store, &mut tx, self.tenant.id, &loaded.history, inputs, now).await?;
        let mut decider = Decider::new(
            &self.env,
            &self.tenant,
            &self.process,
            Arc::clone(&loaded.snapshot),
            &mut loaded.history,
            &mut self.broken,
            view,
            head,
            now,
            self.checkpointed,
        );
        let began = Instant::now();
        let answers = inputs.iter().map(|input| decider.decide(input)).collect();
        let deciding = began.elapsed();
        let Decided { changes, head: after, snapshot, checkpointed, erasures } = decider.finish();
        if changes.is_empty() {
            return Ok(Done { answers, step: Step::Nothing });
        }
        for erasure in erasures {
            tx.erase_event(erasure);
        }
        tx.write(&changes, &after).await?;
        match tx.commit().await {
            Ok(()) => {}
            Err(CommitError::Refused(error)) => return Err(error),
            Err(CommitError::Unknown(error)) if self.store.head(self.tenant.id).await? != after => return Err(error),
            Err(CommitError::Unknown(_)) => {}
        }
        self.loaded = self.loaded.take().map(|loaded| Loaded {
            position: after.position,
            snapshot: Arc::clone(&snapshot),
            config: after.config,
            ..loaded
        });
        self.checkpointed = checkpointed;
        Ok(Done { answers, step: told(head, changes, snapshot, deciding) })
    }

    /// Loads configuration and history as they are at `head`: the last checkpoint of the history, then the
    /// events after it, never the whole log.
    async fn load_at(&mut self, head: &Head) -> Result<&Loaded, StoreError> {
        let tenant = self.tenant.id;
        let reusable = self.loaded.take().filter(|loaded| loaded.config == head.config);
        let snapshot = match (reusable, head.config) {
            (Some(loaded), _) => loaded.snapshot,
            (None, None) => Arc::new(Snapshot::shipped(&self.process, &self.tenant.secret)),
            (None, Some(id)) => {
                let row = self.store.config(tenant, id).await?;
                let files = row.and_then(|row| serde_json::from_slice(&row.files).ok());
                let files = files.ok_or_else(|| StoreError::Corrupt {
                    table: "config",
                    column: "files",
                    id: id.to_string(),
                })?;
                // What was put in force was checked then; what this version of the code cannot read any more,
                // it says and leaves out.
                let (snapshot, problems) = Snapshot::load(&files, &self.process, &self.tenant.secret);
                for problem in problems {
                    tracing::warn!(
                        file = problem.file,
                        line = problem.line,
                        message = problem.message,
                        "configuration"
                    );
                }
                Arc::new(snapshot)
            }
        };
        let saved = self.store.history(tenant).await?;
        let saved = saved.and_then(|row| Some((serde_json::from_slice(&row.body).ok()?, row.event_seq, row.position)));
        let from = (head.events.seq - REPLAYED).max(0);
        let (mut history, mut seq, failures_from) =
            saved.unwrap_or((History::default(), from, (head.position - REPLAYED).max(0)));
        while seq < head.events.seq {
            let rows = self.store.events_from(tenant, seq + 1, PAGE).await?;
            let Some(last) = rows.last() else { break };
            seq = last.row.seq;
            for StoredEvent { row, .. } in &rows {
                let event: SealedEvent = serde_json::from_slice(&row.sealed).map_err(|_| StoreError::Corrupt {
                    table: "event",
                    column: "sealed",
                    id: row.id.to_string(),
                })?;
                let metadata = event.metadata.as_ref();
                let sequence = metadata.and_then(|known| Some((known.session_id.as_deref()?, known.sequence?)));
                if let Some(actor) = &event.actor {
                    history.apply(Seen { actor: &actor.id, sequence, at: event.processed_at });
                }
            }
        }
        self.replay_failures(&mut history, failures_from, head.position).await?;
        let loaded = Loaded { position: head.position, snapshot, config: head.config, history };
        Ok(self.loaded.insert(loaded))
    }
}

impl Writer {
    /// Failures are told by outcomes, which the feed names.
    async fn replay_failures(&self, history: &mut History, mut after: i64, until: i64) -> Result<(), StoreError> {
        let tenant = self.tenant.id;
        while after < until {
            let rows = self.store.feed_after(tenant, after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = last.last();
            for entry in rows.iter().flat_map(|row| &row.entries) {
                let FeedEntry::Outcome { event } = entry else { continue };
                if let Some(outcome) = self.store.outcome(tenant, *event).await?
                    && outcome.failed
                    && let Some(event) = self.store.event(tenant, *event).await?
                    && let Some(actor) = &event.row.actor
                {
                    history.apply_failure(actor, outcome.at);
                }
            }
        }
        Ok(())
    }
}

/// Without a checkpoint of the history, this many events at the end of the chain make one.
const REPLAYED: i64 = 100_000;
const PAGE: u32 = 1_000;

struct Done {
    answers: Vec<Answer>,
    step: Step,
}

fn told(before: Head, changes: mandate_core::change::Changes, snapshot: Arc<Snapshot>, deciding: Duration) -> Step {
    let born: Vec<_> = changes.notifications.into_iter().map(Arc::new).collect();
    let delivered = changes.deliveries.into_iter().map(Arc::new);
    let committed = Committed {
        first: before.position + 1,
        entries: changes.feed,
        events: changes.events.into_iter().map(Arc::new).collect(),
        notifications: born.iter().cloned().chain(delivered).collect(),
        agents: changes.agents,
        keys: changes.keys,
    };
    Step::Committed { committed: Arc::new(committed), to_send: born, snapshot, deciding }
}

/// Joins what two halves of a batch came to; the commits' watchers are told by position, so order is kept.
fn merge(first: Step, second: Step) -> Step {
    match (first, second) {
        (Step::Nothing, step) | (step, Step::Nothing) => step,
        (halt @ Step::Halt(_), _) | (_, halt @ Step::Halt(_)) => halt,
        (
            Step::Committed { committed: one, mut to_send, deciding: first, .. },
            Step::Committed { committed: two, to_send: more, snapshot, deciding: second },
        ) => {
            to_send.extend(more);
            let joined = Committed {
                first: one.first,
                entries: one.entries.iter().chain(&two.entries).cloned().collect(),
                events: one.events.iter().chain(&two.events).cloned().collect(),
                notifications: one.notifications.iter().chain(&two.notifications).cloned().collect(),
                agents: one.agents.iter().chain(&two.agents).cloned().collect(),
                keys: one.keys.iter().chain(&two.keys).cloned().collect(),
            };
            Step::Committed { committed: Arc::new(joined), to_send, snapshot, deciding: first + second }
        }
        (committed @ Step::Committed { .. }, Step::Away(_)) | (Step::Away(_), committed @ Step::Committed { .. }) => {
            committed
        }
        (away @ Step::Away(_), Step::Away(_)) => away,
    }
}

/// What those who wait are told when the store failed, and what the server does next.
fn refusal(error: &StoreError) -> (Step, Refusal) {
    match error {
        StoreError::Full(_) => (Step::Away(Refusal::NoRoom), Refusal::NoRoom),
        StoreError::Io(detail) => (Step::Halt(detail.clone()), Refusal::StoreAway),
        StoreError::Invalid(detail) => (Step::Nothing, Refusal::Invalid(detail.clone())),
        _ => (Step::Away(Refusal::StoreAway), Refusal::StoreAway),
    }
}
