//! Channels: opened, made, filled, closed.

use serde_json::{Value, json};

use super::super::arguments::Arguments;
use super::super::refusal::Refusal;
use super::super::state::State;
use super::super::workspace::Channel;

const NAME: usize = 80;
/// The most people one call may invite.
const INVITED: usize = 100;

pub(super) fn open(state: &mut State, arguments: &Arguments, _: i64) -> Result<Value, Refusal> {
    let workspace = &mut state.workspace;
    if let Some(id) = arguments.text("channel") {
        let channel = workspace.channels.get(id).filter(|channel| channel.is_direct());
        let channel = channel.ok_or_else(|| Refusal::new("channel_not_found"))?;
        return Ok(json!({"ok": true, "channel": {"id": channel.id}}));
    }
    let users = arguments.text("users").ok_or_else(|| Refusal::new("users_list_not_supplied"))?;
    let one = users.split(',').map(str::trim).collect::<Vec<_>>();
    let [user] = one[..] else { return Err(Refusal::new("not_enough_users")) };
    if !workspace.people.contains_key(user) {
        return Err(Refusal::new("user_not_found"));
    }
    let already = workspace.channels.values().any(|channel| channel.is_direct() && channel.name == user);
    let id = workspace.direct(user).id.clone();
    Ok(json!({"ok": true, "no_op": already, "already_open": already, "channel": {"id": id}}))
}

pub(super) fn create(state: &mut State, arguments: &Arguments, _: i64) -> Result<Value, Refusal> {
    let workspace = &mut state.workspace;
    let name = arguments.text("name").ok_or_else(|| Refusal::new("invalid_name_required"))?;
    if name.chars().count() > NAME {
        return Err(Refusal::new("invalid_name_maxlength"));
    }
    let allowed = |letter: char| letter == '-' || letter == '_' || letter.is_alphanumeric() && !letter.is_uppercase();
    if !name.chars().all(allowed) {
        return Err(Refusal::new("invalid_name_specials"));
    }
    if !name.chars().any(char::is_alphanumeric) {
        return Err(Refusal::new("invalid_name_punctuation"));
    }
    // A closed channel keeps its name.
    if workspace.channels.values().any(|channel| !channel.is_direct() && channel.name == name) {
        return Err(Refusal::new("name_taken"));
    }
    let channel = Channel {
        id: workspace.next_id("C1"),
        name: name.to_owned(),
        private: arguments.is_set("is_private"),
        joined: true,
        archived: false,
        members: Vec::new(),
        messages: Vec::new(),
    };
    let shown = workspace.shown_channel(&channel);
    workspace.channels.insert(channel.id.clone(), channel);
    Ok(json!({"ok": true, "channel": shown}))
}

pub(super) fn invite(state: &mut State, arguments: &Arguments, _: i64) -> Result<Value, Refusal> {
    let workspace = &mut state.workspace;
    let id = joined(named_channel(&workspace.channels, arguments)?)?.id.clone();
    let users = arguments.text("users").ok_or_else(|| Refusal::new("no_user"))?;
    let users: Vec<_> = users.split(',').map(str::trim).collect();
    if users.len() > INVITED {
        return Err(Refusal::new("too_many_users"));
    }
    let members = &workspace.channels[&id].members;
    let wrong = |user: &str| match user {
        _ if user == workspace.app.user => Some("cant_invite_self"),
        _ if !workspace.people.contains_key(user) => Some("user_not_found"),
        _ if members.iter().any(|member| member == user) => Some("already_in_channel"),
        _ => None,
    };
    let judged: Vec<_> = users.iter().map(|user| (*user, wrong(user))).collect();
    let first = judged.iter().find_map(|(_, error)| *error);
    if first.is_none() || arguments.is_set("force") {
        let welcome = judged.iter().filter(|(_, error)| error.is_none()).map(|(user, _)| (*user).to_owned());
        let welcome: Vec<_> = welcome.collect();
        if let Some(channel) = workspace.channels.get_mut(&id) {
            channel.members.extend(welcome);
        }
    }
    if let Some(error) = first {
        let errors = judged.iter().filter_map(|(user, error)| error.map(|error| (user, error)));
        let errors = errors.map(|(user, error)| json!({"user": user, "ok": false, "error": error}));
        return Err(Refusal::new(error).with("errors", errors.collect()));
    }
    Ok(json!({"ok": true, "channel": workspace.shown_channel(&workspace.channels[&id])}))
}

pub(super) fn archive(state: &mut State, arguments: &Arguments, _: i64) -> Result<Value, Refusal> {
    let channels = &mut state.workspace.channels;
    let channel = named_channel(channels, arguments)?;
    if channel.archived {
        return Err(Refusal::new("already_archived"));
    }
    let id = joined(channel)?.id.clone();
    if let Some(channel) = channels.get_mut(&id) {
        channel.archived = true;
    }
    Ok(json!({"ok": true}))
}

type Channels = std::collections::BTreeMap<String, Channel>;

fn named_channel<'a>(channels: &'a Channels, arguments: &Arguments) -> Result<&'a Channel, Refusal> {
    let found = arguments.text("channel").and_then(|id| channels.get(id));
    let found = found.filter(|channel| !channel.is_direct() && (channel.joined || !channel.private));
    found.ok_or_else(|| Refusal::new("channel_not_found"))
}

fn joined(channel: &Channel) -> Result<&Channel, Refusal> {
    if channel.archived {
        return Err(Refusal::new("is_archived"));
    }
    if !channel.joined {
        return Err(Refusal::new("not_in_channel"));
    }
    Ok(channel)
}
