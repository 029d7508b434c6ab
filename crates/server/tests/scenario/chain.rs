//! The chain as it can be checked from outside, and what becomes of it when somebody meddles (ITG-1 to 4, SEC-8).

use std::path::Path;
use std::process::Command;

use mandate_server::input::{Asker, EraseInput, Input};
use mandate_server::offline::Verifier;
use mandate_testkit::world::{Answer, Setup, World, deploy, look, scenario, scenario_everywhere};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

/// Walks exports as `mandate verify FILE` does; gives the findings as `log seq kind`.
fn walk(events: &Answer, audit: &Answer, receipts: &[Value]) -> Vec<String> {
    walk_texts(&events.text(), &audit.text(), receipts)
}

fn walk_texts(events: &str, audit: &str, receipts: &[Value]) -> Vec<String> {
    let mut verifier = Verifier::default();
    for receipt in receipts {
        verifier.add_receipt(&receipt.to_string(), "receipts").unwrap();
    }
    verifier.expect_audit();
    for (number, line) in (1..).zip(events.split('\n').filter(|line| !line.is_empty())) {
        verifier.event_line(number, line).unwrap();
    }
    for (number, line) in (1..).zip(audit.split('\n').filter(|line| !line.is_empty())) {
        verifier.audit_line(number, line).unwrap();
    }
    verifier
        .finish()
        .findings
        .iter()
        .map(|found| format!("{} {} {}", found.log, found.found.seq, found.kind()))
        .collect()
}

