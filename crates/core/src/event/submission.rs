//! Reading one submitted item: strict, scrubbed, and never failing its neighbours.
//!
//! [`Submission::read`] is the only way in. What the contract names lands in typed fields; what it does not
//! name is kept under its JSON pointer in the erasable attributes; what is wrong is answered field by field.

use std::borrow::Cow;

use mandate_scrub::Scrubber;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Actor, ActorKind, Content, Flag, Flags, Impact, Metadata, Resource, ResourceKind};
use crate::change::PersonRow;
use crate::diagnostic::nearest;
use crate::id::PersonId;
use crate::json;
use crate::ownership::person_id;
use crate::time::{HOUR, MINUTE, Millis, SECOND};

/// An item may have this many bytes (EVT-7).
pub const MAX_ITEM_BYTES: usize = 64 * 1024;
/// An item may touch this many resources (EVT-7).
pub const MAX_RESOURCES: usize = 100;
/// A resource may carry this many tags (EVT-7).
pub const MAX_TAGS: usize = 32;
/// Ids, keys, tags, names and types may have this many bytes (EVT-1).
pub const MAX_NAME_BYTES: usize = 256;
/// A description may have this many characters (EVT-7).
pub const MAX_DESCRIPTION_CHARS: usize = 500;

/// What is wrong with one field of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON pointer into the item.
    pub pointer: String,
    /// A stable code.
    pub code: String,
    /// What is wrong and what to do.
    pub detail: String,
}

/// An action as submitted: every field checked, secrets replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// Who acted; without it the event is logged without attribution.
    pub actor: Option<Actor>,
    /// `action`, when it was sent.
    pub action: Option<Action>,
    /// `scope`, when it was sent.
    pub scope: Option<Scope>,
    /// `metadata` without its attributes, when it was sent.
    pub metadata: Option<Metadata>,
    /// Free text and unnamed members: the erasable half.
    pub content: Content,
    /// When the source says it happened.
    pub timestamp: Option<Millis>,
    /// When the client sent it, by the client's clock.
    pub sent_at: Option<Millis>,
    /// What was noticed while reading.
    pub flags: Flags,
}

/// The sealed half of `action`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The sender's own key for this action (EVT-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// What kind of action, such as `deploy`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// What an action touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The resources, as sent: an absent list and an empty one stay apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<Resource>>,
}

impl Submission {
    /// Reads one item of a request.
    ///
    /// `sent_at` is the request's, when it has one; the item's own wins.
    ///
    /// # Errors
    /// Everything that is wrong with it, one entry a field.
    pub fn read(item: &str, sent_at: Option<Millis>, scrubber: &Scrubber) -> Result<Self, Vec<FieldError>> {
        if item.len() > MAX_ITEM_BYTES {
            let detail = format!(
                "an item may have {MAX_ITEM_BYTES} bytes, this one has {}; send a reference instead of the content",
                item.len()
            );
            return Err(vec![FieldError { pointer: String::new(), code: "too_large".into(), detail }]);
        }
        match json::read(item) {
            Ok(Value::Object(members)) => Reader::new(scrubber).submission(members, sent_at),
            Ok(_) => Err(vec![FieldError {
                pointer: String::new(),
                code: "wrong_type".into(),
                detail: "an event is a JSON object".into(),
            }]),
            Err(error) => {
                Err(vec![FieldError { pointer: error.pointer, code: error.code.into(), detail: error.detail }])
            }
        }
    }

    /// The resources, none when no scope was sent.
    #[must_use]
    pub fn resources(&self) -> &[Resource] {
        self.scope.as_ref().and_then(|scope| scope.resources.as_deref()).unwrap_or_default()
    }

    /// The action's type, when it was sent.
    #[must_use]
    pub fn action_type(&self) -> Option<&str> {
        self.action.as_ref()?.kind.as_deref()
    }

