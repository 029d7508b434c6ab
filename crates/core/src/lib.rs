//! The pure domain of Mandate, in reading order.
//!
//! No async, no I/O, no clock, no randomness, no panics: time, ids and entropy are arguments. One function
//! stands in the middle, [`plan::plan`]; everything before it gives it its inputs, everything after it
//! carries out what it chose.

pub mod id;
pub mod time;

pub mod diagnostic;
pub mod event;
pub mod json;
pub mod yaml;

pub mod calendar;
pub mod capture;
pub mod rule;
