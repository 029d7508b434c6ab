//! The one decision: how an action is routed, and who is told on which channel, and why.
//!
//! [`plan`] is pure, total and deterministic: the same planner version, snapshot, observed numbers and event
//! give the same [`Plan`]. Live routing, rule tests, replay and "what would change" all call it.

mod follow_up;
pub mod reach;
pub mod reason;
pub mod record;
pub mod snapshot;

use std::sync::Arc;

use uuid::Uuid;

use crate::change::{NotificationRow, NotificationState};
use crate::delivery::LEASE;
use crate::event::{Decision, Flag, Flags, Level, Resource, Submission, Times};
use crate::history::{Observed, SUSPICIOUS_PER_SECOND};
use crate::id::{EventId, NotificationId, derive};
use crate::ownership::{OwnerRef, Ownership, Step};
use crate::rule::{EventFacts, ResourceFacts, Routed, Rule, Target, sensitivity, strictest};
use crate::time::{Millis, Span};

pub use follow_up::{asked, assigned, assignee, overdue};
pub use reach::{IN_APP, Process, Reach};
pub use reason::{Escalated, NotToldWhy, Why};
pub use record::{Record, Said};
pub use snapshot::Snapshot;

/// Rises whenever the same inputs may give another plan.
pub const PLANNER: u32 = 3;

/// As many recipients one plan tells (EVT-7), each on one channel or more; who is left out is named.
pub const MAX_RECIPIENTS: usize = 50;

/// As many of those who are not told are named; the others are one more entry, [`OTHERS`].
const MAX_NAMED: usize = 100;

/// Stands for those who are not told and not named.
const OTHERS: &str = "others";

/// How one event is routed.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How.
    pub decision: Decision,
    /// The rule that decided.
    pub rule: Arc<str>,
    /// Whose rule it is, and where it stands.
    pub rule_from: String,
    /// All rules that had a say, the deciding one first.
    pub rules: Vec<Said>,
    /// How urgent.
    pub urgency: Level,
    /// How sure the owners are, in hundredths: the least sure of them.
    pub confidence: u8,
    /// How soon somebody is to review it, when it is flagged.
    pub review_within: Option<Span>,
    /// What reading and planning noticed.
    pub flags: Flags,
    /// The owner of each resource, in the event's order.
    pub owners: Vec<Owned>,
    /// Who is told.
    pub notices: Vec<Notice>,
    /// Who is not, and why.
    pub not_told: Vec<NotTold>,
}

/// Who owns one resource of the event.
#[derive(Debug, Clone, PartialEq)]
pub struct Owned {
    /// `type:id`.
    pub resource: String,
    /// What was found.
    pub ownership: Ownership,
}

/// One message to one recipient on one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Stable over retries and replays.
    pub id: NotificationId,
    /// As logs name them.
    pub recipient: Arc<str>,
    /// The configured channel.
    pub channel: Arc<str>,
    /// Its lane in the outbox.
    pub lane: Arc<str>,
    /// How urgent.
    pub urgency: Level,
    /// Every reason, the first one first.
    pub why: Vec<Why>,
}

impl Notice {
    /// The outbox row of this notice about the event at `event_seq`: born claimed by whoever commits it. An in-app one
    /// has arrived with the commit, and nobody sends it.
    #[must_use]
    pub fn row(&self, event_seq: i64, now: Millis) -> NotificationRow {
        let arrived = *self.channel == *IN_APP;
        NotificationRow {
            id: self.id,
            event_seq: Some(event_seq),
            recipient: Arc::clone(&self.recipient),
            channel: Arc::clone(&self.channel),
            lane: Arc::clone(&self.lane),
            urgency: self.urgency,
            impact: None,
            // INVARIANT: texts and integers always serialise.
            reason: serde_json::to_vec(&self.why).unwrap_or_default(),
            created_at: now,
            state: if arrived { NotificationState::Delivered } else { NotificationState::Queued },
            due_at: now,
            lease_until: if arrived { Millis(0) } else { now.plus(LEASE) },
            attempts: 0,
            log: b"[]".to_vec(),
            delivered_at: arrived.then_some(now),
            receipt: None,
            edition: 0,
            settled: 0,
            told_in: None,
        }
    }
}

/// Somebody who would have been told.
#[derive(Debug, Clone, PartialEq)]
pub struct NotTold {
    /// As logs name them, or the rule's target.
    pub who: String,
    /// Why not.
    pub why: NotToldWhy,
}