    /// The sender's own key, when it was sent.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.action.as_ref()?.idempotency_key.as_deref()
    }

    /// The id of the actor, when it was sent.
    #[must_use]
    pub fn actor_id(&self) -> Option<&str> {
        self.actor.as_ref().map(|actor| actor.id.as_str())
    }

    /// The session, when it was sent.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.metadata.as_ref()?.session_id.as_deref()
    }

    /// Gives a human actor the id that logs have (`person:<uuid>`), and says what that id stands for: name and
    /// handle are joined when they are read, so forgetting a person touches no event.
    pub fn name_person(&mut self, tenant_key: &[u8; 32]) -> Option<PersonRow> {
        let actor = self.actor.as_mut().filter(|actor| actor.kind == ActorKind::Human)?;
        let name = actor.name.take();
        if is_person_id(&actor.id) {
            return None;
        }
        let id = person_id(tenant_key, &actor.id);
        let handle = std::mem::replace(&mut actor.id, format!("person:{id}"));
        Some(PersonRow { id, handle, name })
    }

    /// What the three clocks say of each other (EVT-2): `clock_skew`, `late`, both or neither.
    ///
    /// How late it is, the sender's clock says alone, however wrong it goes; how wrong, `sent_at` beside ours.
    pub fn clock_flags(&self, received_at: Millis) -> impl Iterator<Item = Flag> + use<> {
        let age = self.timestamp.map(|timestamp| received_at.since(timestamp));
        let (skewed, late) = match self.sent_at {
            Some(sent_at) => (
                received_at.since(sent_at).0.saturating_abs() > MINUTE.times(5).0,
                self.timestamp.is_some_and(|timestamp| sent_at.since(timestamp) > SECOND.times(60)),
            ),
            None => (age.is_some_and(|age| age > HOUR || age < MINUTE.times(-5)), false),
        };
        [skewed.then_some(Flag::ClockSkew), late.then_some(Flag::Late)].into_iter().flatten()
    }
}

struct Reader<'s> {
    scrubber: &'s Scrubber,
    errors: Vec<FieldError>,
    unnamed: Map<String, Value>,
    flags: Flags,
}

/// The members of one object that are still to be read, and where it stands.
struct Object {
    members: Map<String, Value>,
    pointer: &'static str,
    index: Option<usize>,
}

impl Object {
    fn pointer(&self, name: &str) -> String {
        let mut pointer = self.pointer.to_owned();
        if let Some(index) = self.index {
            json::push_pointer(&mut pointer, &index.to_string());
        }
        if !name.is_empty() {
            json::push_pointer(&mut pointer, name);
        }
        pointer
    }
}

impl<'s> Reader<'s> {
    fn new(scrubber: &'s Scrubber) -> Self {
        Self { scrubber, errors: Vec::new(), unnamed: Map::new(), flags: Flags::default() }
    }

