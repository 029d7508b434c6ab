//! What can be pressed, chosen or written into.

use super::object::{self, Need};
use super::{Findings, Spot};

/// What stands in a row of actions.
pub(super) const ACTIONS: [&str; 17] = [
    "button",
    "checkboxes",
    "datepicker",
    "datetimepicker",
    "timepicker",
    "overflow",
    "radio_buttons",
    "static_select",
    "external_select",
    "users_select",
    "conversations_select",
    "channels_select",
    "multi_static_select",
    "multi_external_select",
    "multi_users_select",
    "multi_conversations_select",
    "multi_channels_select",
];
/// What an input asks with.
pub(super) const INPUTS: [&str; 20] = [
    "plain_text_input",
    "checkboxes",
    "datepicker",
    "datetimepicker",
    "timepicker",
    "radio_buttons",
    "static_select",
    "external_select",
    "users_select",
    "conversations_select",
    "channels_select",
    "multi_static_select",
    "multi_external_select",
    "multi_users_select",
    "multi_conversations_select",
    "multi_channels_select",
    "email_text_input",
    "url_text_input",
    "number_input",
    "file_input",
];

/// One element of the kinds that may stand here.
pub(super) fn one(spot: &Spot<'_>, kinds: &[&str], findings: &mut Findings) {
    let kind = spot.kind();
    if !kinds.contains(&kind) {
        findings.add(&format!("unsupported type: {kind}"), &format!("{}/type", spot.at));
        return;
    }
    spot.string("action_id", 1, 255, findings);
    object::confirm(spot, findings);
    match kind {
        "button" => button(spot, findings),
        "image" => image(spot, findings),
        "overflow" => {
            spot.only(&["type", "action_id", "options", "confirm"], findings);
            required(spot, "options", findings);
            object::options(spot, "options", 5, 75, findings);
        }
        "checkboxes" | "radio_buttons" => {
            required(spot, "options", findings);
            object::options(spot, "options", 10, 150, findings);
        }
        "static_select" | "multi_static_select" => {
            object::plain(spot, "placeholder", 150, Need::May, findings);
            object::options(spot, "options", 100, 75, findings);
            object::groups(spot, findings);
            if spot.get("options").is_some() == spot.get("option_groups").is_some() {
                findings.add("must define exactly one of: options, option_groups", &spot.at);
            }
        }
        "plain_text_input" => {
            object::plain(spot, "placeholder", 150, Need::May, findings);
            spot.string("initial_value", 0, 3_000, findings);
            if spot.get("max_length").is_some_and(|most| most.value.as_u64().is_none_or(|most| most > 3_000)) {
                findings.add("must be at most 3000", &format!("{}/max_length", spot.at));
            }
        }
        _ => object::plain(spot, "placeholder", 150, Need::May, findings),
    }
}

/// A picture in a row or beside a section.
pub(super) fn image(spot: &Spot<'_>, findings: &mut Findings) {
    spot.string("image_url", 1, 3_000, findings);
    required(spot, "alt_text", findings);
    spot.string("alt_text", 1, 2_000, findings);
    if spot.get("image_url").is_some() == spot.get("slack_file").is_some() {
        findings.add("must define exactly one of: image_url, slack_file", &spot.at);
    }
}

fn button(spot: &Spot<'_>, findings: &mut Findings) {
    spot.only(&["type", "text", "action_id", "url", "value", "style", "confirm", "accessibility_label"], findings);
    object::plain(spot, "text", 75, Need::Must, findings);
    spot.string("value", 0, 2_000, findings);
    spot.string("url", 1, 3_000, findings);
    spot.string("accessibility_label", 0, 75, findings);
    object::style(spot, findings);
}

fn required(spot: &Spot<'_>, name: &str, findings: &mut Findings) {
    if spot.get(name).is_none() {
        findings.missing(name, &spot.at);
    }
}
