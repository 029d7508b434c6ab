//! The demo's MCP agent: the official client in a process of its own, told line by line what to call.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::world::World;
use crate::connection::Connection;
use crate::failure::{Failure, plain};

/// The agent's program; it needs the npm packages beside it.
const PROGRAM: &str = include_str!("agent.mjs");
/// How long the agent may take to start, or to end.
const PATIENCE: Duration = Duration::from_secs(30);
const GOODBYE: Duration = Duration::from_secs(3);

/// A running agent.
#[derive(Debug)]
pub(crate) struct McpAgent {
    child: Child,
    group: Option<Pid>,
    calls: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

/// What a tool call came back with.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    /// Whether the result says that it is an error.
    #[serde(default)]
    pub(crate) refused: bool,
    /// The text that the model reads.
    #[serde(default)]
    pub(crate) text: String,
}

impl McpAgent {
    /// Starts it, in a process group of its own so that a Ctrl-C reaches the demo first.
    pub(crate) async fn start(world: &World, tools: &Path, id: &str, connection: &Connection) -> Result<Self, Failure> {
        let program = world.dir.join("agent.mjs");
        std::fs::write(&program, PROGRAM).map_err(|error| Failure::file("write", &program, &error))?;
        let mandate = std::env::current_exe().map_err(|error| Failure::Failed(plain(&error)))?;
        let mut command = Command::new("node");
        command.arg(&program).arg(tools).arg(mandate).arg(&world.repository);
        command
            .env("MANDATE_URL", &connection.url)
            .env("MANDATE_AGENT", id)
            .env("MANDATE_STATE", world.dir.join("agent"));
        if let Some(key) = &connection.key {
            command.env("MANDATE_KEY", key);
        }
        let log = std::fs::File::create(world.dir.join("agent.log")).map_err(|error| Failure::Failed(plain(&error)))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            Failure::Failed(format!("cannot start `node`: {}; is Node 20 installed?", plain(&error)))
        })?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let (Some(calls), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::Failed("the agent has no pipes".to_owned()));
        };
        let mut agent = Self { child, group, calls: Some(calls), answers: BufReader::new(answers).lines() };
        if let Err(failure) = agent.line().await {
            agent.stop().await;
            return Err(failure);
        }
        Ok(agent)
    }

    /// Calls a tool and waits for its result.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Result<Answer, Failure> {
        let line = format!("{}\n", json!({"tool": tool, "arguments": arguments}));
        if let Some(calls) = &mut self.calls {
            calls.write_all(line.as_bytes()).await.map_err(|error| gone(&plain(&error)))?;
        }
        let answer = self.line().await?;
        serde_json::from_str(&answer).map_err(|error| gone(&error.to_string()))
    }

    async fn line(&mut self) -> Result<String, Failure> {
        match timeout(PATIENCE, self.answers.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(Ok(None)) => Err(gone("it ended")),
            Ok(Err(error)) => Err(gone(&plain(&error))),
            Err(_) => Err(gone("it does not answer")),
        }
    }

    /// Closes its input and waits; what does not end by itself is ended.
    pub(crate) async fn stop(mut self) {
        drop(self.calls.take());
        let ended = timeout(GOODBYE, self.child.wait()).await;
        if ended.is_err()
            && let Some(group) = self.group
        {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait().await;
        }
    }
}

/// A demo that ends early takes the whole group along: the client, the wrapper and the server.
impl Drop for McpAgent {
    fn drop(&mut self) {
        if let (Some(group), Ok(None)) = (self.group, self.child.try_wait()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn gone(why: &str) -> Failure {
    Failure::Failed(format!(
        "the MCP agent cannot go on: {why}; its own words are in agent.log of the demo's directory"
    ))
}