    fn submission(
        mut self,
        members: Map<String, Value>,
        sent_at: Option<Millis>,
    ) -> Result<Submission, Vec<FieldError>> {
        let mut top = Object { members, pointer: "", index: None };
        self.schema_version(&mut top);
        let sent_at = self.millis(&mut top, "sent_at").or(sent_at);
        let timestamp = self.millis(&mut top, "timestamp");
        self.signature(&mut top);

        let actor = self.object(&mut top, "actor", "/actor").and_then(|object| self.actor(object));
        let mut content = Content::default();
        let action = self.object(&mut top, "action", "/action").map(|object| self.action(object, &mut content));
        let scope = self.object(&mut top, "scope", "/scope").map(|object| self.scope(object));
        let mut metadata =
            self.object(&mut top, "metadata", "/metadata").map(|object| self.metadata(object, &mut content));
        self.keep_unnamed(top);

        if !self.unnamed.is_empty() {
            keep_under_x(content.attributes.get_or_insert_default(), std::mem::take(&mut self.unnamed));
        }
        if let Some(attributes) = &mut content.attributes {
            self.scrubber.scrub_object(attributes);
            // Erasing leaves the parent behind, so a sealed event whose attributes exist has a `metadata`.
            metadata.get_or_insert_default();
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        let submission = Submission { actor, action, scope, metadata, content, timestamp, sent_at, flags: self.flags };
        Ok(submission.with_missing_flags())
    }

    fn schema_version(&mut self, top: &mut Object) {
        if let Some(version) = self.name(top, "schema_version")
            && version.split('.').next() != Some("1")
        {
            self.error(
                top.pointer("schema_version"),
                "unknown_version",
                format!("`{version}` is not a version this server reads; send `1.0`"),
            );
        }
    }

    fn signature(&mut self, top: &mut Object) {
        if let Some(Value::Object(integrity)) = top.members.get("integrity")
            && (integrity.contains_key("signature") || integrity.contains_key("signer_id"))
        {
            let detail = "signed events are not available yet; send it without `integrity`";
            self.error("/integrity".to_owned(), "not_available", detail.to_owned());
        }
    }

    fn actor(&mut self, mut object: Object) -> Option<Actor> {
        let kind = self.word(&mut object, "type", ActorKind::WORDS).and_then(|word| ActorKind::from_word(&word));
        let name = self.name(&mut object, "name");
        let framework = self.name(&mut object, "framework");
        let id = Self::take(&mut object, "id").and_then(|id| self.checked_text(object.pointer("id"), id));
        if let Some(id) = &id
            && !is_actor_id(id)
        {
            let detail = format!("`{id}` is not an actor id: 1–128 of letters, digits and `._:@/-`");
            self.error(object.pointer("id"), "invalid_id", detail);
        }
        if id.is_none() && !self.has_error_at(&object.pointer("id")) {
            self.error(
                object.pointer("id"),
                "missing",
                "an actor has an `id`; leave `actor` out if it is not known".into(),
            );
        }
        self.keep_unnamed(object);
        Some(Actor { framework, id: id?, name, kind: kind.unwrap_or(ActorKind::Agent) })
    }

    fn action(&mut self, mut object: Object, content: &mut Content) -> Action {
        let kind = self.name(&mut object, "type");
        let idempotency_key = self.name(&mut object, "idempotency_key");
        if let Some(text) = self.text(&mut object, "description") {
            let text = self.scrubber.scrub_text(&text);
            let mut ends = text.char_indices().skip(MAX_DESCRIPTION_CHARS - 1).map(|(at, _)| at);
            content.description = Some(match (ends.next(), ends.next()) {
                (Some(end), Some(_)) => {
                    self.flags.insert(Flag::Truncated);
                    format!("{}…", text.get(..end).unwrap_or_default())
                }
                _ => text.into_owned(),
            });
        }
        self.keep_unnamed(object);
        Action { idempotency_key, kind }
    }

    fn scope(&mut self, mut object: Object) -> Scope {
        let resources = self.array(&mut object, "resources").map(|items| {
            if items.len() > MAX_RESOURCES {
                let detail =
                    format!("an event may touch {MAX_RESOURCES} resources, this one has {}; split it", items.len());
                self.error("/scope/resources".into(), "too_many", detail);
                return Vec::new();
            }
            items.into_iter().enumerate().filter_map(|(index, item)| self.resource(index, item)).collect()
        });
        self.keep_unnamed(object);
        Scope { resources }
    }

    fn resource(&mut self, index: usize, item: Value) -> Option<Resource> {
        let Value::Object(members) = item else {
            self.error(
                format!("/scope/resources/{index}"),
                "wrong_type",
                "a resource is an object with `type` and `id`".into(),
            );
            return None;
        };
        let mut object = Object { members, pointer: "/scope/resources", index: Some(index) };
        let kind = self.word(&mut object, "type", ResourceKind::WORDS).and_then(|word| ResourceKind::from_word(&word));
        if kind.is_none() && !self.has_error_at(&object.pointer("type")) {
            self.error(
                object.pointer("type"),
                "missing",
                format!("a resource has a `type`: one of {}", ResourceKind::WORDS.join(", ")),
            );
        }
        let repo = self.name(&mut object, "repo");
        let id = match self.name(&mut object, "id") {
            Some(id) => Some(id),
            None if !self.has_error_at(&object.pointer("id")) => {
                self.error(object.pointer("id"), "missing", "a resource has an `id`".into());
                None
            }
            None => None,
        };
        let id = match (kind, id) {
            (Some(ResourceKind::File), Some(path)) => self.path(&object, path),
            (_, id) => id,
        };
        let tags = self.array(&mut object, "tags").map(|tags| {
            if tags.len() > MAX_TAGS {
                self.error(
                    object.pointer("tags"),
                    "too_many",
                    format!("a resource may carry {MAX_TAGS} tags, this one has {}", tags.len()),
                );
            }
            let pointer = object.pointer("tags");
            tags.into_iter()
                .take(MAX_TAGS)
                .enumerate()
                .filter_map(|(at, tag)| self.checked_name(format!("{pointer}/{at}"), tag))
                .collect()
        });
        self.keep_unnamed(object);
        Some(Resource { id: id?, repo, tags, kind: kind? })
    }

    /// Normalises a file's path; one that leaves its root is refused, an absolute one flagged.
    fn path(&mut self, object: &Object, path: String) -> Option<String> {
        if path.split('/').any(|segment| segment == "..") {
            let detail = format!("`{path}` leaves its root; send the path relative to the repository, without `..`");
            self.error(object.pointer("id"), "invalid_path", detail);
            return None;
        }
        if path.starts_with('/') {
            self.flags.insert(Flag::OutsideRepo);
            return Some(path);
        }
        if !path.split('/').any(|segment| segment.is_empty() || segment == ".") {
            return Some(path);
        }
        let kept: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty() && *segment != ".").collect();
        // The root itself is `.`.
        Some(if kept.is_empty() { ".".to_owned() } else { kept.join("/") })
    }

