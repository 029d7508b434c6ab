//! Channels out: one adapter a service, each in its folder with a README of the contract.
//!
//! An adapter makes one attempt and says what came of it. How often to try, what to try instead and whom to
//! tell is decided in one place above, for all channels alike.

pub mod intervention;
pub mod notice;

pub mod slack;
pub mod webhook;
