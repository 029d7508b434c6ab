//! A world with a Slack workspace in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use mandate_standin::slack::Slack;
use mandate_standin::slack::options::{Pacing, SlackOptions};
use mandate_standin::slack::workspace::Message;

use super::setup::{OWNERSHIP, Setup};
use super::{World, wall_clock, within};

/// A Slack workspace: `@alice` is `U0ALICE` there, `@bob` is `U0BOB`; `@platform`, with `@alice` in it, looks after Mandate.
#[derive(Debug, Clone)]
pub struct SlackSetup {
    /// Whether answers come over a socket; else as signed requests.
    pub socket: bool,
    /// How often a method may be called.
    pub pacing: Pacing,
}

impl Setup {
    /// A world with a workspace that has no limits, whose answers come as signed requests.
    #[must_use]
    pub fn slack() -> Self {
        let mut setup = Self::default();
        let ownership = OWNERSHIP
            .replace(
                "contacts: [{channel: ops-hook}]}\n  - {handle: \"@bob\"",
                "contacts: [{channel: slack, address: U0ALICE}, {channel: ops-hook}]}\n  - {handle: \"@bob\"",
            )
            .replace(
                "contacts: [{channel: other-hook}]",
                "contacts: [{channel: slack, address: U0BOB}, {channel: other-hook}]",
            );
        setup.files.insert("ownership.yaml".to_owned(), ownership);
        setup.settings = "admins: [\"@platform\"]\n".to_owned();
        setup.slack = Some(SlackSetup { socket: false, pacing: Pacing::unlimited() });
        setup
    }
}

impl SlackSetup {
    /// Opens it.
    pub(super) async fn open(&self, clock: Arc<AtomicI64>) -> Slack {
        let mut options = SlackOptions::new(Arc::new(move || wall_clock() + clock.load(Ordering::Relaxed)));
        options.pacing = self.pacing.clone();
        Slack::start(options).await.expect("a free port")
    }

    /// The settings with the workspace among their channels.
    pub(super) fn with_channel(&self, settings: &str, api_url: &str) -> String {
        let app_token = if self.socket { "app_token: xapp-standin, " } else { "" };
        let channel = format!(
            "channels:\n  - {{name: slack, kind: slack, token: xoxb-standin, {app_token}signing_secret: \
             standin-signing-secret, base_url: \"{api_url}\", allow_private: true}}\n"
        );
        settings.replacen("channels:\n", &channel, 1)
    }
}

impl World {
    /// The workspace behind the channel `slack`.
    ///
    /// # Panics
    /// When the setup has none.
    #[must_use]
    pub fn workspace(&self) -> &Slack {
        self.slack.as_ref().expect("a setup with Slack")
    }

    /// Waits until somebody's direct messages, or a channel, hold so many messages; gives them.
    ///
    /// # Panics
    /// When they do not, or hold more.
    pub async fn expect_slack(&self, channel: &str, count: usize) -> Vec<Message> {
        let slack = self.workspace();
        let messages = || {
            let direct = slack.channels().into_iter().find(|one| one.is_direct() && one.name == channel);
            slack.messages(&direct.map_or_else(|| channel.to_owned(), |one| one.id))
        };
        within(&format!("{count} messages in {channel}"), slack.until(|_| messages().len() >= count)).await;
        let found = messages();
        assert_eq!(found.len(), count, "messages in {channel}: {found:#?}");
        found
    }
}
