//! The event of one call: its key, what it asked for, where, and what is known of the tool.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::call::Call;
use super::{MAX_NAME_BYTES, Session};
use crate::mcp::message::Message;
use crate::mcp::text::cut;

/// So many ids are remembered to tell a used one from a new one.
const MAX_SEEN_IDS: usize = 65_536;

impl Session {
    /// The call's idempotency key. A client that uses an id twice still makes two calls.
    pub(super) fn key(&mut self, id: &str) -> String {
        let connection = self.setting.connection;
        let digest = Sha256::digest(id);
        let short = digest.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let fresh = self.seen_ids.len() < MAX_SEEN_IDS && self.seen_ids.insert(short);
        let id = if id.len() > 128 || id.contains(char::is_control) { hex::encode(digest) } else { id.to_owned() };
        if fresh { format!("{connection}:{id}") } else { format!("{connection}:{id}#{}", self.sequence) }
    }

    pub(super) fn event(&mut self, call: &Call, message: &Message<'_>, at: i64) -> Value {
        let server = self.server_name();
        let tool = call.tool.as_deref().map_or_else(|| "unknown".to_owned(), |tool| cut(tool, MAX_NAME_BYTES));
        let arguments = call.arguments.as_deref().map_or_else(|| json!({}), |raw| self.setting.shaper.arguments(raw));
        let repository = self.site.repository(call.arguments.as_deref());
        // Scrubbed as the arguments are, so that a path still begins with the root it lies in.
        let path = |path: &Path| {
            let mut text = Value::from(path.to_string_lossy());
            self.setting.shaper.scrubber().scrub_value(&mut text);
            text
        };
        let hints = self.hints.get(&tool).cloned().unwrap_or_default();

        let mut told = json!({
            "protocol": "mcp", "server": server, "tool": tool, "arguments": arguments,
            "cwd": path(self.site.working_directory()), "trusted": false,
        });
        let mut metadata = json!({"session_id": self.setting.connection, "sequence": call.sequence});
        if let Some(repository) = repository {
            told["repo_root"] = path(&repository.root);
            told["repo"] = repository.name.into();
        }
        // Hints are the server's word on itself. They are passed on as such, for `capture.yaml` to weigh; as the
        // event's own word only the one that makes the call graver.
        let hint = |name: &str| hints.get(name).and_then(Value::as_bool);
        if hint("destructive") == Some(true) && hint("read_only") != Some(true) {
            metadata["reversible"] = false.into();
        }
        if !hints.is_empty() {
            told["hints"] = Value::Object(hints);
        }
        metadata["attributes"] = json!({"call": told});
        if let Some((trace, span)) = message.meta().traceparent.as_deref().and_then(trace_context) {
            metadata["trace_id"] = trace.into();
            metadata["span_id"] = span.into();
        }
        let mut actor = json!({"type": "agent", "id": self.agent, "framework": "mcp"});
        if let Some(name) = &self.client_name {
            actor["name"] = name.as_str().into();
        }
        json!({
            "timestamp": at,
            "actor": actor,
            "action": {
                "type": "tool_call", "description": cut(&format!("{server}.{tool}"), 400), "idempotency_key": call.key,
            },
            "metadata": metadata,
        })
    }
}

/// Trace and span of a `traceparent`: `00-<32 hex>-<16 hex>-<flags>`.
fn trace_context(header: &str) -> Option<(&str, &str)> {
    let mut parts = header.split('-');
    let (_version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex(trace, 32) && is_hex(span, 16)).then_some((trace, span))
}
