//! What a message says, read from a call's arguments and judged.

use serde_json::{Value, json};

use super::super::arguments::Arguments;
use super::super::limits;
use super::super::refusal::Refusal;
use super::super::workspace::Content;

/// Longer texts are cut.
const TEXT: usize = 40_000;
const MARKDOWN: usize = 12_000;
const ATTACHMENTS: usize = 100;
/// The largest `event_payload`, in bytes of JSON.
const METADATA: usize = 8_000;

/// Reads what is to be said; refuses when there is nothing.
pub(super) fn read(arguments: &Arguments) -> Result<Content, Refusal> {
    let parts = list(arguments, "blocks", "invalid_blocks_format")?;
    let attachments = list(arguments, "attachments", "invalid_attachments_format")?;
    let (text, markdown) = (arguments.text("text"), arguments.text("markdown_text"));
    if markdown.is_some() && (text.is_some() || !parts.is_empty()) {
        return Err(Refusal::new("markdown_text_conflict"));
    }
    if markdown.is_some_and(|markdown| markdown.chars().count() > MARKDOWN) {
        return Err(Refusal::new("msg_too_long"));
    }
    if attachments.len() > ATTACHMENTS {
        return Err(Refusal::new("too_many_attachments"));
    }
    let text = text.or(markdown).unwrap_or_default();
    if text.is_empty() && parts.is_empty() && attachments.is_empty() {
        return Err(Refusal::new("no_text"));
    }
    let mut layout = Value::Array(parts);
    limits::message(&layout)?;
    fill_ids(&mut layout);
    let Value::Array(blocks) = layout else { unreachable!("an array stays one") };
    Ok(Content { text: text.chars().take(TEXT).collect(), blocks, attachments, metadata: metadata(arguments)? })
}

fn list(arguments: &Arguments, name: &str, error: &'static str) -> Result<Vec<Value>, Refusal> {
    match arguments.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items.clone()),
        Some(_) => Err(Refusal::new(error)),
    }
}

fn metadata(arguments: &Arguments) -> Result<Option<Value>, Refusal> {
    let Some(metadata) = arguments.get("metadata") else { return Ok(None) };
    if !metadata["event_type"].is_string() || !metadata["event_payload"].is_object() {
        return Err(Refusal::new("invalid_metadata_format"));
    }
    if metadata["event_payload"].to_string().len() > METADATA {
        return Err(Refusal::new("metadata_too_large"));
    }
    Ok(Some(metadata.clone()))
}

/// Names the parts and elements that came without a name, as Slack does.
pub(crate) fn fill_ids(layout: &mut Value) {
    for (index, part) in layout.as_array_mut().into_iter().flatten().enumerate() {
        name(part, "block_id", &format!("p{index}"));
        for member in ["element", "accessory"] {
            if let Some(element) = part.get_mut(member)
                && element["type"] != "image"
            {
                name(element, "action_id", &format!("p{index}e0"));
            }
        }
        if part["type"] == "actions" {
            for (inner, element) in part["elements"].as_array_mut().into_iter().flatten().enumerate() {
                name(element, "action_id", &format!("p{index}e{inner}"));
            }
        }
    }
}

fn name(value: &mut Value, member: &str, id: &str) {
    if let Some(members) = value.as_object_mut() {
        members.entry(member).or_insert_with(|| json!(id));
    }
}
