//! The plan: files and an event in, who is told on which channel and why out.

use std::fmt::Write as _;

use mandate_core::event::{Submission, Times};
use mandate_core::history::{History, Observed, Seen};
use mandate_core::id::EventId;
use mandate_core::ownership::Fallback;
use mandate_core::plan::snapshot::Files;
use mandate_core::plan::{self, Plan, Process, Record, Snapshot};
use mandate_core::time::Millis;
use mandate_scrub::Scrubber;
use serde_json::{Value, json};
use uuid::Uuid;

const OWNERSHIP: &str = r#"
people:
  - {handle: "@alice", contacts: [{channel: hook}, {channel: pager, address: alice}]}
  - {handle: "@bob", contacts: [{channel: nowhere}]}
teams:
  - {handle: "@payments", members: ["@alice", "@bob"], lead: "@alice", contacts: [{channel: hook, address: "payments"}]}
  - {handle: "@platform", members: ["@alice"]}
owners:
  - {resource: "service:payments-*", primary: "@alice", team: "@payments"}
  - {resource: "service:shared", primary: "@alice"}
  - {resource: "service:shared", team: "@payments"}
  - {resource: "service:bobs", primary: "@bob"}
codeowners:
  - {repo: acme/shop, path: ./CODEOWNERS}
"#;
const CODEOWNERS: &str = "* @platform\n/src/pay/ @payments\n/docs/\n";
/// A Wednesday at noon.
const NOW: Millis = Millis(1_767_787_200_000);

fn snapshot(rules: &str, process: &Process) -> Snapshot {
    let mut files = Files::from([
        ("ownership.yaml".to_owned(), OWNERSHIP.to_owned()),
        ("CODEOWNERS".to_owned(), CODEOWNERS.to_owned()),
    ]);
    if !rules.is_empty() {
        files.insert("rules/test.yaml".to_owned(), rules.to_owned());
    }
    let (snapshot, problems) = Snapshot::load(&files, process, &[3; 32]);
    assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:#?}");
    snapshot
}

fn process() -> Process {
    Process {
        channels: vec!["hook".into(), "pager".into()],
        fallback: Fallback { notify: vec!["@platform".into()], alternate: vec!["pager".into()] },
        admins: Vec::new(),
    }
}

fn planned(snapshot: &Snapshot, item: &Value) -> (Plan, Observed) {
    let submission = Submission::read(&item.to_string(), None, &Scrubber::new([1; 32])).expect("a valid item");
    let submission = snapshot.captured(&submission).unwrap_or(submission);
    let observed = History::default().observe(Seen::of(&submission, NOW));
    let times = Times { timestamp: NOW, received_at: NOW, processed_at: NOW };
    let id = EventId(Uuid::from_u128(42));
    (plan::plan(snapshot, &observed, &submission, id, times), observed)
}

/// The plan as a person would tell it.
fn told(snapshot: &Snapshot, plan: &Plan) -> String {
    let flags: Vec<&str> = plan.flags.iter().map(|flag| flag.as_str()).collect();
    let mut text = format!("{} {} by `{}`, {}", plan.decision, plan.urgency, plan.rule, plan.confidence);
    if !flags.is_empty() {
        let _ = write!(text, " [{}]", flags.join(" "));
    }
    for notice in &plan.notices {
        let at = |n: u32| plan.owners.get(n as usize).map(|owned| (owned.resource.as_str(), "source"));
        let mut why: Vec<String> = notice.why.iter().map(|why| why.sentence(at)).collect();
        why.dedup();
        let name = snapshot.display_name(&notice.recipient);
        let _ = write!(text, "\n{name} via {}: {}", notice.lane, why.join("; "));
    }
    for left in &plan.not_told {
        let _ = write!(text, "\nnot {}: {:?}", snapshot.display_name(&left.who), left.why);
    }
    text
}

fn check(rules: &str, item: Value, expect: &str) {
    let snapshot = snapshot(rules, &process());
    let (plan, observed) = planned(&snapshot, &item);
    assert_eq!(told(&snapshot, &plan), expect.trim());

    // Every plan survives its record, twice the same, with nothing personal in it.
    let record = plan.record(&snapshot, &observed);
    assert_eq!(record, planned(&snapshot, &item).0.record(&snapshot, &observed));
    let read: Record = serde_json::from_slice(&record).expect("a record");
    assert_eq!(read.told.len(), plan.notices.len());
    let text = String::from_utf8(record).expect("text");
    assert!(!text.contains("alice") && !text.contains("@bob"), "{text}");
}

