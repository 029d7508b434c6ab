//! The one place where tasks and threads are started: each has a name and an owner.

use std::future::Future;
use std::io;
use std::thread;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};

/// The tasks of one wrapper: told to stop together, joined together.
#[derive(Debug)]
pub(crate) struct Tasks {
    running: JoinSet<&'static str>,
    stop: watch::Sender<bool>,
}

/// Tells one task when to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Tasks {
    pub(crate) fn new() -> Self {
        Self { running: JoinSet::new(), stop: watch::Sender::new(false) }
    }

    /// What a task listens to.
    pub(crate) fn stop(&self) -> Stop {
        Stop(self.stop.subscribe())
    }

    /// Starts a task that this owner joins.
    pub(crate) fn spawn(&mut self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(async move {
            work.await;
            name
        });
    }

    /// Tells all to stop, gives them `grace`, then aborts what is left.
    pub(crate) async fn close(mut self, grace: Duration) {
        self.stop.send_replace(true);
        let all_done = async {
            while let Some(ended) = self.running.join_next().await {
                match ended {
                    Ok(name) => tracing::trace!(name, "task ended"),
                    Err(error) => tracing::warn!(%error, "task failed"),
                }
            }
        };
        if timeout(grace, all_done).await.is_err() {
            self.running.shutdown().await;
        }
    }
}

impl Stop {
    /// Resolves when the owner says stop, or is gone.
    pub(crate) async fn wait(&mut self) {
        // An owner that is gone wants nothing any more.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Starts a named thread for work that blocks: the pumps must not share a runtime with anything.
///
/// A pump ends when its stream does; one that still waits for its stream ends with the process.
pub(crate) fn thread(name: &'static str, work: impl FnOnce() + Send + 'static) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}
