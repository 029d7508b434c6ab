//! The wire types of Mandate: what clients send and what they are answered.
//!
//! The only types that face outside. The server converts between these and the core's; agents, the CLI and
//! the SDKs know nothing else. Times are Unix milliseconds.

pub mod control;
pub mod event;
pub mod problem;

pub use control::{AgentState, Control};
pub use event::{Dropped, Outcome, OutcomeStatus, Receipt, SubmitResponse, SubmitStatus};
pub use problem::{FieldError, Problem};
