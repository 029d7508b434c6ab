//! What the demo shows: each action as it was committed, whose it is, the rule that decided, and who was told when.

use std::time::Duration;

use mandate_agent::Client;
use mandate_agent::client::{SseStream, path_segment, sse};
use mandate_api::{Event, FeedData, OwnerAnswer};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

use super::sink::Arrived;
use super::world::CHANNEL;
use crate::command::tail::{self, Heard};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::screen::{Screen, Style, clean};
use crate::words;

/// How long an action, or its notices, may take to show up.
const PATIENCE: Duration = Duration::from_secs(10);
/// The width that everything fits in.
const WIDTH: usize = 80;
/// Where the second column begins.
const INDENT: usize = 10;

/// The terminal, and the feeds that are shown on it.
pub(crate) struct Stage {
    /// Where it is shown.
    pub(crate) screen: Screen,
    /// What reads from the server.
    pub(crate) client: Client,
    feed: SseStream,
    arrivals: mpsc::UnboundedReceiver<Arrived>,
    pace: Duration,
    shown: Vec<Shown>,
}

/// One action as it was shown.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Shown {
    seq: i64,
    at: i64,
    actor: String,
    action: String,
    resource: String,
    owners: Vec<String>,
    found_by: String,
    decision: String,
    rule: String,
    told: Vec<Told>,
}

/// One notice that arrived.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Told {
    recipient: String,
    channel: &'static str,
    after_ms: i64,
    reason: String,
}

impl Stage {
    /// Opens the feeds.
    pub(crate) async fn open(
        admin: &Connection,
        arrivals: mpsc::UnboundedReceiver<Arrived>,
        pace: Duration,
        screen: Screen,
    ) -> Result<Self, Failure> {
        let client = admin.client()?;
        let feed = client.stream_sse("/v1/stream/sse?channels=events", Some("0")).await?;
        Ok(Self { screen, client, feed, arrivals, pace, shown: Vec::new() })
    }

    /// A heading.
    pub(crate) async fn act(&self, title: &str) -> Result<(), Failure> {
        self.text("")?;
        let line = format!("── {title} {}", "─".repeat(WIDTH.saturating_sub(title.chars().count() + 4)));
        self.text(&self.screen.paint(Style::Bold, &line))?;
        self.breathe().await;
        Ok(())
    }

    /// A line of talk: on standard output, unless that is for programs.
    pub(crate) fn text(&self, line: &str) -> Result<(), Failure> {
        if self.screen.json {
            self.screen.say(line);
            return Ok(());
        }
        Ok(self.screen.line(line)?)
    }

    /// A named line under the last one, cut into lines that fit.
    pub(crate) fn detail(&self, name: &str, text: &str) -> Result<(), Failure> {
        for (number, line) in wrapped(text, WIDTH - INDENT - 7).iter().enumerate() {
            let name = if number == 0 { name } else { "" };
            self.text(&format!("{:INDENT$}{} {line}", "", self.screen.paint(Style::Dim, &format!("{name:<6}"))))?;
        }
        Ok(())
    }

    /// Gives people the time to read.
    pub(crate) async fn breathe(&self) {
        sleep(self.pace).await;
    }

    /// Waits for an agent's next action and for all of its notices, and shows them.
    pub(crate) async fn show_next(&mut self, actor: &str) -> Result<(), Failure> {
        let event = self.next_event(actor).await?;
        let told = self.notices_of(&event).await?;
        let owner = self.owner_of(&event).await?;
        let shown = Shown {
            seq: event.integrity.seq,
            at: event.timestamp,
            actor: tail::actor(&event),
            action: tail::action(&event),
            resource: touched(&event),
            owners: owner.iter().flat_map(|owner| &owner.owners).map(|owner| clean(&owner.handle)).collect(),
            found_by: owner.as_ref().map_or("nothing was named", |owner| source(owner)).to_owned(),
            decision: event.routing.decision.clone(),
            rule: clean(&event.routing.rule_matched),
            told,
        };
        self.display(&shown)?;
        self.shown.push(shown);
        self.breathe().await;
        Ok(())
    }

