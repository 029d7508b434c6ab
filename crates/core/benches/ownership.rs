//! Owner lookups with 10,000 owned resources and 1,000 CODEOWNERS lines, and compiling large files.
//!
//! Limits (OWN-11, MET-2): lookup P50 < 2 µs here, 10,000 CODEOWNERS lines built in < 300 ms; P50 < 1 ms and P95 < 5 ms in the product.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use mandate_core::event::{Resource, ResourceKind};
use mandate_core::ownership::codeowners::{Codeowners, Dialect};
use mandate_core::ownership::{CodeownersSource, Directory, Fallback, OwnershipSource};

/// 9,000 services by name and 1,000 patterns, 200 people, 40 teams.
fn ownership() -> String {
    let mut text = "people:\n".to_owned();
    for at in 0..200 {
        let _ = writeln!(text, "  - {{handle: \"@p{at}\", contacts: [{{channel: hook}}]}}");
    }
    text.push_str("teams:\n");
    for at in 0..40 {
        let _ = writeln!(
            text,
            "  - {{handle: \"@t{at}\", members: [\"@p{at}\", \"@p{}\"], lead: \"@p{}\"}}",
            at + 40,
            at + 80
        );
    }
    text.push_str("owners:\n");
    for at in 0..9_000 {
        let _ =
            writeln!(text, "  - {{resource: \"service:area{}-service-{at}\", primary: \"@p{}\"}}", at % 50, at % 200);
    }
    for at in 0..1_000 {
        let _ = writeln!(
            text,
            "  - {{resource: \"service:group{}-{at}-*\", primary: \"@p{}\", team: \"@t{}\"}}",
            at % 30,
            at % 200,
            at % 40
        );
    }
    text
}

/// Lines in the shapes of large public repositories: mostly directories, some extensions, names and stars.
fn codeowners(lines: usize) -> String {
    let mut text = "* @p0\n".to_owned();
    for at in 1..lines {
        let owner = at % 200;
        let _ = match at % 20 {
            0 => writeln!(text, "*.ext{at} @p{owner}"),
            1 => writeln!(text, "/src/area{}/**/*.rs @p{owner}", at % 97),
            2 => writeln!(text, "/packages/*/lib{at}/ @p{owner}"),
            3 => writeln!(text, "**/name{at}.toml @p{owner}"),
            4 => writeln!(text, "name{at} @p{owner}"),
            _ => writeln!(text, "/src/area{}/part{at}/ @p{owner} @t{}", at % 97, at % 40),
        };
    }
    text
}

/// The same lines as GitLab reads them: a hundred sections with defaults, and an exclusion in each.
fn sections(lines: usize) -> String {
    let mut text = String::new();
    for (at, line) in codeowners(lines).lines().enumerate() {
        if at % 100 == 1 {
            let _ = writeln!(text, "[Section {}] @p{}\n!/src/area{}/generated/", at / 100, at % 200, at % 97);
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn ownership_benches(criterion: &mut Criterion) {
    let (yaml, lines) = (ownership(), codeowners(1_000));
    let source = OwnershipSource { file: "ownership.yaml", text: &yaml };
    let repository = CodeownersSource { repo: "acme/shop", dialect: Dialect::Github, file: "CODEOWNERS", text: &lines };
    let fallback = Fallback { notify: vec!["@t0".to_owned()], alternate: Vec::new() };
    let (directory, problems) = Directory::load(Some(source), &[repository], &[], &fallback, &[7; 32]);
    assert!(problems.is_empty(), "{problems:?}");

    let file = |id: &str| Resource { repo: Some("acme/shop".to_owned()), ..Resource::new(ResourceKind::File, id) };
    let service = |id: &str| Resource::new(ResourceKind::Service, id);
    let cases = [
        ("explicit, exact", service("area7-service-4407")),
        ("explicit, pattern", service("group7-397-worker")),
        ("nothing, fallback", service("group7-397worker")),
        ("file, directory line", file("src/area17/part308/deep/down/file.rs")),
        ("file, wildcard line", file("src/area5/x/y/z/file.rs")),
        ("file, only the first line", file("some/other/place/in/the/tree.txt")),
    ];
    let mut group = criterion.benchmark_group("owner lookup (limit: 2 µs)");
    for (name, resource) in &cases {
        group.bench_function(*name, |bench| bench.iter(|| directory.resolve(black_box(resource))));
    }
    group.finish();

    let files =
        [("GitHub", Dialect::Github, codeowners(10_000)), ("GitLab, 100 sections", Dialect::Gitlab, sections(10_000))];
    for (name, dialect, text) in &files {
        let (compiled, _) = Codeowners::parse(*dialect, "CODEOWNERS", text);
        assert!(compiled.lines().len() >= 10_000);
        let name = format!("lookup in 10,000 CODEOWNERS lines, a quarter with wildcards, {name} (limit: P50 2 µs)");
        let mut group = criterion.benchmark_group(name);
        for path in [
            "src/area17/part308/deep/down/file.rs",
            "src/area5/x/y/z/file.rs",
            "packages/app/lib9982/index.ts",
            "a/b/c/d.txt",
        ] {
            group.bench_function(path, |bench| bench.iter(|| compiled.matching(black_box(path)).len()));
        }
        group.finish();
    }

    let mut group = criterion.benchmark_group("compile");
    for (name, dialect, text) in &files {
        group.bench_function(format!("10,000 CODEOWNERS lines, {name} (limit: 300 ms)"), |bench| {
            bench.iter(|| Codeowners::parse(*dialect, "CODEOWNERS", black_box(text)))
        });
    }
    group.bench_function("10,000 owners and 1,000 lines (limit: 1 s)", |bench| {
        bench.iter_batched(
            || (),
            |()| Directory::load(Some(source), &[repository], &[], &fallback, &[7; 32]),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
    targets = ownership_benches
}
criterion_main!(benches);
