//! Taking a body apart: one event, or a list with its envelope. Items stay text until they are read strictly.

use std::borrow::Cow;
use std::fmt;

use mandate_api::Dropped;
use mandate_core::time::Millis;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::MAX_ITEMS;
use crate::http::extract;
use crate::http::problem::{Code, Refused};

/// The items of a request, as they were sent.
#[derive(Debug)]
pub(super) struct Items<'b> {
    /// The text of each item.
    pub(super) items: Vec<&'b str>,
    /// When the client sent it, by its own clock.
    pub(super) sent_at: Option<Millis>,
    /// What the client had to drop since it last reached us.
    pub(super) dropped: Option<Dropped>,
    /// Whether they came in a list.
    pub(super) is_batch: bool,
}

/// Takes a body apart.
///
/// # Errors
/// 400 for what is not JSON, no object, or an envelope with anything but `events`, `sent_at` and `dropped`; 413 for more
/// than 1,000 items.
pub(super) fn parse(text: &str) -> Result<Items<'_>, Refused> {
    let one = || Items { items: vec![text], sent_at: None, dropped: None, is_batch: false };
    match serde_json::from_str::<Envelope<'_>>(text) {
        Ok(Envelope { events: None, .. }) => Ok(one()),
        Ok(Envelope { events: Some(Events::TooMany), .. }) => {
            Err(Refused::new(Code::TooLarge, format!("a request may hold {MAX_ITEMS} items; send the rest in another")))
        }
        Ok(Envelope { events: Some(Events::Items(items)), sent_at, dropped, unknown }) => {
            if let Some(name) = unknown {
                let detail = format!(
                    "beside `events` stands `{name}`; only `sent_at` and `dropped` may, what is known of an event \
                     goes into it"
                );
                return Err(Refused::new(Code::InvalidRequest, detail).at(pointer(&name), "unknown_member"));
            }
            if items.is_empty() {
                let refused = Refused::new(Code::InvalidRequest, "`events` is empty; send at least one event");
                return Err(refused.at("/events", "missing"));
            }
            let sent_at = sent_at.map(millis).transpose()?;
            let dropped = dropped.map(losses).transpose()?;
            Ok(Items { items, sent_at, dropped, is_batch: true })
        }
        // JSON whose member names are not text, such as a lone surrogate: the strict reader says where.
        Err(error) if !error.is_data() && serde_json::from_str::<&RawValue>(text).is_ok() => Ok(one()),
        Err(error) => {
            let message = error.to_string();
            let at =
                if message.starts_with("duplicate field") || message.contains("`events`") { "/events" } else { "" };
            Err(extract::refused(&error, at.to_owned()))
        }
    }
}

fn pointer(name: &str) -> String {
    let mut pointer = String::new();
    mandate_core::json::push_pointer(&mut pointer, name);
    pointer
}

fn millis(text: &str) -> Result<Millis, Refused> {
    match serde_json::from_str(text) {
        Ok(at) => Ok(at),
        Err(_) => {
            let detail = format!("`sent_at` is a time in Unix milliseconds, this is `{text}`");
            Err(Refused::new(Code::InvalidRequest, detail).at("/sent_at", "wrong_type"))
        }
    }
}

fn losses(text: &str) -> Result<Dropped, Refused> {
    serde_json::from_str(text).map_err(|error| {
        let detail = format!("`dropped` is `{{\"count\", \"since\", \"until\"}}`: {error}");
        Refused::new(Code::InvalidRequest, detail).at("/dropped", "wrong_type")
    })
}

/// The members of a body that decide what it is; a single event has no `events`.
struct Envelope<'b> {
    events: Option<Events<'b>>,
    sent_at: Option<&'b str>,
    dropped: Option<&'b str>,
    unknown: Option<String>,
}

