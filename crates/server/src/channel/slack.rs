//! A Slack workspace as a channel: paced, and able to change what it said.

use std::sync::{Arc, Mutex, PoisonError};

use mandate_connect::channel::notice::{Kind, Notice};
use mandate_connect::channel::slack::address::Receipt;
use mandate_connect::channel::slack::answer::Failure;
use mandate_connect::channel::slack::method::Method;
use mandate_connect::channel::slack::pace::Pace;
use mandate_connect::channel::slack::render::{Layout, Offer, message};
use mandate_connect::channel::slack::signature::SigningSecret;
use mandate_connect::channel::slack::token::Token;
use mandate_connect::channel::slack::{Callbacks, Identity, Slack, SlackConfig};
use mandate_connect::http::HttpClient;
use mandate_core::change::NotificationRow;
use mandate_core::delivery::{Answer, TIMEOUT};
use mandate_core::time::{Millis, Span};
use tokio::sync::OnceCell;

use super::Telling;
use crate::settings::SlackSettings;

/// One workspace.
#[derive(Debug)]
pub struct SlackChannel {
    /// The channel's configured name.
    pub name: Arc<str>,
    /// Its interface.
    pub slack: Slack,
    pace: Mutex<Pace>,
    identity: OnceCell<Identity>,
}

impl SlackChannel {
    /// Puts it together. Opens no connection.
    ///
    /// # Errors
    /// What can never work; says which channel.
    pub(super) fn build(name: &str, settings: &SlackSettings, client: &HttpClient) -> Result<Self, String> {
        let wrong = |why| format!("channel `{name}`: {why}");
        let app_token = settings.app_token.as_ref().map(|token| Token::app(token.expose()));
        let signing_secret = settings.signing_secret.as_ref().map(|secret| SigningSecret::parse(secret.expose()));
        let config = SlackConfig {
            name: name.to_owned(),
            token: Token::bot(settings.token.expose()).map_err(wrong)?,
            app_token: app_token.transpose().map_err(wrong)?,
            signing_secrets: signing_secret.transpose().map_err(wrong)?.into_iter().collect(),
            base_url: settings.base_url.clone(),
            allow_private: settings.allow_private,
            timeout: TIMEOUT.to_std(),
        };
        let slack = Slack::new(config, client.clone()).map_err(|error| error.to_string())?;
        Ok(Self { name: name.into(), slack, pace: Mutex::default(), identity: OnceCell::new() })
    }

    /// Whose token it is; asked once.
    ///
    /// # Errors
    /// What Slack said instead.
    pub async fn identity(&self) -> Result<&Identity, Failure> {
        self.identity.get_or_try_init(|| self.slack.test_auth()).await
    }

    pub(super) fn take_leave(&self, row: &NotificationRow, now: Millis) -> Result<(), Span> {
        let (method, channel) = (method(row), address(row));
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).take(method, channel, now)
    }

    pub(super) fn answered(&self, row: &NotificationRow, answer: &Answer, now: Millis) {
        if let Answer::Retry { after: Some(after), .. } = answer {
            self.pace.lock().unwrap_or_else(PoisonError::into_inner).hold(method(row), *after, now);
        }
    }

    pub(super) async fn send(&self, telling: &Telling<'_>) -> Answer {
        let interactive = self.slack.callbacks() != Callbacks::Links;
        let offer = Offer { available: telling.available, interactive, mention: None };
        let message = message(telling.notice, layout(telling.notice), &offer);
        let sent = match (stands(telling.row), address(telling.row)) {
            (Some(receipt), _) => self.slack.update(&receipt, &message).await,
            (None, Some(channel)) => self.slack.post(channel, None, &message).await,
            (None, None) => {
                let why = format!("the contact on `{}` has no address; write a person's id or a channel", self.name);
                return Answer::Refused { why };
            }
        };
        match sent {
            Ok(receipt) => Answer::Sent { status: 200, receipt: Some(receipt.to_string()) },
            Err(failure) => failure.answer,
        }
    }
}

/// The message that stands already.
fn stands(row: &NotificationRow) -> Option<Receipt> {
    row.receipt.as_deref().and_then(Receipt::parse)
}

fn method(row: &NotificationRow) -> Method {
    if stands(row).is_some() { Method::UpdateMessage } else { Method::PostMessage }
}

/// Where in the workspace it goes: a channel, or a person.
fn address(row: &NotificationRow) -> Option<&str> {
    row.lane.strip_prefix(&*row.channel)?.strip_prefix(':')
}

fn layout(notice: &Notice) -> Layout {
    match notice.kind {
        Kind::SystemAlert | Kind::ChannelTest => Layout::SystemAlert,
        Kind::Digest => Layout::Digest,
        _ if notice.label == "critical" => Layout::Critical,
        _ => Layout::Standard,
    }
}
