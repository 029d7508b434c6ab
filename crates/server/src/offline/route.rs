//! How an event would be routed, and why: the live planner's answer, with every rule that was tried.

use std::borrow::Cow;

use mandate_core::event::{Submission, Times};
use mandate_core::history::Observed;
use mandate_core::id::EventId;
use mandate_core::ownership::Step;
use mandate_core::plan::{NotToldWhy, Plan, Snapshot, Tags, event_facts, plan};
use mandate_core::rule::{Outcome, ResourceFacts};
use mandate_core::time::Millis;
use mandate_scrub::Scrubber;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::LOOKING;

/// As many characters of a rule's values are shown.
const MAX_WANTED: usize = 160;

/// How an event would be routed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RouteAnswer {
    /// `auto`, `monitored` or `flagged`.
    pub decision: String,
    /// The rule that decides.
    pub rule: String,
    /// Its layer, file and line, as `tenant rules/payments.yaml:3`.
    pub rule_from: String,
    /// All rules that have a say, the deciding one first: others raise the decision or the urgency, or decide
    /// for another resource.
    pub rules: Vec<Reasoned>,
    /// `low`, `medium`, `high` or `critical`.
    pub urgency: String,
    /// In how many milliseconds it is to be reviewed, when it is flagged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_within_ms: Option<i64>,
    /// How sure the owners are, in hundredths.
    pub confidence: u8,
    /// What was noticed about the event.
    pub flags: Vec<String>,
    /// Whose each resource is.
    pub owners: Vec<OwnedResource>,
    /// Who would be told.
    pub told: Vec<Notified>,
    /// Who would not be, and why.
    pub not_told: Vec<Exempt>,
    /// The rules tried, a list a resource; one list for an event without resources.
    pub tried: Vec<Tried>,
}

/// A rule that has a say, in its author's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reasoned {
    /// Its name.
    pub rule: String,
    /// Why, when it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the told person might do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggest: Vec<String>,
}

/// Whose one resource is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnedResource {
    /// `type:id`.
    pub resource: String,
    /// The step that found the owners: `explicit`, `codeowners`, `catalog` or `fallback`.
    pub step: String,
    /// Their handles.
    pub owners: Vec<String>,
    /// Nobody owns it; the owners are the fallback.
    pub unowned: bool,
}

/// Who would be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notified {
    /// Their handle.
    pub recipient: String,
    /// The channel.
    pub channel: String,
    /// Why, in a sentence.
    pub reason: String,
}

/// Who would not be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exempt {
    /// Their handle, or the rule's target.
    pub who: String,
    /// Why not, in a sentence.
    pub reason: String,
}

/// The rules tried for one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tried {
    /// `type:id`; absent for an event without resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The rules, in the order they were tried.
    pub rules: Vec<TriedRule>,
}

/// One rule that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TriedRule {
    /// Its name.
    pub rule: String,
    /// Its file and line.
    pub place: String,
    /// Whether everything it asks holds.
    pub matched: bool,
    /// Why it does not match, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<String>,
}

