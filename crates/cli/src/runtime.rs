//! Running a command's future to its end.

use std::future::Future;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, plain};

/// Runs a future on a runtime of its own: one thread for commands, as many as there are cores for a server.
pub(crate) fn block_on<T>(threads: Threads, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut builder = match threads {
        Threads::One => tokio::runtime::Builder::new_current_thread(),
        Threads::All => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start: {}", plain(&error))))?;
    let ended = runtime.block_on(work);
    // A task that still waits for a slow disk or peer does not keep the command from ending.
    runtime.shutdown_background();
    ended
}

/// How many threads a command takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Threads {
    /// One: for what mostly waits.
    One,
    /// One a core.
    All,
}

/// Ctrl-C and SIGTERM, caught from the moment this is made.
#[derive(Debug)]
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Begins to listen. A signal that comes before anybody waits is not lost.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::Failed(format!("cannot listen for signals: {}", plain(&error))))
        };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Ends when the process is asked to stop.
    pub(crate) async fn asked(mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
