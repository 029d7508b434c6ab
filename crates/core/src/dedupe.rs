//! When two inputs are the same one (EVT-4).
//!
//! With an idempotency key, the key says so for seven days; without, a fingerprint of what was sent does, for
//! five minutes. Both are hashes under the tenant's key, filed by the hour of the source timestamp. An input
//! without timestamp is filed by the hour it came in, and looked for in that hour and the one before. So a repeat
//! is found when it names the time that the first one named; under a key, any time within the same hour.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::change::SeenKey;
use crate::event::Submission;
use crate::id::{KeyId, first_16};
use crate::time::{DAY, MINUTE, Millis, Span};

/// How long an idempotency key holds.
pub const KEY_HOLDS: Span = DAY.times(7);
/// How long a fingerprint holds.
pub const FINGERPRINT_HOLDS: Span = MINUTE.times(5);

/// What makes a submission the same as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Where it is filed when it is new.
    key: SeenKey,
    /// Whether the previous hour is looked at too.
    hour_is_ours: bool,
    /// Whether the sender named it.
    named: bool,
    /// Half a hash over what it says.
    content: [u8; 16],
    /// Where it is filed when its name was used for other content.
    reused: SeenKey,
    /// Until when a repeat gets the first answer.
    expires_at: Millis,
}

/// What the store knows of an [`Identity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is new, and is to be filed under this key.
    New(SeenKey),
    /// The event at this place of the chain is the same.
    Same {
        /// Its place.
        seq: i64,
    },
    /// Its name was used for other content: it is new, flagged `key_reused`, filed under this key.
    Reused(SeenKey),
}

impl Identity {
    /// Works out the identity of a submission.
    #[must_use]
    pub fn of(submission: &Submission, received_at: Millis, tenant_key: &[u8; 32]) -> Self {
        let named = submission.idempotency_key();
        let content = Self::content(submission, tenant_key);
        let hour = submission.timestamp.unwrap_or(received_at).hour();
        let digest = |parts: &[&[u8]]| digest(tenant_key, parts);
        let actor = submission.actor_id().unwrap_or_default().as_bytes();
        let first = match named {
            Some(name) => digest(&[b"key", actor, name.as_bytes()]),
            None => digest(&[b"fingerprint", &content]),
        };
        let reused = digest(&[b"reused", actor, named.unwrap_or_default().as_bytes(), &content]);
        let holds = if named.is_some() { KEY_HOLDS } else { FINGERPRINT_HOLDS };
        Self {
            key: SeenKey { hour, digest: first },
            hour_is_ours: submission.timestamp.is_none(),
            named: named.is_some(),
            content,
            reused: SeenKey { hour, digest: reused },
            expires_at: received_at.plus(holds),
        }
    }

    /// Works out the identity of a call that its client named with `Idempotency-Key`: the same client's same call under
    /// the same name. `content` is what the call says.
    #[must_use]
    pub fn of_call(
        client: KeyId,
        call: &str,
        name: &str,
        content: &[u8],
        received_at: Millis,
        tenant_key: &[u8; 32],
    ) -> Self {
        let (client, hour) = (client.0.as_bytes(), received_at.hour());
        let named: [&[u8]; 4] = [b"call", client, call.as_bytes(), name.as_bytes()];
        let content = digest(tenant_key, &[content]);
        let [call, client, which, name] = named;
        Self {
            key: SeenKey { hour, digest: digest(tenant_key, &named) },
            hour_is_ours: true,
            named: true,
            content,
            reused: SeenKey { hour, digest: digest(tenant_key, &[call, client, which, name, &content]) },
            expires_at: received_at.plus(KEY_HOLDS),
        }
    }