fn event(kind: &str, resources: Value) -> Value {
    json!({"actor": {"type": "agent", "id": "deployer"}, "action": {"type": kind}, "scope": {"resources": resources}})
}

fn service(id: &str) -> Value {
    json!({"type": "service", "id": id})
}

#[test]
fn owners_are_told_once_with_every_reason() {
    check(
        "",
        event("deploy", json!([service("payments-api")])),
        "monitored medium by `everything else`, 90\n@alice via hook: you own service:payments-api (source)",
    );
    check(
        "",
        event("config_change", json!([service("payments-api"), service("payments-db")])),
        "monitored medium by `everything else`, 90\n\
         @alice via hook: you own service:payments-api (source); you own service:payments-db (source)",
    );
    check(
        "",
        event("file_write", json!([{"type": "file", "repo": "acme/shop", "id": "src/pay/a.rs"}])),
        "monitored medium by `everything else`, 85\n@payments via hook:payments: you own file:src/pay/a.rs (source)",
    );
    // Several claims hold equally: all are told.
    check(
        "",
        event("config_change", json!([service("shared")])),
        "monitored medium by `everything else`, 90\n\
         @alice via hook: you own service:shared (source)\n\
         @payments via hook:payments: you own service:shared (source)",
    );
}

#[test]
fn nobody_to_tell_is_never_silent() {
    check(
        "",
        event("config_change", json!([service("legacy")])),
        "monitored medium by `everything else`, 20 [unowned]\n\
         @alice via hook: nobody owns service:legacy, and you are the fallback\n\
         fallback via pager: nobody owns service:legacy, and you are the fallback",
    );
    check(
        "",
        event("config_change", json!([service("bobs")])),
        "monitored medium by `everything else`, 90\n\
         @alice via hook: the owner of service:bobs has no configured channel, and you are the fallback\n\
         fallback via pager: the owner of service:bobs has no configured channel, and you are the fallback\n\
         not @bob: NoChannel",
    );
    check(
        "",
        json!({"action": {"type": "config_change"}}),
        "monitored medium by `everything else`, 20 [no_actor no_resource]\n\
         @alice via hook: the event names no resource, and you are the fallback\n\
         fallback via pager: the event names no resource, and you are the fallback",
    );
    // A directory that CODEOWNERS says has no owner.
    check(
        "",
        event("file_write", json!([{"type": "file", "repo": "acme/shop", "id": "docs/a.md"}])),
        "monitored medium by `everything else`, 20 [unowned]\n\
         @alice via hook: nobody owns file:docs/a.md, and you are the fallback\n\
         fallback via pager: nobody owns file:docs/a.md, and you are the fallback",
    );
    let nobody = Process::default();
    let snapshot = snapshot("", &nobody);
    let (plan, _) = planned(&snapshot, &event("config_change", json!([service("legacy")])));
    assert!(plan.notices.is_empty());
    assert_eq!(told(&snapshot, &plan).lines().last(), Some("not fallback: NoFallback"));
}

#[test]
fn rules_decide_and_name() {
    let rules = r#"
rules:
  - name: production deploys
    match: {action_type: deploy, resource.tags: [production]}
    decision: flagged_execute
    notify: [resource.owners, resource.team.lead, "@payments", "@nobody"]
"#;
    check(
        rules,
        event("deploy", json!([{"type": "service", "id": "payments-api", "tags": ["production"]}])),
        "flagged high by `production deploys`, 90\n\
         @alice via hook: you own service:payments-api (source); you lead the team that owns service:payments-api; \
         `@nobody` cannot be reached, and you are the fallback\n\
         @payments via hook:payments: the rule `production deploys` names you\n\
         fallback via pager: `@nobody` cannot be reached, and you are the fallback",
    );
    check(rules, event("read", json!([service("payments-api")])), "auto low by `read-only`, 90");
}

#[test]
fn what_cannot_be_undone_goes_everywhere() {
    check(
        "",
        json!({
            "actor": {"type": "agent", "id": "deployer"},
            "action": {"type": "migrate"},
            "scope": {"resources": [service("payments-db")]},
            "metadata": {"reversible": false, "estimated_impact": "high"},
        }),
        "flagged critical by `irreversible and high impact`, 90\n\
         @alice via hook: you own service:payments-db (source)\n\
         @alice via pager:alice: you own service:payments-db (source)",
    );
}

