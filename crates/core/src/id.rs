//! Ids: UUID v7, one newtype a concept, so that one cannot stand in for another.
//!
//! The writer assigns event ids under the tenant's head lock ([`IdSource`]), their time never below the
//! tenant's last. Everything a plan creates has an id *derived* from its event ([`derive()`]), so that the
//! same plan made twice names the same notifications.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::time::Millis;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// A tenant: the owner of one chain, one feed and one configuration.
    TenantId
    /// An event in a tenant's chain.
    EventId
    /// An API key (the public half: it names the key, it opens nothing).
    KeyId
    /// A notification: one recipient, one message. Stable over retries.
    NotificationId
    /// A person, as logs name them. Names and handles are joined when read.
    PersonId
    /// One immutable version of a tenant's configuration.
    ConfigId
    /// An item that was sent and is no event.
    RejectedId
    /// Somebody's answer to a notice.
    ResponseId
}

/// Lays out 128 bits as a UUID v7 whose time is `at`.
///
/// `entropy` gives the 74 free bits; its other bits are ignored.
#[must_use]
pub fn uuid_v7(at: Millis, entropy: [u8; 16]) -> Uuid {
    let time = at.0.clamp(0, (1 << 48) - 1).to_be_bytes();
    let mut bytes = entropy;
    let [_, _, t0, t1, t2, t3, t4, t5] = time;
    let [b0, b1, b2, b3, b4, b5, b6, _, b8, ..] = &mut bytes;
    (*b0, *b1, *b2, *b3, *b4, *b5) = (t0, t1, t2, t3, t4, t5);
    *b6 = (*b6 & 0x0f) | 0x70;
    *b8 = (*b8 & 0x3f) | 0x80;
    Uuid::from_bytes(bytes)
}

/// Derives the id of something that a plan creates: the event's time, and a hash of the event's id, a
/// `purpose` such as `notification`, and what makes it one of several, such as the recipient and channel.
#[must_use]
pub fn derive(at: Millis, event: EventId, purpose: &str, parts: &[&str]) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(event.0.as_bytes());
    for part in std::iter::once(&purpose).chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    uuid_v7(at, first_16(&hash.finalize().into()))
}

/// The first half of a SHA-256.
#[must_use]
pub fn first_16(digest: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(digest.split_at(16).0);
    half
}

/// Hands out event ids in strictly rising order, whatever the clock does.
///
/// Bits: 48 of time, 12 of counter, 62 of entropy. More than 4,096 ids in a millisecond borrow from the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdSource {
    last_ms: i64,
    counter: u16,
}

impl IdSource {
    /// Starts after the tenant's last id time, as its head has it.
    #[must_use]
    pub fn after(last: Millis) -> Self {
        Self { last_ms: last.0, counter: 0x0fff }
    }

    /// The next id, at or after `now` and after every id given before.
    pub fn next(&mut self, now: Millis, entropy: [u8; 16]) -> Uuid {
        if now.0 > self.last_ms {
            (self.last_ms, self.counter) = (now.0, 0);
        } else if self.counter < 0x0fff {
            self.counter += 1;
        } else {
            (self.last_ms, self.counter) = (self.last_ms + 1, 0);
        }
        let mut bytes = entropy;
        let [high, low] = self.counter.to_be_bytes();
        let [_, _, _, _, _, _, b6, b7, ..] = &mut bytes;
        (*b6, *b7) = (high, low);
        uuid_v7(Millis(self.last_ms), bytes)
    }

    /// The time of the last id given: what the head keeps.
    #[must_use]
    pub fn last(&self) -> Millis {
        Millis(self.last_ms)
    }
}
