//! A hundred lines that break everything: writer, outbox, client and sink over the simulated store.
//!
//! One thread, one clock, one source of chance. Nodes crash around commits, answers get lost on the way to
//! clients and from sinks, the store goes away, fills up and breaks connections during COMMIT. Afterwards the
//! promises are checked: what was acknowledged is there once, the chains hold, every notification arrived, and
//! nothing arrived without a stored cause; what people answered is kept once, and did what it says.

mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use mandate_core::chain::{Checker, Entry, Tip};
use mandate_core::change::{NotificationRow, NotificationState};
use mandate_core::delivery::{Answer, Attempt, LEASE};
use mandate_core::event::Submission;
use mandate_core::id::{NotificationId, TenantId};
use mandate_core::plan::Process;
use mandate_core::plan::snapshot::Files;
use mandate_core::storm;
use mandate_core::time::Millis;
use mandate_scrub::Scrubber;
use mandate_server::dispatcher::outbox::{Outbox, Parcel, Turn};
use mandate_server::dispatcher::parcels;
use mandate_server::env::Env;
use mandate_server::input::{ApplyConfigInput, Asker, Delivery, EventsInput, Input, ItemAnswer, Prepared};
use mandate_server::writer::{End, Writer};
use mandate_store::sim::{Call, Fault, Sim};
use mandate_store::{NotificationFilter, Store, Tenant};
use tokio::sync::oneshot;

use crate::chance::Chance;
use people::People;

const OWNERSHIP: &str = r#"
people:
  - {handle: "@alice", contacts: [{channel: hook}, {channel: other}]}
  - {handle: "@bob", contacts: [{channel: other}]}
teams:
  - {handle: "@shop", members: ["@alice"], lead: "@bob"}
owners:
  - {resource: "service:*", primary: "@alice", team: "@shop"}
"#;

/// Some actions are to be reviewed at once, most of them too late.
const RULES: &str = r#"
rules:
  - {name: reviewed, match: {resource.id: s1}, decision: flagged_execute, notify: [resource.owners], review_within: 3s}
"#;

/// What a run came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events that were acknowledged.
    pub acknowledged: usize,
    /// Events in the chain.
    pub stored: i64,
    /// Notifications that arrived.
    pub delivered: usize,
    /// Copies beyond the first that a sink got.
    pub copies: usize,
    /// What people answered, and was kept.
    pub answers: usize,
    /// Reviews that were told of as overdue.
    pub overdue: usize,
    /// Times the node died.
    pub crashes: usize,
}

struct World {
    chance: Chance,
    clock: Arc<AtomicI64>,
    env: Env,
    store: Store,
    tenant: Tenant,
    process: Arc<Process>,
    writer: Writer,
    outbox: Outbox,
    /// Keys of events that were sent and not yet acknowledged.
    unanswered: BTreeSet<u64>,
    acknowledged: BTreeSet<u64>,
    /// What each sink got.
    arrived: BTreeMap<NotificationId, usize>,
    people: People,
    report: Report,
}

/// Runs one seed for a number of steps, then lets everything settle and checks every promise.
///
/// # Panics
/// When a promise is broken.
pub async fn run(seed: u64, steps: usize) -> Report {
    let chance = Chance::new(seed);
    let sim = Sim::new(Millis(1_000_000), |_: Call| Fault::None);
    let mut world = World::new(chance.clone(), &sim).await;
    let faults = chance.clone();
    sim.set_faults(move |call: Call| match (call, faults.below(100)) {
        (Call::Commit, 0..4) => Fault::Lost { happened: faults.percent(50) },
        (Call::Commit | Call::Write | Call::Begin, 4..7) => Fault::Before,
        (Call::Write | Call::Commit, 7..8) => Fault::Full,
        (Call::Commit, 8..9) => Fault::Io { happened: faults.percent(50) },
        (Call::Read, 8..9) => Fault::Before,
        _ => Fault::None,
    });
    for key in 0..steps as u64 {
        world.pass(chance.below(400), &sim);
        match chance.below(10) {
            0 if chance.percent(40) => world.crash(),
            0..=5 => {
                world.unanswered.insert(key);
                world.submit().await;
            }
            6..=7 => world.deliver(true).await,
            8 => world.answer(true).await,
            _ => world.claim().await,
        }
    }
    sim.set_faults(|_: Call| Fault::None);
    for _ in 0..2_000 {
        world.pass(1_000, &sim);
        world.step(vec![Input::Tick]).await;
        world.submit().await;
        world.claim().await;
        world.deliver(false).await;
        world.answer(false).await;
        if world.is_settled().await {
            break;
        }
    }
    world.check().await;
    world.report
}

