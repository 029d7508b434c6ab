//! Stopping, starting, and what a server does when its store cannot take more.

use std::time::Duration;

use futures_util::future::join_all;
use mandate_server::input::Input;
use mandate_server::start::StartError;
use mandate_testkit::world::{Sender, Setup, deploy, look, scenario, scenario_everywhere, until};
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};

/// Goes on sending until the server no longer takes it; gives the receipts with what was sent.
async fn send_on(sender: Sender, agent: String) -> Vec<(Value, Value)> {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        let event = deploy(&agent, "payments", &format!("k{n}"));
        match sender.post(&event).await {
            Some(answer) if answer.status == 202 => acknowledged.push((event, answer.results().remove(0))),
            Some(answer) => {
                assert_eq!(answer.status, 503, "{answer:?}");
                break;
            }
            None => break,
        }
    }
    acknowledged
}

#[test]
fn stopping_under_load_loses_nothing() {
    scenario_everywhere(Setup::default(), async |world| {
        let senders: Vec<_> = (0..8).map(|n| send_on(world.sender(), format!("agent-{n}"))).collect();
        let busy = async {
            until("some load", async || (world.hook.count() > 50).then_some(())).await;
        };
        let (acknowledged, ()) = {
            let load = join_all(senders);
            tokio::pin!(load);
            tokio::select! {
                biased;
                () = busy => {}
                _ = &mut load => panic!("nobody stopped the server yet"),
            }
            let ended = world.begin_to_stop();
            let (acknowledged, ended) = tokio::join!(load, ended);
            ended.unwrap();
            (acknowledged.concat(), ())
        };
        assert!(acknowledged.len() > 50, "{}", acknowledged.len());
        world.go_on().await;
        let exported = world.get("/v1/export/events").await.lines();
        let mut stored: Vec<String> =
            exported.iter().map(|event| event["integrity"]["hash"].as_str().unwrap().to_owned()).collect();
        for (event, receipt) in &acknowledged {
            let at = stored.iter().filter(|hash| receipt["hash"] == **hash).count();
            assert_eq!(at, 1, "{receipt}");
            let again = world.post_event(event).await.results().remove(0);
            assert_eq!((&again["status"], &again["seq"]), (&json!("duplicate"), &receipt["seq"]));
        }
        stored.sort();
        stored.dedup();
        assert_eq!(stored.len(), exported.len());
        assert_eq!(world.events().await, exported.len(), "no repeat was recorded");
        // Each was told at least once, and nothing else was.
        let events = u64::try_from(exported.len()).unwrap();
        world.expect_sent(events).await;
    });
}

#[test]
fn a_full_disk_refuses_events_and_nothing_else() {
    let setup = Setup { max_pages: Some(150), ..Setup::default() };
    scenario(setup, async |world| {
        world.expect_error("the store's disk is full");
        // Where the last page is gone, the alert to admins finds no room either.
        world.expect_error("nothing of a batch was recorded");
        let mut acknowledged = Vec::new();
        let refused = loop {
            let mut event = look("deployer", &format!("k{}", acknowledged.len()));
            event["metadata"] = json!({"attributes": {"text": "lorem ipsum ".repeat(1_000)}});
            let answer = world.post_event(&event).await;
            match answer.status {
                202 => acknowledged.push((event, answer.results().remove(0))),
                _ => break answer,
            }
        };
        assert!(acknowledged.len() > 5, "{}", acknowledged.len());
        assert_eq!((refused.status, refused.code().as_str()), (503, "unavailable"), "{refused:?}");
        assert!(refused.header("retry-after").is_some_and(|wait| wait.parse::<u32>().unwrap() > 0));
        let what = "`/readyz` saying no";
        let not_ready =
            until(what, async || Some(world.get("/readyz").await).filter(|answer| answer.status == 503)).await;
        assert!(not_ready.header("retry-after").is_some());
        for path in ["/healthz", "/v1/events", "/v1/status", "/v1/export/events", "/v1/agents/deployer/control?once=1"]
        {
            assert_eq!(world.get(path).await.status, 200, "{path}");
        }
        assert_eq!(world.events().await, acknowledged.len());

        world.setup.max_pages = None;
        world.restart().await;
        assert_eq!(world.get("/readyz").await.status, 200);
        for (event, receipt) in &acknowledged {
            assert_eq!(
                world.post_event(event).await.results()[0]["hash"],
                receipt["hash"],
                "a duplicate, with its receipt"
            );
        }
        world.accept(&[look("deployer", "after")]).await;
        assert_eq!(world.events().await, acknowledged.len() + 1);
    });
}

