//! The parts that a message or a modal is laid out in.

use std::collections::HashSet;

use super::object::{self, Need};
use super::{Findings, Spot, element};

/// Where the parts stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Surface {
    Message,
    Modal,
}

/// Every part, in order.
pub(super) fn all(parts: &Spot<'_>, surface: Surface, findings: &mut Findings) {
    let most = if surface == Surface::Message { 50 } else { 100 };
    if !parts.value.is_array() {
        findings.add("must be an array", &parts.at);
    }
    let (mut ids, mut tables) = (HashSet::new(), 0);
    let items = parts.items();
    if items.len() > most {
        findings.add(&format!("no more than {most} items allowed"), &parts.at);
    }
    for part in &items {
        part.string("block_id", 1, 255, findings);
        part.unique("block_id", &mut ids, findings);
        one(part, surface, findings);
        tables += usize::from(part.kind() == "table");
    }
    if tables > 1 {
        findings.add("only one table is allowed", &parts.at);
    }
}

fn one(part: &Spot<'_>, surface: Surface, findings: &mut Findings) {
    match part.kind() {
        "section" => section(part, findings),
        "header" => {
            part.only(&["type", "block_id", "text", "level"], findings);
            object::plain(part, "text", 150, Need::Must, findings);
        }
        "divider" => part.only(&["type", "block_id"], findings),
        "context" => {
            part.only(&["type", "block_id", "elements"], findings);
            required(part, "elements", findings);
            for item in part.list("elements", 1, 10, findings) {
                match item.kind() {
                    "image" => element::image(&item, findings),
                    _ => object::text(&item, 3_000, &["plain_text", "mrkdwn"], findings),
                }
            }
        }
        "actions" => {
            part.only(&["type", "block_id", "elements"], findings);
            actions(part, 25, &element::ACTIONS, findings);
        }
        "context_actions" if surface == Surface::Message => {
            part.only(&["type", "block_id", "elements"], findings);
            actions(part, 5, &["feedback_buttons", "icon_button"], findings);
        }
        "image" => {
            element::image(part, findings);
            object::plain(part, "title", 2_000, Need::May, findings);
        }
        "input" => input(part, findings),
        "markdown" if surface == Surface::Message => {
            required(part, "text", findings);
            part.string("text", 1, 12_000, findings);
        }
        "table" if surface == Surface::Message => {
            required(part, "rows", findings);
            for row in part.list("rows", 1, 100, findings) {
                let cells = row.items().len();
                if cells > 20 {
                    findings.add("no more than 20 items allowed", &row.at);
                }
            }
        }
        "carousel" if surface == Surface::Message => {
            required(part, "elements", findings);
            part.list("elements", 1, 10, findings);
        }
        "rich_text" => required(part, "elements", findings),
        "video" | "file" => (),
        kind => findings.add(&format!("unsupported type: {kind}"), &format!("{}/type", part.at)),
    }
}

fn section(part: &Spot<'_>, findings: &mut Findings) {
    part.only(&["type", "block_id", "text", "fields", "accessory", "expand"], findings);
    object::either(part, "text", 3_000, Need::May, findings);
    for field in part.list("fields", 1, 10, findings) {
        object::text(&field, 2_000, &["plain_text", "mrkdwn"], findings);
    }
    if part.get("text").is_none() && part.get("fields").is_none() {
        findings.add("must define either text or fields", &part.at);
    }
    if let Some(accessory) = part.get("accessory") {
        if accessory.kind() == "image" {
            element::image(&accessory, findings);
        } else {
            element::one(&accessory, &element::ACTIONS, findings);
        }
    }
}

fn actions(part: &Spot<'_>, most: usize, kinds: &[&str], findings: &mut Findings) {
    required(part, "elements", findings);
    let mut ids = HashSet::new();
    for item in part.list("elements", 1, most, findings) {
        element::one(&item, kinds, findings);
        item.unique("action_id", &mut ids, findings);
    }
}

fn input(part: &Spot<'_>, findings: &mut Findings) {
    part.only(&["type", "block_id", "label", "element", "hint", "optional", "dispatch_action"], findings);
    object::plain(part, "label", 2_000, Need::Must, findings);
    object::plain(part, "hint", 2_000, Need::May, findings);
    match part.get("element") {
        Some(inner) => element::one(&inner, &element::INPUTS, findings),
        None => findings.missing("element", &part.at),
    }
}

fn required(part: &Spot<'_>, name: &str, findings: &mut Findings) {
    if part.get(name).is_none() {
        findings.missing(name, &part.at);
    }
}
