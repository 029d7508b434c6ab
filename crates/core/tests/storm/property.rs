//! What holds whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use mandate_core::event::{Decision, Impact, Level};
use mandate_core::storm::{Settings, Verdict};
use mandate_core::time::{HOUR, MINUTE, Millis, Span};
use proptest::prelude::*;

use crate::book::{Book, Told};

#[derive(Debug, Clone)]
enum Step {
    Act(Told),
    Pass(Span),
    Restart,
}

fn told(actors: &'static [&'static str]) -> impl Strategy<Value = Told> {
    let owners = prop::sample::subsequence(vec!["alice".to_owned(), "bob".to_owned(), "zoe".to_owned()], 1..=2);
    let parts = (
        prop::sample::select(vec!["alice", "bob", "zoe"]),
        prop::sample::select(actors),
        prop::sample::select(vec!["", "one", "two", "three"]),
        owners,
        prop::sample::select(vec![Level::Low, Level::Medium, Level::Medium, Level::High, Level::Critical]),
        prop::sample::select(vec![Decision::Monitored, Decision::Monitored, Decision::Flagged, Decision::Gated]),
        prop::sample::select(vec![None, Some(Impact::Low), Some(Impact::High)]),
    );
    parts.prop_map(|(recipient, actor, session, owners, urgency, decision, impact)| Told {
        recipient,
        actor: actor.to_owned(),
        session,
        owners,
        urgency,
        decision,
        impact,
    })
}

fn steps(actors: &'static [&'static str]) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => told(actors).prop_map(Step::Act),
        3 => (0..20_000_i64).prop_map(|ms| Step::Pass(Span(ms))),
        1 => (0..40_i64).prop_map(|minutes| Step::Pass(MINUTE.times(minutes))),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 0..120)
}

const MANY: &[&str] = &["deployer", "loop", "reviewer", ""];

/// Takes the steps; without restarts when those are not wanted.
fn walk(steps: &[Step], settings: Settings, restarts: bool) -> Book {
    let mut book = Book::new(settings);
    for step in steps {
        match step {
            Step::Act(told) => drop(book.judge(told.clone())),
            Step::Pass(span) => book.pass(*span),
            Step::Restart if restarts => book.restart(),
            Step::Restart => {}
        }
    }
    book
}

fn can_wait(told: &Told) -> bool {
    told.urgency != Level::Critical && told.decision != Decision::Gated
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost(steps in steps(MANY)) {
        let mut book = walk(&steps, Settings::default(), true);
        book.pass(HOUR.times(2));
        let sent: BTreeMap<_, _> = book.entries.iter()
            .filter(|(_, _, verdict)| *verdict == Verdict::Send)
            .map(|(row, told, _)| (row.id, told.recipient)).collect();
        let mut digests: BTreeMap<_, u64> = BTreeMap::new();
        for (row, told, verdict) in &book.entries {
            match verdict {
                Verdict::Send => {}
                Verdict::Merge(told_in) => prop_assert_eq!(sent.get(&told_in.message), Some(&told.recipient), "{}", row.id),
                Verdict::Hold { told_in, .. } => *digests.entry(told_in.message).or_default() += 1,
            }
        }
        let told: BTreeMap<_, u64> = book.digests.iter().map(|(_, digest)| (digest.id, digest.count)).collect();
        prop_assert_eq!(digests, told, "each digest is sent once, with all that was held for it");
        prop_assert_eq!(book.digests.len(), book.digests.iter().map(|(_, digest)| digest.id).collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn what_cannot_wait_is_sent_at_once(steps in steps(MANY)) {
        for (row, told, verdict) in &walk(&steps, Settings::default(), true).entries {
            prop_assert!(can_wait(told) || *verdict == Verdict::Send, "{}: {:?}", row.id, verdict);
        }
    }

    #[test]
    fn nobody_gets_more_than_the_limit_in_a_minute(steps in steps(MANY), limit in 1_u32..12) {
        let book = walk(&steps, Settings { per_person_per_minute: limit, ..Settings::default() }, true);
        let mut told: BTreeMap<&str, Vec<Millis>> = BTreeMap::new();
        for (row, to, verdict) in &book.entries {
            if *verdict == Verdict::Send && can_wait(to) {
                told.entry(to.recipient).or_default().push(row.created_at);
            }
        }
        for (at, digest) in &book.digests {
            told.entry(&digest.recipient).or_default().push(*at);
        }
        for (person, mut times) in told {
            times.sort_unstable();
            for minute in times.windows(limit as usize + 1) {
                let span = minute.last().unwrap().since(minute[0]);
                prop_assert!(span >= MINUTE, "{person} got {} messages within {span}", limit + 1);
            }
        }
    }

    #[test]
    fn the_first_notice_of_another_agent_is_never_delayed(steps in steps(&["loop"]), recipient in prop::sample::select(vec!["alice", "bob"])) {
        let mut book = walk(&steps, Settings::default(), true);
        let first = Told::new(recipient, "quiet", "");
        prop_assert_eq!(book.judge(first.clone()), Verdict::Send);
    }

    #[test]
    fn a_restart_changes_no_verdict(steps in steps(MANY)) {
        let (with, without) = (walk(&steps, Settings::default(), true), walk(&steps, Settings::default(), false));
        let verdicts = |book: &Book| book.entries.iter().map(|(_, _, verdict)| *verdict).collect::<Vec<_>>();
        prop_assert_eq!(verdicts(&with), verdicts(&without));
        prop_assert_eq!(&with.digests, &without.digests);
        let times = |book: &Book| book.alarms.iter().map(|(at, _)| *at).collect::<Vec<_>>();
        prop_assert_eq!(times(&with), times(&without));
    }
}
