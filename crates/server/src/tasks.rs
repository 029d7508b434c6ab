//! Every task has a name and an owner who joins it. Nothing else in this workspace spawns.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;

/// Owns the tasks of one server: starts them by name, tells them to stop, waits for them.
#[derive(Debug, Clone)]
pub struct Tasks {
    running: Arc<Mutex<JoinSet<&'static str>>>,
    stop: watch::Sender<bool>,
}

/// Tells a task that it should finish what it holds and end.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Whether stopping began.
    #[must_use]
    pub fn requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when stopping begins.
    pub async fn wait(&mut self) {
        // An error means that the owner is gone, which is a reason to stop too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self { running: Arc::default(), stop: watch::Sender::new(false) }
    }
}

impl Tasks {
    /// Starts a task under a name.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.spawn(async move {
            task.await;
            name
        });
        // Short tasks that ended are taken off here, so that the set does not grow with a server's life.
        while running.try_join_next().is_some() {}
    }

    /// What a task watches to know when to stop.
    #[must_use]
    pub fn stop_signal(&self) -> Stop {
        Stop(self.stop.subscribe())
    }

    /// Drops every task where it stands and waits until they are gone.
    pub async fn abort(&self) {
        let mut running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        running.shutdown().await;
    }

    /// Tells every task to stop and waits for all of them.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let mut running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok(name) => tracing::debug!(task = name, "ended"),
                Err(error) => tracing::error!(%error, "a task ended badly"),
            }
        }
    }
}