    fn metadata(&mut self, mut object: Object, content: &mut Content) -> Metadata {
        let estimated_impact =
            self.word(&mut object, "estimated_impact", Impact::WORDS).and_then(|word| Impact::from_word(&word));
        let metadata = Metadata {
            estimated_impact,
            parent_action_id: self.name(&mut object, "parent_action_id"),
            reversible: self.boolean(&mut object, "reversible"),
            sequence: self.integer(&mut object, "sequence"),
            session_id: self.name(&mut object, "session_id"),
            span_id: self.name(&mut object, "span_id"),
            trace_id: self.name(&mut object, "trace_id"),
        };
        if let Some(attributes) = self.object(&mut object, "attributes", "/metadata/attributes") {
            content.attributes = Some(attributes.members);
        }
        self.keep_unnamed(object);
        metadata
    }

    // What follows takes one member out of an object, or says why it cannot.

    fn take(object: &mut Object, name: &str) -> Option<Value> {
        object.members.remove(name).filter(|value| !value.is_null())
    }

    fn object(&mut self, parent: &mut Object, name: &str, pointer: &'static str) -> Option<Object> {
        match Self::take(parent, name)? {
            Value::Object(members) => Some(Object { members, pointer, index: None }),
            _ => self.wrong_type(parent.pointer(name), "an object"),
        }
    }

    fn array(&mut self, parent: &mut Object, name: &str) -> Option<Vec<Value>> {
        match Self::take(parent, name)? {
            Value::Array(items) => Some(items),
            _ => self.wrong_type(parent.pointer(name), "a list"),
        }
    }

    fn text(&mut self, object: &mut Object, name: &str) -> Option<String> {
        match Self::take(object, name)? {
            Value::String(text) => Some(text),
            _ => self.wrong_type(object.pointer(name), "text"),
        }
    }

    fn boolean(&mut self, object: &mut Object, name: &str) -> Option<bool> {
        match Self::take(object, name)? {
            Value::Bool(value) => Some(value),
            _ => self.wrong_type(object.pointer(name), "`true` or `false`"),
        }
    }

    fn integer(&mut self, object: &mut Object, name: &str) -> Option<i64> {
        let value = Self::take(object, name)?;
        value.as_i64().or_else(|| self.wrong_type(object.pointer(name), "a whole number"))
    }

    fn millis(&mut self, object: &mut Object, name: &str) -> Option<Millis> {
        let at = self.integer(object, name)?;
        if at < 0 {
            self.error(object.pointer(name), "out_of_range", "times are Unix milliseconds, from 1970 on".into());
            return None;
        }
        Some(Millis(at))
    }

    fn name(&mut self, object: &mut Object, name: &str) -> Option<String> {
        let value = Self::take(object, name)?;
        self.checked_name(object.pointer(name), value)
    }

    /// A name without secrets: whatever is sealed is scrubbed first. A mark may be longer than what it stands for.
    fn checked_name(&mut self, pointer: String, value: Value) -> Option<String> {
        let text = self.checked_text(pointer, value)?;
        Some(match self.scrubber.scrub_text(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(scrubbed) => bounded(scrubbed),
        })
    }