#[test]
fn readiness_comes_back_by_itself() {
    scenario(Setup::default(), async |world| {
        world.expect_error("nothing of a batch was recorded");
        world.accept(&[look("deployer", "before")]).await;
        // From here on nothing is left for the server to write by itself.
        assert!(world.tenant().intake.push_control(Input::Checkpoint).is_ok());
        until("a checkpoint", async || {
            let page = world.get("/v1/checkpoints").await.json();
            page["items"].as_array()?.iter().find(|checkpoint| checkpoint["events"]["seq"] == 1).map(drop)
        })
        .await;
        let path = format!("sqlite:{}", world.store_file().display());
        let mut other = SqliteConnection::connect(&path).await.unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        let refused = world.post_event(&look("deployer", "during")).await;
        assert_eq!((refused.status, refused.code().as_str()), (503, "unavailable"), "{refused:?}");
        until("`/readyz` saying no", async || (world.get("/readyz").await.status == 503).then_some(())).await;
        assert_eq!(world.get("/v1/events").await.status, 200, "reading goes on");
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
        other.close().await.unwrap();
        until("`/readyz` saying yes", async || (world.get("/readyz").await.status == 200).then_some(())).await;
        world.accept(&[look("deployer", "during")]).await;
    });
}

#[test]
fn a_server_listens_where_it_may() {
    scenario(Setup::default(), async |world| {
        world.stop().await;
        for address in ["0.0.0.0:0", "[::]:0"] {
            let refused = world.try_start(|settings| settings.server.listen = address.parse().unwrap()).await;
            let told = refused.expect_err(address).to_string();
            assert!(told.contains("without TLS") && told.contains("--allow-insecure-listen"), "{told}");
        }
        let open = world.try_start(|settings| {
            settings.server.listen = "0.0.0.0:0".parse().unwrap();
            settings.server.allow_insecure_public = true;
        });
        open.await.unwrap();
        world.go_on().await;
    });
}

#[test]
fn a_second_server_is_refused_by_the_store() {
    scenario(Setup::default(), async |world| {
        let refused = world.try_start(|_| {}).await.expect_err("one process holds the file");
        assert!(matches!(refused, StartError::Store(_)), "{refused}");
        assert!(refused.to_string().contains(&std::process::id().to_string()), "it names the holder: {refused}");
        world.accept(&[look("deployer", "k1")]).await;
    });
}

#[test]
fn a_file_with_a_mistake_leaves_the_running_version() {
    scenario(Setup::default(), async |world| {
        assert!(world.problems.is_empty(), "{:?}", world.problems);
        let before = world.get("/v1/config").await.json();
        let rules = world.setup.files["rules/scenario.yaml"].clone();
        let mistaken = rules.replacen("decision: auto_execute", "decison: auto_execute", 1);
        world.setup.files.insert("rules/scenario.yaml".to_owned(), mistaken);
        world.restart().await;
        let problem = world.problems.iter().find(|problem| problem.is_error()).expect("a problem");
        assert_eq!((problem.file.as_str(), problem.line, problem.column), ("rules/scenario.yaml", 4, 5), "{problem:?}");
        assert!(format!("{problem:?}").contains("decision"), "the nearest name is told: {problem:?}");
        assert_eq!(world.get("/v1/config").await.json(), before, "the running version stays");
        world.accept(&[deploy("deployer", "payments", "k1")]).await;
        world.expect_sent(1).await;

        let mended = rules.replace("somebody should know", "somebody has to know");
        world.setup.files.insert("rules/scenario.yaml".to_owned(), mended);
        world.restart().await;
        assert_ne!(world.get("/v1/config").await.json()["id"], before["id"]);
        world.expect_audited("config.apply", "ok", "config:").await;
    });
}

/// How long a stop may take when nothing is under way.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn an_idle_server_stops_and_starts_at_once() {
    scenario(Setup::default(), async |world| {
        let began = tokio::time::Instant::now();
        for n in 0..5 {
            world.accept(&[look("deployer", &n.to_string())]).await;
            world.restart().await;
        }
        assert!(began.elapsed() < AT_ONCE * 5, "{:?}", began.elapsed());
        assert_eq!(world.events().await, 5);
    });
}
