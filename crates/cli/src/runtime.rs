//! Running a command's future to its end.

use std::future::Future;

use crate::failure::Failure;

/// Runs a future on a runtime of its own: one thread for commands, as many as there are cores for a server.
pub(crate) fn block_on<T>(threads: Threads, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut builder = match threads {
        Threads::One => tokio::runtime::Builder::new_current_thread(),
        Threads::All => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::Failed(format!("cannot start: {}", crate::failure::plain(&error))))?;
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

/// Ends when the process is asked to: Ctrl-C or SIGTERM.
pub(crate) async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        interrupted = tokio::signal::ctrl_c() => if interrupted.is_err() { std::future::pending::<()>().await },
        () = terminated => {}
    }
}
