//! Bad days of a webhook: its own lane waits, others go on, and somebody is told (NTF-4, NTF-10, CHN-6).

use std::time::Duration;

use mandate_testkit::world::{Setup, World, deploy, scenario, scenario_everywhere, until};
use serde_json::{Value, json};
use tokio::time::Instant;

/// What another lane may take while one is in trouble.
const PROMPT: Duration = Duration::from_secs(2);

/// What each attempt of a notice came to.
fn results(notice: &Value) -> Vec<&str> {
    notice["log"].as_array().unwrap().iter().map(|attempt| attempt["result"].as_str().unwrap()).collect()
}

/// How many messages about actions, and how many about Mandate itself, the other sink got.
fn told_other(world: &World) -> (usize, usize) {
    let is_alert = |body: &[u8]| {
        let body: Value = serde_json::from_slice(body).unwrap();
        body["type"] == "system.alert"
    };
    let received = world.other.received();
    let alerts = received.iter().filter(|message| is_alert(&message.body)).count();
    (received.len() - alerts, alerts)
}

fn why(notice: &Value) -> String {
    notice["log"][0]["why"].as_str().unwrap_or_default().to_owned()
}

/// Sends something that goes to the other lane, and holds that it arrives at once.
async fn other_lane_is_prompt(world: &World, key: &str) {
    let (before, began) = (world.other.count(), Instant::now());
    world.accept(&[deploy("deployer", "search", key)]).await;
    until("the other lane", async || (world.other.count() > before).then_some(())).await;
    assert!(began.elapsed() < PROMPT, "the other lane took {:?}", began.elapsed());
}

#[test]
fn a_notice_says_who_did_what_and_why_you() {
    scenario_everywhere(Setup::default(), async |world| {
        let receipt = world.accept(&[deploy("deployer", "payments", "k1")]).await.remove(0);
        let message = world.expect_sent(1).await.remove(0);
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        let notice = world.notice(&receipt["seq"], "ops-hook", "delivered").await;
        assert_eq!(message.id, notice["id"].as_str().unwrap());
        assert_eq!(body["data"]["event"]["id"], receipt["id"]);
        assert_eq!(body["data"]["event"]["hash"], receipt["hash"]);
        assert_eq!(body["data"]["recipient"], "@alice");
        assert_eq!(body["data"]["who"]["id"], "deployer");
        assert_eq!(body["data"]["why_you"]["rule"], "deploys");
        assert_eq!((results(&notice), &notice["attempts"]), (vec!["sent"], &json!(1)));
    });
}

#[test]
fn a_notice_names_every_rule_with_a_say_and_its_words() {
    scenario(Setup::default(), async |world| {
        let mut event = deploy("deployer", "payments", "k1");
        event["metadata"] = json!({"reversible": false, "estimated_impact": "high"});
        let receipt = world.accept(&[event.clone()]).await.remove(0);
        let message = world.expect_sent(1).await.remove(0);
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(
            body["data"]["why_you"]["reason"],
            "you own service:payments (ownership.yaml); `irreversible and high impact`: it cannot be undone and \
             changes a lot; `deploys`: somebody should know"
        );
        let said = json!([
            {"rule": "irreversible and high impact", "reason": "it cannot be undone and changes a lot"},
            {"rule": "deploys", "reason": "somebody should know"},
        ]);
        let id = receipt["id"].as_str().unwrap();
        assert_eq!(world.get(&format!("/v1/events/{id}/explain")).await.json()["rules"], said);
        assert_eq!(world.post("/v1/rules/explain", &json!({"event": event})).await.json()["rules"], said);
    });
}

