//! The process's own settings: `mandate.yaml`, read once at start.
//!
//! Reading is pure: the text, its name for messages, and a lookup for environment variables come in; settings or
//! located problems come out. Secrets alone may say `${NAME}`. Flags and `MANDATE_*` override afterwards.

mod channel;
mod form;
mod listen;
mod secret;

use std::net::SocketAddr;
use std::path::PathBuf;

use mandate_core::diagnostic::Problem;
use mandate_core::plan::IN_APP;
use mandate_core::storm;
use mandate_core::time::{MINUTE, SECOND, Span};
use mandate_core::yaml::{self, Spanned};

pub use listen::check_listen;
pub use secret::Secret;

use form::{Form, StormForm};

/// The process's own settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where and how to listen.
    pub server: ServerSettings,
    /// The store's address, `sqlite:PATH` or `postgres://…`; may hold a password.
    pub store: Secret,
    /// The channels out, in the order given.
    pub channels: Vec<ChannelSettings>,
    /// Who is told when nobody else can be.
    pub fallback: FallbackSettings,
    /// Handles of those who run Mandate: told about Mandate itself.
    pub admins: Vec<String>,
    /// How often people are told.
    pub storm: storm::Settings,
    /// How much is taken from one sender.
    pub limits: Limits,
    /// A directory that every checkpoint is also written to.
    pub checkpoints: Option<PathBuf>,
}

/// Where and how to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// The address.
    pub listen: SocketAddr,
    /// How people and agents reach it, without a slash at the end, where that is another URL than its own.
    pub public_url: Option<String>,
    /// Files of a certificate chain and its key, both PEM.
    pub tls: Option<TlsFiles>,
    /// Whether it may listen beyond loopback without TLS.
    pub allow_insecure_public: bool,
}

impl ServerSettings {
    /// The URL of where it listens.
    #[must_use]
    pub fn own_url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.listen)
    }

    /// How people and agents reach it, without a slash at the end.
    #[must_use]
    pub fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| self.own_url())
    }
}

/// Files of a certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// One channel out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSettings {
    /// What contacts, rules and the fallback call it.
    pub name: String,
    /// What it is.
    pub kind: ChannelKind,
}

/// What a channel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelKind {
    /// An HTTP endpoint that takes signed messages.
    Webhook {
        /// Where to post; may hold a password.
        url: Secret,
        /// What signs each message.
        secret: Secret,
        /// Whether it may be on a private or loopback address.
        allow_private: bool,
    },
    /// A Slack workspace.
    Slack(Box<SlackSettings>),
}

/// One Slack workspace's app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackSettings {
    /// The bot token.
    pub token: Secret,
    /// The app-level token: with it answers come over a socket that we open.
    pub app_token: Option<Secret>,
    /// What Slack signs its requests with: without an app token, answers come over HTTP.
    pub signing_secret: Option<Secret>,
    /// What the names of methods are put behind.
    pub base_url: String,
    /// Whether it may be on a private or loopback address.
    pub allow_private: bool,
}

impl ChannelKind {
    /// The word in the file.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Slack(_) => "slack",
        }
    }
}

/// Who is told when nobody else can be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FallbackSettings {
    /// Handles of people and teams, in order.
    pub notify: Vec<String>,
    /// Names of channels to try when a notice's own one failed, in order.
    pub alternate: Vec<String>,
}

/// How much is taken from one sender, on this node (EVT-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events a second from one actor, over time.
    pub actor_per_second: u32,
    /// Events at once from one actor.
    pub actor_burst: u32,
    /// Refused attempts to authenticate a minute from one address.
    pub unauthenticated_per_minute: u32,
    /// Events that may wait for the writer.
    pub queue_items: usize,
    /// Bytes of events that may wait for the writer.
    pub queue_bytes: usize,
    /// Bytes of request bodies held at once.
    pub body_bytes: usize,
    /// Connections at once.
    pub connections: usize,
    /// Live streams at once.
    pub streams: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            actor_per_second: 1_000,
            actor_burst: 10_000,
            unauthenticated_per_minute: 100,
            queue_items: 10_000,
            queue_bytes: 64 * 1024 * 1024,
            body_bytes: 128 * 1024 * 1024,
            connections: 16_000,
            streams: 12_000,
        }
    }
}

/// Where a server listens unless told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7878);

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: ServerSettings {
                listen: DEFAULT_LISTEN,
                public_url: None,
                tls: None,
                allow_insecure_public: false,
            },
            store: Secret::new("sqlite:mandate.db"),
            channels: Vec::new(),
            fallback: FallbackSettings::default(),
            admins: Vec::new(),
            storm: storm::Settings::default(),
            limits: Limits::default(),
            checkpoints: None,
        }
    }
}

impl Settings {
    /// Reads the text of a `mandate.yaml`, which `file` names in problems. `env` looks a variable up; it is
    /// asked for what secrets name and nothing else.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn parse(text: &str, file: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Problem>> {
        let form: Form = yaml::parse(file, text)?;
        let mut reader = Reader { file, text, env: &env, problems: Vec::new() };
        let settings = reader.settings(form);
        if reader.problems.is_empty() { Ok(settings) } else { Err(reader.problems) }
    }
}

/// The JSON Schema of `mandate.yaml`.
#[must_use]
pub fn schema() -> serde_json::Value {
    mandate_core::schema::of::<Form>("mandate.yaml")
}

