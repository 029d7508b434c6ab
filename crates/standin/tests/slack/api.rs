//! Methods, their arguments, their refusals.

use serde_json::{Value, json};

use crate::Desk;
use crate::client::send;

#[tokio::test]
async fn a_message_is_posted_changed_and_taken_back() {
    let desk = Desk::new().await;
    let text = "<!channel> &lt;b&gt; *x*";
    let metadata = json!({"event_type": "mandate_notice", "event_payload": {"notification_id": "n-1"}});
    let said = json!({"channel": "#ops", "text": text, "metadata": metadata});
    let posted = desk.call("chat.postMessage", said).await;
    assert_eq!((&posted["channel"], &posted["message"]["text"]), (&json!("C0OPS"), &json!(text)));
    let ts = posted["ts"].as_str().unwrap();
    assert!(ts.starts_with("1764100000.") && ts.len() == 17, "{ts}");

    let parts = json!([{"type": "divider"}]);
    let update = json!({"channel": "C0OPS", "ts": ts, "text": "done", "blocks": parts});
    let updated = desk.call("chat.update", update).await;
    assert_eq!((&updated["text"], &updated["ts"]), (&json!("done"), &json!(ts)));
    assert!(updated["message"]["edited"]["ts"].is_string());
    // Text alone takes the layout away.
    desk.call("chat.update", json!({"channel": "C0OPS", "ts": ts, "text": "bare"})).await;
    let message = desk.slack.messages("ops").remove(0);
    let texts: Vec<_> = message.earlier.iter().map(|(_, content)| content.text.as_str()).collect();
    assert_eq!(texts, [text, "done"]);
    assert_eq!((message.content.text.as_str(), message.content.blocks.len()), ("bare", 0));
    assert_eq!(message.content.metadata, Some(metadata), "what an update leaves out stays");

    assert_eq!(desk.call("chat.delete", json!({"channel": "C0OPS", "ts": ts})).await["ok"], true);
    assert_eq!(
        desk.refused("chat.update", json!({"channel": "C0OPS", "ts": ts, "text": "x"})).await,
        "message_not_found"
    );
    assert!(desk.slack.messages("ops").is_empty());
    assert_eq!(desk.slack.channel("ops").unwrap().messages.len(), 1);
    let methods: Vec<_> = desk.slack.calls().into_iter().map(|call| (call.method, call.status)).collect();
    assert_eq!(methods[..2], [("chat.postMessage".to_owned(), 200), ("chat.update".to_owned(), 200)]);
    assert_eq!(desk.slack.calls()[0].arguments["text"], text);
}

