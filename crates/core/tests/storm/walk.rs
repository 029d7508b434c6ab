//! Walks: what becomes of one notice after the other.

use mandate_core::event::{Decision, Impact, Level};
use mandate_core::storm::{Because, Settings, Verdict};
use mandate_core::time::{HOUR, MINUTE, SECOND, Span};

use crate::book::{Book, Told};

fn check(book: &mut Book, told: Told, expect: &str) {
    let what = format!("{told:?}");
    let got = match book.judge(told) {
        Verdict::Send => "send".to_owned(),
        Verdict::Merge(told_in) => format!("merge into {}", told_in.message.0.as_u128()),
        Verdict::Hold { told_in, due_at } => format!("hold {} for {}", told_in.because, due_at.since(book.now)),
    };
    assert_eq!(got, expect, "{what}");
}

fn alice(session: &'static str) -> Told {
    Told::new("alice", "deployer", session)
}

#[test]
fn a_session_is_one_message_and_what_is_more_than_that_another() {
    let mut book = Book::new(Settings::default());
    let book = &mut book;
    check(book, alice("one"), "send");
    check(book, alice("one"), "merge into 1");
    check(book, alice("two"), "send");
    check(book, Told::new("bob", "deployer", "one"), "send");
    check(book, Told { urgency: Level::High, ..alice("one") }, "send");
    check(book, Told { urgency: Level::High, ..alice("one") }, "merge into 5");
    check(book, alice("one"), "merge into 1");
    let both = || Told { owners: vec!["alice".into(), "bob".into()], ..alice("one") };
    check(book, both(), "send");
    check(book, both(), "merge into 8");
    check(book, alice("one"), "merge into 1");
    check(book, Told { urgency: Level::Low, ..alice("one") }, "merge into 1");
    check(book, Told { decision: Decision::Flagged, ..alice("one") }, "send");
    check(book, Told { impact: Some(Impact::High), ..alice("one") }, "send");
    check(book, Told { urgency: Level::Critical, ..alice("one") }, "send");
    check(book, Told { decision: Decision::Gated, ..alice("one") }, "send");
}

#[test]
fn a_message_stays_open_while_its_session_goes_on_but_not_for_ever() {
    let mut book = Book::new(Settings::default());
    let book = &mut book;
    check(book, alice("one"), "send");
    for _ in 0..4 {
        book.pass(Span(MINUTE.times(15).0 - 1));
        check(book, alice("one"), "merge into 1");
    }
    book.pass(Span(4));
    check(book, alice("one"), "send");
    book.pass(MINUTE.times(15));
    check(book, alice("one"), "send");
    let gone = book.entries.last().unwrap().0.id;
    book.storm.close(gone);
    check(book, alice("one"), "send");
}

#[test]
fn the_eleventh_message_in_a_minute_is_held_for_a_digest() {
    let mut book = Book::new(Settings::default());
    let book = &mut book;
    for agent in 0..10 {
        check(book, Told::new("alice", &format!("agent-{agent}"), ""), "send");
    }
    check(book, Told::new("alice", "agent-10", ""), "hold person_limit for 1m");
    check(book, Told { urgency: Level::Critical, ..Told::new("alice", "agent-11", "") }, "send");
    check(book, Told::new("alice", "agent-0", ""), "merge into 1");
    check(book, Told::new("bob", "agent-10", ""), "send");
    book.pass(SECOND.times(30));
    check(book, Told::new("alice", "agent-12", ""), "hold person_limit for 30s");
    book.pass(SECOND.times(30));
    let (_, digest) = book.digests.first().expect("a digest");
    assert_eq!((book.digests.len(), digest.count, &*digest.recipient), (1, 2, "alice"));
    check(book, Told::new("alice", "agent-12", ""), "send");
}

#[test]
fn a_busy_agent_leaves_places_for_others() {
    let mut book = Book::new(Settings::default());
    let book = &mut book;
    let flagged = |agent: &str| Told { decision: Decision::Flagged, ..Told::new("alice", agent, "") };
    for _ in 0..7 {
        check(book, flagged("busy"), "send");
    }
    check(book, flagged("busy"), "hold person_limit for 1m");
    check(book, flagged("quiet"), "send");
    check(book, flagged("calm"), "send");
    check(book, flagged("slow"), "hold person_limit for 1m");
    book.pass(MINUTE);
    assert_eq!(book.digests.len(), 1);
}

