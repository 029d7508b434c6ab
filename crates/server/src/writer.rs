//! The one writer of a tenant: takes a batch of inputs, plans and commits them in one transaction, answers.
//!
//! Steps, so that a simulator can drive it: [`Writer::step`] takes what queued and comes back once everybody
//! was answered. What queued meanwhile goes into the next batch: no timer, no artificial delay.
//!
//! Failing is part of it. Another node wrote first: what is loaded is thrown away and read again. The
//! connection broke during COMMIT: the head's hash says whether it happened, and only then is anyone answered
//! ([`End::InDoubt`] until the store says it).
//! Data that the store refuses: the batch is halved until the one bad input stands alone. No room: events are refused,
//! to be sent again, and what people ask is written into the room that the ballast leaves. An I/O error:
//! [`End::Halt`], because a failed fsync must not be retried.

mod decide;
mod lookup;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mandate_core::change::{FeedEntry, Head, NotificationRow, NotificationState};
use mandate_core::history::{History, Seen};
use mandate_core::plan::{Process, Snapshot, Why};
use mandate_core::seal::SealedEvent;
use mandate_core::storm::{self, Storm};
use mandate_core::time::Millis;
use mandate_store::{BALLAST_BYTES, CommitError, Error as StoreError, Store, StoredEvent, Tenant};

use tokio::time::Instant;

use crate::env::Env;
use crate::input::{Input, Refusal};
use crate::live::Committed;

use decide::{Answer, Decided, Decider};
use lookup::View;

/// So much room is left beside the ballast when events are taken again.
const ROOM_BESIDE: u64 = 4 << 20;
/// How many of one batch's transactions may lose a race against another node.
const RACES: u32 = 8;

/// One tenant's writer.
#[derive(Debug)]
pub struct Writer {
    env: Env,
    store: Store,
    tenant: Tenant,
    process: Arc<Process>,
    storm: storm::Settings,
    loaded: Option<Loaded>,
    /// Channels and lanes whose trouble was told to those who look after Mandate.
    broken: BTreeSet<Arc<str>>,
    /// Where the chains stood at the last checkpoint, and when that was.
    checkpointed: (Millis, i64, i64),
    /// The store's disk was full: until the ballast fits again, its room is kept for what people ask.
    short_of_room: bool,
    /// What is still to be carried out of the last step, the next one last.
    batches: Vec<Vec<Input>>,
    /// What was sent to the store, which did not say whether it took it.
    doubt: Option<Doubt>,
}

/// A commit of which nobody knows yet whether it happened.
#[derive(Debug)]
struct Doubt {
    batch: Vec<Input>,
    /// Where the head is when it happened.
    after: Head,
    done: Done,
    error: StoreError,
}

/// What the writer holds in memory, true for the head it was loaded at or moved on to.
#[derive(Debug)]
struct Loaded {
    position: i64,
    snapshot: Arc<Snapshot>,
    config: Option<mandate_core::id::ConfigId>,
    history: History,
    storm: Storm,
}

/// What a step came to.
#[derive(Debug)]
pub struct Step {
    /// What was committed, whatever came after it.
    pub commit: Option<Commit>,
    /// How it ended.
    pub end: End,
}

/// Something that was committed: its senders were answered; tell the watchers, send what is born claimed.
#[derive(Debug)]
pub struct Commit {
    /// What to tell.
    pub committed: Arc<Committed>,
    /// What to send from here: this node holds it until its lease runs out.
    pub to_send: Vec<Arc<NotificationRow>>,
    /// The configuration in force.
    pub snapshot: Arc<Snapshot>,
    /// How long it took to observe, plan, seal and apply the whole batch.
    pub deciding: Duration,
}

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// Everybody was answered, and the store can be asked again.
    Ready,
    /// The store is away: everybody was refused, wait before the next try.
    Away,
    /// The connection broke during COMMIT, and nobody was answered yet: [`Writer::settle`] asks the store what it did.
    InDoubt,
    /// The store cannot be trusted any more: everybody was refused; say so and exit.
    Halt(String),
}

