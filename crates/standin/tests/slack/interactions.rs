//! Presses, commands, response URLs; honest and forged.

use std::time::Duration;

use mandate_standin::slack::delivery::Route;
use mandate_standin::slack::interaction::Unsendable;
use serde_json::{Value, json};

use crate::app::App;
use crate::client::post_json;
use crate::{BEGIN, Desk};

const SECRET: &str = "standin-signing-secret";

async fn desk_and_app() -> (Desk, App) {
    let (desk, app) = (Desk::new().await, App::new().await);
    desk.slack.set_interactivity_url(&app.url);
    desk.slack.set_commands_url(&app.url);
    (desk, app)
}

#[tokio::test]
async fn a_press_is_signed_and_says_who_pressed_what_where() {
    let (desk, app) = desk_and_app().await;
    let ts = desk.post_buttons().await;
    let delivery = desk.slack.press("U0ALICE", &ts, "ack").send().await.unwrap();
    assert!(delivery.is_acknowledged());
    assert_eq!((delivery.first().status, delivery.first().body.as_str()), (Some(200), ""));
    let seen = app.last();
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(seen.header("x-slack-request-timestamp"), (BEGIN / 1_000).to_string());
    assert!(seen.verifies(SECRET, BEGIN / 1_000));
    let said = seen.payload();
    assert_eq!(said, delivery.payload);
    assert_eq!(said["type"], "block_actions");
    assert_eq!(said["user"], json!({"id": "U0ALICE", "username": "alice", "name": "alice", "team_id": "T0STANDIN"}));
    assert_eq!(said["team"], json!({"id": "T0STANDIN", "domain": "standin"}));
    assert_eq!(said["channel"], json!({"id": "C0OPS", "name": "ops"}));
    assert_eq!(said["container"]["message_ts"], json!(ts));
    assert_eq!(said["message"]["text"], "asks");
    assert_eq!(said["trigger_id"], json!(delivery.trigger_id));
    let action = &said["actions"][0];
    assert_eq!(
        (&action["action_id"], &action["block_id"], &action["value"]),
        (&json!("ack"), &json!("row"), &json!("n-1"))
    );
    assert!(action["action_ts"].is_string() && said["actions"][1].is_null());
    let again = desk.slack.press("U0ALICE", &ts, "ack").send().await.unwrap();
    assert_ne!(again.trigger_id, delivery.trigger_id);
}

#[tokio::test]
async fn what_is_gone_can_still_be_pressed_and_what_never_was_cannot() {
    let (desk, app) = desk_and_app().await;
    let ts = desk.post_buttons().await;
    desk.call("chat.update", json!({"channel": "C0OPS", "ts": ts, "text": "paused"})).await;
    assert!(desk.slack.press("U0BOB", &ts, "pause").send().await.unwrap().is_acknowledged());
    assert_eq!(app.last().payload()["message"]["text"], "paused");
    assert_eq!(desk.slack.press("U0BOB", &ts, "other").send().await, Err(Unsendable::NoAction));
    assert_eq!(desk.slack.press("U0BOB", "1.000000", "pause").send().await, Err(Unsendable::NoMessage));
    let alone = Desk::new().await;
    let ts = alone.post_buttons().await;
    assert_eq!(alone.slack.press("U0BOB", &ts, "pause").send().await, Err(Unsendable::Nowhere));
}

#[tokio::test]
async fn forgeries_arrive_as_told() {
    let (desk, app) = desk_and_app().await;
    let ts = desk.post_buttons().await;
    let press = || desk.slack.press("U0ALICE", &ts, "ack");
    let now = BEGIN / 1_000;
    for (forged, valid) in [
        (press(), true),
        (press().badly_signed(), false),
        (press().signed_with("another"), false),
        (press().unsigned(), false),
        (press().skewed(-299), true),
        (press().skewed(-301), false),
        (press().skewed(299), true),
        (press().skewed(301), false),
        (press().from_team("T0OTHER"), true),
        (desk.slack.press("U0STRANGER", &ts, "ack"), true),
    ] {
        forged.send().await.unwrap();
        assert_eq!(app.last().verifies(SECRET, now), valid, "{}", app.last().body);
    }
    let seen = app.seen();
    assert_eq!(seen[1].header("x-slack-signature").len(), seen[0].header("x-slack-signature").len());
    let foreign = seen[8].payload();
    assert_eq!((&foreign["team"]["id"], &foreign["user"]["team_id"]), (&json!("T0OTHER"), &json!("T0OTHER")));
    assert_eq!(seen[9].payload()["user"]["id"], "U0STRANGER");
}

#[tokio::test]
async fn a_delivery_is_doubled_and_replayed_byte_for_byte() {
    let (desk, app) = desk_and_app().await;
    let ts = desk.post_buttons().await;
    let delivery = desk.slack.press("U0ALICE", &ts, "ack").twice().send().await.unwrap();
    assert_eq!(delivery.attempts.len(), 2);
    desk.advance(10_000);
    assert!(desk.slack.replay(&delivery).await.acknowledged);
    let seen = app.seen();
    assert_eq!(seen.len(), 3);
    let Route::Http { body, .. } = &delivery.route else { panic!("no socket is open") };
    for again in &seen {
        assert_eq!((&again.body, &again.headers), (body, &seen[0].headers));
    }
}

