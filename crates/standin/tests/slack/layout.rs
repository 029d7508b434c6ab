//! Block Kit's limits: the largest that goes, and the next.

use mandate_standin::slack::options::Pacing;
use serde_json::{Value, json};

use crate::Desk;

fn plain(length: usize) -> Value {
    json!({"type": "plain_text", "text": "x".repeat(length)})
}

fn mrkdwn(length: usize) -> Value {
    json!({"type": "mrkdwn", "text": "ü".repeat(length)})
}

fn section(text: Value) -> Value {
    json!({"type": "section", "text": text})
}

fn button(change: impl FnOnce(&mut Value)) -> Value {
    let mut button = json!({"type": "button", "text": plain(1)});
    change(&mut button);
    button
}

fn actions(element: Value) -> Value {
    json!({"type": "actions", "elements": [element]})
}

fn set(name: &str, value: Value) -> Value {
    actions(button(|button| button[name] = value))
}

fn confirm(title: usize, text: usize, yes: usize, no: usize) -> Value {
    set("confirm", json!({"title": plain(title), "text": mrkdwn(text), "confirm": plain(yes), "deny": plain(no)}))
}

fn options(count: usize, text: usize, value: usize) -> Value {
    let option = json!({"text": plain(text), "value": "v".repeat(value)});
    vec![option; count].into()
}

fn menu(kind: &str, options: Value) -> Value {
    actions(json!({"type": kind, "options": options}))
}

fn many(count: usize, part: Value) -> Value {
    vec![part; count].into()
}

/// What goes, and what is one too much of the same, with the place and the words that are said of it.
async fn limit(desk: &Desk, most: Value, over: Value, words: &str) {
    let wrap = |parts: Value| if parts.is_array() { parts } else { json!([parts]) };
    let said = json!({"channel": "C0OPS", "text": "x", "blocks": wrap(most)});
    let answer = desk.call("chat.postMessage", said).await;
    assert_eq!(answer["ok"], true, "{words}: {answer}");
    let answer = desk.call("chat.postMessage", json!({"channel": "C0OPS", "text": "x", "blocks": wrap(over)})).await;
    assert_eq!(answer["error"], "invalid_blocks", "{words}: {answer}");
    let messages = answer["response_metadata"]["messages"].to_string();
    assert!(messages.contains(&format!("[ERROR] {words}")), "{words}: {messages}");
}

