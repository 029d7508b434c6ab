use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A machine, its clock, and all that it said.
struct World {
    machine: Machine,
    now: Millis,
}

impl World {
    fn new() -> Self {
        Self { machine: Machine::new(Millis(0)), now: Millis(0) }
    }

    /// Up to the greeting of its first link.
    fn greeted() -> Self {
        let mut world = Self::new();
        world.expect(Input::Tick, "ask");
        world.expect(address(), "open 1");
        world.expect(Input::Opened(LinkId(1)), "");
        world.expect(Input::Text(LinkId(1), HELLO), "up");
        world
    }

    fn step(&mut self, input: Input<'_>) -> String {
        told(&self.machine.step(input, self.now, 0))
    }

    fn expect(&mut self, input: Input<'_>, expect: &str) {
        let shown = format!("{input:?} at {:?}", self.now);
        assert_eq!(self.step(input), expect, "{shown}");
    }

    /// Lets time pass to the moment that the machine waits for, which is `span` away.
    fn waits(&mut self, span: Span, expect: &str) {
        assert_eq!(self.machine.due(), Some(self.now.plus(span)), "at {:?}", self.now);
        self.now = self.now.plus(span).minus(Span(1));
        self.expect(Input::Tick, "");
        self.now = self.now.plus(Span(1));
        self.expect(Input::Tick, expect);
    }
}

const HELLO: &str = r#"{"type":"hello","num_connections":1}"#;

fn address() -> Input<'static> {
    Input::Address(Ok("wss://slack.example/?ticket=1".into()))
}

fn press(envelope: &str) -> String {
    let payload = json!({
        "type": "block_actions", "user": {"id": "U1"}, "team": {"id": "T1"}, "trigger_id": "1",
        "actions": [{"action_id": "acknowledge", "value": "0198", "action_ts": "1"}]
    });
    json!({"envelope_id": envelope, "type": "interactive", "payload": payload}).to_string()
}

fn taken(link: u64, envelope: &str, taken: bool) -> Input<'static> {
    Input::Taken { link: LinkId(link), envelope: envelope.into(), taken }
}

fn told(outputs: &[Output]) -> String {
    let line = |output: &Output| match output {
        Output::AskAddress => "ask".to_owned(),
        Output::Open(LinkId(link), _) => format!("open {link}"),
        Output::Ping(LinkId(link)) => format!("ping {link}"),
        Output::Deliver { link: LinkId(link), envelope, .. } => format!("deliver {envelope} of {link}"),
        Output::Acknowledge(LinkId(link), envelope) => format!("ack {envelope} on {link}"),
        Output::Close(LinkId(link)) => format!("close {link}"),
        Output::Report(Health::Up) => "up".to_owned(),
        Output::Report(Health::Down { why, broken }) => format!("{}: {why}", if *broken { "broken" } else { "down" }),
        Output::Report(Health::Starting) => "starting".to_owned(),
    };
    outputs.iter().map(line).collect::<Vec<_>>().join(", ")
}

