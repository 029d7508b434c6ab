//! `/mandate status|pause|resume|ack|owner|why`: what is typed in Slack, in the words of the command line.

use mandate_connect::channel::slack::inbound::Command;
use mandate_core::change::NotificationRow;
use mandate_core::event::submission::is_actor_id;
use mandate_core::event::{Resource, ResourceKind};
use mandate_core::intervention::Intervention;
use mandate_core::plan::Why;
use mandate_store::NotificationFilter;

use super::person::{self, Presser};
use super::reply::{Place, Reply};
use crate::app::App;
use crate::channel::slack::SlackChannel;
use crate::input::{Act, AgentStateInput, Agents, Input};

const HELP: &str = "status — how Mandate does\npause AGENT [REASON] — its calls stop\nresume AGENT — its calls go through \
                    again\nack — your newest notice is seen\nowner TYPE:ID — who owns it\nwhy — why you got your newest \
                    notice";

pub(super) async fn given(app: &App, channel: &SlackChannel, command: Command) -> Reply {
    let Command { who, text, channel: at, response_url, dedupe, .. } = command;
    let place = Place { response_url, channel: Some(at), user: who.user.clone() };
    let presser = match person::find(app, channel, &who).await {
        Ok(presser) => presser,
        Err(stranger) => return place.whisper(stranger.words, stranger.lines),
    };
    let (verb, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
    let rest = rest.trim();
    let words = match verb {
        "status" => status(app, &presser).await,
        "pause" | "resume" => paused(app, &presser, verb == "pause", rest, &dedupe).await,
        "ack" => return acknowledged(app, presser, &dedupe, place).await,
        "owner" => Ok(owner(&presser, rest)),
        "why" => why(app, &presser).await,
        _ => return place.whisper("What `/mandate` can do:".to_owned(), Some(HELP.to_owned())),
    };
    place.whisper(words.unwrap_or_else(|wrong| wrong), None)
}

async fn status(app: &App, presser: &Presser) -> Result<String, String> {
    let tenant = presser.tenant.tenant.id;
    let agents = app.store.agents(tenant, None, 1_000).await.map_err(|error| error.to_string())?;
    let paused: Vec<_> = agents.iter().filter(|agent| agent.paused).map(|agent| agent.id.as_str()).collect();
    let head = app.store.head(tenant).await.map_err(|error| error.to_string())?;
    let ready = if app.is_ready() { "takes events" } else { "takes no events now" };
    let stopped = if paused.is_empty() { "none paused".to_owned() } else { format!("paused: {}", paused.join(", ")) };
    Ok(format!("Mandate {ready}; {} events; {} agents, {stopped}", head.events.seq, agents.len()))
}

async fn paused(app: &App, presser: &Presser, pause: bool, rest: &str, dedupe: &str) -> Result<String, String> {
    let verb = if pause { Intervention::PauseAgent } else { Intervention::ResumeAgent };
    if let Some(objection) = presser.objection(verb.needs()) {
        presser.audit_refusal(verb.as_str());
        return Err(objection);
    }
    let (agent, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if !is_actor_id(agent) {
        return Err(format!("say which agent, such as `/mandate {} deployer`", if pause { "pause" } else { "resume" }));
    }
    let reason = Some(reason.trim()).filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| presser.tenant.scrubber.scrub_text(reason).into_owned());
    let by = presser.asker_once(dedupe, app.env.now());
    let agents = Agents::One(agent.to_owned());
    let state = |reply| Input::AgentState(AgentStateInput { agents, paused: pause, reason, by, reply });
    let rows = presser.tenant.ask(state).await.map_err(|refusal| refusal.to_string())?;
    let is = rows.first().is_some_and(|row| row.paused);
    Ok(format!("{agent} is {}", if is { "paused" } else { "running" }))
}

async fn acknowledged(app: &App, presser: Presser, dedupe: &str, place: Place) -> Reply {
    let newest = match newest(app, &presser).await {
        Ok(newest) => newest,
        Err(wrong) => return place.whisper(wrong, None),
    };
    let (intervention, at) = (Intervention::Acknowledge, newest.id);
    let act = Act::Answer { notification: at, intervention, assignee: None };
    super::respond(app, presser, act, intervention, None, dedupe, place).await
}

async fn newest(app: &App, presser: &Presser) -> Result<NotificationRow, String> {
    let recipient = Some(format!("person:{}", presser.id));
    let filter = NotificationFilter { recipient, ..NotificationFilter::default() };
    let page = app.store.notifications(presser.tenant.tenant.id, &filter, None, 1).await;
    let page = page.map_err(|error| error.to_string())?;
    page.items.into_iter().next().ok_or_else(|| format!("{}: you were told of nothing yet", presser.handle))
}

fn owner(presser: &Presser, rest: &str) -> String {
    let Some((kind, id)) = rest.split_once(':').and_then(|(kind, id)| Some((ResourceKind::from_word(kind)?, id)))
    else {
        return "say of what, such as `/mandate owner service:payments`".to_owned();
    };
    let snapshot = presser.tenant.snapshot.borrow().clone();
    let ownership = snapshot.directory.resolve(&Resource::new(kind, id));
    let names: Vec<_> =
        ownership.owners.iter().map(|owner| snapshot.display_name(&snapshot.log_name(*owner))).collect();
    if ownership.unowned {
        return format!("nobody owns {rest}; the fallback is told");
    }
    format!("{rest} is owned by {}", names.join(", "))
}

async fn why(app: &App, presser: &Presser) -> Result<String, String> {
    let row = newest(app, presser).await?;
    let why: Vec<Why> = serde_json::from_slice(&row.reason).unwrap_or_default();
    let event = match row.event_seq {
        Some(seq) => app.store.event_by_seq(presser.tenant.tenant.id, seq).await.map_err(|error| error.to_string())?,
        None => None,
    };
    let resources = event.map(|event| event.row.resources).unwrap_or_default();
    let at = |n: u32| resources.get(n as usize).map(|resource| (resource.as_str(), "ownership"));
    let sentences: Vec<String> = why.iter().map(|why| why.sentence(at)).collect();
    Ok(format!("you were told because {}", sentences.join("; ")))
}
