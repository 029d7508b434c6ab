//! The whole decision, and what it consists of, with 100 rules of the tenant's, 10,000 owned resources and 1,000
//! lines of CODEOWNERS. The limits stand in the names.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use mandate_core::chain::Tip;
use mandate_core::event::{Resource, ResourceKind, Submission, Times};
use mandate_core::history::{History, Seen};
use mandate_core::id::{EventId, KeyId, TenantId};
use mandate_core::ownership::Fallback;
use mandate_core::plan::snapshot::Files;
use mandate_core::plan::{Process, Snapshot, event_facts, plan};
use mandate_core::rule::ResourceFacts;
use mandate_core::seal::{Assigned, SealedContent, SealedRouting, seal};
use mandate_core::time::Millis;
use mandate_scrub::Scrubber;
use serde_json::{Value, json};
use uuid::Uuid;

/// A Wednesday at noon.
const NOW: Millis = Millis(1_767_787_200_000);

fn rules(count: usize) -> String {
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
    text
}

/// 9,000 services by name and 1,000 by pattern, 200 people, 40 teams, everybody with one channel.
fn ownership() -> String {
    let mut text = "people:\n".to_owned();
    for at in 0..200 {
        let _ = writeln!(text, "  - {{handle: \"@p{at}\", contacts: [{{channel: hook}}]}}");
    }
    text.push_str("teams:\n");
    for at in 0..40 {
        let _ = writeln!(text, "  - {{handle: \"@t{at}\", members: [\"@p{at}\"], contacts: [{{channel: hook}}]}}");
    }
    text.push_str("owners:\n");
    for at in 0..9_000 {
        let _ =
            writeln!(text, "  - {{resource: \"service:area{}-service-{at}\", primary: \"@p{}\"}}", at % 50, at % 200);
    }
    for at in 0..1_000 {
        let group = at % 30;
        let _ = writeln!(text, "  - {{resource: \"service:group{group}-{at}-*\", team: \"@t{}\"}}", at % 40);
    }
    text.push_str("codeowners:\n  - {repo: acme/shop, path: ./CODEOWNERS}\n");
    text
}

/// A thousand lines: mostly directories, some extensions, names and stars.
fn codeowners() -> String {
    let mut text = "* @t0\n".to_owned();
    for at in 1..1_000 {
        let owner = at % 40;
        let _ = match at % 20 {
            0 => writeln!(text, "*.ext{at} @t{owner}"),
            1 => writeln!(text, "/src/area{}/**/*.rs @t{owner}", at % 97),
            2 => writeln!(text, "/packages/*/lib{at}/ @t{owner}"),
            3 => writeln!(text, "**/name{at}.toml @t{owner}"),
            _ => writeln!(text, "/src/area{}/part{at}/ @t{owner}", at % 97),
        };
    }
    text
}

fn snapshot(rule_count: usize) -> Snapshot {
    let files = Files::from([
        ("rules/bench.yaml".to_owned(), rules(rule_count)),
        ("ownership.yaml".to_owned(), ownership()),
        ("CODEOWNERS".to_owned(), codeowners()),
    ]);
    let process = Process {
        channels: vec!["hook".to_owned()],
        fallback: Fallback { notify: vec!["@t0".to_owned()], alternate: Vec::new() },
        ..Process::default()
    };
    let (snapshot, problems) = Snapshot::load(&files, &process, &[3; 32]);
    assert!(problems.is_empty(), "{problems:#?}");
    snapshot
}

fn item(action: &str, resources: Value) -> String {
    let attributes = json!({"version": "2.3.1", "duration_ms": 1841, "host": "build-7"});
    json!({
        "actor": {"type": "agent", "id": "deployer", "name": "Deployer", "framework": "mcp"},
        "action": {"type": action, "description": "Deploy payments-service v2.3.1", "idempotency_key": "run-4711"},
        "scope": {"resources": resources},
        "metadata": {"estimated_impact": "medium", "session_id": "s-1", "sequence": 42, "attributes": attributes},
    })
    .to_string()
}

fn read(text: &str) -> Submission {
    Submission::read(text, None, &Scrubber::new([1; 32])).expect("a valid item")
}

