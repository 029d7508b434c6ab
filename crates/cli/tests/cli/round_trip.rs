//! A server, and every command against it.

use serde_json::{Value, json};

use crate::bench::{Bench, example};

fn events(count: usize) -> String {
    let event = |n: usize| {
        json!({
            "actor": {"type": "agent", "id": format!("bot-{}", n % 2)},
            "action": {"type": "deploy", "description": format!("Deploy {n} \u{1f600}"), "idempotency_key": format!("k{n}")},
            "scope": {"resources": [{"type": "service", "id": "payments-api", "tags": ["production"]}]},
            "metadata": {"attributes": {"load": 0.1 * n as f64}},
        })
        .to_string()
    };
    (0..count).map(event).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_was_sent_is_shown_paused_exported_and_verified() {
    let mut bench = Bench::new();
    let server = bench.serve(&["--config", &example()]);
    assert!(!server.said.contains("mk_"), "a key is for a terminal only: {}", server.said);
    assert!(bench.read("mandate.key").starts_with("mk_"));

    bench.write("events.jsonl", &events(20));
    let sent = bench.json(&["send", "--file", "events.jsonl", "--receipts", "receipts.jsonl"]);
    let seqs: Vec<&Value> = sent["results"].as_array().unwrap().iter().map(|receipt| &receipt["seq"]).collect();
    assert_eq!(json!(seqs), json!((1..=20).collect::<Vec<_>>()));
    let again = bench.ok(&["send", "--file", "events.jsonl"]);
    assert_eq!(again.lines().filter(|line| line.starts_with("duplicate  #")).count(), 20, "{again}");

    bench.write("bad.jsonl", "{\"actor\":{\"type\":\"agnt\",\"id\":\"a\"}}");
    let refused = bench.run(&["send", "--file", "bad.jsonl"]);
    assert_eq!(refused.code, 1);
    assert!(refused.out.contains("/actor/type: `agnt` is not one of"), "{}", refused.out);

    let status = bench.json(&["status"]);
    assert_eq!((&status["ready"], &status["tenant"]), (&json!(true), &json!("default")));
    assert!(bench.ok(&["status"]).contains("in the last hour"));

    let all = bench.json(&["pause", "--all", "--yes", "--reason", "a drill"]);
    assert_eq!(all["count"], 2);
    assert_eq!(bench.run(&["pause", "--all"]).code, 2, "there is no terminal to ask on");
    let agents = bench.json(&["agents"]);
    assert_eq!((&agents["items"][0]["id"], &agents["items"][0]["state"]), (&json!("bot-0"), &json!("paused")));
    assert_eq!(bench.json(&["resume", "bot-0"])["state"], "running");
    assert_eq!(bench.json(&["pause", "team/never-seen"])["state"], "paused");

    let tail = bench.ok(&["tail", "--after", "0", "--count", "3", "--actor", "bot-1", "--json"]);
    for line in tail.lines() {
        let said: Value = serde_json::from_str(line).unwrap();
        assert_eq!(said["data"]["event"]["actor"]["id"], "bot-1", "that agent's actions and nothing else: {line}");
    }
    let said: Value = serde_json::from_str(tail.lines().next().unwrap()).unwrap();
    let rest =
        bench.ok(&["tail", "--after", said["cursor"].as_str().unwrap(), "--count", "2", "--actor", "bot-1", "--json"]);
    assert_eq!(rest.lines().collect::<Vec<_>>(), tail.lines().skip(1).collect::<Vec<_>>(), "it goes on after that");
    let refused = bench.run(&["tail", "--decision", "flaged"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("`flaged` is not a decision"), "{}", refused.err);

    let verdict = bench.json(&["verify", "--receipts", "receipts.jsonl"]);
    assert_eq!(
        (&verdict["ok"], &verdict["events"]["entries"], &verdict["receipts"]),
        (&json!(true), &json!(20), &json!(20))
    );
    assert_eq!(verdict["audit"]["erased"], 0);
    let reader = bench.json(&["keys", "create", "--scope", "read"]);
    let read = bench.run_with(&["verify", "--json"], &[("MANDATE_KEY", reader["key"].as_str().unwrap())]);
    assert_eq!(read.code, 0, "{}", read.err);
    assert!(read.err.contains("the audit log was not read"), "{}", read.err);
    assert_eq!(serde_json::from_str::<Value>(&read.out).unwrap()["audit"], Value::Null);
    let held = bench.run(&["verify", "--store", "sqlite:mandate.db"]);
    assert_eq!(held.code, 1);
    assert!(held.err.contains("is in use by process"), "{}", held.err);
    server.stop();

    assert_eq!(bench.run(&["status"]).code, 3);
    let offline = bench.json(&["verify", "--store", "sqlite:mandate.db", "--receipts", "receipts.jsonl"]);
    assert_eq!((&offline["ok"], &offline["events"]["entries"]), (&json!(true), &json!(20)));
}

#[test]
fn every_forgery_of_an_export_is_found_where_it_is() {
    let mut bench = Bench::new();
    let server = bench.serve(&[]);
    bench.write("events.jsonl", &events(12));
    bench.ok(&["send", "--file", "events.jsonl", "--receipts", "receipts.jsonl"]);
    bench.ok(&["export", "events", "-o", "export.jsonl"]);
    bench.ok(&["export", "audit", "-o", "audit.jsonl"]);
    server.stop();
    assert_eq!(bench.ok(&["export", "events", "--store", "sqlite:mandate.db"]), bench.read("export.jsonl"));
    bench.ok(&["verify", "--file", "export.jsonl", "--audit", "audit.jsonl", "--receipts", "receipts.jsonl"]);

    let text = bench.read("export.jsonl");
    let lines: Vec<&str> = text.lines().collect();
    let changed = lines[4].replace("payments-api", "payments-app");
    let content = lines[4].replace("Deploy 4", "Deploy 5");
    let emptied = lines[4].replace(",\"salt\":", ",\"pepper\":");
    let (before, after) = (&lines[..4], &lines[5..]);
    let forgeries: [(&str, Vec<&str>, &str, i64); 7] = [
        ("a changed event", [before, &[&changed], after].concat(), "changed", 5),
        ("changed content", [before, &[&content], after].concat(), "content_changed", 5),
        ("content taken away", [before, &[&emptied], after].concat(), "changed", 5),
        ("a removed event", [before, after].concat(), "missing", 5),
        ("a repeated event", [before, &[lines[4], lines[4]], after].concat(), "not_linked", 5),
        ("two swapped events", [before, &[lines[5], lines[4]], &lines[6..]].concat(), "not_linked", 5),
        ("a lost end", lines[..9].to_vec(), "tail_lost", 10),
    ];
    for (what, forged, kind, seq) in forgeries {
        bench.write("forged.jsonl", &(forged.join("\n") + "\n"));
        let done = bench.run(&["verify", "--file", "forged.jsonl", "--receipts", "receipts.jsonl", "--json"]);
        let verdict: Value = serde_json::from_str(&done.out).unwrap();
        assert_eq!(done.code, 1, "{what}: {verdict}");
        let found = &verdict["findings"][0];
        assert_eq!((&found["kind"], &found["seq"]), (&json!(kind), &json!(seq)), "{what}: {verdict}");
    }
}

#[test]
fn a_lost_end_is_found_against_checkpoints_kept_elsewhere() {
    let mut bench = Bench::new();
    let server = bench.serve(&["--checkpoints", "kept"]);
    bench.write("events.jsonl", &events(3));
    bench.ok(&["send", "--file", "events.jsonl"]);
    server.stop();

    bench.ok(&["export", "events", "-o", "export.jsonl", "--store", "sqlite:mandate.db"]);
    let text = bench.read("export.jsonl");
    let lines: Vec<&str> = text.lines().collect();
    let kept: Value = serde_json::from_str(bench.read("kept/default.jsonl").lines().last().unwrap()).unwrap();
    assert_eq!(kept["events"]["seq"].as_u64(), Some(lines.len() as u64), "the last one is made when the server stops");
    bench.ok(&["verify", "--file", "export.jsonl", "--checkpoints", "kept"]);
    bench.write("cut.jsonl", &lines[..lines.len() - 1].iter().map(|line| format!("{line}\n")).collect::<String>());
    let done = bench.run(&["verify", "--file", "cut.jsonl", "--checkpoints", "kept"]);
    assert_eq!(done.code, 1);
    assert!(done.out.starts_with("tail_lost: events: the chain ends with entry"), "{}", done.out);
}

#[test]
fn a_lost_admin_key_is_replaced_on_the_store() {
    let mut bench = Bench::new();
    bench.serve(&[]).stop();
    std::fs::remove_file(bench.path("mandate.key")).unwrap();
    let made = bench.json(&["keys", "create", "--scope", "admin", "--name", "again", "--store", "sqlite:mandate.db"]);
    bench.write("mandate.key", made["key"].as_str().unwrap());
    let server = bench.serve(&[]);
    let keys = bench.json(&["keys", "list"]);
    let first = keys["items"][0]["id"].as_str().unwrap();
    bench.ok(&["keys", "revoke", first]);
    assert!(bench.ok(&["keys", "list"]).lines().any(|line| line.starts_with(first) && line.contains("revoked")));
    server.stop();

    for (flags, what) in [
        (["--scope", "admin", "--agent", "deployer"], "`agent`: only an ingest key is bound to an agent"),
        (["--scope", "ingest", "--agent", "a b"], "`agent`: `a b` is no agent id"),
        (["--scope", "respond", "--person", "alice"], "`person`: `alice` is no handle"),
    ] {
        let refused = bench.run(&[&["keys", "create", "--store", "sqlite:mandate.db"], &flags[..]].concat());
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains(what), "as over HTTP: {}", refused.err);
    }

    let tenant = ["--store", "sqlite:mandate.db", "--tenant", "other"];
    let other = bench.json(&[&["keys", "create", "--scope", "ingest"][..], &tenant].concat());
    assert_eq!(other["scope"], "ingest");
    assert_eq!(bench.json(&[&["keys", "list"][..], &tenant].concat())["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(bench.json(&[&["verify"][..], &tenant].concat())["ok"], true);
}

#[test]
fn a_first_key_is_never_written_over_another_file() {
    let mut bench = Bench::new();
    bench.serve(&[]).stop();
    let key = bench.read("mandate.key");
    let refused =
        bench.run(&["serve", "--listen", "127.0.0.1:0", "--store", "sqlite:new.db", "--key-file", "mandate.key"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("to `mandate.key`: the file exists already"), "{}", refused.err);
    assert!(refused.err.contains("--key-file"), "it says what to do: {}", refused.err);
    assert_eq!(bench.read("mandate.key"), key);
    bench.serve(&["--store", "sqlite:new.db", "--key-file", "new.key"]).stop();
    bench.serve(&["--store", "sqlite:new.db", "--key-file", "mandate.key"]).stop();
    assert_eq!(bench.read("mandate.key"), key, "a store with keys needs no first one");
}
