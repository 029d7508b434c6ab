//! Too many calls.

use serde_json::{Value, json};

use crate::Desk;

#[tokio::test]
async fn a_channel_takes_a_burst_and_then_one_a_second() {
    let desk = Desk::new().await;
    let say = |channel: &str| json!({"channel": channel, "text": "x"});
    for _ in 0..4 {
        assert_eq!(desk.call("chat.postMessage", say("C0OPS")).await["ok"], true);
    }
    let late = desk.try_call("chat.postMessage", say("C0OPS")).await.unwrap();
    assert_eq!((late.status, &late.body), (429, &json!({"ok": false, "error": "ratelimited"})));
    assert_eq!(late.headers["retry-after"], "1");
    assert_eq!(desk.call("chat.postMessage", say("C0PAYMENTS")).await["ok"], true, "another channel has its own");
    desk.advance(1_000);
    assert_eq!(desk.call("chat.postMessage", say("C0OPS")).await["ok"], true);
    assert_eq!(desk.refused("chat.postMessage", say("C0OPS")).await, "ratelimited");
    assert_eq!(desk.slack.messages("ops").len(), 5);
}

#[tokio::test]
async fn each_method_has_its_tier() {
    let desk = Desk::new().await;
    let ts = desk.post_buttons().await;
    let update = json!({"channel": "C0OPS", "ts": ts, "text": "x"});
    for (method, arguments, limit) in [
        ("conversations.archive", json!({"channel": "C0NONE"}), 20),
        ("chat.update", update, 50),
        ("conversations.invite", json!({"channel": "C0OPS", "users": "U0NONE"}), 50),
        ("users.lookupByEmail", json!({"email": "alice@example.com"}), 50),
        ("chat.postEphemeral", json!({"channel": "C0OPS", "user": "U0ALICE", "text": "x"}), 100),
        ("views.open", json!({"trigger_id": "none", "view": {}}), 100),
        ("users.info", json!({"user": "U0ALICE"}), 100),
    ] {
        for _ in 0..limit {
            assert_eq!(desk.try_call(method, arguments.clone()).await.unwrap().status, 200, "{method}");
        }
        let late = desk.try_call(method, arguments.clone()).await.unwrap();
        assert_eq!((late.status, late.headers["retry-after"].to_str().unwrap()), (429, "60"), "{method}");
    }
    desk.advance(59_999);
    assert_eq!(desk.refused("users.info", json!({"user": "U0ALICE"})).await, "ratelimited");
    desk.advance(1);
    assert_eq!(desk.call("users.info", json!({"user": "U0ALICE"})).await["ok"], true);
}

#[tokio::test]
async fn the_workspace_has_a_limit_of_its_own() {
    let desk = Desk::with(|options| {
        options.pacing.channel_burst = None;
        options.pacing.workspace = Some(3);
    })
    .await;
    let say = |channel: &str| json!({"channel": channel, "text": "x"});
    for channel in ["C0OPS", "C0PAYMENTS", "U0ALICE"] {
        assert_eq!(desk.call("chat.postMessage", say(channel)).await["ok"], true);
    }
    let over = desk.try_call("chat.postMessage", say("U0BOB")).await.unwrap();
    assert_eq!((over.status, &over.body["error"]), (200, &Value::from("rate_limited")));
}
