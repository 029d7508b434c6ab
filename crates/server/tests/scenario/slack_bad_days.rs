//! Slack's bad days: answers lost, too many at once, revoked tokens, an hour of nothing (NTF-4).

use mandate_testkit::standin::slack::mishap::Mishap;
use mandate_testkit::standin::slack::options::Pacing;
use mandate_testkit::world::{Setup, World, deploy, scenario, until};
use serde_json::{Value, json};

/// What each attempt of a notice came to.
fn results(notice: &Value) -> Vec<&str> {
    notice["log"].as_array().unwrap().iter().map(|attempt| attempt["result"].as_str().unwrap()).collect()
}

fn posts(world: &World) -> usize {
    world.workspace().calls().iter().filter(|call| call.method == "chat.postMessage" && call.is_ok()).count()
}

#[test]
fn a_lost_answer_costs_one_more_message_at_most() {
    scenario(Setup::slack(), async |world| {
        world.workspace().plan("chat.postMessage", [Mishap::Lose]);
        world.accept(&[deploy("deployer", "payments", "k1")]).await;
        let notice = world.notice(&json!(1), "slack", "delivered").await;
        assert_eq!(results(&notice), ["retry", "sent"], "{notice}");
        assert_eq!(posts(world), 2, "a rare second message beats a missed one");
        let messages = world.expect_slack("U0ALICE", 2).await;
        let named = |at: usize| messages[at].content.metadata.clone().unwrap()["event_payload"].clone();
        assert_eq!(named(0), named(1), "both say which notification they are");
        // Whichever is pressed, the answer is the same.
        world.workspace().press("U0ALICE", &messages[0].ts, "pause_agent").send().await.unwrap();
        assert_eq!(world.get("/v1/agents/deployer").await.json()["state"], "paused");
    });
}

#[test]
fn a_press_on_a_message_whose_answer_was_lost_is_its_receipt() {
    scenario(Setup::slack(), async |world| {
        // The second attempt is refused for long, so the press comes first.
        world.workspace().plan("chat.postMessage", [Mishap::Lose, Mishap::RateLimited(60)]);
        world.accept(&[deploy("deployer", "payments", "k1")]).await;
        let ts = world.expect_slack("U0ALICE", 1).await.remove(0).ts;
        until("the second attempt", async || (world.workspace().calls().len() >= 2).then_some(())).await;
        world.workspace().press("U0ALICE", &ts, "pause_agent").send().await.unwrap();
        let notice = world.notice(&json!(1), "slack", "delivered").await;
        assert_eq!(results(&notice).last(), Some(&"sent"), "{notice}");
        until("the edit", async || {
            let calls = world.workspace().calls();
            calls.iter().any(|call| call.method == "chat.update" && call.is_ok()).then_some(())
        })
        .await;
        world.expect_slack("U0ALICE", 1).await;
    });
}

#[test]
fn what_slack_asks_to_wait_for_is_waited_for_and_others_go_on() {
    scenario(Setup::slack(), async |world| {
        world.workspace().plan("chat.postMessage", [Mishap::RateLimited(2)]);
        world.accept(&[deploy("deployer", "payments", "k1")]).await;
        let notice = world.notice(&json!(1), "slack", "delivered").await;
        assert_eq!(results(&notice), ["retry", "sent"], "{notice}");
        let at = |attempt: usize| notice["log"][attempt]["at"].as_i64().unwrap();
        assert!(at(1) - at(0) >= 2_000, "{notice}");
        assert_eq!(posts(world), 1);
    });
}

#[test]
fn the_pace_of_a_channel_is_kept_without_being_told() {
    let mut setup = Setup::slack();
    setup.slack.as_mut().unwrap().pacing = Pacing::default();
    scenario(setup, async |world| {
        let events: Vec<_> = (0..6).map(|n| deploy("deployer", "payments", &format!("k{n}"))).collect();
        world.accept(&events).await;
        world.expect_slack("U0ALICE", 6).await;
        let refused = world.workspace().calls().iter().filter(|call| call.status == 429).count();
        assert_eq!(refused, 0, "slack never had to say it");
    });
}

#[test]
fn a_revoked_token_sends_all_to_the_alternate_and_is_told_once() {
    scenario(Setup::slack(), async |world| {
        world.accept(&[deploy("deployer", "payments", "k1")]).await;
        world.expect_slack("U0ALICE", 1).await;
        world.expect_error("a channel is broken");
        world.workspace().set_revoked(true);
        world.accept(&[deploy("deployer", "payments", "k2"), deploy("deployer", "payments", "k3")]).await;
        let failed = world.notice(&json!(2), "slack", "failed").await;
        assert!(failed["log"][0]["why"].as_str().unwrap().contains("token_revoked"), "{failed}");
        for seq in [2, 3] {
            let instead = world.notice(&json!(seq), "ops-hook", "delivered").await;
            assert!(instead["reason"].to_string().contains("slack"), "it says instead of what: {instead}");
        }
        let received = world.hook.received();
        let is_alert = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap()["type"] == "system.alert";
        let alerts = received.iter().filter(|message| is_alert(&message.body)).count();
        assert_eq!(alerts, 1, "those who look after Mandate are told once");
    });
}

#[test]
fn slack_is_gone_for_a_while_and_nothing_is_lost() {
    scenario(Setup::slack(), async |world| {
        world.workspace().set_down(true);
        world.accept(&[deploy("deployer", "payments", "k1"), deploy("deployer", "payments", "k2")]).await;
        let path = "/v1/notifications?channel=slack";
        until("two attempts", async || {
            let page = world.get(path).await.json();
            let tried = |notice: &Value| notice["attempts"].as_u64().is_some_and(|attempts| attempts > 0);
            page["items"].as_array()?.iter().any(tried).then_some(())
        })
        .await;
        world.restart().await;
        world.workspace().set_down(false);
        for seq in [1, 2] {
            world.notice(&json!(seq), "slack", "delivered").await;
        }
        world.expect_slack("U0ALICE", 2).await;
        assert_eq!(posts(world), 2, "each once");
    });
}
