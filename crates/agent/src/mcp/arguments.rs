//! A call's arguments as an event may carry them: scrubbed, bounded, and without numbers that JSON would round.

use std::collections::BTreeMap;

use mandate_scrub::Scrubber;
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value, json};
use sha2::{Digest, Sha256};

use super::text::beginning;

/// All arguments together may take this many bytes.
const MAX_BYTES: usize = 32 << 10;
/// Objects and lists nest at most this deep.
const MAX_DEPTH: usize = 16;
/// A member's name may have this many bytes.
const MAX_NAME_BYTES: usize = 256;
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// What still fits, from the most telling to the least: bytes of a text, members of an object or items of a list.
const BOUNDS: [Bounds; 4] = [
    Bounds { text: 2 << 10, items: 256 },
    Bounds { text: 512, items: 64 },
    Bounds { text: 128, items: 16 },
    Bounds { text: 64, items: 8 },
];

#[derive(Debug, Clone, Copy)]
struct Bounds {
    text: usize,
    items: usize,
}

/// The arguments of a call. Long texts become `{"bytes", "sha256"}`, cut lists end in `{"more": n}`.
pub(super) fn arguments(raw: &RawValue, scrubber: &Scrubber) -> Value {
    for bounds in BOUNDS {
        let mut members = match shape(raw, bounds, 0) {
            Value::Object(members) => members,
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        scrubber.scrub_object(&mut members);
        let value = Value::Object(members);
        if value.to_string().len() <= MAX_BYTES {
            return value;
        }
    }
    digest(raw.get())
}

/// What stands for a text that is too long or cannot be read.
fn digest(text: &str) -> Value {
    json!({"bytes": text.len(), "sha256": hex::encode(Sha256::digest(text))})
}

fn shape(raw: &RawValue, bounds: Bounds, depth: usize) -> Value {
    let text = raw.get();
    let shaped = match text.as_bytes().first() {
        Some(b'{' | b'[') if depth == MAX_DEPTH => None,
        Some(b'{') => object(text, bounds, depth),
        Some(b'[') => list(text, bounds, depth),
        Some(b'"') => serde_json::from_str::<String>(text)
            .ok()
            .map(|read| if read.len() > bounds.text { digest(&read) } else { Value::String(read) }),
        Some(b'-' | b'0'..=b'9') => Some(number(text)),
        _ => serde_json::from_str(text).ok(),
    };
    // Too deep, or no text in Unicode's sense: a lone surrogate.
    shaped.unwrap_or_else(|| digest(text))
}

fn object(text: &str, bounds: Bounds, depth: usize) -> Option<Value> {
    // Of members that stand twice the last one counts, as with the readers that do not refuse them.
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let more = members.len().saturating_sub(bounds.items);
    let mut shaped: Map<String, Value> = members
        .into_iter()
        .take(bounds.items)
        .map(|(name, value)| (beginning(&name, MAX_NAME_BYTES).to_owned(), shape(value, bounds, depth + 1)))
        .collect();
    if more > 0 {
        shaped.insert("…".to_owned(), json!({"more": more}));
    }
    Some(Value::Object(shaped))
}

fn list(text: &str, bounds: Bounds, depth: usize) -> Option<Value> {
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let more = items.len().saturating_sub(bounds.items);
    let mut shaped: Vec<Value> =
        items.into_iter().take(bounds.items).map(|item| shape(item, bounds, depth + 1)).collect();
    if more > 0 {
        shaped.push(json!({"more": more}));
    }
    Some(Value::Array(shaped))
}

/// A number that a double holds, or its digits as text.
fn number(text: &str) -> Value {
    let exact =
        text.parse::<Number>().ok().filter(|number| match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(whole), _, _) => whole <= MAX_SAFE_INTEGER,
            (None, Some(whole), _) => whole.unsigned_abs() <= MAX_SAFE_INTEGER,
            #[expect(clippy::cast_precision_loss, reason = "2^53 − 1 is exact")]
            (None, None, Some(float)) => float.abs() <= MAX_SAFE_INTEGER as f64,
            _ => false,
        });
    exact.map_or_else(|| Value::from(text), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(raw: &str, expect: &Value) {
        let raw = RawValue::from_string(raw.to_owned()).unwrap();
        assert_eq!(&arguments(&raw, &Scrubber::new([0; 32])), expect, "{raw}");
    }

    #[test]
    fn arguments_are_shaped() {
        let long = "x".repeat(3000);
        check(
            r#"{"path":"/a","n":1,"f":1.5,"yes":true,"no":null}"#,
            &json!({"path":"/a","n":1,"f":1.5,"yes":true,"no":null}),
        );
        check("[1]", &json!({"value": [1]}));
        check(
            r#"{"a":9007199254740991,"b":9007199254740992,"c":-9007199254740993,"d":12345678901234567890123,"e":1e300,"f":1e999}"#,
            &json!({"a":9_007_199_254_740_991_u64,"b":"9007199254740992","c":"-9007199254740993","d":"12345678901234567890123","e":"1e300","f":"1e999"}),
        );
        check(
            &format!(r#"{{"content":"{long}"}}"#),
            &json!({"content": {"bytes": 3000, "sha256": hex::encode(Sha256::digest(&long))}}),
        );
        check(r#"{"a":"\ud800"}"#, &json!({"a": digest(r#""\ud800""#)}));
        check(r#"{"a":1,"a":2}"#, &json!({"a": 2}));
        let list = serde_json::to_string(&vec![7; 300]).unwrap();
        let mut cut = vec![json!(7); 256];
        cut.push(json!({"more": 44}));
        check(&format!(r#"{{"a":{list}}}"#), &json!({"a": cut}));
    }

    #[test]
    fn deep_nesting_ends_in_a_digest() {
        let deep = format!("{}1{}", "[".repeat(1000), "]".repeat(1000));
        let raw = RawValue::from_string(deep).unwrap();
        let mut value = &arguments(&raw, &Scrubber::new([0; 32]))["value"];
        for _ in 0..MAX_DEPTH {
            value = &value[0];
        }
        assert!(value["sha256"].is_string(), "{value}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn whatever_is_sent_fits(texts in prop::collection::vec("\\PC{0,400}", 0..400), depth in 0usize..30) {
            let mut value = json!(texts);
            for level in 0..depth {
                value = json!({format!("level{level}"): value, "n": u64::MAX});
            }
            let raw = RawValue::from_string(value.to_string()).unwrap();
            let shaped = arguments(&raw, &Scrubber::new([0; 32])).to_string();
            prop_assert!(shaped.len() <= MAX_BYTES);
        }
    }
}
