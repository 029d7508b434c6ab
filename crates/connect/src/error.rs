//! What can be wrong with a channel's configuration. What goes wrong while sending is an [`mandate_core::delivery::Answer`].

/// A configuration that can never work, found when it is read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The address cannot be used.
    #[error("channel `{channel}`: url `{url}` {why}")]
    Url {
        /// The channel's name.
        channel: String,
        /// The address without what may be secret in it: no user, path or query.
        url: String,
        /// What is wrong and what would be right.
        why: String,
    },
    /// A signing secret cannot be used. The secret itself is never shown.
    #[error("channel `{channel}`: {why}")]
    Secret {
        /// The channel's name.
        channel: String,
        /// What is wrong and what would be right.
        why: String,
    },
    /// The timeout is zero or longer than an outbox lease allows.
    #[error("channel `{channel}`: timeout `{millis}ms` is out of range; use 100 ms to 10 s")]
    Timeout {
        /// The channel's name.
        channel: String,
        /// The timeout asked for, in milliseconds.
        millis: u128,
    },
}
