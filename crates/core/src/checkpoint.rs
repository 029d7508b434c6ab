//! Signed statements of where both chains stood (ITG-4).
//!
//! A chain alone cannot show that its tail was cut off or that all of it was written anew. A checkpoint that
//! was kept elsewhere can.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::Serialize;

use crate::chain::Tip;
use crate::change::CheckpointRow;
use crate::id::TenantId;
use crate::time::{MINUTE, Millis, Span};

/// A checkpoint is due after this many events.
pub const EVERY_EVENTS: i64 = 10_000;
/// A checkpoint is due after this long, if anything was added.
pub const EVERY: Span = MINUTE;

/// What is signed, its members in canonical order.
#[derive(Serialize)]
struct Statement<'a> {
    at: Millis,
    audit: Tip,
    events: Tip,
    public_key: &'a str,
    tenant_id: TenantId,
}

impl Statement<'_> {
    fn bytes(&self) -> Vec<u8> {
        // INVARIANT: integers and texts always serialise. `Tip` is put in order by the canonicaliser.
        let value = serde_json::to_value(self).unwrap_or_default();
        let mut bytes = b"mandate-checkpoint-v1:".to_vec();
        bytes.extend(crate::json::canonical(&value));
        bytes
    }
}

/// Signs a checkpoint with the server's key, made from its 32-byte seed.
#[must_use]
pub fn sign(tenant: TenantId, at: Millis, events: Tip, audit: Tip, seed: &[u8; 32]) -> CheckpointRow {
    let key = SigningKey::from_bytes(seed);
    let public_key = hex::encode(key.verifying_key().as_bytes());
    let statement = Statement { at, audit, events, public_key: &public_key, tenant_id: tenant };
    let signature = format!("ed25519:{}", STANDARD.encode(key.sign(&statement.bytes()).to_bytes()));
    CheckpointRow { at, events, audit, public_key, signature }
}

/// Whether a checkpoint's signature is its own key's. Whose key that is, the caller must know.
#[must_use]
pub fn is_genuine(tenant: TenantId, row: &CheckpointRow) -> bool {
    let check = || {
        let key: [u8; 32] = hex::decode(&row.public_key).ok()?.try_into().ok()?;
        let signature = STANDARD.decode(row.signature.strip_prefix("ed25519:")?).ok()?;
        let signature = Signature::from_slice(&signature).ok()?;
        let CheckpointRow { at, events, audit, public_key, .. } = row;
        let statement = Statement { at: *at, audit: *audit, events: *events, public_key, tenant_id: tenant };
        VerifyingKey::from_bytes(&key).ok()?.verify_strict(&statement.bytes(), &signature).ok()
    };
    check().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Hash;

    #[test]
    fn a_checkpoint_speaks_for_what_it_was_signed_over() {
        let tenant = TenantId(uuid::Uuid::from_u128(1));
        let tip = |seq| Tip { seq, hash: Hash::of(&[1]) };
        let row = sign(tenant, Millis(5), tip(3), tip(2), &[9; 32]);
        assert!(is_genuine(tenant, &row));
        assert!(!is_genuine(TenantId(uuid::Uuid::from_u128(2)), &row));
        assert!(!is_genuine(tenant, &CheckpointRow { events: tip(4), ..row.clone() }));
        let other = sign(tenant, Millis(5), tip(3), tip(2), &[8; 32]);
        assert!(!is_genuine(tenant, &CheckpointRow { signature: other.signature, ..row }));
    }
}
