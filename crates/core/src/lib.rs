//! The pure domain of Mandate, in reading order.
//!
//! No async, no I/O, no clock, no randomness, no panics: time, ids and entropy are arguments. One function
//! stands in the middle, [`plan::plan`]; everything before it gives it its inputs, everything after it
//! carries out what it chose.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

// What everything speaks in.
pub mod diagnostic;
pub mod id;
pub mod json;
pub mod time;
pub mod yaml;

// What happened.
pub mod dedupe;
pub mod event;

// What people configured, and what happened lately.
pub mod calendar;
pub mod capture;
pub mod catalog;
pub mod history;
pub mod ownership;
mod recent;
pub mod rule;
pub mod schema;

// What is decided, what it can reach, and what of it becomes a message of its own.
pub mod blast;
pub mod plan;
pub mod storm;

// What is stored, and how it proves itself.
pub mod audit;
pub mod chain;
pub mod change;
pub mod checkpoint;
pub mod seal;

// What follows.
pub mod agent;
pub mod delivery;
pub mod intervention;
pub mod metric;
pub mod review;
