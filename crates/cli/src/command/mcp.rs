//! `mandate mcp wrap`: the agent's side, with what this machine brings.

use std::ffi::OsString;
use std::process::ExitCode;

use mandate_agent::mcp;

use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::runtime::Threads;
use crate::{log, machine, runtime};

/// MCP.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum McpCommand {
    /// Starts an MCP server and stands between it and the client, on standard input and output
    Wrap(WrapArgs),
}

/// What `mcp wrap` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct WrapArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The agent's id, the same across restarts; CLIENT@HOST unless given
    #[arg(long, env = "MANDATE_AGENT", value_name = "ID")]
    agent: Option<String>,
    /// The MCP server's name in rules and capture.yaml; what it calls itself unless given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The MCP server's command and its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Wraps the server; ends as it ended.
pub(crate) fn wrap(args: WrapArgs) -> Result<ExitCode, Failure> {
    log::beside("warn");
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Failure::Usage("say which server to start, after `--`".to_owned()));
    };
    if let Some(agent) = &args.agent
        && !is_agent_id(agent)
    {
        let hint = "use 1 to 128 letters, digits and `._:@/-`";
        return Err(Failure::Usage(format!("`{agent}` cannot be an agent's id; {hint}")));
    }
    let working_directory = std::env::current_dir().map_err(|error| {
        Failure::Failed(format!("cannot find the working directory: {}", crate::failure::plain(&error)))
    })?;
    let options = mcp::Options {
        client: args.server.client()?,
        agent: args.agent,
        name: args.name,
        host: machine::host(),
        state_dir: machine::state_dir(),
        working_directory,
        env: machine::agent_env(),
    };
    let wrapped = runtime::block_on(Threads::All, async {
        mcp::wrap(options, program, arguments).await.map_err(|error| Failure::Failed(error.to_string()))
    });
    wrapped?.leave()
}

fn is_agent_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:@/-".contains(&byte))
}
