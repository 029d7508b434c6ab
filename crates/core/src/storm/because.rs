//! Why a notice is no message of its own: a word when stored, a sentence when read.

use serde::{Deserialize, Serialize};

use crate::event::words;

words! {
    /// Why a notice is no message of its own.
    Because {
        /// The message about an earlier action of the session tells of it.
        SameSession = "same_session",
        /// Its urgency is low.
        LowUrgency = "low_urgency",
        /// Its recipient had as many messages as one person gets in a minute.
        PersonLimit = "person_limit",
        /// So much was to be told in a minute that only first notices and critical ones go out.
        Storm = "storm",
        /// So many messages wait that only first notices and critical ones are added.
        Queue = "queue",
        /// The message that was to tell of it can no longer be changed.
        MessageGone = "message_gone",
    }
}

impl Because {
    /// The sentence for those who ask why they were not told apart.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::SameSession => "the message about an earlier action of the same session tells of it",
            Self::LowUrgency => "its urgency is low, so a digest tells of it",
            Self::PersonLimit => "the recipient had enough messages in that minute, so a digest tells of it",
            Self::Storm => "the whole tenant had too many messages in that minute, so a digest tells of it",
            Self::Queue => "too many messages were waiting to be sent, so a digest tells of it",
            Self::MessageGone => "the message that told of its session could not be changed, so a digest tells of it",
        }
    }
}
