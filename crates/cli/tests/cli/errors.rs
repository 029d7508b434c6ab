//! What people read when something is wrong, and what scripts get.

use insta::assert_snapshot;

use crate::bench::Bench;

/// Runs a command and shows its exit code and what it said.
fn told(bench: &Bench, arguments: &[&str]) -> String {
    let done = bench.run(arguments);
    assert_eq!(done.out, "", "{arguments:?}: errors are talk");
    format!("[{}] {}", done.code, done.err.trim_end())
}

#[test]
fn wrong_usage_is_told_with_what_to_do() {
    let bench = Bench::new();
    bench.write("half.json", "{\"actor\":");
    bench.credentials("url=http://127.0.0.1:1\n", 0o600);
    assert_snapshot!(told(&bench, &["owners", "explain", "srvice:x"]), @"[2] error: `srvice` is no type of resource; did you mean `service`?");
    assert_snapshot!(told(&bench, &["owners", "explain", "payments"]), @"[2] error: `payments` is no resource; write `type:id`, such as `service:payments-service`");
    assert_snapshot!(told(&bench, &["send"]), @"[2] error: say what happened: `mandate send --actor deployer --type deploy --resource service:payments`, or `--file events.jsonl`");
    assert_snapshot!(told(&bench, &["send", "--file", "half.json"]), @"[2] error: `half.json` is neither JSON nor JSON Lines: EOF while parsing a value at line 1 column 9");
    assert_snapshot!(told(&bench, &["send", "--file", "nowhere.json"]), @"[2] error: cannot read `nowhere.json`: no such file or directory");
    assert_snapshot!(told(&bench, &["rules", "check"]), @"[2] error: `.` holds no configuration; say where it is with `--config DIR`");
    assert_snapshot!(told(&bench, &["status", "--url", "localhost:7878"]), @"[2] error: `localhost:7878` is not an address of a server: it starts with neither `http://` nor `https://`; give one such as `http://127.0.0.1:7878`");
    assert_snapshot!(told(&bench, &["mcp", "wrap", "--agent", "a b", "--", "true"]), @"[2] error: `a b` cannot be an agent's id; use 1 to 128 letters, digits and `._:@/-`");
    assert_snapshot!(told(&bench, &["serve", "--listen", "0.0.0.0:7878"]), @"[2] error: refusing to listen on `0.0.0.0:7878` without TLS: API keys would cross the network readable; set `server.tls`, listen on 127.0.0.1 behind a proxy that ends TLS, or pass `--allow-insecure-listen`");
    assert_snapshot!(told(&bench, &["status"]), @"[3] error: cannot reach `http://127.0.0.1:1`: connection refused; is `mandate serve` running there, and is MANDATE_URL right?");
}