impl World {
    async fn new(chance: Chance, sim: &Sim) -> Self {
        let store = sim.store();
        let id = TenantId(uuid::Uuid::from_u128(1));
        let tenant = store.create_tenant("default", id, [1; 32], [2; 32]).await.expect("no faults yet");
        let clock = Arc::new(AtomicI64::new(1_000_000));
        let (now, bytes) = (Arc::clone(&clock), chance.clone());
        let env = Env::new(move || Millis(now.load(Ordering::Relaxed)), move |buffer| bytes.fill(buffer));
        let process = Arc::new(Process { channels: vec!["hook".into(), "other".into()], ..Process::default() });
        let storm = storm::Settings::default();
        let writer = Writer::new(env.clone(), store.clone(), tenant.clone(), Arc::clone(&process), storm);
        let mut world = Self {
            chance,
            clock,
            env,
            store,
            tenant,
            process,
            writer,
            outbox: Outbox::default(),
            unanswered: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            arrived: BTreeMap::new(),
            people: People::default(),
            report: Report::default(),
        };
        let (reply, _) = oneshot::channel();
        let files = [("ownership.yaml", OWNERSHIP), ("rules/reviews.yaml", RULES)];
        let files = Files::from(files.map(|(path, text)| (path.to_owned(), text.to_owned())));
        world.step(vec![Input::ApplyConfig(ApplyConfigInput { files, by: Asker::system(), reply })]).await;
        world
    }

    fn now(&self) -> Millis {
        Millis(self.clock.load(Ordering::Relaxed))
    }

    fn pass(&self, ms: u64, sim: &Sim) {
        let now = self.clock.fetch_add(i64::try_from(ms).unwrap_or(0), Ordering::Relaxed);
        // The database's clock is another one, a little behind or ahead.
        sim.set_now(Millis(now + i64::try_from(self.chance.below(40)).unwrap_or(0) - 20));
    }

    /// The node dies: all that was in memory is gone.
    fn crash(&mut self) {
        self.report.crashes += 1;
        let (env, store) = (self.env.clone(), self.store.clone());
        self.writer =
            Writer::new(env, store, self.tenant.clone(), Arc::clone(&self.process), storm::Settings::default());
        self.outbox = Outbox::default();
    }

    async fn step(&mut self, inputs: Vec<Input>) {
        let mut step = self.writer.step(inputs).await;
        loop {
            if let Some(commit) = step.commit {
                // Between commit and hand-over is where a crash hurts most.
                if self.report.crashes > 0 && self.chance.percent(3) {
                    return self.crash();
                }
                for parcel in parcels(&commit.committed, commit.to_send, self.now()) {
                    self.outbox.offer(parcel);
                }
            }
            match step.end {
                End::Ready | End::Away => return,
                // A node may die while it does not know.
                End::InDoubt if self.chance.percent(10) => return self.crash(),
                End::InDoubt => step = self.writer.settle().await,
                End::Halt(why) => {
                    assert!(why.contains("drawn fault"), "{why}");
                    return self.crash();
                }
            }
        }
    }

