//! The shape of a rules file, before its words are understood.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::value::{OneOrMany, Scalar};
use crate::yaml::Spanned;

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
