//! The hash chain: what is sealed, how it is linked, how a break is found.
//!
//! `hash = SHA-256(JCS(E))` over the sealed bytes, which hold `prev_hash` and `seq`; so a change, a removal,
//! an insertion or a swap breaks a link, and [`Checker`] says where. Events and the audit log are two chains
//! of the same form. Erasable content is committed to by its hash and lies beside the sealed bytes.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A SHA-256, written `sha256:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the first entry of a chain has for `prev_hash`.
    pub const GENESIS: Self = Self([0; 32]);

    /// The hash of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads `sha256:` and 64 hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.strip_prefix("sha256:")?, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 64];
        // INVARIANT: 64 is twice 32, the only way this could fail.
        let _ = hex::encode_to_slice(self.0, &mut text);
        f.write_str("sha256:")?;
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected `sha256:` and 64 hex digits"))
    }
}

/// The last entry of a chain: what the next one links to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// Its place, from 1; 0 for an empty chain.
    pub seq: i64,
    /// Its hash; [`Hash::GENESIS`] for an empty chain.
    pub hash: Hash,
}

impl Tip {
    /// The tip of an empty chain.
    pub const EMPTY: Self = Self { seq: 0, hash: Hash::GENESIS };

    /// The place of the next entry.
    #[must_use]
    pub fn next_seq(self) -> i64 {
        self.seq + 1
    }

    /// The tip once an entry with these sealed bytes was added.
    #[must_use]
    pub fn after(self, sealed: &[u8]) -> Self {
        Self { seq: self.next_seq(), hash: Hash::of(sealed) }
    }
}

/// One stored entry as a verifier sees it, of either chain.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Where the store or export says it stands.
    pub seq: i64,
    /// The hash that stands beside it.
    pub hash: Hash,
    /// The bytes that were hashed.
    pub sealed: &'a [u8],
    /// The canonical erasable object, unless it was erased.
    pub content: Option<&'a [u8]>,
}

/// What is wrong with a chain, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The first place that is wrong.
    pub seq: i64,
    /// What kind of break.
    pub kind: BreakKind,
    /// The same in words.
    pub detail: String,
}

/// The ways in which a chain can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakKind {
    /// The sealed bytes are not what was hashed.
    Changed,
    /// An entry that should stand here is gone.
    Missing,
    /// An entry stands here that does not follow from the one before.
    NotLinked,
    /// The sealed bytes cannot be read.
    Unreadable,
    /// The erasable content is not what the entry commits to.
    ContentChanged,
    /// A column or side table disagrees with the sealed bytes.
    DerivedChanged,
    /// The chain ends before a receipt or checkpoint that it once held.
    TailLost,
    /// The chain holds another entry than a receipt or checkpoint says.
    Rewritten,
    /// The head row disagrees with the last entry.
    HeadChanged,
}

/// The members of a sealed entry that the chain itself needs.
#[derive(Deserialize)]
struct Links {
    integrity: Option<LinksInner>,
    seq: Option<i64>,
    prev_hash: Option<Hash>,
    content_hash: Option<Hash>,
}

#[derive(Deserialize)]
struct LinksInner {
    seq: i64,
    prev_hash: Hash,
    content_hash: Option<Hash>,
}

/// Walks a chain in order and finds where it breaks.
///
/// After a break it goes on from the entry it found, so that one change is one finding.
#[derive(Debug, Clone)]
pub struct Checker {
    tip: Tip,
    erased: u64,
    checked: u64,
}

impl Checker {
    /// Starts after `tip`: [`Tip::EMPTY`] for a whole chain, a checkpoint's for the rest of one.
    #[must_use]
    pub fn after(tip: Tip) -> Self {
        Self { tip, erased: 0, checked: 0 }
    }

    /// The last entry seen.
    #[must_use]
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// How many entries were seen, and how many of them had their content erased.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.checked, self.erased)
    }

    /// Checks the next entry.
    pub fn next(&mut self, entry: Entry<'_>) -> Vec<Break> {
        self.checked += 1;
        let mut breaks = Vec::new();
        let mut found = |seq, kind, detail: String| breaks.push(Break { seq, kind, detail });
        let computed = Hash::of(entry.sealed);
        let expected = self.tip.next_seq();

        let links = serde_json::from_slice::<Links>(entry.sealed).ok().and_then(|links| match links.integrity {
            Some(inner) => Some(inner),
            None => Some(LinksInner { seq: links.seq?, prev_hash: links.prev_hash?, content_hash: links.content_hash }),
        });
        let Some(links) = links else {
            found(expected, BreakKind::Unreadable, format!("entry {expected} holds no readable chain members"));
            self.tip = Tip { seq: expected, hash: entry.hash };
            return breaks;
        };
        if entry.seq > expected {
            let last = entry.seq - 1;
            let range = if last == expected {
                format!("entry {expected} is")
            } else {
                format!("entries {expected} to {last} are")
            };
            found(expected, BreakKind::Missing, format!("{range} missing"));
        } else if entry.seq < expected {
            found(entry.seq, BreakKind::NotLinked, format!("entry {} stands again or out of order", entry.seq));
        } else if links.prev_hash != self.tip.hash {
            let detail =
                format!("entry {} follows {}, but the one before it is {}", entry.seq, links.prev_hash, self.tip.hash);
            found(entry.seq, BreakKind::NotLinked, detail);
        }
        if links.seq != entry.seq {
            let detail = format!("entry {} says it is entry {}", entry.seq, links.seq);
            found(entry.seq, BreakKind::Changed, detail);
        }
        if computed != entry.hash {
            let detail = format!("entry {} hashes to {computed}, its hash says {}", entry.seq, entry.hash);
            found(entry.seq, BreakKind::Changed, detail);
        }
        match (entry.content, links.content_hash) {
            (Some(content), Some(hash)) if Hash::of(content) != hash => {
                found(
                    entry.seq,
                    BreakKind::ContentChanged,
                    format!("the content of entry {} is not what it commits to", entry.seq),
                );
            }
            (Some(_), None) => {
                found(
                    entry.seq,
                    BreakKind::ContentChanged,
                    format!("entry {} commits to no content, but has some", entry.seq),
                );
            }
            (None, Some(_)) => self.erased += 1,
            _ => {}
        }
        if entry.seq >= expected {
            self.tip = Tip { seq: entry.seq, hash: entry.hash };
        }
        breaks
    }

    /// Compares the end of the chain with a tip that it once had, from the head row.
    #[must_use]
    pub fn against_head(&self, head: Tip) -> Option<Break> {
        if head == self.tip {
            return None;
        }
        let (kind, detail) = if head.seq > self.tip.seq {
            (BreakKind::TailLost, format!("the head says {} entries, the chain has {}", head.seq, self.tip.seq))
        } else {
            (
                BreakKind::HeadChanged,
                format!("the head says entry {} is {}, the chain ends with {}", head.seq, head.hash, self.tip.hash),
            )
        };
        Some(Break { seq: head.seq.min(self.tip.seq + 1), kind, detail })
    }
}