#[test]
fn what_may_wait_waits_an_hour_and_less_when_a_digest_comes_before() {
    let mut book = Book::new(Settings { per_person_per_minute: 1, ..Settings::default() });
    let book = &mut book;
    check(book, Told { urgency: Level::Low, ..alice("one") }, "hold low_urgency for 1h");
    check(book, alice("two"), "send");
    check(book, alice("three"), "hold person_limit for 1m");
    book.pass(MINUTE);
    assert_eq!(book.digests.first().map(|(_, digest)| digest.count), Some(2));
    check(book, Told { urgency: Level::Low, ..alice("four") }, "hold low_urgency for 1h");
    book.pass(HOUR);
    assert_eq!(book.digests.len(), 2);
}

#[test]
fn a_storm_of_the_tenant_holds_all_but_first_and_critical_notices() {
    const PEOPLE: [&str; 8] = ["ann", "ben", "cay", "dan", "eve", "fay", "gus", "hal"];
    let mut book = Book::new(Settings::default());
    let book = &mut book;
    for n in 0..50 {
        let flagged = Told { decision: Decision::Flagged, ..Told::new(PEOPLE[n % 8], "loop", "") };
        check(book, flagged, "send");
        assert!(book.alarms.is_empty());
    }
    check(book, Told::new("zoe", "loop", ""), "hold storm for 1m");
    check(book, Told { urgency: Level::Critical, ..Told::new("zoe", "loop", "") }, "send");
    check(book, Told::new("zoe", "other", ""), "send");
    check(book, Told::new("zoe", "other", ""), "merge into 53");
    assert_eq!(book.alarms.len(), 1);
    assert_eq!((book.alarms[0].1.agent.as_str(), book.alarms[0].1.actions), ("loop", 51));
    book.pass(MINUTE.times(2));
    assert_eq!(book.digests.len(), 1);
    check(book, Told::new("zoe", "loop", ""), "send");
    assert_eq!(book.alarms.len(), 1);
}

#[test]
fn a_long_queue_holds_what_is_not_new() {
    let mut book = Book::new(Settings::default());
    let book = &mut book;
    book.storm.queued(5_001, 0);
    check(book, Told::new("alice", "loop", "one"), "send");
    check(book, Told::new("alice", "loop", "two"), "hold queue for 1m");
    book.storm.queued(0, 1);
    check(book, Told::new("bob", "loop", "three"), "send");
}

#[test]
fn a_message_that_is_gone_gives_what_it_did_not_tell_to_a_digest() {
    let mut book = Book::new(Settings::default());
    let book = &mut book;
    check(book, alice("one"), "send");
    check(book, alice("one"), "merge into 1");
    let message = mandate_core::storm::Digest {
        id: book.entries[0].0.id,
        recipient: "alice".into(),
        channel: "slack".into(),
        lane: "slack".into(),
        urgency: Level::Medium,
        count: 1,
    };
    let (digest, due_at) = book.storm.gather_again(&message, book.now);
    assert_eq!(due_at.since(book.now), MINUTE);
    check(book, alice("one"), "hold person_limit for 1m");
    book.pass(MINUTE);
    assert_eq!(book.digests.first().map(|(_, sent)| (sent.id, sent.count)), Some((digest, 2)));
    check(book, alice("one"), "send");
}

#[test]
fn switched_off_everything_is_sent_and_what_was_held_comes() {
    let mut book = Book::new(Settings::default());
    check(&mut book, Told { urgency: Level::Low, ..alice("one") }, "hold low_urgency for 1h");
    book.settings.enabled = false;
    book.restart();
    for _ in 0..100 {
        check(&mut book, alice("one"), "send");
    }
    book.pass(HOUR);
    assert_eq!(book.digests.len(), 1);
    assert_eq!(Because::from_word("low_urgency"), Some(Because::LowUrgency));
}