/// Routes one event.
#[must_use]
pub fn plan(snapshot: &Snapshot, observed: &Observed, submission: &Submission, id: EventId, times: Times) -> Plan {
    let now = times.processed_at;
    let resources = submission.resources();
    let owners: Vec<Owned> = resources
        .iter()
        .map(|resource| Owned { resource: resource.address(), ownership: snapshot.directory.resolve(resource) })
        .collect();
    let flags = noticed(observed, submission, &owners, times.received_at);
    let facts = event_facts(snapshot, observed, submission, &flags, now);
    let routed: Vec<Routed<'_>> = if resources.is_empty() {
        vec![snapshot.rules.route(&facts, None)]
    } else {
        let each = resources.iter().zip(&owners);
        let route = |(resource, owned): (&Resource, &Owned)| {
            let tags = Tags::of(snapshot, resource);
            snapshot.rules.route(&facts, Some(&tags.facts(snapshot, resource, &owned.ownership)))
        };
        each.map(route).collect()
    };
    let Some(combined) = strictest(&routed) else {
        // INVARIANT: `routed` has one entry a resource, or one for none; it is never empty.
        return Plan::nothing(flags);
    };

    let mut told = Told::new(snapshot, id, times.processed_at, combined.urgency);
    if combined.decision != Decision::Auto {
        for notice in &combined.notify {
            for (place, rule) in &notice.because {
                let owned = owners.get(*place);
                told.tell_target(notice.target, owned, *place, rule);
            }
        }
        if told.notices.is_empty() && told.not_told.is_empty() {
            told.tell_fallback(Why::NobodyNamed { rule: Arc::clone(&combined.rule.name) });
        }
    }
    Plan {
        decision: combined.decision,
        rule: Arc::clone(&combined.rule.name),
        rule_from: format!("{} {}:{}", combined.rule.layer, combined.rule.file, combined.rule.line),
        rules: combined.rules.iter().map(|rule| Said::of(rule)).collect(),
        urgency: combined.urgency,
        confidence: owners.iter().map(|owned| owned.ownership.confidence).min().unwrap_or(Step::Fallback.confidence()),
        review_within: combined.review_within,
        flags,
        notices: told.notices,
        not_told: told.not_told,
        owners,
    }
}

impl Plan {
    fn nothing(flags: Flags) -> Self {
        Self {
            decision: Decision::Monitored,
            rule: "everything else".into(),
            rule_from: String::new(),
            rules: Vec::new(),
            urgency: Level::Medium,
            confidence: 0,
            review_within: None,
            flags,
            owners: Vec::new(),
            notices: Vec::new(),
            not_told: Vec::new(),
        }
    }
}

/// Everything there is to notice about an event, before rules are asked: they may match any of it.
fn noticed(observed: &Observed, submission: &Submission, owners: &[Owned], received_at: Millis) -> Flags {
    let mut flags = submission.flags.clone();
    for flag in submission.clock_flags(received_at) {
        flags.insert(flag);
    }
    for (is_set, flag) in [
        (observed.key_reused, Flag::KeyReused),
        (observed.out_of_order, Flag::OutOfOrder),
        (observed.actor_per_second >= SUSPICIOUS_PER_SECOND, Flag::SuspiciousVolume),
        (owners.iter().any(|owned| owned.ownership.unowned), Flag::Unowned),
    ] {
        if is_set {
            flags.insert(flag);
        }
    }
    flags
}

/// What rules may ask of an event, of which `flags` were noticed.
#[must_use]
pub fn event_facts<'a>(
    snapshot: &'a Snapshot,
    observed: &Observed,
    submission: &'a Submission,
    flags: &'a Flags,
    now: Millis,
) -> EventFacts<'a> {
    let actor = submission.actor.as_ref();
    let metadata = submission.metadata.as_ref();
    EventFacts {
        now,
        action_type: submission.action_type(),
        actor_id: actor.map(|actor| actor.id.as_str()),
        actor_kind: actor.map(|actor| actor.kind),
        actor_name: actor.and_then(|actor| actor.name.as_deref()),
        framework: actor.and_then(|actor| actor.framework.as_deref()),
        actor_team: actor.and_then(|actor| snapshot.agent_team(&actor.id)),
        trust: observed.trust,
        estimated_impact: metadata.and_then(|metadata| metadata.estimated_impact),
        reversible: metadata.and_then(|metadata| metadata.reversible),
        attributes: submission.content.attributes.as_ref(),
        business_hours: snapshot.hours.is_open(now),
        change_freeze: false,
        incidents: observed.incidents,
        actor_failures: observed.actor_failures,
        flags: Some(flags),
    }
}