    /// A keyed hash over everything the sender chose. A timestamp counts to the second, unless a key tells
    /// repeats apart from new ones: a client may well stamp a repeat anew.
    fn content(submission: &Submission, tenant_key: &[u8; 32]) -> [u8; 16] {
        #[derive(Serialize)]
        struct Said<'a> {
            actor: Option<&'a crate::event::Actor>,
            action: Option<&'a str>,
            description: Option<&'a str>,
            resources: &'a [crate::event::Resource],
            attributes: Option<&'a serde_json::Map<String, serde_json::Value>>,
            session: Option<&'a str>,
            sequence: Option<i64>,
            second: Option<i64>,
        }
        let metadata = submission.metadata.as_ref();
        let said = Said {
            actor: submission.actor.as_ref(),
            action: submission.action_type(),
            description: submission.content.description.as_deref(),
            resources: submission.resources(),
            attributes: submission.content.attributes.as_ref(),
            session: submission.session_id(),
            sequence: metadata.and_then(|metadata| metadata.sequence),
            second: match submission.idempotency_key() {
                Some(_) => None,
                None => submission.timestamp.map(|at| at.0.div_euclid(1_000)),
            },
        };
        // INVARIANT: string keys and finite numbers always serialise. A `Map` is sorted, so equal content is equal text.
        let text = serde_json::to_vec(&said).unwrap_or_default();
        let mut hash = Sha256::new_with_prefix(tenant_key);
        hash.update(&text);
        first_16(&hash.finalize().into())
    }

    /// What the id of something that the input makes is drawn from, so that a repeat finds it again.
    #[must_use]
    pub fn entropy(&self) -> [u8; 16] {
        self.key.digest
    }

    /// Whether an id was drawn from this input's [`Identity::entropy`].
    #[must_use]
    pub fn made(&self, id: uuid::Uuid) -> bool {
        // The time, the count and the version take the first nine bytes of an id.
        id.as_bytes().split_at(9).1 == self.key.digest.split_at(9).1
    }

    /// The keys under which an earlier copy may be filed.
    pub fn lookups(&self) -> impl Iterator<Item = SeenKey> + use<> {
        self.first_lookups().chain(self.reused_lookups())
    }

    /// The keys under which the first use of its name may be filed.
    pub fn first_lookups(&self) -> impl Iterator<Item = SeenKey> + use<> {
        self.and_before(self.key)
    }

    /// The keys under which a reuse of its name may be filed. They matter only when the name is known with other
    /// content, which is rare.
    pub fn reused_lookups(&self) -> impl Iterator<Item = SeenKey> + use<> {
        let before = self.and_before(self.reused);
        self.named.then_some(before).into_iter().flatten()
    }

    /// Whether this row, found under one of the [`Identity::first_lookups`], holds other content.
    #[must_use]
    pub fn differs_from(&self, row: &crate::change::SeenRow) -> bool {
        row.content != self.content
    }

    fn and_before(&self, key: SeenKey) -> impl Iterator<Item = SeenKey> + use<> {
        let before = self.hour_is_ours.then_some(SeenKey { hour: key.hour - 1, ..key });
        [Some(key), before].into_iter().flatten()
    }

    /// Judges by what was found under the [`Identity::lookups`]: `(content, seq, expires_at)` each.
    #[must_use]
    pub fn judge(&self, now: Millis, find: impl Fn(SeenKey) -> Option<crate::change::SeenRow>) -> Known {
        let alive = |key: SeenKey| {
            let here = find(key).filter(|row| row.expires_at > now);
            let before = SeenKey { hour: key.hour - 1, ..key };
            here.or_else(|| if self.hour_is_ours { find(before).filter(|row| row.expires_at > now) } else { None })
        };
        match alive(self.key) {
            None => Known::New(self.key),
            Some(row) if !self.named || row.content == self.content => Known::Same { seq: row.seq },
            Some(_) => match alive(self.reused) {
                Some(row) => Known::Same { seq: row.seq },
                None => Known::Reused(self.reused),
            },
        }
    }

    /// The row to file once the event has its place.
    #[must_use]
    pub fn filed(&self, key: SeenKey, seq: i64) -> crate::change::SeenRow {
        crate::change::SeenRow { key, content: self.content, seq, expires_at: self.expires_at }
    }
}

