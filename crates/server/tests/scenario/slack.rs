//! People in Slack: they are told, they answer with one click, and forged clicks do nothing (CHN-1, IVN-1).

use mandate_testkit::standin::slack::delivery::sign;
use mandate_testkit::standin::slack::interaction::Interaction;
use mandate_testkit::standin::slack::workspace::Content;
use mandate_testkit::world::{Setup, World, deploy, scenario, scenario_everywhere, until};
use serde_json::{Value, json};

/// The `action_id`s of a message's buttons.
fn buttons(blocks: &[Value]) -> Vec<&str> {
    let actions = blocks.iter().filter(|block| block["type"] == "actions");
    let elements = actions.flat_map(|block| block["elements"].as_array().unwrap());
    elements.map(|element| element["action_id"].as_str().unwrap()).collect()
}

/// Everything that a message says.
fn words(blocks: &[Value]) -> String {
    Value::from(blocks.to_vec()).to_string()
}

async fn state(world: &World, agent: &str) -> Value {
    world.get(&format!("/v1/agents/{agent}")).await.json()["state"].clone()
}

/// A deployment that `@alice` is told of in a direct message; gives the message's time stamp.
async fn told_alice(world: &World, key: &str) -> String {
    world.accept(&[deploy("deployer", "payments", key)]).await;
    world.expect_slack("U0ALICE", 1).await.remove(0).ts
}

/// Waits until a message says something; gives its blocks.
async fn edited(world: &World, ts: &str, part: &str) -> Vec<Value> {
    until(&format!("“{part}” in the message"), async || {
        let channels = world.workspace().channels();
        let message = channels.iter().find_map(|channel| channel.message(ts)).expect("the message");
        words(&message.content.blocks).contains(part).then(|| message.content.blocks.clone())
    })
    .await
}

/// Waits until somebody was shown something that only they see.
async fn whispered(world: &World, user: &str, part: &str) {
    until(&format!("“{part}” for {user}"), async || {
        let shown = world.workspace().ephemerals(user);
        let says = |content: &Content| content.text.contains(part) || words(&content.blocks).contains(part);
        shown.iter().any(|one| says(&one.content)).then_some(())
    })
    .await;
}

#[test]
fn a_click_pauses_the_agent_and_the_message_says_who_did() {
    scenario_everywhere(Setup::slack(), async |world| {
        let ts = told_alice(world, "k1").await;
        let message = world.expect_slack("U0ALICE", 1).await.remove(0);
        let shown = words(&message.content.blocks);
        for part in ["deployer", "service:payments", "Deploy payments", "you own service:payments"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let offered = buttons(&message.content.blocks);
        assert!(offered.contains(&"pause_agent") && !offered.contains(&"resume_agent"), "{offered:?}");
        let click = world.workspace().press("U0ALICE", &ts, "pause_agent").send().await.unwrap();
        assert!(click.is_acknowledged(), "{click:?}");
        assert_eq!(state(world, "deployer").await, "paused", "when slack has its answer it is done");
        let blocks = edited(world, &ts, "@alice paused deployer").await;
        assert!(words(&blocks).contains("after the notice"));
        let offered = buttons(&blocks);
        assert!(offered.contains(&"resume_agent") && !offered.contains(&"pause_agent"), "{offered:?}");
        world.expect_slack("U0ALICE", 1).await;
        let entry = world.expect_audited("response.pause_agent", "ok", "notification:").await;
        assert!(entry["actor"].as_str().unwrap().starts_with("person:"), "{entry}");
        let again = world.workspace().press("U0ALICE", &ts, "resume_agent").send().await.unwrap();
        assert!(again.is_acknowledged());
        assert_eq!(state(world, "deployer").await, "running", "alice looks after Mandate");
    });
}

#[test]
fn the_same_over_a_socket() {
    let mut setup = Setup::slack();
    setup.slack.as_mut().unwrap().socket = true;
    scenario(setup, async |world| {
        let ts = told_alice(world, "k1").await;
        world.workspace().until(|slack| slack.sockets() > 0).await;
        let click = world.workspace().press("U0ALICE", &ts, "pause_agent").twice().send().await.unwrap();
        assert!(click.is_acknowledged(), "{click:?}");
        until("the pause", async || (state(world, "deployer").await == "paused").then_some(())).await;
        edited(world, &ts, "@alice paused deployer").await;
    });
}

#[test]
fn a_click_that_slack_did_not_sign_just_now_does_nothing() {
    scenario(Setup::slack(), async |world| {
        let ts = told_alice(world, "k1").await;
        let check =
            async |forge: &dyn for<'a> Fn(Interaction<'a>) -> Interaction<'a>, status: u16, state_then: &str| {
                let press = world.workspace().press("U0ALICE", &ts, "pause_agent");
                let click = forge(press).send().await.unwrap();
                assert_eq!(click.first().status, Some(status), "{click:?}");
                assert_eq!(state(world, "deployer").await, state_then);
            };
        check(&|press| press.unsigned(), 401, "running").await;
        check(&|press| press.badly_signed(), 401, "running").await;
        check(&|press| press.signed_with("another"), 401, "running").await;
        check(&|press| press.skewed(-301), 401, "running").await;
        check(&|press| press.skewed(310), 401, "running").await;
        // Well signed, by somebody of another workspace: an id means nothing elsewhere.
        check(&|press| press.from_team("T0OTHER"), 200, "running").await;
        whispered(world, "U0ALICE", "another workspace").await;
        check(&|press| press.skewed(-290), 200, "paused").await;
    });
}

