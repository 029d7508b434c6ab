//! Pause and resume, and how soon and how surely an agent hears of it (IVN-2).

use std::time::Duration;

use mandate_testkit::world::{Setup, look, scenario_everywhere};
use serde_json::json;
use tokio::time::Instant;

/// From the word of whoever pauses until the agent knows.
const SOON: Duration = Duration::from_millis(200);

#[test]
fn a_pause_reaches_the_agent_and_stays() {
    scenario_everywhere(Setup::default(), async |world| {
        let (agent, _) = world.key("ingest", Some("deployer")).await;
        let mut control = world.stream("/v1/agents/deployer/control", &agent, None).await;
        let first = control.next().await.unwrap();
        assert_eq!((first.name.as_str(), first.id.as_str()), ("state", "0"));
        assert_eq!(first.data, json!({"version": 0, "state": "running"}));

        world.pause("deployer", "look at the invoices").await;
        let paused = control.next().await.unwrap();
        assert_eq!((paused.id.as_str(), &paused.data["state"]), ("1", &json!("paused")));
        assert_eq!(paused.data["reason"], "look at the invoices");
        let once = "/v1/agents/deployer/control?once=1";
        assert_eq!(world.call("GET", once, &agent, None).await.json(), paused.data);

        assert_eq!(world.pause("deployer", "look at the invoices").await["version"], 1, "nothing changed");
        let event = world.call("POST", "/v1/events", &agent, Some(&look("deployer", "k1"))).await;
        assert_eq!(event.status, 202, "what a paused agent did is still recorded");
        world.restart().await;
        assert_eq!(world.call("GET", once, &agent, None).await.json(), paused.data, "it holds over a restart");

        let mut control = world.stream("/v1/agents/deployer/control", &agent, None).await;
        assert_eq!(control.next().await.unwrap().data, paused.data);
        assert_eq!(world.post("/v1/agents/deployer/resume", &json!({})).await.status, 200);
        let running = control.next().await.unwrap();
        assert_eq!((running.id.as_str(), &running.data["state"]), ("2", &json!("running")));
        let entry = world.expect_audited("agent.pause", "ok", "agent:deployer").await;
        assert_eq!(entry["content"]["reason"], "look at the invoices");
        world.expect_audited("agent.resume", "ok", "agent:deployer").await;
    });
}

#[test]
fn an_agent_hears_of_it_soon() {
    scenario_everywhere(Setup::default(), async |world| {
        let mut control = world.stream("/v1/agents/deployer/control", &world.admin, None).await;
        control.next().await.unwrap();
        let mut took = Vec::new();
        for turn in 0..9 {
            let verb = if turn % 2 == 0 { "pause" } else { "resume" };
            let began = Instant::now();
            let (path, nothing) = (format!("/v1/agents/deployer/{verb}"), json!({}));
            let (answer, (frame, after)) = tokio::join!(world.post(&path, &nothing), async {
                let frame = control.next().await.unwrap();
                (frame, began.elapsed())
            });
            assert_eq!((answer.status, &frame.data["version"]), (200, &json!(turn + 1)));
            took.push(after);
        }
        took.sort_unstable();
        // The middle one: a machine that stands still for a moment is no slow server.
        assert!(took[took.len() / 2] < SOON, "{took:?}");
    });
}

#[test]
fn an_agent_never_seen_is_paused_when_it_appears() {
    scenario_everywhere(Setup::default(), async |world| {
        world.pause("ci%2Fghost", "not yet").await;
        world.accept(&[look("ci/ghost", "k1")]).await;
        let state = world.get("/v1/agents/ci%2Fghost/control?once=1").await.json();
        assert_eq!((&state["state"], &state["version"]), (&json!("paused"), &json!(1)));
        let agents = world.get("/v1/agents").await.json();
        assert_eq!(agents["items"].as_array().unwrap().len(), 1);
        assert!(agents["items"][0]["first_seen_at"].is_i64(), "{agents}");
        for id in ["a%20b", "%00", &"x".repeat(129)] {
            let answer = world.post(&format!("/v1/agents/{id}/pause"), &json!({})).await;
            assert_eq!(answer.status, 400, "{id}: {answer:?}");
        }
    });
}

#[test]
fn all_are_paused_at_once() {
    scenario_everywhere(Setup::default(), async |world| {
        world.accept(&[look("one", "k"), look("two", "k"), look("three", "k")]).await;
        let mut streams = Vec::new();
        for agent in ["one", "two", "three"] {
            let mut control = world.stream(&format!("/v1/agents/{agent}/control"), &world.admin, None).await;
            assert_eq!(control.next().await.unwrap().data["state"], "running");
            streams.push(control);
        }
        let mut person = look("alice", "k");
        person["actor"] = json!({"type": "human", "id": "@alice"});
        world.accept(&[person]).await;
        assert_eq!(
            world.get("/v1/agents").await.json()["items"].as_array().map(Vec::len),
            Some(3),
            "people are not agents"
        );
        let preview = world.post("/v1/agents/pause", &json!({"preview": true})).await.json();
        assert_eq!((&preview["count"], &preview["preview"]), (&json!(3), &json!(true)));
        let paused = world.post("/v1/agents/pause", &json!({"reason": "stop everything"})).await.json();
        assert_eq!(paused["count"], 3);
        for control in &mut streams {
            let frame = control.next().await.unwrap();
            assert_eq!((&frame.data["state"], &frame.data["reason"]), (&json!("paused"), &json!("stop everything")));
        }
        world.post("/v1/agents/resume", &json!({})).await;
        for control in &mut streams {
            let frame = control.next().await.unwrap();
            assert_eq!((&frame.data["state"], &frame.data["version"]), (&json!("running"), &json!(2)));
        }
        for agent in ["one", "two", "three"] {
            world.expect_audited("agent.pause", "ok", &format!("agent:{agent}")).await;
        }
    });
}