#[tokio::test]
async fn every_limit_has_a_last_that_goes_and_a_first_that_does_not() {
    let desk = Desk::with(|options| options.pacing = Pacing::unlimited()).await;
    let desk = &desk;
    let less = |most: usize, at: &str| format!("must be less than {} characters [json-pointer:{at}]", most + 1);
    let fields = |count: usize, length: usize| json!({"type": "section", "fields": many(count, mrkdwn(length))});
    let divider = json!({"type": "divider"});
    limit(
        desk,
        many(50, divider.clone()),
        many(51, divider.clone()),
        "no more than 50 items allowed [json-pointer:/blocks]",
    )
    .await;
    limit(desk, section(mrkdwn(3_000)), section(mrkdwn(3_001)), &less(3_000, "/blocks/0/text/text")).await;
    limit(desk, section(mrkdwn(1)), section(mrkdwn(0)), "must be more than 0 characters").await;
    limit(desk, section(plain(1)), json!({"type": "section"}), "must define either text or fields").await;
    limit(desk, fields(10, 1), fields(11, 1), "no more than 10 items allowed [json-pointer:/blocks/0/fields]").await;
    limit(desk, fields(1, 2_000), fields(1, 2_001), &less(2_000, "/blocks/0/fields/0/text")).await;
    let header = |text: Value| json!({"type": "header", "text": text});
    limit(desk, header(plain(150)), header(plain(151)), &less(150, "/blocks/0/text/text")).await;
    limit(desk, header(plain(1)), header(mrkdwn(1)), "must be one of: plain_text").await;
    let context = |count: usize| json!({"type": "context", "elements": many(count, mrkdwn(1))});
    limit(desk, context(10), context(11), "no more than 10 items allowed [json-pointer:/blocks/0/elements]").await;
    limit(desk, context(1), context(0), "must have at least 1 items").await;
    let row = |count: usize| json!({"type": "actions", "elements": many(count, button(|_| ()))});
    limit(desk, row(25), row(26), "no more than 25 items allowed [json-pointer:/blocks/0/elements]").await;

    let at = |name: &str| format!("/blocks/0/elements/0/{name}");
    limit(desk, set("text", plain(75)), set("text", plain(76)), &less(75, &at("text/text"))).await;
    for (name, most) in [("value", 2_000), ("accessibility_label", 75), ("action_id", 255), ("url", 3_000)] {
        let text = |length: usize| json!("x".repeat(length));
        limit(desk, set(name, text(most)), set(name, text(most + 1)), &less(most, &at(name))).await;
    }
    let long = |length: usize| json!({"type": "divider", "block_id": "x".repeat(length)});
    limit(desk, long(255), long(256), &less(255, "/blocks/0/block_id")).await;
    limit(desk, set("style", json!("danger")), set("style", json!("warning")), "must be one of: primary, danger").await;
    limit(desk, confirm(100, 1, 1, 1), confirm(101, 1, 1, 1), &less(100, &at("confirm/title/text"))).await;
    limit(desk, confirm(1, 300, 1, 1), confirm(1, 301, 1, 1), &less(300, &at("confirm/text/text"))).await;
    limit(desk, confirm(1, 1, 30, 1), confirm(1, 1, 31, 1), &less(30, &at("confirm/confirm/text"))).await;
    limit(desk, confirm(1, 1, 1, 30), confirm(1, 1, 1, 31), &less(30, &at("confirm/deny/text"))).await;
    for (kind, most, value) in
        [("static_select", 100, 75), ("overflow", 5, 75), ("checkboxes", 10, 150), ("radio_buttons", 10, 150)]
    {
        let count = format!("no more than {most} items allowed");
        limit(desk, menu(kind, options(most, 1, 1)), menu(kind, options(most + 1, 1, 1)), &count).await;
        limit(
            desk,
            menu(kind, options(1, 75, 1)),
            menu(kind, options(1, 76, 1)),
            &less(75, &at("options/0/text/text")),
        )
        .await;
        limit(
            desk,
            menu(kind, options(1, 1, value)),
            menu(kind, options(1, 1, value + 1)),
            &less(value, &at("options/0/value")),
        )
        .await;
    }
    let groups = |count: usize| {
        let group = json!({"label": plain(1), "options": options(1, 1, 1)});
        actions(json!({"type": "static_select", "option_groups": many(count, group)}))
    };
    limit(desk, groups(100), groups(101), "no more than 100 items allowed").await;
    let image =
        |url: usize, alt: usize| json!({"type": "image", "image_url": "x".repeat(url), "alt_text": "x".repeat(alt)});
    limit(desk, image(3_000, 1), image(3_001, 1), &less(3_000, "/blocks/0/image_url")).await;
    limit(desk, image(1, 2_000), image(1, 2_001), &less(2_000, "/blocks/0/alt_text")).await;
    let table = |rows: usize, cells: usize| json!({"type": "table", "rows": vec![vec![json!({"type": "raw_text", "text": "x"}); cells]; rows]});
    limit(desk, table(100, 1), table(101, 1), "no more than 100 items allowed").await;
    limit(desk, table(1, 20), table(1, 21), "no more than 20 items allowed").await;
    limit(desk, table(1, 1), many(2, table(1, 1)), "only one table is allowed").await;
    let icons =
        |count: usize| json!({"type": "context_actions", "elements": many(count, json!({"type": "icon_button"}))});
    limit(desk, icons(5), icons(6), "no more than 5 items allowed").await;
    let carousel = |count: usize| json!({"type": "carousel", "elements": many(count, json!({"type": "card"}))});
    limit(desk, carousel(10), carousel(11), "no more than 10 items allowed").await;

    let named = |name: &str| json!({"type": "divider", "block_id": name});
    limit(
        desk,
        json!([named("a"), named("b")]),
        json!([named("a"), named("a")]),
        "`block_id` \\\"a\\\" already exists",
    )
    .await;
    let pair = |other: &str| {
        let named = |name: &str| button(|button| button["action_id"] = json!(name));
        json!({"type": "actions", "elements": [named("a"), named(other)]})
    };
    limit(desk, pair("b"), pair("a"), "`action_id` \\\"a\\\" already exists").await;
    limit(desk, divider.clone(), json!({"type": "poem"}), "unsupported type: poem [json-pointer:/blocks/0/type]").await;
    limit(desk, divider, json!({"type": "divider", "text": plain(1)}), "invalid additional property: text").await;
    limit(desk, row(1), actions(json!({"type": "button"})), "missing required field: text").await;
}

#[tokio::test]
async fn all_texts_together_have_a_limit_too() {
    let desk = Desk::new().await;
    let say = |last: usize| {
        let mut parts = vec![section(mrkdwn(3_000)); 4];
        parts.push(section(mrkdwn(last)));
        json!({"channel": "C0OPS", "text": "x", "blocks": parts})
    };
    assert_eq!(desk.call("chat.postMessage", say(1_200)).await["ok"], true);
    assert_eq!(desk.refused("chat.postMessage", say(1_201)).await, "msg_blocks_too_long");
}
