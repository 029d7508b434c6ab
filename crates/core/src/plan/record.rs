//! What is stored of a plan: the inputs of the thought, not the thought. Sentences are made when it is read.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::reason::{NotToldWhy, Why};
use super::{PLANNER, Plan, Snapshot};
use crate::chain::Hash;
use crate::event::{Decision, Level};
use crate::history::Observed;
use crate::id::NotificationId;
use crate::ownership::{Reason, Step};
use crate::rule::Rule;
use crate::time::Span;

/// The plan of one event, as its row keeps it. Holds nothing personal: people are `person:<uuid>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The planner's version.
    pub planner: u32,
    /// The snapshot it was planned with.
    pub snapshot: Hash,
    /// What was known of the past.
    pub observed: Observed,
    /// How it was routed.
    pub decision: Decision,
    /// How urgent it is.
    pub urgency: Level,
    /// The rule that decided.
    pub rule: Arc<str>,
    /// Its layer, file and line.
    pub rule_from: String,
    /// All rules that had a say, the deciding one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Said>,
    /// How sure the owners are, in hundredths.
    pub confidence: u8,
    /// How soon somebody is to review it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_within: Option<Span>,
    /// Whose each resource is, in the event's order.
    pub owners: Vec<OwnerRecord>,
    /// Who was told.
    pub told: Vec<ToldRecord>,
    /// Who was not, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_told: Vec<NotToldRecord>,
}

/// A rule that had a say, in its author's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its name.
    pub rule: Arc<str>,
    /// Why, when it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
    /// What the told person might do.
    #[serde(default, skip_serializing_if = "Said::suggests_nothing")]
    pub suggest: Arc<[String]>,
}

impl Said {
    /// What a rule says.
    #[must_use]
    pub fn of(rule: &Rule) -> Self {
        let (name, reason, suggest) = (&rule.name, &rule.reason, &rule.suggest);
        Self { rule: Arc::clone(name), reason: reason.clone(), suggest: Arc::clone(suggest) }
    }

    fn suggests_nothing(suggest: &Arc<[String]>) -> bool {
        suggest.is_empty()
    }
}

/// Whose one resource is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnerRecord {
    /// `type:id`.
    pub resource: String,
    /// The step that found the owner.
    pub step: Step,
    /// Why it did.
    pub reason: Reason,
    /// Its owners, as logs name them; the fallback when nobody owns it.
    pub owners: Vec<String>,
    /// The owning team, as logs name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Several claims hold equally.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ambiguous: bool,
    /// Nobody owns it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unowned: bool,
}

/// Who was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToldRecord {
    /// The notification.
    pub id: NotificationId,
    /// As logs name them.
    pub recipient: Arc<str>,
    /// The channel.
    pub channel: Arc<str>,
    /// Why.
    pub why: Vec<Why>,
}

/// Who was not told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NotToldRecord {
    /// As logs name them.
    pub who: String,
    /// Why not.
    pub why: NotToldWhy,
}

impl Plan {
    /// The record that the event's row keeps, JSON.
    #[must_use]
    pub fn record(&self, snapshot: &Snapshot, observed: &Observed) -> Vec<u8> {
        let owners = self.owners.iter().map(|owned| OwnerRecord {
            resource: owned.resource.clone(),
            step: owned.ownership.step,
            reason: owned.ownership.reason,
            owners: owned.ownership.owners.iter().map(|owner| snapshot.log_name(*owner)).collect(),
            team: owned.ownership.layers.team.map(|team| snapshot.log_name(team)),
            ambiguous: owned.ownership.ambiguous,
            unowned: owned.ownership.unowned,
        });
        let told = self.notices.iter().map(|notice| ToldRecord {
            id: notice.id,
            recipient: Arc::clone(&notice.recipient),
            channel: Arc::clone(&notice.channel),
            why: notice.why.clone(),
        });
        let not_told = self.not_told.iter().map(|left| NotToldRecord { who: left.who.clone(), why: left.why });
        let record = Record {
            planner: PLANNER,
            snapshot: snapshot.id,
            observed: *observed,
            decision: self.decision,
            urgency: self.urgency,
            rule: Arc::clone(&self.rule),
            rule_from: self.rule_from.clone(),
            rules: self.rules.clone(),
            confidence: self.confidence,
            review_within: self.review_within,
            owners: owners.collect(),
            told: told.collect(),
            not_told: not_told.collect(),
        };
        // INVARIANT: texts and integers always serialise.
        serde_json::to_vec(&record).unwrap_or_default()
    }
}
