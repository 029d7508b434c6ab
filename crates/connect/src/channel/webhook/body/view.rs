//! The wire form of a notice, cut to fit.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;

use super::{BODY_BYTES, Call, Notice, Place, Suggestion};

/// How much is kept: resources, and bytes of each text and of each short word or id.
#[derive(Clone, Copy)]
struct Limits {
    places: usize,
    suggestions: usize,
    text: usize,
    name: usize,
}

/// Tried in turn. The last always fits: about twenty short members and seven suggestions of bounded size.
const STEPS: [Limits; 4] = [
    Limits { places: 50, suggestions: 12, text: 4_000, name: 512 },
    Limits { places: 20, suggestions: 12, text: 1_500, name: 256 },
    Limits { places: 10, suggestions: 8, text: 500, name: 160 },
    Limits { places: 3, suggestions: 4, text: 160, name: 128 },
];

/// A path or link longer than this in JSON is not offered: it could not be cut and still be followed.
const PATH_BYTES: usize = 1_024;

#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    notification_id: Cow<'a, str>,
    header: String,
    urgency: Cow<'a, str>,
    recipient: Cow<'a, str>,
    who: Who<'a>,
    what: What<'a>,
    #[serde(rename = "where")]
    places: Places<'a>,
    when: When<'a>,
    why_you: WhyYou<'a>,
    suggestions: Vec<Action<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Event<'a>>,
}

#[derive(Serialize)]
struct Who<'a> {
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    id: Cow<'a, str>,
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    framework: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct What<'a> {
    action: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Places<'a> {
    resources: Vec<Resource<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
}

#[derive(Serialize)]
struct Resource<'a> {
    resource: Cow<'a, str>,
    owner: Option<Cow<'a, str>>,
    source: Cow<'a, str>,
}

#[derive(Serialize)]
struct When<'a> {
    occurred_at: String,
    received_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    late: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct WhyYou<'a> {
    reason: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Cow<'a, str>>,
    confidence: f64,
    confidence_words: Cow<'a, str>,
}

#[derive(Serialize)]
struct Action<'a> {
    label: Cow<'a, str>,
    method: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Intervention<'a>>,
}

#[derive(Serialize)]
struct Intervention<'a> {
    intervention: &'a str,
}

#[derive(Serialize)]
struct Event<'a> {
    id: Cow<'a, str>,
    seq: i64,
    hash: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// Writes the first form that fits.
pub(super) fn write(notice: &Notice) -> Bytes {
    let mut bytes = Vec::with_capacity(2_048);
    for limits in STEPS {
        bytes.clear();
        // INVARIANT: writing to memory cannot fail, and no map has keys that are not strings.
        let written = serde_json::to_writer(&mut bytes, &message(notice, limits));
        debug_assert!(written.is_ok(), "{written:?}");
        if bytes.len() <= BODY_BYTES {
            break;
        }
    }
    debug_assert!(bytes.len() <= BODY_BYTES, "{} bytes after the last cut", bytes.len());
    bytes.into()
}

fn message(notice: &Notice, limits: Limits) -> Message<'_> {
    let name = |text| cut(text, limits.name);
    let text = |text| cut(text, limits.text);
    let kept = notice.places.iter().take(limits.places);
    let link = |path: &str| Some(format!("{}{path}", notice.public_url.as_deref()?.trim_end_matches('/')));
    let offered = notice.suggestions.iter().filter_map(|suggestion| action(notice, suggestion, limits, &link));
    Message {
        kind: notice.kind.as_str(),
        timestamp: notice.at.rfc3339(),
        data: Data {
            notification_id: name(&notice.id),
            header: cut(&notice.header(), limits.name.max(256)).into_owned(),
            urgency: name(&notice.urgency),
            recipient: name(&notice.recipient),
            who: Who {
                kind: name(&notice.who.kind),
                id: name(&notice.who.id),
                name: name(&notice.who.name),
                framework: notice.who.framework.as_deref().map(name),
            },
            what: What { action: name(&notice.what.action), description: notice.what.description.as_deref().map(text) },
            places: Places {
                resources: kept.map(|place| resource(place, limits)).collect(),
                more: notice.places.len().saturating_sub(limits.places),
            },
            when: When {
                occurred_at: notice.when.occurred_at.rfc3339(),
                received_at: notice.when.received_at.rfc3339(),
                late: notice.when.late.as_deref().map(text),
            },
            why_you: WhyYou {
                reason: text(&notice.why_you.reason),
                rule: notice.why_you.rule.as_deref().map(name),
                confidence: notice.why_you.confidence,
                confidence_words: name(&notice.why_you.confidence_words),
            },
            suggestions: offered.take(limits.suggestions).collect(),
            event: notice.event.as_ref().map(|event| Event {
                id: name(&event.id),
                seq: event.seq,
                hash: name(&event.hash),
                url: link(&format!("/v1/events/{}", segment(&event.id))).filter(|url| cost(url) <= PATH_BYTES),
            }),
        },
    }
}

fn resource(place: &Place, limits: Limits) -> Resource<'_> {
    Resource {
        resource: cut(&place.resource, limits.name),
        owner: place.owner.as_deref().map(|owner| cut(owner, limits.name)),
        source: cut(&place.source, limits.name),
    }
}

fn action<'a>(
    notice: &'a Notice,
    suggestion: &'a Suggestion,
    limits: Limits,
    link: &impl Fn(&str) -> Option<String>,
) -> Option<Action<'a>> {
    let (path, body) = match &suggestion.call {
        Call::Pause { agent } => (format!("/v1/agents/{}/pause", segment(agent)), None),
        Call::Resume { agent } => (format!("/v1/agents/{}/resume", segment(agent)), None),
        Call::Respond { intervention } => (
            format!("/v1/notifications/{}/responses", segment(&notice.id)),
            Some(Intervention { intervention }).filter(|_| cost(intervention) <= 64),
        ),
    };
    let url = link(&path);
    let fits = cost(&path) <= PATH_BYTES && url.as_deref().is_none_or(|url| cost(url) <= PATH_BYTES);
    fits.then(|| Action { label: cut(&suggestion.label, limits.name), method: "POST", path, url, body })
}

/// One path segment, percent-encoded: an agent's id may hold `/` and `@`.
fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// At most `limit` bytes of JSON of `text`, the last of it `…` when something is left out.
fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    // Six bytes is the longest escape of one character.
    if text.len().saturating_mul(6) <= limit {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let mut keep = 0;
    for (at, character) in text.char_indices() {
        used += escaped(character);
        if used > limit {
            let (kept, _) = text.split_at(keep);
            return Cow::Owned(format!("{kept}…"));
        }
        if used + '…'.len_utf8() <= limit {
            keep = at + character.len_utf8();
        }
    }
    Cow::Borrowed(text)
}

/// The bytes that `text` takes in JSON.
fn cost(text: &str) -> usize {
    text.chars().map(escaped).sum()
}

fn escaped(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests;
