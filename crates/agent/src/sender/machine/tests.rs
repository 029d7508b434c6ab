//! The sender against a model of spool and server: whatever fails, each record arrives once, outcomes after events.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use mandate_api::{FieldError, Receipt};

fn record(kind: Kind, n: usize) -> Record {
    let body = RawValue::from_string(format!("{{\"n\":{n}}}")).unwrap();
    Record { key: format!("k{n}"), at: 1_000 + n as i64, kind, id: None, body }
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
    outcomes: Vec<Uuid>,
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
        assert!(self.taken.values().any(|id| *id == event), "an outcome came before its event");
        if self.outcomes.contains(&event) {
            return Err(Trouble::Settled);
        }
        self.outcomes.push(event);
        Ok(())
    }
}

fn receipt(id: Option<Uuid>, status: SubmitStatus, errors: Vec<FieldError>) -> Receipt {
    Receipt { id, status, seq: None, hash: None, routing: None, errors }
}

/// Sender, spool and server in one hand, one clock.
struct World {
    sender: Sender,
    spool: VecDeque<Record>,
    server: Server,
    request: Option<Output>,
    said: Vec<Complaint>,
    lost: u64,
    now: i64,
}

impl World {
    fn new() -> Self {
        let (sender, server) = (Sender::new(false), Server::default());
        Self { sender, spool: VecDeque::new(), server, request: None, said: Vec::new(), lost: 0, now: 0 }
    }

    fn step(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for output in self.sender.step(input, self.now) {
                match output {
                    Output::Submit(_) | Output::Outcome { .. } => {
                        assert!(self.request.replace(output).is_none(), "two requests at once");
                    }
                    Output::Keep { records, first: true } => {
                        records.into_iter().rev().for_each(|record| self.spool.push_front(record));
                    }
                    Output::Keep { records, first: false } => self.spool.extend(records),
                    Output::Load { items, .. } => {
                        inputs.push(Input::Loaded(self.spool.iter().take(items).cloned().collect()));
                    }
                    Output::Delivered(count) => drop(self.spool.drain(..count)),
                    Output::Lost(lost) => self.lost += lost.count,
                    Output::Say(complaint) => self.said.push(complaint),
                    Output::Reported(_) | Output::Adopt => {}
                }
            }
        }
    }

    /// Answers the request under way. A model server knows an event by the number in its body.
    fn answer(&mut self, fault: Fault) {
        let Some(request) = self.request.take() else { return };
        let arrives = matches!(fault, Fault::None | Fault::LostAnswer);
        let trouble = match fault {
            Fault::None => None,
            Fault::Away | Fault::LostAnswer => Some(Trouble::Later("away".into(), None)),
            Fault::Busy => Some(Trouble::Later("busy".into(), Some(Duration::from_secs(3)))),
            Fault::Stumble => Some(Trouble::Stumbled("500".into())),
            Fault::Denied => Some(Trouble::NotAllowed("401".into())),
        };
        match request {
            Output::Submit(bodies) => {
                let keys: Vec<String> = bodies
                    .iter()
                    .map(|body| format!("k{}", body.get().trim_matches(|c: char| !c.is_ascii_digit())))
                    .collect();
                let answer = if arrives { self.server.submit(&keys) } else { Err(Trouble::Settled) };
                let answer = trouble.map_or(answer, Err);
                self.step(Input::Submitted(answer, None));
            }
            Output::Outcome { event, .. } => {
                let answer = if arrives { self.server.outcome(event) } else { Ok(()) };
                let answer = trouble.map_or(answer, Err);
                self.step(Input::OutcomeTaken(answer));
            }
            _ => {}
        }
    }

    fn finish(&mut self) {
        for _ in 0..10_000 {
            if self.request.is_some() {
                self.answer(Fault::None);
            } else if let Some(at) = self.sender.wake_at() {
                self.now = self.now.max(at);
                self.step(Input::Tick);
            } else {
                break;
            }
        }
    }
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
    /// The process ends, another takes over its spool.
    Restart,
}

fn a_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        4 => (1usize..4).prop_map(Move::Calls),
        1 => (900usize..1200).prop_map(Move::Calls),
        5 => Just(Move::Ends),
        8 => fault().prop_map(Move::Answer),
        3 => (0i64..40_000).prop_map(Move::Wait),
        1 => Just(Move::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn every_record_arrives_once_and_outcomes_after_events(moves in prop::collection::vec(a_move(), 1..60)) {
        let mut world = World::new();
        let (mut begun, mut ended) = (0, 0);
        for next in moves {
            match next {
                Move::Calls(count) => {
                    let records = (begun..begun + count).map(|n| record(Kind::Event, n)).collect();
                    begun += count;
                    world.step(Input::Records(records));
                }
                Move::Ends if ended < begun => {
                    world.step(Input::Records(vec![record(Kind::Outcome, ended)]));
                    ended += 1;
                }
                Move::Ends => {}
                Move::Answer(fault) => world.answer(fault),
                Move::Wait(time) => {
                    world.now += time;
                    world.step(Input::Tick);
                }
                Move::Restart => {
                    world.step(Input::Close);
                    world.request = None;
                    // Calls that were open have no outcome any more: their process is gone.
                    ended = begun;
                    world.sender = Sender::new(true);
                    world.step(Input::Tick);
                }
            }
        }
        world.finish();
        let expect: Vec<String> = (0..begun).map(|n| format!("k{n}")).collect();
        prop_assert_eq!(&world.server.order, &expect, "each event once, in order");
        prop_assert!(world.spool.is_empty());
        prop_assert_eq!(world.lost, 0);
    }
}

#[test]
fn all_outcomes_arrive_when_the_process_lives() {
    let mut world = World::new();
    for n in 0..50 {
        world.step(Input::Records(vec![record(Kind::Event, n)]));
        world.answer(if n % 3 == 0 { Fault::LostAnswer } else { Fault::Away });
        world.step(Input::Records(vec![record(Kind::Outcome, n)]));
        world.now += 700;
        world.step(Input::Tick);
    }
    world.finish();
    assert_eq!(world.server.outcomes.len(), 50);
    assert_eq!(world.said.iter().filter(|said| matches!(said, Complaint::Away(_))).count(), 1, "said once");
    assert_eq!(world.said.last(), Some(&Complaint::Back));
}

#[test]
fn one_record_that_no_server_takes_holds_up_nobody() {
    let mut world = World::new();
    world.server.poison = Some("k7".into());
    world.server.unfit = vec!["k3".into()];
    world.step(Input::Records((0..20).map(|n| record(Kind::Event, n)).collect()));
    world.step(Input::Records((0..20).map(|n| record(Kind::Outcome, n)).collect()));
    world.finish();
    assert_eq!(world.server.order.len(), 18);
    assert_eq!(world.server.outcomes.len(), 18);
    assert_eq!(world.lost, 2);
    assert!(world.said.contains(&Complaint::Unfit("`/actor` is wrong".into())), "{:?}", world.said);
}

#[test]
fn a_key_that_may_not_send_is_said_once_and_events_wait() {
    let mut world = World::new();
    for n in 0..5 {
        world.step(Input::Records(vec![record(Kind::Event, n)]));
        world.answer(Fault::Denied);
        world.now += 31_000;
        world.step(Input::Tick);
    }
    assert_eq!(world.said, [Complaint::NotAllowed("401".into())]);
    world.finish();
    assert_eq!(world.server.order.len(), 5);
}