/// Half a keyed hash over some parts, each with its length.
fn digest(tenant_key: &[u8; 32], parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new_with_prefix(tenant_key);
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    first_16(&hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::change::SeenRow;
    use mandate_scrub::Scrubber;

    /// Sends items one after the other and says what became of each: `new`, `same N` or `reused`.
    fn check(items: &[(i64, &str)], expect: &[&str]) {
        let scrubber = Scrubber::new([1; 32]);
        let mut seen: BTreeMap<SeenKey, SeenRow> = BTreeMap::new();
        let mut got = Vec::new();
        for (seq, (received_at, item)) in (1..).zip(items) {
            let now = Millis(*received_at);
            let submission = Submission::read(item, None, &scrubber).expect(item);
            let identity = Identity::of(&submission, now, &[7; 32]);
            assert!(identity.lookups().any(|key| key == identity.key));
            let known = identity.judge(now, |key| {
                assert!(identity.lookups().any(|looked| looked == key), "judged by what was not looked up");
                seen.get(&key).copied()
            });
            got.push(match known {
                Known::Same { seq } => format!("same {seq}"),
                Known::New(key) => {
                    seen.insert(key, identity.filed(key, seq));
                    "new".to_owned()
                }
                Known::Reused(key) => {
                    seen.insert(key, identity.filed(key, seq));
                    "reused".to_owned()
                }
            });
        }
        assert_eq!(got, expect);
    }

    const MIN: i64 = MINUTE.0;

    #[test]
    fn a_fingerprint_holds_five_minutes() {
        let a = r#"{"action":{"type":"a"}}"#;
        let b = r#"{"action":{"type":"b"}}"#;
        check(&[(0, a), (0, b), (4 * MIN, a), (6 * MIN, a), (10 * MIN, a)], &["new", "new", "same 1", "new", "same 4"]);
        // Across the turn of an hour.
        check(&[(59 * MIN, a), (61 * MIN, a)], &["new", "same 1"]);
        // The source's second counts, whenever it comes in.
        let at = |ms: i64| format!(r#"{{"action":{{"type":"a"}},"timestamp":{ms}}}"#);
        check(&[(0, &at(1_000)), (0, &at(1_999)), (0, &at(2_000))], &["new", "same 1", "new"]);
    }

    #[test]
    fn a_repeat_finds_what_the_call_made() {
        let call = |name: &str, at: i64| {
            Identity::of_call(KeyId(uuid::Uuid::nil()), "respond", name, b"ok", Millis(at), &[7; 32])
        };
        let id = crate::id::IdSource::after(Millis(0)).next(Millis(5), call("one", 5).entropy());
        assert!(call("one", 61 * MIN).made(id), "in the next hour too");
        assert!(!call("two", 5).made(id));
    }

    #[test]
    fn a_key_holds_seven_days_and_tells_other_content_apart() {
        let keyed = |text: &str, at: i64| {
            format!(
                r#"{{"actor":{{"type":"agent","id":"x"}},"action":{{"description":"{text}","idempotency_key":"k"}},"timestamp":{at}}}"#
            )
        };
        let (one, two) = (keyed("one", 0), keyed("two", 0));
        check(
            &[(0, &one), (6 * DAY.0, &one), (0, &two), (0, &two), (0, &one)],
            &["new", "same 1", "reused", "same 3", "same 1"],
        );
        check(&[(0, &one), (8 * DAY.0, &one)], &["new", "new"]);
        // A repeat may be stamped anew, within the hour that it is filed by.
        let stamped = |at: i64| keyed("one", at);
        check(&[(0, &stamped(0)), (9_000, &stamped(9_000)), (60 * MIN, &stamped(60 * MIN))], &["new", "same 1", "new"]);
        let other = keyed("one", 0).replace("\"x\"", "\"y\"");
        check(&[(0, &one), (0, &other)], &["new", "new"]);
    }
}
