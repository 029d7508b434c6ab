//! The table of API keys in memory, by the hash of their text.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use mandate_core::change::KeyRow;
use mandate_core::id::{KeyId, TenantId};
use mandate_core::time::Millis;
use mandate_store::Store;

use super::hash_key;

/// A key that is in force, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The tenant it opens.
    pub tenant: TenantId,
    /// The key.
    pub row: KeyRow,
}

/// Why a key does not open anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// No such key.
    #[error("this API key is not known here; check that it was copied whole and is for this server")]
    Unknown,
    /// Its time is over.
    #[error("this API key has expired; ask an admin for a new one")]
    Expired(Arc<Known>),
    /// Somebody took it back.
    #[error("this API key was revoked; ask an admin for a new one")]
    Revoked(Arc<Known>),
}

/// All keys of all tenants. Clones share one table.
#[derive(Debug, Clone, Default)]
pub struct Keys(Arc<RwLock<HashMap<[u8; 32], Arc<Known>>>>);

impl Keys {
    /// Reads every key of some tenants.
    ///
    /// # Errors
    /// What the store said.
    pub async fn load(
        store: &Store,
        tenants: impl IntoIterator<Item = TenantId>,
    ) -> Result<Self, mandate_store::Error> {
        let keys = Self::default();
        for tenant in tenants {
            keys.apply(tenant, &store.keys(tenant).await?);
        }
        Ok(keys)
    }

    /// Takes in keys as they are now: new, changed or revoked.
    pub fn apply(&self, tenant: TenantId, rows: &[KeyRow]) {
        if rows.is_empty() {
            return;
        }
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            // Two answers may be taken in out of turn, and what was revoked stays so.
            let revoked_at = table.get(&row.hash).and_then(|known| known.row.revoked_at).or(row.revoked_at);
            table.insert(row.hash, Arc::new(Known { tenant, row: KeyRow { revoked_at, ..row.clone() } }));
        }
    }

    /// The key with this text.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub fn find(&self, text: &str, now: Millis) -> Result<Arc<Known>, Rejected> {
        self.in_force(&hash_key(text), now)
    }

    /// The key with this hash, if it is still in force: for streams, which outlive the request that opened them.
    ///
    /// # Errors
    /// Why it opens nothing any more.
    pub fn in_force(&self, hash: &[u8; 32], now: Millis) -> Result<Arc<Known>, Rejected> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = table.get(hash).ok_or(Rejected::Unknown)?;
        if known.row.revoked_at.is_some() {
            return Err(Rejected::Revoked(Arc::clone(known)));
        }
        if known.row.expires_at.is_some_and(|at| at <= now) {
            return Err(Rejected::Expired(Arc::clone(known)));
        }
        Ok(Arc::clone(known))
    }

    /// Every key of a tenant, oldest first, revoked ones too.
    #[must_use]
    pub fn of(&self, tenant: TenantId) -> Vec<KeyRow> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut rows: Vec<KeyRow> =
            table.values().filter(|known| known.tenant == tenant).map(|known| known.row.clone()).collect();
        rows.sort_by_key(|row| (row.created_at, row.id));
        rows
    }

    /// One key of a tenant by its id.
    #[must_use]
    pub fn get(&self, tenant: TenantId, id: KeyId) -> Option<KeyRow> {
        self.of(tenant).into_iter().find(|row| row.id == id)
    }
}

#[cfg(test)]
mod tests {
    use mandate_core::change::Scope;
    use uuid::Uuid;

    use super::*;

    fn row(text: &str) -> KeyRow {
        KeyRow {
            id: KeyId(Uuid::from_u128(1)),
            hash: hash_key(text),
            scope: Scope::Read,
            name: None,
            agent: None,
            person: None,
            created_at: Millis(1),
            expires_at: Some(Millis(100)),
            revoked_at: None,
        }
    }

    #[test]
    fn a_key_opens_its_tenant_until_it_does_not() {
        let (keys, tenant) = (Keys::default(), TenantId(Uuid::from_u128(7)));
        keys.apply(tenant, &[row("mk_a")]);
        assert_eq!(keys.find("mk_a", Millis(99)).unwrap().tenant, tenant);
        assert_eq!(keys.find("mk_b", Millis(99)), Err(Rejected::Unknown));
        assert!(matches!(keys.find("mk_a", Millis(100)), Err(Rejected::Expired(_))));
        keys.apply(tenant, &[KeyRow { revoked_at: Some(Millis(50)), ..row("mk_a") }]);
        assert!(matches!(keys.find("mk_a", Millis(60)), Err(Rejected::Revoked(_))));
        keys.apply(tenant, &[row("mk_a")]);
        assert!(
            matches!(keys.find("mk_a", Millis(60)), Err(Rejected::Revoked(_))),
            "an older answer brings nothing back"
        );
        assert_eq!(keys.of(tenant).len(), 1);
        assert_eq!(keys.of(TenantId(Uuid::from_u128(8))), []);
    }
}
