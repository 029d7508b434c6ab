//! A webhook receiver: verifies as the Standard Webhooks libraries do, keeps what came, answers as scripted.
//!
//! What cannot be verified is answered 401 and takes no step of the plan. Everything a sink runs ends when it
//! is dropped.

mod answer;
pub mod log;
pub mod plan;
pub mod verify;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use log::{Log, Received};
use plan::{Behaviour, Plan};
use verify::Verifier;

/// Tells the Unix seconds; a stand-in has no clock of its own.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a sink is started.
pub struct SinkOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Secrets accepted, as `whsec_…` or unprefixed base64. At least one.
    pub secrets: Vec<String>,
    /// How to answer; `200` for ever when default.
    pub plan: Plan,
    /// Against which a message's timestamp is checked.
    pub clock: Clock,
    /// How many messages are kept whole; older ones are only counted.
    pub keep: usize,
}

impl SinkOptions {
    /// A sink on a free loopback port that answers 200 to what `secret` signed within five minutes of `clock`.
    #[must_use]
    pub fn new(secret: &str, clock: Clock) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            secrets: vec![secret.to_owned()],
            plan: Plan::default(),
            clock,
            keep: 10_000,
        }
    }
}

/// A running sink. Dropping it closes its socket and all connections.
pub struct WebhookSink {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    verifier: Verifier,
    clock: Clock,
    plan: Mutex<Plan>,
    log: Log,
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hangs_up_unread(&self) -> bool {
        let mut plan = self.plan();
        plan.peek() == Behaviour::CloseUnread && plan.step() == Behaviour::CloseUnread
    }
}

impl WebhookSink {
    /// Binds and begins to answer.
    ///
    /// # Errors
    /// When the address is taken, or a secret cannot be used (`InvalidInput`).
    pub async fn start(options: SinkOptions) -> io::Result<Self> {
        let verifier =
            Verifier::new(&options.secrets).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            verifier,
            clock: options.clock,
            plan: Mutex::new(options.plan),
            log: Log::new(options.keep),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address to configure in a channel.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Everything that came and is still kept, in order of arrival.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.log.all()
    }

    /// How many messages verified, duplicates included.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.shared.log.verified()
    }

    /// How many of them came under an id that had come before.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.shared.log.duplicates()
    }

    /// How many different ids verified.
    #[must_use]
    pub fn distinct(&self) -> u64 {
        self.count() - self.duplicates()
    }

    /// How many connections were opened to it.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.log.connections()
    }

    /// Waits until at least `count` messages verified, duplicates included.
    pub async fn reached(&self, count: u64) {
        self.shared.log.reached(count).await;
    }

    /// The next message after the `seen` first ones; waits for it. Nothing when it is no longer kept.
    pub async fn after(&self, seen: u64) -> Option<Received> {
        self.shared.log.after(seen).await
    }

    /// Replaces the rest of the plan.
    pub fn behave(&self, plan: Plan) {
        *self.shared.plan() = plan;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        // A connection that was given up before it was accepted is nobody's concern.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        shared.log.connected();
        while connections.try_join_next().is_some() {}
        let shared = shared.clone();
        connections.spawn(async move {
            if stream.set_nodelay(true).is_err() {
                return;
            }
            let service = service_fn(move |request| serve(shared.clone(), request));
            let serving =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            // How a connection ends is the sender's affair, or the plan's.
            serving.await.ok();
        });
    }
}

async fn serve(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<answer::Body>, answer::Hangup> {
    if shared.hangs_up_unread() {
        return Err(answer::Hangup);
    }
    let (head, body) = request.into_parts();
    let body = answer::read(body).await?;
    let now = (shared.clock)();
    let verdict = shared.verifier.check(&head.headers, &body, now);
    let behaviour = if verdict.is_ok() { shared.plan().step() } else { Behaviour::Answer(401) };
    shared.log.add(&head.headers, body, verdict, &behaviour);
    answer::give(behaviour, now).await
}
