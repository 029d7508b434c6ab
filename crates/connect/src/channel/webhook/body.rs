//! The wire form of a notice, cut to fit.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;

use crate::channel::notice::{self, Call, Notice, Place, Suggestion};

/// The largest body sent, in bytes: many receivers stop reading at 20 KB.
pub const BODY_BYTES: usize = 20_000;

/// How much is kept: resources, lines of each other list, and bytes of each text and of each short word or id.
#[derive(Clone, Copy)]
struct Limits {
    places: usize,
    lines: usize,
    suggestions: usize,
    text: usize,
    name: usize,
}

/// Tried in turn. The last always fits: about forty short members and four suggestions of bounded size.
const STEPS: [Limits; 4] = [
    Limits { places: 50, lines: 20, suggestions: 12, text: 4_000, name: 512 },
    Limits { places: 20, lines: 10, suggestions: 12, text: 1_500, name: 256 },
    Limits { places: 10, lines: 5, suggestions: 8, text: 500, name: 160 },
    Limits { places: 3, lines: 2, suggestions: 4, text: 160, name: 128 },
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
    #[serde(flatten)]
    impact: Impact<'a>,
    #[serde(flatten)]
    since: Since<'a>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<Cow<'a, str>>,
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

/// What the notice knows about reach; nothing of it is on the wire when there is nothing.
#[derive(Serialize)]
struct Impact<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blast_radius: Vec<BlastLine<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    check_first: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resembles: Option<PastIncident<'a>>,
}

#[derive(Serialize)]
struct BlastLine<'a> {
    layer: &'static str,
    resource: Cow<'a, str>,
    owner: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct PastIncident<'a> {
    title: Cow<'a, str>,
    undone: Vec<Cow<'a, str>>,
}

/// What came of it; nothing of it is on the wire in a first notice.
#[derive(Serialize)]
struct Since<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also_told: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merged: Option<Merged<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    responses: Vec<Response<'a>>,
}

#[derive(Serialize)]
struct Merged<'a> {
    count: u64,
    last_action: Cow<'a, str>,
    worst_impact: Cow<'a, str>,
}

#[derive(Serialize)]
struct Response<'a> {
    who: Cow<'a, str>,
    did: Cow<'a, str>,
    after_ms: i64,
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

/// The webhook's body: `{"type", "timestamp", "data"}` in JSON, at most [`BODY_BYTES`] long.
///
/// The same notice always gives the same bytes. What is too long is cut with `…`, first the resources
/// (their number stays in `more`), then the texts; ids, hashes and paths are never cut.
#[must_use]
pub fn write(notice: &Notice) -> Bytes {
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
            what: What {
                action: name(&notice.what.action),
                description: notice.what.description.as_deref().map(text),
                diff: notice.what.diff.as_deref().map(name),
                version: notice.what.version.as_deref().map(name),
                environment: notice.what.environment.as_deref().map(name),
            },
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
            impact: impact(&notice.impact, limits),
            since: since(&notice.since, limits),
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

fn impact(impact: &notice::Impact, limits: Limits) -> Impact<'_> {
    let name = |text| cut(text, limits.name);
    Impact {
        blast_radius: impact
            .blast_radius
            .iter()
            .take(limits.lines)
            .map(|line| BlastLine {
                layer: line.layer.as_str(),
                resource: name(&line.resource),
                owner: line.owner.as_deref().map(name),
            })
            .collect(),
        check_first: impact.check_first.iter().take(limits.lines).map(|line| name(line)).collect(),
        resembles: impact.resembles.as_ref().map(|past| PastIncident {
            title: name(&past.title),
            undone: past.undone.iter().take(limits.lines).map(|item| name(item)).collect(),
        }),
    }
}

fn since(since: &notice::Since, limits: Limits) -> Since<'_> {
    let name = |text| cut(text, limits.name);
    Since {
        also_told: since.also_told.iter().take(limits.lines).map(|handle| name(handle)).collect(),
        merged: since.merged.as_ref().map(|merged| Merged {
            count: merged.count,
            last_action: name(&merged.last_action),
            worst_impact: name(&merged.worst_impact),
        }),
        responses: since
            .responses
            .iter()
            .take(limits.lines)
            .map(|response| Response { who: name(&response.who), did: name(&response.did), after_ms: response.after.0 })
            .collect(),
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