#[tokio::test]
async fn what_is_wrong_with_a_message_has_its_name() {
    let desk = Desk::with(|options| {
        options.pacing = mandate_standin::slack::options::Pacing::unlimited();
        options.channels[1].joined = false;
        let mut closed = mandate_standin::slack::options::ChannelSetup::new("C0OLD", "old");
        closed.archived = true;
        let mut secret = mandate_standin::slack::options::ChannelSetup::new("C0SECRET", "secret");
        (secret.private, secret.joined) = (true, false);
        options.channels.extend([closed, secret]);
    })
    .await;
    let part = json!([{"type": "divider"}]);
    let long = "x".repeat(12_001);
    for (arguments, error) in [
        (json!({"channel": "C0OPS"}), "no_text"),
        (json!({"channel": "C0OPS", "text": ""}), "no_text"),
        (json!({"text": "x"}), "channel_not_found"),
        (json!({"channel": "C0NONE", "text": "x"}), "channel_not_found"),
        (json!({"channel": "C0SECRET", "text": "x"}), "channel_not_found"),
        (json!({"channel": "C0PAYMENTS", "text": "x"}), "not_in_channel"),
        (json!({"channel": "C0OLD", "text": "x"}), "is_archived"),
        (json!({"channel": "C0OPS", "text": "x", "markdown_text": "x"}), "markdown_text_conflict"),
        (json!({"channel": "C0OPS", "blocks": part, "markdown_text": "x"}), "markdown_text_conflict"),
        (json!({"channel": "C0OPS", "markdown_text": long}), "msg_too_long"),
        (json!({"channel": "C0OPS", "text": "x", "blocks": {}}), "invalid_blocks_format"),
        (json!({"channel": "C0OPS", "text": "x", "blocks": "[{"}), "invalid_blocks_format"),
        (json!({"channel": "C0OPS", "text": "x", "attachments": vec![json!({}); 101]}), "too_many_attachments"),
        (json!({"channel": "C0OPS", "text": "x", "metadata": {"event_type": 1}}), "invalid_metadata_format"),
        (
            json!({"channel": "C0OPS", "text": "x", "metadata": {"event_type": "x", "event_payload": {"x": long}}}),
            "metadata_too_large",
        ),
    ] {
        assert_eq!(desk.refused("chat.postMessage", arguments.clone()).await, error, "{arguments}");
    }
    for (arguments, error) in [
        (json!({"channel": "C0OPS", "ts": "1.000000", "text": "x"}), "message_not_found"),
        (json!({"channel": "#ops", "ts": "1.000000", "text": "x"}), "channel_not_found"),
        (json!({"channel": "U0ALICE", "ts": "1.000000", "text": "x"}), "channel_not_found"),
    ] {
        assert_eq!(desk.refused("chat.update", arguments.clone()).await, error, "{arguments}");
    }
    let very_long = "x".repeat(40_001);
    let posted = desk.call("chat.postMessage", json!({"channel": "C0OPS", "text": very_long})).await;
    assert_eq!(posted["message"]["text"].as_str().unwrap().len(), 40_000);
}

#[tokio::test]
async fn a_form_and_a_query_say_the_same_as_json() {
    let desk = Desk::new().await;
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let token = ("authorization", "Bearer xoxb-standin");
    let layout = r#"[{"type":"divider"}]"#;
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("channel", "C0OPS"), ("text", "a & b"), ("blocks", layout)])
        .finish();
    let url = format!("{}chat.postMessage", desk.slack.api_url());
    let posted = send("POST", &url, &[kind, token], &form).await.unwrap().body;
    assert_eq!(posted["message"]["blocks"], json!([{"type": "divider", "block_id": "p0"}]), "{posted}");
    let url = format!("{}users.info?user=U0BOB", desk.slack.api_url());
    let bob = send("GET", &url, &[token], "").await.unwrap().body;
    assert_eq!(bob["user"]["profile"]["email"], "bob@example.com");

    let url = format!("{}auth.test", desk.slack.api_url());
    let named = send("POST", &url, &[kind], "token=xoxb-standin").await.unwrap().body;
    assert_eq!((&named["team_id"], &named["user_id"]), (&json!("T0STANDIN"), &json!("U0MANDATE")));
    for (headers, body, error) in [
        (vec![], "", "not_authed"),
        (vec![kind], "token=xoxb-other", "invalid_auth"),
        (vec![kind], "token=xapp-standin", "not_allowed_token_type"),
        (vec![("content-type", "application/json"), token], "{", "invalid_json"),
        (vec![("content-type", "application/json"), token], "[]", "json_not_object"),
        (vec![("content-type", "text/plain"), token], "x", "invalid_post_type"),
    ] {
        let answer = send("POST", &url, &headers, body).await.unwrap();
        assert_eq!((answer.status, &answer.body["error"]), (200, &json!(error)));
    }
    assert_eq!(desk.refused("chat.postMessages", json!({})).await, "unknown_method");
    desk.slack.set_revoked(true);
    assert_eq!(desk.refused("auth.test", json!({})).await, "token_revoked");
    desk.slack.set_revoked(false);
    assert_eq!(desk.call("auth.test", json!({})).await["ok"], true);
}

