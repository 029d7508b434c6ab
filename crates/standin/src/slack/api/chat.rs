//! Messages: posted, changed, taken back, or shown to one person.

use serde_json::{Value, json};

use super::super::arguments::Arguments;
use super::super::refusal::Refusal;
use super::super::state::State;
use super::super::workspace::{Channel, Ephemeral, Message, Workspace};
use super::content;

pub(super) fn post(state: &mut State, arguments: &Arguments, now: i64) -> Result<Value, Refusal> {
    let target = arguments.text("channel").ok_or_else(|| Refusal::new("channel_not_found"))?;
    let target = match state.workspace.people.contains_key(target) {
        true => state.workspace.direct(target).id.clone(),
        false => target.to_owned(),
    };
    let channel = open_channel(&state.workspace, &target)?.id.clone();
    state.pace.post(&channel, now).map_err(super::too_many)?;
    let content = content::read(arguments)?;
    let thread_ts = arguments.text("thread_ts").map(str::to_owned);
    let ts = state.workspace.next_ts(now);
    let user = state.workspace.app.user.clone();
    let message = Message { ts: ts.clone(), user, content, thread_ts, earlier: Vec::new(), deleted: false };
    let shown = state.workspace.shown(&message);
    if let Some(channel) = state.workspace.channels.get_mut(&channel) {
        channel.messages.push(message);
    }
    Ok(json!({"ok": true, "channel": channel, "ts": ts, "message": shown}))
}

pub(super) fn update(state: &mut State, arguments: &Arguments, now: i64) -> Result<Value, Refusal> {
    let (channel, ts) = existing(&state.workspace, arguments)?;
    let mut content = content::read(arguments)?;
    let at = state.workspace.next_ts(now);
    let workspace = &mut state.workspace;
    let message = workspace.channels.get_mut(&channel).and_then(|channel| channel.message_mut(&ts));
    let message = message.ok_or_else(|| Refusal::new("message_not_found"))?;
    // Blocks stay only when nothing is said about them nor about the text.
    if arguments.get("blocks").is_none() && content.text.is_empty() {
        content.blocks.clone_from(&message.content.blocks);
    }
    if arguments.get("metadata").is_none() {
        content.metadata.clone_from(&message.content.metadata);
    }
    let before = std::mem::replace(&mut message.content, content);
    message.earlier.push((at, before));
    let message = message.clone();
    let shown = workspace.shown(&message);
    Ok(json!({"ok": true, "channel": channel, "ts": ts, "text": message.content.text, "message": shown}))
}

pub(super) fn delete(state: &mut State, arguments: &Arguments, _: i64) -> Result<Value, Refusal> {
    let (channel, ts) = existing(&state.workspace, arguments)?;
    if let Some(message) = state.workspace.channels.get_mut(&channel).and_then(|channel| channel.message_mut(&ts)) {
        message.deleted = true;
    }
    Ok(json!({"ok": true, "channel": channel, "ts": ts}))
}

pub(super) fn post_ephemeral(state: &mut State, arguments: &Arguments, now: i64) -> Result<Value, Refusal> {
    let target = arguments.text("channel").ok_or_else(|| Refusal::new("channel_not_found"))?;
    let channel = open_channel(&state.workspace, target)?.id.clone();
    let user = arguments.text("user").ok_or_else(|| Refusal::new("user_not_in_channel"))?.to_owned();
    if !state.workspace.people.contains_key(&user) {
        return Err(Refusal::new("user_not_in_channel"));
    }
    let content = content::read(arguments)?;
    let ts = state.workspace.next_ts(now);
    state.workspace.ephemerals.push(Ephemeral { channel, user, ts: ts.clone(), content });
    Ok(json!({"ok": true, "message_ts": ts}))
}

/// A channel that the app may post to.
fn open_channel<'a>(workspace: &'a Workspace, name: &str) -> Result<&'a Channel, Refusal> {
    let channel = workspace.find_channel(name);
    let channel = channel.filter(|channel| channel.joined || !channel.private);
    let channel = channel.ok_or_else(|| Refusal::new("channel_not_found"))?;
    if channel.archived {
        return Err(Refusal::new("is_archived"));
    }
    if !channel.joined {
        return Err(Refusal::new("not_in_channel"));
    }
    Ok(channel)
}

/// A message of the app's own, by the id of its channel and its `ts`.
fn existing(workspace: &Workspace, arguments: &Arguments) -> Result<(String, String), Refusal> {
    let channel = arguments.text("channel").unwrap_or_default();
    let channel = workspace.channels.get(channel).ok_or_else(|| Refusal::new("channel_not_found"))?;
    let message = arguments.text("ts").and_then(|ts| channel.message(ts));
    let message = message.ok_or_else(|| Refusal::new("message_not_found"))?;
    if message.user != workspace.app.user {
        return Err(Refusal::new("cant_update_message"));
    }
    Ok((channel.id.clone(), message.ts.clone()))
}
