//! The form of `mandate.yaml`. Unknown keys are errors.

use mandate_core::yaml::Spanned;
use serde::Deserialize;

use super::Limits;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    pub(super) server: Option<ServerForm>,
    pub(super) store: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) channels: Vec<ChannelForm>,
    pub(super) fallback: Option<FallbackForm>,
    #[serde(default)]
    pub(super) admins: Vec<Spanned<String>>,
    pub(super) storm: Option<StormForm>,
    pub(super) limits: Option<LimitsForm>,
    pub(super) checkpoints: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerForm {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) public_url: Option<Spanned<String>>,
    pub(super) tls: Option<TlsForm>,
    #[serde(default)]
    pub(super) allow_insecure_public: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsForm {
    pub(super) cert: String,
    pub(super) key: String,
}

/// A channel of any kind; which members belong to which is checked after reading.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChannelForm {
    pub(super) name: Spanned<String>,
    pub(super) kind: Spanned<String>,
    pub(super) url: Option<Spanned<String>>,
    pub(super) secret: Option<Spanned<String>>,
    pub(super) allow_private: Option<bool>,
    token: Option<Spanned<String>>,
    app_token: Option<Spanned<String>>,
    signing_secret: Option<Spanned<String>>,
    base_url: Option<Spanned<String>>,
}

impl ChannelForm {
    /// The members that a webhook does not have.
    pub(super) fn of_other_kinds(&self) -> impl Iterator<Item = (&'static str, &Spanned<String>)> {
        let members = [
            ("token", &self.token),
            ("app_token", &self.app_token),
            ("signing_secret", &self.signing_secret),
            ("base_url", &self.base_url),
        ];
        members.into_iter().filter_map(|(name, member)| Some((name, member.as_ref()?)))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FallbackForm {
    #[serde(default)]
    pub(super) notify: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) alternate: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StormForm {
    pub(super) enabled: Spanned<bool>,
    #[serde(rename = "window")]
    _window: Option<String>,
    #[serde(rename = "per_person_per_minute")]
    _per_person_per_minute: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsForm {
    actor_per_second: Option<u32>,
    actor_burst: Option<u32>,
    unauthenticated_per_minute: Option<u32>,
    queue_items: Option<usize>,
    queue_bytes: Option<usize>,
    body_bytes: Option<usize>,
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
            streams: self.streams.unwrap_or(keep.streams),
        };
    }
}
