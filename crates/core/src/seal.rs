//! Turning a submission into the exact bytes that are hashed and stored, and back into what a reader sees.
//!
//! The sealed half has only texts, integers, booleans and lists, and [`SealedEvent`] declares its members in
//! the order of RFC 8785; so plain serialisation *is* the canonical form (a property test compares it with a
//! canonicaliser). Content, which may hold anything, goes through the canonicaliser.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::chain::{Hash, Tip};
use crate::event::submission::{Action, Scope};
use crate::event::{Actor, Content, Decision, Flags, Metadata, SCHEMA_VERSION, Submission, Times};
use crate::id::{EventId, KeyId, TenantId};
use crate::json;
use crate::time::Millis;

/// The routing that is sealed with an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedRouting {
    /// How it was routed.
    pub decision: Decision,
    /// How many notifications were written with it.
    pub notifications_planned: u32,
    /// The rule that decided.
    pub rule_matched: String,
}

/// `E` of the contract: a stored event without its hash and its erasable members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SealedEvent {
    /// What was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// What was noticed.
    #[serde(default, skip_serializing_if = "Flags::is_empty")]
    pub flags: Flags,
    /// Its id.
    pub id: EventId,
    /// Its place in the chain.
    pub integrity: SealedIntegrity,
    /// What else is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// When it was routed.
    pub processed_at: Millis,
    /// When it reached us.
    pub received_at: Millis,
    /// How it was routed.
    pub routing: SealedRouting,
    /// The version of this shape.
    pub schema_version: String,
    /// What it touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Whose chain.
    pub tenant_id: TenantId,
    /// When the source says it happened.
    pub timestamp: Millis,
}

/// `integrity` without the hash itself and the erasable salt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedIntegrity {
    /// The hash of the erasable content.
    pub content_hash: Hash,
    /// The API key that submitted; absent when it came from within.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyId>,
    /// The hash of the entry before.
    pub prev_hash: Hash,
    /// Its place, from 1.
    pub seq: i64,
}

/// The erasable half of an event, in the canonical form that `content_hash` commits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedContent {
    /// `JCS({"attributes", "description", "salt"})`, those that are present.
    pub bytes: Vec<u8>,
    /// Its SHA-256.
    pub hash: Hash,
}

impl SealedContent {
    /// Seals content under a fresh salt.
    #[must_use]
    pub fn new(content: &Content, salt: [u8; 16]) -> Self {
        let mut members = Map::new();
        if let Some(attributes) = &content.attributes {
            members.insert("attributes".into(), Value::Object(attributes.clone()));
        }
        if let Some(description) = &content.description {
            members.insert("description".into(), Value::String(description.clone()));
        }
        members.insert("salt".into(), Value::String(hex::encode(salt)));
        let bytes = json::canonical(&Value::Object(members));
        let hash = Hash::of(&bytes);
        Self { bytes, hash }
    }
}

/// What the writer adds to a submission under the head lock.
#[derive(Debug, Clone)]
pub struct Assigned {
    /// Whose chain.
    pub tenant: TenantId,
    /// The id given to it.
    pub id: EventId,
    /// The key that submitted it.
    pub key: Option<KeyId>,
    /// Its three times.
    pub times: Times,
    /// What reading and observing noticed.
    pub flags: Flags,
    /// How it was routed.
    pub routing: SealedRouting,
    /// The chain's tip before it.
    pub tip: Tip,
    /// The hash of its content.
    pub content_hash: Hash,
}