#[test]
fn a_stranger_is_told_which_lines_make_them_known() {
    scenario(Setup::slack(), async |world| {
        let ts = told_alice(world, "k1").await;
        let click = world.workspace().press("U0CAROL", &ts, "pause_agent").send().await.unwrap();
        assert!(click.is_acknowledged());
        whispered(world, "U0CAROL", "address: U0CAROL").await;
        assert_eq!(state(world, "deployer").await, "running");
    });
}

#[test]
fn a_click_that_comes_again_counts_once() {
    scenario(Setup::slack(), async |world| {
        let ts = told_alice(world, "k1").await;
        let click = world.workspace().press("U0ALICE", &ts, "acknowledge").twice().send().await.unwrap();
        assert!(click.attempts.iter().all(|attempt| attempt.acknowledged), "{click:?}");
        world.workspace().replay(&click).await;
        edited(world, &ts, "@alice saw it").await;
        let recorded = world.audit().await;
        assert_eq!(recorded.iter().filter(|entry| entry["action"] == "response.acknowledge").count(), 1);
    });
}

#[test]
fn the_second_of_two_is_told_who_was_first() {
    scenario(Setup::slack(), async |world| {
        let ts = told_alice(world, "k1").await;
        world.workspace().press("U0ALICE", &ts, "pause_agent").send().await.unwrap();
        world.workspace().press("U0BOB", &ts, "pause_agent").send().await.unwrap();
        whispered(world, "U0BOB", "the first to answer was @alice, who paused deployer").await;
        // Only those who look after Mandate let an agent go on.
        edited(world, &ts, "@bob paused deployer").await;
        world.workspace().press("U0BOB", &ts, "resume_agent").send().await.unwrap();
        whispered(world, "U0BOB", "may do this").await;
        assert_eq!(state(world, "deployer").await, "paused");
        world.expect_audited("access.refused", "refused", "slack:resume_agent").await;
    });
}

#[test]
fn a_question_is_asked_in_a_modal() {
    scenario(Setup::slack(), async |world| {
        let ts = told_alice(world, "k1").await;
        world.workspace().press("U0ALICE", &ts, "ask_question").send().await.unwrap();
        let slack = world.workspace();
        slack.until(|slack| !slack.views().is_empty()).await;
        let view = slack.views().remove(0);
        assert_eq!(view.view["callback_id"], "ask_question");
        let answer = slack.submit("U0ALICE", &view.id, &[("words", "Why now? <!channel>")]).send().await.unwrap();
        assert!(answer.is_acknowledged(), "{answer:?}");
        edited(world, &ts, "@alice asked a question").await;
    });
}