fn benches(criterion: &mut Criterion) {
    let snapshot = snapshot(100);
    let service = json!({"type": "service", "id": "area7-service-4407", "tags": ["production", "pci", "eu"]});
    let named = json!({"type": "service", "id": "group7-397-worker", "tags": ["production"]});
    let file = |path: &str| json!({"type": "file", "repo": "acme/shop", "id": path});
    let deep = "src/area17/part308/deep/down/file.rs";
    let times = Times { timestamp: NOW, received_at: NOW, processed_at: NOW };
    let id = EventId(Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_002a));

    let mut group = criterion.benchmark_group("plan, 100 rules, 10,000 resources, 1,000 lines (limit 5 µs)");
    for (name, action, resources) in [
        ("a service by name", "deploy", json!([service])),
        ("a service by pattern", "deploy", json!([named])),
        ("a file by directory", "file_write", json!([file(deep)])),
        ("nobody's, to the fallback", "deploy", json!([{"type": "service", "id": "legacy"}])),
        ("read-only, nobody told", "read", json!([service])),
    ] {
        let submission = read(&item(action, resources));
        let observed = History::default().observe(Seen::of(&submission, NOW));
        group.bench_function(name, |bencher| {
            bencher.iter(|| plan(&snapshot, &observed, black_box(&submission), id, times));
        });
    }
    group.finish();

    parts(criterion, &snapshot);
    event(criterion, &snapshot, &item("deploy", json!([service])), id, times);
}

fn parts(criterion: &mut Criterion, snapshot: &Snapshot) {
    let submission = read(&item("deploy", json!([])));
    let observed = History::default().observe(Seen::of(&submission, NOW));
    let facts = event_facts(snapshot, &observed, &submission, &submission.flags, NOW);
    let tags = ["production", "pci", "eu"];
    let resource = ResourceFacts { tags: &tags, ..ResourceFacts::new(ResourceKind::Service, "area7-service-4407") };
    criterion.bench_function("match alone, 100 rules (limit 1 µs)", |bencher| {
        bencher.iter(|| snapshot.rules.route(black_box(&facts), black_box(Some(&resource))));
    });
    let many = self::snapshot(1_000);
    criterion.bench_function("match alone, 1,000 rules (limit 1 µs, flat)", |bencher| {
        bencher.iter(|| many.rules.route(black_box(&facts), black_box(Some(&resource))));
    });
    for (name, resource) in [
        ("service", Resource::new(ResourceKind::Service, "area7-service-4407")),
        (
            "file",
            Resource {
                repo: Some("acme/shop".to_owned()),
                ..Resource::new(ResourceKind::File, "src/area17/part308/deep/down/file.rs")
            },
        ),
    ] {
        criterion.bench_function(&format!("owner of a {name} (limit 2 µs)"), |bencher| {
            bencher.iter(|| snapshot.directory.resolve(black_box(&resource)));
        });
    }
}

/// What one event costs beside the plan. The limit is ours: together they stay below a fifth of 200 µs.
fn event(criterion: &mut Criterion, snapshot: &Snapshot, text: &str, id: EventId, times: Times) {
    let scrubber = Scrubber::new([1; 32]);
    criterion.bench_function("read and scrub an item (limit 15 µs)", |bencher| {
        bencher.iter(|| Submission::read(black_box(text), None, &scrubber));
    });
    let submission = read(text);
    criterion.bench_function("commit to its content (limit 5 µs)", |bencher| {
        bencher.iter(|| SealedContent::new(black_box(&submission.content), [7; 16]));
    });
    let observed = History::default().observe(Seen::of(&submission, NOW));
    let planned = plan(snapshot, &observed, &submission, id, times);
    criterion.bench_function("seal: JCS and SHA-256 (limit 15 µs)", |bencher| {
        bencher.iter(|| {
            let routing = SealedRouting {
                decision: planned.decision,
                notifications_planned: 1,
                rule_matched: planned.rule.to_string(),
            };
            let assigned = Assigned {
                tenant: TenantId(Uuid::from_u128(1)),
                id,
                key: Some(KeyId(Uuid::from_u128(2))),
                times,
                flags: planned.flags.clone(),
                routing,
                tip: Tip::EMPTY,
                content_hash: mandate_core::chain::Hash::of(b"content"),
            };
            seal(black_box(&submission), assigned)
        });
    });
    criterion.bench_function("the plan's record (limit 5 µs)", |bencher| {
        bencher.iter(|| black_box(&planned).record(snapshot, &observed));
    });
}

criterion_group! {
    name = all;
    config = Criterion::default().without_plots().sample_size(30)
        .warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = benches
}
criterion_main!(all);
