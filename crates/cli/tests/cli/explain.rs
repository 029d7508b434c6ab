//! What is explained from files alone, without a server.

use insta::assert_snapshot;
use serde_json::json;

use crate::bench::{Bench, example};

#[test]
fn the_example_is_in_order() {
    let bench = Bench::new();
    assert_snapshot!(bench.ok(&["rules", "check", "--config", &example()]).trim_end(), @"6 files and 3 rules in order");
    let checked = bench.json(&["rules", "check", "--config", &example()]);
    assert_eq!(checked, json!({"ok": true, "rules": 3, "problems": []}));
}

#[test]
fn owners_are_explained_step_by_step() {
    let (bench, example) = (Bench::new(), example());
    let ask = |resource| bench.ok(&["owners", "explain", resource, "--config", &example, "--repo", "acme/shop"]);
    assert_snapshot!(ask("file:src/payments/pay.sql"), @r#"
    @alice owns `file:src/payments/pay.sql` by CODEOWNERS

    1. explicit    none of the 2 entries of `owners:` matches `file:src/payments/pay.sql`
    2. codeowners  line 5 of CODEOWNERS in acme/shop (`/src/payments/*.sql @alice`) is the last to match
                   CODEOWNERS:5  /src/payments/*.sql @alice
    3. catalog     none of the 4 services has `paths` that hold `src/payments/pay.sql`
    4. fallback    not needed

    told        @alice (Alice)
    primary     @alice (Alice)
    team        @payments-team
    lead        @dave (Dave)
    confidence  85 of 100
    "#);
    assert_snapshot!(ask("service:unheard-of"), @r#"
    nobody owns `service:unheard-of`, since nothing names it; the fallback @platform is told

    1. explicit    none of the 2 entries of `owners:` matches `service:unheard-of`
    2. codeowners  CODEOWNERS is about files, and this is of type service
    3. catalog     none of the 4 services is `service:unheard-of`
    4. fallback    no step names an owner, so @platform is told

    told        @platform
    confidence  20 of 100
    "#);
    let answer = bench.json(&["owners", "explain", "service:payments-api", "--config", &example]);
    assert_eq!(answer["owners"][0]["handle"], "@alice");
    assert_eq!(answer["steps"].as_array().map(Vec::len), Some(4));
}

#[test]
fn the_reach_of_an_action_is_shown_by_layer() {
    let (bench, example) = (Bench::new(), example());
    assert_snapshot!(bench.ok(&["owners", "blast", "service:payments-db", "--config", &example]), @r#"
    definite  1
      service:payments-db  declared  @alice
    likely  2
      service:payments-service  depends on payments-db  @alice
      service:user-service  depends on payments-db  @platform
    possible  1
      service:checkout  depends on payments-service, 2 steps away  @payments-team

    a notice to owners goes to those of the first layer only: @alice (Alice)
    "#);
    let answer = bench.json(&["owners", "blast", "file:src/checkout/cart.ts", "--config", &example]);
    assert_eq!(answer["definite"]["resources"][1]["reason"], "holds file:src/checkout/cart.ts");
    let owners = [0, 1].map(|at| &answer["definite"]["owners"][at]["handle"]);
    assert_eq!(owners, ["@platform", "@payments-team"], "the file's by CODEOWNERS, and the service's");
}

#[test]
fn rules_are_explained_with_every_miss() {
    let (bench, example) = (Bench::new(), example());
    let flags = ["rules", "explain", "--config", &example, "--actor", "deployer", "--type", "deploy"];
    let human = bench.ok(&[&flags[..], &["--resource", "service:payments-api"]].concat());
    assert_snapshot!(human, @r#"
    monitored by everything else, urgency medium  (shipped shipped/rules.yaml:103)
      service:payments-api  @alice (explicit)
      tells @alice on ops-hook: you own service:payments-api (ownership.yaml)

    tried for service:payments-api
      skipped  production-deploys (rules/production.yaml:3): `resource.tags` wants [production], found nothing
      skipped  irreversible-data-changes (rules/production.yaml:12): `metadata.reversible` wants false, found nothing
      skipped  reads (rules/production.yaml:23): `action_type` wants read, found deploy
      skipped  destructive on production (shipped/rules.yaml:6): `action_type` wants [{,*_}{delete,drop,truncate,destroy,purge,wipe}, {delete,drop,truncate,destroy,purge,wipe}_*], found deploy
      skipped  access and secrets (shipped/rules.yaml:15): `action_type` wants [{,*_}{grant,revoke}, {grant,revoke}_*, permission_change, secret_{write,delete,rotate}, {write,delete,rotate}_secret, key_{create,delete,rotate}, {create,delet…, found deploy
      skipped  money (shipped/rules.yaml:29): `action_type` wants [{,*_}{charge,refund,payout}, {charge,refund}_*, transfer, transfer_{funds,money}, payment_*], found deploy
      skipped  production deploys (shipped/rules.yaml:35): `resource.tags` wants [production, prod], found nothing
      skipped  schema changes (shipped/rules.yaml:43): `action_type` wants [migrate, alter, schema_change, *_migrate, {migrate,alter}_*], found deploy
      skipped  destructive (shipped/rules.yaml:50): `action_type` wants [{,*_}{delete,drop,truncate,destroy,purge,wipe}, {delete,drop,truncate,destroy,purge,wipe}_*], found deploy
      skipped  read-only (shipped/rules.yaml:57): `action_type` wants [query, {,*_}{read,list,get,search,view,describe}, {read,list,get,search,view,describe}_*, !{add,alter,append,apply,change,clear,clone,close,copy,create,disable…, found deploy
      skipped  no impact (shipped/rules.yaml:71): `metadata.estimated_impact` wants none, found nothing
      skipped  outside the repository (shipped/rules.yaml:76): `flags` wants outside_repo, found nothing
      skipped  sensitive resources (shipped/rules.yaml:82): `resource.sensitivity` wants >= high, found low
      skipped  production configuration (shipped/rules.yaml:89): `resource.type` wants config, found service
      skipped  no action type (shipped/rules.yaml:97): `flags` wants no_action_type, found nothing
      matches  everything else (shipped/rules.yaml:103)
      skipped  irreversible and high impact (shipped/rules.yaml:110): `metadata.reversible` wants false, found nothing
      skipped  agent-control files (shipped/rules.yaml:116): `resource.type` wants [file, config], found service
    "#);
    bench.write("event.json", r#"{"action": {"type": "read"}}"#);
    let answer = bench.json(&["rules", "explain", "--config", &example, "--event", "event.json"]);
    assert_eq!((&answer["decision"], &answer["rule"]), (&json!("auto"), &json!("reads")));
}

#[test]
fn the_api_is_described() {
    let text = Bench::new().ok(&["openapi"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(Bench::new().json(&["openapi"]), document, "the same on one line");
    assert!(document["paths"]["/v1/events"]["post"].is_object());
}

#[test]
fn the_files_have_schemas() {
    let bench = Bench::new();
    let names = bench.ok(&["schema"]);
    assert_eq!(names.lines().collect::<Vec<_>>(), ["mandate", "ownership", "catalog", "rules", "capture", "calendar"]);
    let schema = bench.json(&["schema", "ownership.yaml"]);
    assert_eq!(schema["title"], "ownership.yaml");
    assert!(schema["properties"]["owners"].is_object());
}

#[test]
fn the_commands_of_the_guide_work() {
    let (bench, example) = (Bench::new(), example());
    let guide = include_str!("../../../../docs/guides/rules.md");
    let commands: Vec<&str> = guide.lines().filter_map(|line| line.strip_prefix("$ mandate ")).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in commands {
        let command = command.replace("docs/example", &example);
        bench.ok(&command.split(' ').collect::<Vec<_>>());
    }
}
