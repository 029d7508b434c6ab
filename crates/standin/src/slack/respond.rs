//! Response URLs: what an app says after an interaction, without a token.

use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::api::fill_ids;
use super::limits;
use super::log::Call;
use super::serve::{Answer, json_answer, text};
use super::state::{Shared, State};
use super::trigger::Origin;
use super::workspace::{Content, Ephemeral, Message};

/// Takes one message for the response URL that ends in `path`.
pub(super) fn take(shared: &Shared, path: &str, head: &Parts, body: &[u8]) -> Answer {
    let now = shared.now();
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut state = shared.state();
    let done = if head.method != "POST" || !said.is_object() {
        Err("invalid_payload")
    } else {
        state.handed.respond(path, now).and_then(|origin| apply(&mut state, &origin, &said, now))
    };
    let answer = match done {
        Ok(()) => json!({"ok": true}),
        Err(error) => json!({"ok": false, "error": error}),
    };
    let status = match done {
        Ok(()) => 200,
        Err("no_service" | "expired_url" | "used_url") => 404,
        Err(_) => 400,
    };
    let method = "response_url".to_owned();
    state.log.add(Call { at: now, method, arguments: said, status, answer: answer.clone(), answered: true });
    drop(state);
    shared.changed();
    if status == 200 { text(200, "text/plain", "ok".to_owned()) } else { json_answer(status, &answer) }
}

/// Does what the message asks for. A press that says neither `replace_original` nor `response_type` replaces the
/// message it came from: the default that surprises, so that no adapter comes to rely on the other.
pub(super) fn apply(state: &mut State, origin: &Origin, said: &Value, now: i64) -> Result<(), &'static str> {
    let set = |name: &str| said[name].as_bool();
    let original = origin.ts.as_deref();
    let silent = set("replace_original").is_none() && said["response_type"].is_null();
    if set("delete_original") == Some(true) {
        return change_original(state, origin, None, now);
    }
    let content = content(said)?;
    if original.is_some() && (set("replace_original") == Some(true) || silent) {
        return change_original(state, origin, Some(content), now);
    }
    let ts = state.workspace.next_ts(now);
    if said["response_type"] == "in_channel" {
        let user = state.workspace.app.user.clone();
        let channel = state.workspace.channels.get_mut(&origin.channel).ok_or("channel_not_found")?;
        channel.messages.push(Message { ts, user, content, thread_ts: None, earlier: Vec::new(), deleted: false });
    } else {
        let (channel, user) = (origin.channel.clone(), origin.user.clone());
        state.workspace.ephemerals.push(Ephemeral { channel, user, ts, content });
    }
    Ok(())
}

/// Changes the message that was pressed, in the channel or before the presser alone; nothing to say takes it away.
fn change_original(state: &mut State, origin: &Origin, said: Option<Content>, now: i64) -> Result<(), &'static str> {
    let ts = origin.ts.as_deref().ok_or("no_original")?;
    let at = state.workspace.next_ts(now);
    let channel = state.workspace.channels.get_mut(&origin.channel);
    if let Some(message) = channel.and_then(|channel| channel.message_mut(ts)) {
        match said {
            Some(content) => {
                let before = std::mem::replace(&mut message.content, content);
                message.earlier.push((at, before));
            }
            None => message.deleted = true,
        }
        return Ok(());
    }
    let shown = &mut state.workspace.ephemerals;
    let place = shown.iter().position(|shown| shown.ts == ts).ok_or("message_not_found")?;
    match said {
        Some(content) => shown[place].content = content,
        None => drop(shown.remove(place)),
    }
    Ok(())
}

fn content(said: &Value) -> Result<Content, &'static str> {
    let text = said["text"].as_str().unwrap_or_default().to_owned();
    let mut parts = said["blocks"].as_array().cloned().map(Value::from).unwrap_or_else(|| json!([]));
    limits::message(&parts).map_err(|refusal| refusal.error)?;
    fill_ids(&mut parts);
    let blocks = parts.as_array().cloned().unwrap_or_default();
    if text.is_empty() && blocks.is_empty() {
        return Err("no_text");
    }
    Ok(Content { text, blocks, attachments: Vec::new(), metadata: None })
}