impl Step {
    const NOTHING: Self = Self { commit: None, end: End::Ready };

    fn ended(end: End) -> Self {
        Self { commit: None, end }
    }

    /// What two parts of a step came to; order is kept, and nothing comes after a halt.
    fn and(self, next: Self) -> Self {
        let commit = match (self.commit, next.commit) {
            (Some(one), Some(two)) => Some(one.and(two)),
            (one, two) => one.or(two),
        };
        let end = if let End::Halt(_) = self.end { self.end } else { next.end };
        Self { commit, end }
    }
}

impl Commit {
    fn and(mut self, next: Self) -> Self {
        self.to_send.extend(next.to_send);
        let (one, two) = (&self.committed, &next.committed);
        let joined = Committed {
            first: one.first,
            entries: one.entries.iter().chain(&two.entries).cloned().collect(),
            events: one.events.iter().chain(&two.events).cloned().collect(),
            notifications: one.notifications.iter().chain(&two.notifications).cloned().collect(),
            agents: one.agents.iter().chain(&two.agents).cloned().collect(),
            keys: one.keys.iter().chain(&two.keys).cloned().collect(),
            at: two.at,
            unowned: one.unowned + two.unowned,
        };
        let deciding = self.deciding + next.deciding;
        Self { committed: Arc::new(joined), to_send: self.to_send, snapshot: next.snapshot, deciding }
    }
}

impl Writer {
    /// A writer that has loaded nothing yet.
    #[must_use]
    pub fn new(env: Env, store: Store, tenant: Tenant, process: Arc<Process>, storm: storm::Settings) -> Self {
        Self {
            env,
            store,
            tenant,
            process,
            storm,
            loaded: None,
            broken: BTreeSet::new(),
            checkpointed: (Millis(0), 0, 0),
            short_of_room: false,
            batches: Vec::new(),
            doubt: None,
        }
    }

    /// Whether events are taken in, as far as the store's room goes.
    #[must_use]
    pub fn takes_events(&self) -> bool {
        !self.short_of_room
    }

    /// Loads configuration and history, so that the first input finds everything ready.
    ///
    /// # Errors
    /// What the store said.
    pub async fn load(&mut self) -> Result<Arc<Snapshot>, StoreError> {
        let head = self.store.head(self.tenant.id).await?;
        Ok(Arc::clone(&self.load_at(&head, self.env.now()).await?.snapshot))
    }

    /// Carries out a batch of inputs and answers each.
    pub async fn step(&mut self, mut inputs: Vec<Input>) -> Step {
        if self.short_of_room {
            if inputs.iter().any(|input| matches!(input, Input::Tick)) {
                self.look_for_room().await;
            }
            if self.short_of_room {
                inputs = refuse_events(inputs);
            }
        }
        self.batches.push(inputs);
        self.go_on().await
    }

    /// Asks the store whether the commit in doubt happened, answers its senders, and goes on.
    pub async fn settle(&mut self) -> Step {
        let Some(doubt) = self.doubt.take() else { return self.go_on().await };
        // Only a transaction of our own shows the head after whatever is still under way.
        let head = match self.store.begin(self.tenant.id).await {
            Ok(tx) => *tx.head(),
            Err(error) => {
                tracing::warn!(%error, "whether a commit happened is not known yet; asking again");
                self.doubt = Some(doubt);
                return Step::ended(End::InDoubt);
            }
        };
        let Doubt { batch, after, done, error } = doubt;
        let settled = if head == after { self.succeeded(batch, done) } else { self.failed(batch, &error) };
        settled.and(self.go_on().await)
    }

