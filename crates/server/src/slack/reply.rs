//! What is said to somebody in Slack, once Slack was acknowledged.

use mandate_connect::channel::slack::Reply as How;
use mandate_connect::channel::slack::message::Message;
use mandate_connect::channel::slack::view::View;

use crate::channel::slack::SlackChannel;

/// Where the one who pressed can be told something that only they see.
#[derive(Debug)]
pub struct Place {
    /// Serves five times within half an hour.
    pub response_url: Option<String>,
    /// The channel of what was pressed.
    pub channel: Option<String>,
    /// Who pressed.
    pub user: String,
}

/// What is still to be said.
#[derive(Debug)]
pub enum Reply {
    /// Nothing: the message says it.
    Nothing,
    /// A line for one person's eyes, with lines to copy below it.
    Whisper {
        /// Where.
        place: Place,
        /// What.
        words: String,
        /// What to copy.
        lines: Option<String>,
    },
    /// A question.
    Open {
        /// Opens it, within three seconds.
        trigger: String,
        /// The question.
        view: Box<View>,
        /// Where to say that it could not be opened.
        place: Place,
    },
}

impl Place {
    /// Says something there.
    #[must_use]
    pub fn whisper(self, words: String, lines: Option<String>) -> Reply {
        Reply::Whisper { place: self, words, lines }
    }
}

impl Reply {
    /// Says it. What cannot be said is logged: what was done is done.
    pub async fn say(self, channel: &SlackChannel) {
        match self {
            Self::Nothing => {}
            Self::Whisper { place, words, lines } => whisper(channel, &place, &words, lines.as_deref()).await,
            Self::Open { trigger, view, place } => {
                if let Err(failure) = channel.slack.open_view(&trigger, &view).await {
                    tracing::warn!(channel = %channel.name, answer = ?failure.answer, "a modal could not be opened");
                    whisper(channel, &place, "Slack did not open the question; press again", None).await;
                }
            }
        }
    }
}

async fn whisper(channel: &SlackChannel, place: &Place, words: &str, lines: Option<&str>) {
    let message = Message::note(words, lines);
    let said = match (&place.response_url, &place.channel) {
        (Some(url), _) => channel.slack.respond(url, How::Whisper, &message).await,
        (None, Some(at)) => channel.slack.post_ephemeral(at, &place.user, &message).await,
        (None, None) => channel.slack.post(&place.user, None, &message).await.map(drop),
    };
    if let Err(failure) = said {
        tracing::warn!(channel = %channel.name, answer = ?failure.answer, "somebody could not be answered in slack");
    }
}
