//! The agent's side of Mandate: what runs beside an agent and must never be in its way.
//!
//! [`mcp::wrap`] stands between an MCP client and its server: bytes pass untouched, a copy is read. What it sees
//! becomes [`record::Record`]s, which [`sender`] brings to the server through [`client`], or keeps in the [`spool`]
//! while the server is away. [`control`] holds whether the agent may go on, on disk before it is obeyed.
//!
//! Nothing here reads the environment, the clock or the system's randomness: the binary passes them in ([`Env`]).

pub mod client;
pub mod control;
mod env;
pub mod mcp;
pub mod record;
pub mod sender;
pub mod spool;
mod tasks;

pub use client::{Client, Error};
pub use env::{Env, installation_key};
