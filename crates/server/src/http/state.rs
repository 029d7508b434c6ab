//! What the HTTP side keeps between requests.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderValue;
use mandate_core::id::{KeyId, TenantId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::body::Rooms;
use super::status::Samples;
use crate::auth::{Buckets, Rate};
use crate::env::Env;
use crate::settings::Settings;

/// What the HTTP side keeps between requests.
#[derive(Debug)]
pub struct HttpState {
    /// Events, by tenant and actor.
    pub(super) actors: Buckets<(TenantId, String)>,
    /// Refused attempts to authenticate, by address.
    pub(super) strangers: Buckets<IpAddr>,
    /// Refusals that were written to the audit log, by key: a loop of refused calls must not fill the log.
    pub(super) audited: Buckets<KeyId>,
    /// Items that were no events and are kept, by key: a broken agent must not fill the list.
    pub(super) rejected: Buckets<KeyId>,
    /// What bodies with events may hold at once.
    pub(super) bodies: Rooms,
    /// Live streams that may be open at once.
    streams: Arc<Semaphore>,
    /// WebSockets whose client has not said yet who it is.
    doors: Arc<Semaphore>,
    /// Turns true when open streams are to end.
    closing: watch::Sender<bool>,
    /// Names under which a loopback server answers, lower case, without port; none when it is not loopback.
    pub(super) hosts: Option<Vec<String>>,
    /// Figures for `/v1/status`.
    pub(super) samples: Samples,
    prefix: u32,
    requests: AtomicU64,
}

impl HttpState {
    /// Nothing open yet.
    #[must_use]
    pub fn new(settings: &Settings, env: &Env) -> Self {
        let limits = &settings.limits;
        let loopback = settings.server.listen.ip().to_canonical().is_loopback();
        let hosts = || {
            let listen = settings.server.listen.ip().to_string();
            let public = settings.server.public_url();
            let public = public.split("://").nth(1).unwrap_or_default();
            let public = host_of(public.split('/').next().unwrap_or_default()).to_ascii_lowercase();
            ["127.0.0.1", "localhost", "::1"].map(str::to_owned).into_iter().chain([listen, public]).collect()
        };
        Self {
            actors: Buckets::new(Rate::per_second(limits.actor_per_second, limits.actor_burst)),
            strangers: Buckets::new(Rate::per_minute(limits.unauthenticated_per_minute)),
            audited: Buckets::new(Rate::per_minute(20)),
            rejected: Buckets::new(Rate::per_minute(60)),
            bodies: Rooms::new(limits.body_bytes),
            streams: Arc::new(Semaphore::new(limits.streams)),
            doors: Arc::new(Semaphore::new(DOORS)),
            closing: watch::Sender::new(false),
            hosts: loopback.then(hosts),
            samples: Samples::default(),
            prefix: u32::from_be_bytes(env.random()),
            requests: AtomicU64::new(0),
        }
    }

    /// Names the next request: random for each start, then counted.
    pub(super) fn next_request_id(&self) -> HeaderValue {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        // INVARIANT: hex digits are valid in a header.
        HeaderValue::try_from(format!("{:08x}{count:08x}", self.prefix)).unwrap_or(HeaderValue::from_static(""))
    }

    /// Room for one live stream, held until it is dropped.
    pub(super) fn stream(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.streams).try_acquire_owned().ok()
    }

    /// Room for one WebSocket whose client has not said yet who it is, held until it is dropped.
    pub(super) fn door(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.doors).try_acquire_owned().ok()
    }

    /// How many live streams are open.
    #[must_use]
    pub fn open_streams(&self, settings: &Settings) -> usize {
        settings.limits.streams.saturating_sub(self.streams.available_permits())
    }

    /// Ends when no live stream is open.
    pub(super) async fn streams_ended(&self, settings: &Settings) {
        let all = u32::try_from(settings.limits.streams).unwrap_or(u32::MAX);
        // The semaphore is never closed, so the error cannot be.
        let _ = self.streams.acquire_many(all).await;
    }

    /// Tells open streams to end.
    pub fn close_streams(&self) {
        self.closing.send_replace(true);
    }

    /// Ends when open streams are to end.
    pub(super) fn closing(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut closing = self.closing.subscribe();
        async move {
            // An error means that the server is gone, which is a reason to end too.
            let _ = closing.wait_for(|closing| *closing).await;
        }
    }
}

/// How many may stand at the door at once: strangers take no room from those who are known.
const DOORS: usize = 256;

/// The host in `host:port`, without the brackets of an IPv6 address.
pub(super) fn host_of(authority: &str) -> &str {
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    authority.split(':').next().unwrap_or(authority)
}