    /// The client sends what has no answer yet, in requests of a few; some answers never reach it.
    async fn submit(&mut self) {
        let scrubber = Scrubber::new(self.tenant.secret);
        let keys: Vec<u64> = self.unanswered.iter().copied().take(8).collect();
        let (mut inputs, mut answers) = (Vec::new(), Vec::new());
        for request in keys.chunks(3) {
            let prepare = |key: &u64| {
                let item = serde_json::json!({
                    "actor": {"type": "agent", "id": format!("agent-{}", key % 3)},
                    "action": {"type": "deploy", "idempotency_key": key.to_string()},
                    "scope": {"resources": [{"type": "service", "id": format!("s{}", key % 7)}]},
                    "timestamp": 1_000_000 + key,
                });
                let submission = Submission::read(&item.to_string(), None, &scrubber).expect("a valid item");
                Prepared::new(submission, self.now(), [key.to_le_bytes()[0]; 16], &self.tenant.secret)
            };
            let (reply, answer) = oneshot::channel();
            let items = request.iter().map(prepare).collect();
            inputs.push(Input::Events(EventsInput {
                key: None,
                received_at: self.now(),
                items,
                rejected: Vec::new(),
                bytes: 100,
                reply,
            }));
            answers.push((request.to_vec(), answer));
        }
        if inputs.is_empty() {
            return;
        }
        if self.chance.percent(30) {
            inputs.push(Input::Tick);
        }
        self.step(inputs).await;
        for (request, answer) in answers {
            let answered = answer.await.ok().and_then(Result::ok);
            let lost = self.chance.percent(10);
            let Some(items) = answered.filter(|_| !lost) else { continue };
            for (key, item) in request.into_iter().zip(items) {
                assert!(!matches!(item, ItemAnswer::Invalid(_)), "{item:?}");
                self.unanswered.remove(&key);
                self.acknowledged.insert(key);
            }
        }
    }

    /// Sends some of what the outbox holds; sinks fail, and lose answers after they took a message.
    async fn deliver(&mut self, faults: bool) {
        let mut results = Vec::new();
        while let Some(turn) = self.outbox.next(self.now()) {
            let (row, answer, through) = match turn {
                Turn::Send(parcel) => {
                    let together = self.store.together(self.tenant.id, parcel.row.id, false).await.unwrap_or_default();
                    let (arrives, answer) = match self.chance.below(if faults { 10 } else { 1 }) {
                        0..=5 => (true, Answer::Sent { status: 204, receipt: Some("C1 17".into()) }),
                        6 => (true, Answer::Retry { after: None, why: "lost reply".into() }),
                        7..=8 => (false, Answer::Retry { after: None, why: "500".into() }),
                        _ => (false, Answer::Refused { why: "404".into() }),
                    };
                    if arrives {
                        *self.arrived.entry(parcel.row.id).or_default() += 1;
                    }
                    (parcel.row, answer, (together.count > 0).then_some(together.through))
                }
                Turn::Skip(parcel, why) => (parcel.row, Answer::Broken { why }, None),
            };
            self.outbox.answered(&row.lane, &answer, self.now());
            let attempt = Attempt { at: self.now(), took_ms: 1, edition: row.edition, answer };
            results.push(Delivery { row: Arc::unwrap_or_clone(row), attempt, through });
            if faults && self.chance.percent(20) {
                break;
            }
        }
        let died_before_telling = faults && self.chance.percent(5);
        if !results.is_empty() && !died_before_telling {
            self.step(vec![Input::Deliveries(results)]).await;
        }
    }

    /// Somebody answers something that arrived, and repeats what had no answer; two presses may come together.
    async fn answer(&mut self, presses: bool) {
        let arrived = self.arrived.len() as u64;
        for _ in 0..self.chance.below(3) {
            if presses && arrived > 0 {
                let at = usize::try_from(self.chance.below(arrived)).unwrap_or(0);
                let notice = *self.arrived.keys().nth(at).expect("one of them");
                self.people.press(&self.chance, notice);
            }
        }
        let (mut inputs, waiting) = self.people.inputs(self.now(), &self.tenant.secret);
        if inputs.is_empty() {
            return;
        }
        inputs.push(Input::Tick);
        self.step(inputs).await;
        self.people.hear(&self.chance, waiting).await;
    }

