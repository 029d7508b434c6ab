//! Stand-ins for the services Mandate talks to: faithful in what they accept and refuse, and able to misbehave
//! on purpose.
//!
//! Used by tests, by demonstrations and by measurements, in process or as the `mandate-standin` binary. A
//! stand-in shares no code with the adapter it receives, so that a mistake cannot be made twice and agree.

pub mod slack;
pub mod webhook;
