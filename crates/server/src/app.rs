//! What a running server consists of, as its HTTP side and its workers see it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mandate_core::id::TenantId;
use mandate_core::plan::Snapshot;
use mandate_scrub::Scrubber;
use mandate_store::{Store, Tenant};
use tokio::sync::{oneshot, watch};

use crate::auth::Keys;
use crate::channel::Channels;
use crate::dispatcher::outbox::LaneHealth;
use crate::env::Env;
use crate::http::HttpState;
use crate::input::{Input, Refusal, Reply};
use crate::intake::Intake;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::tasks::Tasks;

/// Everything a request can reach.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

/// See [`App`].
#[derive(Debug)]
pub struct Inner {
    /// Clock and randomness.
    pub env: Env,
    /// The process's own settings (`mandate.yaml` and flags).
    pub settings: Settings,
    /// The channels out.
    pub channels: Arc<Channels>,
    /// The one door to storage.
    pub store: Store,
    /// Every tenant of the store.
    pub tenants: BTreeMap<TenantId, Arc<TenantHandle>>,
    /// API keys of all tenants, by hash.
    pub keys: Keys,
    /// What the HTTP side keeps between requests.
    pub http: HttpState,
    /// What the server counts and measures of itself.
    pub metrics: Arc<Metrics>,
    /// Owns every task.
    pub tasks: Tasks,
    /// Whether stopping began.
    pub stopping: AtomicBool,
    /// Why the server must stop by itself, once it must.
    pub halt: watch::Sender<Option<String>>,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Stops the server by itself, for the first reason given.
    pub fn halt(&self, why: String) {
        self.halt.send_if_modified(|known| {
            let is_first = known.is_none();
            if is_first {
                tracing::error!(why, "the server cannot go on and stops");
                *known = Some(why);
            }
            is_first
        });
    }

    /// Whether events are accepted, for every tenant.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.stopping.load(Ordering::Relaxed)
            && self.tenants.values().all(|handle| handle.takes_events.load(Ordering::Relaxed))
    }
}

/// One tenant's running parts.
#[derive(Debug)]
pub struct TenantHandle {
    /// Who it is, with its secret.
    pub tenant: Tenant,
    /// The queue in front of its writer.
    pub intake: Intake,
    /// Whether its writer can store events: its store answers and has room.
    pub takes_events: AtomicBool,
    /// What it just committed.
    pub live: Live,
    /// How the lanes of its outbox do, once its dispatcher runs.
    pub lanes: watch::Sender<Option<watch::Receiver<Vec<LaneHealth>>>>,
    /// The configuration in force.
    pub snapshot: watch::Sender<Arc<Snapshot>>,
    /// Replaces secrets under its key.
    pub scrubber: Scrubber,
}

impl TenantHandle {
    /// Hands the writer what a person or the server asks, and waits for the answer after the commit.
    ///
    /// # Errors
    /// What the writer refused, or that the server is stopping.
    pub async fn ask<T>(&self, input: impl FnOnce(Reply<T>) -> Input) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.intake.push_control(input(reply)).map_err(|_| Refusal::Stopping)?;
        answer.await.unwrap_or(Err(Refusal::Stopping))
    }
}
