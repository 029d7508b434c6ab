//! API keys: their text, the table they are looked up in, what they may do, whom they are bound to (SEC-1).
//!
//! The store keeps a SHA-256 of each key's text. A key's text has 256 bits of entropy, so a plain hash cannot be
//! searched, and a lookup by hash says nothing by how long it takes.

mod binding;
mod bucket;
mod keys;
mod wish;

use mandate_core::change::{KeyRow, Scope};
use mandate_core::id::{KeyId, uuid_v7};
use sha2::{Digest, Sha256};

pub use binding::Binding;
pub use bucket::{Buckets, Rate};
pub use keys::{Keys, Known, Rejected};
pub use wish::{KeyWish, WrongWish};

use crate::env::Env;

/// Every key's text begins with this, so that scanners and people know one when they see it.
pub const KEY_PREFIX: &str = "mk_";

/// Streams look this often whether the key that opened them is still in force: revocation closes them in time.
pub const KEY_CHECKED_EVERY: std::time::Duration = std::time::Duration::from_secs(10);

/// What the store keeps of a key's text.
#[must_use]
pub fn hash_key(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Makes a key: its text, `mk_` and 64 hex digits, which is shown once, and the row to store.
#[must_use]
pub fn generate(env: &Env, wish: KeyWish) -> (String, KeyRow) {
    let text = format!("{KEY_PREFIX}{}", hex::encode(env.random::<32>()));
    let created_at = env.now();
    let KeyWish { scope, name, agent, person, expires_at } = wish;
    let id = KeyId(uuid_v7(created_at, env.random()));
    let hash = hash_key(&text);
    (text, KeyRow { id, hash, scope, name, agent, person, created_at, expires_at, revoked_at: None })
}

/// Something a caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Write events and outcomes.
    Ingest,
    /// Read.
    Read,
    /// Answer notices, pause.
    Respond,
    /// Everything else, resuming among it.
    Admin,
}

impl Right {
    /// Whether a key of this scope may.
    #[must_use]
    pub fn is_given_by(self, scope: Scope) -> bool {
        match self {
            Self::Ingest => matches!(scope, Scope::Ingest | Scope::Admin),
            Self::Read => matches!(scope, Scope::Read | Scope::Respond | Scope::Admin),
            Self::Respond => matches!(scope, Scope::Respond | Scope::Admin),
            Self::Admin => scope == Scope::Admin,
        }
    }

    /// The scopes that may, in words.
    #[must_use]
    pub const fn needed(self) -> &'static str {
        match self {
            Self::Ingest => "`ingest` or `admin`",
            Self::Read => "`read`, `respond` or `admin`",
            Self::Respond => "`respond` or `admin`",
            Self::Admin => "`admin`",
        }
    }
}

#[cfg(test)]
mod tests {
    use mandate_core::time::Millis;

    use super::*;

    #[test]
    fn a_key_is_new_and_stored_as_its_hash_alone() {
        let counter = std::sync::atomic::AtomicU8::new(0);
        let env = Env::new(
            || Millis(1_767_225_600_000),
            move |bytes| {
                bytes.fill(counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            },
        );
        let wish = || KeyWish { scope: Scope::Read, name: None, agent: None, person: None, expires_at: None };
        let (text, row) = generate(&env, wish());
        assert_eq!((text.len(), row.hash), (67, hash_key(&text)));
        assert!(!format!("{row:?}").contains(&text));
        assert_ne!(generate(&env, wish()).0, text);
    }

    #[test]
    fn scopes_give_rights() {
        use Right::{Admin, Ingest, Read, Respond};
        let cases: [(Scope, &[Right]); 4] = [
            (Scope::Ingest, &[Ingest]),
            (Scope::Read, &[Read]),
            (Scope::Respond, &[Read, Respond]),
            (Scope::Admin, &[Ingest, Read, Respond, Admin]),
        ];
        for (scope, expect) in cases {
            let given: Vec<_> =
                [Ingest, Read, Respond, Admin].into_iter().filter(|right| right.is_given_by(scope)).collect();
            assert_eq!(given, expect, "{scope}");
        }
    }
}