#[test]
fn what_can_be_tried_again_is_under_the_same_id() {
    for (plan, first, waits) in
        [("500, 200", "retry", 1_000), ("429:2, 200", "retry", 2_000), ("lose, 200", "retry", 1_000)]
    {
        scenario_everywhere(Setup::default(), async move |world| {
            world.hook_answers(plan);
            world.accept(&[deploy("deployer", "payments", "k1")]).await;
            other_lane_is_prompt(world, "k2").await;
            let notice = world.notice(&json!(1), "ops-hook", "delivered").await;
            assert_eq!(results(&notice), [first, "sent"], "{plan}: {notice}");
            let at = |attempt: usize| notice["log"][attempt]["at"].as_i64().unwrap();
            assert!(at(1) - at(0) >= waits, "{plan}: {notice}");
            let messages = world.expect_sent(1).await;
            assert_eq!((messages.len(), world.hook.duplicates()), (2, 1), "{plan}");
            assert_eq!(messages[0].id, messages[1].id, "{plan}");
            assert_eq!(messages[0].body, messages[1].body, "{plan}");
        });
    }
}

#[test]
fn what_is_refused_goes_to_the_alternate() {
    scenario(Setup::default(), async |world| {
        let trap = world.other.url();
        for (number, plan) in
            ["404".to_owned(), format!("302:{trap}"), "302:http://127.0.0.1:1/x".to_owned()].iter().enumerate()
        {
            world.hook_answers(plan);
            let key = format!("k{number}");
            let receipt = world.accept(&[deploy("deployer", "payments", &key)]).await.remove(0);
            until("the alternate", async || (told_other(world).0 > number).then_some(())).await;
            let failed = world.notice(&receipt["seq"], "ops-hook", "failed").await;
            assert_eq!(results(&failed), ["refused"], "{plan}: {failed}");
            let instead = world.notice(&receipt["seq"], "other-hook", "delivered").await;
            assert_ne!(instead["id"], failed["id"]);
            assert!(instead["reason"].to_string().contains("ops-hook"), "it says instead of what: {instead}");
            assert_eq!(told_other(world).0, number + 1, "{plan}: a redirect is not followed");
        }
        assert_eq!(world.hook.count(), 3);
        until("an alert", async || (told_other(world) == (3, 1)).then_some(())).await;
    });
}

#[test]
fn a_sink_that_is_gone_for_good_is_left_alone() {
    scenario(Setup::default(), async |world| {
        world.expect_error("a channel is broken");
        world.hook_answers("410");
        world.accept(&[deploy("deployer", "payments", "k1")]).await;
        let failed = world.notice(&json!(1), "ops-hook", "failed").await;
        assert_eq!(results(&failed), ["broken"]);
        until("the alternate and an alert", async || (told_other(world) == (1, 1)).then_some(())).await;
        let status = world.get("/v1/status").await.json();
        let channel =
            status["channels"].as_array().unwrap().iter().find(|channel| channel["name"] == "ops-hook").unwrap();
        assert_eq!(channel["state"], "broken", "{channel}");

        world.accept(&[deploy("deployer", "payments", "k2")]).await;
        until("the alternate again", async || (told_other(world).0 == 2).then_some(())).await;
        assert_eq!(world.hook.count(), 1, "it was not asked again");
        assert_eq!(told_other(world), (2, 1), "those who look after Mandate were told once");
        other_lane_is_prompt(world, "k3").await;
    });
}

#[test]
fn a_slow_sink_fills_its_own_lane() {
    scenario(Setup::default(), async |world| {
        world.hook_answers("hang");
        let events: Vec<Value> = (0..100).map(|n| deploy("deployer", "payments", &format!("slow-{n}"))).collect();
        world.accept(&events).await;
        for key in ["a", "b", "c"] {
            other_lane_is_prompt(world, key).await;
        }
        // The first attempts run into their timeout; then the lane narrows, and the sink comes back.
        let log = until("an attempt that timed out", async || {
            let page = world.get("/v1/notifications?channel=ops-hook&limit=1000").await.json();
            let tried = page["items"].as_array()?.iter().find(|notice| notice["attempts"] != json!(0))?.clone();
            Some(world.get(&format!("/v1/notifications/{}", tried["id"].as_str()?)).await.json())
        })
        .await;
        assert_eq!(results(&log), ["retry"], "{log}");
        assert!(log["log"][0]["took_ms"].as_i64().unwrap() >= 4_000, "{log}");
        other_lane_is_prompt(world, "d").await;
    });
}

