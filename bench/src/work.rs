//! What is sent, and the configuration that it meets.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::Result;

/// How many agents act.
pub const AGENTS: usize = 64;
/// How many services they touch.
pub const SERVICES: usize = 200;

/// Writes a configuration: forty rules, twenty teams, two hundred owned services. With a sink every action makes
/// one notice to one webhook; without, nobody is told.
///
/// # Errors
/// There is no room.
pub fn configure(dir: &Path, sink: Option<SocketAddr>) -> Result<PathBuf> {
    let config = dir.join("config");
    fs::create_dir_all(config.join("rules"))?;
    let mut settings = "limits: {actor_per_second: 1000000, actor_burst: 1000000}\n".to_owned();
    if let Some(sink) = sink {
        let url = format!("http://{sink}/hook");
        let _ = writeln!(
            settings,
            "channels:\n  - {{name: hook, kind: webhook, url: \"{url}\", secret: \"{SECRET}\", allow_private: true}}\nstorm: {{enabled: false}}"
        );
    }
    fs::write(config.join("mandate.yaml"), settings)?;

    let mut ownership = "people:\n".to_owned();
    let contact = if sink.is_some() { ", contacts: [{channel: hook}]" } else { "" };
    for team in 0..20 {
        let _ = writeln!(ownership, "  - {{handle: \"@p{team}\"}}");
    }
    ownership.push_str("teams:\n");
    for team in 0..20 {
        let _ = writeln!(ownership, "  - {{handle: \"@t{team}\", members: [\"@p{team}\"]{contact}}}");
    }
    ownership.push_str("owners:\n");
    for service in 0..SERVICES {
        let _ = writeln!(ownership, "  - {{resource: \"service:service-{service}\", team: \"@t{}\"}}", service % 20);
    }
    fs::write(config.join("ownership.yaml"), ownership)?;

    let mut rules = "rules:\n".to_owned();
    for rule in 0..39 {
        let matches = format!("{{action_type: act_{rule}, resource.tags: [production]}}");
        let _ = writeln!(rules, "  - {{name: r{rule}, match: {matches}, decision: flagged}}");
    }
    let decision = if sink.is_some() { "monitored, notify: [resource.owners]" } else { "auto" };
    let _ = writeln!(rules, "  - {{name: measured, match: {{action_type: deploy}}, decision: {decision}}}");
    fs::write(config.join("rules").join("bench.yaml"), rules)?;
    Ok(config)
}

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// The event with this number: about 500 bytes, a key of its own, its number in the description.
#[must_use]
pub fn event(number: usize) -> String {
    let (agent, service) = (number % AGENTS, number % SERVICES);
    format!(
        r#"{{"actor":{{"type":"agent","id":"agent-{agent}","name":"Deployer {agent}","framework":"mcp"}},"action":{{"type":"deploy","description":"bench-{number}-deploys a new version of the service and waits for it","idempotency_key":"run-{number}"}},"scope":{{"resources":[{{"type":"service","id":"service-{service}","tags":["production","eu"]}}]}},"metadata":{{"reversible":true,"estimated_impact":"medium","session_id":"session-{agent}","attributes":{{"version":"2.3.{service}","duration_ms":1841,"host":"build-7"}}}}}}"#
    )
}

/// The number in a webhook's body.
#[must_use]
pub fn number_in(body: &[u8]) -> Option<usize> {
    let at = memchr::memmem::find(body, b"bench-")? + b"bench-".len();
    let digits = body.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

/// Whole requests for the events of a range, `batch` in each.
#[must_use]
pub fn requests(address: SocketAddr, key: &str, events: std::ops::Range<usize>, batch: usize) -> Vec<Vec<u8>> {
    let all: Vec<usize> = events.collect();
    let body = |numbers: &[usize]| match numbers {
        [only] if batch == 1 => event(*only),
        many => format!(r#"{{"events":[{}]}}"#, many.iter().map(|at| event(*at)).collect::<Vec<_>>().join(",")),
    };
    all.chunks(batch).map(|numbers| request(address, key, &body(numbers))).collect()
}

/// One whole request that submits `body`.
#[must_use]
pub fn request(address: SocketAddr, key: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_json_and_says_its_number() {
        let text = event(4711);
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        assert_eq!(number_in(text.as_bytes()), Some(4711));
    }
}
