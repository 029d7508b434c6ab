//! What a notice says, put together from what was stored: the same words after a crash as before it.

mod digest;

use mandate_connect::channel::notice::{
    Call, EventRef, Impact, Kind, Merged, Notice, Place, Response, Since, Suggestion, What, When, Who, WhyYou,
};
use mandate_core::change::{EventRow, NotificationRow};
use mandate_core::event::{ActorKind, Decision, Flag, Level};
use mandate_core::intervention::Intervention;
use mandate_core::ownership::Step;
use mandate_core::plan::{Record, Said, Snapshot, Why};
use mandate_core::seal::SealedEvent;
use mandate_core::time::Span;
use mandate_store::{StoredResponse, Together};
use serde_json::Value;

use super::offer::Happened;

/// Why a notification is sent.
pub(super) fn reasons(row: &NotificationRow) -> Result<Vec<Why>, String> {
    serde_json::from_slice(&row.reason).map_err(|error| format!("reason of notification {}: {error}", row.id))
}

/// The notice of one notification, with what came of it since.
///
/// # Errors
/// Says what cannot be read when a stored row is damaged; such a notice is refused, not retried.
pub(super) fn notice(
    snapshot: &Snapshot,
    event: Option<&EventRow>,
    happened: &Happened,
    row: &NotificationRow,
    public_url: &str,
) -> Result<Notice, String> {
    let why = reasons(row)?;
    match event {
        Some(event) => about_event(snapshot, event, happened, row, &why, public_url),
        None if why.contains(&Why::Digest) => Ok(digest::notice(snapshot, happened, row, public_url)),
        None => Ok(about_mandate(snapshot, happened, row, &why, public_url)),
    }
}

fn about_event(
    snapshot: &Snapshot,
    row: &EventRow,
    happened: &Happened,
    notification: &NotificationRow,
    why: &[Why],
    public_url: &str,
) -> Result<Notice, String> {
    let event: SealedEvent =
        serde_json::from_slice(&row.sealed).map_err(|error| format!("sealed bytes of event {}: {error}", row.id))?;
    let record: Record =
        serde_json::from_slice(&row.plan).map_err(|error| format!("plan of event {}: {error}", row.id))?;
    let content: Option<Value> = row.content.as_deref().and_then(|content| serde_json::from_slice(content).ok());
    let description = content.as_ref().and_then(|content| content.get("description")?.as_str().map(str::to_owned));

    let actor = event.actor.as_ref();
    let who = Who {
        kind: actor.map_or(ActorKind::Agent, |actor| actor.kind).to_string(),
        id: actor.map_or_else(|| "unknown".to_owned(), |actor| actor.id.clone()),
        name: actor.map_or_else(|| "unknown".to_owned(), |actor| shown_name(snapshot, actor)),
        framework: actor.and_then(|actor| actor.framework.clone()),
    };
    let action = event.action.as_ref().and_then(|action| action.kind.clone()).unwrap_or_else(|| "acted".to_owned());
    let resources = event.scope.as_ref().and_then(|scope| scope.resources.as_deref()).unwrap_or_default();
    let places: Vec<Place> = resources
        .iter()
        .zip(&record.owners)
        .map(|(resource, owned)| Place {
            resource: match &resource.repo {
                Some(repo) => format!("{}:{repo}/{}", resource.kind, resource.id),
                None => owned.resource.clone(),
            },
            owner: (!owned.unowned).then(|| names(snapshot, &owned.owners)),
            source: source(owned.step, owned.ambiguous).to_owned(),
        })
        .collect();
    let at = |n: u32| places.get(n as usize).map(|place| (place.resource.as_str(), place.source.as_str()));
    let mut sentences: Vec<String> = why.iter().map(|why| why.sentence(at)).collect();
    // Two rules may give one reason.
    sentences.dedup();
    sentences.extend(happened.asked.as_ref().map(|asked| words_of(snapshot, asked)));
    sentences.extend(rule_words(&record.rules));
    let late = event.flags.contains(Flag::Late).then(|| {
        if event.flags.contains(Flag::ClockSkew) {
            return "arrived well after it happened; the sender's clock differs from ours".to_owned();
        }
        let by = event.received_at.since(event.timestamp).0 / 1_000;
        format!("arrived {by} s after it happened")
    });
    let agent = actor.filter(|actor| actor.kind == ActorKind::Agent).map(|_| who.name.as_str());
    let suggestions = offers(agent);
    let since = Since {
        responses: responses(snapshot, happened, &who.name),
        merged: merged(&happened.together),
        ..Since::default()
    };
    Ok(Notice {
        id: notification.id.to_string(),
        kind: if record.decision == Decision::Flagged { Kind::ActionFlagged } else { Kind::ActionMonitored },
        at: notification.created_at,
        label: match notification.urgency {
            Level::Critical => "critical".to_owned(),
            _ => record.decision.to_string(),
        },
        urgency: notification.urgency.to_string(),
        recipient: snapshot.display_name(&notification.recipient),
        who,
        what: What { action, description, ..What::default() },
        places,
        when: When { occurred_at: event.timestamp, received_at: event.received_at, late },
        why_you: WhyYou {
            reason: sentences.join("; "),
            rule: Some(record.rule.to_string()),
            confidence: f64::from(record.confidence) / 100.0,
            confidence_words: confidence(record.confidence).to_owned(),
        },
        impact: Impact::default(),
        since,
        suggestions,
        event: Some(EventRef { id: row.id.to_string(), seq: row.seq, hash: row.hash.to_string() }),
        public_url: Some(public_url.to_owned()),
    })
}

