//! Standing between an MCP client and its server without being noticed.
//!
//! Four hands: the *inbound* pump (client to server, line by line, the only place that may withhold something), the
//! *outbound* pump (server to client, chunk by chunk), the *session* that reads copies of both and makes records of
//! tool calls, and the async side (control stream, sender, signals). Pumps are plain threads with blocking reads and
//! writes: nothing the server, the disk or the runtime does can slow them down.

mod arguments;
mod call_site;
mod identity;
mod inbound;
mod message;
mod outbound;
mod refusal;
mod session;
mod tap;
mod text;
mod wrap;

pub use wrap::{Ended, Options, WrapError, wrap};
