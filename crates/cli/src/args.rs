//! The command line. What a command takes stands beside what it does, in `command/`.

use clap::{Parser, Subcommand};

use crate::command;
use crate::demo::DemoArgs;

/// Routes agent actions to the right people in real time.
#[derive(Debug, Parser)]
#[command(name = "mandate", version, about, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 all right, 1 the check failed, 2 wrong usage, 3 the server cannot be reached.\n\
                  The server and key come from MANDATE_URL and MANDATE_KEY, or ~/.config/mandate/credentials.")]
pub(crate) struct Args {
    /// Data as JSON, on one line a document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the server
    Serve(command::serve::ServeArgs),
    /// Runs a whole chain in this terminal: agents act, owners are told, one agent is paused
    Demo(DemoArgs),
    /// Stands between an MCP client and its server
    #[command(subcommand)]
    Mcp(command::mcp::McpCommand),
    /// Sends events
    Send(command::send::SendArgs),
    /// Shows what happens, as it is committed
    Tail(command::tail::TailArgs),
    /// Shows in one glance how things are
    Status(command::status::StatusArgs),
    /// Lists agents and their states
    Agents(command::agents::AgentsArgs),
    /// Pauses an agent, or all
    Pause(command::agents::PauseArgs),
    /// Lets an agent go on, or all
    Resume(command::agents::PauseArgs),
    /// Lists who was told what, and what became of it
    Notifications(command::notifications::NotificationsArgs),
    /// Answers a notice
    Respond(command::respond::RespondArgs),
    /// Takes an answer back
    Undo(command::respond::UndoArgs),
    /// Lists what somebody is still to look at
    Reviews(command::reviews::ReviewsArgs),
    /// Says why each person was told of an event, or was not
    Why(command::why::WhyArgs),
    /// Says who owns what
    #[command(subcommand)]
    Owners(command::owners::OwnersCommand),
    /// Tries channels out
    #[command(subcommand)]
    Channels(command::channels::ChannelsCommand),
    /// Reads routing rules
    #[command(subcommand)]
    Rules(command::rules::RulesCommand),
    /// Walks the chains and names what is wrong with them
    Verify(command::verify::VerifyArgs),
    /// Writes a log as JSON Lines, in chain order
    Export(command::export::ExportArgs),
    /// Makes, lists and revokes API keys
    #[command(subcommand)]
    Keys(command::keys::KeysCommand),
    /// Prints the JSON Schema of a configuration file, for editors
    Schema(command::schema::SchemaArgs),
    /// Prints the API's OpenAPI description
    Openapi,
}
