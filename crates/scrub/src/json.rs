//! Walking a JSON value: names tell of their values, everything else is scrubbed as text.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::find::{Place, is_card_number, is_scheme, known};
use crate::key::{Beside, Personal, Telling, Tier, Words, personal, telling};
use crate::mark::is_only_marks;
use crate::scrubber::Scrubber;
use crate::shape::is_personal_ip;

pub(crate) fn scrub_object(scrubber: &Scrubber, members: &mut Map<String, Value>, place: Place) {
    scrub_names(scrubber, members, place);
    let is_person =
        members.keys().any(|name| matches!(personal(&Words::of(name)), Some(Personal::Email | Personal::Phone)));
    let named = named_by_sibling(members);
    for (name, value) in members.iter_mut() {
        let words = match &named {
            Some(named) if name.eq_ignore_ascii_case("value") => Words::of(named),
            _ => Words::of(name),
        };
        scrub_member(scrubber, &words, is_person, value, place);
    }
}

pub(crate) fn scrub_value(scrubber: &Scrubber, value: &mut Value, place: Place) {
    match value {
        Value::String(text) => scrub_string(scrubber, text, place),
        Value::Array(items) => scrub_array(scrubber, items, place),
        Value::Object(members) => scrub_object(scrubber, members, place),
        Value::Number(number) if number.as_u64().is_some_and(is_card_number) => {
            *value = Value::String(scrubber.mark("card", &number.to_string()));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn scrub_member(scrubber: &Scrubber, words: &Words, is_person: bool, value: &mut Value, place: Place) {
    let exempt = scrubber.exempt();
    if exempt.allows(words) {
        return;
    }
    if let Some(telling) = telling(words) {
        scrub_telling(scrubber, telling, value, place);
        return;
    }
    let place = if exempt.keeps(words) { Place::KeptAttribute } else { place };
    let person = is_person && words.as_str() == "name";
    let kind = if person { Some(Personal::Name) } else { personal(words) };
    match kind {
        Some(kind) if place == Place::Attribute => scrub_personal(scrubber, kind, value, place),
        _ if words.as_str().ends_with("version") && matches!(&*value, Value::String(text) if is_personal_ip(text)) => {}
        _ => scrub_value(scrubber, value, place),
    }
}

/// Replaces what stands under a telling name, at any depth.
fn scrub_telling(scrubber: &Scrubber, telling: Telling, value: &mut Value, place: Place) {
    // A whole object under `auth` is credentials, even when its parts do not look random.
    let inside = if telling.tier == Tier::Random { Telling { tier: Tier::UnlessId, ..telling } } else { telling };
    match value {
        Value::String(text) if telling.kind == "authorization" => scrub_header(scrubber, telling, text),
        Value::String(text) => {
            scrub_whole(scrubber, telling.kind, text, place, |text| telling.accepts(text, Beside::Member));
        }
        Value::Number(number) if telling.tier <= Tier::UnlessId => {
            *value = Value::String(scrubber.mark(telling.kind, &number.to_string()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| scrub_telling(scrubber, inside, item, place)),
        Value::Object(members) => {
            scrub_names(scrubber, members, place);
            for (name, value) in members.iter_mut() {
                if !scrubber.exempt().allows(&Words::of(name)) {
                    scrub_telling(scrubber, inside, value, place);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces what stands in a field of personal data. Objects below it are judged by their own names.
fn scrub_personal(scrubber: &Scrubber, kind: Personal, value: &mut Value, place: Place) {
    match value {
        Value::String(text) => scrub_whole(scrubber, kind.kind(), text, place, |text| kind.accepts(text)),
        Value::Number(number) if kind == Personal::Phone && kind.accepts(&number.to_string()) => {
            *value = Value::String(scrubber.mark(kind.kind(), &number.to_string()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| scrub_personal(scrubber, kind, item, place)),
        Value::Object(members) => scrub_object(scrubber, members, place),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces the whole of `text` when it is accepted, else what its shape tells. Asks again afterwards, since a second
/// scrubbing will ask about what the first one left.
fn scrub_whole(scrubber: &Scrubber, kind: &str, text: &mut String, place: Place, accepts: impl Fn(&str) -> bool) {
    for _ in 0..2 {
        if is_only_marks(text) {
            return;
        }
        if accepts(text) {
            *text = scrubber.mark(known(text).unwrap_or(kind), text);
            return;
        }
        scrub_string(scrubber, text, place);
    }
}

/// Replaces the credentials of an authorization header; its scheme stays readable.
fn scrub_header(scrubber: &Scrubber, telling: Telling, text: &mut String) {
    let (scheme, credentials) = match text.split_once(' ') {
        Some((scheme, credentials)) if is_scheme(scheme) => (scheme, credentials),
        _ => ("", text.as_str()),
    };
    if is_only_marks(credentials) || !telling.accepts(credentials, Beside::Member) {
        return;
    }
    let kind = if scheme.eq_ignore_ascii_case("bearer") { "bearer" } else { telling.kind };
    let mark = scrubber.mark(known(credentials).unwrap_or(kind), credentials);
    *text = if scheme.is_empty() { mark } else { format!("{scheme} {mark}") };
}

/// Scrubs an array; a string behind a telling flag, as in `["--token", "…"]`, is that flag's value.
fn scrub_array(scrubber: &Scrubber, items: &mut [Value], place: Place) {
    let mut flag: Option<Telling> = None;
    for item in items {
        match (flag.take(), &mut *item) {
            (Some(telling), Value::String(text)) if !text.starts_with('-') => {
                scrub_whole(scrubber, telling.kind, text, place, |text| telling.accepts(text, Beside::Member));
                continue;
            }
            _ => scrub_value(scrubber, item, place),
        }
        flag = item.as_str().and_then(|text| flag_telling(scrubber, text));
    }
}

fn flag_telling(scrubber: &Scrubber, text: &str) -> Option<Telling> {
    let name = text.strip_prefix("--").filter(|name| !name.contains(['=', ' ']))?;
    let words = Words::of(name);
    telling(&words).filter(|_| !scrubber.exempt().allows(&words))
}

fn scrub_string(scrubber: &Scrubber, text: &mut String, place: Place) {
    if let Cow::Owned(scrubbed) = scrubber.scrub_in(text, place) {
        *text = scrubbed;
    }
}

/// Scrubs the names themselves: a map from tokens or addresses to something is common.
fn scrub_names(scrubber: &Scrubber, members: &mut Map<String, Value>, place: Place) {
    let place = if place == Place::Attribute { Place::Prose } else { place };
    let scrub = |name: &str| match scrubber.scrub_in(name, place) {
        Cow::Owned(scrubbed) if !scrubber.exempt().allows(&Words::of(name)) => Some(scrubbed),
        _ => None,
    };
    if members.keys().all(|name| scrub(name).is_none()) {
        return;
    }
    let mut renamed = Map::new();
    for (name, value) in std::mem::take(members) {
        let mut new = scrub(&name).unwrap_or(name);
        while renamed.contains_key(&new) {
            new.push('\'');
        }
        renamed.insert(new, value);
    }
    *members = renamed;
}

/// The name that a `value` member goes by, in lists such as `[{"name": "DB_PASSWORD", "value": "…"}]`.
fn named_by_sibling(members: &Map<String, Value>) -> Option<String> {
    if !members.contains_key("value") && !members.contains_key("Value") {
        return None;
    }
    let name = ["name", "key", "header", "Name", "Key"].iter().find_map(|name| members.get(*name)?.as_str())?;
    telling(&Words::of(name)).map(|_| name.to_owned())
}
