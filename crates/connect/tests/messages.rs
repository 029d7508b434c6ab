//! Writes signed messages for the official libraries to judge: see `tests/webhooks/verify.py` and `verify.mjs`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use mandate_connect::channel::webhook::secret::Secret;
use mandate_connect::channel::webhook::{DEFAULT_TIMEOUT, Webhook, WebhookConfig};
use mandate_connect::http::HttpClient;
use mandate_core::delivery::Answer;
use mandate_standin::webhook::{SinkOptions, WebhookSink};
use serde_json::{Value, json};

const PADDED: &str = "whsec_b3RoZXItc2VjcmV0LW9mLTI0LWJ5dGVzIQ==";
const UNPADDED: &str = "whsec_b3RoZXItc2VjcmV0LW9mLTI0LWJ5dGVzIQ";
const SECOND: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BARE: &str = "raw-secret-of-28-bytes-long!";
const BARE_ENCODED: &str = "whsec_cmF3LXNlY3JldC1vZi0yOC1ieXRlcy1sb25nIQ==";

/// The libraries judge by the real clock, so these messages are of now.
#[expect(clippy::disallowed_methods, reason = "an outside verifier reads the real clock")]
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// Sends `body`, signed with `ours`, to a sink that knows `theirs`, and returns what arrived.
async fn message(ours: &[&str], theirs: &str, at: i64, body: &str) -> Value {
    let sink = WebhookSink::start(SinkOptions::new(theirs, Arc::new(now))).await.unwrap();
    let config = WebhookConfig {
        name: "ops-hook".into(),
        url: sink.url(),
        secrets: ours.iter().map(|secret| Secret::parse(secret).unwrap()).collect(),
        allow_private: true,
        timeout: DEFAULT_TIMEOUT,
    };
    let webhook = Webhook::new(config, HttpClient::default()).unwrap();
    let id = format!("message-{}-{}", ours.len(), body.len());
    let outcome = webhook.send(&id, at, Bytes::copy_from_slice(body.as_bytes())).await;
    let arrived = sink.after(0).await.unwrap();
    let valid = arrived.rejected.is_none();
    assert_eq!(matches!(outcome, Answer::Sent { .. }), valid, "{outcome:?}");
    let mut message = serde_json::to_value(arrived).unwrap();
    message["secret"] = json!(theirs);
    message["valid"] = json!(valid);
    message
}

#[tokio::test]
async fn signed_messages_are_written_for_the_official_libraries() {
    let (plain, text, long) =
        (r#"{"a":1}"#, r#"{"a":"äöü 🚦 \u0000 \"x\""}"#, format!(r#"{{"a":"{}"}}"#, "x".repeat(19_000)));
    let mut messages = vec![
        message(&[PADDED], PADDED, now(), plain).await,
        message(&[UNPADDED], PADDED, now(), plain).await,
        message(&[PADDED], UNPADDED, now(), text).await,
        message(&[BARE], BARE_ENCODED, now(), text).await,
        message(&[PADDED], PADDED, now(), &long).await,
        message(&[PADDED, SECOND], PADDED, now(), plain).await,
        message(&[PADDED, SECOND], SECOND, now(), text).await,
        message(&[SECOND, BARE, PADDED], PADDED, now() - 200, plain).await,
        message(&[PADDED], PADDED, now() + 200, plain).await,
    ];
    assert!(messages.iter().all(|message| message["valid"] == true));

    // What has to be rejected shows that the verifier looks.
    messages.push(message(&[PADDED], SECOND, now(), plain).await);
    messages.push(message(&[PADDED], PADDED, now() - 400, plain).await);
    messages.push(message(&[PADDED], PADDED, now() + 900, plain).await);
    let mut changed = messages[0].clone();
    (changed["body"], changed["valid"]) = (json!(r#"{"a":2}"#), json!(false));
    let mut renamed = messages[0].clone();
    (renamed["headers"]["webhook-id"], renamed["valid"]) = (json!("message-of-another"), json!(false));
    messages.extend([changed, renamed]);
    assert_eq!(messages.iter().filter(|message| message["valid"] == false).count(), 5);

    let mut lines = String::new();
    messages.iter().for_each(|message| writeln!(lines, "{message}").unwrap());
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/webhook-messages.jsonl"), lines).unwrap();
}
