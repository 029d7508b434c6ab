//! Two processes of one agent with their real spool, against a server that fails in every way: each record arrives
//! once or is counted as lost, outcomes after their events.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mandate_api::{FieldError, Receipt, SubmitResponse, SubmitStatus};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::Env;
use crate::record::Kind;
use crate::sender::machine::Trouble;
use crate::spool::Limits;

const NOW: i64 = 1_767_225_600_000;

fn record(kind: Kind, n: usize) -> Record {
    let body = RawValue::from_string(format!("{{\"n\":{n}}}")).unwrap();
    Record { key: format!("k{n}"), at: NOW + n as i64, kind, id: None, body }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// The request does not arrive.
    Away,
    /// It arrives and is done, its answer is lost.
    LostAnswer,
    Busy,
    Stumble,
    Denied,
}

/// A server that takes each key once, and refuses the events it is told to find unfit.
#[derive(Debug, Default)]
struct Server {
    taken: BTreeMap<String, Uuid>,
    order: Vec<String>,
    outcomes: BTreeSet<Uuid>,
    unfit: Vec<String>,
    poison: Option<String>,
}

impl Server {
    fn submit(&mut self, events: &[String]) -> Result<SubmitResponse, Trouble> {
        if self.poison.as_ref().is_some_and(|poison| events.contains(poison)) {
            return Err(Trouble::Unfit("not readable".into()));
        }
        let results = events.iter().map(|key| {
            if self.unfit.contains(key) {
                let error = FieldError { pointer: "/actor".into(), code: "x".into(), detail: "is wrong".into() };
                return receipt(None, SubmitStatus::Invalid, vec![error]);
            }
            if let Some(id) = self.taken.get(key) {
                return receipt(Some(*id), SubmitStatus::Duplicate, Vec::new());
            }
            let id = Uuid::from_u128(self.taken.len() as u128 + 1);
            self.taken.insert(key.clone(), id);
            self.order.push(key.clone());
            receipt(Some(id), SubmitStatus::Accepted, Vec::new())
        });
        Ok(SubmitResponse { results: results.collect() })
    }

    fn outcome(&mut self, event: Uuid) -> Result<(), Trouble> {
        assert!((1..=self.taken.len() as u128).contains(&event.as_u128()), "an outcome came before its event");
        if self.outcomes.insert(event) { Ok(()) } else { Err(Trouble::Settled) }
    }
}

fn receipt(id: Option<Uuid>, status: SubmitStatus, errors: Vec<FieldError>) -> Receipt {
    Receipt { id, status, seq: None, hash: None, routing: None, errors }
}

/// One agent's processes, one spool directory, one server, one clock.
struct World {
    dir: TempDir,
    limits: Limits,
    processes: [Option<Process>; 2],
    server: Server,
    said: Vec<Complaint>,
    /// How many lost records the server was told of and confirmed.
    told: u64,
    /// Actions whose process knew the event's id when their outcome came.
    known: Vec<String>,
    given: u64,
    now: i64,
}

struct Process {
    desk: Desk,
    request: Option<Ask>,
    /// Calls that have no outcome yet, in order.
    open: VecDeque<usize>,
    /// Actions whose event was acknowledged to this process.
    acknowledged: BTreeSet<String>,
    /// Names this process among all that ever lived.
    life: usize,
}

impl World {
    fn new(limits: Limits) -> Self {
        let mut world = Self {
            dir: tempfile::tempdir().unwrap(),
            limits,
            processes: [None, None],
            server: Server::default(),
            said: Vec::new(),
            told: 0,
            known: Vec::new(),
            given: 0,
            now: 0,
        };
        world.join(0);
        world
    }

    /// A process begins, if that place is free.
    fn join(&mut self, who: usize) {
        if self.processes[who].is_none() {
            let spool = Spool::open(self.dir.path().join("spool"), self.limits, env());
            let life = COUNTER.fetch_add(1, Ordering::Relaxed);
            let (open, acknowledged) = (VecDeque::new(), BTreeSet::new());
            self.processes[who] = Some(Process { desk: Desk::new(spool), request: None, open, acknowledged, life });
            self.step(who, Input::Tick);
        }
    }

    /// A process ends as wrappers do: open calls fail, what is left is kept. A request under way is given up.
    fn leave(&mut self, who: usize) {
        let Some(process) = &mut self.processes[who] else { return };
        let open: Vec<Record> = process.open.drain(..).map(|n| record(Kind::Outcome, n)).collect();
        self.records(who, open);
        self.step(who, Input::Close);
        self.processes[who] = None;
    }

