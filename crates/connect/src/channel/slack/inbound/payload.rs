//! Slack's payloads, as far as they are read, and what they become.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Command, Inbound, Press, Submission, Unreadable};
use crate::channel::intervention::Intervention;
use crate::channel::slack::address::{Receipt, SlackUser};
use crate::channel::slack::button::Action;
use crate::channel::slack::message::EVENT_TYPE;
use crate::channel::slack::view::{Asked, FIELD};

#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Named {
    id: Option<String>,
    team_id: Option<String>,
}

#[derive(Deserialize)]
struct Pressed {
    user: Option<Named>,
    team: Option<Named>,
    enterprise: Option<Named>,
    container: Option<Container>,
    trigger_id: Option<String>,
    response_url: Option<String>,
    #[serde(default)]
    actions: Vec<PressedButton>,
}

#[derive(Deserialize)]
struct Container {
    channel_id: Option<String>,
    message_ts: Option<String>,
    #[serde(default)]
    is_ephemeral: bool,
}

#[derive(Deserialize)]
struct PressedButton {
    #[serde(default)]
    action_id: String,
    value: Option<String>,
    #[serde(default)]
    action_ts: String,
}

#[derive(Deserialize)]
struct Submitted {
    user: Option<Named>,
    team: Option<Named>,
    enterprise: Option<Named>,
    trigger_id: Option<String>,
    view: SubmittedView,
}

#[derive(Deserialize)]
struct SubmittedView {
    #[serde(default)]
    id: String,
    #[serde(default)]
    hash: String,
    #[serde(default)]
    callback_id: String,
    #[serde(default)]
    private_metadata: String,
    state: Option<State>,
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    values: BTreeMap<String, BTreeMap<String, Typing>>,
}

#[derive(Deserialize)]
struct Typing {
    value: Option<String>,
}

#[derive(Deserialize)]
struct Question {
    challenge: String,
}

#[derive(Deserialize)]
struct Happened {
    event: serde_json::Value,
    #[serde(default)]
    event_id: String,
}

#[derive(Deserialize)]
struct MetadataPosted {
    channel_id: String,
    message_ts: String,
    metadata: PostedMetadata,
}

#[derive(Deserialize)]
struct PostedMetadata {
    event_type: String,
    event_payload: PostedPayload,
}

#[derive(Deserialize)]
struct PostedPayload {
    notification_id: String,
}

/// Reads a press or an answered modal.
pub(super) fn interaction(json: &[u8]) -> Result<Inbound, Unreadable> {
    let what = "the interaction";
    let Typed { kind } = read(what, json)?;
    match kind.as_str() {
        "block_actions" => press(read(what, json)?),
        "view_submission" => submission(read(what, json)?),
        _ => Ok(Inbound::Other(kind)),
    }
}

/// Reads a command out of its fields.
pub(super) fn command(field: impl Fn(&str) -> Option<String>) -> Result<Inbound, Unreadable> {
    let what = "the command";
    let command = field("command").ok_or(Unreadable::Missing { what, missing: "command" })?;
    let team = field("team_id").or_else(|| field("enterprise_id"));
    let who = user(what, team, field("user_id"))?;
    let trigger_id = given(field("trigger_id"));
    let dedupe = trigger_id.as_deref().ok_or(Unreadable::Missing { what, missing: "trigger" })?;
    Ok(Inbound::Command(Command {
        who,
        command,
        text: field("text").unwrap_or_default().trim().to_owned(),
        channel: field("channel_id").unwrap_or_default(),
        response_url: given(field("response_url")),
        dedupe: format!("command:{dedupe}"),
        trigger_id,
    }))
}

/// Reads an event, or the question that precedes events.
pub(super) fn event(json: &[u8]) -> Result<Inbound, Unreadable> {
    let what = "the event";
    let Typed { kind } = read(what, json)?;
    match kind.as_str() {
        "url_verification" => read(what, json).map(|Question { challenge }| Inbound::Challenge(challenge)),
        "event_callback" => read(what, json).map(|Happened { event, event_id }| seen(event, &event_id)),
        _ => Ok(Inbound::Other(kind)),
    }
}

