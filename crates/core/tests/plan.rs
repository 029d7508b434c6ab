//! The plan: files and an event in, who is told on which channel and why out.

use std::fmt::Write as _;

use mandate_core::event::{Submission, Times};
use mandate_core::history::{History, Observed, Seen};
use mandate_core::id::EventId;
use mandate_core::ownership::Fallback;
use mandate_core::plan::snapshot::Files;
use mandate_core::plan::{self, Plan, Process, Record, Snapshot, Why};
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
  - {resource: "service:ghost", primary: "@ghost"}
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
        ..Process::default()
    }
}

fn planned(snapshot: &Snapshot, item: &Value) -> (Plan, Observed) {
    planned_after(&History::default(), false, snapshot, item)
}

/// Plans what comes in at [`NOW`] after some history.
fn planned_after(history: &History, key_reused: bool, snapshot: &Snapshot, item: &Value) -> (Plan, Observed) {
    let submission = Submission::read(&item.to_string(), None, &Scrubber::new([1; 32])).expect("a valid item");
    let submission = snapshot.captured(&submission).unwrap_or(submission);
    let observed = Observed { key_reused, ..history.observe(Seen::of(&submission, NOW)) };
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
    for said in &plan.rules {
        if let Some(reason) = &said.reason {
            let _ = write!(text, "\n`{}`: {reason}", said.rule);
        }
        for suggested in said.suggest.iter() {
            let _ = write!(text, "\nsuggests to {suggested}");
        }
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
    // An owner who is only a name: whoever stands in for them is not called the owner.
    check(
        "",
        event("config_change", json!([service("ghost")])),
        "monitored medium by `everything else`, 90\n\
         @alice via hook: the owner of service:ghost has no configured channel, and you are the fallback\n\
         fallback via pager: the owner of service:ghost has no configured channel, and you are the fallback\n\
         not @ghost: NoChannel",
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
fn every_rule_with_a_say_is_named_with_its_words() {
    let rules = r#"
rules:
  - {name: look, match: {resource.id: payments-db}, decision: auto, reason: nobody hears this}
  - name: ship
    match: {action_type: deploy}
    decision: flagged
    reason: it ships
    suggest: [watch the graphs, call off the sale]
critical_points:
  - {name: the till, match: {resource.id: payments-api}, decision: monitored, reason: the till rings}
"#;
    check(
        rules,
        event("deploy", json!([service("payments-db"), service("payments-api"), service("payments-web")])),
        "flagged critical by `ship`, 90\n\
         `ship`: it ships\n\
         suggests to watch the graphs\n\
         suggests to call off the sale\n\
         `the till`: the till rings\n\
         @alice via hook: you own service:payments-api (source); you own service:payments-web (source)\n\
         @alice via pager:alice: you own service:payments-api (source); you own service:payments-web (source)",
    );
    check(rules, event("read", json!([service("payments-db")])), "auto low by `look`, 90\n`look`: nobody hears this");
}

/// The fallback answers for what nobody owns, but is not its team.
#[test]
fn what_nobody_owns_has_no_team() {
    let own = "rules: [{name: of any team, match: {resource.team: \"*\"}, decision: flagged}]";
    let layer = "layer: \"team:@platform\"\nrules: [{name: of the fallback, decision: flagged}]";
    for rules in [own, layer] {
        check(
            rules,
            event("config_change", json!([service("legacy")])),
            "monitored medium by `everything else`, 20 [unowned]\n\
             @alice via hook: nobody owns service:legacy, and you are the fallback\n\
             fallback via pager: nobody owns service:legacy, and you are the fallback",
        );
    }
    for target in ["resource.team.lead", "resource.team.oncall"] {
        check(
            &format!("rules: [{{name: tell the team, decision: monitored, notify: {target}}}]"),
            event("config_change", json!([service("legacy")])),
            "monitored medium by `tell the team`, 20 [unowned]\n\
             @alice via hook: nobody owns service:legacy, and you are the fallback\n\
             fallback via pager: nobody owns service:legacy, and you are the fallback",
        );
    }
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
         `irreversible and high impact`: it cannot be undone and changes a lot\n\
         `schema changes`: it changes the shape of data\n\
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
    // The shipped rules ask for it too.
    let sensitive = shown(&event("config_change", ledger(json!([]))));
    assert!(
        sensitive.starts_with("monitored high by `sensitive resources`, 75\n`sensitive resources`: the resource is")
    );
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

/// A call that its server and its sender both call harmless, under a `capture.yaml`.
#[track_caller]
fn check_captured(capture: &str, expect: &str) {
    let files = Files::from([
        ("ownership.yaml".to_owned(), OWNERSHIP.to_owned()),
        ("CODEOWNERS".to_owned(), CODEOWNERS.to_owned()),
        ("capture.yaml".to_owned(), capture.to_owned()),
    ]);
    let (snapshot, problems) = Snapshot::load(&files, &process(), &[3; 32]);
    assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:#?}");
    let item = json!({
        "actor": {"type": "agent", "id": "coder"},
        "action": {"type": "tool_call"},
        "metadata": {"reversible": true, "estimated_impact": "none", "attributes": {"call": {
            "server": "filesystem", "tool": "write_file", "arguments": {"path": "src/pay/a.rs"}, "repo": "acme/shop",
            "cwd": "/shop", "repo_root": "/shop", "hints": {"read_only": true, "destructive": false},
        }}},
    });
    let (plan, _) = planned(&snapshot, &item);
    assert_eq!(told(&snapshot, &plan).lines().next(), Some(expect));
}

#[test]
fn a_tool_server_cannot_talk_its_calls_down() {
    let entry = |says: &str| {
        format!("tools: [{{tool: write_file, action: file_write, resource: \"file:{{path}}\", repo: acme/shop{says}}}]")
    };
    check_captured("", "monitored medium by `everything else`, 85");
    check_captured(
        &entry(", impact: high, reversible: false"),
        "flagged critical by `irreversible and high impact`, 85",
    );
    check_captured(&entry(", impact: high"), "monitored high by `everything else`, 85");
    // An entry that says nothing leaves it to them.
    check_captured(&entry(""), "auto low by `no impact`, 85");
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
    let trouble = Why::ChannelBroken { channel: broken.channel.clone(), said: "410".to_owned() };
    let alerts = plan::alert(&snapshot, broken.id.0, &trouble, NOW);
    let lanes: Vec<&str> = alerts.iter().map(|row| &*row.lane).collect();
    assert_eq!(lanes, ["pager:alice", "pager"], "those who look after Mandate, not on the broken channel");
}

/// Whatever is noticed about an event can be asked for, whenever it is noticed.
#[test]
fn rules_can_ask_for_every_flag() {
    let mut history = History::default();
    for _ in 0..100 {
        history.apply(Seen { actor: "busy", sequence: Some(("s", 7)), at: NOW });
    }
    let with = |sent: Value, sequence: Option<i64>| {
        let mut item = event("config_change", json!([service("payments-api")]));
        item.as_object_mut().unwrap().extend(sent.as_object().unwrap().clone());
        if let Some(sequence) = sequence {
            item["actor"]["id"] = json!("busy");
            item["metadata"] = json!({"session_id": "s", "sequence": sequence});
        }
        item
    };
    let hour = 3_600_000;
    for (item, key_reused, flags) in [
        (with(json!({}), None), false, ""),
        (with(json!({}), None), true, "key_reused"),
        (with(json!({}), Some(8)), false, "suspicious_volume"),
        (with(json!({}), Some(7)), false, "out_of_order suspicious_volume"),
        // Sent just now: how old it is, the sender's clock says.
        (with(json!({"sent_at": NOW.0, "timestamp": NOW.0 - 59_000}), None), false, ""),
        (with(json!({"sent_at": NOW.0, "timestamp": NOW.0 - hour}), None), false, "late"),
        // Sent by a clock that is hours off.
        (with(json!({"sent_at": NOW.0 + hour}), None), false, "clock_skew"),
        (with(json!({"sent_at": NOW.0 + hour, "timestamp": NOW.0 + hour}), None), false, "clock_skew"),
        (with(json!({"sent_at": NOW.0 + hour, "timestamp": NOW.0}), None), false, "clock_skew late"),
        // Without the time of sending, a timestamp far from ours is taken for a wrong clock.
        (with(json!({"timestamp": NOW.0 - hour}), None), false, ""),
        (with(json!({"timestamp": NOW.0 - hour - 1}), None), false, "clock_skew"),
        (with(json!({"timestamp": NOW.0 + 301_000}), None), false, "clock_skew"),
        (event("config_change", json!([service("legacy")])), false, "unowned"),
        (json!({}), false, "no_action_type no_actor no_resource"),
    ] {
        for flag in ["", "key_reused", "suspicious_volume", "out_of_order", "late", "clock_skew", "unowned"] {
            let rules = match flag {
                "" => String::new(),
                flag => format!("rules: [{{name: {flag}, match: {{flags: {flag}}}, decision: flagged}}]"),
            };
            let (plan, _) = planned_after(&history, key_reused, &snapshot(&rules, &process()), &item);
            let noticed: Vec<&str> = plan.flags.iter().map(|flag| flag.as_str()).collect();
            assert_eq!(noticed.join(" "), flags, "{item}");
            assert_eq!(&*plan.rule == flag, noticed.contains(&flag), "{flag}: {item}");
        }
    }
}

#[test]
fn at_most_fifty_are_told_and_the_rest_are_named() {
    let mut ownership = "people:\n".to_owned();
    let mut notify = Vec::new();
    for n in 0..60 {
        let _ = writeln!(ownership, "  - {{handle: \"@p{n}\", contacts: [{{channel: hook}}, {{channel: pager}}]}}");
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
    assert!(plan.not_told.iter().all(|left| left.why == plan::NotToldWhy::TooMany));
}

/// Recipients are counted, not their channels; who is left out is named once, and only so many are.
#[test]
fn whoever_is_left_out_is_named_once() {
    let mut ownership = "people:\n".to_owned();
    let handles: Vec<String> = (0..200).map(|n| format!("\"@p{n}\"")).collect();
    for handle in &handles {
        let _ = writeln!(ownership, "  - {{handle: {handle}, contacts: [{{channel: hook}}, {{channel: pager}}]}}");
    }
    let notify = handles.join(", ");
    let rules = format!(
        "rules:\n  - {{name: all, match: {{action_type: x}}, decision: flagged, urgency: critical, notify: [{notify}]}}\n"
    );
    let files = Files::from([("ownership.yaml".to_owned(), ownership), ("rules/all.yaml".to_owned(), rules)]);
    let (snapshot, problems) = Snapshot::load(&files, &process(), &[3; 32]);
    assert!(problems.is_empty(), "{problems:#?}");
    let resources: Vec<Value> = (0..100).map(|n| service(&n.to_string())).collect();
    let (plan, _) = planned(&snapshot, &event("x", json!(resources)));
    assert_eq!(plan.notices.len(), 100, "fifty people, two channels each");
    assert_eq!(plan.not_told.len(), 101);
    assert_eq!(plan.not_told.last().map(|left| &*left.who), Some("others"));
    let named: std::collections::BTreeSet<&str> = plan.not_told.iter().map(|left| &*left.who).collect();
    assert_eq!(named.len(), 101);
}