    fn checked_text(&mut self, pointer: String, value: Value) -> Option<String> {
        let Value::String(text) = value else { return self.wrong_type(pointer, "text") };
        if text.is_empty() {
            self.error(pointer, "empty", "may not be empty; leave it out instead".into());
        } else if text.len() > MAX_NAME_BYTES {
            let detail = format!("may have {MAX_NAME_BYTES} bytes, this has {}", text.len());
            self.error(pointer, "too_long", detail);
        } else if let Some(control) = text.chars().find(|character| *character < ' ') {
            let detail = format!("may not hold the control character U+{:04X}", u32::from(control));
            self.error(pointer, "control_character", detail);
        } else {
            return Some(text);
        }
        None
    }

    fn word(&mut self, object: &mut Object, name: &str, known: &'static [&'static str]) -> Option<String> {
        let word = self.name(object, name)?;
        if known.contains(&word.as_str()) {
            return Some(word);
        }
        let hint =
            nearest(&word, known.iter().copied()).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        self.error(object.pointer(name), "unknown_value", format!("`{word}` is not one of {}{hint}", known.join(", ")));
        None
    }

    fn wrong_type<T>(&mut self, pointer: String, expected: &str) -> Option<T> {
        self.error(pointer, "wrong_type", format!("must be {expected}"));
        None
    }

    fn error(&mut self, pointer: String, code: &str, detail: String) {
        self.errors.push(FieldError { pointer, code: code.to_owned(), detail });
    }

    fn has_error_at(&self, pointer: &str) -> bool {
        self.errors.iter().any(|error| error.pointer == pointer)
    }

    /// What the contract does not name is kept, under its JSON pointer, where it can be erased.
    fn keep_unnamed(&mut self, object: Object) {
        if object.members.is_empty() {
            return;
        }
        let at = object.pointer("");
        for (name, value) in object.members {
            let mut pointer = at.clone();
            json::push_pointer(&mut pointer, &name);
            self.unnamed.insert(pointer, value);
        }
    }
}

/// Puts members that the contract does not name under `x`, beside what the sender keeps there itself. Where the
/// two cannot stand together, the sender's is one more unnamed member, under its own pointer.
fn keep_under_x(attributes: &mut Map<String, Value>, mut unnamed: Map<String, Value>) {
    const SENDERS: &str = "/metadata/attributes/x";
    match attributes.remove("x") {
        Some(Value::Object(senders)) => {
            for (name, value) in senders {
                let mut place = name;
                if unnamed.contains_key(&place) {
                    let name = std::mem::replace(&mut place, SENDERS.to_owned());
                    json::push_pointer(&mut place, &name);
                }
                unnamed.entry(place).or_insert(value);
            }
        }
        Some(other) => drop(unnamed.entry(SENDERS).or_insert(other)),
        None => {}
    }
    attributes.insert("x".to_owned(), Value::Object(unnamed));
}

impl Submission {
    fn with_missing_flags(mut self) -> Self {
        for (missing, flag) in [
            (self.actor.is_none(), Flag::NoActor),
            (self.action_type().is_none(), Flag::NoActionType),
            (self.resources().is_empty(), Flag::NoResource),
        ] {
            if missing {
                self.flags.insert(flag);
            }
        }
        self
    }
}

/// Whether an id is one that logs give to people: `person:<uuid>`, written as they write it. Anything else after
/// `person:` is the sender's word, and may be a name or an address.
fn is_person_id(id: &str) -> bool {
    let uuid = id.strip_prefix("person:").and_then(|id| id.parse::<PersonId>().ok());
    uuid.is_some_and(|uuid| format!("person:{uuid}") == id)
}

/// Whether a text can be the id of an actor: 1–128 of `[A-Za-z0-9._:@/-]`.
#[must_use]
pub fn is_actor_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:@/-".contains(&byte))
}

/// A text as an id may be: without control characters, and at most 256 bytes. A longer one is cut and ends in
/// the hash of the whole, so that equal ones stay equal and others stay apart.
pub(crate) fn bounded(text: String) -> String {
    let text = match text.chars().any(|letter| letter < ' ') {
        true => text.chars().map(|letter| if letter < ' ' { '\u{fffd}' } else { letter }).collect(),
        false => text,
    };
    if text.len() <= MAX_NAME_BYTES {
        return text;
    }
    let hash = hex::encode(Sha256::digest(text.as_bytes()));
    let hash = hash.get(..16).unwrap_or_default();
    let room = MAX_NAME_BYTES - hash.len() - '…'.len_utf8();
    let cut = (0..=room).rev().find_map(|end| text.get(..end)).unwrap_or_default();
    format!("{cut}…{hash}")
}
