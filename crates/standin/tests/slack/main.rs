//! The workspace keeps Slack's contract: what it takes, what it turns away, what it sends, and what goes wrong.

mod api;
mod app;
mod client;
mod interactions;
mod layout;
mod mishaps;
mod pacing;
mod page;
mod sockets;
mod views;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mandate_standin::slack::Slack;
use mandate_standin::slack::options::SlackOptions;
use serde_json::{Value, json};

use client::{Answer, post_json};

/// When every test begins, in Unix milliseconds.
const BEGIN: i64 = 1_764_100_000_000;

/// A workspace, and its clock.
struct Desk {
    slack: Slack,
    clock: Arc<AtomicI64>,
}

impl Desk {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut SlackOptions)) -> Self {
        let clock = Arc::new(AtomicI64::new(BEGIN));
        let read = clock.clone();
        let mut options = SlackOptions::new(Arc::new(move || read.load(Ordering::Relaxed)));
        options.patience = Duration::from_millis(400);
        change(&mut options);
        Self { slack: Slack::start(options).await.unwrap(), clock }
    }

    fn advance(&self, milliseconds: i64) {
        self.clock.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// Calls a method with the bot token; nothing when the connection breaks.
    async fn try_call(&self, method: &str, arguments: Value) -> Option<Answer> {
        self.call_as("xoxb-standin", method, arguments).await
    }

    async fn call_as(&self, token: &str, method: &str, arguments: Value) -> Option<Answer> {
        let url = format!("{}{method}", self.slack.api_url());
        post_json(&url, &[("authorization", &format!("Bearer {token}"))], &arguments).await
    }

    async fn call(&self, method: &str, arguments: Value) -> Value {
        self.try_call(method, arguments).await.unwrap().body
    }

    /// The error a call is refused with.
    async fn refused(&self, method: &str, arguments: Value) -> String {
        let answer = self.call(method, arguments).await;
        assert_eq!(answer["ok"], false, "{method} was carried out: {answer}");
        answer["error"].as_str().unwrap().to_owned()
    }

    /// Posts a message with a button of each style; says its `ts`.
    async fn post_buttons(&self) -> String {
        let parts = json!([
            {"type": "section", "text": {"type": "mrkdwn", "text": "*deployer* asks"}},
            {"type": "actions", "block_id": "row", "elements": [
                {"type": "button", "action_id": "ack", "value": "n-1", "text": {"type": "plain_text", "text": "Ack"}},
                {"type": "button", "action_id": "pause", "style": "danger", "text": {"type": "plain_text", "text": "Pause"}},
            ]},
        ]);
        let said = self.call("chat.postMessage", json!({"channel": "C0OPS", "text": "asks", "blocks": parts})).await;
        said["ts"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
    }
}
