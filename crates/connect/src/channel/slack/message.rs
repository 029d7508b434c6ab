//! A message, ready to be sent.

use serde::Serialize;

use super::block::Block;
use super::text;

/// The name under which Slack keeps the metadata of our messages.
pub(super) const EVENT_TYPE: &str = "mandate_notification";

/// Block Kit, with the line that stands in for it where only one line is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// What a lock screen shows; read aloud by screen readers.
    pub text: String,
    /// What is shown: at most [`super::block::BLOCKS`], at most [`super::block::MESSAGE_UNITS`] of JSON.
    pub blocks: Vec<Block>,
    /// Which notification it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// What Slack keeps beside a message, seen by apps only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Metadata {
    event_type: &'static str,
    event_payload: Payload,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Payload {
    notification_id: String,
}

impl Metadata {
    /// The metadata of a notification's message.
    pub(super) fn of(notification: String) -> Self {
        Self { event_type: EVENT_TYPE, event_payload: Payload { notification_id: notification } }
    }
}

impl Message {
    /// A short answer in our own words, such as that to a command, with lines to copy below it.
    #[must_use]
    pub fn note(words: &str, snippet: Option<&str>) -> Self {
        let snippet = snippet.and_then(|lines| Block::section(text::snippet(lines, 2_900)));
        let blocks = [Some(Block::prose(words, 2_900)), snippet].into_iter().flatten().collect();
        Self { text: fallback(&text::words(words, 1_000)), blocks, metadata: None }
    }
}

/// `marked` for the one place where names and addresses without markup cannot be told to stay as they are.
pub(super) fn fallback(marked: &str) -> String {
    let text = marked.replace("://", ":\u{2060}//");
    if text.is_empty() { "–".to_owned() } else { text }
}