#[test]
fn credentials_that_others_can_read_are_not_used() {
    let bench = Bench::new();
    bench.credentials("key=mk_1\n", 0o644);
    let done = bench.run(&["status"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("others can read") && done.err.contains("chmod 600"), "{}", done.err);
    bench.credentials("kee=mk_1\n", 0o600);
    assert!(bench.run(&["status"]).err.contains("credentials:1: not a `url=…` or `key=…` line"));
}

#[test]
fn a_store_that_is_not_there_is_not_made_by_looking() {
    let bench = Bench::new();
    assert_snapshot!(told(&bench, &["verify", "--store", "sqlite:none.db"]), @"[1] error: there is no store at `none.db`");
    assert_snapshot!(told(&bench, &["keys", "list", "--store", "mysql://x"]), @"[1] error: `mysql://x` is no store; write `sqlite:PATH` or `postgres://USER@HOST/DATABASE`");
    assert!(!bench.path("none.db").exists());
}

#[test]
fn the_demo_says_what_it_needs() {
    assert_snapshot!(told(&Bench::new(), &["demo"]), @"[2] error: the npm filesystem server is not in `.tools/node`; run `make demo`, which installs it, or say where it is with `--node-tools DIR`");
}

const TYPO: &str = "\
rules:
  - name: deploys
    match:
      action_typ: deploy
    decision: monitored_execute
  - name: gates
    decision: gated_execute
";

#[test]
fn what_no_server_would_take_explains_nothing() {
    let bench = Bench::new();
    bench.write("config/rules/a.yaml", TYPO);
    for asked in [&["owners", "explain", "service:payments"][..], &["rules", "explain", "--type", "deploy"]] {
        let told = told(&bench, &[asked, &["--config", "config"]].concat());
        assert!(told.starts_with("[1] error: `action_typ` is nothing a rule can match"), "{told}");
    }
}

#[test]
fn a_wrong_event_is_refused_alike_with_a_server_and_without() {
    let mut bench = Bench::new();
    bench.write("config/rules/a.yaml", "rules: []\n");
    bench.write("event.json", r#"{"actor": {"type": "agnt", "id": "a"}}"#);
    let asked = ["rules", "explain", "--event", "event.json"];
    let offline = bench.run(&[&asked[..], &["--config", "config"]].concat());
    let server = bench.serve(&[]);
    let online = bench.run(&asked);
    server.stop();
    for done in [offline, online] {
        assert_eq!(done.code, 1, "{}", done.err);
        assert!(done.err.contains("/actor/type: `agnt` is not one of"), "{}", done.err);
    }
}

#[test]
fn a_typo_in_a_file_is_shown_where_it_stands() {
    let bench = Bench::new();
    bench.write("config/rules/a.yaml", TYPO);
    assert_snapshot!(told(&bench, &["rules", "check", "--config", "config"]), @r#"
    [1] error: `action_typ` is nothing a rule can match
     --> rules/a.yaml:4:7
      |
    4 |       action_typ: deploy
      |       ^^^^^^^^^^
      |
    help: did you mean `action_type`?

    error: gates are not available yet; use flagged_execute
     --> rules/a.yaml:7:15
      |
    7 |     decision: gated_execute
      |               ^^^^^^^^^^^^^

    2 errors, 0 warnings in config
    "#);
    let done = bench.run(&["rules", "check", "--config", "config", "--json"]);
    assert_eq!(done.code, 1);
    assert_snapshot!(done.out.trim_end(), @r#"{"ok":false,"problems":[{"column":7,"file":"rules/a.yaml","help":"did you mean `action_type`?","line":4,"message":"`action_typ` is nothing a rule can match","severity":"error"},{"column":15,"file":"rules/a.yaml","help":null,"line":7,"message":"gates are not available yet; use flagged_execute","severity":"error"}],"rules":1}"#);
}

#[test]
fn a_broken_configuration_at_start_keeps_the_stored_one() {
    let mut bench = Bench::new();
    bench.write("config/rules/a.yaml", TYPO);
    let done = bench.run(&["serve", "--listen", "127.0.0.1:0", "--config", "config"]);
    assert_eq!(done.code, 1);
    assert!(done.err.contains("did you mean `action_type`?"), "{}", done.err);
    assert!(done.err.contains("no earlier version to go on with"), "{}", done.err);

    bench.write(
        "config/rules/a.yaml",
        "rules:\n  - {name: all, match: {action_type: deploy}, decision: flagged_execute}\n",
    );
    bench.serve(&["--config", "config"]).stop();
    bench.write("config/rules/a.yaml", TYPO);
    let served = bench.serve(&["--config", "config"]);
    assert!(served.said.contains("did you mean `action_type`?"), "{}", served.said);
    assert!(served.said.contains("the stored version stays in force"), "{}", served.said);
    let sent = bench.json(&["send", "--actor", "a", "--type", "deploy", "--resource", "service:x"]);
    assert_eq!(sent["results"][0]["routing"]["rule_matched"], "all");
    served.stop();
}
