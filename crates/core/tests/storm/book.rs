//! A book of everything that was judged, which stands for the store: what is in it survives a restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use mandate_core::change::{NotificationRow, NotificationState};
use mandate_core::event::{Decision, Impact, Level};
use mandate_core::id::NotificationId;
use mandate_core::plan::{Notice, Why};
use mandate_core::storm::{
    Acted, Alarm, Because, Digest, Past, PastEvent, PastGathering, PastMessage, Pending, Settings, Storm, Verdict,
};
use mandate_core::time::{Millis, Span};

/// One action and whom it is told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) recipient: &'static str,
    pub(crate) actor: String,
    pub(crate) session: &'static str,
    pub(crate) owners: Vec<String>,
    pub(crate) urgency: Level,
    pub(crate) decision: Decision,
    pub(crate) impact: Option<Impact>,
}

impl Told {
    /// A monitored action of medium urgency on what the recipient owns.
    pub(crate) fn new(recipient: &'static str, actor: &str, session: &'static str) -> Self {
        Self {
            recipient,
            actor: actor.to_owned(),
            session,
            owners: vec![recipient.to_owned()],
            urgency: Level::Medium,
            decision: Decision::Monitored,
            impact: None,
        }
    }
}

/// What was judged, sent and held.
pub(crate) struct Book {
    pub(crate) storm: Storm,
    pub(crate) settings: Settings,
    pub(crate) now: Millis,
    /// Every notice with its verdict.
    pub(crate) entries: Vec<(NotificationRow, Told, Verdict)>,
    pub(crate) digests: Vec<(Millis, Digest)>,
    pub(crate) alarms: Vec<(Millis, Alarm)>,
}

impl Book {
    pub(crate) fn new(settings: Settings) -> Self {
        let storm = Storm::new(settings);
        let now = Millis(1_000_000_000);
        Self { storm, settings, now, entries: Vec::new(), digests: Vec::new(), alarms: Vec::new() }
    }

    pub(crate) fn judge(&mut self, told: Told) -> Verdict {
        let id = NotificationId(uuid::Uuid::from_u128(self.entries.len() as u128 + 1));
        let (recipient, channel): (Arc<str>, Arc<str>) = (told.recipient.into(), "slack".into());
        let acted = Acted {
            actor: &told.actor,
            session: told.session,
            owners: &told.owners,
            decision: told.decision,
            impact: told.impact,
        };
        let (recipient, channel) = (&recipient, &channel);
        let pending = Pending { id, recipient, channel, lane: channel, urgency: told.urgency, acted };
        self.storm.acted(&told.actor, self.now);
        let verdict = self.storm.judge(&pending, self.now);
        let row = row(id, recipient, told.urgency, Vec::new(), self.now);
        self.entries.push((NotificationRow { impact: told.impact, ..row }, told, verdict));
        self.look();
        verdict
    }

    /// Lets time pass, with a look every second.
    pub(crate) fn pass(&mut self, span: Span) {
        let until = self.now.plus(span);
        while self.now < until {
            self.now = self.now.plus(Span(1_000)).min(until);
            self.look();
        }
    }

    fn look(&mut self) {
        let due = self.storm.due(self.now);
        self.digests.extend(due.digests.into_iter().map(|digest| (self.now, digest)));
        self.alarms.extend(due.alarm.map(|alarm| (self.now, alarm)));
    }

    /// The state is lost, and comes back from what is stored.
    pub(crate) fn restart(&mut self) {
        self.storm = Storm::restore(self.settings, self.past());
    }

    fn past(&self) -> Past {
        let mut past = Past::default();
        let mut merged: BTreeMap<NotificationId, Millis> = BTreeMap::new();
        for (row, told, verdict) in &self.entries {
            match verdict {
                Verdict::Merge(told_in) => drop(merged.insert(told_in.message, row.created_at)),
                Verdict::Hold { told_in, due_at } => {
                    if told_in.because == Because::Storm && row.created_at >= Past::stormed_since(self.now) {
                        past.stormed.push((row.created_at.0.div_euclid(1_000), 1));
                    }
                    if self.digests.iter().all(|(_, digest)| digest.id != told_in.message) {
                        past.gathered.push(PastGathering {
                            digest: told_in.message,
                            recipient: told.recipient.into(),
                            channel: "slack".into(),
                            lane: "slack".into(),
                            urgency: told.urgency,
                            due_at: *due_at,
                            count: 1,
                        });
                    }
                }
                Verdict::Send => {}
            }
        }
        let sent = self.entries.iter().filter(|(_, _, verdict)| *verdict == Verdict::Send);
        let messages = sent.map(|(row, told, _)| {
            let owners: Vec<_> = told.owners.iter().map(|owner| serde_json::json!([owner])).collect();
            let event = PastEvent {
                actor: Some(told.actor.clone()).filter(|actor| !actor.is_empty()),
                session: Some(told.session.to_owned()).filter(|session| !session.is_empty()),
                decision: told.decision,
                plan: record(owners),
            };
            PastMessage { row: row.clone(), event: Some(event), merged_at: merged.get(&row.id).copied() }
        });
        let system = |id, recipient: &Arc<str>, why, at| PastMessage {
            row: row(id, recipient, Level::Medium, vec![why], at),
            event: None,
            merged_at: None,
        };
        let digests = self.digests.iter().map(|(at, digest)| system(digest.id, &digest.recipient, Why::Digest, *at));
        let alarms = self.alarms.iter().map(|(at, alarm)| {
            let why = Why::Storm { agent: alarm.agent.clone(), actions: alarm.actions };
            system(NotificationId(uuid::Uuid::nil()), &"admin".into(), why, *at)
        });
        past.messages = messages.chain(digests).chain(alarms).collect();
        past.messages.retain(|message| message.row.created_at >= Past::since(self.now));
        past.messages.sort_by_key(|message| message.row.created_at);
        past
    }
}

fn row(id: NotificationId, recipient: &Arc<str>, urgency: Level, why: Vec<Why>, now: Millis) -> NotificationRow {
    let (recipient, channel) = (Arc::clone(recipient), Arc::<str>::from("slack"));
    let row = Notice { id, recipient, lane: Arc::clone(&channel), channel, urgency, why }.row(1, now);
    NotificationRow { state: NotificationState::Delivered, ..row }
}

fn record(owners: Vec<serde_json::Value>) -> Vec<u8> {
    let owner = |names| {
        serde_json::json!({
            "resource": "service:payments", "step": "explicit", "reason": "exact_entry", "owners": names,
        })
    };
    let owners: Vec<_> = owners.into_iter().map(owner).collect();
    let record = serde_json::json!({
        "planner": 1, "snapshot": mandate_core::chain::Hash::of(b""), "observed": mandate_core::history::Observed::NOTHING,
        "decision": "monitored", "urgency": "medium", "rule": "everything else", "rule_from": "",
        "confidence": 90, "owners": owners, "told": [],
    });
    let bytes = serde_json::to_vec(&record).unwrap();
    let _: mandate_core::plan::Record = serde_json::from_slice(&bytes).expect("a record");
    bytes
}
