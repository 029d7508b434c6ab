//! Scenarios: a whole server, spoken to over its border, on good days and bad ones.
//!
//! Each case has a world of its own (`mandate_testkit::world`). Afterwards the server must stop in order, both
//! chains must hold, every message must have verified, and the log must hold no error that was not expected.

mod chain;
mod control;
mod duplicates;
mod input;
mod keys;
mod respond;
mod sinks;
mod slack;
mod slack_bad_days;
mod status;
mod stopping;
mod storm;
mod streams;
mod tls;
