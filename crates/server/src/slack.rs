//! What people do in Slack, carried out with the rights of the person who does it.
//!
//! A press, an answered modal or a command is first tied to a person of `ownership.yaml`, then becomes the same input
//! as over the API. [`take`] comes back once that is committed; what is still to be said to the person is a
//! [`Reply`], given after Slack has its acknowledgement.

mod command;
mod person;
mod reply;
mod socket;

use std::sync::Arc;

use mandate_connect::channel::slack::address::Receipt;
use mandate_connect::channel::slack::button::Action;
use mandate_connect::channel::slack::inbound::{Inbound, Press, Submission};
use mandate_connect::channel::slack::view::{Asked, View};
use mandate_core::change::{NotificationRow, NotificationState};
use mandate_core::delivery::{self, Attempt};
use mandate_core::event::submission::MAX_DESCRIPTION_CHARS;
use mandate_core::id::NotificationId;
use mandate_core::intervention::{Intervention, Told, Via, told};

use crate::app::{App, TenantHandle};
use crate::channel::slack::SlackChannel;
use crate::input::{Act, Delivery, Input, RespondInput, Responded};
use person::Presser;

pub use reply::Reply;
pub use socket::listen;

/// Carries out what came from a workspace. When this comes back it is durable.
pub async fn take(app: &App, channel: &SlackChannel, inbound: Inbound) -> Reply {
    match inbound {
        Inbound::Press(press) => pressed(app, channel, press).await,
        Inbound::Submission(submission) => submitted(app, channel, submission).await,
        Inbound::Command(command) => command::given(app, channel, command).await,
        Inbound::Seen { notification, message, .. } => {
            if let Ok(id) = notification.parse() {
                for tenant in app.tenants.values() {
                    if let Ok(Some(row)) = app.store.notification(tenant.tenant.id, id).await {
                        stands(app, tenant, row, &message);
                    }
                }
            }
            Reply::Nothing
        }
        Inbound::Challenge(_) | Inbound::Probe | Inbound::Other(_) => Reply::Nothing,
    }
}

async fn pressed(app: &App, channel: &SlackChannel, press: Press) -> Reply {
    let Press { who, action, notification, message, response_url, trigger_id, dedupe } = press;
    let place =
        reply::Place { response_url, channel: message.as_ref().map(|at| at.channel.clone()), user: who.user.clone() };
    let verb = match action {
        Action::Opened => return Reply::Nothing,
        Action::Intervene(verb) => Intervention::from_word(verb.as_str()).map(|known| (known, verb)),
        Action::Unknown(_) => None,
    };
    let presser = match person::find(app, channel, &who).await {
        Ok(presser) => presser,
        Err(stranger) => return place.whisper(stranger.words, stranger.lines),
    };
    let Some((intervention, asked_for)) = verb else {
        return place.whisper("this button does nothing in this version of Mandate".to_owned(), None);
    };
    let Some((id, row)) = known(app, &presser.tenant, &notification).await else {
        return place.whisper("this notice is no longer known here".to_owned(), None);
    };
    if let Some(message) = &message {
        stands(app, &presser.tenant, row.clone(), message);
    }
    let wants_words =
        intervention.needs_note() || intervention.needs_assignee() || intervention == Intervention::FlagForReview;
    if wants_words && let Some(trigger) = trigger_id {
        let asked = Asked { notification: id.to_string(), message };
        let about = about(app, &presser.tenant, &row).await;
        if let Some(view) = View::of(asked_for, &about, &asked) {
            return Reply::Open { trigger, view: Box::new(view), place };
        }
    }
    let act = Act::Answer { notification: id, intervention, assignee: None };
    respond(app, presser, act, intervention, None, &dedupe, place).await
}

async fn submitted(app: &App, channel: &SlackChannel, submission: Submission) -> Reply {
    let Submission { who, intervention, notification, message, text, dedupe } = submission;
    let place = reply::Place { response_url: None, channel: message.map(|at| at.channel), user: who.user.clone() };
    let presser = match person::find(app, channel, &who).await {
        Ok(presser) => presser,
        Err(stranger) => return place.whisper(stranger.words, stranger.lines),
    };
    let Some(intervention) = Intervention::from_word(intervention.as_str()) else {
        return place.whisper("this does nothing in this version of Mandate".to_owned(), None);
    };
    let Some((id, _)) = known(app, &presser.tenant, &notification).await else {
        return place.whisper("this notice is no longer known here".to_owned(), None);
    };
    let text = Some(text).filter(|text| !text.is_empty());
    let (note, assignee) = if intervention.needs_assignee() { (None, text) } else { (text, None) };
    let act = Act::Answer { notification: id, intervention, assignee };
    respond(app, presser, act, intervention, note, &dedupe, place).await
}

