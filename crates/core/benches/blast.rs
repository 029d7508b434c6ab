//! The blast radius over 10,000 services with some 40,000 dependencies, and compiling such a catalog.
//!
//! Limits (BLR-1): 2 s an answer, and 10 ms is the goal.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use mandate_core::blast::{Spreads, radius};
use mandate_core::event::{Resource, ResourceKind};
use mandate_core::plan::snapshot::Files;
use mandate_core::plan::{Process, Snapshot};

const SERVICES: usize = 10_000;

/// Chains, circles among neighbours, ten hubs that everything leans on, and a team and some files for each.
fn catalog() -> String {
    let mut text = "services:\n".to_owned();
    for at in 0..SERVICES {
        let near = [at + 1, at + 7, at * 31 + 11].map(|on| format!("s{}", on % SERVICES));
        let _ = writeln!(
            text,
            "  - {{id: s{at}, team: \"@t{}\", tags: [production], depends_on: [{}, {}, {}, s{}], paths: [\"src/s{at}/**\"]}}",
            at % 40,
            near[0],
            near[1],
            near[2],
            at % 10
        );
    }
    text
}

fn ownership() -> String {
    let mut text = "people: [{handle: \"@p\", email: p@example.com}]\nteams:\n".to_owned();
    for at in 0..40 {
        let _ = writeln!(text, "  - {{handle: \"@t{at}\", members: [\"@p\"]}}");
    }
    text
}

fn blast_benches(criterion: &mut Criterion) {
    let files = Files::from([("ownership.yaml".to_owned(), ownership()), ("catalog.yaml".to_owned(), catalog())]);
    let process = Process { channels: vec!["email".to_owned()], ..Process::default() };
    let (snapshot, problems) = Snapshot::load(&files, &process, &[7; 32]);
    assert!(!problems.iter().any(|problem| problem.is_error()), "{:?}", problems.first());

    let service = |id: &str| Resource::new(ResourceKind::Service, id);
    let cases = [
        ("one service", vec![service("s5007")]),
        ("a hub", vec![service("s3")]),
        ("a file", vec![Resource::new(ResourceKind::File, "src/s77/main.rs")]),
        ("100 services", (0..100).map(|at| service(&format!("s{}", at * 97 % SERVICES))).collect()),
    ];
    let mut group = criterion.benchmark_group("blast radius among 10,000 services (limit: 10 ms)");
    for (name, resources) in &cases {
        group.bench_function(*name, |bench| bench.iter(|| radius(&snapshot, black_box(resources))));
    }
    group.finish();

    let mut group = criterion.benchmark_group("compile 10,000 services");
    group.bench_function("what each can reach (limit: 1 s)", |bench| {
        bench.iter(|| Spreads::build(black_box(&snapshot.directory)))
    });
    group.bench_function("the whole snapshot (limit: 2 s)", |bench| {
        bench.iter(|| Snapshot::load(black_box(&files), &process, &[7; 32]))
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
    targets = blast_benches
}
criterion_main!(benches);
