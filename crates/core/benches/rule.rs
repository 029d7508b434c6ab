//! Matching alone, by number of rules: the limit is 1 µs, flat in that number.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use mandate_core::calendar::BusinessHours;
use mandate_core::event::{Level, ResourceKind};
use mandate_core::rule::{EventFacts, ResourceFacts, RuleFile, RuleSet};
use mandate_core::time::Millis;

/// Rules of the kinds people write, none of which matches until the last but the shipped ones.
fn rules(count: usize) -> RuleSet {
    let mut text = String::from("rules:\n");
    for number in 0..count {
        let matches = match number % 5 {
            0 => format!("action_type: act_{number}, resource.tags: [production]"),
            1 => format!("resource.id: \"service-{number:04}-*\", action_type: deploy"),
            2 => format!("resource.tags: [team-{number}], time.business_hours: false"),
            3 => format!("actor.id: bot-{number}, resource.sensitivity: \">= high\""),
            _ => format!("resource.type: service, resource.id: svc-{number}, action_type: [deploy, \"*_write\"]"),
        };
        let _ = writeln!(text, "  - {{name: r{number}, decision: flagged, match: {{{matches}}}}}");
    }
    let (set, problems) = RuleSet::load(&[RuleFile { file: "bench.yaml", text: &text }]);
    assert!(problems.is_empty(), "{problems:?}");
    set
}

fn matching(criterion: &mut Criterion) {
    let tags = ["production", "pci", "eu", "web"];
    let resource = ResourceFacts {
        tags: &tags,
        team: Some("@payments-team"),
        sensitivity: Level::Medium,
        ..ResourceFacts::new(ResourceKind::Service, "payments-service")
    };
    let facts = EventFacts {
        action_type: Some("config_write"),
        actor_id: Some("deployer"),
        framework: Some("mcp"),
        ..EventFacts::default()
    };
    for count in [10, 100, 1_000] {
        let set = rules(count);
        criterion.bench_function(&format!("route, {count} rules (limit 1,000 ns, flat)"), |bencher| {
            bencher.iter(|| set.route(black_box(&facts), black_box(Some(&resource))));
        });
    }
    let text = "business_hours: {zone: Europe/Berlin}";
    let hours = BusinessHours::load("calendar.yaml", text).expect("a calendar");
    criterion.bench_function("business hours (limit 300 ns)", |bencher| {
        bencher.iter(|| hours.is_open(black_box(Millis(1_780_300_000_000))));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().without_plots().sample_size(30)
        .warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = matching
}
criterion_main!(benches);
