//! Trying a channel out: a message of its own, outside the limits, and what became of it.

use axum::Json as Answer;
use axum::extract::State;
use mandate_api::{ChannelTest, ChannelTestRequest};
use mandate_connect::channel::notice::{Impact, Kind, Notice, Since, What, When, Who, WhyYou};
use mandate_core::change::{NotificationRow, NotificationState};
use mandate_core::delivery;
use mandate_core::event::Level;
use mandate_core::id::{NotificationId, uuid_v7};
use mandate_core::plan::Snapshot;
use mandate_core::time::Millis;
use tokio::time::Instant;

use super::caller::Caller;
use super::docs::{BodyProblems, KeyProblems, NotFoundProblem};
use super::extract::{JsonOrNothing, Segment};
use super::problem::Refused;
use crate::app::App;
use crate::auth::Right;
use crate::channel::{Channel, Telling};
use crate::input::Input;

/// Send a test message to a channel.
///
/// Outside every limit, once, and kept nowhere but in the audit log. Where the channel needs an address, it goes to `to`,
/// else to the one who asks, else to somebody who looks after Mandate, else to anybody who is reached there.
#[utoipa::path(
    post, path = "/v1/channels/{name}/test", tag = "config", request_body = Option<ChannelTestRequest>,
    params(("name" = String, Path, description = "the channel's name in `mandate.yaml`")),
    responses((status = 200, description = "whether it arrived, or why not", body = ChannelTest),
        NotFoundProblem, BodyProblems, KeyProblems)
)]
pub(super) async fn test(
    State(app): State<App>,
    caller: Caller,
    name: Segment,
    JsonOrNothing(request): JsonOrNothing<ChannelTestRequest>,
) -> Result<Answer<ChannelTest>, Refused> {
    caller.may(Right::Admin, "channels.test")?;
    let channel = app.channels.get(&name.0).ok_or_else(|| Refused::not_found(format!("channel `{}`", name.0)))?;
    let snapshot = caller.tenant.snapshot.borrow().clone();
    let to = request.to.or_else(|| address(&snapshot, &name.0, caller.key().person.as_deref()));
    let at = app.env.now();
    let row = row(&name.0, to.as_deref(), at, app.env.random());
    let notice =
        notice(&row, caller.key().person.as_deref().unwrap_or("an admin"), app.settings.server.public_url.clone());
    let began = Instant::now();
    let said = channel.send(&Telling { row: &row, notice: &notice, available: &[] }, at).await;
    let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let why = match said {
        delivery::Answer::Sent { .. } => None,
        delivery::Answer::Retry { why, .. } | delivery::Answer::Refused { why } | delivery::Answer::Broken { why } => {
            Some(why)
        }
    };
    let delivered = why.is_none();
    let entry = caller.asker().did("channel.test", format!("channel:{}", name.0));
    let entry = entry.with("new_value", if delivered { "delivered" } else { "not delivered" });
    // The server is stopping: the answer is given all the same.
    let _ = caller.tenant.intake.push_control(Input::Audit(entry));
    let kind = if matches!(channel, Channel::Slack(_)) { "slack" } else { "webhook" };
    Ok(Answer(ChannelTest { channel: name.0, kind: kind.to_owned(), to, delivered, why, took_ms }))
}

/// Somebody's address on a channel: the one who asks, those who look after Mandate, anybody.
fn address(snapshot: &Snapshot, channel: &str, asks: Option<&str>) -> Option<String> {
    let people = || snapshot.directory.people();
    let asks = people().filter(|person| Some(&*person.handle) == asks);
    let keepers = people().filter(|person| snapshot.looks_after(&format!("person:{}", person.id)));
    let contacts = asks.chain(keepers).chain(people()).flat_map(|person| &person.contacts);
    let contacts = contacts.chain(snapshot.directory.teams().flat_map(|team| &team.contacts));
    let mut on = contacts.filter(|contact| *contact.channel == *channel);
    on.find_map(|contact| contact.address.as_deref().map(str::to_owned))
}

/// A notification that is kept nowhere.
fn row(channel: &str, to: Option<&str>, at: Millis, random: [u8; 16]) -> NotificationRow {
    let lane = to.map_or_else(|| channel.to_owned(), |to| format!("{channel}:{to}"));
    NotificationRow {
        id: NotificationId(uuid_v7(at, random)),
        event_seq: None,
        recipient: "fallback".into(),
        channel: channel.into(),
        lane: lane.into(),
        urgency: Level::Low,
        impact: None,
        reason: b"[]".to_vec(),
        created_at: at,
        state: NotificationState::Queued,
        due_at: at,
        lease_until: Millis(0),
        attempts: 0,
        log: b"[]".to_vec(),
        delivered_at: None,
        receipt: None,
        edition: 0,
        settled: 0,
        told_in: None,
    }
}

fn notice(row: &NotificationRow, who: &str, public_url: Option<String>) -> Notice {
    Notice {
        id: row.id.to_string(),
        kind: Kind::ChannelTest,
        at: row.created_at,
        label: "test".to_owned(),
        urgency: row.urgency.to_string(),
        recipient: who.to_owned(),
        who: Who { kind: "system".to_owned(), id: "mandate".to_owned(), name: "Mandate".to_owned(), framework: None },
        what: What {
            action: "tries this channel out".to_owned(),
            description: Some(
                "Nothing happened and nothing is to be done: somebody tries whether this arrives.".to_owned(),
            ),
            ..What::default()
        },
        places: Vec::new(),
        when: When { occurred_at: row.created_at, received_at: row.created_at, late: None },
        why_you: WhyYou {
            reason: format!("{who} asked for a test of `{}`", row.channel),
            rule: None,
            confidence: 1.0,
            confidence_words: "definitely".to_owned(),
        },
        impact: Impact::default(),
        since: Since::default(),
        suggestions: Vec::new(),
        event: None,
        public_url,
    }
}
