//! What an interaction tells the app.

use serde_json::{Map, Value, json};

use super::interaction::{Unsendable, What};
use super::state::State;
use super::trigger::Origin;
use super::workspace::Content;

/// Deprecated, and still sent.
const TOKEN: &str = "standin-verification-token";

/// Who acts, and what they got with it.
pub(super) struct Actor<'a> {
    pub(super) user: &'a str,
    pub(super) team: &'a str,
    pub(super) trigger_id: &'a str,
    pub(super) response_url: &'a str,
    /// When, as message timestamps are written.
    pub(super) at: &'a str,
}

/// The payload, and where an answer to it belongs.
pub(super) fn build(state: &State, what: &What, actor: &Actor<'_>) -> Result<(Value, Option<Origin>), Unsendable> {
    match what {
        What::Press { ts, action_id, choice } => press(state, actor, ts, action_id, choice.as_deref()),
        What::Submit { view, values } => {
            let mut payload = view_payload(state, actor, "view_submission", view)?;
            payload["view"]["state"]["values"] = state_values(&payload["view"]["blocks"], values);
            payload["response_urls"] = json!([]);
            Ok((payload, None))
        }
        What::Close { view } => {
            let mut payload = view_payload(state, actor, "view_closed", view)?;
            payload["is_cleared"] = json!(false);
            Ok((payload, None))
        }
        What::Command { channel, command, text } => command_payload(state, actor, channel, command, text),
    }
}

fn base(state: &State, actor: &Actor<'_>, kind: &str) -> Value {
    let workspace = &state.workspace;
    let name = workspace.handle(actor.user);
    let domain = if actor.team == workspace.team.id { &workspace.team.domain } else { "elsewhere" };
    json!({
        "type": kind,
        "team": {"id": actor.team, "domain": domain},
        "user": {"id": actor.user, "username": name, "name": name, "team_id": actor.team},
        "api_app_id": workspace.app.id,
        "token": TOKEN,
        "trigger_id": actor.trigger_id,
        "enterprise": null,
        "is_enterprise_install": false,
    })
}

fn press(
    state: &State,
    actor: &Actor<'_>,
    ts: &str,
    action_id: &str,
    choice: Option<&str>,
) -> Result<(Value, Option<Origin>), Unsendable> {
    let workspace = &state.workspace;
    let mut payload = base(state, actor, "block_actions");
    let seen = workspace.channels.values().find_map(|channel| {
        let message = channel.messages.iter().find(|message| message.ts == ts)?;
        Some((channel.id.clone(), Some(message)))
    });
    let alone = || workspace.ephemerals.iter().find(|shown| shown.ts == ts);
    let (channel, message, element) = match seen {
        Some((channel, message)) => {
            // Somebody may press what an update has just taken away.
            let versions = message.into_iter().flat_map(|message| {
                std::iter::once(&message.content).chain(message.earlier.iter().rev().map(|(_, content)| content))
            });
            (channel, message, versions.into_iter().find_map(|content| find(content, action_id)))
        }
        None => {
            let shown = alone().ok_or(Unsendable::NoMessage)?;
            (shown.channel.clone(), None, find(&shown.content, action_id))
        }
    };
    let (place, element) = element.ok_or(Unsendable::NoAction)?;
    let named = workspace.channels.get(&channel).map(|channel| match channel.is_direct() {
        true => "directmessage".to_owned(),
        false => channel.name.clone(),
    });
    payload["container"] =
        json!({"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": message.is_none()});
    payload["channel"] = json!({"id": channel, "name": named});
    if let Some(message) = message {
        payload["message"] = workspace.shown(message);
    }
    payload["state"] = json!({"values": {}});
    payload["response_url"] = json!(actor.response_url);
    payload["actions"] = json!([action(&place, element, choice, actor.at)]);
    let origin = Origin { channel, user: actor.user.to_owned(), ts: Some(ts.to_owned()) };
    Ok((payload, Some(origin)))
}

