//! Whom to tell of what follows from an event: a review that is overdue, a question, an assignment.

use crate::change::{EventRow, NotificationRow, ReviewRow};
use crate::diagnostic::nearest;
use crate::event::Level;
use crate::id::{NotificationId, ResponseId, derive};
use crate::ownership::{OwnerRef, Party};
use crate::time::Millis;

use super::reach::Reach;
use super::{Escalated, Record, Snapshot, Why, queued};

/// Tells once that nobody reviewed an event in time: who leads the team that owns it, else the team, else the fallback.
#[must_use]
pub fn overdue(snapshot: &Snapshot, event: &EventRow, review: &ReviewRow, now: Millis) -> Vec<NotificationRow> {
    let record: Option<Record> = serde_json::from_slice(&event.plan).ok();
    let urgency = record.as_ref().map_or(Level::Medium, |record| record.urgency);
    let (to, reaches) = owning_team(snapshot, record.as_ref())
        .and_then(|team| escalation(snapshot, team))
        .unwrap_or((Escalated::Fallback, snapshot.fallback()));
    // Opened again, it may be told of again.
    let purpose = format!("review_overdue {}", review.opened_at.0);
    tell(reaches, event, &purpose, &Why::ReviewOverdue { to }, urgency, now)
}

/// Takes a question to the team that owns the agent, else to the fallback.
#[must_use]
pub fn asked(snapshot: &Snapshot, event: &EventRow, response: ResponseId, now: Millis) -> Vec<NotificationRow> {
    let team = event.actor.as_deref().and_then(|actor| snapshot.agent_team(actor));
    let team = team.and_then(|team| snapshot.directory.find(team)).map(|team| snapshot.reaches(team));
    let reaches = team.filter(|reaches| !reaches.is_empty());
    let why = Why::Asked { response, instead: reaches.is_none() };
    tell(reaches.unwrap_or(snapshot.fallback()), event, &format!("asked {response}"), &why, Level::Medium, now)
}

/// Whom a handle names, to assign something to.
///
/// # Errors
/// Says that nobody has it, and who is nearest.
pub fn assignee(snapshot: &Snapshot, handle: &str) -> Result<OwnerRef, String> {
    let directory = &snapshot.directory;
    let known =
        directory.find(handle).filter(|party| !matches!(directory.party(*party), Some(Party::Unknown(_)) | None));
    known.ok_or_else(|| {
        let people = directory.people().map(|person| &*person.handle);
        let near = nearest(handle, people.chain(directory.teams().map(|team| &*team.handle)));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        format!("`{handle}` is nobody that ownership.yaml describes{near}")
    })
}

/// Tells somebody that an event was assigned to them. Tells nobody when they cannot be reached.
#[must_use]
pub fn assigned(
    snapshot: &Snapshot,
    event: &EventRow,
    assignee: OwnerRef,
    response: ResponseId,
    now: Millis,
) -> Vec<NotificationRow> {
    let (reaches, purpose) = (snapshot.reaches(assignee), format!("assigned {response}"));
    tell(reaches, event, &purpose, &Why::Assigned { response }, Level::Medium, now)
}

/// The first owning team that the plan names.
fn owning_team(snapshot: &Snapshot, record: Option<&Record>) -> Option<OwnerRef> {
    let team = record?.owners.iter().filter(|owned| !owned.unowned).find_map(|owned| owned.team.as_deref())?;
    snapshot.directory.find(team.strip_prefix("team:").unwrap_or(team))
}

fn escalation(snapshot: &Snapshot, team: OwnerRef) -> Option<(Escalated, &[Reach])> {
    let lead = match snapshot.directory.party(team)? {
        Party::Team(team) => team.lead,
        _ => None,
    };
    let lead = lead.map(|lead| (Escalated::Lead, snapshot.reaches(lead)));
    let mut ways = lead.into_iter().chain([(Escalated::Team, snapshot.reaches(team))]);
    ways.find(|(_, reaches)| !reaches.is_empty())
}

/// One notice to each, on their first channel.
fn tell(
    reaches: &[Reach],
    event: &EventRow,
    purpose: &str,
    why: &Why,
    urgency: Level,
    now: Millis,
) -> Vec<NotificationRow> {
    let ways = reaches.iter().filter_map(|reach| Some((reach, reach.ways.first()?)));
    ways.map(|(reach, way)| {
        let id = NotificationId(derive(now, event.id, purpose, &[&reach.recipient, &way.channel]));
        let row = queued(id, reach, way, std::slice::from_ref(why), urgency, now);
        NotificationRow { event_seq: Some(event.seq), ..row }
    })
    .collect()
}
