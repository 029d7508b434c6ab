//! The blast radius: a catalog and resources in, layers with their owners and reasons out.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use mandate_core::blast::{MAX_SPREAD, Radius, Reached, radius};
use mandate_core::event::{Resource, ResourceKind};
use mandate_core::ownership::Fallback;
use mandate_core::plan::snapshot::Files;
use mandate_core::plan::{Process, Snapshot};
use proptest::prelude::*;

const OWNERSHIP: &str = r#"people: [{handle: "@alice", email: a@example.com}, {handle: "@bob", email: b@example.com}]
teams:
  - {handle: "@payments", members: ["@alice"]}
  - {handle: "@users", members: ["@bob"]}
"#;

/// The example of the source document, and a circle.
const CATALOG: &str = r#"services:
  - {id: payments-service, team: "@payments", depends_on: [payments-db, ledger], paths: ["src/payments/**"]}
  - {id: payments-db, team: "@payments"}
  - {id: user-service, team: "@users", depends_on: [payments-service]}
  - {id: billing-service, team: "@payments", depends_on: [payments-db]}
  - {id: web, team: "@users", depends_on: [user-service]}
  - {id: mail, depends_on: [web]}
  - {id: ledger, depends_on: [web]}
  - {id: alone}
"#;

fn load(catalog: &str, backstage: &str) -> Snapshot {
    let files = [("ownership.yaml", OWNERSHIP), ("catalog.yaml", catalog), ("catalog-info.yaml", backstage)];
    let files: Files = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    let process = Process {
        channels: vec!["email".to_owned()],
        fallback: Fallback { notify: vec!["@users".into()], alternate: Vec::new() },
        ..Process::default()
    };
    let (snapshot, problems) = Snapshot::load(&files, &process, &[7; 32]);
    assert_eq!(problems, []);
    snapshot
}

/// `resource (why) …; whose`, a line a layer.
fn shown(snapshot: &Snapshot, resources: &[&str]) -> [String; 3] {
    let resources: Vec<Resource> = resources
        .iter()
        .map(|text| {
            let (kind, id) = text.split_once(':').unwrap();
            Resource::new(ResourceKind::from_word(kind).unwrap(), id)
        })
        .collect();
    let Radius { definite, likely, possible } = radius(snapshot, &resources);
    [definite, likely, possible].map(|layer| line(snapshot, &layer))
}

fn line(snapshot: &Snapshot, layer: &Reached) -> String {
    let catalog = snapshot.directory.catalog();
    let each = layer.resources.iter().map(|one| {
        let name = one.resource.strip_prefix("service:").unwrap_or(&one.resource);
        format!("{name} ({})", one.because.sentence(catalog))
    });
    let each: Vec<String> = each.collect();
    let owners: Vec<String> = layer.owners.iter().map(|owner| snapshot.directory.owner_shown(*owner).handle).collect();
    format!("{}; {}{}", each.join(", "), owners.join(" "), if layer.more { " and more" } else { "" })
}

#[test]
fn each_resource_is_in_the_first_layer_that_it_belongs_to() {
    let snapshot = load(CATALOG, "");
    assert_eq!(
        shown(&snapshot, &["service:payments-service"]),
        [
            "payments-service (declared); @payments",
            "user-service (depends on payments-service), billing-service (shares payments-db); @users @payments",
            "web (depends on user-service, 2 steps away), mail (depends on web, 3 steps away), ledger (depends on web, 3 steps away); @users",
        ]
    );
    assert_eq!(
        shown(&snapshot, &["service:payments-service", "service:payments-db", "service:payments-db"]),
        [
            "payments-service (declared), payments-db (declared); @payments",
            "user-service (depends on payments-service), billing-service (shares payments-db); @users @payments",
            "web (depends on user-service, 2 steps away), mail (depends on web, 3 steps away), ledger (depends on web, 3 steps away); @users",
        ]
    );
}

#[test]
fn a_file_stands_for_the_service_that_holds_it() {
    let snapshot = load(CATALOG, "");
    let [definite, likely, _] = shown(&snapshot, &["file:src/payments/a.rs", "file:src/payments/b.rs"]);
    assert_eq!(
        definite,
        "file:src/payments/a.rs (declared), file:src/payments/b.rs (declared), payments-service (holds file:src/payments/a.rs); @payments"
    );
    assert!(likely.starts_with("user-service (depends on payments-service)"), "{likely}");
}

