//! The log on standard error: for people on a terminal, JSON lines elsewhere. `MANDATE_LOG` sets what is said.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::machine;

/// Starts the log of a server.
pub(crate) fn to_stderr(default: &str) {
    let terminal = io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter(default)).with_writer(io::stderr);
    // A second start in one process keeps the first one's log.
    let _ = if terminal {
        builder.with_target(false).with_ansi(machine::var("NO_COLOR").is_none()).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
}

/// Starts a plain log for a process that stands between two others: short lines, no colour.
pub(crate) fn beside(default: &str) {
    let builder = tracing_subscriber::fmt().with_env_filter(filter(default)).with_writer(io::stderr);
    let _ = builder.with_target(false).with_ansi(false).try_init();
}

/// Starts a log that goes to a file.
pub(crate) fn to_file(path: &Path, default: &str) -> Result<(), Failure> {
    let file = std::fs::File::create(path).map_err(|error| Failure::file("write", path, &error))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter(default)).with_writer(file);
    let _ = builder.with_ansi(false).try_init();
    Ok(())
}

fn filter(default: &str) -> EnvFilter {
    let said = machine::var("MANDATE_LOG").and_then(|said| said.parse().ok());
    said.unwrap_or_else(|| EnvFilter::new(default))
}