#[tokio::test]
async fn acknowledgement_is_timed() {
    let (desk, app) = desk_and_app().await;
    let ts = desk.post_buttons().await;
    let press = || desk.slack.press("U0ALICE", &ts, "ack").send();
    app.answer(200, "late", Duration::from_secs(2));
    let late = press().await.unwrap();
    assert!(!late.is_acknowledged() && late.first().status.is_none());
    assert!(late.first().took >= Duration::from_millis(400));
    app.answer(500, "broken", Duration::ZERO);
    let broken = press().await.unwrap();
    assert!(!broken.is_acknowledged());
    assert_eq!((broken.first().status, broken.first().body.as_str()), (Some(500), "broken"));
    drop(app);
    let gone = press().await.unwrap();
    assert!(!gone.is_acknowledged() && gone.first().status.is_none());
}

#[tokio::test]
async fn a_response_url_takes_five_messages_within_half_an_hour() {
    let (desk, _app) = desk_and_app().await;
    let ts = desk.post_buttons().await;
    let press = || async { desk.slack.press("U0ALICE", &ts, "ack").send().await.unwrap().response_url };
    let url = press().await;
    let say = |said: Value| {
        let url = url.clone();
        async move { post_json(&url, &[], &said).await.unwrap() }
    };
    assert_eq!(say(json!({"text": "alone", "replace_original": false})).await.text, "ok");
    assert_eq!(desk.slack.ephemerals("U0ALICE")[0].content.text, "alone");
    say(json!({"text": "all", "response_type": "in_channel", "replace_original": false})).await;
    say(json!({"text": "changed", "replace_original": true})).await;
    say(json!({"text": "silently changed"})).await;
    let texts = || desk.slack.messages("ops").into_iter().map(|message| message.content.text).collect::<Vec<_>>();
    assert_eq!(texts(), ["silently changed", "all"]);
    say(json!({"delete_original": true})).await;
    assert_eq!(texts(), ["all"]);
    let sixth = say(json!({"text": "one too many", "replace_original": false})).await;
    assert_eq!((sixth.status, &sixth.body["error"]), (404, &json!("used_url")));

    let ts = desk.post_buttons().await;
    let url = desk.slack.press("U0ALICE", &ts, "ack").send().await.unwrap().response_url;
    desk.advance(30 * 60_000);
    assert_eq!(post_json(&url, &[], &json!({"text": "x", "replace_original": false})).await.unwrap().status, 200);
    desk.advance(1);
    let late = post_json(&url, &[], &json!({"text": "x", "replace_original": false})).await.unwrap();
    assert_eq!((late.status, &late.body["error"]), (404, &json!("expired_url")));
    let other = post_json(&format!("{url}x"), &[], &json!({"text": "x"})).await.unwrap();
    assert_eq!((other.status, &other.body["error"]), (404, &json!("no_service")));
    assert!(desk.slack.calls().iter().any(|call| call.method == "response_url" && call.error() == "used_url"));
}

#[tokio::test]
async fn a_command_is_a_form_and_its_answer_is_shown() {
    let (desk, app) = desk_and_app().await;
    app.answer(200, "*2* agents", Duration::ZERO);
    let delivery = desk.slack.command("U0BOB", "#payments", "/mandate", "status now & then").send().await.unwrap();
    let seen = app.last();
    assert!(seen.verifies(SECRET, BEGIN / 1_000));
    for (name, value) in [
        ("command", "/mandate"),
        ("text", "status now & then"),
        ("team_id", "T0STANDIN"),
        ("channel_id", "C0PAYMENTS"),
        ("channel_name", "payments"),
        ("user_id", "U0BOB"),
        ("user_name", "bob"),
        ("api_app_id", "A0MANDATE"),
        ("response_url", &delivery.response_url),
        ("trigger_id", &delivery.trigger_id),
    ] {
        assert_eq!(seen.field(name), value, "{name}");
    }
    assert_eq!(desk.slack.ephemerals("U0BOB")[0].content.text, "*2* agents");
    app.answer(200, r#"{"response_type": "in_channel", "text": "for all"}"#, Duration::ZERO);
    desk.slack.command("U0BOB", "#payments", "/mandate", "pause").send().await.unwrap();
    assert_eq!(desk.slack.messages("payments")[0].content.text, "for all");
    app.answer(200, "", Duration::ZERO);
    desk.slack.command("U0BOB", "#payments", "/mandate", "ack").send().await.unwrap();
    assert_eq!((desk.slack.ephemerals("U0BOB").len(), desk.slack.messages("payments").len()), (1, 1));
    let nowhere = desk.slack.command("U0BOB", "#none", "/mandate", "ack").send().await;
    assert_eq!(nowhere, Err(Unsendable::NoChannel));
}
