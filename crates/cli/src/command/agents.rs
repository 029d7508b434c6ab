//! `mandate agents`, `pause` and `resume`.

use mandate_agent::Client;
use mandate_agent::client::path_segment;
use mandate_api::{Agent, AgentState, Page, PauseAllAnswer, PauseRequest};

use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::screen::{Screen, Style, clean};
use crate::words;

/// What `agents` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct AgentsArgs {
    #[command(flatten)]
    server: ServerArgs,
}

/// What `pause` and `resume` take.
#[derive(Debug, clap::Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The agent's id; it may be one that was never seen
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "ID")]
    id: Option<String>,
    /// Every agent
    #[arg(long)]
    all: bool,
    /// Why; shown to the agent and to people
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not ask, with --all
    #[arg(long)]
    yes: bool,
}

/// What to do to agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Their calls stop.
    Pause,
    /// Their calls go through again.
    Resume,
}

impl Verb {
    const fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

/// Lists every agent.
pub(crate) async fn list(args: AgentsArgs, screen: &Screen) -> Result<(), Failure> {
    let client = args.server.client()?;
    let agents = all(&client).await?;
    if screen.json {
        return Ok(screen.document(&Page { items: agents, next_cursor: None })?);
    }
    if agents.is_empty() {
        screen.say("no agent was heard of yet");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = agents.iter().map(row).collect();
    Ok(screen.table(&["agent", "state", "since", "by", "reason"], &rows)?)
}

async fn all(client: &Client) -> Result<Vec<Agent>, Failure> {
    let mut agents = Vec::new();
    let mut cursor = None;
    loop {
        let after = cursor.as_deref().map(|cursor| format!("&cursor={}", path_segment(cursor))).unwrap_or_default();
        let page: Page<Agent> = client.get_json(&format!("/v1/agents?limit=1000{after}")).await?;
        agents.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(agents);
        }
    }
}

fn row(agent: &Agent) -> Vec<String> {
    let since = agent.since.or(agent.first_seen_at).map(words::date).unwrap_or_default();
    let by = agent.by.clone().unwrap_or_default();
    vec![agent.id.clone(), state(agent.state).to_owned(), since, by, agent.reason.clone().unwrap_or_default()]
}

fn state(state: AgentState) -> &'static str {
    match state {
        AgentState::Running => "running",
        AgentState::Paused => "PAUSED",
        AgentState::ReadOnly => "read only",
    }
}

/// Pauses or resumes one agent, or all.
pub(crate) async fn change(args: PauseArgs, verb: Verb, screen: &Screen) -> Result<(), Failure> {
    let client = args.server.client()?;
    let request = PauseRequest { reason: args.reason.clone(), preview: false };
    match &args.id {
        Some(id) => one(&client, id, &request, verb, screen).await,
        None => every(&client, &args, &request, verb, screen).await,
    }
}

async fn one(client: &Client, id: &str, request: &PauseRequest, verb: Verb, screen: &Screen) -> Result<(), Failure> {
    let agent: Agent = client.post_json(&format!("/v1/agents/{}/{}", path_segment(id), verb.word()), request).await?;
    if screen.json {
        return Ok(screen.document(&agent)?);
    }
    let since = agent.since.map(|at| format!(" since {}", words::clock(at))).unwrap_or_default();
    let reason = agent.reason.as_deref().map(|reason| format!(": {}", clean(reason))).unwrap_or_default();
    let (word, style) =
        if agent.state == AgentState::Running { ("running", Style::Good) } else { ("paused", Style::Warn) };
    screen.line(format!("{} is {}{since}{reason}", agent.id, screen.paint(style, word)))?;
    if verb == Verb::Pause && agent.first_seen_at.is_none() {
        screen.say("it was never heard of; the pause holds when it appears");
    }
    Ok(())
}

async fn every(
    client: &Client,
    args: &PauseArgs,
    request: &PauseRequest,
    verb: Verb,
    screen: &Screen,
) -> Result<(), Failure> {
    let path = format!("/v1/agents/{}", verb.word());
    if !args.yes {
        let preview = PauseRequest { preview: true, ..request.clone() };
        let would: PauseAllAnswer = client.post_json(&path, &preview).await?;
        let question = format!("{} {}?", verb.word(), words::count(would.count, "agent"));
        match screen.confirm(&question) {
            Some(true) => {}
            Some(false) => return Err(Failure::Failed("nothing was changed".to_owned())),
            None => {
                let hint = format!("{question} There is no terminal to ask on; say `--yes`");
                return Err(Failure::Usage(hint));
            }
        }
    }
    let answer: PauseAllAnswer = client.post_json(&path, request).await?;
    if screen.json {
        return Ok(screen.document(&answer)?);
    }
    let done = if verb == Verb::Pause { "paused" } else { "resumed" };
    Ok(screen.line(format!("{} {done}", words::count(answer.count, "agent")))?)
}
