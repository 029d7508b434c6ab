//! The form of `mandate.yaml`. Unknown keys are errors.

use mandate_core::yaml::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Limits;

/// The process's own settings. Flags and `MANDATE_*` variables win over them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    /// Where and how to listen.
    pub(super) server: Option<ServerForm>,
    /// `sqlite:PATH` or `postgres://…`; `${NAME}` is the environment's.
    pub(super) store: Option<Spanned<String>>,
    /// The channels out; contacts, rules and the fallback name them.
    #[serde(default)]
    pub(super) channels: Vec<ChannelForm>,
    /// Who is told when nobody else can be.
    pub(super) fallback: Option<FallbackForm>,
    /// Handles of those who run Mandate: told about Mandate itself.
    #[serde(default)]
    pub(super) admins: Vec<Spanned<String>>,
    /// How often people are told.
    pub(super) storm: Option<StormForm>,
    /// How much is taken from one sender, on this node.
    pub(super) limits: Option<LimitsForm>,
    /// A directory that every checkpoint is also written to.
    pub(super) checkpoints: Option<String>,
}

/// Where and how to listen.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Server")]
pub(super) struct ServerForm {
    /// An IP address and a port, such as `127.0.0.1:7878`.
    pub(super) listen: Option<Spanned<String>>,
    /// How people and agents reach it, such as `https://mandate.example.com`.
    pub(super) public_url: Option<Spanned<String>>,
    /// With it, HTTPS.
    pub(super) tls: Option<TlsForm>,
    /// Lets it listen beyond loopback without TLS.
    #[serde(default)]
    pub(super) allow_insecure_public: bool,
}

/// Files of a certificate chain and its key, both PEM.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Tls")]
pub(super) struct TlsForm {
    /// The chain, the server's own certificate first.
    pub(super) cert: String,
    /// The private key.
    pub(super) key: String,
}

/// A channel out.
// Of any kind; which members belong to which is checked after reading.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Channel")]
pub(super) struct ChannelForm {
    /// What contacts, rules and the fallback call it.
    pub(super) name: Spanned<String>,
    /// What it is.
    #[schemars(extend("enum" = ["slack", "webhook"]))]
    pub(super) kind: Spanned<String>,
    /// Of a webhook: where to post; `${NAME}` is the environment's.
    pub(super) url: Option<Spanned<String>>,
    /// Of a webhook: what signs each message, as Standard Webhooks; `${NAME}` is the environment's.
    pub(super) secret: Option<Spanned<String>>,
    /// Of Slack: the app's bot token, `xoxb-…`; `${NAME}` is the environment's.
    pub(super) token: Option<Spanned<String>>,
    /// Of Slack: the app-level token, `xapp-…`, for Socket Mode; `${NAME}` is the environment's.
    pub(super) app_token: Option<Spanned<String>>,
    /// Of Slack: what its requests to us are signed with; `${NAME}` is the environment's.
    pub(super) signing_secret: Option<Spanned<String>>,
    /// Of Slack: what the names of methods are put behind, for a stand-in or a relay.
    pub(super) base_url: Option<Spanned<String>>,
    /// Lets it reach private and loopback addresses.
    pub(super) allow_private: Option<bool>,
}

impl ChannelForm {
    /// The members that only Slack has.
    pub(super) fn of_slack(&self) -> impl Iterator<Item = (&'static str, &Spanned<String>)> {
        let members = [
            ("token", &self.token),
            ("app_token", &self.app_token),
            ("signing_secret", &self.signing_secret),
            ("base_url", &self.base_url),
        ];
        members.into_iter().filter_map(|(name, member)| Some((name, member.as_ref()?)))
    }

    /// The members that only a webhook has.
    pub(super) fn of_webhook(&self) -> impl Iterator<Item = (&'static str, &Spanned<String>)> {
        let members = [("url", &self.url), ("secret", &self.secret)];
        members.into_iter().filter_map(|(name, member)| Some((name, member.as_ref()?)))
    }
}

/// Who is told when nobody else can be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Fallback")]
pub(super) struct FallbackForm {
    /// Handles of people and teams, in order.
    #[serde(default)]
    pub(super) notify: Vec<Spanned<String>>,
    /// Names of channels to try when a notice's own one failed, in order.
    #[serde(default)]
    pub(super) alternate: Vec<Spanned<String>>,
}

/// How often people are told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Storm")]
pub(super) struct StormForm {
    /// Without, every notice is a message of its own. On unless said otherwise.
    pub(super) enabled: Option<bool>,
    /// What goes on in a session is gathered for so long before its message is edited: `5s`, which is the least, to
    /// `15m`.
    pub(super) window: Option<Spanned<String>>,
    /// New messages that one person gets in a minute, critical ones beside them: 10 unless said otherwise.
    #[schemars(range(min = 1, max = 1000))]
    pub(super) per_person_per_minute: Option<Spanned<u32>>,
}

/// How much is taken from one sender, on this node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub(super) struct LimitsForm {
    /// Events a second from one actor, over time.
    actor_per_second: Option<u32>,
    /// Events at once from one actor.
    actor_burst: Option<u32>,
    /// Refused attempts to authenticate a minute from one address.
    unauthenticated_per_minute: Option<u32>,
    /// Events that may wait for the writer.
    queue_items: Option<usize>,
    /// Bytes of events that may wait for the writer.
    queue_bytes: Option<usize>,
    /// Bytes of request bodies held at once.
    body_bytes: Option<usize>,
    /// Connections at once; more wait until one ends.
    connections: Option<usize>,
    /// Live streams at once.
    streams: Option<usize>,
}

impl LimitsForm {
    pub(super) fn apply(self, limits: &mut Limits) {
        let keep = *limits;
        *limits = Limits {
            actor_per_second: self.actor_per_second.unwrap_or(keep.actor_per_second),
            actor_burst: self.actor_burst.unwrap_or(keep.actor_burst),
            unauthenticated_per_minute: self.unauthenticated_per_minute.unwrap_or(keep.unauthenticated_per_minute),
            queue_items: self.queue_items.unwrap_or(keep.queue_items),
            queue_bytes: self.queue_bytes.unwrap_or(keep.queue_bytes),
            body_bytes: self.body_bytes.unwrap_or(keep.body_bytes),
            connections: self.connections.unwrap_or(keep.connections).max(1),
            streams: self.streams.unwrap_or(keep.streams),
        };
    }
}
