//! What happens in the demo, in order.

use std::path::Path;

use mandate_api::{Agent, AgentState, KeyRequest, KeyScope, NewKey, PauseRequest, SubmitResponse, SubmitStatus};
use mandate_server::offline::Verifier;
use serde_json::{Value, json};

use super::mcp_agent::McpAgent;
use super::stage::Stage;
use super::world::{REPO, World};
use crate::command::verify;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::machine;
use crate::screen::{Style, clean};
use crate::words;

/// The MCP agent's id.
const WRITER: &str = "writer";
/// Who pauses it.
const ALICE: &str = "@alice";
const REASON: &str = "that is the wrong price list";

/// Plays all of it.
pub(crate) async fn play(stage: &mut Stage, world: &World, tools: &Path, admin: &Connection) -> Result<(), Failure> {
    introduce(stage, world, admin)?;
    let keys = Keys::make(admin).await?;
    let writer = Connection { key: Some(keys.writer.clone()), ..admin.clone() };
    let mut agent = McpAgent::start(world, tools, WRITER, &writer).await?;
    let played = acts(stage, world, admin, &keys, &mut agent).await;
    agent.stop().await;
    played?;
    conclude(stage, world, admin).await
}

async fn acts(
    stage: &mut Stage,
    world: &World,
    admin: &Connection,
    keys: &Keys,
    agent: &mut McpAgent,
) -> Result<(), Failure> {
    let charge = world.repository.join("src/payments/charge.py");
    let index = world.repository.join("src/search/index.py");

    stage.act("An MCP agent works in a repository").await?;
    stage.text("The official MCP client drives the npm filesystem server. Mandate stands between")?;
    stage.text("them, passes every byte on, and finds the owners of files in CODEOWNERS.")?;
    call(stage, agent, "read_text_file", json!({"path": index})).await?;
    let text = "def charge(card, cents):\n    return card.take(cents, retry=True)\n";
    call(stage, agent, "write_file", json!({"path": charge, "content": text})).await?;
    let edit = json!([{"oldText": "return []", "newText": "return sorted(words)"}]);
    call(stage, agent, "edit_file", json!({"path": index, "edits": edit})).await?;

    stage.act("Other agents act too").await?;
    stage.text("They post what they do over HTTP.")?;
    let posting = Connection { key: Some(keys.others.clone()), ..admin.clone() };
    for event in scripted() {
        post(&posting, &event).await?;
        let actor = event.pointer("/actor/id").and_then(Value::as_str).unwrap_or_default();
        stage.show_next(actor).await?;
    }

    stage.act(&format!("{ALICE} pauses the MCP agent")).await?;
    let alice = Connection { key: Some(keys.alice.clone()), ..admin.clone() }.client()?;
    say_command(stage, &format!("mandate pause {WRITER} --reason \"{REASON}\""))?;
    let request = PauseRequest { reason: Some(REASON.to_owned()), preview: false };
    let paused: Agent = alice.post_json(&format!("/v1/agents/{WRITER}/pause"), &request).await?;
    settled(AgentState::Paused, paused.state)?;
    stage.breathe().await;
    let overwrite = json!({"path": charge, "content": "def charge(card, cents):\n    return card.take(cents * 2)\n"});
    let answer = until_refused(agent, &overwrite).await?;
    stage.text("")?;
    stage.text("Its next call, write_file on src/payments/charge.py, comes back as a result that")?;
    stage.text("its model can read:")?;
    for line in clean_lines(&answer) {
        stage.detail("", &stage.screen.paint(Style::Warn, &line))?;
    }
    let untouched = std::fs::read_to_string(&charge).is_ok_and(|now| now == text);
    stage.detail(
        "file",
        if untouched { "src/payments/charge.py is as it was" } else { "src/payments/charge.py has changed" },
    )?;
    stage.breathe().await;

    stage.text("")?;
    say_command(stage, &format!("mandate resume {WRITER}"))?;
    let request = PauseRequest { reason: Some("talked it over".to_owned()), preview: false };
    // Resuming takes more than pausing does: an admin's key.
    let resumed: Agent = admin.client()?.post_json(&format!("/v1/agents/{WRITER}/resume"), &request).await?;
    settled(AgentState::Running, resumed.state)?;
    until_through(stage, agent, &json!({"path": charge})).await
}

fn introduce(stage: &Stage, world: &World, admin: &Connection) -> Result<(), Failure> {
    stage.text(&stage.screen.paint(Style::Bold, "Mandate routes agent actions to the right people in real time."))?;
    stage.text("")?;
    stage.text(&format!("data    {}", world.dir.display()))?;
    stage.text(&format!("server  {}, on SQLite", admin.url))?;
    stage.text(&format!("repo    {REPO}, a small git repository with CODEOWNERS"))?;
    stage.text("people  @alice and @bob, of @payments-team and @platform")
}

/// What the demo's parts come with.
struct Keys {
    writer: String,
    others: String,
    alice: String,
}

impl Keys {
    async fn make(admin: &Connection) -> Result<Self, Failure> {
        let client = admin.client()?;
        let wish = |scope, name: &str, agent: Option<&str>, person: Option<&str>| KeyRequest {
            scope,
            name: Some(name.to_owned()),
            agent: agent.map(str::to_owned),
            person: person.map(str::to_owned),
            expires_at: None,
        };
        let mut made = Vec::new();
        for request in [
            wish(KeyScope::Ingest, "the MCP agent", Some(WRITER), None),
            wish(KeyScope::Ingest, "scripted agents", None, None),
            wish(KeyScope::Respond, "Alice", None, Some(ALICE)),
        ] {
            let key: NewKey = client.post_json("/v1/keys", &request).await?;
            made.push(key.key);
        }
        let mut made = made.into_iter();
        let mut next = || made.next().unwrap_or_default();
        Ok(Self { writer: next(), others: next(), alice: next() })
    }
}

