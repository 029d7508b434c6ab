//! When to connect, what to acknowledge, when a connection is dead: Socket Mode as a state machine.
//!
//! Pure: [`Machine::step`] takes what happened and says what to do. There is at most one live link and one that is
//! coming; when Slack announces the end of the live one, the next is greeted before the old one is closed.

use mandate_core::delivery::Answer;
use mandate_core::time::{Millis, SECOND, Span};
use serde::Deserialize;
use serde_json::Value;

use super::Health;
use super::seen::Seen;
use crate::channel::slack::answer::Failure;
use crate::channel::slack::inbound::{self, Inbound};

/// Waits between attempts to connect; the last one for ever.
const BACKOFF: [Span; 6] =
    [SECOND, SECOND.times(2), SECOND.times(4), SECOND.times(8), SECOND.times(16), SECOND.times(30)];
/// A link that lived this long was a good one: the next attempt is the first again.
const GOOD: Span = SECOND.times(30);
/// From asking for a connection to its greeting.
const GREETING: Span = SECOND.times(10);
/// Between our pings, and how long an answer to one is waited for.
const PING: Span = SECOND.times(5);
/// Slack pings too; this long without a word from it and the link is dead.
const SILENCE: Span = SECOND.times(30);
/// The longest id of an envelope.
const ENVELOPE: usize = 256;

/// One connection, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// Time passed.
    Tick,
    /// Slack named the address of a connection, or did not.
    Address(Result<String, Failure>),
    /// The connection stands.
    Opened(LinkId),
    /// The connection ended, or never came about.
    Closed(LinkId, String),
    /// Slack pinged.
    Ping(LinkId),
    /// Slack answered our ping.
    Pong(LinkId),
    /// Slack said something.
    Text(LinkId, &'a str),
    /// What was delivered is in the receiver's hands, or was not taken.
    Taken {
        /// The connection it came by.
        link: LinkId,
        /// Its envelope.
        envelope: String,
        /// Whether it was taken.
        taken: bool,
    },
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Ask Slack for the address of a connection.
    AskAddress,
    /// Connect.
    Open(LinkId, String),
    /// Ping.
    Ping(LinkId),
    /// Hand over what an envelope holds, then say how that went.
    Deliver {
        /// The connection it came by.
        link: LinkId,
        /// Its envelope.
        envelope: String,
        /// What it holds.
        inbound: Box<Inbound>,
    },
    /// Tell Slack that the envelope arrived.
    Acknowledge(LinkId, String),
    /// Close, if it is not closed yet.
    Close(LinkId),
    /// Say how things stand.
    Report(Health),
}

/// The connections of one app.
#[derive(Debug)]
pub struct Machine {
    live: Option<Live>,
    coming: Coming,
    attempt: usize,
    links: u64,
    seen: Seen,
}

/// The link that envelopes come by.
#[derive(Debug)]
struct Live {
    link: LinkId,
    since: Millis,
    heard: Millis,
    ping_at: Millis,
    pinged: Option<Millis>,
    /// Whether Slack announced that it closes it.
    leaving: bool,
}

/// The link that will be the live one.
#[derive(Debug)]
enum Coming {
    Nothing,
    Waiting { until: Millis },
    Asking,
    Opening { link: LinkId, until: Millis },
    Greeting { link: LinkId, until: Millis },
}

impl Coming {
    fn link(&self) -> Option<LinkId> {
        match self {
            Self::Opening { link, .. } | Self::Greeting { link, .. } => Some(*link),
            Self::Nothing | Self::Waiting { .. } | Self::Asking => None,
        }
    }
}

#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    reason: Option<String>,
    envelope_id: Option<String>,
    payload: Option<Value>,
}

impl Machine {
    /// Unconnected; the first [`Input::Tick`] begins.
    #[must_use]
    pub fn new(now: Millis) -> Self {
        let coming = Coming::Waiting { until: now };
        Self { live: None, coming, attempt: 0, links: 0, seen: Seen::default() }
    }

