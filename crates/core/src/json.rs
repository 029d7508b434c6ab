//! Strict reading of one JSON item, and its canonical form.
//!
//! RFC 8785 is only a faithful name for a text if reading it loses nothing. So duplicate keys, numbers that
//! a double cannot hold exactly, lone surrogates and absurd nesting are refused here, each with a pointer.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How deep an item may nest (EVT-7).
pub const MAX_DEPTH: usize = 32;

/// The largest integer whose neighbours a double can tell apart: 2^53 − 1.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Why an item could not be read, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// JSON pointer of the member being read when it failed.
    pub pointer: String,
    /// A stable code: `invalid_json`, `duplicate_key`, `number_out_of_range`, `too_deep` or `invalid_text`.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub detail: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.detail),
            pointer => write!(f, "{pointer}: {}", self.detail),
        }
    }
}

/// Reads one item strictly.
///
/// # Errors
/// The first thing that is wrong with it, with its pointer.
pub fn read(text: &str) -> Result<Value, ReadError> {
    read_within(text, MAX_DEPTH)
}

/// Reads one stored entry as strictly as [`read`] reads an item. An item's members may stand deeper in it.
///
/// # Errors
/// The first thing that is wrong with it, with its pointer.
pub fn read_stored(text: &str) -> Result<Value, ReadError> {
    read_within(text, 2 * MAX_DEPTH)
}

fn read_within(text: &str, max_depth: usize) -> Result<Value, ReadError> {
    let track = Track::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Strict { track: &track, depth: 0, max_depth }.deserialize(&mut reader).and_then(|value| {
        reader.end()?;
        Ok(value)
    });
    read.map_err(|error| {
        let pointer = track.pointer();
        match track.refused.take() {
            Some((code, detail)) => ReadError { pointer, code, detail },
            None if error.to_string().contains("hex escape") || error.to_string().contains("code point") => ReadError {
                pointer,
                code: "invalid_text",
                detail: "a lone surrogate is not text; send well-formed Unicode".to_owned(),
            },
            None if error.to_string().contains("number out of range") => {
                ReadError { pointer, code: "number_out_of_range", detail: OUT_OF_RANGE.to_owned() }
            }
            None => ReadError { pointer, code: "invalid_json", detail: error.to_string() },
        }
    })
}

/// The RFC 8785 canonical form.
///
/// # Panics
/// Never: a value that [`read`] gave has a canonical form.
#[must_use]
pub fn canonical(value: &Value) -> Vec<u8> {
    // INVARIANT: a `Value` has string keys and finite numbers, the only two things canonicalising can refuse.
    serde_json_canonicalizer::to_vec(value).unwrap_or_default()
}

/// Appends one reference token to a JSON pointer, escaped as RFC 6901 says.
pub fn push_pointer(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

const OUT_OF_RANGE: &str = "numbers beyond ±(2^53−1) lose digits in JSON; send it as a string";

#[derive(Default)]
struct Track {
    path: RefCell<Vec<String>>,
    refused: RefCell<Option<(&'static str, String)>>,
}

impl Track {
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for token in self.path.borrow().iter() {
            push_pointer(&mut pointer, token);
        }
        pointer
    }

    fn refuse<E: serde::de::Error>(&self, code: &'static str, detail: impl Into<String>) -> E {
        let detail = detail.into();
        let error = E::custom(&detail);
        *self.refused.borrow_mut() = Some((code, detail));
        error
    }
}

#[derive(Clone, Copy)]
struct Strict<'t> {
    track: &'t Track,
    depth: usize,
    max_depth: usize,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let Self { depth, max_depth, .. } = self;
        if depth == max_depth {
            let detail = format!("nested deeper than {max_depth} levels; flatten it or send a reference");
            return Err(self.track.refuse("too_deep", detail));
        }
        Ok(Self { depth: depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        if number > MAX_INTEGER {
            return Err(self.track.refuse("number_out_of_range", OUT_OF_RANGE));
        }
        Ok(Value::Number(number.into()))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Value, E> {
        if number.unsigned_abs() > MAX_INTEGER {
            return Err(self.track.refuse("number_out_of_range", OUT_OF_RANGE));
        }
        Ok(Value::Number(number.into()))
    }

    #[expect(clippy::cast_precision_loss, reason = "2^53 − 1 is exact as a double")]
    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        match Number::from_f64(number) {
            Some(exact) if number.abs() <= MAX_INTEGER as f64 => Ok(Value::Number(exact)),
            _ => Err(self.track.refuse("number_out_of_range", OUT_OF_RANGE)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        loop {
            self.track.path.borrow_mut().push(values.len().to_string());
            match items.next_element_seed(inner)? {
                Some(value) => values.push(value),
                None => break,
            }
            self.track.path.borrow_mut().pop();
        }
        self.track.path.borrow_mut().pop();
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            self.track.path.borrow_mut().push(key.clone());
            if map.contains_key(&key) {
                return Err(self
                    .track
                    .refuse("duplicate_key", format!("the key `{key}` stands twice in one object; send it once")));
            }
            map.insert(key, members.next_value_seed(inner)?);
            self.track.path.borrow_mut().pop();
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (String, &'static str) {
        let error = read(text).expect_err(text);
        (error.pointer, error.code)
    }

    #[test]
    fn what_would_lose_meaning_is_refused_where_it_stands() {
        assert_eq!(refused(r#"{"a":{"b":1,"b":2}}"#), ("/a/b".into(), "duplicate_key"));
        assert_eq!(refused(r#"{"a":[1,9007199254740992]}"#), ("/a/1".into(), "number_out_of_range"));
        assert_eq!(refused(r#"{"a":-9007199254740993}"#), ("/a".into(), "number_out_of_range"));
        assert_eq!(refused(r#"{"a":12345678901234567890123}"#), ("/a".into(), "number_out_of_range"));
        assert_eq!(refused(r#"{"a":1e400}"#), ("/a".into(), "number_out_of_range"));
        assert_eq!(refused(r#"{"x/y":"\ud800"}"#), ("/x~1y".into(), "invalid_text"));
        assert_eq!(refused(r#"{"a":tru}"#), ("/a".into(), "invalid_json"));
        assert_eq!(refused(&format!("{}{}", "[".repeat(40), "]".repeat(40))).1, "too_deep");
    }

    #[test]
    fn what_is_exact_is_kept() {
        for text in [r#"{"a":9007199254740991}"#, r#"{"b":"\u0000","a":[1.5,null,true]}"#, r#""😀""#] {
            assert_eq!(read(text), Ok(serde_json::from_str(text).unwrap()));
        }
    }
}
