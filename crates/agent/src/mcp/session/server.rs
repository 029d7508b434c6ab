//! What the server says of itself: its name, and hints on its tools. Nobody vouches for either.

use std::sync::PoisonError;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Session;
use crate::mcp::identity::server_name;
use crate::mcp::message::{Implementation, Message, Meta};

/// So many tools' hints are remembered.
const MAX_TOOLS: usize = 4_096;

impl Session {
    pub(super) fn server_name(&self) -> String {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.server.is_empty() { "unknown".to_owned() } else { known.server.clone() }
    }

    pub(super) fn learn_server(&mut self, message: &Message<'_>) {
        #[derive(Deserialize, Default)]
        struct Greeting<'l> {
            #[serde(default, borrow, rename = "serverInfo")]
            server_info: Option<Implementation<'l>>,
            #[serde(default, borrow, rename = "_meta")]
            meta: Option<&'l RawValue>,
        }
        let greeting: Greeting<'_> = message.result();
        let of_meta = || {
            let meta: Meta<'_> = serde_json::from_str(greeting.meta?.get()).ok()?;
            meta.server_info
        };
        if self.setting.server.is_none()
            && let Some(name) = greeting.server_info.or_else(of_meta).and_then(|info| info.name)
        {
            let name = server_name(&name);
            self.write_known(|known| known.server = name);
        }
    }

    pub(super) fn learn_tools(&mut self, message: &Message<'_>) {
        #[derive(Deserialize, Default)]
        struct Tools<'l> {
            #[serde(default, borrow)]
            tools: Vec<&'l RawValue>,
        }
        #[derive(Deserialize)]
        struct Tool {
            name: String,
            #[serde(default)]
            annotations: Map<String, Value>,
        }
        for raw in message.result::<Tools<'_>>().tools {
            let Ok(tool) = serde_json::from_str::<Tool>(raw.get()) else { continue };
            if self.hints.len() >= MAX_TOOLS && !self.hints.contains_key(&tool.name) {
                continue;
            }
            let hints: Map<String, Value> = [
                ("read_only", "readOnlyHint"),
                ("destructive", "destructiveHint"),
                ("idempotent", "idempotentHint"),
                ("open_world", "openWorldHint"),
            ]
            .into_iter()
            .filter_map(|(ours, theirs)| Some((ours.to_owned(), tool.annotations.get(theirs)?.as_bool()?.into())))
            .collect();
            let read_only = hints.get("read_only").and_then(Value::as_bool);
            self.write_known(|known| match read_only {
                Some(read_only) => drop(known.read_only.insert(tool.name.clone(), read_only)),
                None => drop(known.read_only.remove(&tool.name)),
            });
            self.hints.insert(tool.name, hints);
        }
    }
}