    /// When it wants an [`Input::Tick`] at the latest; nothing while it waits for something else.
    #[must_use]
    pub fn due(&self) -> Option<Millis> {
        let coming = match self.coming {
            Coming::Waiting { until } | Coming::Opening { until, .. } | Coming::Greeting { until, .. } => Some(until),
            Coming::Nothing | Coming::Asking => None,
        };
        let live = self.live.as_ref().map(|live| {
            let answer = live.pinged.map_or(live.ping_at, |pinged| pinged.plus(PING));
            answer.min(live.heard.plus(SILENCE))
        });
        coming.into_iter().chain(live).min()
    }

    /// Takes what happened at `now` and says what to do, in order. `jitter` spreads the waits between attempts by
    /// up to a half, so that a workspace that comes back is not stormed.
    pub fn step(&mut self, input: Input<'_>, now: Millis, jitter: u8) -> Vec<Output> {
        let mut outputs = Vec::new();
        match input {
            Input::Tick => self.tick(now, jitter, &mut outputs),
            Input::Address(Ok(url)) => {
                if matches!(self.coming, Coming::Asking) {
                    self.links += 1;
                    let link = LinkId(self.links);
                    self.coming = Coming::Opening { link, until: now.plus(GREETING) };
                    outputs.push(Output::Open(link, url));
                }
            }
            Input::Address(Err(failure)) => self.no_address(failure, now, jitter, &mut outputs),
            Input::Opened(link) => match self.coming {
                Coming::Opening { link: coming, until } if coming == link => {
                    self.coming = Coming::Greeting { link, until };
                }
                // It came too late and was given up.
                _ => outputs.push(Output::Close(link)),
            },
            Input::Closed(link, why) => self.lost(link, why, now, jitter, &mut outputs),
            Input::Ping(link) => self.hear(link, now),
            Input::Pong(link) => {
                if let Some(live) = self.live.as_mut().filter(|live| live.link == link) {
                    live.pinged = None;
                }
            }
            Input::Text(link, text) => {
                self.hear(link, now);
                self.read(link, text, now, jitter, &mut outputs);
            }
            Input::Taken { link, envelope, taken: true } => {
                if self.knows(link) {
                    outputs.push(Output::Acknowledge(link, envelope));
                }
            }
            // Slack sends it again, and then it is new.
            Input::Taken { envelope, taken: false, .. } => self.seen.forget(&envelope),
        }
        debug_assert!(self.live.as_ref().is_some_and(|live| !live.leaving) || !matches!(self.coming, Coming::Nothing));
        outputs
    }

    fn tick(&mut self, now: Millis, jitter: u8, outputs: &mut Vec<Output>) {
        match self.coming {
            Coming::Waiting { until } if until <= now => {
                self.coming = Coming::Asking;
                outputs.push(Output::AskAddress);
            }
            Coming::Opening { link, until } | Coming::Greeting { link, until } if until <= now => {
                self.lost(link, "slack did not greet us in time".to_owned(), now, jitter, outputs);
            }
            _ => {}
        }
        let Some(live) = self.live.as_mut() else { return };
        let link = live.link;
        if live.pinged.is_some_and(|pinged| pinged.plus(PING) <= now) {
            self.lost(link, "slack did not answer a ping".to_owned(), now, jitter, outputs);
        } else if live.heard.plus(SILENCE) <= now {
            self.lost(link, "slack was silent".to_owned(), now, jitter, outputs);
        } else if live.pinged.is_none() && live.ping_at <= now {
            live.pinged = Some(now);
            live.ping_at = now.plus(PING);
            outputs.push(Output::Ping(link));
        }
    }

    fn read(&mut self, link: LinkId, text: &str, now: Millis, jitter: u8, outputs: &mut Vec<Output>) {
        if !self.knows(link) {
            return;
        }
        // What is neither a frame nor an envelope cannot even be acknowledged.
        let Ok(frame) = serde_json::from_str::<Frame>(text) else { return };
        match (frame.kind.as_str(), frame.envelope_id) {
            ("hello", _) => self.greeted(link, now, outputs),
            ("disconnect", _) => self.dismissed(link, frame.reason.as_deref(), now, jitter, outputs),
            (kind, Some(envelope)) if envelope.len() <= ENVELOPE => {
                if !self.seen.is_new(&envelope) {
                    return outputs.push(Output::Acknowledge(link, envelope));
                }
                // Left out it would come again, and be as unreadable.
                let inbound = inbound::enveloped(kind, &frame.payload.unwrap_or_default())
                    .unwrap_or_else(|error| Inbound::Other(error.to_string()));
                outputs.push(Output::Deliver { link, envelope, inbound: Box::new(inbound) });
            }
            _ => {}
        }
    }

