//! Answering notices from the command line.

use serde_json::json;

use crate::bench::Bench;

const OWNERSHIP: &str = r#"people:
  - {handle: "@alice", name: "Alice", contacts: [{channel: in-app}]}
  - {handle: "@bob", name: "Bob", contacts: [{channel: nowhere}]}
owners:
  - {resource: "service:payments-*", primary: "@alice", secondary: "@bob"}
"#;

const RULES: &str = r#"rules:
  - name: deletions
    match: {action_type: delete}
    decision: flagged_execute
    notify: [resource.owners, "@bob"]
"#;

#[test]
fn a_notice_is_found_answered_taken_back_and_explained() {
    let mut bench = Bench::new();
    bench.write("config/ownership.yaml", OWNERSHIP);
    bench.write("config/rules/mine.yaml", RULES);
    let server = bench.serve(&["--config", "config"]);
    let sent = bench.json(&["send", "--actor", "bot", "--type", "delete", "--resource", "service:payments-api"]);
    let event = sent["results"][0]["id"].as_str().unwrap();

    let listed = bench.json(&["notifications", "--to", "@alice"]);
    let notice = listed["items"][0]["id"].as_str().unwrap();
    assert_eq!((&listed["items"][0]["channel"], &listed["items"][0]["state"]), (&json!("in-app"), &json!("delivered")));
    let nobody = bench.run(&["notifications", "--mine"]);
    assert_eq!(nobody.code, 1);
    assert!(nobody.err.contains("keys create --person"), "{}", nobody.err);

    let would = bench.ok(&["respond", notice, "pause", "--preview"]);
    assert_eq!(would, "bot would be paused\n");
    let paused = bench.json(&["respond", notice, "pause", "wrong bucket"]);
    assert_eq!((&paused["effect"], &paused["response"]["via"]), (&json!("paused"), &json!("cli")));
    assert_eq!((&paused["response"]["note"], &paused["agent"]["state"]), (&json!("wrong bucket"), &json!("paused")));
    let again = bench.ok(&["respond", notice, "pause"]);
    assert!(again.starts_with("bot is paused already; nothing is changed; the first to answer was"), "{again}");
    let undone = bench.ok(&["undo", paused["response"]["id"].as_str().unwrap()]);
    assert!(undone.starts_with("bot is running again"), "{undone}");
    let unknown = bench.run(&["respond", notice, "flagg"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("`flagg` is not an intervention"), "{}", unknown.err);

    let reviews = bench.json(&["reviews"]);
    assert_eq!(
        (&reviews["items"][0]["event_id"], &reviews["items"][0]["opened_by"]),
        (&json!(event), &json!("rule:deletions"))
    );
    bench.ok(&["respond", notice, "ok"]);
    assert_eq!(bench.json(&["reviews"])["items"], json!([]));
    assert!(bench.ok(&["reviews", "--state", "closed"]).contains(event));

    let why = bench.json(&["why", event]);
    assert_eq!(why["told"][0]["why"], "you own service:payments-api (explicit)");
    assert_eq!(why["not_told"][0]["who"], "@bob");
    assert!(bench.ok(&["why", event, "@alice"]).contains("told via in-app, delivered: you own service:payments-api"));
    assert!(bench.ok(&["why", event, "@bob"]).contains("not told: none of their contacts is on a configured channel"));
    assert_eq!(bench.run(&["why", event, "@carol"]).code, 1);
    assert!(bench.ok(&["status"]).contains("answered in the last day") || bench.ok(&["status"]).contains("answers"));
    server.stop();
}
