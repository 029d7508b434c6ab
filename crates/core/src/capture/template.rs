//! `file:{path}`: text with holes that a call's arguments fill.

use serde_json::{Map, Value};

use super::Call;
use super::form::Wrong;
use crate::event::ResourceKind;
use crate::event::submission::MAX_RESOURCES;

/// A compiled template.
#[derive(Debug, Clone)]
pub(super) struct Template {
    /// What kind of resource it makes; of no meaning when it makes a name.
    pub(super) kind: ResourceKind,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(Box<str>),
    Server,
    Tool,
    /// A dotted path into the arguments, through lists.
    Argument(Box<str>),
    /// The same, of a URL only its host and port.
    Host(Box<str>),
}

impl Template {
    /// Reads `TYPE:ID`.
    pub(super) fn resource(text: &str) -> Result<Self, Wrong> {
        let Some((word, id)) = text.split_once(':') else {
            return Err(Wrong::from(format!("`{text}` is not a resource; write `TYPE:ID` such as `file:{{path}}`")));
        };
        let kind = ResourceKind::from_word(word)
            .ok_or_else(|| Wrong::word(word, "a type of resource", ResourceKind::WORDS))?;
        Ok(Self { kind, ..Self::name(id)? })
    }

    /// Reads a text with holes.
    pub(super) fn name(text: &str) -> Result<Self, Wrong> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, from)) = rest.split_once('{') {
            let Some((hole, after)) = from.split_once('}').filter(|(hole, _)| !hole.contains('{')) else {
                return Err(Wrong::from(format!("`{text}` has a brace without its partner")));
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            parts.push(match (hole, hole.split_once('|')) {
                ("server", _) => Part::Server,
                ("tool", _) => Part::Tool,
                (_, Some((argument, "host"))) if !argument.is_empty() => Part::Host(argument.into()),
                (_, Some((_, filter))) => return Err(Wrong::word(filter, "a way to cut an argument", &["host"])),
                ("", None) => return Err(Wrong::from(format!("`{text}` has an empty pair of braces"))),
                (argument, None) => Part::Argument(argument.into()),
            });
            rest = after;
        }
        if rest.contains('}') {
            return Err(Wrong::from(format!("`{text}` has a brace without its partner")));
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        if parts.is_empty() {
            return Err(Wrong::from(format!("`{text}` names nothing")));
        }
        Ok(Self { kind: ResourceKind::Api, parts })
    }

    /// Every text it makes of a call: one for each value of a list, none when an argument is missing.
    pub(super) fn fill(&self, call: &Call<'_>) -> Vec<String> {
        let mut made = vec![String::new()];
        for part in &self.parts {
            let values = match part {
                Part::Text(text) => vec![text.to_string()],
                Part::Server => vec![call.server.to_owned()],
                Part::Tool => vec![call.tool.to_owned()],
                Part::Argument(path) => arguments(call.arguments, path),
                Part::Host(path) => arguments(call.arguments, path).iter().map(|url| host(url).to_owned()).collect(),
            };
            let pairs = made.iter().flat_map(|front| values.iter().map(move |value| format!("{front}{value}")));
            made = pairs.take(MAX_RESOURCES).collect();
        }
        made.into_iter().filter(|text| !text.is_empty()).collect()
    }
}

/// The values at a dotted path, through lists; texts, numbers and truths, without the empty text.
fn arguments(arguments: &Map<String, Value>, path: &str) -> Vec<String> {
    let mut found: Vec<&Value> = Vec::new();
    if let Some(value) = arguments.get(path) {
        found.push(value);
    } else {
        let mut steps = path.split('.');
        found.extend(steps.next().and_then(|first| arguments.get(first)));
        for step in steps {
            found = found.into_iter().flat_map(items).filter_map(|value| value.get(step)).collect();
        }
    }
    let scalars = found.into_iter().flat_map(items).take(MAX_RESOURCES).filter_map(|value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    });
    scalars.filter(|text| !text.is_empty()).collect()
}

/// The values of a list, or the one value.
fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

/// `example.com:8080` of `https://user@example.com:8080/path`.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}