    fn greeted(&mut self, link: LinkId, now: Millis, outputs: &mut Vec<Output>) {
        if self.coming.link() != Some(link) {
            return;
        }
        self.coming = Coming::Nothing;
        let live = Live { link, since: now, heard: now, ping_at: now.plus(PING), pinged: None, leaving: false };
        if let Some(old) = self.live.replace(live) {
            outputs.push(Output::Close(old.link));
        }
        outputs.push(Output::Report(Health::Up));
    }

    /// Slack announced that it closes a link.
    fn dismissed(&mut self, link: LinkId, reason: Option<&str>, now: Millis, jitter: u8, outputs: &mut Vec<Output>) {
        let disabled = reason == Some("link_disabled");
        if disabled {
            self.attempt = BACKOFF.len();
            let why = "socket mode is switched off; switch it on in the app's settings".to_owned();
            outputs.push(Output::Report(Health::Down { why, broken: true }));
        }
        match self.live.as_mut().filter(|live| live.link == link) {
            Some(live) => {
                live.leaving = true;
                let good = now.since(live.since) >= GOOD && !disabled;
                match self.coming {
                    Coming::Nothing if good => {
                        self.attempt = 0;
                        self.coming = Coming::Asking;
                        outputs.push(Output::AskAddress);
                    }
                    Coming::Nothing => self.wait(Span(0), now, jitter),
                    _ => {}
                }
            }
            None => self.lost(link, "slack sent us away".to_owned(), now, jitter, outputs),
        }
    }

    fn no_address(&mut self, failure: Failure, now: Millis, jitter: u8, outputs: &mut Vec<Output>) {
        if !matches!(self.coming, Coming::Asking) {
            return;
        }
        let (why, after, broken) = match failure.answer {
            Answer::Retry { why, after } => (why, after.unwrap_or(Span(0)), false),
            Answer::Refused { why } => (why, Span(0), false),
            Answer::Broken { why } => (why, Span(0), true),
            Answer::Sent { .. } => ("slack gave no address".to_owned(), Span(0), false),
        };
        self.wait(after, now, jitter);
        self.report_down(why, broken, outputs);
    }

    /// A link is gone, or is given up.
    fn lost(&mut self, link: LinkId, why: String, now: Millis, jitter: u8, outputs: &mut Vec<Output>) {
        if self.coming.link() == Some(link) {
            outputs.push(Output::Close(link));
            self.wait(Span(0), now, jitter);
            self.report_down(why, false, outputs);
        } else if let Some(live) = self.live.take_if(|live| live.link == link) {
            outputs.push(Output::Close(link));
            if now.since(live.since) >= GOOD {
                self.attempt = 0;
            }
            if matches!(self.coming, Coming::Nothing) {
                self.wait(Span(0), now, jitter);
            }
            self.report_down(why, false, outputs);
        }
    }

    /// Says that nothing comes in any more; nothing is said while the old link still serves.
    fn report_down(&self, why: String, broken: bool, outputs: &mut Vec<Output>) {
        if self.live.is_none() {
            outputs.push(Output::Report(Health::Down { why, broken }));
        }
    }

    fn wait(&mut self, at_least: Span, now: Millis, jitter: u8) {
        let [.., longest] = BACKOFF;
        let base = BACKOFF.get(self.attempt).copied().unwrap_or(longest);
        self.attempt = self.attempt.saturating_add(1).min(BACKOFF.len());
        let spread = Span(base.0 + base.0 * i64::from(jitter) / 512);
        self.coming = Coming::Waiting { until: now.plus(spread.max(at_least)) };
    }

    fn hear(&mut self, link: LinkId, now: Millis) {
        if let Some(live) = self.live.as_mut().filter(|live| live.link == link) {
            live.heard = now;
        }
    }

    fn knows(&self, link: LinkId) -> bool {
        self.coming.link() == Some(link) || self.live.as_ref().is_some_and(|live| live.link == link)
    }
}

#[cfg(test)]
mod tests;
