//! Modals: triggers, limits, submissions and what they are answered.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Desk;
use crate::app::App;

fn modal(change: impl FnOnce(&mut Value)) -> Value {
    let mut view = json!({
        "type": "modal",
        "callback_id": "reason",
        "private_metadata": "n-1",
        "title": {"type": "plain_text", "text": "Why?"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": [
            {"type": "input", "block_id": "why", "label": {"type": "plain_text", "text": "Reason"},
             "element": {"type": "plain_text_input", "action_id": "text"}},
            {"type": "input", "block_id": "how", "label": {"type": "plain_text", "text": "How long"}, "optional": true,
             "element": {"type": "static_select", "action_id": "span", "options": [
                {"text": {"type": "plain_text", "text": "One hour"}, "value": "1h"},
                {"text": {"type": "plain_text", "text": "One day"}, "value": "1d"},
             ]}},
        ],
    });
    change(&mut view);
    view
}

async fn desk_and_app() -> (Desk, App) {
    let (desk, app) = (Desk::new().await, App::new().await);
    desk.slack.set_interactivity_url(&app.url);
    (desk, app)
}

async fn trigger(desk: &Desk) -> String {
    let ts = desk.post_buttons().await;
    desk.advance(1_000);
    desk.slack.press("U0ALICE", &ts, "ack").send().await.unwrap().trigger_id
}

async fn open(desk: &Desk) -> String {
    let trigger = trigger(desk).await;
    let opened = desk.call("views.open", json!({"trigger_id": trigger, "view": modal(|_| ())})).await;
    opened["view"]["id"].as_str().unwrap_or_else(|| panic!("{opened}")).to_owned()
}

#[tokio::test]
async fn a_trigger_opens_one_view_while_it_is_fresh() {
    let (desk, _app) = desk_and_app().await;
    let fresh = trigger(&desk).await;
    let say = |trigger: &str| json!({"trigger_id": trigger, "view": modal(|_| ())});
    assert_eq!(desk.refused("views.open", say("1.2.3")).await, "invalid_trigger_id");
    assert_eq!(desk.refused("views.open", json!({"view": modal(|_| ())})).await, "invalid_arguments");
    desk.advance(400);
    let opened = desk.call("views.open", say(&fresh)).await;
    assert_eq!(opened["view"]["private_metadata"], "n-1", "{opened}");
    assert_eq!(desk.refused("views.open", say(&fresh)).await, "exchanged_trigger_id");
    let stale = trigger(&desk).await;
    desk.advance(401);
    assert_eq!(desk.refused("views.open", say(&stale)).await, "expired_trigger_id");
    assert_eq!(desk.slack.views().len(), 1);
}

#[tokio::test]
async fn a_view_has_limits_too() {
    let (desk, _app) = desk_and_app().await;
    let plain = |length: usize| json!({"type": "plain_text", "text": "x".repeat(length)});
    for (name, most, over) in [
        ("title", plain(24), plain(25)),
        ("submit", plain(24), plain(25)),
        ("close", plain(24), plain(25)),
        ("callback_id", json!("x".repeat(255)), json!("x".repeat(256))),
        ("private_metadata", json!("x".repeat(3_000)), json!("x".repeat(3_001))),
    ] {
        let trigger = trigger(&desk).await;
        let say = |value: Value| json!({"trigger_id": trigger, "view": modal(|view| view[name] = value)});
        let answer = desk.call("views.open", say(over)).await;
        assert_eq!(answer["error"], "invalid_arguments", "{name}");
        assert!(answer["response_metadata"]["messages"][0].as_str().unwrap().contains(&format!("/view/{name}")));
        assert_eq!(desk.call("views.open", say(most)).await["ok"], true, "{name}: a refusal leaves the trigger fresh");
    }
    let fresh = trigger(&desk).await;
    let refused = |change: fn(&mut Value)| {
        let say = json!({"trigger_id": fresh, "view": modal(change)});
        desk.refused("views.open", say)
    };
    assert_eq!(refused(|view| view["type"] = json!("home")).await, "invalid_arguments");
    assert_eq!(refused(|view| drop(view.as_object_mut().unwrap().remove("submit"))).await, "invalid_arguments");
    let many = |view: &mut Value| view["blocks"] = vec![json!({"type": "divider"}); 101].into();
    assert_eq!(refused(many).await, "invalid_arguments");
    let long = |view: &mut Value| view["blocks"][0]["label"]["text"] = json!("x".repeat(2_001));
    assert_eq!(refused(long).await, "invalid_arguments");
    let large = |view: &mut Value| view["blocks"][0]["label"]["text"] = json!("x".repeat(250_000));
    assert_eq!(refused(large).await, "view_too_large");
}

