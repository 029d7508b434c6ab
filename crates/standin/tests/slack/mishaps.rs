//! What goes wrong when a test says so.

use std::time::Duration;

use mandate_standin::slack::mishap::Mishap;
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::Desk;

const POST: &str = "chat.postMessage";

#[tokio::test]
async fn mishaps_befall_the_next_calls_in_turn() {
    let desk = Desk::new().await;
    let say = json!({"channel": "C0OPS", "text": "x"});
    desk.slack.plan(
        POST,
        [
            Mishap::RateLimited(7),
            Mishap::Refuse("internal_error".into()),
            Mishap::Status(503),
            Mishap::Nothing,
            Mishap::HangUp,
            Mishap::Lose,
            Mishap::Slow(Duration::from_millis(50)),
            Mishap::Hang,
        ],
    );
    let limited = desk.try_call(POST, say.clone()).await.unwrap();
    assert_eq!((limited.status, limited.headers["retry-after"].to_str().unwrap()), (429, "7"));
    assert_eq!(desk.refused(POST, say.clone()).await, "internal_error");
    let broken = desk.try_call(POST, say.clone()).await.unwrap();
    assert_eq!((broken.status, broken.text.as_str()), (503, "<h1>Server Error</h1>"));
    assert!(desk.slack.messages("ops").is_empty());
    assert_eq!(desk.call(POST, say.clone()).await["ok"], true);
    assert!(desk.try_call(POST, say.clone()).await.is_none(), "the connection was to be closed");
    assert_eq!(desk.slack.messages("ops").len(), 1);
    assert!(desk.try_call(POST, say.clone()).await.is_none(), "the answer was to be lost");
    assert_eq!(desk.slack.messages("ops").len(), 2, "a lost answer leaves the message posted");
    let began = Instant::now();
    assert_eq!(desk.call(POST, say.clone()).await["ok"], true);
    assert!(began.elapsed() >= Duration::from_millis(50));
    assert!(timeout(Duration::from_millis(50), desk.try_call(POST, say.clone())).await.is_err());
    assert_eq!(desk.call(POST, say).await["ok"], true, "the plan is over");

    let heard: Vec<_> = desk.slack.calls().iter().map(|call| (call.status, call.answered, call.is_ok())).collect();
    assert_eq!(
        heard,
        [
            (429, true, false),
            (200, true, false),
            (503, true, false),
            (200, true, true),
            (0, false, false),
            (0, false, true),
            (200, true, true),
            (0, false, false),
            (200, true, true),
        ]
    );
    assert_eq!(desk.slack.calls()[1].error(), "internal_error");
    desk.slack.plan(POST, [Mishap::Hang]);
    desk.slack.forget_plans();
    assert_eq!(desk.call("auth.test", json!({})).await["ok"], true);
}

#[tokio::test]
async fn the_whole_workspace_goes_down_and_comes_back() {
    let desk = Desk::new().await;
    let say = json!({"channel": "C0OPS", "text": "x"});
    desk.slack.plan(POST, [Mishap::Hang]);
    let hanging = desk.try_call(POST, say.clone());
    let down = async {
        desk.slack.until(|slack| slack.call_count() == 1).await;
        desk.slack.set_down(true);
    };
    let (hanging, ()) = tokio::join!(hanging, down);
    assert!(hanging.is_none(), "open connections break");
    assert!(desk.try_call(POST, say.clone()).await.is_none());
    desk.slack.set_down(false);
    assert_eq!(desk.call(POST, say).await["ok"], true);
}