#[test]
fn what_an_agent_writes_mentions_nobody_and_fits() {
    scenario(Setup::slack(), async |world| {
        let mut event = deploy("deployer", "payments", "k1");
        event["action"]["description"] = json!("<!channel> <@U0BOB> ".repeat(20));
        let resources: Vec<_> =
            (0..51).map(|n| json!({"type": "service", "id": format!("s{n}-{}", "x".repeat(60))})).collect();
        event["scope"]["resources"].as_array_mut().unwrap().extend(resources);
        world.accept(&[event]).await;
        let message = world.expect_slack("U0ALICE", 1).await.remove(0);
        let mentions = |value: &Value| {
            let is_markup = value["type"] == "mrkdwn";
            is_markup
                && value["text"].as_str().is_some_and(|text| text.contains("<!channel") || text.contains("<@U0BOB"))
        };
        let sections = message.content.blocks.iter().filter_map(|block| block.get("text"));
        assert_eq!(sections.filter(|text| mentions(text)).count(), 0, "{:#?}", message.content.blocks);
        assert!(!message.content.text.contains("<!channel"));
        assert!(message.content.blocks.len() <= 50);
    });
}

#[test]
fn commands_speak_the_words_of_the_command_line() {
    scenario(Setup::slack(), async |world| {
        told_alice(world, "k1").await;
        let say = async |user: &str, text: &str, expect: &str| {
            let sent = world.workspace().command(user, "C0OPS", "/mandate", text).send().await.unwrap();
            assert!(sent.is_acknowledged(), "{text}: {sent:?}");
            whispered(world, user, expect).await;
        };
        say("U0ALICE", "status", "1 agents, none paused").await;
        say("U0ALICE", "pause deployer it loops", "deployer is paused").await;
        say("U0ALICE", "owner service:payments", "is owned by @alice").await;
        say("U0ALICE", "why", "you own service:payments").await;
        say("U0ALICE", "resume deployer", "deployer is running").await;
        say("U0BOB", "resume deployer", "may do this").await;
        say("U0ALICE", "dance", "What `/mandate` can do").await;
        say("U0CAROL", "pause deployer", "address: U0CAROL").await;
        assert_eq!(state(world, "deployer").await, "running");
        let sent = world.workspace().command("U0ALICE", "C0OPS", "/mandate", "ack").send().await.unwrap();
        assert!(sent.is_acknowledged());
        world.expect_audited("response.acknowledge", "ok", "notification:").await;
    });
}

#[test]
fn slack_asks_whether_we_are_there() {
    scenario(Setup::slack(), async |world| {
        let probe = world.send("POST", "/v1/sources/slack", &[], b"ssl_check=1&token=x").await.unwrap();
        assert_eq!(probe.status, 200);
        let (at, body) = (world.now() / 1_000, r#"{"type":"url_verification","challenge":"3eZbrw1a"}"#);
        let signature = sign("standin-signing-secret", at, body);
        let at = at.to_string();
        let headers = [
            ("content-type", "application/json"),
            ("x-slack-request-timestamp", at.as_str()),
            ("x-slack-signature", signature.as_str()),
        ];
        let answer = world.send("POST", "/v1/sources/slack", &headers, body.as_bytes()).await.unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "3eZbrw1a"));
    });
}

#[test]
fn a_channel_is_tried_out() {
    scenario(Setup::slack(), async |world| {
        let answer = world.post("/v1/channels/slack/test", &json!({})).await.json();
        assert_eq!((&answer["delivered"], &answer["to"]), (&json!(true), &json!("U0ALICE")), "{answer}");
        world.expect_slack("U0ALICE", 1).await;
        let answer = world.post("/v1/channels/slack/test", &json!({"to": "#nowhere"})).await.json();
        assert_eq!(answer["delivered"], false);
        assert!(answer["why"].as_str().unwrap().contains("channel_not_found"), "{answer}");
        assert_eq!(world.post("/v1/channels/ops-hook/test", &json!({})).await.json()["delivered"], true);
        assert_eq!(world.post("/v1/channels/pager/test", &json!({})).await.status, 404);
        let (key, _) = world.key("respond", None).await;
        assert_eq!(world.call("POST", "/v1/channels/slack/test", &key, None).await.status, 403);
    });
}
