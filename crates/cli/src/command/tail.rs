//! `mandate tail`: the live stream, a line a thing that happened.

use mandate_agent::Client;
use mandate_agent::client::{path_segment, sse};
use mandate_agent::control::Backoff;
use mandate_api::{AgentState, Event, FeedData, Notification, OutcomeStatus, ServerMessage};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::screen::{Screen, Style, clean};
use crate::words;

/// What `tail` takes. With a filter it shows events and their outcomes alone.
#[derive(Debug, clap::Args)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Begin after this cursor, as --json shows them, not now; 0 is before the oldest that is kept
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// Only this agent's actions
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// Only this type of action
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only what touches this resource, as type:id
    #[arg(long, value_name = "TYPE:ID")]
    resource: Option<String>,
    /// Only what was routed so: auto, monitored or flagged
    #[arg(long, value_name = "DECISION")]
    decision: Option<String>,
    /// Only this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// End after so many lines
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
}

impl TailArgs {
    /// The stream to follow. What is only about actions tells of nothing else: notices and states have no actor, type
    /// or resource to go by.
    fn path(&self) -> String {
        let filters = [
            ("actor", &self.actor),
            ("type", &self.kind),
            ("resource", &self.resource),
            ("decision", &self.decision),
            ("session", &self.session),
        ];
        let query: Vec<String> = filters
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", path_segment(value.as_deref()?))))
            .collect();
        if query.is_empty() {
            return "/v1/stream/sse".to_owned();
        }
        format!("/v1/stream/sse?channels=events&{}", query.join("&"))
    }
}

/// One message of the stream, with its cursor.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Something happened.
    Feed(Box<FeedData>),
    /// The stream cannot go on from where it was asked to.
    Reset(String),
    /// Anything else: the stream lives.
    Alive,
}

/// A line for programs: what happened, and the cursor to go on after it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    cursor: Option<&'a str>,
    data: Box<RawValue>,
}

/// Follows the stream; when it breaks, goes on after what was seen.
pub(crate) async fn run(args: TailArgs, screen: &Screen) -> Result<(), Failure> {
    let client = args.server.client()?;
    let path = args.path();
    let mut after = args.after.clone();
    let mut left = args.count.unwrap_or(u64::MAX);
    let mut backoff = Backoff::default();
    let mut connected = false;
    while left > 0 {
        match follow(&client, &path, &mut after, &mut left, &mut connected, screen).await {
            Ok(()) => backoff.reset(),
            Err(Failure::Unreachable(why)) if connected => screen.say(format!("{why}; trying again")),
            Err(failure) => return Err(failure),
        }
        if left > 0 {
            tokio::time::sleep(backoff.wait()).await;
        }
    }
    Ok(())
}

async fn follow(
    client: &Client,
    path: &str,
    after: &mut Option<String>,
    left: &mut u64,
    connected: &mut bool,
    screen: &Screen,
) -> Result<(), Failure> {
    let mut stream = client.stream_sse(path, after.as_deref()).await?;
    if !std::mem::replace(connected, true) && !screen.json {
        screen.say(format!("following {}; Ctrl-C ends it", client.base_url()));
    }
    while *left > 0 {
        let Some(item) = stream.next().await? else { return Ok(()) };
        let sse::Item::Event(event) = item else { continue };
        if let Some(id) = &event.id {
            *after = Some(id.clone());
        }
        match heard(&event.data) {
            Heard::Feed(data) => {
                *left -= 1;
                if screen.json {
                    let data = RawValue::from_string(event.data).map_err(std::io::Error::from)?;
                    screen.document(&Line { cursor: after.as_deref(), data })?;
                } else {
                    screen.line(line(&data, screen))?;
                }
            }
            Heard::Reset(reason) => {
                screen.warn(&format!("the stream cannot go on from there ({reason}); it goes on from now"));
            }
            Heard::Alive => {}
        }
    }
    Ok(())
}

/// Reads one message: the frame that the WebSocket has too, or the data alone.
pub(crate) fn heard(data: &str) -> Heard {
    match serde_json::from_str::<ServerMessage>(data) {
        Ok(ServerMessage::Event { data, .. }) => Heard::Feed(Box::new(data)),
        Ok(ServerMessage::Reset { reason, .. }) => Heard::Reset(reason),
        Ok(_) => Heard::Alive,
        Err(_) => serde_json::from_str(data).map_or(Heard::Alive, |data| Heard::Feed(Box::new(data))),
    }
}