fn seen(event: serde_json::Value, event_id: &str) -> Inbound {
    let kind = event.get("type").and_then(|kind| kind.as_str()).unwrap_or_default().to_owned();
    if kind != "message_metadata_posted" {
        return Inbound::Other(kind);
    }
    match serde_json::from_value(event) {
        Ok(MetadataPosted { channel_id, message_ts, metadata }) if metadata.event_type == EVENT_TYPE => Inbound::Seen {
            notification: metadata.event_payload.notification_id,
            dedupe: format!("event:{event_id}"),
            message: Receipt { channel: channel_id, ts: message_ts },
        },
        _ => Inbound::Other(kind),
    }
}

fn press(pressed: Pressed) -> Result<Inbound, Unreadable> {
    let what = "the press";
    let who = person(what, pressed.user, pressed.team, pressed.enterprise)?;
    // Slack sends one action for a button; more come only from elements that we do not write.
    let button = pressed.actions.into_iter().next().ok_or(Unreadable::Missing { what, missing: "action" })?;
    // What only one person sees cannot be updated.
    let container = pressed.container.filter(|container| !container.is_ephemeral);
    let message = container.and_then(|place| Some(Receipt { channel: place.channel_id?, ts: place.message_ts? }));
    let trigger_id = given(pressed.trigger_id);
    let trigger = trigger_id.as_deref().unwrap_or_default();
    if trigger.is_empty() && button.action_ts.is_empty() {
        return Err(Unreadable::Missing { what, missing: "trigger" });
    }
    Ok(Inbound::Press(Press {
        who,
        action: Action::parse(&button.action_id),
        notification: button.value.unwrap_or_default(),
        message,
        response_url: given(pressed.response_url),
        dedupe: format!("press:{trigger}:{}", button.action_ts),
        trigger_id,
    }))
}

fn submission(submitted: Submitted) -> Result<Inbound, Unreadable> {
    let what = "the answer";
    let who = person(what, submitted.user, submitted.team, submitted.enterprise)?;
    let view = submitted.view;
    let Some(intervention) = Intervention::parse(&view.callback_id) else {
        return Ok(Inbound::Other(view.callback_id));
    };
    let Asked { notification, message } = read("the modal's memory", view.private_metadata.as_bytes())?;
    let typed = view.state.and_then(|mut state| state.values.remove(FIELD)?.remove(FIELD)?.value);
    let once = given(submitted.trigger_id).unwrap_or_else(|| format!("{}:{}", view.id, view.hash));
    Ok(Inbound::Submission(Submission {
        who,
        intervention,
        notification,
        message,
        text: typed.unwrap_or_default().trim().to_owned(),
        dedupe: format!("view:{once}"),
    }))
}

fn person(
    what: &'static str,
    user: Option<Named>,
    team: Option<Named>,
    enterprise: Option<Named>,
) -> Result<SlackUser, Unreadable> {
    let (id, home) = user.map_or((None, None), |user| (user.id, user.team_id));
    // A guest of a shared channel belongs to another workspace than the one that the app is in.
    let team = given(home).or_else(|| given(team?.id)).or_else(|| given(enterprise?.id));
    self::user(what, team, id)
}

fn user(what: &'static str, team: Option<String>, user: Option<String>) -> Result<SlackUser, Unreadable> {
    let team = given(team).ok_or(Unreadable::Missing { what, missing: "team" })?;
    let user = given(user).ok_or(Unreadable::Missing { what, missing: "user" })?;
    Ok(SlackUser { team, user })
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn read<T: DeserializeOwned>(what: &'static str, json: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(json).map_err(|error| Unreadable::Malformed { what, why: error.to_string() })
}
