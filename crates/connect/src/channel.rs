//! Channels out: one adapter a service, each in its folder with a README of the contract.
//!
//! An adapter makes one attempt and says what came of it. How often to try, what to try instead and whom to
//! tell is decided in one place above, for all channels alike.

pub mod webhook;

use mandate_core::time::Span;

/// What came of one attempt to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The service has it.
    Sent {
        /// The HTTP status that said so.
        status: u16,
        /// From the call to the head of the answer, in milliseconds.
        latency_ms: u32,
    },
    /// Try again. After a timeout or a lost answer the service may have it already: the same id goes out again.
    Retry {
        /// How long the service asked to be left alone, at most one hour; nothing when it did not say.
        after: Option<Span>,
        /// What happened, for a person to read.
        why: String,
    },
    /// This message will never be taken; others may be.
    Refused {
        /// What happened, for a person to read.
        why: String,
    },
    /// The whole channel is down until somebody changes something: stop its lane, tell an admin once.
    Broken {
        /// What happened, for a person to read.
        why: String,
    },
}
