//! The index finds what trying every rule finds, and something is always found.

use std::fmt::Write as _;

use mandate_core::event::{Decision, Impact, Level, ResourceKind};
use mandate_core::rule::{EventFacts, Outcome, ResourceFacts, RuleFile, RuleSet, Trust};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const NAMES: &[&str] = &["a", "ab", "abc", "abd", "payments-api", "payments-web", "ü", "src/a.rs", "src/b/a.rs"];
const PATTERNS: &[&str] = &[
    "a",
    "ab",
    "ab*",
    "a?c",
    "*",
    "*c",
    "payments-*",
    "payments-{api,web}",
    "ü*",
    "src/**",
    "**/a.rs",
    "!ab",
    "!src/*",
];
const TAGS: &[&str] = &["production", "pci", "blue", "ab"];

const PIECES: &[&str] = &[
    "rules:",
    "critical_points:",
    "layer: ",
    "disable: ",
    "\n",
    "\n  - ",
    "\n    ",
    "name: x",
    "name: ü",
    "match: ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "decision: auto",
    "extends: x",
    "extends: ü",
    "resource.id: '**/a*'",
    "action_type: ",
    "'!a'",
    "history.incidents: '> 1'",
    "notify: '@a'",
    "sunset: 2026-02-30",
    "team:@x",
    "resource:file:**",
    "reason: r",
    "*a",
    "&a ",
    "timeout: -1",
    "review_within: 99999999999999d",
    "locked: true",
    "# ",
    "\"",
    "'",
    "~",
    "\t",
];

fn key() -> impl Strategy<Value = String> {
    let patterns = |key: &'static str| {
        subsequence(PATTERNS.to_vec(), 1..4).prop_map(move |any| format!("{key}: ['{}']", any.join("', '")))
    };
    prop_oneof![
        patterns("action_type"),
        patterns("resource.id"),
        patterns("actor.id"),
        subsequence(TAGS.to_vec(), 1..3).prop_map(|any| format!("resource.tags: [{}]", any.join(", "))),
        select(vec!["file", "[file, service]", "[file, api]"]).prop_map(|word| format!("resource.type: {word}")),
        select(vec!["high", "'>= medium'", "low"]).prop_map(|word| format!("resource.sensitivity: {word}")),
        select(vec!["none", "'< high'"]).prop_map(|word| format!("metadata.estimated_impact: {word}")),
        any::<bool>().prop_map(|value| format!("time.business_hours: {value}")),
        (0..4_u8).prop_map(|value| format!("history.incidents: '>= {value}'")),
    ]
}

/// `match`, decision, locked, sunset.
fn rules() -> impl Strategy<Value = Vec<(Vec<String>, &'static str, bool, bool)>> {
    let decision = select(vec!["auto", "monitored", "flagged"]);
    let rule = (proptest::collection::vec(key(), 0..4), decision, any::<bool>(), any::<bool>());
    proptest::collection::vec(rule, 0..20)
}

fn text(layer: &str, prefix: &str, rules: &[(Vec<String>, &str, bool, bool)]) -> String {
    let mut text = format!("layer: {layer}\nrules:\n");
    for (number, (keys, decision, locked, sunset)) in rules.iter().enumerate() {
        let mut keys = keys.clone();
        keys.sort();
        keys.dedup_by_key(|key| key.split(": ").next().unwrap_or_default().to_owned());
        let _ = write!(text, "  - {{name: {prefix}{number}, decision: {decision}, match: {{{}}}", keys.join(", "));
        let _ = write!(text, ", locked: {}", *locked && layer == "tenant");
        text.push_str(if *sunset { ", sunset: 2026-01-01}\n" } else { "}\n" });
    }
    if rules.is_empty() { format!("layer: {layer}") } else { text }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_index_finds_what_trying_every_rule_finds(
        tenant in rules(),
        team in rules(),
        one in rules(),
        words in (select(NAMES), proptest::option::of(select(NAMES)), select(NAMES)),
        tags in subsequence(TAGS.to_vec(), 0..3),
        scales in (select(Level::ALL), proptest::option::of(select(Impact::ALL)), select(ResourceKind::ALL)),
        rest in (any::<bool>(), 0..4_u32, any::<bool>(), any::<bool>(), any::<bool>()),
    ) {
        let texts = [
            text("tenant", "t", &tenant), text("team:@pay", "p", &team), text("resource:file:src/**", "r", &one),
        ];
        let files: Vec<_> = texts.iter().map(|text| RuleFile { file: "x.yaml", text }).collect();
        let (set, problems) = RuleSet::load(&files);
        prop_assert!(problems.iter().all(|problem| !problem.is_error()), "{:?}", problems);
        let facts = EventFacts {
            now: mandate_core::time::Millis(if rest.2 { 0 } else { 2_000_000_000_000 }),
            action_type: words.1, actor_id: Some(words.2), estimated_impact: scales.1, trust: Trust::New,
            business_hours: rest.0, incidents: rest.1, ..EventFacts::default()
        };
        let resource = ResourceFacts {
            tags: &tags, sensitivity: scales.0, team: rest.3.then_some("pay"),
            ..ResourceFacts::new(scales.2, words.0)
        };
        let resource = (!rest.4).then_some(&resource);

        let routed = set.route(&facts, resource);
        let matched: Vec<_> = set.explain(&facts, resource).into_iter()
            .filter(|step| step.outcome == Outcome::Matched).map(|step| step.rule).collect();
        let (first, others) = matched.split_first().expect("the defaults end with a rule for everything");
        let mut expected = vec![*first];
        expected.extend(others.iter().filter(|rule| rule.critical_point || rule.locked));
        let mut found: Vec<_> = routed.rules().collect();
        found.sort_by_key(|rule| expected.iter().position(|other| other == rule));
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(routed.decision, expected.iter().map(|rule| rule.decision).max().unwrap());
        prop_assert_eq!(routed.decision == Decision::Auto, routed.notify().next().is_none(), "never nothing");
    }

    #[test]
    fn a_file_that_means_nothing_is_answered_and_not_a_panic(
        pieces in proptest::collection::vec(select(PIECES), 0..25),
    ) {
        let text = pieces.concat();
        let (set, problems) = RuleSet::load(&[RuleFile { file: "x.yaml", text: &text }]);
        for problem in &problems {
            prop_assert!(text.is_char_boundary(problem.at.start) && problem.at.end <= text.len());
            prop_assert!(!problem.render(&text).is_empty());
        }
        let _ = set.route(&EventFacts::default(), None);
    }
}
