//! The one binary: reads the command line, the environment, the clock and the system's randomness, and hands
//! them to the libraries, which read none of these.
//!
//! Data goes to standard output, talk to standard error. Exit codes: 0 all right, 1 the check failed, 2 wrong
//! usage, 3 the server cannot be reached.

mod args;
mod command;
mod config_dir;
mod connection;
mod demo;
mod failure;
mod log;
mod machine;
mod runtime;
mod screen;
mod words;

use std::process::ExitCode;

use clap::Parser;

use args::Args;
use failure::Failure;
use screen::Screen;

fn main() -> ExitCode {
    // Wrong usage, `--help` and `--version` end here: 2 and 0.
    let args = Args::parse();
    let screen = Screen::new(args.json);
    match command::run(args.command, &screen) {
        Ok(code) => code,
        Err(failure) => end(&failure, &screen),
    }
}

/// Says what went wrong, on standard error, and gives the exit code.
fn end(failure: &Failure, screen: &Screen) -> ExitCode {
    if let Some(text) = failure.message() {
        screen.error(text);
    }
    ExitCode::from(failure.code())
}