#[test]
fn a_busy_node_tries_again_all_the_same() {
    scenario(Setup::default(), async |world| {
        world.hook_answers("500, 500, 200");
        world.accept(&[deploy("deployer", "payments", "k1")]).await;
        // Something is always ready meanwhile.
        let mut number = 0;
        let notice = until("the third attempt", async || {
            for _ in 0..10 {
                world.accept(&[deploy("deployer", "search", &format!("busy-{number}"))]).await;
                number += 1;
            }
            let page = world.get("/v1/notifications?channel=ops-hook&state=delivered").await.json();
            let id = page["items"][0]["id"].as_str()?.to_owned();
            Some(world.get(&format!("/v1/notifications/{id}")).await.json())
        })
        .await;
        assert_eq!(results(&notice), ["retry", "retry", "sent"], "{notice}");
        let at = |attempt: usize| notice["log"][attempt]["at"].as_i64().unwrap();
        assert!(at(2) - at(0) < 10_000, "1 s and 5 s, with some slack for a busy machine: {notice}");
    });
}

#[test]
fn a_dead_sink_is_tried_again_and_what_is_critical_does_not_wait() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let setup = Setup { hook_url: Some(format!("http://{closed}/hook")), ..Setup::default() };
    scenario_everywhere(setup, async |world| {
        let mut alarm = deploy("deployer", "payments", "k1");
        alarm["action"]["type"] = json!("alarm");
        world.accept(&[alarm, deploy("deployer", "payments", "k2")]).await;
        other_lane_is_prompt(world, "k3").await;
        until("the alternate of the alarm", async || (world.other.count() == 2).then_some(())).await;
        let page = world.get("/v1/notifications?channel=ops-hook").await.json();
        for notice in page["items"].as_array().unwrap() {
            let notice = world.get(&format!("/v1/notifications/{}", notice["id"].as_str().unwrap())).await.json();
            assert_eq!(notice["state"], "queued", "it is tried again: {notice}");
            assert_eq!(results(&notice)[0], "retry");
            assert!(why(&notice).contains("cannot connect"), "{notice}");
        }
        let instead = world.notice(&json!(1), "other-hook", "delivered").await;
        assert_eq!(instead["urgency"], "critical", "{instead}");
    });
}

#[test]
fn notices_that_wait_are_sent_after_a_restart() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let setup = Setup { hook_url: Some(format!("http://{closed}/hook")), ..Setup::default() };
    scenario_everywhere(setup, async |world| {
        let events: Vec<Value> = (0..20).map(|n| deploy("deployer", "payments", &format!("k{n}"))).collect();
        world.accept(&events).await;
        world.setup.hook_url = None;
        world.restart().await;
        let messages = world.expect_sent(20).await;
        let mut seqs: Vec<i64> = messages
            .iter()
            .map(|message| {
                serde_json::from_slice::<Value>(&message.body).unwrap()["data"]["event"]["seq"].as_i64().unwrap()
            })
            .collect();
        seqs.sort_unstable();
        seqs.dedup();
        assert_eq!(seqs, (1..=20).collect::<Vec<_>>());
    });
}

#[test]
fn clocks_that_differ_hold_nothing_up() {
    for ahead in [60_000, -60_000] {
        scenario_everywhere(Setup::default(), async move |world| {
            world.advance(ahead);
            world.hook_answers("500, 200");
            world.accept(&[deploy("deployer", "payments", "k1")]).await;
            world.expect_sent(1).await;
            let notice = world.notice(&json!(1), "ops-hook", "delivered").await;
            assert_eq!(results(&notice), ["retry", "sent"], "{ahead} ms ahead of the store: {notice}");
        });
    }
}