async fn call(stage: &mut Stage, agent: &mut McpAgent, tool: &str, arguments: Value) -> Result<(), Failure> {
    let answer = agent.call(tool, arguments).await?;
    if answer.refused {
        return Err(Failure::Failed(format!("`{tool}` did not work: {}", clean(&answer.text))));
    }
    stage.show_next(WRITER).await
}

/// Calls until the pause has reached the wrapper: it travels beside the call, and may come a moment after it.
async fn until_refused(agent: &mut McpAgent, arguments: &Value) -> Result<String, Failure> {
    // Reading changes nothing, so that asking early does no harm.
    let peek = json!({"path": arguments.get("path")});
    for _ in 0..100 {
        if agent.call("read_text_file", peek.clone()).await?.refused {
            let answer = agent.call("write_file", arguments.clone()).await?;
            if answer.refused {
                return Ok(answer.text);
            }
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Err(Failure::Failed("the pause did not reach the agent".to_owned()))
}

async fn until_through(stage: &mut Stage, agent: &mut McpAgent, arguments: &Value) -> Result<(), Failure> {
    for _ in 0..100 {
        let answer = agent.call("read_text_file", arguments.clone()).await?;
        if !answer.refused {
            stage.detail("", "and its calls go through again")?;
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Err(Failure::Failed("the agent was not resumed".to_owned()))
}

fn settled(wanted: AgentState, is: AgentState) -> Result<(), Failure> {
    if wanted == is { Ok(()) } else { Err(Failure::Failed(format!("`{WRITER}` did not change its state"))) }
}

fn say_command(stage: &Stage, command: &str) -> Result<(), Failure> {
    stage.text(&format!("$ {}", stage.screen.paint(Style::Code, command)))
}

fn clean_lines(text: &str) -> Vec<String> {
    text.lines().map(clean).collect()
}

/// What the scripted agents do.
fn scripted() -> Vec<Value> {
    let event = |actor: &str, kind: &str, description: &str, resource: Value, metadata: Value| {
        json!({
            "actor": {"type": "agent", "id": actor},
            "action": {"type": kind, "description": description},
            "scope": {"resources": [resource]},
            "metadata": metadata,
        })
    };
    vec![
        event(
            "deployer",
            "deploy",
            "Deploy payments-service v2.3.1",
            json!({"type": "service", "id": "payments-service", "tags": ["production"]}),
            json!({"estimated_impact": "high"}),
        ),
        event(
            "tuner",
            "config_change",
            "Raise the search timeout to 800 ms",
            json!({"type": "config", "id": "search/timeouts"}),
            json!({"estimated_impact": "low", "reversible": true}),
        ),
        event(
            "support-bot",
            "refund",
            "Refund order 10482",
            json!({"type": "table", "id": "payments/refunds"}),
            json!({"estimated_impact": "medium", "reversible": false}),
        ),
        event(
            "reporter",
            "read",
            "Read yesterday's sales",
            json!({"type": "service", "id": "search"}),
            json!({"estimated_impact": "none"}),
        ),
        event(
            "cleaner",
            "restart",
            "Restart a service that nobody owns",
            json!({"type": "service", "id": "old-importer"}),
            json!({"estimated_impact": "low"}),
        ),
    ]
}

async fn post(posting: &Connection, event: &Value) -> Result<(), Failure> {
    let body = json!({"sent_at": machine::now(), "events": [event]}).to_string();
    let answer: SubmitResponse = posting.client()?.submit(body).await?;
    match answer.results.first() {
        Some(receipt) if receipt.status == SubmitStatus::Accepted => Ok(()),
        other => Err(Failure::Failed(format!("an event was not accepted: {other:?}"))),
    }
}

async fn conclude(stage: &Stage, world: &World, admin: &Connection) -> Result<(), Failure> {
    stage.act("The record holds").await?;
    say_command(stage, "mandate verify")?;
    let verdict = verify::online(&stage.client, Verifier::default(), &stage.screen).await?;
    if !verdict.ok {
        return verify::show(&verdict, &stage.screen);
    }
    let chains = format!("{} and {} in two chains", words::count(verdict.events.entries, "event"), audit(&verdict));
    stage.text(&format!("{}: {chains}, each linked to the one before", stage.screen.paint(Style::Good, "ok")))?;
    let (actions, notices, median) = stage.counts();
    stage.text("")?;
    stage.text(&format!(
        "{} shown, {} delivered, half of them within {median} ms.",
        words::count(actions as u64, "action"),
        words::count(notices as u64, "notice"),
    ))?;
    stage.act("Now you").await?;
    let mandate = std::env::current_exe().map_or_else(|_| "mandate".to_owned(), |path| path.display().to_string());
    for line in [
        format!("export MANDATE_URL={}", admin.url),
        format!("export MANDATE_KEY=\"$(cat {})\"", world.key_file().display()),
        format!("alias mandate={mandate}"),
        "mandate status".to_owned(),
        "mandate owners explain file:src/payments/charge.py".to_owned(),
        "mandate send --actor me --type deploy --resource service:search".to_owned(),
        "mandate tail --after 0".to_owned(),
    ] {
        stage.text(&format!("  {}", stage.screen.paint(Style::Code, &line)))?;
    }
    Ok(())
}

fn audit(verdict: &mandate_server::offline::Verdict) -> String {
    let entries = verdict.audit.as_ref().map_or(0, |audit| audit.entries);
    if entries == 1 { "1 audit entry".to_owned() } else { format!("{} audit entries", words::grouped(entries)) }
}