/// What can be answered with one call and nothing to write, the likeliest first.
fn offers(agent: Option<&str>) -> Vec<Suggestion> {
    const OFFERED: [Intervention; 6] = [
        Intervention::PauseAgent,
        Intervention::LooksOk,
        Intervention::Acknowledge,
        Intervention::Investigate,
        Intervention::FlagForReview,
        Intervention::NotRelevant,
    ];
    let possible = OFFERED.into_iter().filter(|verb| verb.objection(true, agent).is_none());
    let offer = |verb: Intervention| Suggestion {
        label: verb.label(agent.unwrap_or_default()),
        call: Call::Respond { intervention: verb.to_string() },
    };
    possible.map(offer).collect()
}

/// What people answered, the first answer first.
fn responses(snapshot: &Snapshot, happened: &Happened, agent: &str) -> Vec<Response> {
    let told = happened.responses.iter().map(|stored| {
        let row = &stored.row;
        let assignee = row.assignee.as_deref().map(|to| snapshot.display_name(to)).unwrap_or_default();
        let did = match row.undoes {
            Some(_) => row.intervention.undid(agent),
            None => row.intervention.did(agent, &assignee),
        };
        Response { who: snapshot.display_name(&row.by), did, after: row.since_sent.unwrap_or(Span(0)) }
    });
    told.collect()
}

/// Who asked or assigned, and in which words.
fn words_of(snapshot: &Snapshot, asked: &StoredResponse) -> String {
    let who = snapshot.display_name(&asked.row.by);
    match &asked.note {
        Some(note) => format!("{who}: “{note}”"),
        None => format!("by {who}"),
    }
}

/// What the rules say of themselves: every reason under its rule's name, then what their authors suggest.
fn rule_words(rules: &[Said]) -> Vec<String> {
    let reasons = rules.iter().filter_map(|said| Some(format!("`{}`: {}", said.rule, said.reason.as_ref()?)));
    let mut words: Vec<String> = reasons.collect();
    let mut suggested: Vec<&str> = Vec::new();
    for suggestion in rules.iter().flat_map(|said| said.suggest.iter()) {
        if !suggested.contains(&suggestion.as_str()) {
            suggested.push(suggestion);
        }
    }
    if !suggested.is_empty() {
        words.push(format!("suggested: {}", suggested.join(", ")));
    }
    words
}

/// What joined the message since it was sent.
fn merged(together: &Together) -> Option<Merged> {
    (together.count > 0).then(|| Merged {
        count: together.count,
        last_action: together.last_action.clone().unwrap_or_else(|| "acted".to_owned()),
        worst_impact: together.worst.map_or("not stated", mandate_core::event::Impact::as_str).to_owned(),
    })
}

fn about_mandate(
    snapshot: &Snapshot,
    happened: &Happened,
    row: &NotificationRow,
    why: &[Why],
    public_url: &str,
) -> Notice {
    let sentences: Vec<String> = why.iter().map(|why| why.sentence(|_| None)).collect();
    Notice {
        id: row.id.to_string(),
        kind: Kind::SystemAlert,
        at: row.created_at,
        label: "mandate".to_owned(),
        urgency: row.urgency.to_string(),
        recipient: snapshot.display_name(&row.recipient),
        who: Who { kind: "system".to_owned(), id: "mandate".to_owned(), name: "Mandate".to_owned(), framework: None },
        what: What { action: "needs somebody".to_owned(), description: Some(sentences.join("; ")), ..What::default() },
        places: Vec::new(),
        when: When { occurred_at: row.created_at, received_at: row.created_at, late: None },
        why_you: WhyYou {
            reason: "you look after Mandate (`admins` in mandate.yaml)".to_owned(),
            rule: None,
            confidence: 1.0,
            confidence_words: "definitely".to_owned(),
        },
        impact: Impact::default(),
        since: Since { responses: responses(snapshot, happened, ""), ..Since::default() },
        suggestions: Vec::new(),
        event: None,
        public_url: Some(public_url.to_owned()),
    }
}

fn shown_name(snapshot: &Snapshot, actor: &mandate_core::event::Actor) -> String {
    match (&actor.name, actor.kind) {
        (Some(name), _) => name.clone(),
        (None, ActorKind::Human) => snapshot.display_name(&actor.id),
        (None, _) => actor.id.clone(),
    }
}

fn names(snapshot: &Snapshot, log_names: &[String]) -> String {
    log_names.iter().map(|name| snapshot.display_name(name)).collect::<Vec<_>>().join(", ")
}

fn source(step: Step, ambiguous: bool) -> &'static str {
    match (step, ambiguous) {
        (Step::Explicit, false) => "ownership.yaml",
        (Step::Explicit, true) => "ownership.yaml, several claims",
        (Step::Codeowners, _) => "CODEOWNERS",
        (Step::Catalog, false) => "catalog",
        (Step::Catalog, true) => "catalog, several services",
        (Step::Fallback, _) => "fallback: nobody owns it",
    }
}

/// How sure an ownership is, in words.
fn confidence(hundredths: u8) -> &'static str {
    match hundredths {
        85.. => "very likely",
        60..85 => "likely",
        40..60 => "possible",
        _ => "a guess",
    }
}
