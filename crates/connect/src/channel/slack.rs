//! The Slack channel: messages with buttons out, presses, modals and commands in. `slack/README.md` is the contract.
//!
//! In reading order: [`render`] turns a notice into a [`message`], [`Slack`] sends it, [`pace`] says when; what
//! people answer comes in signed ([`signature`]) or over a [`socket`], and becomes an [`inbound`] value. All but the
//! sending and the socket's shell is pure.

pub mod address;
pub mod answer;
pub mod block;
pub mod button;
mod call;
pub mod inbound;
pub mod message;
pub mod method;
pub mod pace;
pub mod render;
pub mod signature;
pub mod socket;
mod text;
pub mod token;
pub mod view;

use std::time::Duration;

use hyper::header::HeaderValue;

use crate::Error;
use crate::http::guard::Reach;
use crate::http::{HttpClient, address as url};
pub use call::{Identity, Reply};
use signature::SigningSecret;
use token::Token;

/// One workspace's app, as `mandate.yaml` configures it.
#[derive(Debug, Clone)]
pub struct SlackConfig {
    /// The channel's name, for errors.
    pub name: String,
    /// The bot token.
    pub token: Token,
    /// The app-level token: with it answers come over Socket Mode.
    pub app_token: Option<Token>,
    /// What Slack signs its requests with, the newest first; several while it is being replaced. With one and
    /// without an app token, answers come over HTTP.
    pub signing_secrets: Vec<SigningSecret>,
    /// What the names of methods are put behind, such as `https://slack.example/api/`.
    pub base_url: String,
    /// Whether loopback and private addresses may be reached, for a stand-in or a relay.
    pub allow_private: bool,
    /// The longest one call may take: 100 ms to 10 s.
    pub timeout: Duration,
}

/// How people's answers come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callbacks {
    /// Over a socket that we open.
    Socket,
    /// As signed requests to us.
    Http,
    /// Not at all: buttons open the dashboard.
    Links,
}

/// A Slack channel, ready to send. Cheap to clone; all clones share the client's connections.
#[derive(Clone)]
pub struct Slack {
    base: String,
    host: HeaderValue,
    token: Token,
    app_token: Option<Token>,
    signing_secrets: Vec<SigningSecret>,
    reach: Reach,
    timeout: Duration,
    client: HttpClient,
}

impl std::fmt::Debug for Slack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Slack").field(&self.base).finish()
    }
}

impl Slack {
    /// Checks a configuration. Opens no connection; [`Slack::test_auth`] finds out whether the token is good.
    ///
    /// # Errors
    /// What can never work: a malformed or unencrypted address, one that the guard would refuse, one with a query,
    /// a timeout out of range.
    pub fn new(config: SlackConfig, client: HttpClient) -> Result<Self, Error> {
        let reach = if config.allow_private { Reach::Private } else { Reach::Public };
        let refused =
            |why| Error::Url { channel: config.name.clone(), url: url::without_secrets(&config.base_url), why };
        let (_, host) = url::read(&config.base_url, reach).map_err(refused)?;
        if config.base_url.contains(['?', '#']) {
            return Err(refused(
                "has a query or fragment, and method names are put behind it; end it with `/api/`".to_owned(),
            ));
        }
        if !(Duration::from_millis(100)..=Duration::from_secs(10)).contains(&config.timeout) {
            return Err(Error::Timeout { channel: config.name, millis: config.timeout.as_millis() });
        }
        let base = format!("{}/", config.base_url.trim_end_matches('/'));
        let SlackConfig { token, app_token, signing_secrets, timeout, .. } = config;
        Ok(Self { base, host, token, app_token, signing_secrets, reach, timeout, client })
    }

    /// How people's answers come in: over a socket when there is an app token, else signed when there is a secret.
    #[must_use]
    pub fn callbacks(&self) -> Callbacks {
        match (&self.app_token, self.signing_secrets.as_slice()) {
            (Some(_), _) => Callbacks::Socket,
            (None, [_, ..]) => Callbacks::Http,
            (None, []) => Callbacks::Links,
        }
    }

    /// What to check signed requests with.
    #[must_use]
    pub fn signing_secrets(&self) -> &[SigningSecret] {
        &self.signing_secrets
    }
}