#[test]
fn the_catalog_gives_owners_tags_and_sensitivity_and_an_event_takes_none_away() {
    let catalog = "services:
  - {id: ledger, team: \"@payments\", tags: [production, pci], paths: [\"ledger/**\"]}
  - {id: reports, team: \"@platform\", depends_on: [ledger]}
";
    let rules = "rules:
  - {name: high, match: {resource.sensitivity: high, action_type: edit}, decision: flagged, notify: [resource.owners]}
  - {name: mine, match: {resource.tags: mine}, decision: auto}
";
    let files = Files::from([
        ("ownership.yaml".to_owned(), OWNERSHIP.to_owned()),
        ("catalog.yaml".to_owned(), catalog.to_owned()),
        ("rules/test.yaml".to_owned(), rules.to_owned()),
    ]);
    let (snapshot, problems) = Snapshot::load(&files, &process(), &[3; 32]);
    assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:#?}");
    let shown = |item: &Value| told(&snapshot, &planned(&snapshot, item).0);
    let ledger = |tags: Value| json!([{"type": "service", "id": "ledger", "tags": tags}]);
    // Whoever owns what depends on it is not told.
    let by_rule = "flagged high by `high`, 75\n@payments via hook:payments: you own service:ledger (source)";
    assert_eq!(shown(&event("edit", ledger(json!([])))), by_rule);
    assert_eq!(shown(&event("edit", ledger(json!(["sensitivity:low", "mine"])))), by_rule);
    assert_eq!(shown(&event("look", ledger(json!(["mine"])))), "auto low by `mine`, 75");
    let reports = json!([{"type": "service", "id": "reports", "tags": ["pci"]}]);
    assert!(!shown(&event("edit", reports)).contains("`high`"), "an agent cannot raise it");
    let file = json!([{"type": "file", "repo": "acme/app", "id": "ledger/post.rs"}]);
    assert_eq!(shown(&event("edit", file)), by_rule.replace("service:ledger", "file:ledger/post.rs"));
}

#[test]
fn a_tool_call_becomes_what_it_touches() {
    check(
        "",
        json!({
            "actor": {"type": "agent", "id": "coder"},
            "action": {"type": "tool_call"},
            "metadata": {"attributes": {"call": {
                "server": "filesystem", "tool": "write_file", "arguments": {"path": "/home/x/shop/src/pay/a.rs"},
                "cwd": "/home/x/shop", "repo_root": "/home/x/shop", "repo": "acme/shop",
            }}},
        }),
        "monitored medium by `everything else`, 85\n@payments via hook:payments: you own file:src/pay/a.rs (source)",
    );
}

#[test]
fn what_a_channel_does_not_take_goes_on_to_the_next_until_all_were_tried() {
    let snapshot = snapshot("", &process());
    let (plan, _) = planned(&snapshot, &event("deploy", json!([service("payments-api")])));
    let notice = &plan.notices[0];
    let mut row = notice.row(1, NOW);
    let mut lanes = Vec::new();
    while let Some(next) = plan::alternate(&snapshot, &row, NOW) {
        lanes.push(format!("{} {}", snapshot.display_name(&next.recipient), next.lane));
        row = next;
    }
    assert_eq!(lanes, ["@alice pager:alice"]);

    let broken = notice.row(1, NOW);
    let alerts = plan::alert(&snapshot, &broken, "410", NOW);
    let lanes: Vec<&str> = alerts.iter().map(|row| &*row.lane).collect();
    assert_eq!(lanes, ["pager:alice", "pager"], "those who look after Mandate, not on the broken channel");
}

#[test]
fn at_most_fifty_are_told_and_the_rest_are_named() {
    let mut ownership = "people:\n".to_owned();
    let mut notify = Vec::new();
    for n in 0..60 {
        let _ = writeln!(ownership, "  - {{handle: \"@p{n}\", contacts: [{{channel: hook}}]}}");
        notify.push(format!("\"@p{n}\""));
    }
    let rules = format!(
        "rules:\n  - {{name: all, match: {{action_type: x}}, decision: monitored, notify: [{}]}}\n",
        notify.join(", ")
    );
    let files = Files::from([("ownership.yaml".to_owned(), ownership), ("rules/all.yaml".to_owned(), rules)]);
    let (snapshot, problems) = Snapshot::load(&files, &process(), &[3; 32]);
    assert!(problems.is_empty(), "{problems:#?}");
    let (plan, _) = planned(&snapshot, &event("x", json!([])));
    assert_eq!((plan.notices.len(), plan.not_told.len()), (50, 10));
}