    fn records(&mut self, who: usize, records: Vec<Record>) {
        self.given += records.len() as u64;
        if let Some(process) = &self.processes[who] {
            let known = |record: &&Record| record.kind == Kind::Outcome && process.acknowledged.contains(&record.key);
            self.known.extend(records.iter().filter(known).map(|record| record.key.clone()));
        }
        self.step(who, Input::Records(records));
    }

    fn step(&mut self, who: usize, input: Input) {
        let Some(process) = &mut self.processes[who] else { return };
        let next = process.desk.step(input, self.now);
        self.said.extend(next.said);
        if let Some(ask) = next.ask {
            assert!(process.request.replace(ask).is_none(), "two requests at once");
        }
    }

    /// Answers the request under way. A model server knows an event by the number in its body.
    fn answer(&mut self, who: usize, fault: Fault) {
        let Some(request) = self.processes[who].as_mut().and_then(|process| process.request.take()) else { return };
        let arrives = matches!(fault, Fault::None | Fault::LostAnswer);
        let trouble = match fault {
            Fault::None => None,
            Fault::Away | Fault::LostAnswer => Some(Trouble::Later("away".into(), None)),
            Fault::Busy => Some(Trouble::Later("busy".into(), Some(Duration::from_secs(3)))),
            Fault::Stumble => Some(Trouble::Stumbled("500".into())),
            Fault::Denied => Some(Trouble::NotAllowed("401".into())),
        };
        match request {
            Ask::Submit { events, dropped } => {
                let keys: Vec<String> = events
                    .iter()
                    .map(|body| format!("k{}", body.get().trim_matches(|c: char| !c.is_ascii_digit())))
                    .collect();
                let answer = if arrives { self.server.submit(&keys) } else { Err(Trouble::Settled) };
                let answer = trouble.map_or(answer, Err);
                if let (Ok(_), Some(process)) = (&answer, &mut self.processes[who]) {
                    self.told += dropped.map_or(0, |dropped| dropped.count);
                    process.acknowledged.extend(keys);
                }
                self.step(who, Input::Submitted(answer, dropped));
            }
            Ask::Outcome { event, .. } => {
                let answer = if arrives { self.server.outcome(event) } else { Ok(()) };
                self.step(who, Input::OutcomeTaken(trouble.map_or(answer, Err)));
            }
        }
    }

    /// The server is well; whoever is there sends until nothing is left to send.
    fn finish(&mut self) {
        for who in [0, 1] {
            while let Some(process) = &self.processes[who] {
                if process.request.is_some() {
                    self.answer(who, Fault::None);
                } else if let Some(at) = process.desk.sender.wake_at() {
                    self.now = self.now.max(at);
                    self.step(who, Input::Tick);
                } else {
                    break;
                }
            }
        }
    }

    /// All processes end, and a last one delivers what they left. Gives how many records were lost.
    fn settle(&mut self) -> u64 {
        self.finish();
        self.leave(0);
        self.leave(1);
        self.join(0);
        self.finish();
        let process = self.processes[0].as_ref().unwrap();
        assert!(process.desk.spool.is_empty(), "something is left");
        self.told + process.desk.spool.dropped().map_or(0, |dropped| dropped.count)
    }

    fn arrived(&self) -> u64 {
        (self.server.order.len() + self.server.outcomes.len()) as u64
    }
}

static COUNTER: AtomicUsize = AtomicUsize::new(0);

fn env() -> Env {
    Env { now: || NOW, entropy: |bytes| bytes.fill_with(|| COUNTER.fetch_add(1, Ordering::Relaxed).to_le_bytes()[0]) }
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::None),
        2 => Just(Fault::Away),
        2 => Just(Fault::LostAnswer),
        1 => Just(Fault::Busy),
        1 => Just(Fault::Stumble),
        1 => Just(Fault::Denied),
    ]
}

#[derive(Debug, Clone)]
enum Move {
    /// So many calls begin at once.
    Calls(usize),
    /// The oldest open call ends.
    Ends,
    Answer(Fault),
    Wait(i64),
    /// The process ends; its place stays free.
    Leaves,
    /// Another one begins, and takes over what the gone ones left.
    Joins,
}

fn a_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        3 => (1usize..4).prop_map(Move::Calls),
        1 => (65usize..130).prop_map(Move::Calls),
        1 => (900usize..1100).prop_map(Move::Calls),
        5 => Just(Move::Ends),
        7 => fault().prop_map(Move::Answer),
        3 => (0i64..40_000).prop_map(Move::Wait),
        1 => Just(Move::Leaves),
        2 => Just(Move::Joins),
    ]
}