    async fn next_event(&mut self, actor: &str) -> Result<Event, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let item = timeout_at(deadline, self.feed.next()).await;
            let item =
                item.map_err(|_| Failure::Failed(format!("no action of `{actor}` arrived; serve.log has more")))?;
            let Some(item) = item? else {
                return Err(Failure::Failed("the live stream ended".to_owned()));
            };
            let sse::Item::Event(frame) = item else { continue };
            let Heard::Feed(data) = tail::heard(&frame.data) else { continue };
            let FeedData::Event { event } = *data else { continue };
            let event: Event = serde_json::from_value(event).map_err(|error| Failure::Failed(error.to_string()))?;
            if event.actor.as_ref().is_some_and(|known| known.id == actor) {
                return Ok(event);
            }
        }
    }

    async fn notices_of(&mut self, event: &Event) -> Result<Vec<Told>, Failure> {
        let deadline = Instant::now() + PATIENCE;
        let mut told = Vec::new();
        while told.len() < event.routing.notifications_planned as usize {
            match timeout_at(deadline, self.arrivals.recv()).await {
                Ok(Some(arrived)) if arrived.notice.event.as_ref().is_some_and(|of| of.seq == event.integrity.seq) => {
                    told.push(Told {
                        recipient: clean(&arrived.notice.recipient),
                        channel: CHANNEL,
                        after_ms: (arrived.at - event.received_at).max(0),
                        reason: clean(&arrived.notice.why_you.reason),
                    });
                }
                // A notice of something that was not waited for.
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => {
                    let seq = event.integrity.seq;
                    return Err(Failure::Failed(format!("a notice of event {seq} did not arrive; serve.log has more")));
                }
            }
        }
        Ok(told)
    }

    async fn owner_of(&self, event: &Event) -> Result<Option<OwnerAnswer>, Failure> {
        let resources = event.scope.as_ref().and_then(|scope| scope.resources.as_deref()).unwrap_or_default();
        let Some(first) = resources.first() else { return Ok(None) };
        let repo = first.repo.as_deref().map(|repo| format!("&repo={}", path_segment(repo))).unwrap_or_default();
        let address = format!("{}:{}", first.kind, first.id);
        let path = format!("/v1/owners?resource={}{repo}", path_segment(&address));
        Ok(Some(self.client.get_json(&path).await?))
    }

    fn display(&self, shown: &Shown) -> Result<(), Failure> {
        let screen = &self.screen;
        if screen.json {
            return Ok(screen.document(shown)?);
        }
        let who = screen.paint(Style::Bold, &shown.actor);
        let room = WIDTH.saturating_sub(INDENT + shown.actor.chars().count() + shown.action.chars().count() + 4);
        let resource = words::clipped(&shown.resource, room);
        screen.line("")?;
        screen.line(format!("{}  {who}  {}  {resource}", words::clock(shown.at), shown.action))?;
        let owners = if shown.owners.is_empty() { "nobody".to_owned() } else { shown.owners.join(", ") };
        self.detail("owner", &format!("{owners}  ({})", shown.found_by))?;
        self.detail("rule", &format!("{}: {}", shown.rule, shown.decision))?;
        for told in &shown.told {
            let arrow = format!("→ {} via {}, {} ms", told.recipient, told.channel, told.after_ms);
            self.detail("told", &screen.paint(Style::Good, &arrow))?;
            self.detail("", &format!("  {}", told.reason))?;
        }
        if shown.told.is_empty() {
            self.detail("told", "nobody: it stays in the feed")?;
        }
        Ok(())
    }

    /// How many actions and notices were shown, and how long half of the notices took at most.
    pub(crate) fn counts(&self) -> (usize, usize, i64) {
        let mut took: Vec<i64> = self.shown.iter().flat_map(|shown| &shown.told).map(|told| told.after_ms).collect();
        took.sort_unstable();
        let median = took.get(took.len() / 2).copied().unwrap_or_default();
        (self.shown.len(), took.len(), median)
    }
}

/// The first resource, with its repository when it is a file.
fn touched(event: &Event) -> String {
    let resources = event.scope.as_ref().and_then(|scope| scope.resources.as_deref()).unwrap_or_default();
    match resources.first().and_then(|first| Some((first, first.repo.as_deref()?))) {
        Some((first, repo)) => clean(&format!("{}:{repo}/{}", first.kind, first.id)),
        None => tail::touched(event),
    }
}

fn source(owner: &OwnerAnswer) -> &'static str {
    match (owner.unowned, owner.step.as_str()) {
        (true, _) => "nobody owns it; the fallback",
        (false, "explicit") => "ownership.yaml",
        (false, "codeowners") => "CODEOWNERS",
        (false, "catalog") => "the catalog",
        (false, _) => "the fallback",
    }
}

/// Text cut at spaces into lines of at most `width` letters; spaces at its beginning stay.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let indent: String = text.chars().take_while(|letter| *letter == ' ').collect();
    let mut lines = Vec::new();
    let mut line = indent.clone();
    // A colour's codes take no room.
    let length = |text: &str| {
        text.split('\x1b')
            .enumerate()
            .map(|(at, part)| {
                let part = if at == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) };
                part.chars().count()
            })
            .sum::<usize>()
    };
    for word in text.trim_start().split(' ') {
        if length(&line) > indent.len() && length(&line) + 1 + length(word) > width {
            lines.push(std::mem::replace(&mut line, indent.clone()));
        }
        if length(&line) > indent.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_at_spaces() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("  one two three", 9), ["  one two", "  three"]);
        assert_eq!(wrapped("\x1b[32mone two\x1b[0m three", 7), ["\x1b[32mone two\x1b[0m", "three"]);
        assert_eq!(wrapped("unbroken-and-long", 4), ["unbroken-and-long"]);
    }
}
