//! The audit log: who did what to Mandate itself, in a chain of its own (ITG-3).
//!
//! Same form as events: a sealed half with no personal data, and an erasable half (`content`) with old and
//! new values, reasons and addresses, committed to by `content_hash`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::chain::{Hash, Tip};
use crate::id::{KeyId, TenantId};
use crate::json;
use crate::time::Millis;

/// Something that goes into the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Who: `person:<uuid>`, `key:<uuid>`, `agent:<id>` or `system`.
    pub actor: String,
    /// What, such as `agent.pause`.
    pub action: &'static str,
    /// On what, such as `agent:deployer`.
    pub resource: String,
    /// Whether it was done or refused.
    pub result: AuditResult,
    /// The API key it came with.
    pub key: Option<KeyId>,
    /// The erasable half: `old_value`, `new_value`, `reason`, `ip`, `user_agent`.
    pub content: Map<String, Value>,
}

impl AuditEntry {
    /// An entry that says something was done.
    #[must_use]
    pub fn done(actor: impl Into<String>, action: &'static str, resource: impl Into<String>) -> Self {
        let (actor, resource) = (actor.into(), resource.into());
        Self { actor, action, resource, result: AuditResult::Ok, key: None, content: Map::new() }
    }

    /// The same, refused.
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.result = AuditResult::Refused;
        self
    }

    /// The same, with the key it came with.
    #[must_use]
    pub fn with_key(mut self, key: Option<KeyId>) -> Self {
        self.key = key;
        self
    }

    /// The same, with one more member in its erasable half.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.content.insert(name.to_owned(), value.into());
        self
    }
}

/// Whether something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditResult {
    /// Done.
    Ok,
    /// Not done: the caller may not.
    Refused,
}

/// The sealed half, its members in canonical order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedAudit {
    /// What.
    pub action: String,
    /// Who.
    pub actor: String,
    /// When.
    pub at: Millis,
    /// The hash of the erasable half.
    pub content_hash: Hash,
    /// The API key it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyId>,
    /// The hash of the entry before.
    pub prev_hash: Hash,
    /// On what.
    pub resource: String,
    /// Whether it was done.
    pub result: AuditResult,
    /// Its place, from 1.
    pub seq: i64,
    /// Whose log.
    pub tenant_id: TenantId,
}

/// An audit entry ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place, from 1.
    pub seq: i64,
    /// When.
    pub at: Millis,
    /// Its hash.
    pub hash: Hash,
    /// The bytes that were hashed.
    pub sealed: Vec<u8>,
    /// `JCS({"content", "salt"})`; none once erased.
    pub content: Option<Vec<u8>>,
}

/// Seals an audit entry; gives the row and the chain's new tip.
#[must_use]
pub fn seal(entry: AuditEntry, tenant: TenantId, at: Millis, tip: Tip, salt: [u8; 16]) -> (AuditRow, Tip) {
    let mut members = Map::new();
    members.insert("content".into(), Value::Object(entry.content));
    members.insert("salt".into(), Value::String(hex::encode(salt)));
    let content = json::canonical(&Value::Object(members));
    let sealed = SealedAudit {
        action: entry.action.to_owned(),
        actor: entry.actor,
        at,
        content_hash: Hash::of(&content),
        key_id: entry.key,
        prev_hash: tip.hash,
        resource: entry.resource,
        result: entry.result,
        seq: tip.next_seq(),
        tenant_id: tenant,
    };
    // INVARIANT: texts and integers always serialise.
    let sealed = serde_json::to_vec(&sealed).unwrap_or_default();
    let after = tip.after(&sealed);
    (AuditRow { seq: after.seq, at, hash: after.hash, sealed, content: Some(content) }, after)
}

/// The note in the erasable half of an entry, as it is stored; none when there is none.
#[must_use]
pub fn note(content: &[u8]) -> Option<String> {
    let content: Value = serde_json::from_slice(content).ok()?;
    Some(content.get("content")?.get("note")?.as_str()?.to_owned())
}

/// The entry as readers and exports have it: sealed members, `hash`, and `salt` and `content` unless erased.
///
/// # Errors
/// Says what could not be read when stored bytes are not what [`seal`] writes.
pub fn stored_form(row: &AuditRow) -> Result<Value, String> {
    let mut entry: Map<String, Value> =
        serde_json::from_slice(&row.sealed).map_err(|error| format!("sealed bytes: {error}"))?;
    entry.insert("hash".into(), Value::String(row.hash.to_string()));
    if let Some(content) = &row.content {
        let content: Map<String, Value> =
            serde_json::from_slice(content).map_err(|error| format!("content: {error}"))?;
        entry.extend(content);
    }
    Ok(Value::Object(entry))
}