/// Turns the form of the file into settings and collects what is wrong.
struct Reader<'r> {
    file: &'r str,
    text: &'r str,
    env: &'r dyn Fn(&str) -> Option<String>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn settings(&mut self, form: Form) -> Settings {
        let mut settings = Settings::default();
        if let Some(server) = form.server {
            self.server(&mut settings.server, server);
        }
        if let Some(store) = form.store {
            settings.store = self.secret(&store);
        }
        for channel in form.channels {
            let taken = settings.channels.iter().any(|known| known.name == channel.name.value);
            if *channel.name.value == *IN_APP {
                let message = format!("the channel `{IN_APP}` is built in");
                self.error(&channel.name, message, "take it out; contacts may name it without");
            }
            if taken {
                let message = format!("the channel `{}` stands twice", channel.name.value);
                self.error(&channel.name, message, "give each channel a name of its own");
            }
            settings.channels.extend(self.channel(channel));
        }
        if let Some(fallback) = form.fallback {
            for alternate in &fallback.alternate {
                self.known_channel(alternate, &settings.channels);
            }
            settings.fallback.notify = self.handles(fallback.notify);
            settings.fallback.alternate = fallback.alternate.into_iter().map(|name| name.value).collect();
        }
        settings.admins = self.handles(form.admins);
        if let Some(storm) = form.storm {
            settings.storm = self.storm(&storm);
        }
        if let Some(limits) = form.limits {
            limits.apply(&mut settings.limits);
        }
        settings.checkpoints = form.checkpoints.map(PathBuf::from);
        settings
    }

    fn storm(&mut self, form: &StormForm) -> storm::Settings {
        let mut settings = storm::Settings::default();
        settings.enabled = form.enabled.unwrap_or(settings.enabled);
        if let Some(window) = &form.window {
            match Span::parse(&window.value) {
                Ok(span) if (SECOND.times(5)..=MINUTE.times(15)).contains(&span) => settings.window = span,
                Ok(_) => {
                    let message = format!("`{}` is no time between two edits of a message", window.value);
                    self.error(window, message, "write `5s` to `15m`");
                }
                Err(message) => self.error(window, message, "write `5s` to `15m`"),
            }
        }
        if let Some(limit) = &form.per_person_per_minute {
            settings.per_person_per_minute = limit.value;
            if !(1..=1_000).contains(&limit.value) {
                let message = format!("`{}` is no number of messages for one person in a minute", limit.value);
                self.error(limit, message, "write 1 to 1000; critical notices come beside them");
            }
        }
        settings
    }

    fn server(&mut self, server: &mut ServerSettings, form: form::ServerForm) {
        if let Some(listen) = form.listen {
            match listen.value.parse() {
                Ok(address) => server.listen = address,
                Err(_) => {
                    let message = format!("`{}` is not an address to listen on", listen.value);
                    self.error(&listen, message, "write an IP address and a port, such as `127.0.0.1:7878`");
                }
            }
        }
        if let Some(url) = form.public_url {
            let rest = url.value.strip_prefix("http://").or_else(|| url.value.strip_prefix("https://"));
            if rest.is_none_or(|rest| rest.is_empty() || rest.contains(char::is_whitespace)) {
                let message = format!("`{}` is not a URL", url.value);
                self.error(&url, message, "write it whole, such as `https://mandate.example.com`");
            }
            server.public_url = Some(url.value.trim_end_matches('/').to_owned());
        }
        server.tls = form.tls.map(|tls| TlsFiles { cert: tls.cert.into(), key: tls.key.into() });
        // Its own URL in so many words: a flag that has it listen elsewhere moves that along.
        server.public_url = server.public_url.take().filter(|url| *url != server.own_url());
        server.allow_insecure_public = form.allow_insecure_public;
    }

    fn handles(&mut self, handles: Vec<Spanned<String>>) -> Vec<String> {
        for handle in &handles {
            if !handle.value.starts_with('@') || handle.value.len() < 2 {
                let message = format!("`{}` is not a handle", handle.value);
                self.error(handle, message, "write `@` and the name of a person or team");
            }
        }
        handles.into_iter().map(|handle| handle.value).collect()
    }

    fn known_channel(&mut self, name: &Spanned<String>, channels: &[ChannelSettings]) {
        let names = || channels.iter().map(|channel| channel.name.as_str()).chain([IN_APP]);
        // A channel that was refused for its kind has its problem already.
        if self.problems.is_empty() && !names().any(|known| known == name.value) {
            let problem = self.problem(name, format!("there is no channel `{}`", name.value));
            self.problems.push(problem.with_nearest(&name.value, names()));
        }
    }

    /// Puts the environment's values into a secret.
    fn secret(&mut self, value: &Spanned<String>) -> Secret {
        match secret::expand(&value.value, self.env) {
            Ok(text) => Secret::new(text),
            Err(message) => {
                self.error(value, message, "set it before starting, or write the value here");
                Secret::new("")
            }
        }
    }

    fn problem<T>(&self, at: &Spanned<T>, message: impl Into<String>) -> Problem {
        Problem::error(self.file, self.text, yaml::span_of(at), message)
    }

    fn error<T>(&mut self, at: &Spanned<T>, message: impl Into<String>, help: &str) {
        let problem = self.problem(at, message).with_help(help);
        self.problems.push(problem);
    }
}

#[cfg(test)]
mod tests;
