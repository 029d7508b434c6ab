//! The catalog through its two doors: files in, owners, tags and dependencies out.

use mandate_core::catalog::{Catalog, Service, ServiceKind};
use mandate_core::diagnostic::{Problem, Severity};
use mandate_core::event::{Resource, ResourceKind};
use mandate_core::ownership::Fallback;
use mandate_core::plan::snapshot::Files;
use mandate_core::plan::{Process, Snapshot};

const OWNERSHIP: &str = r#"people:
  - {handle: "@alice", email: alice@example.com}
  - {handle: "@bob", email: bob@example.com}
teams:
  - {handle: "@payments-team", members: ["@alice"], lead: "@bob"}
  - {handle: "@platform", members: ["@bob"]}
owners:
  - {resource: "service:user-service", primary: "@alice"}
"#;

const CATALOG: &str = r#"services:
  - {id: payments-service, team: "@payments-team", tier: critical, tags: [production, pci], depends_on: [payments-db, user-service], paths: ["src/payments/**"]}
  - {id: payments-db, team: "@platform", tags: [production]}
  - {id: user-service, team: "@platform", paths: ["acme/shop:src/users/", src/shared/**]}
  - {id: nobodys, paths: ["src/shared/*.rs"]}
  - {id: web, team: "@payments-team", paths: [src/shared/**]}
external_dependencies:
  - name: "AWS"
    status_page: "https://status.aws.amazon.com"
    integration: "status_page_monitor"
"#;

const BACKSTAGE: &str = r"apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: Checkout
  tags: [java, pci]
  annotations: {github.com/project-slug: acme/shop}
spec:
  type: service
  lifecycle: production
  owner: payments-team
  system: shop
  dependsOn: ['resource:orders-db', 'component:default/stock']
  providesApis: [checkout-api]
---
apiVersion: backstage.io/v1beta1
kind: API
metadata: {name: checkout-api}
spec: {type: openapi, lifecycle: production, owner: 'user:default/bobby', definition: {$text: ./openapi.yaml}}
---
kind: Component
metadata: {name: web}
spec: {owner: group:default/payments-team, consumesApis: [CHECKOUT-API], dependsOn:}
---
kind: Resource
metadata: {name: orders-db}
spec: {type: database, system: shop, dependencyOf: ['component:stock']}
---
kind: Component
metadata: {name: stock, namespace: default}
spec: {owner: strangers}
---
kind: System
metadata: {name: shop}
spec: {owner: platform}
---
kind: User
metadata: {name: bobby}
spec: {profile: {email: bob@example.com}}
---
kind: Template
metadata: {name: x}
spec: {owner: [not, a, text]}
";

fn load(files: &[(&str, &str)]) -> (Snapshot, Vec<Problem>) {
    let files: Files = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    let process = Process {
        channels: vec!["email".to_owned()],
        fallback: Fallback { notify: vec!["@platform".into()], alternate: Vec::new() },
        ..Process::default()
    };
    Snapshot::load(&files, &process, &[7; 32])
}

fn usual() -> Snapshot {
    let (snapshot, problems) = load(&[("ownership.yaml", OWNERSHIP), ("catalog.yaml", CATALOG)]);
    assert_eq!(problems, []);
    snapshot
}

/// `type:id` or `file:repo:id`.
fn resource(text: &str) -> Resource {
    let (kind, id) = text.split_once(':').unwrap();
    let kind = ResourceKind::from_word(kind).unwrap();
    match id.split_once(':') {
        Some((repo, id)) => Resource { repo: Some(repo.to_owned()), ..Resource::new(kind, id) },
        None => Resource::new(kind, id),
    }
}

/// `reason told [team lead]`, and what the catalog's step came to.
fn owned(snapshot: &Snapshot, address: &str) -> String {
    let owned = snapshot.directory.explain(&resource(address));
    let told: Vec<&str> = owned.owners.iter().map(|owner| owner.handle.as_str()).collect();
    let layer = |layer: &Option<mandate_core::ownership::OwnerShown>| {
        layer.as_ref().map_or("-".to_owned(), |owner| owner.handle.clone())
    };
    let ambiguous = if owned.ambiguous { " ambiguous" } else { "" };
    let layers = format!("[{} {}]", layer(&owned.layers.team), layer(&owned.layers.lead));
    format!("{} {} {} {layers}{ambiguous}; {}", owned.reason, owned.confidence, told.join(","), owned.steps[2].outcome)
}

#[test]
fn the_catalog_is_the_third_step_and_fills_what_earlier_ones_leave_open() {
    let snapshot = usual();
    for (address, expected) in [
        ("service:payments-service", "catalog_entry 75 @payments-team [@payments-team @bob]; decided"),
        // The entry decides; the team and its lead are its primary's, and the catalog's other team disagrees.
        ("service:user-service", "exact_entry 90 @alice [@payments-team @bob]; disagrees"),
        ("file:src/payments/charge.rs", "catalog_path 75 @payments-team [@payments-team @bob]; decided"),
        ("file:any/repo:src/payments/charge.rs", "catalog_path 75 @payments-team [@payments-team @bob]; decided"),
        ("file:acme/shop:src/users/a/b.rs", "catalog_path 75 @platform [@platform -]; decided"),
        ("file:acme/other:src/users/a/b.rs", "no_claim 20 @platform [- -]; passed"),
        ("file:src/shared/a.md", "catalog_path 75 @platform,@payments-team [@platform -] ambiguous; decided"),
        ("file:/src/payments/charge.rs", "no_claim 20 @platform [- -]; passed"),
        ("service:nobodys", "no_claim 20 @platform [- -]; passed"),
        ("table:payments-service", "no_claim 20 @platform [- -]; passed"),
    ] {
        assert_eq!(owned(&snapshot, address), expected, "{address}");
    }
    let (snapshot, problems) = load(&[
        ("ownership.yaml", OWNERSHIP),
        ("catalog.yaml", CATALOG),
        ("CODEOWNERS", "/src/payments/ @bob\n/src/payments/gen/\n"),
    ]);
    assert_eq!(problems, []);
    for (address, expected) in [
        ("file:src/payments/a.rs", "codeowners_line 85 @bob [@platform -]; disagrees"),
        ("file:src/payments/gen/a.rs", "catalog_path 75 @payments-team [@payments-team @bob]; decided"),
    ] {
        assert_eq!(owned(&snapshot, address), expected, "{address}");
    }
}

#[test]
fn an_explanation_shows_the_catalogs_line() {
    let snapshot = usual();
    let words = |address: &str| snapshot.directory.explain(&resource(address)).steps[2].words.clone();
    assert_eq!(words("service:payments-db"), "line 3 of catalog.yaml (`payments-db`) lists it");
    assert_eq!(words("service:nobodys"), "line 5 of catalog.yaml (`nobodys`) lists it and names no owner");
    assert_eq!(words("service:x"), "none of the 5 services is `service:x`");
    assert_eq!(words("file:x"), "none of the 5 services has `paths` that hold `x`");
    assert_eq!(
        words("service:user-service"),
        "line 4 of catalog.yaml (`user-service`) lists it; an earlier step decided, and this names others: they are shown, not told"
    );
    let summary = snapshot.directory.explain(&resource("service:payments-db")).summary;
    assert_eq!(summary, "@platform owns `service:payments-db` by the catalog");
}

#[test]
fn tags_are_those_of_the_service_and_of_the_one_that_holds_a_file() {
    let snapshot = usual();
    let catalog = snapshot.directory.catalog();
    assert_eq!(catalog.tags(&resource("service:payments-service")), ["production", "pci", "tier:critical"]);
    assert_eq!(catalog.tags(&resource("file:src/payments/a.rs")), ["production", "pci", "tier:critical"]);
    assert_eq!(catalog.tags(&resource("service:x")), [""; 0]);
    let [vendor] = catalog.external_dependencies() else { panic!("one vendor") };
    assert_eq!((&*vendor.name, vendor.status_page.as_deref()), ("AWS", Some("https://status.aws.amazon.com")));
}

/// `kind id [tags] -> dependencies`.
fn shown(catalog: &Catalog, service: &Service) -> String {
    let on = service.depends_on.iter().filter_map(|on| Some(catalog.get(*on)?.id.to_string()));
    let on: Vec<String> = on.collect();
    format!("{} {} [{}] -> {}", service.kind, service.id, service.tags.join(","), on.join(","))
}

#[test]
fn backstage_is_read_as_it_is() {
    let (snapshot, problems) = load(&[("ownership.yaml", OWNERSHIP), ("catalog-info.yaml", BACKSTAGE)]);
    let told: Vec<String> =
        problems.iter().map(|told| format!("{}:{} {}", told.line, told.column, told.message)).collect();
    assert!(problems.iter().all(|problem| problem.severity == Severity::Warning), "{problems:#?}");
    assert_eq!(
        told,
        [
            "40:7 entities of kind `Template` are not read; this one and others like it are ignored",
            "30:15 `@strangers` is not in ownership.yaml, so it reaches nobody",
        ]
    );
    let catalog = snapshot.directory.catalog();
    let services: Vec<String> = catalog.services().iter().map(|service| shown(catalog, service)).collect();
    assert_eq!(
        services,
        [
            "service Checkout [java,pci] -> orders-db,stock",
            "api checkout-api [] -> Checkout",
            "service web [] -> checkout-api",
            "resource orders-db [] -> ",
            "service stock [] -> orders-db",
        ]
    );
    for (address, expected) in [
        ("service:Checkout", "catalog_entry 75 @payments-team [@payments-team @bob]; decided"),
        ("api:checkout-api", "catalog_entry 75 @bob [@platform -]; decided"),
        // Without an owner of its own, the system's.
        ("service:orders-db", "catalog_entry 75 @platform [@platform -]; decided"),
        ("service:stock", "catalog_entry 75 @strangers,@platform [- -]; decided"),
    ] {
        assert_eq!(owned(&snapshot, address), expected, "{address}");
    }
    assert!(catalog.find(ServiceKind::Service, "checkout").is_none(), "events name it as it is written");
    let system = catalog.services()[0].system.unwrap();
    assert_eq!(catalog.system(system).len(), 2);
}

/// `E|W file:line:column message [help]` for each problem.
fn problems(files: &[(&str, &str)]) -> Vec<String> {
    let mut all = vec![("ownership.yaml", OWNERSHIP)];
    all.extend(files);
    let line = |told: &Problem| {
        let letter = if told.severity == Severity::Error { 'E' } else { 'W' };
        let help = told.help.as_deref().map(|help| format!(" [{help}]")).unwrap_or_default();
        format!("{letter} {}:{}:{} {}{help}", told.file, told.line, told.column, told.message)
    };
    load(&all).1.iter().map(line).collect()
}

#[test]
fn mistakes_are_told_where_they_stand() {
    for (text, expected) in [
        (
            "services: [{id: payments, depends_on: [paymnets-db]}, {id: payments-db}]",
            "E catalog.yaml:1:40 nothing in the catalog has the id `paymnets-db` [did you mean `payments-db`?]",
        ),
        (
            "services:\n  - {id: a}\n  - {id: a}",
            "E catalog.yaml:3:10 the service `a` is listed twice, first in catalog.yaml:2 [keep one of them; this one is left out]",
        ),
        (
            "services: [{id: a, team: \"@payment-team\"}]",
            "E catalog.yaml:1:26 `@payment-team` is no team or person of ownership.yaml [did you mean `@payments-team`?]",
        ),
        ("services: [{id: a, team: TBD}]", "W catalog.yaml:1:26 `TBD` leaves the owner undecided"),
        ("services: [{id: a, depends_on: [a]}]", "W catalog.yaml:1:33 `a` depends on itself"),
        ("services: [{id: \"\"}]", "E catalog.yaml:1:17 a service needs an id [write it as events name it]"),
        ("services: [{id: a, path: [x]}]", "E catalog.yaml:1:20 unknown key `path` [did you mean `paths`?]"),
        (
            "services: [{id: a, paths: [\"*:x\"]}]",
            "E catalog.yaml:1:28 `*:x` is not a path with globs [write `src/payments/**`, or `acme/shop:src/payments/**` for one repository]",
        ),
        (
            "external_dependencies: [{name: AWS}, {name: AWS}]",
            "E catalog.yaml:1:45 the vendor `AWS` is listed twice [keep one of them]",
        ),
    ] {
        assert_eq!(problems(&[("catalog.yaml", text)]), [expected], "{text}");
    }
    let known = ("catalog.yaml", "services: [{id: a, team: \"@platform\"}]");
    for (text, expected) in [
        (
            "kind: Component\nmetadata: {name: b}\nspec: {dependsOn: ['component:gone']}\n",
            "W catalog-info.yaml:3:20 nothing in the catalog has the id `gone` [the dependency is left out]",
        ),
        (
            "kind: Component\nmetadata: {name: a}\n",
            "W catalog-info.yaml:2:18 the service `a` is listed twice, first in catalog.yaml:1 [keep one of them; this one is left out]",
        ),
        ("---\nmetadata: {name: a}\n", "W catalog-info.yaml:1:1 this document has no `kind`, so it is ignored"),
        ("kind: API\n", "W catalog-info.yaml:1:1 this api has no `metadata.name`, so it is ignored"),
        ("kind: API\nmetadata: {name: x}\n---\nkind: [\n", "W catalog-info.yaml:4:7 a text is expected here"),
    ] {
        assert_eq!(problems(&[known, ("catalog-info.yaml", text)]), [expected], "{text}");
    }
}

#[test]
fn one_file_depends_on_what_the_other_lists() {
    let ours = "services: [{id: front, depends_on: [Back, back-api]}]";
    let theirs = "kind: Component\nmetadata: {name: Back}\n---\nkind: API\nmetadata: {name: back-api}\n";
    let (snapshot, problems) = load(&[("catalog.yaml", ours), ("catalog-info.yaml", theirs)]);
    assert_eq!(problems, []);
    let catalog = snapshot.directory.catalog();
    assert_eq!(shown(catalog, &catalog.services()[0]), "service front [] -> Back,back-api");
}
