//! Storms: a busy agent is one message that is kept up to date, nobody else waits for it, and nothing is lost (NTF-5,
//! NTF-11).

use std::time::Duration;

use mandate_testkit::world::{Received, Setup, World, deploy, scenario, until};
use serde_json::{Value, json};
use tokio::time::Instant;

/// What a first notice may take, whatever else goes on.
const PROMPT: Duration = Duration::from_secs(2);

fn stormy() -> Setup {
    Setup {
        settings: "storm: {enabled: true}\nlimits: {actor_per_second: 100000, actor_burst: 100000}\n".to_owned(),
        ..Setup::default()
    }
}

/// A deployment in a session.
fn act(agent: &str, service: &str, session: &str, key: &str) -> Value {
    let mut event = deploy(agent, service, key);
    event["metadata"] = json!({"session_id": session, "estimated_impact": "low"});
    event
}

fn bodies(received: &[Received]) -> Vec<Value> {
    received.iter().map(|message| serde_json::from_slice(&message.body).unwrap()).collect()
}

/// The notices in a state.
async fn notices(world: &World, state: &str) -> Vec<Value> {
    let answer = world.get(&format!("/v1/notifications?limit=1000&state={state}")).await.json();
    answer["items"].as_array().unwrap().clone()
}

#[test]
fn two_hundred_calls_of_one_agent_are_one_message_that_is_kept_up_to_date() {
    scenario(stormy(), async |world| {
        let first = world.accept(&[act("deployer", "payments", "s1", "k0")]).await.remove(0);
        world.expect_sent(1).await;
        for call in 1..200 {
            world.accept(&[act("deployer", "payments", "s1", &format!("k{call}"))]).await;
        }
        let told = until("the message with all of them", async || {
            let last = bodies(&world.hook.received()).pop()?;
            (last["data"]["merged"]["count"] == 199).then_some(last)
        })
        .await;
        assert_eq!(told["type"], "action.updated");
        assert_eq!(told["data"]["merged"]["last_action"], "deploy");
        assert_eq!(told["data"]["merged"]["worst_impact"], "low");
        let all = bodies(&world.hook.received());
        assert!(all.len() <= 4, "{} messages about one session", all.len());
        assert!(all.iter().all(|body| body["data"]["notification_id"] == all[0]["data"]["notification_id"]));
        assert_eq!(world.events().await, 200);

        let merged = until("each to be told", async || {
            let merged = notices(world, "merged").await;
            merged.iter().all(|notice| notice["delivered_at"].is_i64()).then_some(merged)
        })
        .await;
        assert_eq!(merged.len(), 199);
        let message = &all[0]["data"]["notification_id"];
        assert!(merged.iter().all(|notice| &notice["told_in"]["notification"] == message));
        let explained = world.get(&format!("/v1/events/{}/explain", first["id"].as_str().unwrap())).await.json();
        assert_eq!(explained["told"][0]["state"], "delivered");
        let seq = merged[0]["event_seq"].as_i64().unwrap();
        let events = world.get("/v1/events?limit=1000").await.json();
        let event = events["items"].as_array().unwrap().iter().find(|event| event["integrity"]["seq"] == seq).unwrap();
        let explained = world.get(&format!("/v1/events/{}/explain", event["id"].as_str().unwrap())).await.json();
        assert_eq!(explained["told"][0]["state"], "merged");
        assert_eq!(&explained["told"][0]["told_in"]["notification"], message);
        assert_eq!(explained["told"][0]["told_in"]["because"], "same_session");
    });
}

#[test]
fn another_agents_first_notice_arrives_at_once_during_ten_thousand_events_of_one() {
    scenario(stormy(), async |world| {
        for batch in 0..50 {
            let events: Vec<Value> =
                (0..100).map(|n| act("loop", "payments", "s1", &format!("k{batch}-{n}"))).collect();
            world.accept(&events).await;
        }
        let (before, began) = (world.other.count(), Instant::now());
        world.accept(&[act("quiet", "search", "s9", "q1")]).await;
        let other = async || (world.other.count() > before).then_some(());
        until("the other owner's notice", other).await;
        let same = world.hook.received().len();
        world.accept(&[act("calm", "payments", "s9", "c1")]).await;
        until("the other agent's notice", async || {
            let agents = bodies(&world.hook.received());
            agents.iter().any(|body| body["data"]["who"]["id"] == "calm").then_some(())
        })
        .await;
        assert!(began.elapsed() < PROMPT, "they took {:?}, after {same} messages", began.elapsed());
        for batch in 50..100 {
            let events: Vec<Value> =
                (0..100).map(|n| act("loop", "payments", "s1", &format!("k{batch}-{n}"))).collect();
            world.accept(&events).await;
        }
        assert_eq!(world.events().await, 10_002);
    });
}

#[test]
fn the_eleventh_message_in_a_minute_waits_for_a_digest_and_a_critical_one_does_not() {
    scenario(stormy(), async |world| {
        let firsts: Vec<Value> =
            (0..11).map(|n| act(&format!("agent-{n}"), "payments", "s1", &format!("k{n}"))).collect();
        world.accept(&firsts).await;
        world.expect_sent(10).await;
        let held = notices(world, "held").await;
        assert_eq!(held.len(), 1);
        assert_eq!(held[0]["told_in"]["because"], "person_limit");
        let mut alarm = act("agent-10", "payments", "s1", "k11");
        alarm["action"]["type"] = json!("alarm");
        world.accept(&[alarm]).await;
        let critical = bodies(&world.expect_sent(11).await).pop().unwrap();
        assert_eq!(critical["data"]["urgency"], "critical");

        world.restart().await;
        assert_eq!(notices(world, "held").await, held, "what is held is still held");
        world.accept(&[act("agent-11", "payments", "s1", "k12")]).await;
        assert_eq!(notices(world, "held").await.len(), 2, "the minute goes on after a restart");
    });
}

#[test]
fn a_restart_in_the_middle_of_a_session_goes_on_with_its_message() {
    scenario(stormy(), async |world| {
        world.accept(&[act("deployer", "payments", "s1", "k1")]).await;
        let first = bodies(&world.expect_sent(1).await).remove(0);
        world.accept(&[act("deployer", "payments", "s1", "k2")]).await;
        world.restart().await;
        world.accept(&[act("deployer", "payments", "s1", "k3")]).await;
        let told = until("both in the message", async || {
            let last = bodies(&world.hook.received()).pop()?;
            (last["data"]["merged"]["count"] == 2).then_some(last)
        })
        .await;
        assert_eq!(told["data"]["notification_id"], first["data"]["notification_id"]);
    });
}

#[test]
fn what_does_not_arrive_takes_what_was_merged_into_it_along() {
    scenario(stormy(), async |world| {
        world.expect_error("a channel is broken");
        world.hook_answers("410");
        world.accept(&[act("deployer", "payments", "s1", "k1"), act("deployer", "payments", "s1", "k2")]).await;
        let told = until("the alternate", async || {
            let all = bodies(&world.other.received());
            all.into_iter().find(|body| body["data"]["merged"]["count"] == 1)
        })
        .await;
        let merged = notices(world, "merged").await;
        assert_eq!(merged[0]["told_in"]["notification"], told["data"]["notification_id"]);
    });
}
