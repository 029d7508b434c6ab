//! `mandate why`: why each person was told of an event, or was not (NTF-10).

use mandate_agent::Client;
use mandate_agent::client::path_segment;
use mandate_api::{Event, Notification};
use serde::Serialize;
use serde_json::Value;

use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::screen::{Screen, Style, clean};
use crate::words;

/// What `why` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct WhyArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The event
    #[arg(value_name = "EVENT")]
    event: String,
    /// Only this person or team, such as @alice
    #[arg(value_name = "PERSON")]
    person: Option<String>,
}

/// Why somebody was told or not, put together from the plan and the delivery log.
#[derive(Debug, Serialize)]
struct Answer {
    event_id: String,
    decision: String,
    rule: String,
    told: Vec<Notification>,
    not_told: Vec<NotTold>,
}

/// Somebody who would have been told.
#[derive(Debug, Serialize)]
struct NotTold {
    who: String,
    why: String,
}

/// Says it. Exit code 1 when a person was named and the event says nothing of them.
pub(crate) async fn run(args: WhyArgs, screen: &Screen) -> Result<(), Failure> {
    let client = args.server.client()?;
    let answer = ask(&client, &args.event, args.person.as_deref()).await?;
    let known = args.person.is_none() || !(answer.told.is_empty() && answer.not_told.is_empty());
    if screen.json {
        screen.document(&answer)?;
        return if known { Ok(()) } else { Err(Failure::Told) };
    }
    let rule = clean(&answer.rule);
    screen.line(screen.paint(Style::Bold, &format!("{} by the rule `{rule}`", clean(&answer.decision))))?;
    for notice in &answer.told {
        show(notice, screen)?;
    }
    for left in &answer.not_told {
        screen.line(format!("{}  not told: {}", clean(&left.who), clean(&left.why)))?;
    }
    match &args.person {
        Some(person) if !known => {
            let text = "was not told: they own nothing that was touched, and no rule names them";
            screen.line(format!("{}  {text}", clean(person)))?;
            Err(Failure::Told)
        }
        None if answer.told.is_empty() && answer.not_told.is_empty() => {
            Ok(screen.line("nobody was to be told: it is in the feed only")?)
        }
        _ => Ok(()),
    }
}

async fn ask(client: &Client, id: &str, person: Option<&str>) -> Result<Answer, Failure> {
    let path = format!("/v1/events/{}", path_segment(id));
    let event: Event = client.get_json(&path).await?;
    let record: Value = client.get_json(&format!("{path}/explain")).await?;
    let is_asked = |who: &str| person.is_none_or(|person| person.eq_ignore_ascii_case(who));
    let mut told = Vec::new();
    for notice in event.notifications.unwrap_or_default().iter().filter(|notice| is_asked(&notice.recipient)) {
        told.push(client.get_json(&format!("/v1/notifications/{}", notice.id)).await?);
    }
    let left = record.get("not_told").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let left = left.iter().map(|left| NotTold { who: text(left, "who"), why: text(left, "words") });
    Ok(Answer {
        event_id: id.to_owned(),
        decision: event.routing.decision,
        rule: event.routing.rule_matched,
        told,
        not_told: left.filter(|left| is_asked(&left.who)).collect(),
    })
}

fn show(notice: &Notification, screen: &Screen) -> Result<(), Failure> {
    let style = match notice.state.as_str() {
        "delivered" | "merged" | "digested" => Style::Good,
        "failed" => Style::Bad,
        _ => Style::Warn,
    };
    let state = screen.paint(style, &notice.state);
    let (who, channel) = (clean(&notice.recipient), clean(&notice.channel));
    screen.line(format!("{who}  told via {channel}, {state}: {}", clean(&notice.why)))?;
    if let Some(told_in) = &notice.told_in {
        let line = format!("    {} (notice {})", clean(&told_in.words), told_in.notification);
        screen.line(screen.paint(Style::Dim, &line))?;
    }
    for attempt in &notice.log {
        let why = attempt.why.as_deref().map(|why| format!(": {}", clean(why))).unwrap_or_default();
        let line = format!("    {}  {} after {} ms{why}", words::clock(attempt.at), attempt.result, attempt.took_ms);
        screen.line(screen.paint(Style::Dim, &line))?;
    }
    for response in &notice.responses {
        let note = response.note.as_deref().map(|note| format!(": {}", clean(note))).unwrap_or_default();
        screen.line(format!(
            "    {}  {} {}{note}",
            words::clock(response.at),
            clean(&response.by),
            clean(&response.did)
        ))?;
    }
    Ok(())
}