    /// Inputs that one transaction could not take are halved; what is still to be done waits in `batches`.
    async fn go_on(&mut self) -> Step {
        let mut result = Step::NOTHING;
        while let Some(batch) = self.batches.pop() {
            if batch.is_empty() {
                continue;
            }
            match self.commit(&batch).await {
                Ok(done) => result = result.and(self.succeeded(batch, done)),
                Err(Failed::InDoubt(in_doubt)) => {
                    let InDoubt { after, done, error } = *in_doubt;
                    tracing::warn!(%error, "the store did not say whether it took a commit");
                    self.doubt = Some(Doubt { batch, after, done, error });
                    return result.and(Step::ended(End::InDoubt));
                }
                Err(Failed::Refused(StoreError::Invalid(_))) if batch.len() > 1 => {
                    self.loaded = None;
                    let mut first = batch;
                    let second = first.split_off(first.len() / 2);
                    self.batches.push(second);
                    self.batches.push(first);
                }
                Err(Failed::Refused(StoreError::Full(detail))) if !self.short_of_room => {
                    self.loaded = None;
                    self.short_of_room = true;
                    tracing::error!(
                        detail,
                        "the store's disk is full: events are refused until there is room; pausing, delivering and \
                         reading go on"
                    );
                    if let Err(error) = self.store.release_ballast().await {
                        tracing::error!(%error, "the room kept for a full disk cannot be given away");
                    }
                    let mut rest = refuse_events(batch);
                    rest.push(Input::Alert(Why::NoRoom));
                    self.batches.push(rest);
                }
                Err(Failed::Refused(error)) => {
                    result = result.and(self.failed(batch, &error));
                    if let End::Halt(_) = result.end {
                        for batch in std::mem::take(&mut self.batches) {
                            refuse(batch, &Refusal::StoreAway);
                        }
                    }
                }
            }
        }
        result
    }

    fn succeeded(&mut self, batch: Vec<Input>, done: Done) -> Step {
        if let Some(state) = done.state {
            self.loaded = self.loaded.take().map(|loaded| Loaded {
                position: state.after.position,
                snapshot: state.snapshot,
                config: state.after.config,
                ..loaded
            });
            self.checkpointed = state.checkpointed;
            self.broken = state.broken;
        }
        for (input, answer) in batch.into_iter().zip(done.answers) {
            answer.give(input);
        }
        Step { commit: done.commit, end: End::Ready }
    }

    fn failed(&mut self, batch: Vec<Input>, error: &StoreError) -> Step {
        self.loaded = None;
        let (end, refusal) = refusal(error);
        tracing::error!(%error, inputs = batch.len(), "nothing of a batch was recorded");
        refuse(batch, &refusal);
        Step::ended(end)
    }

    /// Takes events again once the ballast fits beside them.
    async fn look_for_room(&mut self) {
        // Asking costs nothing, and trying would take the last room from others.
        if self.env.disk_free().is_some_and(|free| free < BALLAST_BYTES + ROOM_BESIDE) {
            return;
        }
        match self.store.restore_ballast().await {
            Ok(true) => {
                self.short_of_room = false;
                tracing::info!("the store's disk has room again: events are taken");
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "cannot tell whether the store's disk has room again"),
        }
    }

    async fn commit(&mut self, inputs: &[Input]) -> Result<Done, Failed> {
        let mut races = 0;
        loop {
            match self.try_commit(inputs).await {
                Err(Failed::Refused(StoreError::Conflict(_))) if races < RACES => {
                    races += 1;
                    self.loaded = None;
                }
                result => return result,
            }
        }
    }

    async fn try_commit(&mut self, inputs: &[Input]) -> Result<Done, Failed> {
        let mut tx = self.store.begin(self.tenant.id).await?;
        let head = *tx.head();
        let now = tx.now();
        if self.loaded.as_ref().is_none_or(|loaded| loaded.position != head.position || loaded.config != head.config) {
            self.load_at(&head, now).await?;
        }
        let Some(loaded) = &mut self.loaded else {
            return Err(StoreError::Conflict("the head moved while it was being read".to_owned()).into());
        };
        let view = View::read(&mut tx, &loaded.history, inputs, now).await?;
        let mut decider = Decider::new(
            &self.env,
            &self.tenant,
            &self.process,
            Arc::clone(&loaded.snapshot),
            &mut loaded.history,
            &mut loaded.storm,
            self.broken.clone(),
            view,
            head,
            now,
            self.checkpointed,
        );
        let began = Instant::now();
        let answers = inputs.iter().map(|input| decider.decide(input)).collect();
        let deciding = began.elapsed();
        let Decided { changes, head: after, snapshot, checkpointed, broken, erasures, unowned } = decider.finish();
        if changes.is_empty() {
            return Ok(Done { answers, commit: None, state: None });
        }
        for erasure in erasures {
            tx.erase_event(erasure);
        }
        tx.write(&changes, &after).await?;
        let committed = tx.commit().await;
        let state = Some(State { after, snapshot: Arc::clone(&snapshot), checkpointed, broken });
        let done = Done { answers, commit: Some(told(head, changes, now, unowned, snapshot, deciding)), state };
        match committed {
            Ok(()) => Ok(done),
            // A sync that failed must not be retried, whatever the head says now.
            Err(CommitError::Refused(error) | CommitError::Unknown(error @ StoreError::Io(_))) => Err(error.into()),
            Err(CommitError::Unknown(error)) => Err(Failed::InDoubt(Box::new(InDoubt { after, done, error }))),
        }
    }