enum Events<'b> {
    Items(Vec<&'b str>),
    TooMany,
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one event object or `{\"events\": […]}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Envelope<'de>, A::Error> {
        let mut envelope = Envelope { events: None, sent_at: None, dropped: None, unknown: None };
        while let Some(Name(name)) = members.next_key::<Name<'de>>()? {
            match name.as_ref() {
                "events" if envelope.events.is_some() => return Err(A::Error::duplicate_field("events")),
                "events" => envelope.events = Some(members.next_value_seed(EventsSeed)?),
                "sent_at" => envelope.sent_at = Some(members.next_value::<&RawValue>()?.get()),
                "dropped" => envelope.dropped = Some(members.next_value::<&RawValue>()?.get()),
                _ => {
                    members.next_value::<IgnoredAny>()?;
                    envelope.unknown.get_or_insert_with(|| name.into_owned());
                }
            }
        }
        Ok(envelope)
    }
}

/// A member's name, borrowed unless it has escapes.
struct Name<'b>(Cow<'b, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// Reads the list up to one more than may be in it; the rest is only checked for being JSON.
struct EventsSeed;

impl<'de> DeserializeSeed<'de> for EventsSeed {
    type Value = Events<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Events<'de>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for EventsSeed {
    type Value = Events<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events in `events`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Events<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<&RawValue>()? {
            if items.len() == MAX_ITEMS {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Events::TooMany);
            }
            items.push(item.get());
        }
        Ok(Events::Items(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Expect<'e> = Result<(&'e [&'e str], Option<i64>), (Code, &'e str, &'e str)>;

    /// The items, or the problem's code with the pointer and code of its first error.
    fn check(text: &str, expect: Expect<'_>) {
        let got = parse(text);
        match (&got, expect) {
            (Ok(got), Ok((items, sent_at))) => {
                assert_eq!((got.items.as_slice(), got.sent_at.map(|at| at.0)), (items, sent_at), "{text}");
            }
            (Err(refused), Err((code, pointer, word))) => {
                assert_eq!(refused.code(), code, "{text}");
                let error = refused.errors().first();
                let at = error.map_or(("", ""), |error| (error.pointer.as_str(), error.code.as_str()));
                assert_eq!(at, (pointer, word), "{text}: {}", refused.detail());
            }
            _ => panic!("{text} gave {got:?}"),
        }
    }

    #[test]
    fn a_body_is_one_event_or_a_list() {
        for one in
            ["{}", r#" {"action":{"type":"deploy"}} "#, r#"{"sent_at":"x"}"#, r#"{"\ud800":1}"#, r#"{"a":1e999}"#]
        {
            check(one, Ok((&[one], None)));
        }
        check(r#"{"events":[{}, {"a":1} ,7],"sent_at":5}"#, Ok((&["{}", r#"{"a":1}"#, "7"], Some(5))));
        check(r#"{"\u0065vents":[{}]}"#, Ok((&["{}"], None)));

        use Code::{InvalidJson, InvalidRequest};
        check("", Err((InvalidJson, "", "")));
        check(r#"{"a":"#, Err((InvalidJson, "", "")));
        check(r#"{"a":1} {"#, Err((InvalidJson, "", "")));
        check(r#"{"events":[{"a":nul}]}"#, Err((InvalidJson, "", "")));
        check("[]", Err((InvalidRequest, "", "wrong_type")));
        check("7", Err((InvalidRequest, "", "wrong_type")));
        check(r#"{"events":{}}"#, Err((InvalidRequest, "/events", "wrong_type")));
        check(r#"{"events":[]}"#, Err((InvalidRequest, "/events", "missing")));
        check(r#"{"events":[{}],"events":[{}]}"#, Err((InvalidRequest, "/events", "duplicate_key")));
        check(r#"{"events":[{}],"sent_at":"now"}"#, Err((InvalidRequest, "/sent_at", "wrong_type")));
        check(r#"{"events":[{}],"actor":{}}"#, Err((InvalidRequest, "/actor", "unknown_member")));
        let many = |n: usize| format!(r#"{{"events":[{}]}}"#, vec!["{}"; n].join(","));
        assert_eq!(parse(&many(1_000)).unwrap().items.len(), 1_000);
        check(&many(1_001), Err((Code::TooLarge, "", "")));
    }
}
