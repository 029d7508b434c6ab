//! Measuring: a real server as a child, load over raw HTTP, a sink, the bare loop beside it, and how figures are shown.
//!
//! The programs in `src/bin` each answer one question. All of them start `mandate` from the folder that they lie in,
//! unless `--mandate PATH` says otherwise, and leave nothing behind.

pub mod bare;
pub mod figure;
pub mod flags;
pub mod load;
pub mod mcp;
pub mod server;
pub mod sink;
pub mod slack;
pub mod work;

/// What goes wrong ends the benchmark, in words.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