/// What the verifier that knows the contract alone says of two exports, in another language.
fn walk_elsewhere(name: &str, events: &str, audit: &str) -> Value {
    let place = |kind: &str| Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{kind}.jsonl"));
    let (events_file, audit_file) = (place("events"), place("audit"));
    std::fs::write(&events_file, events).unwrap();
    std::fs::write(&audit_file, audit).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/verify/mandate_verify.py");
    let mut python = Command::new("python3");
    python.arg("-B").arg(script).arg(&events_file).arg("--audit").arg(&audit_file).arg("--json");
    let output = python.output().expect("python3 is needed to verify in another language");
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

async fn ten(world: &World) -> Vec<Value> {
    let event = |n: usize| {
        if n.is_multiple_of(2) {
            deploy("deployer", "payments", &n.to_string())
        } else {
            look("looker", &n.to_string())
        }
    };
    world.accept(&(1..=10).map(event).collect::<Vec<_>>()).await
}

#[test]
fn an_export_is_whole_and_agrees_with_every_receipt() {
    scenario_everywhere(Setup::default(), async |world| {
        let receipts = ten(world).await;
        world.pause("deployer", "enough").await;
        world.restart().await;
        let more = world.accept(&[look("looker", "11")]).await;
        let (events, audit) = (world.get("/v1/export/events").await, world.get("/v1/export/audit").await);
        assert_eq!(events.lines().len(), 11);
        assert_eq!(walk(&events, &audit, &[receipts.clone(), more].concat()), [""; 0]);
        let part = world.get("/v1/export/events?from=4&to=6").await.lines();
        let seqs: Vec<&Value> = part.iter().map(|event| &event["integrity"]["seq"]).collect();
        assert_eq!(seqs, [4, 5, 6]);
        let mut forged = receipts[4].clone();
        forged["hash"] = json!(format!("sha256:{}", "0".repeat(64)));
        assert_eq!(walk(&events, &audit, &[forged]), ["events 5 rewritten"]);
    });
}

#[test]
fn what_was_erased_is_gone_and_the_chain_is_whole() {
    scenario_everywhere(Setup::default(), async |world| {
        let mut event = look("deployer", "k1");
        event["action"]["description"] = json!("Call Rosamund about the lease");
        event["metadata"] = json!({"attributes": {"caller": "Rosamund"}});
        let receipt = world.accept(&[event.clone(), look("deployer", "k2")]).await.remove(0);
        let id = receipt["id"].as_str().unwrap().to_owned();
        let before = world.get("/v1/export/audit").await.text();
        for _ in 0..2 {
            let (event, reason) = (id.parse().unwrap(), "asked for by the person".to_owned());
            let erase = |reply| Input::Erase(EraseInput { event, reason, by: Asker::system(), reply });
            world.tenant().ask(erase).await.unwrap();
        }
        let (events, audit) = (world.get("/v1/export/events").await, world.get("/v1/export/audit").await);
        assert!(!events.text().contains("Rosamund"));
        let erased = &events.lines()[0];
        assert_eq!(erased["erased"]["reason"], "asked for by the person");
        assert_eq!((&erased["action"].get("description"), &erased["metadata"]), (&None, &json!({})));
        assert_eq!(erased["integrity"].get("salt"), None);
        assert_eq!(erased["integrity"]["hash"], receipt["hash"]);
        assert_eq!(walk(&events, &audit, &[receipt]), [""; 0]);
        for (what, audit) in [("an audit log that ends before it", before.as_str()), ("an empty audit log", "")] {
            let found = walk_texts(&events.text(), audit, &[]);
            assert_eq!(found, ["events 1 content_changed"], "{what} does not say who erased it");
        }
        let elsewhere = walk_elsewhere("erased", &events.text(), &audit.text());
        assert_eq!((&elsewhere["ok"], &elsewhere["erased"]), (&json!(true), &json!(1)), "{elsewhere}");

        // Words put where the erased ones stood, and a line that says two things.
        let mut forged = erased.clone();
        forged["action"]["description"] = json!("Call nobody");
        let forged = events.text().replacen(&erased.to_string(), &forged.to_string(), 1);
        assert_ne!(forged, events.text());
        let found = walk_texts(&forged, &audit.text(), &[]);
        assert_eq!(found, ["events 1 content_changed", "events 1 content_changed"]);
        assert_eq!(walk_elsewhere("forged", &forged, &audit.text())["ok"], false);
        let twice = erased.to_string().replacen('{', "{\"timestamp\":1,", 1);
        let refused = Verifier::default().event_line(1, &twice).unwrap_err();
        assert!(refused.contains("stands twice"), "{refused}");

        let entries: Vec<Value> = audit.lines().into_iter().filter(|entry| entry["action"] == "event.erase").collect();
        assert_eq!(entries.len(), 1, "the second one found nothing to erase");
        assert_eq!(world.post_event(&event).await.statuses(), ["duplicate"], "it is still known");
        let read = world.get(&format!("/v1/events/{id}")).await;
        assert!(read.status == 200 && !read.text().contains("Rosamund"), "{read:?}");

        world.stop().await;
        let verdict = world.verify(Verifier::default()).await;
        assert!(verdict.ok && verdict.events.erased == 1, "{verdict:?}");
        world.go_on().await;
    });
}

#[test]
fn whatever_is_changed_in_the_file_is_found_and_located() {
    let cases = [
        (
            "sealed bytes",
            "UPDATE event SET sealed = CAST(replace(CAST(sealed AS TEXT), 'payments', 'paymentz') AS BLOB) WHERE seq = 4",
            "events 4 changed",
        ),
        (
            "content",
            "UPDATE event SET content = CAST(replace(CAST(content AS TEXT), 'Deploy', 'Delete') AS BLOB) WHERE seq = 4",
            "events 4 content_changed",
        ),
        ("content taken away", "UPDATE event SET content = NULL WHERE seq = 4", "events 4 "),
        ("a hash", "UPDATE event SET hash = zeroblob(32) WHERE seq = 4", "events 4 changed"),
        ("an event removed", "DELETE FROM event WHERE seq = 4", "events 4 missing"),
        ("the tail removed", "DELETE FROM event WHERE seq > 8", "events 9 tail_lost"),
        (
            "two swapped",
            "UPDATE event SET no = -1 WHERE seq = 4; UPDATE event SET no = no - 1 WHERE seq = 5; UPDATE event SET no = (SELECT no + 2 FROM event WHERE seq = 3) WHERE no = -1",
            "events 4 ",
        ),
        ("an actor", "UPDATE event SET actor = 'somebody' WHERE seq = 4", "events 4 derived_changed"),
        ("a decision", "UPDATE event SET decision = 'auto' WHERE seq = 4", "events 4 derived_changed"),
        (
            "an audit entry",
            "UPDATE audit SET sealed = CAST(replace(CAST(sealed AS TEXT), 'deployer', 'destroyer') AS BLOB)",
            "audit ",
        ),
        ("an audit entry removed", "DELETE FROM audit WHERE seq = 1", "audit 1 missing"),
        ("the head", "UPDATE head SET event_seq = 9", "events "),
    ];
    for (name, statement, expect) in cases {
        scenario(Setup::default(), async move |world| {
            ten(world).await;
            world.pause("deployer", "enough").await;
            world.stop().await;
            let path = format!("sqlite:{}", world.store_file().display());
            let mut file = SqliteConnection::connect(&path).await.unwrap();
            let refused = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut file).await;
            if !statement.contains(" head ") {
                assert!(refused.is_err(), "{name}: the file defends itself");
            }
            let triggers: Vec<(String,)> = sqlx::query_as("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                .fetch_all(&mut file)
                .await
                .unwrap();
            for (trigger,) in triggers {
                sqlx::raw_sql(AssertSqlSafe(format!("DROP TRIGGER {trigger}"))).execute(&mut file).await.unwrap();
            }
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut file).await.unwrap();
            file.close().await.unwrap();
            world.tampered();
            let verdict = world.verify(Verifier::default()).await;
            let found: Vec<String> = verdict
                .findings
                .iter()
                .map(|found| format!("{} {} {}", found.log, found.found.seq, found.kind()))
                .collect();
            assert!(found.first().is_some_and(|first| first.starts_with(expect)), "{name}: {found:?}");
        });
    }
}
