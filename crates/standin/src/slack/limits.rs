//! Block Kit's limits: what the API turns away, each with the place it stands at.

mod element;
mod layout;
mod object;

use std::collections::HashSet;

use serde_json::Value;

use super::refusal::Refusal;

/// The most characters that all of a message's texts may have together; not documented, but so it is.
const MESSAGE_CHARACTERS: usize = 13_200;
/// The largest view, in bytes of JSON.
const VIEW_BYTES: usize = 250_000;

/// Judges the layout of a message.
pub(super) fn message(layout: &Value) -> Result<(), Refusal> {
    let mut findings = Findings::default();
    let spot = Spot::root("/blocks", layout);
    if !layout.is_array() {
        return Err(Refusal::new("invalid_blocks_format"));
    }
    layout::all(&spot, layout::Surface::Message, &mut findings);
    if characters(layout) > MESSAGE_CHARACTERS {
        return Err(Refusal::new("msg_blocks_too_long"));
    }
    findings.refuse("invalid_blocks")
}

/// Judges a modal.
pub(super) fn view(view: &Value) -> Result<(), Refusal> {
    let mut findings = Findings::default();
    if view.to_string().len() > VIEW_BYTES {
        return Err(Refusal::new("view_too_large"));
    }
    let spot = Spot::root("/view", view);
    spot.only(
        &[
            "type",
            "title",
            "blocks",
            "close",
            "submit",
            "private_metadata",
            "callback_id",
            "clear_on_close",
            "notify_on_close",
            "external_id",
            "submit_disabled",
        ],
        &mut findings,
    );
    if view["type"] != "modal" {
        findings.add("unsupported type: only `modal` can be opened", &spot.at);
    }
    object::plain(&spot, "title", 24, object::Need::Must, &mut findings);
    object::plain(&spot, "submit", 24, object::Need::May, &mut findings);
    object::plain(&spot, "close", 24, object::Need::May, &mut findings);
    spot.string("private_metadata", 0, 3_000, &mut findings);
    spot.string("callback_id", 0, 255, &mut findings);
    spot.string("external_id", 0, 255, &mut findings);
    match spot.get("blocks") {
        Some(inner) => layout::all(&inner, layout::Surface::Modal, &mut findings),
        None => findings.missing("blocks", &spot.at),
    }
    let kinds = view["blocks"].as_array().into_iter().flatten();
    if view.get("submit").is_none() && kinds.into_iter().any(|inner| inner["type"] == "input") {
        findings.add("a view with inputs needs `submit`", &spot.at);
    }
    findings.refuse("invalid_arguments")
}

/// The characters of every text in it.
fn characters(layout: &Value) -> usize {
    match layout {
        Value::Array(items) => items.iter().map(characters).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| match value.as_str() {
                Some(text) if name == "text" => text.chars().count(),
                Some(_) => 0,
                None => characters(value),
            })
            .sum(),
        _ => 0,
    }
}

/// What is wrong, in the order it was found.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn add(&mut self, what: &str, at: &str) {
        self.0.push(format!("[ERROR] {what} [json-pointer:{at}]"));
    }

    fn missing(&mut self, name: &str, at: &str) {
        self.add(&format!("missing required field: {name}"), at);
    }

    fn refuse(self, error: &'static str) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::with_messages(error, self.0)) }
    }
}

/// A value and the JSON pointer to it.
struct Spot<'a> {
    value: &'a Value,
    at: String,
}

impl<'a> Spot<'a> {
    fn root(at: &str, value: &'a Value) -> Self {
        Self { value, at: at.to_owned() }
    }

    fn get(&self, name: &str) -> Option<Spot<'a>> {
        let value = self.value.get(name)?;
        Some(Spot { value, at: format!("{}/{name}", self.at) })
    }

    fn items(&self) -> Vec<Spot<'a>> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(|(index, value)| Spot { value, at: format!("{}/{index}", self.at) }).collect()
    }

    fn kind(&self) -> &'a str {
        self.value["type"].as_str().unwrap_or_default()
    }

    /// A list between `least` and `most` long; nothing when it is not there or not a list.
    fn list(&self, name: &str, least: usize, most: usize, findings: &mut Findings) -> Vec<Spot<'a>> {
        let Some(list) = self.get(name) else { return Vec::new() };
        if !list.value.is_array() {
            findings.add("must be an array", &list.at);
        }
        let items = list.items();
        if items.len() < least {
            findings.add(&format!("must have at least {least} items"), &list.at);
        }
        if items.len() > most {
            findings.add(&format!("no more than {most} items allowed"), &list.at);
        }
        items
    }

    /// Text between `least` and `most` characters long, if it is there.
    fn string(&self, name: &str, least: usize, most: usize, findings: &mut Findings) {
        let Some(spot) = self.get(name) else { return };
        let Some(text) = spot.value.as_str() else {
            findings.add("must be a string", &spot.at);
            return;
        };
        let length = text.chars().count();
        if length < least {
            findings.add(&format!("must be more than {} characters", least - 1), &spot.at);
        }
        if length > most {
            findings.add(&format!("must be less than {} characters", most + 1), &spot.at);
        }
    }

    /// Says which members do not belong here.
    fn only(&self, names: &[&str], findings: &mut Findings) {
        let Some(members) = self.value.as_object() else {
            findings.add("must be an object", &self.at);
            return;
        };
        for name in members.keys().filter(|name| !names.contains(&name.as_str())) {
            findings.add(&format!("invalid additional property: {name}"), &self.at);
        }
    }

    /// Says when an id is one that was there before.
    fn unique(&self, name: &str, seen: &mut HashSet<&'a str>, findings: &mut Findings) {
        if let Some(id) = self.value[name].as_str()
            && !seen.insert(id)
        {
            findings.add(&format!("`{name}` \"{id}\" already exists"), &format!("{}/{name}", self.at));
        }
    }
}