/// The `block_id` and the element with this `action_id`.
fn find<'a>(content: &'a Content, action_id: &str) -> Option<(String, &'a Value)> {
    content.blocks.iter().find_map(|part| {
        let elements = part["elements"].as_array().into_iter().flatten().chain(part.get("accessory"));
        let element = elements.into_iter().find(|element| element["action_id"] == action_id)?;
        Some((part["block_id"].as_str().unwrap_or_default().to_owned(), element))
    })
}

fn action(place: &str, element: &Value, choice: Option<&str>, at: &str) -> Value {
    let mut action = json!({
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": place,
        "action_ts": at,
    });
    for name in ["text", "value", "style", "confirm"] {
        if let Some(value) = element.get(name) {
            action[name] = value.clone();
        }
    }
    if element["type"] != "button" {
        action["selected_option"] = option(element, choice.unwrap_or_default());
    }
    action
}

/// The option with this value, in a list or in a group.
fn option(element: &Value, value: &str) -> Value {
    let groups = element["option_groups"].as_array().into_iter().flatten().map(|group| &group["options"]);
    let lists = std::iter::once(&element["options"]).chain(groups);
    let mut options = lists.filter_map(Value::as_array).flatten();
    options.find(|option| option["value"] == value).cloned().unwrap_or_default()
}

fn view_payload(state: &State, actor: &Actor<'_>, kind: &str, id: &str) -> Result<Value, Unsendable> {
    let view = state.workspace.views.iter().find(|view| view.id == id && view.open).ok_or(Unsendable::NoView)?;
    let mut payload = base(state, actor, kind);
    payload["view"] = state.workspace.shown_view(view);
    Ok(payload)
}

/// `state.values`: what was written or chosen, by `block_id` and `action_id`; null where nothing was.
fn state_values(parts: &Value, given: &[(String, String)]) -> Value {
    let mut values = Map::new();
    for part in parts.as_array().into_iter().flatten().filter(|part| part["type"] == "input") {
        let (Some(place), element) = (part["block_id"].as_str(), &part["element"]) else { continue };
        let Some(action_id) = element["action_id"].as_str() else { continue };
        let value = given.iter().find(|(name, _)| name == place).map(|(_, value)| value.as_str());
        let value = value.filter(|value| !value.is_empty());
        let kind = element["type"].as_str().unwrap_or_default();
        let held = match kind {
            "static_select" | "radio_buttons" => {
                json!({"type": kind, "selected_option": value.map(|value| option(element, value))})
            }
            "checkboxes" | "multi_static_select" => {
                let chosen = value.into_iter().flat_map(|value| value.split(','));
                let chosen: Vec<_> = chosen.map(|value| option(element, value)).collect();
                json!({"type": kind, "selected_options": chosen})
            }
            "users_select" => json!({"type": kind, "selected_user": value}),
            "datepicker" => json!({"type": kind, "selected_date": value}),
            "timepicker" => json!({"type": kind, "selected_time": value}),
            _ => json!({"type": kind, "value": value}),
        };
        values.insert(place.to_owned(), json!({action_id: held}));
    }
    Value::Object(values)
}

fn command_payload(
    state: &State,
    actor: &Actor<'_>,
    channel: &str,
    command: &str,
    text: &str,
) -> Result<(Value, Option<Origin>), Unsendable> {
    let workspace = &state.workspace;
    let channel = workspace.find_channel(channel).ok_or(Unsendable::NoChannel)?;
    let origin = Origin { channel: channel.id.clone(), user: actor.user.to_owned(), ts: None };
    let domain = if actor.team == workspace.team.id { &workspace.team.domain } else { "elsewhere" };
    let payload = json!({
        "token": TOKEN,
        "team_id": actor.team,
        "team_domain": domain,
        "channel_id": channel.id,
        "channel_name": if channel.is_direct() { "directmessage" } else { &channel.name },
        "user_id": actor.user,
        "user_name": workspace.handle(actor.user),
        "command": command,
        "text": text,
        "api_app_id": workspace.app.id,
        "is_enterprise_install": "false",
        "response_url": actor.response_url,
        "trigger_id": actor.trigger_id,
    });
    Ok((payload, Some(origin)))
}