/// Answers a notice as the API does, and says what the one who did it would not see in the message.
async fn respond(
    app: &App,
    presser: Presser,
    act: Act,
    intervention: Intervention,
    note: Option<String>,
    dedupe: &str,
    place: reply::Place,
) -> Reply {
    if let Some(objection) = presser.objection(intervention.needs()) {
        presser.audit_refusal(intervention.as_str());
        return place.whisper(objection, None);
    }
    let note = note.map(|note| {
        let cut: String = note.chars().take(MAX_DESCRIPTION_CHARS).collect();
        presser.tenant.scrubber.scrub_text(&cut).into_owned()
    });
    let by = presser.asker_once(dedupe, app.env.now());
    let asked =
        presser.tenant.ask(|reply| Input::Respond(RespondInput { act, note, via: Via::Slack, by, reply })).await;
    match asked {
        Ok(responded) => said(&presser.tenant, &responded).map_or(Reply::Nothing, |words| place.whisper(words, None)),
        Err(refusal) => place.whisper(refusal.to_string(), None),
    }
}

/// What the one who answered is told, when the message itself does not say it all: that somebody was first, or that
/// nothing changed.
fn said(tenant: &TenantHandle, responded: &Responded) -> Option<String> {
    let Responded { response, first, agent, .. } = responded;
    let snapshot = tenant.snapshot.borrow().clone();
    let agent = agent.as_ref().map_or("the agent", |agent| agent.id.as_str());
    let assignee = |to: &Option<String>| to.as_deref().map(|to| snapshot.display_name(to)).unwrap_or_default();
    if first.id == response.id && response.effect.changes() {
        return None;
    }
    let mut words = told(Told {
        intervention: response.intervention,
        undoes: response.undoes.is_some(),
        effect: response.effect,
        agent,
        assignee: &assignee(&response.assignee),
        preview: false,
    });
    if first.id == response.id {
        return (response.effect == mandate_core::intervention::Effect::Unchanged).then_some(words);
    }
    let did = first.intervention.did(agent, &assignee(&first.assignee));
    words.push_str(&format!("; the first to answer was {}, who {did}", snapshot.display_name(&first.by)));
    Some(words)
}

async fn known(app: &App, tenant: &Arc<TenantHandle>, id: &str) -> Option<(NotificationId, NotificationRow)> {
    let id: NotificationId = id.parse().ok()?;
    let row = app.store.notification(tenant.tenant.id, id).await.ok()??;
    Some((id, row))
}

/// The line in a modal that says what it is about.
async fn about(app: &App, tenant: &TenantHandle, row: &NotificationRow) -> String {
    let event = match row.event_seq {
        Some(seq) => app.store.event_by_seq(tenant.tenant.id, seq).await.ok().flatten(),
        None => None,
    };
    event.map_or_else(
        || "About Mandate itself".to_owned(),
        |event| {
            let text = |word: Option<String>, other: &str| word.unwrap_or_else(|| other.to_owned());
            let on = event.row.resources.first().map(|resource| format!(" on {resource}")).unwrap_or_default();
            format!("{}: {}{on}", text(event.row.actor, "somebody"), text(event.row.action, "acted"))
        },
    )
}

/// A message stands of which the answer was lost: it is not sent again, and can be changed from now on.
fn stands(app: &App, tenant: &TenantHandle, row: NotificationRow, message: &Receipt) {
    if row.state != NotificationState::Queued {
        return;
    }
    // Which edition it shows is not known; the first, then, so that it is brought up to date. One attempt is skipped,
    // since one that is under way may not undo what is known now.
    let row = NotificationRow { edition: 0, attempts: row.attempts.saturating_add(1), ..row };
    let answer = delivery::Answer::Sent { status: 200, receipt: Some(message.to_string()) };
    let attempt = Attempt { at: app.env.now(), took_ms: 0, edition: 0, answer };
    // Refused only while stopping; the next press tells again.
    let _ = tenant.intake.push_control(Input::Deliveries(vec![Delivery { row, attempt, through: None }]));
}