/// Seals an event: the bytes to hash and store, and the chain's new tip.
#[must_use]
pub fn seal(submission: &Submission, assigned: Assigned) -> (Vec<u8>, Tip) {
    #[derive(Serialize)]
    struct Borrowed<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        action: Option<&'a Action>,
        #[serde(skip_serializing_if = "Option::is_none")]
        actor: Option<&'a Actor>,
        #[serde(skip_serializing_if = "Flags::is_empty")]
        flags: &'a Flags,
        id: EventId,
        integrity: &'a SealedIntegrity,
        #[serde(skip_serializing_if = "Option::is_none")]
        metadata: Option<&'a Metadata>,
        processed_at: Millis,
        received_at: Millis,
        routing: &'a SealedRouting,
        schema_version: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        scope: Option<&'a Scope>,
        tenant_id: TenantId,
        timestamp: Millis,
    }
    let tip = assigned.tip;
    let event = Borrowed {
        action: submission.action.as_ref(),
        actor: submission.actor.as_ref(),
        flags: &assigned.flags,
        id: assigned.id,
        integrity: &SealedIntegrity {
            content_hash: assigned.content_hash,
            key_id: assigned.key,
            prev_hash: tip.hash,
            seq: tip.next_seq(),
        },
        metadata: submission.metadata.as_ref(),
        processed_at: assigned.times.processed_at,
        received_at: assigned.times.received_at,
        routing: &assigned.routing,
        schema_version: SCHEMA_VERSION,
        scope: submission.scope.as_ref(),
        tenant_id: assigned.tenant,
        timestamp: assigned.times.timestamp,
    };
    // INVARIANT: the members above are texts, integers, booleans and lists, which always serialise.
    let bytes = serde_json::to_vec(&event).unwrap_or_default();
    let tip = tip.after(&bytes);
    (bytes, tip)
}

/// When and why an event's content was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// When.
    pub at: Millis,
    /// Why.
    pub reason: String,
}

/// The erasable members and the object each stands in.
const ERASABLE: [(&str, &str); 4] =
    [("integrity", "salt"), ("integrity", "nonce"), ("action", "description"), ("metadata", "attributes")];

/// The stored event as readers and exports have it: sealed members, content and hash in one object.
///
/// # Errors
/// Says what could not be read when stored bytes are not what [`seal`] writes.
pub fn stored_form(
    sealed: &[u8],
    content: Option<&[u8]>,
    hash: Hash,
    erased: Option<&Erased>,
) -> Result<Value, String> {
    let mut event: Map<String, Value> =
        serde_json::from_slice(sealed).map_err(|error| format!("sealed bytes: {error}"))?;
    if let Some(integrity) = event.get_mut("integrity").and_then(Value::as_object_mut) {
        integrity.insert("hash".into(), Value::String(hash.to_string()));
    }
    if let Some(content) = content {
        let content: Map<String, Value> =
            serde_json::from_slice(content).map_err(|error| format!("content: {error}"))?;
        for (name, value) in content {
            let Some((parent, _)) = ERASABLE.iter().find(|(_, member)| *member == name) else {
                return Err(format!("content: unknown member `{name}`"));
            };
            if let Value::Object(parent) = event.entry(*parent).or_insert_with(|| Value::Object(Map::new())) {
                parent.insert(name, value);
            }
        }
    }
    if let Some(erased) = erased {
        event.insert("erased".into(), serde_json::to_value(erased).unwrap_or_default());
    }
    Ok(Value::Object(event))
}

/// A stored event taken apart: what a verifier checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The place it claims.
    pub seq: i64,
    /// The hash it claims.
    pub hash: Hash,
    /// The bytes that should hash to it.
    pub sealed: Vec<u8>,
    /// The erasable object, unless all of it was erased: what is left without its salt is no content that was
    /// ever committed to, and must not pass for nothing.
    pub content: Option<Vec<u8>>,
}

/// Takes a stored event apart again.
///
/// # Errors
/// Says what is missing when the object is not a stored event.
pub fn from_stored_form(event: &Value) -> Result<Parts, String> {
    let mut event = event.as_object().cloned().ok_or("a stored event is a JSON object")?;
    event.remove("erased");
    let mut content = Map::new();
    for (parent, name) in ERASABLE {
        if let Some(value) = event.get_mut(parent).and_then(Value::as_object_mut).and_then(|parent| parent.remove(name))
        {
            content.insert(name.to_owned(), value);
        }
    }
    let integrity = event.get_mut("integrity").and_then(Value::as_object_mut).ok_or("`integrity` is missing")?;
    let hash =
        integrity.remove("hash").and_then(|hash| Hash::parse(hash.as_str()?)).ok_or("`integrity.hash` is missing")?;
    let seq = integrity.get("seq").and_then(Value::as_i64).ok_or("`integrity.seq` is missing")?;
    let content = (!content.is_empty()).then(|| json::canonical(&Value::Object(content)));
    Ok(Parts { seq, hash, sealed: json::canonical(&Value::Object(event)), content })
}
