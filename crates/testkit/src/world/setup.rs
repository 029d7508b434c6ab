//! How a world begins, and the events that scenarios speak of.

use mandate_core::plan::snapshot::Files;
use serde_json::{Value, json};

use super::slack::SlackSetup;

/// `@alice` is told through `ops-hook`, `@bob` through `other-hook`, and each owns something.
pub(super) const OWNERSHIP: &str = r#"people:
  - {handle: "@alice", name: "Alice", contacts: [{channel: ops-hook}]}
  - {handle: "@bob", name: "Bob", contacts: [{channel: other-hook}]}
teams:
  - {handle: "@platform", members: ["@alice"], contacts: [{channel: ops-hook}]}
owners:
  - {resource: "service:payments", primary: "@alice"}
  - {resource: "service:search", primary: "@bob"}
"#;

const RULES: &str = r#"rules:
  - name: looks
    match: {action_type: look}
    decision: auto_execute
  - name: deploys
    match: {action_type: deploy}
    decision: monitored_execute
    notify: [resource.owners]
    urgency: medium
    reason: "somebody should know"
  - name: alarms
    match: {action_type: alarm}
    decision: flagged_execute
    notify: [resource.owners]
    urgency: critical
    reason: "somebody should come"
"#;

/// How a world begins.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where `ops-hook` posts, instead of the world's own sink.
    pub hook_url: Option<String>,
    /// At most so many pages of 4 kB in the store.
    pub max_pages: Option<u32>,
    /// A Slack workspace, whose channel is the first contact of everybody.
    pub slack: Option<SlackSetup>,
    /// More of `mandate.yaml`.
    pub settings: String,
    /// The tenant's files.
    pub files: Files,
}

impl Default for Setup {
    fn default() -> Self {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let files = Files::from([file("ownership.yaml", OWNERSHIP), file("rules/scenario.yaml", RULES)]);
        Self { hook_url: None, max_pages: None, slack: None, settings: String::new(), files }
    }
}

/// A deployment by an agent, with an idempotency key.
#[must_use]
pub fn deploy(agent: &str, service: &str, key: &str) -> Value {
    json!({
        "actor": {"type": "agent", "id": agent},
        "action": {"type": "deploy", "description": format!("Deploy {service}"), "idempotency_key": key},
        "scope": {"resources": [{"type": "service", "id": service}]},
    })
}

/// Something that nobody is told of.
#[must_use]
pub fn look(agent: &str, key: &str) -> Value {
    let mut event = deploy(agent, "payments", key);
    event["action"]["type"] = json!("look");
    event
}