    async fn claim(&mut self) {
        if let Ok(rows) = self.store.claim_due(self.tenant.id, LEASE, 8, 32, &[]).await {
            for row in rows {
                let held_until = row.lease_until;
                self.outbox.offer(Parcel { row: Arc::new(row), event: None, held_until });
            }
        }
    }

    async fn is_settled(&self) -> bool {
        let waits = |row: &NotificationRow| row.waits() || row.state == NotificationState::Held;
        self.unanswered.is_empty() && self.people.are_answered() && !self.notifications().await.iter().any(waits)
    }

    async fn check(&mut self) {
        let (store, tenant) = (&self.store, self.tenant.id);
        assert_eq!(self.unanswered, BTreeSet::new(), "everything is acknowledged in the end");
        let head = store.head(tenant).await.expect("no faults");
        let events = store.events_from(tenant, 1, 100_000).await.expect("no faults");
        let mut checker = Checker::after(Tip::EMPTY);
        let mut times: BTreeMap<u64, usize> = BTreeMap::new();
        for event in &events {
            let row = &event.row;
            let entry = Entry { seq: row.seq, hash: row.hash, sealed: &row.sealed, content: row.content.as_deref() };
            assert_eq!(checker.next(entry), []);
            let sealed: serde_json::Value = serde_json::from_slice(&row.sealed).expect("sealed JSON");
            let key = sealed["action"]["idempotency_key"].as_str().and_then(|key| key.parse().ok());
            *times.entry(key.expect("our key")).or_default() += 1;
        }
        assert_eq!(checker.against_head(head.events), None);
        for key in &self.acknowledged {
            assert_eq!(times.get(key), Some(&1), "event {key} was acknowledged, and stands in the chain once");
        }
        let mut position = 0;
        for row in store.feed_after(tenant, 0, 100_000).await.expect("no faults") {
            assert_eq!(row.first, position + 1, "positions have no gap");
            position = row.last();
        }
        assert_eq!(position, head.position);
        let rows = self.notifications().await;
        let known: BTreeSet<NotificationId> = rows.iter().map(|row| row.id).collect();
        for id in self.arrived.keys() {
            assert!(known.contains(id), "{id} arrived without a stored cause");
        }
        let by_event = |seq| rows.iter().filter(move |row| row.event_seq == Some(seq));
        for event in &events {
            // What is no message of its own ends as the one that tells of it.
            let end = |row: &NotificationRow| match row.told_in {
                Some(told_in) => rows.iter().find(|row| row.id == told_in.message).map(|row| row.state),
                None => Some(row.state),
            };
            let arrived = |row: &NotificationRow| {
                end(row) == Some(NotificationState::Delivered) && (row.told_in.is_none() || row.delivered_at.is_some())
            };
            let told = by_event(event.row.seq).any(arrived);
            let given_up = by_event(event.row.seq).all(|row| end(row) == Some(NotificationState::Failed));
            assert!(
                told || given_up,
                "event {} waits for ever: {:?}",
                event.row.seq,
                by_event(event.row.seq).collect::<Vec<_>>()
            );
        }
        for row in rows.iter().filter(|row| row.state == NotificationState::Delivered) {
            assert!(self.arrived.contains_key(&row.id), "{} is called delivered and never arrived", row.id);
        }
        let (answers, overdue) = self.people.check(store, tenant, &events, &rows).await;
        (self.report.answers, self.report.overdue) = (answers, overdue);
        self.report.acknowledged = self.acknowledged.len();
        self.report.stored = head.events.seq;
        self.report.delivered = self.arrived.len();
        self.report.copies = self.arrived.values().map(|times| times - 1).sum();
    }

    async fn notifications(&self) -> Vec<NotificationRow> {
        let mut rows = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.store.notifications(self.tenant.id, &NotificationFilter::default(), cursor, 1_000).await;
            let page = page.expect("no faults");
            rows.extend(page.items);
            match page.next {
                Some(next) => cursor = Some(next),
                None => return rows,
            }
        }
    }
}