/// The tags of a resource: those that configuration gives it, and those that the event adds (RTE-13).
#[derive(Debug)]
pub struct Tags<'a> {
    all: Vec<&'a str>,
    sensitivity: Level,
}

impl<'a> Tags<'a> {
    /// Each tag once, the configured ones first. Sensitivity is computed from those alone.
    #[must_use]
    pub fn of(snapshot: &'a Snapshot, resource: &'a Resource) -> Self {
        let mut all = snapshot.directory.catalog().tags(resource);
        let sensitivity = sensitivity(all.iter().copied());
        for tag in resource.tags.iter().flatten() {
            if !all.contains(&tag.as_str()) {
                all.push(tag);
            }
        }
        Self { all, sensitivity }
    }

    /// What rules may ask of the resource.
    #[must_use]
    pub fn facts(&'a self, snapshot: &'a Snapshot, resource: &'a Resource, ownership: &Ownership) -> ResourceFacts<'a> {
        let team = ownership.layers.team.and_then(|team| snapshot.directory.party(team));
        ResourceFacts {
            kind: resource.kind,
            id: &resource.id,
            repo: resource.repo.as_deref(),
            tags: &self.all,
            sensitivity: self.sensitivity,
            team: team.map(|party| &**party.handle()),
            environment: None,
            owner_available: !ownership.unowned && ownership.reachable,
        }
    }
}

/// Collects who is told, one message per recipient and channel, with all reasons.
struct Told<'s> {
    snapshot: &'s Snapshot,
    event: EventId,
    at: Millis,
    urgency: Level,
    /// How many different ones `notices` go to.
    recipients: usize,
    notices: Vec<Notice>,
    not_told: Vec<NotTold>,
}

impl<'s> Told<'s> {
    fn new(snapshot: &'s Snapshot, event: EventId, at: Millis, urgency: Level) -> Self {
        Self { snapshot, event, at, urgency, recipients: 0, notices: Vec::new(), not_told: Vec::new() }
    }

    fn tell_target(&mut self, target: &Target, owned: Option<&Owned>, place: usize, rule: &Rule) {
        match target {
            Target::ResourceOwners | Target::TeamOncall | Target::TeamLead => {
                self.tell_of_resource(target, owned, place, rule);
            }
            Target::Handle(handle) => match self.snapshot.directory.find(handle) {
                Some(party) if self.tell(party, &Why::Named { rule: Arc::clone(&rule.name) }) => {}
                _ => self.tell_fallback(Why::TargetUnreachable { target: handle.to_string() }),
            },
            other => self.tell_fallback(Why::TargetUnreachable { target: other.to_string() }),
        }
    }

    /// Tells those who answer for a resource. The fallback answers for what nobody owns, whatever the target.
    fn tell_of_resource(&mut self, target: &Target, owned: Option<&Owned>, place: usize, rule: &Rule) {
        let rule = Arc::clone(&rule.name);
        let resource = u32::try_from(place).unwrap_or(u32::MAX);
        let Some(Owned { ownership, .. }) = owned else { return self.tell_fallback(Why::NoResource { rule }) };
        if ownership.unowned {
            return self.tell_fallback(Why::Unowned { resource, rule });
        }
        let layer = match target {
            Target::TeamOncall => ownership.layers.team,
            Target::TeamLead => ownership.layers.lead,
            _ => {
                let why = Why::Owner { resource, rule };
                let mut reached = false;
                for owner in ownership.owners.iter() {
                    reached |= self.tell(*owner, &why);
                }
                if !reached {
                    self.tell_fallback(Why::OwnerUnreachable { resource });
                }
                return;
            }
        };
        let why = Why::Layer { resource, target: target.to_string(), rule };
        if !layer.is_some_and(|party| self.tell(party, &why)) {
            self.tell_fallback(Why::TargetUnreachable { target: target.to_string() });
        }
    }

    /// Tells one party on its first configured channel, on all of them when it is critical. Says whether
    /// anybody can be reached.
    fn tell(&mut self, party: OwnerRef, why: &Why) -> bool {
        let reaches = self.snapshot.reaches(party);
        if reaches.is_empty() {
            let who = self.snapshot.log_name(party);
            self.leave_out(&who, NotToldWhy::NoChannel);
            return false;
        }
        for reach in reaches {
            self.add(reach, why);
        }
        true
    }