fn line(data: &FeedData, screen: &Screen) -> String {
    match data {
        FeedData::Event { event } => event_line(event, screen),
        FeedData::Notification { notification } => notification_line(notification, screen),
        FeedData::Outcome { event_id, outcome } => {
            let at = words::clock(outcome.at);
            let took = outcome.duration_ms.map(|ms| format!(" after {ms} ms")).unwrap_or_default();
            match outcome.status {
                OutcomeStatus::Completed => format!("{at}  completed{took}  {event_id}"),
                OutcomeStatus::Failed => {
                    let why = outcome.error.as_deref().map(|why| format!(": {}", clean(why))).unwrap_or_default();
                    format!("{at}  {}{took}  {event_id}{why}", screen.paint(Style::Bad, "failed"))
                }
            }
        }
        FeedData::Response { response } => {
            let (by, did) = (clean(&response.by), clean(&response.did));
            let after = response.since_sent_ms.map(|ms| format!(", {} after the notice", words::span(ms)));
            format!(
                "{}    {} {did}{}",
                words::clock(response.at),
                screen.paint(Style::Bold, &by),
                after.unwrap_or_default()
            )
        }
        FeedData::Review { review } => {
            let state = screen.paint(if review.state == "closed" { Style::Good } else { Style::Warn }, &review.state);
            format!(
                "{}    review of {} is {state}",
                words::clock(review.closed_at.unwrap_or(review.opened_at)),
                review.event_id
            )
        }
        FeedData::Agent { agent } => {
            let (word, style) = match agent.state {
                AgentState::Running => ("is running", Style::Good),
                AgentState::Paused => ("is PAUSED", Style::Warn),
                AgentState::ReadOnly => ("may only read", Style::Warn),
            };
            let at = agent.since.map(words::clock).unwrap_or_default();
            let by = agent.by.as_deref().map(|by| format!(" by {}", clean(by))).unwrap_or_default();
            let reason = agent.reason.as_deref().map(|why| format!(": {}", clean(why))).unwrap_or_default();
            format!("{at}  {} {}{by}{reason}", agent.id, screen.paint(style, word))
        }
        FeedData::Config { id } => format!("          another configuration is in force: {id}"),
    }
}

fn event_line(event: &Value, screen: &Screen) -> String {
    let Ok(event) = serde_json::from_value::<Event>(event.clone()) else {
        return "an event that cannot be shown".to_owned();
    };
    let decision = match event.routing.decision.as_str() {
        "auto" => screen.paint(Style::Dim, "auto"),
        "flagged" => screen.paint(Style::Warn, "flagged"),
        other => screen.paint(Style::Bold, other),
    };
    let notices = words::count(event.routing.notifications_planned.into(), "notice");
    format!(
        "{}  {}  {}  {}  {decision} by {}, {notices}",
        words::clock(event.timestamp),
        actor(&event),
        action(&event),
        touched(&event),
        clean(&event.routing.rule_matched),
    )
}

/// Who acted.
pub(crate) fn actor(event: &Event) -> String {
    event.actor.as_ref().map_or_else(|| "somebody unknown".to_owned(), |actor| clean(&actor.id))
}

/// What was done.
pub(crate) fn action(event: &Event) -> String {
    let kind = event.action.as_ref().and_then(|action| action.kind.as_deref());
    clean(kind.unwrap_or("acted"))
}

/// What was touched: the first resource, and how many more.
pub(crate) fn touched(event: &Event) -> String {
    let resources = event.scope.as_ref().and_then(|scope| scope.resources.as_deref()).unwrap_or_default();
    match resources {
        [] => "nothing named".to_owned(),
        [first, rest @ ..] => {
            let address = clean(&format!("{}:{}", first.kind, first.id));
            if rest.is_empty() { address } else { format!("{address} and {} more", rest.len()) }
        }
    }
}

fn notification_line(notification: &Notification, screen: &Screen) -> String {
    let at = words::clock(notification.delivered_at.unwrap_or(notification.created_at));
    let to = format!("→ {} via {}", clean(&notification.recipient), clean(&notification.channel));
    let state = match (notification.state.as_str(), notification.delivered_at) {
        ("delivered", Some(delivered)) => {
            screen.paint(Style::Good, &format!("delivered in {} ms", (delivered - notification.created_at).max(0)))
        }
        ("queued", _) => screen.paint(Style::Warn, &format!("not taken yet, {}", tries(notification.attempts))),
        (other, _) => screen.paint(Style::Bad, other),
    };
    format!("{at}    {to}  {state}")
}

fn tries(attempts: u32) -> String {
    if attempts == 1 { "1 try".to_owned() } else { format!("{attempts} tries") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_whole_or_as_data() {
        let framed =
            r#"{"type":"event","cursor":"7","data":{"kind":"config","id":"01970000-0000-7000-8000-000000000000"}}"#;
        let bare = r#"{"kind":"config","id":"01970000-0000-7000-8000-000000000000"}"#;
        for data in [framed, bare] {
            let Heard::Feed(read) = heard(data) else { panic!("{data}") };
            assert!(matches!(*read, FeedData::Config { .. }), "{data}");
        }
        assert!(matches!(heard(r#"{"type":"reset","reason":"expired","cursor":"9"}"#), Heard::Reset(_)));
        assert!(matches!(heard(r#"{"type":"caught_up","cursor":"9"}"#), Heard::Alive));
    }
}