#[test]
fn what_the_catalog_does_not_list_reaches_nothing_else() {
    let snapshot = load(CATALOG, "");
    assert_eq!(shown(&snapshot, &["table:x"]), ["table:x (declared); ", "; ", "; "]);
    assert_eq!(shown(&snapshot, &["service:alone"]), ["alone (declared); ", "; ", "; "]);
    assert_eq!(shown(&snapshot, &[]), ["; ", "; ", "; "]);
    assert_eq!(shown(&load("services: []", ""), &["service:a"]), ["a (declared); ", "; ", "; "]);
}

#[test]
fn callers_of_an_interface_depend_on_its_provider_and_systems_fail_together() {
    let backstage = "kind: Component
metadata: {name: shop}
spec: {owner: payments, providesApis: [orders], system: sales}
---
kind: API
metadata: {name: orders}
spec: {owner: payments}
---
kind: Component
metadata: {name: app}
spec: {owner: users, consumesApis: [orders]}
---
kind: Component
metadata: {name: carts}
spec: {system: sales}
";
    let snapshot = load("services: [{id: kiosk, depends_on: [app]}]", backstage);
    assert_eq!(
        shown(&snapshot, &["service:shop"]),
        [
            "shop (declared); @payments",
            "api:orders (depends on shop), app (depends on orders); @payments @users",
            "kiosk (depends on app, 2 steps away), carts (is in the same system as shop); ",
        ]
    );
}

#[test]
fn circles_end_and_hubs_stay_bounded() {
    let mut text = "services:\n  - {id: hub, depends_on: [s0]}\n".to_owned();
    for at in 0..2_000 {
        let _ = writeln!(text, "  - {{id: s{at}, depends_on: [hub, s{}]}}", (at + 1) % 2_000);
    }
    let snapshot = load(&text, "");
    let of = |id: &str| radius(&snapshot, &[Resource::new(ResourceKind::Service, id)]);
    let hub = of("hub");
    assert_eq!((hub.likely.resources.len(), hub.likely.more), (MAX_SPREAD, true));
    assert!(hub.possible.resources.len() <= MAX_SPREAD && hub.possible.more);
    let one = of("s7");
    assert_eq!((one.likely.resources.len(), one.likely.more), (MAX_SPREAD, true), "the sharers of the hub");
}

/// Dependencies among twelve services, by number.
fn edges() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..12usize, 0..12usize), 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_layers_are_those_of_a_plain_search(edges in edges(), scope in prop::collection::btree_set(0..12usize, 1..3)) {
        let edges: BTreeSet<(usize, usize)> = edges.into_iter().filter(|(from, to)| from != to).collect();
        let mut text = "services:\n".to_owned();
        for at in 0..12 {
            let on: Vec<String> = edges.iter().filter(|(from, _)| *from == at).map(|(_, to)| format!("s{to}")).collect();
            let _ = writeln!(text, "  - {{id: s{at}, depends_on: [{}]}}", on.join(", "));
        }
        let snapshot = load(&text, "");
        let resources: Vec<Resource> =
            scope.iter().map(|at| Resource::new(ResourceKind::Service, format!("s{at}"))).collect();
        let radius = radius(&snapshot, &resources);

        let dependents = |of: &BTreeSet<usize>| -> BTreeSet<usize> {
            edges.iter().filter(|(_, to)| of.contains(to)).map(|(from, _)| *from).collect()
        };
        let needed: BTreeSet<usize> = edges.iter().filter(|(from, _)| scope.contains(from)).map(|(_, to)| *to).collect();
        let direct = dependents(&scope);
        let likely: BTreeSet<usize> = direct.union(&dependents(&needed)).copied().collect();
        let likely: BTreeSet<usize> = likely.difference(&scope).copied().collect();
        let mut chain = direct;
        loop {
            let longer: BTreeSet<usize> = chain.union(&dependents(&chain)).copied().collect();
            if longer == chain {
                break;
            }
            chain = longer;
        }
        let possible: BTreeSet<usize> = chain.difference(&scope).copied().filter(|at| !likely.contains(at)).collect();

        let found = |layer: &Reached| -> BTreeSet<usize> {
            layer.resources.iter().map(|one| one.resource.trim_start_matches("service:s").parse().unwrap()).collect()
        };
        prop_assert_eq!(found(&radius.definite), scope);
        prop_assert_eq!(found(&radius.likely), likely);
        prop_assert_eq!(found(&radius.possible), possible);
    }
}