#[test]
fn an_envelope_is_acknowledged_when_it_is_taken_and_once_more_when_it_comes_again() {
    let mut world = World::greeted();
    world.expect(Input::Text(LinkId(1), &press("a")), "deliver a of 1");
    world.expect(taken(1, "a", true), "ack a on 1");
    world.expect(Input::Text(LinkId(1), &press("a")), "ack a on 1");
    world.expect(Input::Text(LinkId(1), &press("b")), "deliver b of 1");
    world.expect(taken(1, "b", false), "");
    world.expect(Input::Text(LinkId(1), &press("b")), "deliver b of 1");
    let damaged = r#"{"envelope_id":"c","type":"interactive","payload":{}}"#;
    let Some(Output::Deliver { inbound, .. }) = world.machine.step(Input::Text(LinkId(1), damaged), world.now, 0).pop()
    else {
        panic!("not delivered")
    };
    assert!(matches!(*inbound, Inbound::Other(why) if why.starts_with("the interaction is not what slack sends")));
    world.expect(Input::Text(LinkId(1), r#"{"envelope_id":"d","type":"dance"}"#), "deliver d of 1");
    world.expect(Input::Text(LinkId(1), "{"), "");
    world.expect(Input::Text(LinkId(1), r#"{"type":"interactive"}"#), "");
    world.expect(Input::Text(LinkId(9), &press("e")), "");
}

#[test]
fn the_new_link_is_greeted_before_the_old_one_is_closed() {
    let mut world = World::greeted();
    world.now = Millis(60_000);
    world.expect(Input::Text(LinkId(1), r#"{"type":"disconnect","reason":"warning"}"#), "ask");
    world.expect(Input::Text(LinkId(1), &press("a")), "deliver a of 1");
    world.expect(address(), "open 2");
    world.expect(Input::Opened(LinkId(2)), "");
    world.expect(Input::Text(LinkId(2), &press("b")), "deliver b of 2");
    world.expect(taken(1, "a", true), "ack a on 1");
    world.expect(Input::Text(LinkId(2), HELLO), "close 1, up");
    world.expect(taken(2, "b", true), "ack b on 2");
    world.expect(Input::Closed(LinkId(1), "closed".into()), "");
    // What the old link delivered and could not acknowledge comes again on the new one.
    world.expect(taken(1, "a", true), "");
    world.expect(Input::Text(LinkId(2), &press("a")), "ack a on 2");
}

#[test]
fn a_refresh_that_fails_keeps_the_old_link_as_long_as_it_serves() {
    let mut world = World::greeted();
    world.now = Millis(60_000);
    world.expect(Input::Text(LinkId(1), r#"{"type":"disconnect","reason":"refresh_requested"}"#), "ask");
    world.expect(address(), "open 2");
    world.expect(Input::Closed(LinkId(2), "no route".into()), "close 2");
    world.expect(Input::Text(LinkId(1), &press("a")), "deliver a of 1");
    world.expect(
        Input::Closed(LinkId(1), "slack closed the connection".into()),
        "close 1, down: slack closed the connection",
    );
    world.waits(SECOND, "ask");
}

#[test]
fn waits_grow_and_begin_anew_after_a_good_link() {
    let mut world = World::new();
    world.expect(Input::Tick, "ask");
    for wait in [1, 2, 4, 8, 16, 30, 30] {
        world.expect(Input::Address(Err(Failure::unanswered("no answer".into(), true))), "down: no answer");
        world.waits(SECOND.times(wait), "ask");
    }
    world.expect(address(), "open 1");
    world.expect(Input::Opened(LinkId(1)), "");
    world.expect(Input::Text(LinkId(1), HELLO), "up");
    world.expect(Input::Closed(LinkId(1), "lost".into()), "close 1, down: lost");
    world.waits(SECOND.times(30), "ask");
    world.expect(address(), "open 2");
    world.expect(Input::Opened(LinkId(2)), "");
    world.expect(Input::Text(LinkId(2), HELLO), "up");
    world.now = world.now.plus(SECOND.times(40));
    world.expect(Input::Closed(LinkId(2), "lost".into()), "close 2, down: lost");
    world.waits(SECOND, "ask");
}

#[test]
fn slack_is_waited_for_as_long_as_it_asks() {
    let mut world = World::new();
    world.expect(Input::Tick, "ask");
    let answer = Answer::Retry { after: Some(SECOND.times(45)), why: "ratelimited".into() };
    world.expect(Input::Address(Err(Failure { answer, code: None, ambiguous: false })), "down: ratelimited");
    world.waits(SECOND.times(45), "ask");
    let answer = Answer::Broken { why: "invalid_auth".into() };
    world.expect(Input::Address(Err(Failure { answer, code: None, ambiguous: false })), "broken: invalid_auth");
    world.waits(SECOND.times(2), "ask");
}

#[test]
fn jitter_spreads_by_up_to_a_half() {
    let mut machine = Machine::new(Millis(0));
    machine.step(Input::Tick, Millis(0), 255);
    machine.step(Input::Address(Err(Failure::unanswered(String::new(), true))), Millis(0), 255);
    assert_eq!(machine.due(), Some(Millis(1_498)));
}

#[test]
fn a_silent_link_is_given_up() {
    let mut world = World::greeted();
    world.waits(PING, "ping 1");
    world.expect(Input::Pong(LinkId(1)), "");
    world.waits(PING, "ping 1");
    world.waits(PING, "close 1, down: slack did not answer a ping");
    world.waits(SECOND, "ask");

    let mut world = World::greeted();
    for _ in 0..5 {
        world.waits(PING, "ping 1");
        world.expect(Input::Pong(LinkId(1)), "");
    }
    // It answers, but says nothing of its own.
    world.waits(PING, "close 1, down: slack was silent");

    let mut world = World::greeted();
    for _ in 0..12 {
        world.waits(PING, "ping 1");
        world.expect(Input::Pong(LinkId(1)), "");
        world.expect(Input::Ping(LinkId(1)), "");
    }
}

#[test]
fn a_link_that_never_greets_is_given_up() {
    let mut world = World::new();
    world.expect(Input::Tick, "ask");
    world.expect(address(), "open 1");
    world.waits(GREETING, "close 1, down: slack did not greet us in time");
    world.expect(Input::Opened(LinkId(1)), "close 1");
    world.waits(SECOND, "ask");
    world.expect(address(), "open 2");
    world.expect(Input::Opened(LinkId(2)), "");
    world.expect(
        Input::Text(LinkId(2), r#"{"type":"disconnect","reason":"warning"}"#),
        "close 2, down: slack sent us away",
    );
}

#[test]
fn a_switched_off_app_says_so() {
    let mut world = World::greeted();
    world.now = Millis(60_000);
    let off = r#"{"type":"disconnect","reason":"link_disabled"}"#;
    world
        .expect(Input::Text(LinkId(1), off), "broken: socket mode is switched off; switch it on in the app's settings");
    world.expect(Input::Closed(LinkId(1), "closed".into()), "close 1, down: closed");
    world.expect(Input::Tick, "");
}

/// Anything that can happen, in any order, with any timing.
fn happening() -> impl Strategy<Value = (i64, usize, u64, bool)> {
    (prop_oneof![Just(0i64), 0i64..6_000, Just(40_000i64)], 0usize..11, 1u64..6, any::<bool>())
}

proptest! {
    /// Whatever happens, it goes on: there is always a good link, or a moment or an answer that is waited for; no
    /// envelope is delivered twice once it was taken; at most two links are open.
    #[test]
    fn it_never_gets_stuck(happenings in proptest::collection::vec(happening(), 1..200)) {
        let mut world = World::new();
        let (mut asked, mut open, mut got) = (false, BTreeSet::new(), BTreeSet::new());
        for (gap, what, link, yes) in happenings {
            world.now = world.now.plus(Span(gap));
            let text = press(&link.to_string());
            let input = match what {
                0..=2 => Input::Tick,
                3 if asked && yes => address(),
                3 if asked => Input::Address(Err(Failure::refused("no".into()))),
                4 => Input::Opened(LinkId(link)),
                5 => Input::Text(LinkId(link), HELLO),
                6 => Input::Text(LinkId(link), if yes { r#"{"type":"disconnect","reason":"warning"}"# } else { r#"{"type":"disconnect","reason":"link_disabled"}"# }),
                7 => Input::Closed(LinkId(link), "closed".into()),
                8 => Input::Pong(LinkId(link)),
                9 => Input::Ping(LinkId(link)),
                _ => Input::Text(LinkId(link), &text),
            };
            asked &= !matches!(input, Input::Address(_));
            for output in world.machine.step(input, world.now, 7) {
                match output {
                    Output::AskAddress => asked = true,
                    Output::Open(link, _) => prop_assert!(open.insert(link)),
                    Output::Close(link) => { open.remove(&link); }
                    Output::Deliver { link, envelope, .. } => {
                        prop_assert!(got.insert(envelope.clone()));
                        world.machine.step(Input::Taken { link, envelope, taken: true }, world.now, 7);
                    }
                    _ => {}
                }
            }
            prop_assert!(open.len() <= 2);
            prop_assert!(asked || world.machine.due().is_some());
        }
    }
}
