//! The page that people look at.

use serde_json::{Value, json};

use crate::Desk;
use crate::app::App;
use crate::client::{get, post_json};

async fn shown(desk: &Desk, query: &str) -> String {
    let answer = get(&format!("{}?{query}", desk.slack.page_url())).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
    answer.text
}

async fn act(desk: &Desk, what: Value) -> Value {
    let url = format!("{}page/act", desk.slack.page_url());
    post_json(&url, &[("x-standin-page", "1")], &what).await.unwrap().body
}

#[tokio::test]
async fn what_agents_say_stays_text() {
    let desk = Desk::new().await;
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=y>";
    let plain = json!({"type": "plain_text", "text": hostile});
    let parts = json!([
        {"type": "header", "text": plain},
        {"type": "section", "text": {"type": "mrkdwn", "text": hostile}, "fields": [plain]},
        {"type": "context", "elements": [plain, {"type": "image", "image_url": "http://127.0.0.1:1/x", "alt_text": hostile}]},
        {"type": "actions", "block_id": hostile, "elements": [
            {"type": "button", "action_id": hostile, "value": hostile, "text": {"type": "plain_text", "text": "<b>"},
             "confirm": {"title": plain, "text": plain, "confirm": {"type": "plain_text", "text": "<i>"}, "deny": {"type": "plain_text", "text": "No"}}},
            {"type": "button", "action_id": "link", "url": "javascript:alert(1)", "text": {"type": "plain_text", "text": "go"}},
        ]},
    ]);
    assert_eq!(
        desk.call("chat.postMessage", json!({"channel": "C0OPS", "text": "x", "blocks": parts})).await["ok"],
        true
    );
    let told = json!({"channel": "C0OPS", "text": format!("{hostile} <!channel> &lt;!here&gt;")});
    desk.call("chat.postMessage", told).await;
    let html = shown(&desk, "channel=C0OPS").await;
    for never in ["<script>alert", "<img", "javascript:", "onerror=y>", "127.0.0.1:1", "<b>\"", "<i></"] {
        assert!(!html.contains(never), "{never}");
    }
    assert!(html.contains("<span class=\"mention loud\">@channel</span>") && html.contains("&lt;!here&gt;"));
    assert!(html.contains("🖼 &lt;script&gt;"));
}

#[tokio::test]
async fn the_page_shows_each_person_their_own() {
    let desk = Desk::new().await;
    assert!(shown(&desk, "").await.contains("Nothing has been posted here."));
    desk.post_buttons().await;
    desk.call("chat.postEphemeral", json!({"channel": "C0OPS", "user": "U0BOB", "text": "*psst*"})).await;
    desk.call("chat.postMessage", json!({"channel": "U0BOB", "text": "direct"})).await;
    let (alice, bob) = (shown(&desk, "channel=C0OPS&as=U0ALICE").await, shown(&desk, "channel=C0OPS&as=U0BOB").await);
    assert!(alice.contains("data-action=\"pause\"") && alice.contains("button danger"));
    assert!(!alice.contains("psst") && !alice.contains("D0BOB"));
    assert!(bob.contains("<b>psst</b>") && bob.contains("Only visible to you") && bob.contains("D0BOB"));
    assert!(shown(&desk, "channel=D0BOB&as=U0BOB").await.contains("direct"));
    for file in ["style.css", "script.js"] {
        assert_eq!(get(&format!("{}page/{file}", desk.slack.page_url())).await.unwrap().status, 200);
    }
    assert_eq!(get(&format!("{}elsewhere", desk.slack.page_url())).await.unwrap().status, 404);
}

#[tokio::test]
async fn news_comes_when_there_is_some() {
    let desk = Desk::new().await;
    let url = format!("{}page/news?channel=C0OPS&as=U0ALICE&after=", desk.slack.page_url());
    let first = get(&url).await.unwrap().body;
    let waiting = format!("{url}{}", first["count"]);
    let (news, _) = tokio::join!(get(&waiting), desk.post_buttons());
    let news = news.unwrap().body;
    assert_ne!(news["count"], first["count"]);
    assert!(news["messages"].as_str().unwrap().contains("deployer"));
}

#[tokio::test]
async fn what_is_pressed_on_the_page_reaches_the_app() {
    let (desk, app) = (Desk::new().await, App::new().await);
    let ts = desk.post_buttons().await;
    let press = json!({"do": "press", "user": "U0BOB", "ts": ts, "action_id": "ack", "choice": null});
    let nowhere = act(&desk, press.clone()).await;
    assert_eq!(nowhere["error"], "the app has neither a socket nor a request URL");
    desk.slack.set_interactivity_url(&app.url);
    desk.slack.set_commands_url(&app.url);
    let url = format!("{}page/act", desk.slack.page_url());
    assert_eq!(post_json(&url, &[], &press).await.unwrap().status, 404, "another site's form sends no such header");
    assert_eq!(act(&desk, press).await["acknowledged"], true);
    assert!(app.last().verifies("standin-signing-secret", crate::BEGIN / 1_000));
    let said = app.last().payload();
    assert_eq!(said["user"]["id"], "U0BOB");

    let view = json!({
        "type": "modal",
        "title": {"type": "plain_text", "text": "Why <b>?"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": [{"type": "input", "block_id": "why", "label": {"type": "plain_text", "text": "Reason"},
                    "element": {"type": "plain_text_input", "action_id": "text", "multiline": true}}],
    });
    let opened = desk.call("views.open", json!({"trigger_id": said["trigger_id"], "view": view})).await;
    let html = shown(&desk, "as=U0BOB").await;
    assert!(html.contains("Why &lt;b&gt;?") && html.contains("<textarea name=\"why\""));
    assert!(!shown(&desk, "as=U0ALICE").await.contains("textarea"));
    let errors = r#"{"response_action": "errors", "errors": {"why": "too <short>"}}"#;
    app.answer(200, errors, std::time::Duration::ZERO);
    let submit = json!({"do": "submit", "user": "U0BOB", "view": opened["view"]["id"], "values": [["why", "because"]]});
    act(&desk, submit).await;
    assert_eq!(app.last().payload()["view"]["state"]["values"]["why"]["text"]["value"], "because");
    assert!(shown(&desk, "as=U0BOB").await.contains("too &lt;short&gt;"));
    app.answer(200, "", std::time::Duration::ZERO);
    act(&desk, json!({"do": "close", "user": "U0BOB", "view": opened["view"]["id"]})).await;
    assert!(!shown(&desk, "as=U0BOB").await.contains("textarea"));

    app.answer(200, "2 agents", std::time::Duration::ZERO);
    act(&desk, json!({"do": "command", "user": "U0BOB", "channel": "C0OPS", "line": "/mandate why n-1"})).await;
    assert_eq!((app.last().field("command"), app.last().field("text")), ("/mandate".into(), "why n-1".into()));
    assert!(shown(&desk, "channel=C0OPS&as=U0BOB").await.contains("2 agents"));
}