    /// Loads configuration and history as they are at `head`: the last checkpoint of the history, then the
    /// events after it, never the whole log.
    async fn load_at(&mut self, head: &Head, now: Millis) -> Result<&Loaded, StoreError> {
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
        let latest = self.store.latest_checkpoint(tenant).await?;
        self.checkpointed = latest.map_or((Millis(0), 0, 0), |row| (row.at, row.events.seq, row.audit.seq));
        let storm = Storm::restore(self.storm, self.store.past(tenant, now).await?);
        let loaded = Loaded { position: head.position, snapshot, config: head.config, history, storm };
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

/// What a commit came to.
#[derive(Debug)]
struct Done {
    answers: Vec<Answer>,
    commit: Option<Commit>,
    /// What the writer holds from then on; none when nothing was written.
    state: Option<State>,
}

#[derive(Debug)]
struct State {
    after: Head,
    snapshot: Arc<Snapshot>,
    checkpointed: (Millis, i64, i64),
    broken: BTreeSet<Arc<str>>,
}

/// Why a batch is not committed, or may not be.
enum Failed {
    Refused(StoreError),
    InDoubt(Box<InDoubt>),
}

struct InDoubt {
    after: Head,
    done: Done,
    error: StoreError,
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

fn told(
    before: Head,
    changes: mandate_core::change::Changes,
    at: Millis,
    unowned: u64,
    snapshot: Arc<Snapshot>,
    deciding: Duration,
) -> Commit {
    let born: Vec<_> = changes.notifications.into_iter().map(Arc::new).collect();
    let delivered = changes.deliveries.into_iter().map(Arc::new);
    let committed = Committed {
        first: before.position + 1,
        entries: changes.feed,
        events: changes.events.into_iter().map(Arc::new).collect(),
        notifications: born.iter().cloned().chain(delivered).collect(),
        agents: changes.agents,
        keys: changes.keys,
        at,
        unowned,
    };
    let to_send = born.into_iter().filter(|row| row.state == NotificationState::Queued).collect();
    Commit { committed: Arc::new(committed), to_send, snapshot, deciding }
}

/// Answers the events among the inputs that there is no room, and gives the rest.
fn refuse_events(inputs: Vec<Input>) -> Vec<Input> {
    let (events, rest): (Vec<_>, Vec<_>) = inputs.into_iter().partition(|input| matches!(input, Input::Events(_)));
    refuse(events, &Refusal::NoRoom);
    rest
}

/// Answers everybody that nothing was done.
pub(crate) fn refuse(inputs: Vec<Input>, refusal: &Refusal) {
    for input in inputs {
        Answer::Refused(refusal.clone()).give(input);
    }
}

/// What those who wait are told when the store failed, and what the server does next.
fn refusal(error: &StoreError) -> (End, Refusal) {
    match error {
        StoreError::Full(_) => (End::Ready, Refusal::NoRoom),
        StoreError::Io(detail) => (End::Halt(detail.clone()), Refusal::StoreAway),
        StoreError::Invalid(detail) => (End::Ready, Refusal::Invalid(detail.clone())),
        _ => (End::Away, Refusal::StoreAway),
    }
}