#[tokio::test]
async fn people_are_found_and_told_alone() {
    let desk = Desk::new().await;
    let found = desk.call("users.lookupByEmail", json!({"email": "Alice@example.com"})).await;
    assert_eq!(found["user"]["id"], "U0ALICE");
    assert_eq!(desk.refused("users.lookupByEmail", json!({"email": "x@example.com"})).await, "users_not_found");
    assert_eq!(desk.refused("users.info", json!({"user": "U0NONE"})).await, "user_not_found");

    let opened = desk.call("conversations.open", json!({"users": "U0ALICE"})).await;
    assert_eq!((&opened["channel"]["id"], &opened["already_open"]), (&json!("D0ALICE"), &json!(false)));
    let posted = desk.call("chat.postMessage", json!({"channel": "U0ALICE", "text": "x"})).await;
    assert_eq!(posted["channel"], "D0ALICE");
    assert_eq!(desk.call("conversations.open", json!({"users": "U0ALICE"})).await["already_open"], true);
    assert_eq!(desk.refused("conversations.open", json!({"users": "U0NONE"})).await, "user_not_found");

    let alone = json!({"channel": "C0OPS", "user": "U0BOB", "text": "only you"});
    assert!(desk.call("chat.postEphemeral", alone).await["message_ts"].is_string());
    assert_eq!(desk.slack.ephemerals("U0BOB")[0].content.text, "only you");
    assert!(desk.slack.ephemerals("U0ALICE").is_empty() && desk.slack.messages("ops").is_empty());
    let stranger = json!({"channel": "C0OPS", "user": "U0NONE", "text": "x"});
    assert_eq!(desk.refused("chat.postEphemeral", stranger).await, "user_not_in_channel");
}

#[tokio::test]
async fn channels_are_made_filled_and_closed() {
    let desk = Desk::with(|options| options.pacing = mandate_standin::slack::options::Pacing::unlimited()).await;
    let made = desk.call("conversations.create", json!({"name": "inc-42_db", "is_private": true})).await;
    let id = made["channel"]["id"].as_str().unwrap();
    assert_eq!((&made["channel"]["is_private"], &made["channel"]["name"]), (&json!(true), &json!("inc-42_db")));
    for (name, error) in [
        ("ops", "name_taken"),
        ("Ops", "invalid_name_specials"),
        ("a b", "invalid_name_specials"),
        ("--", "invalid_name_punctuation"),
        ("", "invalid_name_required"),
        (&*"x".repeat(81), "invalid_name_maxlength"),
    ] {
        assert_eq!(desk.refused("conversations.create", json!({"name": name})).await, error, "{name}");
    }
    let invite = |users: &str, force: bool| json!({"channel": id, "users": users, "force": force});
    assert_eq!(desk.call("conversations.invite", invite("U0ALICE,U0BOB", false)).await["ok"], true);
    assert_eq!(desk.refused("conversations.invite", invite("U0ALICE", false)).await, "already_in_channel");
    assert_eq!(desk.refused("conversations.invite", invite("U0MANDATE", false)).await, "cant_invite_self");
    let partly = desk.call("conversations.invite", invite("U0NONE,U0CAROL", true)).await;
    assert_eq!(partly["errors"], json!([{"user": "U0NONE", "ok": false, "error": "user_not_found"}]));
    assert_eq!(desk.slack.channel(id).unwrap().members, ["U0ALICE", "U0BOB", "U0CAROL"]);
    let crowd: Vec<_> = (0..101).map(|number| format!("U{number}")).collect();
    assert_eq!(desk.refused("conversations.invite", invite(&crowd.join(","), false)).await, "too_many_users");

    assert_eq!(desk.call("conversations.archive", json!({"channel": id})).await, json!({"ok": true}));
    assert_eq!(desk.refused("conversations.archive", json!({"channel": id})).await, "already_archived");
    assert_eq!(desk.refused("chat.postMessage", json!({"channel": id, "text": "x"})).await, "is_archived");
    assert_eq!(desk.refused("conversations.invite", invite("U0BOB", false)).await, "is_archived");
    desk.slack.archive("C0OPS");
    assert_eq!(desk.refused("chat.postMessage", json!({"channel": "ops", "text": "x"})).await, "is_archived");
    assert_eq!(desk.call("conversations.create", Value::Null).await["error"], "json_not_object");
}
