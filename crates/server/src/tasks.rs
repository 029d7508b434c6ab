//! Every task has a name and an owner who joins it. Nothing else in this workspace spawns.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
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

    /// Starts a task under a name that everything hangs on: `gone` is told when it ends although nobody asked it to.
    pub fn spawn_vital(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
        gone: impl FnOnce(String) + Send + 'static,
    ) {
        let stop = self.stop_signal();
        self.spawn(name, async move {
            let ended = AssertUnwindSafe(task).catch_unwind().await;
            if !stop.requested() || ended.is_err() {
                let how = if ended.is_err() { "broke off" } else { "ended" };
                gone(format!("the {name} {how}; stopping, since nothing goes on without it"));
            }
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_vital_task_that_breaks_off_is_told() {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let tasks = Tasks::default();
        let tell = || {
            let told = Arc::clone(&told);
            move |why: String| told.lock().unwrap().push(why)
        };
        tasks.spawn_vital("writer", async { panic!("on purpose") }, tell());
        tasks.spawn_vital("dispatcher", async {}, tell());
        let mut stop = tasks.stop_signal();
        tasks.spawn_vital("ticker", async move { stop.wait().await }, tell());
        while told.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
        tasks.stop().await;
        let mut told = told.lock().unwrap().clone();
        told.sort();
        assert_eq!(told.len(), 2, "who was asked to stop is not missed: {told:?}");
        assert!(told[0].starts_with("the dispatcher ended") && told[1].starts_with("the writer broke off"), "{told:?}");
    }
}