#[tokio::test]
async fn a_view_is_changed_by_id_and_hash() {
    let (desk, _app) = desk_and_app().await;
    let id = open(&desk).await;
    let hash = desk.slack.views()[0].hash.clone();
    let change = |extra: Value| {
        let mut say = json!({"view": modal(|view| view["external_id"] = json!("e-1"))});
        say.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        say
    };
    let updated = desk.call("views.update", change(json!({"view_id": id, "hash": hash}))).await;
    assert_ne!(updated["view"]["hash"], json!(hash));
    assert_eq!(desk.refused("views.update", change(json!({"view_id": id, "hash": hash}))).await, "hash_conflict");
    assert_eq!(desk.call("views.update", change(json!({"external_id": "e-1"}))).await["ok"], true);
    assert_eq!(desk.refused("views.update", change(json!({"view_id": "V0NONE"}))).await, "not_found");
    assert_eq!(desk.refused("views.update", change(json!({}))).await, "invalid_arguments");
    let say = json!({"trigger_id": trigger(&desk).await, "view": modal(|view| view["external_id"] = json!("e-1"))});
    assert_eq!(desk.refused("views.open", say).await, "duplicate_external_id");
}

#[tokio::test]
async fn a_submission_carries_the_values_and_obeys_the_answer() {
    let (desk, app) = desk_and_app().await;
    let id = open(&desk).await;
    let submit = || desk.slack.submit("U0ALICE", &id, &[("why", "too risky"), ("how", "1d")]);
    let errors = r#"{"response_action": "errors", "errors": {"why": "too short"}}"#;
    app.answer(200, errors, Duration::ZERO);
    submit().send().await.unwrap();
    let said = app.last().payload();
    assert_eq!((&said["type"], &said["view"]["callback_id"]), (&json!("view_submission"), &json!("reason")));
    let values = &said["view"]["state"]["values"];
    assert_eq!(values["why"]["text"], json!({"type": "plain_text_input", "value": "too risky"}));
    assert_eq!(values["how"]["span"]["selected_option"]["text"]["text"], "One day");
    let view = desk.slack.views().remove(0);
    assert_eq!((view.open, view.errors["why"].as_str()), (true, "too short"));

    let other = json!({"response_action": "update", "view": modal(|view| view["title"]["text"] = json!("Sure?"))});
    app.answer(200, &other.to_string(), Duration::ZERO);
    submit().send().await.unwrap();
    assert_eq!(desk.slack.views()[0].view["title"]["text"], "Sure?");
    let above = json!({"response_action": "push", "view": modal(|view| view["title"]["text"] = json!("On top"))});
    app.answer(200, &above.to_string(), Duration::ZERO);
    for _ in 0..3 {
        submit().send().await.unwrap();
    }
    assert_eq!(desk.slack.views().len(), 3, "no more than three lie on each other");
    assert_eq!(desk.slack.views()[1].previous.as_deref(), Some(id.as_str()));
    app.answer(200, r#"{"response_action": "clear"}"#, Duration::ZERO);
    submit().send().await.unwrap();
    assert!(desk.slack.views().iter().all(|view| !view.open));
    assert!(submit().send().await.is_err(), "a closed view cannot be submitted");

    let id = open(&desk).await;
    app.answer(200, "", Duration::from_secs(2));
    desk.slack.submit("U0ALICE", &id, &[]).send().await.unwrap();
    assert!(desk.slack.views().last().unwrap().open, "without acknowledgement it stays open");
    app.answer(200, "", Duration::ZERO);
    desk.slack.submit("U0ALICE", &id, &[("why", "x")]).send().await.unwrap();
    assert!(!desk.slack.views().last().unwrap().open);
    let id = open(&desk).await;
    desk.slack.close("U0ALICE", &id).send().await.unwrap();
    assert_eq!(app.last().payload()["type"], "view_closed");
    assert!(!desk.slack.views().last().unwrap().open);
}
