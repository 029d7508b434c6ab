//! The channels of this process: a closed set, each of which turns the one notice into its own form.
//!
//! The dispatcher asks a channel when a message may go out and what came of it; whom to tell, how often to try and
//! what to try instead is decided elsewhere, for all channels alike.

pub mod slack;

use std::collections::BTreeMap;
use std::sync::Arc;

use mandate_connect::channel::intervention::Intervention;
use mandate_connect::channel::notice::{Kind, Notice};
use mandate_connect::channel::webhook::{DEFAULT_TIMEOUT, Webhook, WebhookConfig, body, secret::Secret};
use mandate_connect::http::HttpClient;
use mandate_core::change::NotificationRow;
use mandate_core::delivery::Answer;
use mandate_core::time::{Millis, Span};

use crate::settings::{ChannelKind, ChannelSettings, Settings};
use slack::SlackChannel;

/// The channels of this process, by their configured names.
#[derive(Debug, Default)]
pub struct Channels(BTreeMap<Arc<str>, Channel>);

/// One channel.
#[derive(Debug)]
pub enum Channel {
    /// An HTTP endpoint that takes signed messages.
    Webhook {
        /// The endpoint.
        endpoint: Box<Webhook>,
        /// Whether it is told when a message says something else: what it took cannot be changed, so that is a message
        /// of its own under the same notification.
        updates: bool,
    },
    /// A Slack workspace.
    Slack(Box<SlackChannel>),
}

/// A message in the making.
#[derive(Debug)]
pub struct Telling<'a> {
    /// The notification, with the receipt of the message when it stands already.
    pub row: &'a NotificationRow,
    /// What it says.
    pub notice: &'a Notice,
    /// What the recipient can do about it now.
    pub available: &'a [Intervention],
}

impl Channels {
    /// Builds what the settings name. Opens no connection.
    ///
    /// # Errors
    /// What can never work; says which channel.
    pub fn build(settings: &Settings) -> Result<Self, String> {
        let client = HttpClient::default();
        let build = |channel: &ChannelSettings| {
            Ok((Arc::from(channel.name.as_str()), Channel::build(channel, settings.storm.enabled, &client)?))
        };
        settings.channels.iter().map(build).collect::<Result<_, String>>().map(Self)
    }

    /// The channel of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Channel> {
        self.0.get(name)
    }

    /// Every Slack workspace, by its channel's name.
    pub fn slack(&self) -> impl Iterator<Item = &SlackChannel> {
        self.0.values().filter_map(|channel| match channel {
            Channel::Slack(slack) => Some(&**slack),
            Channel::Webhook { .. } => None,
        })
    }

    /// The channels whose lanes take one message after the other, so that they stand in order.
    #[must_use]
    pub fn narrow(&self) -> Vec<Arc<str>> {
        self.0
            .iter()
            .filter(|(_, channel)| matches!(channel, Channel::Slack(_)))
            .map(|(name, _)| Arc::clone(name))
            .collect()
    }
}

impl Channel {
    fn build(settings: &ChannelSettings, updates: bool, client: &HttpClient) -> Result<Self, String> {
        let name = &settings.name;
        match &settings.kind {
            ChannelKind::Webhook { url, secret, allow_private } => {
                let secret = Secret::parse(secret.expose()).map_err(|why| format!("channel `{name}`: {why}"))?;
                let config = WebhookConfig {
                    name: name.clone(),
                    url: url.expose().to_owned(),
                    secrets: vec![secret],
                    allow_private: *allow_private,
                    timeout: DEFAULT_TIMEOUT,
                };
                Webhook::new(config, client.clone())
                    .map(|webhook| Self::Webhook { endpoint: Box::new(webhook), updates })
                    .map_err(|error| error.to_string())
            }
            ChannelKind::Slack(slack) => {
                SlackChannel::build(name, slack, client).map(|slack| Self::Slack(Box::new(slack)))
            }
        }
    }

    /// Whether its messages have buttons, and show how things stand.
    #[must_use]
    pub fn has_buttons(&self) -> bool {
        matches!(self, Self::Slack(_))
    }

    /// Takes leave for the next message of a notification, at `now` by the steady clock.
    ///
    /// # Errors
    /// How long to wait before asking again.
    pub fn take_leave(&self, row: &NotificationRow, now: Millis) -> Result<(), Span> {
        match self {
            Self::Webhook { .. } => Ok(()),
            Self::Slack(slack) => slack.take_leave(row, now),
        }
    }

    /// Makes one attempt: the first message, or, where one stands, what is to stand in its place. `at` is the wall
    /// clock's.
    pub async fn send(&self, telling: &Telling<'_>, at: Millis) -> Answer {
        match self {
            Self::Webhook { endpoint, updates } => post(endpoint, *updates, telling, at).await,
            Self::Slack(slack) => slack.send(telling).await,
        }
    }

    /// Keeps in mind what the channel asked for, at `now` by the steady clock.
    pub fn answered(&self, row: &NotificationRow, answer: &Answer, now: Millis) {
        match self {
            Self::Webhook { .. } => {}
            Self::Slack(slack) => slack.answered(row, answer, now),
        }
    }
}

/// Posts the first message of a notification, or another one about what it says now. Receivers know each by its own id,
/// and by the notification that both name.
async fn post(endpoint: &Webhook, updates: bool, telling: &Telling<'_>, at: Millis) -> Answer {
    let (row, at) = (telling.row, at.0.div_euclid(1_000));
    let id = row.id.to_string();
    let answer = if row.receipt.is_some() {
        let updated = Notice { kind: Kind::ActionUpdated, ..telling.notice.clone() };
        endpoint.send(&format!("{id}-{}", row.edition), at, body::write(&updated)).await
    } else {
        endpoint.send(&id, at, body::write(telling.notice)).await
    };
    match answer {
        Answer::Sent { status, .. } if updates => Answer::Sent { status, receipt: Some(id) },
        answer => answer,
    }
}