pub(super) fn explain(snapshot: &Snapshot, event: &str, now: Millis) -> Result<RouteAnswer, String> {
    let submission = Submission::read(event, Some(now), &Scrubber::new(LOOKING)).map_err(|errors| {
        let lines = errors.iter().map(|error| match error.pointer.as_str() {
            "" => error.detail.clone(),
            pointer => format!("{pointer}: {}", error.detail),
        });
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(of_submission(snapshot, submission, now))
}

/// How a submission would be routed now; also what `POST /v1/rules/explain` answers.
pub(crate) fn of_submission(snapshot: &Snapshot, submission: Submission, now: Millis) -> RouteAnswer {
    let submission = snapshot.captured(&submission).unwrap_or(submission);
    let times = Times { timestamp: submission.timestamp.unwrap_or(now), received_at: now, processed_at: now };
    let observed = Observed::NOTHING;
    let planned = plan(snapshot, &observed, &submission, EventId(Uuid::nil()), times);
    let tried = tried(snapshot, &observed, &submission, &planned, now);
    answer(snapshot, planned, tried)
}

fn answer(snapshot: &Snapshot, planned: Plan, tried: Vec<Tried>) -> RouteAnswer {
    let owners: Vec<OwnedResource> = planned
        .owners
        .iter()
        .map(|owned| OwnedResource {
            resource: owned.resource.clone(),
            step: owned.ownership.step.to_string(),
            owners: owned.ownership.owners.iter().map(|owner| snapshot.directory.owner_shown(*owner).handle).collect(),
            unowned: owned.ownership.unowned,
        })
        .collect();
    let at = |n: u32| {
        let owned = planned.owners.get(n as usize)?;
        Some((owned.resource.as_str(), source(owned.ownership.step)))
    };
    let told = planned.notices.iter().map(|notice| Notified {
        recipient: snapshot.display_name(&notice.recipient),
        channel: notice.channel.to_string(),
        reason: notice.why.iter().map(|why| why.sentence(at)).collect::<Vec<_>>().join("; "),
    });
    let not_told = planned.not_told.iter().map(|left| Exempt {
        who: snapshot.display_name(&left.who),
        reason: match left.why {
            NotToldWhy::NoChannel => {
                "none of their contacts is on a configured channel; the fallback is told".to_owned()
            }
            NotToldWhy::NoFallback => "no fallback that can be reached is configured".to_owned(),
            NotToldWhy::TooMany => "more than fifty recipients".to_owned(),
        },
    });
    let rules = planned.rules.iter().map(|said| Reasoned {
        rule: said.rule.to_string(),
        reason: said.reason.as_deref().map(str::to_owned),
        suggest: said.suggest.to_vec(),
    });
    RouteAnswer {
        decision: planned.decision.to_string(),
        rule: planned.rule.to_string(),
        rule_from: planned.rule_from.clone(),
        rules: rules.collect(),
        urgency: planned.urgency.to_string(),
        review_within_ms: planned.review_within.map(|within| within.0),
        confidence: planned.confidence,
        flags: planned.flags.iter().map(|flag| flag.to_string()).collect(),
        told: told.collect(),
        not_told: not_told.collect(),
        tried,
        owners,
    }
}

/// A rule's values, cut where they are too many to be read in passing; the rule's place says where all stand.
fn brief(wanted: &str) -> Cow<'_, str> {
    match wanted.char_indices().nth(MAX_WANTED) {
        Some((end, _)) => Cow::Owned(format!("{}…", wanted.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(wanted),
    }
}

/// Where an owner was found, in the words of notices.
fn source(step: Step) -> &'static str {
    match step {
        Step::Explicit => "ownership.yaml",
        Step::Codeowners => "CODEOWNERS",
        Step::Catalog => "catalog",
        Step::Fallback => "fallback: nobody owns it",
    }
}

fn tried(snapshot: &Snapshot, observed: &Observed, submission: &Submission, planned: &Plan, now: Millis) -> Vec<Tried> {
    let facts = event_facts(snapshot, observed, submission, &planned.flags, now);
    let rules = |resource: Option<&ResourceFacts<'_>>| {
        let steps = snapshot.rules.explain(&facts, resource);
        let shown = steps.into_iter().map(|step| TriedRule {
            rule: step.rule.name.to_string(),
            place: format!("{}:{}", step.rule.file, step.rule.line),
            matched: step.outcome == Outcome::Matched,
            missed: match step.outcome {
                Outcome::Matched => None,
                Outcome::Expired => Some("its sunset has passed".to_owned()),
                Outcome::Missed { key, wanted, found } => {
                    Some(format!("`{key}` wants {}, found {found}", brief(wanted)))
                }
            },
        });
        shown.collect()
    };
    if submission.resources().is_empty() {
        return vec![Tried { resource: None, rules: rules(None) }];
    }
    let each = submission.resources().iter().zip(&planned.owners).map(|(resource, owned)| {
        let tags = Tags::of(snapshot, resource);
        let facts = tags.facts(snapshot, resource, &owned.ownership);
        Tried { resource: Some(resource.address()), rules: rules(Some(&facts)) }
    });
    each.collect()
}
