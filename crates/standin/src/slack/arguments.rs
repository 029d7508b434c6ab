//! What a method was called with: the query, a form or a JSON object, read into one shape.

use hyper::header::HeaderMap;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// Arguments that are JSON inside a form's text.
const NESTED: [(&str, &str); 4] = [
    ("blocks", "invalid_blocks_format"),
    ("attachments", "invalid_attachments_format"),
    ("metadata", "invalid_metadata_format"),
    ("view", "invalid_arguments"),
];

/// The arguments of one call.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    values: Map<String, Value>,
    /// From the `Authorization` header, else from the argument `token`.
    pub(super) token: Option<String>,
}

impl Arguments {
    pub(super) fn read(query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut values = form(query.unwrap_or_default().as_bytes());
        let kind = text("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
        match kind {
            "application/json" => match serde_json::from_slice(body) {
                Ok(Value::Object(object)) => values.extend(object),
                Ok(_) => return Err(Refusal::new("json_not_object")),
                Err(_) => return Err(Refusal::new("invalid_json")),
            },
            "application/x-www-form-urlencoded" => values.extend(form(body)),
            "" if body.is_empty() => (),
            _ => return Err(Refusal::new("invalid_post_type")),
        }
        let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
        let given = values.remove("token").and_then(|token| token.as_str().map(str::to_owned));
        for (name, error) in NESTED {
            if let Some(Value::String(inner)) = values.get(name) {
                let inner = serde_json::from_str(inner).map_err(|_| Refusal::new(error))?;
                values.insert(name.to_owned(), inner);
            }
        }
        values.retain(|_, value| !value.is_null());
        Ok(Self { values, token: bearer.or(given) })
    }

    /// An argument that is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// An argument that is text and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// An argument that has to be there.
    pub(super) fn needed(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::invalid_arguments(&format!("missing required field: {name}")))
    }

    /// Whether an argument says yes, in JSON or in a form.
    pub(super) fn is_set(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::Bool(set)) => *set,
            Some(Value::String(text)) => text == "true" || text == "1",
            _ => false,
        }
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.values)
    }
}

fn form(bytes: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(bytes).map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect()
}
