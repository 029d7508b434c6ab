//! A digest: what was no message of its own, in one.

use mandate_connect::channel::notice::{Impact, Kind, Notice, Since, What, When, Who, WhyYou};
use mandate_core::change::NotificationRow;
use mandate_core::plan::Snapshot;
use mandate_store::Acts;

use crate::dispatcher::offer::Happened;

pub(super) fn notice(snapshot: &Snapshot, happened: &Happened, row: &NotificationRow, public_url: &str) -> Notice {
    let together = &happened.together;
    let mut lines: Vec<String> = together.acts.iter().map(|acts| line(snapshot, acts)).collect();
    let named: u64 = together.acts.iter().map(|acts| acts.count).sum();
    if named < together.count {
        lines.push(format!("{} more", together.count - named));
    }
    let actions = if together.count == 1 { "action" } else { "actions" };
    Notice {
        id: row.id.to_string(),
        kind: Kind::Digest,
        at: row.created_at,
        label: "digest".to_owned(),
        urgency: row.urgency.to_string(),
        recipient: snapshot.display_name(&row.recipient),
        who: Who { kind: "system".to_owned(), id: "mandate".to_owned(), name: "Mandate".to_owned(), framework: None },
        what: What {
            action: format!("tells of {} {actions} together", together.count),
            description: Some(lines.join("; ")),
            ..What::default()
        },
        places: Vec::new(),
        when: When { occurred_at: row.created_at, received_at: row.created_at, late: None },
        why_you: WhyYou {
            reason: "each of these was for you, and none was to interrupt you by itself".to_owned(),
            rule: None,
            confidence: 1.0,
            confidence_words: "definitely".to_owned(),
        },
        impact: Impact::default(),
        since: Since { responses: super::responses(snapshot, happened, ""), ..Since::default() },
        suggestions: Vec::new(),
        event: None,
        public_url: Some(public_url.to_owned()),
    }
}

fn line(snapshot: &Snapshot, acts: &Acts) -> String {
    let actor = acts.actor.as_deref().map_or_else(|| "somebody".to_owned(), |actor| snapshot.display_name(actor));
    let action = acts.action.as_deref().unwrap_or("acted");
    if acts.count == 1 { format!("{actor}: {action}") } else { format!("{actor}: {action}, {} times", acts.count) }
}