    fn tell_fallback(&mut self, why: Why) {
        let snapshot = self.snapshot;
        if snapshot.fallback().is_empty() {
            self.leave_out("fallback", NotToldWhy::NoFallback);
        }
        for reach in snapshot.fallback() {
            self.add(reach, &why);
        }
    }

    /// Notes once that somebody is not told.
    fn leave_out(&mut self, who: &str, why: NotToldWhy) {
        let who = if self.not_told.len() < MAX_NAMED { who } else { OTHERS };
        if !self.not_told.iter().any(|left| left.who == who && (left.why == why || who == OTHERS)) {
            self.not_told.push(NotTold { who: who.to_owned(), why });
        }
    }

    fn add(&mut self, reach: &Reach, why: &Why) {
        let is_told = self.notices.iter().any(|notice| notice.recipient == reach.recipient);
        if !is_told && self.recipients == MAX_RECIPIENTS {
            return self.leave_out(&reach.recipient, NotToldWhy::TooMany);
        }
        self.recipients += usize::from(!is_told && !reach.ways.is_empty());
        let all = self.urgency == Level::Critical;
        for way in reach.ways.iter().take(if all { usize::MAX } else { 1 }) {
            let known = self
                .notices
                .iter_mut()
                .find(|notice| notice.recipient == reach.recipient && notice.channel == way.channel);
            if let Some(known) = known {
                if !known.why.contains(why) {
                    known.why.push(why.clone());
                }
                continue;
            }
            let id = derive(self.at, self.event, "notification", &[&reach.recipient, &way.channel]);
            self.notices.push(Notice {
                id: NotificationId(id),
                recipient: Arc::clone(&reach.recipient),
                channel: Arc::clone(&way.channel),
                lane: Arc::clone(&way.lane),
                urgency: self.urgency,
                why: vec![why.clone()],
            });
        }
    }
}

/// Where a notification goes that its channel did not take: the recipient's other channels first, then the
/// fallback's; nothing when all of them were tried.
#[must_use]
pub fn alternate(snapshot: &Snapshot, failed: &NotificationRow, now: Millis) -> Option<NotificationRow> {
    let mut why: Vec<Why> = serde_json::from_slice(&failed.reason).unwrap_or_default();
    let tried: Vec<&str> = why
        .iter()
        .filter_map(|why| if let Why::Instead { channel } = why { Some(channel.as_ref()) } else { None })
        .chain([&*failed.channel])
        .collect();
    let own = snapshot.reach_by_log_name(&failed.recipient);
    let candidates = own.into_iter().chain(snapshot.fallback());
    let (reach, way) = candidates
        .flat_map(|reach| reach.ways.iter().map(move |way| (reach, way)))
        .find(|(_, way)| !tried.contains(&&*way.channel))?;
    why.push(Why::Instead { channel: Arc::clone(&failed.channel) });
    let id = derive(now, EventId(failed.id.0), "alternate", &[&reach.recipient, &way.channel]);
    let row = queued(NotificationId(id), reach, way, &why, failed.urgency, now);
    Some(NotificationRow { event_seq: failed.event_seq, ..row })
}

/// Tells those who look after Mandate what is wrong with it, each on their first channel that works.
///
/// `cause` tells one alert from another made in the same millisecond: the id of what found the trouble.
#[must_use]
pub fn alert(snapshot: &Snapshot, cause: Uuid, trouble: &Why, now: Millis) -> Vec<NotificationRow> {
    let broken = match trouble {
        Why::ChannelBroken { channel, .. } | Why::NotTaken { channel, .. } => Some(channel),
        _ => None,
    };
    let admins = snapshot.admins().iter();
    let ways = admins.filter_map(|reach| Some((reach, reach.ways.iter().find(|way| Some(&way.channel) != broken)?)));
    ways.map(|(reach, way)| {
        let id = derive(now, EventId(cause), "alert", &[&reach.recipient, &way.channel]);
        queued(NotificationId(id), reach, way, std::slice::from_ref(trouble), Level::High, now)
    })
    .collect()
}

fn queued(
    id: NotificationId,
    reach: &Reach,
    way: &reach::Way,
    why: &[Why],
    urgency: Level,
    now: Millis,
) -> NotificationRow {
    let (recipient, channel, lane) = (&reach.recipient, &way.channel, &way.lane);
    let [recipient, channel, lane] = [recipient, channel, lane].map(Arc::clone);
    let row = Notice { id, recipient, channel, lane, urgency, why: why.to_vec() }.row(0, now);
    NotificationRow { event_seq: None, ..row }
}
