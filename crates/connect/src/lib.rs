//! The outside world, in reading order: how a request may leave, what an adapter answers, the channels.
//!
//! Nothing here chooses: the plan says what goes to whom, the dispatcher above says when and how often, an
//! adapter says only how one service is spoken to and what its answer means. Time is an argument; lengths of
//! time are measured with `tokio::time`, so tests may pause it.

pub mod error;
pub mod http;

pub mod channel;

pub use error::Error;
