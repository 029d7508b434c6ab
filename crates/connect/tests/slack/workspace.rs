//! A stand-in workspace, and the channel that talks to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mandate_connect::channel::slack::answer::Failure;
use mandate_connect::channel::slack::signature::SigningSecret;
use mandate_connect::channel::slack::token::Token;
use mandate_connect::channel::slack::{Slack, SlackConfig};
use mandate_connect::http::HttpClient;
use mandate_core::delivery::Answer;
use mandate_standin::slack as standin;
use mandate_standin::slack::options::{Pacing, SlackOptions};

/// The stand-in's clock at the start, in Unix milliseconds.
pub(crate) const NOW: i64 = 1_767_225_600_000;
/// The channel that is posted to.
pub(crate) const OPS: &str = "C0OPS";

/// A workspace whose time stands still unless it is told.
pub(crate) struct Workspace {
    pub(crate) standin: standin::Slack,
    pub(crate) slack: Slack,
    pub(crate) clock: Arc<AtomicI64>,
}

impl Workspace {
    /// Without limits on how often.
    pub(crate) async fn start() -> Self {
        Self::with(Pacing::unlimited()).await
    }

    pub(crate) async fn with(pacing: Pacing) -> Self {
        let clock = Arc::new(AtomicI64::new(NOW));
        let mut options = SlackOptions::new(Arc::new({
            let clock = clock.clone();
            move || clock.load(Ordering::Relaxed)
        }));
        options.pacing = pacing;
        let standin = standin::Slack::start(options).await.unwrap();
        // Nobody listens there; what is sent there is read from the delivery.
        standin.set_interactivity_url("http://127.0.0.1:9/slack");
        standin.set_commands_url("http://127.0.0.1:9/slack");
        let slack = Slack::new(config(&standin.api_url()), HttpClient::default()).unwrap();
        Self { standin, slack, clock }
    }
}

pub(crate) fn config(base_url: &str) -> SlackConfig {
    SlackConfig {
        name: "ops-slack".into(),
        token: Token::bot("xoxb-standin").unwrap(),
        app_token: Some(Token::app("xapp-standin").unwrap()),
        signing_secrets: vec![SigningSecret::parse("standin-signing-secret").unwrap()],
        base_url: base_url.into(),
        allow_private: true,
        timeout: Duration::from_millis(400),
    }
}

/// One line a person can compare.
pub(crate) fn told<T>(outcome: Result<T, Failure>) -> String {
    let Err(Failure { answer, ambiguous, .. }) = outcome else { return "done".to_owned() };
    let told = match answer {
        Answer::Sent { .. } => panic!("a failure that was sent"),
        Answer::Retry { after: None, why } => format!("retry: {why}"),
        Answer::Retry { after: Some(after), why } => format!("retry in {after}: {why}"),
        Answer::Refused { why } => format!("refused: {why}"),
        Answer::Broken { why } => format!("broken: {why}"),
    };
    if ambiguous { format!("{told} (perhaps done)") } else { told }
}
