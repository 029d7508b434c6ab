//! What people answer, and how it is read. Total: any bytes give a value or say what is wrong with them.
//!
//! The same payloads come as signed requests (verify them first, see [`super::signature`]) and in the envelopes of
//! a socket. Nothing here says whether a person may do what they ask: that is decided above, each time, by the
//! person that a [`SlackUser`] is a contact of.

mod payload;

use serde_json::Value;

use super::address::{Receipt, SlackUser};
use super::button::Action;
use crate::channel::intervention::Intervention;

/// The longest body that is read, in bytes: a press sends the whole message back.
pub const BODY_BYTES: usize = 512 * 1024;

/// Something that came from Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// A button was pressed.
    Press(Press),
    /// A modal was answered.
    Submission(Submission),
    /// A slash command was given.
    Command(Command),
    /// One of our messages stands in a channel: the receipt that a lost answer would have brought.
    Seen {
        /// The notification it is the message of.
        notification: String,
        /// Where it stands.
        message: Receipt,
        /// The same in every delivery.
        dedupe: String,
    },
    /// Slack asks whether we are there; it wants this text back.
    Challenge(String),
    /// Slack asks whether our certificate is good; it wants a 200.
    Probe,
    /// Authentic, and nothing that we do anything about; it wants a 200. Says what it was, or, out of an envelope,
    /// why it cannot be read.
    Other(String),
}

/// A pressed button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Press {
    /// Who pressed.
    pub who: SlackUser,
    /// What.
    pub action: Action,
    /// The notification it is about; empty when the button carried none.
    pub notification: String,
    /// The message it stands under.
    pub message: Option<Receipt>,
    /// Where to answer; see [`super::Slack::respond`].
    pub response_url: Option<String>,
    /// Opens one modal, within three seconds.
    pub trigger_id: Option<String>,
    /// The same in every delivery of this press.
    pub dedupe: String,
}

/// An answered modal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Who answered.
    pub who: SlackUser,
    /// What the modal was opened for.
    pub intervention: Intervention,
    /// The notification it is about.
    pub notification: String,
    /// The message whose button opened it.
    pub message: Option<Receipt>,
    /// What was typed, without spaces around it; empty when nothing was.
    pub text: String,
    /// The same in every delivery of this answer.
    pub dedupe: String,
}

/// A slash command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Who gave it.
    pub who: SlackUser,
    /// The command, such as `/mandate`.
    pub command: String,
    /// What stands behind it.
    pub text: String,
    /// The channel it was given in.
    pub channel: String,
    /// Where to answer.
    pub response_url: Option<String>,
    /// Opens one modal, within three seconds.
    pub trigger_id: Option<String>,
    /// The same in every delivery of this command.
    pub dedupe: String,
}

impl Inbound {
    /// The key under which a second delivery is recognised; nothing where a second one does no harm.
    #[must_use]
    pub fn dedupe(&self) -> Option<&str> {
        match self {
            Self::Press(Press { dedupe, .. })
            | Self::Submission(Submission { dedupe, .. })
            | Self::Command(Command { dedupe, .. })
            | Self::Seen { dedupe, .. } => Some(dedupe),
            Self::Challenge(_) | Self::Probe | Self::Other(_) => None,
        }
    }
}

/// Why something from Slack cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// More than [`BODY_BYTES`].
    #[error("the body has {0} bytes, at most {BODY_BYTES} are read")]
    TooLong(usize),
    /// Not the JSON that it should be.
    #[error("{what} is not what slack sends: {why}")]
    Malformed {
        /// Which part.
        what: &'static str,
        /// What was found.
        why: String,
    },
    /// A part is not there without which it means nothing.
    #[error("{what} names no {missing}")]
    Missing {
        /// Which kind of payload.
        what: &'static str,
        /// What it lacks.
        missing: &'static str,
    },
}

/// Reads the form of a press, an answered modal, a command or a certificate probe.
///
/// # Errors
/// When it is none of them.
pub fn form(body: &[u8]) -> Result<Inbound, Unreadable> {
    within(body)?;
    let fields: Vec<_> = form_urlencoded::parse(body).collect();
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref());
    if field("ssl_check") == Some("1") {
        return Ok(Inbound::Probe);
    }
    match field("payload") {
        Some(payload) => payload::interaction(payload.as_bytes()),
        None => payload::command(|name| field(name).map(str::to_owned)),
    }
}

/// Reads the JSON of an event or of the question that precedes events.
///
/// # Errors
/// When it is neither.
pub fn event(body: &[u8]) -> Result<Inbound, Unreadable> {
    within(body)?;
    payload::event(body)
}

/// Reads what an envelope of a socket holds, by the envelope's type.
pub(super) fn enveloped(kind: &str, payload: &Value) -> Result<Inbound, Unreadable> {
    match kind {
        "interactive" => payload::interaction(payload.to_string().as_bytes()),
        "slash_commands" => payload::command(|name| payload.get(name)?.as_str().map(str::to_owned)),
        "events_api" => payload::event(payload.to_string().as_bytes()),
        other => Ok(Inbound::Other(other.to_owned())),
    }
}

fn within(body: &[u8]) -> Result<(), Unreadable> {
    if body.len() > BODY_BYTES { Err(Unreadable::TooLong(body.len())) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
