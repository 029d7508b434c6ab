//! A call's arguments as an event may carry them: scrubbed, bounded, and without numbers that JSON would round.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use mandate_scrub::Scrubber;
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value, json};
use sha2::Sha256;

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

/// Makes arguments fit to leave the machine, under the key of this installation. Does not print the key.
pub(super) struct Shaper {
    scrubber: Scrubber,
    keyed: Hmac<Sha256>,
}

impl fmt::Debug for Shaper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shaper").finish_non_exhaustive()
    }
}

impl Shaper {
    pub(super) fn new(key: [u8; 32]) -> Self {
        // A key shorter than the hash's block is filled up with zeros.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block.iter_mut().zip(key).for_each(|(to, from)| *to = from);
        Self { scrubber: Scrubber::new(key), keyed: Hmac::new(&block) }
    }

    pub(super) fn scrubber(&self) -> &Scrubber {
        &self.scrubber
    }

    /// The arguments of a call. Long texts become `{"bytes", "hmac"}`, cut lists end in `{"more": n}`.
    pub(super) fn arguments(&self, raw: &RawValue) -> Value {
        for bounds in BOUNDS {
            let mut members = match self.shape(raw, bounds, 0) {
                Value::Object(members) => members,
                other => Map::from_iter([("value".to_owned(), other)]),
            };
            self.scrubber.scrub_object(&mut members);
            let value = Value::Object(members);
            if value.to_string().len() <= MAX_BYTES {
                return value;
            }
        }
        self.digest(raw.get())
    }

    /// What stands for a text that is too long or cannot be read: equal texts of this machine look equal, and nobody
    /// without the key finds out a text by trying.
    fn digest(&self, text: &str) -> Value {
        let mut mac = self.keyed.clone();
        mac.update(text.as_bytes());
        json!({"bytes": text.len(), "hmac": hex::encode(mac.finalize().into_bytes())})
    }

    fn shape(&self, raw: &RawValue, bounds: Bounds, depth: usize) -> Value {
        let text = raw.get();
        let shaped = match text.as_bytes().first() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => None,
            Some(b'{') => self.object(text, bounds, depth),
            Some(b'[') => self.list(text, bounds, depth),
            Some(b'"') => serde_json::from_str::<String>(text)
                .ok()
                .map(|read| if read.len() > bounds.text { self.digest(&read) } else { Value::String(read) }),
            Some(b'-' | b'0'..=b'9') => Some(number(text)),
            _ => serde_json::from_str(text).ok(),
        };
        // Too deep, or no text in Unicode's sense: a lone surrogate.
        shaped.unwrap_or_else(|| self.digest(text))
    }

    fn object(&self, text: &str, bounds: Bounds, depth: usize) -> Option<Value> {
        // Of members that stand twice the last one counts, as with the readers that do not refuse them.
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
        let more = members.len().saturating_sub(bounds.items);
        let mut shaped: Map<String, Value> = members
            .into_iter()
            .take(bounds.items)
            .map(|(name, value)| (beginning(&name, MAX_NAME_BYTES).to_owned(), self.shape(value, bounds, depth + 1)))
            .collect();
        if more > 0 {
            shaped.insert("…".to_owned(), json!({"more": more}));
        }
        Some(Value::Object(shaped))
    }

    fn list(&self, text: &str, bounds: Bounds, depth: usize) -> Option<Value> {
        let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        let more = items.len().saturating_sub(bounds.items);
        let mut shaped: Vec<Value> =
            items.into_iter().take(bounds.items).map(|item| self.shape(item, bounds, depth + 1)).collect();
        if more > 0 {
            shaped.push(json!({"more": more}));
        }
        Some(Value::Array(shaped))
    }
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
        assert_eq!(&shaper().arguments(&raw), expect, "{raw}");
    }

    fn shaper() -> Shaper {
        Shaper::new([0; 32])
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
        check(&format!(r#"{{"content":"{long}"}}"#), &json!({"content": shaper().digest(&long)}));
        check(r#"{"a":"\ud800"}"#, &json!({"a": shaper().digest(r#""\ud800""#)}));
        check(r#"{"a":1,"a":2}"#, &json!({"a": 2}));
        let list = serde_json::to_string(&vec![7; 300]).unwrap();
        let mut cut = vec![json!(7); 256];
        cut.push(json!({"more": 44}));
        check(&format!(r#"{{"a":{list}}}"#), &json!({"a": cut}));
    }

    #[test]
    fn a_digest_tells_equal_texts_apart_from_others_only_under_its_key() {
        let text = "x".repeat(3000);
        let raw = serde_json::value::to_raw_value(&json!({"one": text, "other": text, "third": text + "y"})).unwrap();
        let of = |key| Shaper::new([key; 32]).arguments(&raw);
        let (here, elsewhere) = (of(1), of(2));
        assert_eq!(here["one"], here["other"]);
        assert_ne!(here["one"], here["third"]);
        assert_ne!(here["one"], elsewhere["one"]);
        assert_eq!(here["one"]["hmac"].as_str().map(str::len), Some(64), "not taken for a secret itself");
    }

    #[test]
    fn deep_nesting_ends_in_a_digest() {
        let deep = format!("{}1{}", "[".repeat(1000), "]".repeat(1000));
        let raw = RawValue::from_string(deep).unwrap();
        let mut value = &shaper().arguments(&raw)["value"];
        for _ in 0..MAX_DEPTH {
            value = &value[0];
        }
        assert!(value["hmac"].is_string(), "{value}");
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
            let shaped = shaper().arguments(&raw).to_string();
            prop_assert!(shaped.len() <= MAX_BYTES);
        }
    }
}