/// Plays the moves, each in one of two processes, and checks what must hold under any of them.
fn check(limits: Limits, moves: &[(usize, Move)]) {
    let mut world = World::new(limits);
    let mut calls = 0;
    let mut lives = BTreeMap::new();
    for (who, next) in moves {
        let who = *who;
        match next {
            Move::Calls(count) => {
                let Some(process) = &mut world.processes[who] else { continue };
                process.open.extend(calls..calls + count);
                lives.extend((calls..calls + count).map(|n| (format!("k{n}"), process.life)));
                let records = (calls..calls + count).map(|n| record(Kind::Event, n)).collect();
                calls += count;
                world.records(who, records);
            }
            Move::Ends => {
                let ended = world.processes[who].as_mut().and_then(|process| process.open.pop_front());
                world.records(who, ended.map(|n| record(Kind::Outcome, n)).into_iter().collect());
            }
            Move::Answer(fault) => world.answer(who, *fault),
            Move::Wait(time) => {
                world.now += time;
                world.step(0, Input::Tick);
                world.step(1, Input::Tick);
            }
            Move::Leaves => world.leave(who),
            Move::Joins => world.join(who),
        }
    }
    let lost = world.settle();
    let (given, arrived) = (world.given, world.arrived());
    assert!(arrived + lost >= given, "{given} were given, {arrived} arrived, {lost} were counted as lost");
    let answers_were_lost = moves.iter().any(|(_, next)| matches!(next, Move::Answer(Fault::LostAnswer)));
    if limits.bytes == Limits::default().bytes {
        assert_eq!(world.server.order.len(), calls, "no event is lost while there is room");
        let has_outcome = |key: &String| world.server.outcomes.contains(&world.server.taken[key]);
        assert!(world.known.iter().all(has_outcome), "nor an outcome that had an event to go to");
        // What was taken without an answer may be counted all the same.
        assert!(answers_were_lost || arrived + lost == given, "{given} given, {arrived} arrived, {lost} lost");
    }
    let mut last = BTreeMap::new();
    for key in &world.server.order {
        let n: usize = key[1..].parse().unwrap();
        let before = last.insert(lives[key], n);
        assert!(before < Some(n), "a process's events arrive in order: {key} after {before:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_record_arrives_or_is_counted(moves in prop::collection::vec((0usize..2, a_move()), 1..60)) {
        check(Limits { segment_bytes: 20_000, ..Limits::default() }, &moves);
    }

    #[test]
    fn what_a_small_spool_drops_is_counted(
        moves in prop::collection::vec((0usize..2, a_move()), 1..60),
        segments in 2u64..20,
    ) {
        check(Limits { bytes: segments * 2_000, segment_bytes: 1_500, ..Limits::default() }, &moves);
    }
}

#[test]
fn all_outcomes_arrive_when_the_process_lives() {
    let mut world = World::new(Limits::default());
    for n in 0..50 {
        world.records(0, vec![record(Kind::Event, n)]);
        world.answer(0, if n % 3 == 0 { Fault::LostAnswer } else { Fault::Away });
        world.records(0, vec![record(Kind::Outcome, n)]);
        world.now += 700;
        world.step(0, Input::Tick);
    }
    world.finish();
    assert_eq!(world.server.outcomes.len(), 50);
    assert_eq!(world.said.iter().filter(|said| matches!(said, Complaint::Away(_))).count(), 1, "said once");
    assert_eq!(world.said.last(), Some(&Complaint::Back));
}

#[test]
fn one_record_that_no_server_takes_holds_up_nobody() {
    let mut world = World::new(Limits::default());
    world.server.poison = Some("k7".into());
    world.server.unfit = vec!["k3".into()];
    world.records(0, (0..20).map(|n| record(Kind::Event, n)).collect());
    world.records(0, (0..20).map(|n| record(Kind::Outcome, n)).collect());
    world.finish();
    assert_eq!(world.server.order.len(), 18);
    assert_eq!(world.server.outcomes.len(), 18);
    assert_eq!(world.settle(), 2);
    assert!(world.said.contains(&Complaint::Unfit("`/actor` is wrong".into())), "{:?}", world.said);
}

#[test]
fn a_key_that_may_not_send_is_said_once_and_events_wait() {
    let mut world = World::new(Limits::default());
    for n in 0..5 {
        world.records(0, vec![record(Kind::Event, n)]);
        world.answer(0, Fault::Denied);
        world.now += 31_000;
        world.step(0, Input::Tick);
    }
    assert_eq!(world.said, [Complaint::NotAllowed("401".into())]);
    world.finish();
    assert_eq!(world.server.order.len(), 5);
}
