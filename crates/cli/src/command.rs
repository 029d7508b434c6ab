//! One command a file.

pub(crate) mod agents;
pub(crate) mod channels;
pub(crate) mod export;
pub(crate) mod keys;
pub(crate) mod mcp;
pub(crate) mod notifications;
pub(crate) mod owners;
pub(crate) mod respond;
pub(crate) mod reviews;
pub(crate) mod rules;
pub(crate) mod schema;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod tail;
pub(crate) mod verify;
pub(crate) mod why;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::args::Command;
use crate::failure::Failure;
use crate::runtime::{Threads, block_on};
use crate::screen::Screen;

/// Does what was asked.
pub(crate) fn run(command: Command, screen: &Screen) -> Result<ExitCode, Failure> {
    let one = Threads::One;
    match command {
        Command::Serve(args) => block_on(Threads::All, serve::run(args, screen)),
        Command::Demo(args) => block_on(Threads::All, crate::demo::run(args, screen)),
        // Ends the process the way the wrapped server ended.
        Command::Mcp(mcp::McpCommand::Wrap(args)) => return mcp::wrap(args),
        Command::Send(args) => block_on(one, send::run(args, screen)),
        Command::Tail(args) => block_on(one, tail::run(args, screen)),
        Command::Status(args) => block_on(one, status::run(args, screen)),
        Command::Agents(args) => block_on(one, agents::list(args, screen)),
        Command::Pause(args) => block_on(one, agents::change(args, agents::Verb::Pause, screen)),
        Command::Resume(args) => block_on(one, agents::change(args, agents::Verb::Resume, screen)),
        Command::Notifications(args) => block_on(one, notifications::list(args, screen)),
        Command::Respond(args) => block_on(one, respond::respond(args, screen)),
        Command::Undo(args) => block_on(one, respond::undo(args, screen)),
        Command::Reviews(args) => block_on(one, reviews::list(args, screen)),
        Command::Why(args) => block_on(one, why::run(args, screen)),
        Command::Owners(owners::OwnersCommand::Explain(args)) => block_on(one, owners::explain(args, screen)),
        Command::Owners(owners::OwnersCommand::Blast(args)) => block_on(one, owners::blast(args, screen)),
        Command::Channels(channels::ChannelsCommand::Test(args)) => block_on(one, channels::test(args, screen)),
        Command::Rules(rules::RulesCommand::Check(args)) => rules::check(&args, screen),
        Command::Rules(rules::RulesCommand::Explain(args)) => block_on(one, rules::explain(*args, screen)),
        Command::Verify(args) => block_on(one, verify::run(args, screen)),
        Command::Export(args) => block_on(one, export::run(args, screen)),
        Command::Keys(args) => block_on(one, keys::run(args, screen)),
        Command::Schema(args) => schema::run(&args, screen),
        Command::Openapi => {
            let document = mandate_server::http::openapi();
            let text = if screen.json { document.to_json() } else { document.to_pretty_json() };
            screen.line(text.map_err(|error| Failure::Failed(error.to_string()))?)?;
            Ok(())
        }
    }
    .map(|()| ExitCode::SUCCESS)
}

/// A configuration directory: the flag or `MANDATE_CONFIG`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ConfigArgs {
    /// The configuration directory
    #[arg(long, env = "MANDATE_CONFIG", value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
}

/// The store itself, while no server holds it.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct StoreArgs {
    /// Work on the store itself while the server is stopped: sqlite:PATH or postgres://…
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) store: Option<String>,
    /// The tenant, with --store
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) tenant: String,
}

impl StoreArgs {
    /// Opens the store when one was named.
    pub(crate) async fn open(&self, make: bool) -> Result<Option<mandate_server::offline::OfflineStore>, Failure> {
        let Some(address) = &self.store else { return Ok(None) };
        let opened =
            mandate_server::offline::OfflineStore::open(address, &self.tenant, make, crate::machine::server_env());
        opened.await.map(Some).map_err(Failure::Failed)
    }
}
