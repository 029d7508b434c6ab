//! A page that shows what people would see, and lets them press.
//!
//! The server renders it whole; the script only asks for news, replaces what changed, and carries what is pressed to
//! the routes below `/page/`. It loads nothing from elsewhere.

mod emoji;
mod frame;
mod html;
mod mrkdwn;
mod part;

use std::time::Duration;

use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue};
use hyper::http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};

use super::interaction::{Interaction, What};
use super::serve::{Answer, json_answer, text};
use super::state::Shared;

/// How long a question for news may go unanswered.
const NEWS: Duration = Duration::from_secs(20);
/// Only the page's own script sends it: another site's form cannot.
const OWN: &str = "x-standin-page";

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// Which channel is looked at, by whom.
#[derive(Debug, Default)]
struct Look {
    channel: String,
    user: String,
    /// The count of changes that is known.
    after: Option<u64>,
}

impl Look {
    fn read(query: Option<&str>) -> Self {
        let mut look = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "channel" => look.channel = value.into_owned(),
                "as" => look.user = value.into_owned(),
                "after" => look.after = value.parse().ok(),
                _ => (),
            }
        }
        look
    }
}

/// What the script carries.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Act {
    Press { user: String, ts: String, action_id: String, choice: Option<String> },
    Submit { user: String, view: String, values: Vec<(String, String)> },
    Close { user: String, view: String },
    Command { user: String, channel: String, line: String },
}

/// Answers what is neither the Web API nor a socket.
pub(super) async fn answer(shared: &Shared, head: &Parts, body: &[u8]) -> Answer {
    let look = Look::read(head.uri.query());
    let mut answer = match (head.method.as_str(), head.uri.path()) {
        ("GET", "/") => {
            let count = *shared.changes.borrow();
            text(200, "text/html; charset=utf-8", frame::page(&shared.state(), &look, count))
        }
        ("GET", "/page/style.css") => text(200, "text/css; charset=utf-8", STYLE.to_owned()),
        ("GET", "/page/script.js") => text(200, "text/javascript; charset=utf-8", SCRIPT.to_owned()),
        ("GET", "/page/news") => news(shared, &look).await,
        ("POST", "/page/act") if head.headers.contains_key(OWN) => act(shared, body).await,
        _ => text(404, "text/plain; charset=utf-8", "nothing here".to_owned()),
    };
    let policy = "default-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'";
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

async fn news(shared: &Shared, look: &Look) -> Answer {
    let mut changes = shared.changes.subscribe();
    let other = changes.wait_for(|count| look.after != Some(*count));
    tokio::time::timeout(NEWS, other).await.ok();
    let count = *shared.changes.borrow();
    let state = shared.state();
    json_answer(
        200,
        &json!({
            "count": count,
            "channels": frame::channels(&state, look),
            "messages": frame::messages(&state, look),
            "modal": frame::modal(&state, look),
        }),
    )
}

async fn act(shared: &Shared, body: &[u8]) -> Answer {
    let Ok(act) = serde_json::from_slice::<Act>(body) else {
        return text(400, "text/plain; charset=utf-8", "not an act".to_owned());
    };
    let (user, what) = match act {
        Act::Press { user, ts, action_id, choice } => (user, What::Press { ts, action_id, choice }),
        Act::Submit { user, view, values } => (user, What::Submit { view, values }),
        Act::Close { user, view } => (user, What::Close { view }),
        Act::Command { user, channel, line } => {
            let (command, text) = line.split_once(' ').unwrap_or((&line, ""));
            (user, What::Command { channel, command: command.to_owned(), text: text.trim().to_owned() })
        }
    };
    let sent = Interaction::new(shared, &user, what).send().await;
    let told: Value = match sent {
        Ok(delivery) => json!({
            "acknowledged": delivery.is_acknowledged(),
            "status": delivery.first().status,
            "milliseconds": delivery.first().took.as_millis(),
        }),
        Err(why) => json!({"acknowledged": false, "error": why.to_string()}),
    };
    json_answer(200, &told)
}
