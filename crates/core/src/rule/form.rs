//! The shape of a rules file, before its words are understood.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::yaml::{self, Spanned};

/// A rules file. One that is a bare list holds rules only.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileForm {
    /// `tenant`, `team:@x` or `resource:type:id`; without it, the tenant's.
    pub(super) layer: Option<Spanned<String>>,
    /// The shipped critical points that this tenant turns off.
    pub(super) disable: Vec<Spanned<String>>,
    pub(super) rules: Vec<RuleForm>,
    pub(super) critical_points: Vec<PointForm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleForm {
    pub(super) name: Spanned<String>,
    #[serde(default, rename = "match")]
    pub(super) matches: MatchForm,
    #[serde(default)]
    pub(super) decision: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) notify: Option<Spanned<OneOrMany>>,
    #[serde(default)]
    pub(super) timeout: Option<Spanned<Scalar>>,
    #[serde(default)]
    pub(super) urgency: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) suggest: Option<Spanned<OneOrMany>>,
    #[serde(default)]
    pub(super) sunset: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) extends: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) locked: Option<Spanned<bool>>,
    #[serde(default)]
    pub(super) review_within: Option<Spanned<Scalar>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PointForm {
    #[serde(default)]
    pub(super) name: Option<Spanned<String>>,
    #[serde(rename = "match")]
    pub(super) matches: MatchForm,
    pub(super) reason: Spanned<String>,
    #[serde(default)]
    pub(super) decision: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) notify: Option<Spanned<OneOrMany>>,
    #[serde(default)]
    pub(super) suggest: Option<Spanned<OneOrMany>>,
    #[serde(default)]
    pub(super) sunset: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) review_within: Option<Spanned<Scalar>>,
}

/// `match`: dotted keys and their values, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct MatchForm(pub(super) Vec<(Spanned<String>, Spanned<OneOrMany>)>);

/// One value, or a list of them.
#[derive(Debug)]
pub(super) enum OneOrMany {
    One(Scalar),
    Many(Vec<Spanned<Scalar>>),
}

/// A value as YAML has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scalar {
    Bool(bool),
    Whole(i64),
    Text(String),
}

impl OneOrMany {
    /// Each value with its place.
    pub(super) fn each(form: &Spanned<Self>) -> Vec<(Range<usize>, &Scalar)> {
        match &form.value {
            Self::One(value) => vec![(yaml::span_of(form), value)],
            Self::Many(values) => values.iter().map(|value| (yaml::span_of(value), &value.value)).collect(),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Whole(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for MatchForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = MatchForm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<MatchForm, A::Error> {
                let mut read = Vec::new();
                while let Some(member) = members.next_entry()? {
                    read.push(member);
                }
                Ok(MatchForm(read))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

macro_rules! scalars {
    ($wrap:expr) => {
        fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
            Ok($wrap(Scalar::Bool(value)))
        }

        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            Ok($wrap(Scalar::Whole(value)))
        }

        fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
            let value = i64::try_from(value).map_err(|_| E::custom(format!("`{value}` is too large a number")))?;
            Ok($wrap(Scalar::Whole(value)))
        }

        fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
            Err(E::custom(format!("`{value}` is not a whole number; put it in quotes if it is meant as text")))
        }

        fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
            Ok($wrap(Scalar::Text(value.to_owned())))
        }
    };
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value")
    }

    scalars!(std::convert::identity);
}

struct OneOrManyVisitor;

impl<'de> Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a list of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<OneOrMany, A::Error> {
        let mut read = Vec::new();
        while let Some(value) = values.next_element()? {
            read.push(value);
        }
        Ok(OneOrMany::Many(read))
    }

    scalars!(OneOrMany::One);
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}
