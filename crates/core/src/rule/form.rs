//! The shape of a rules file, before its words are understood.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::key::KEYS;
use super::value::{OneOrMany, Scalar};
use crate::event::Level;
use crate::yaml::Spanned;

/// The words of `decision`, long and short.
pub(super) const DECISIONS: &[&str] =
    &["auto_execute", "monitored_execute", "flagged_execute", "auto", "monitored", "flagged"];

/// Routing rules. A file that is a bare list holds rules only.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("type" = ["object", "array"], "items" = { "$ref": "#/definitions/Rule" }))]
pub(crate) struct FileForm {
    /// Whose rules these are: `tenant`, `team:@x` or `resource:type:id`; without it, the tenant's.
    pub(super) layer: Option<Spanned<String>>,
    /// The shipped critical points that this tenant turns off.
    pub(super) disable: Vec<Spanned<String>>,
    /// The rules; within a layer the first that matches decides.
    pub(super) rules: Vec<RuleForm>,
    /// What is always told as critical, whatever the rules say.
    pub(super) critical_points: Vec<PointForm>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rule")]
pub(super) struct RuleForm {
    /// What an event's `rule_matched` says; unique in its layer.
    pub(super) name: Spanned<String>,
    /// What the rule is about: all keys must hold. Without it the rule matches everything.
    #[serde(default, rename = "match")]
    pub(super) matches: MatchForm,
    /// What happens to the action.
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = DECISIONS))]
    pub(super) decision: Option<Spanned<String>>,
    /// Who is told: `resource.owners`, `resource.team.lead`, or handles such as `@platform`.
    #[serde(default)]
    pub(super) notify: Option<Spanned<OneOrMany>>,
    /// How long an answer is waited for: `30s`, `5m`, `4h`, `7d`. A bare number is seconds.
    #[serde(default)]
    pub(super) timeout: Option<Spanned<Scalar>>,
    /// How soon people should look.
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = Level::WORDS))]
    pub(super) urgency: Option<Spanned<String>>,
    /// Words for people, shown with the notice.
    #[serde(default)]
    pub(super) reason: Option<String>,
    /// What could be done instead, in words for people.
    #[serde(default)]
    pub(super) suggest: Option<Spanned<OneOrMany>>,
    /// The last day it holds, in UTC, such as `2026-12-31`.
    #[serde(default)]
    pub(super) sunset: Option<Spanned<String>>,
    /// Where it comes from, such as a runbook or a document.
    #[serde(default)]
    pub(super) source: Option<String>,
    /// The name of a rule that gives what this one leaves out.
    #[serde(default)]
    pub(super) extends: Option<Spanned<String>>,
    /// In a tenant's rule: the layers below can only make it stricter.
    #[serde(default)]
    pub(super) locked: Option<Spanned<bool>>,
    /// How long a flagged action waits for its review: `30s`, `5m`, `4h`, `7d`; 24 h without it.
    #[serde(default)]
    pub(super) review_within: Option<Spanned<Scalar>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CriticalPoint")]
pub(super) struct PointForm {
    /// What an event's `rule_matched` says.
    #[serde(default)]
    pub(super) name: Option<Spanned<String>>,
    /// What the point is about: all keys must hold, and there is at least one.
    #[serde(rename = "match")]
    pub(super) matches: MatchForm,
    /// Words for people, shown with the notice.
    pub(super) reason: Spanned<String>,
    /// What happens to the action; `flagged_execute` without it.
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = DECISIONS))]
    pub(super) decision: Option<Spanned<String>>,
    /// Who is told: `resource.owners`, `resource.team.lead`, or handles such as `@platform`.
    #[serde(default)]
    pub(super) notify: Option<Spanned<OneOrMany>>,
    /// What could be done instead, in words for people.
    #[serde(default)]
    pub(super) suggest: Option<Spanned<OneOrMany>>,
    /// The last day it holds, in UTC, such as `2026-12-31`.
    #[serde(default)]
    pub(super) sunset: Option<Spanned<String>>,
    /// Where it comes from, such as a runbook or a document.
    #[serde(default)]
    pub(super) source: Option<String>,
    /// How long a flagged action waits for its review: `30s`, `5m`, `4h`, `7d`; 24 h without it.
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

impl JsonSchema for MatchForm {
    fn schema_name() -> Cow<'static, str> {
        "Match".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let values = generator.subschema_for::<OneOrMany>();
        let known: serde_json::Map<_, _> =
            KEYS.iter().map(|key| ((*key).to_owned(), values.clone().to_value())).collect();
        json_schema!({
            "description": "All keys must hold. A list means any of its values; `*` is a glob.",
            "type": "object",
            "properties": known,
            "patternProperties": {"^metadata\\.": values},
            "additionalProperties": false,
        })
    }
}
