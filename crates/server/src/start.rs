//! Starting and stopping a whole server.
//!
//! Start: open the store, make the tenant and the first key when there is none, put the configuration in
//! force, wake the workers, listen. Stop, in the other direction: no new requests, what was accepted is
//! committed and answered, what is being sent is waited for, the store is closed.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mandate_core::change::row::Scope;
use mandate_core::diagnostic::Problem;
use mandate_core::id::{TenantId, uuid_v7};
use mandate_core::ownership::Fallback;
use mandate_core::plan::snapshot::Files;
use mandate_core::plan::{Process, Snapshot};
use mandate_scrub::Scrubber;
use mandate_store::{Address, OpenOptions, Store, Tenant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;

use crate::app::{App, Inner, TenantHandle};
use crate::auth::{self, KeyWish, Keys};
use crate::channel::Channels;
use crate::checkpoints;
use crate::dispatcher::Dispatcher;
use crate::env::Env;
use crate::http::HttpState;
use crate::http::tls::{self, TlsError};
use crate::input::{ApplyConfigInput, Asker, CreateKeyInput, Input, Refusal};
use crate::intake::{Bounds, Intake};
use crate::live::Live;
use crate::metrics::Metrics;
use crate::run;
use crate::settings::{ChannelKind, ChannelSettings, Settings, check_listen};
use crate::slack;
use crate::tasks::Tasks;
use crate::writer::Writer;

/// The tenant that `--config` speaks for.
pub const DEFAULT_TENANT: &str = "default";

/// How a server is started.
#[derive(Debug)]
pub struct Options {
    /// The process's own settings.
    pub settings: Settings,
    /// The tenant's files, when a directory was given; none leaves the stored version in force.
    pub files: Option<Files>,
    /// Where the first admin key is written, readable by its owner alone.
    pub key_file: PathBuf,
    /// How the store is opened.
    pub store: OpenOptions,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It may not listen there.
    #[error("{0}")]
    Listen(String),
    /// The certificate or its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address is taken or not ours.
    #[error("cannot listen on `{address}`: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] mandate_store::Error),
    /// A channel's settings; says which channel.
    #[error("{0}")]
    Channel(String),
    /// The configuration, and no earlier version to go on with.
    #[error("the configuration has mistakes, and the store holds no earlier version to go on with")]
    Config(Vec<Problem>),
    /// There is something at the key file's path already.
    #[error(
        "the first admin key cannot be written to `{0}`: the file exists already, perhaps with another store's key; \
         name another path with `--key-file`, or move that file away"
    )]
    KeyFileExists(String),
    /// The key file.
    #[error("cannot write the admin key to `{path}`: {error}")]
    KeyFile {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// The writer refused what a start needs.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

impl StartError {
    fn key_file(path: &Path, error: io::Error) -> Self {
        let path = path.display().to_string();
        match error.kind() {
            io::ErrorKind::AlreadyExists => Self::KeyFileExists(path),
            _ => Self::KeyFile { path, error },
        }
    }
}

/// A server that accepts events.
#[derive(Debug)]
pub struct Running {
    app: App,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    writers: Tasks,
    problems: Vec<Problem>,
    first_key: Option<String>,
}

/// Starts a server: when this returns, events are accepted.
///
/// # Errors
/// [`StartError`] says what is in the way; nothing is left running.
pub async fn start(options: Options, env: Env) -> Result<Running, StartError> {
    let Options { mut settings, files, key_file, store: store_options } = options;
    check_listen(&settings.server).map_err(StartError::Listen)?;
    let tls = settings.server.tls.as_ref().map(tls::config).transpose()?;
    let channels = Arc::new(Channels::build(&settings).map_err(StartError::Channel)?);
    let address: Address = settings.store.expose().parse()?;
    let store = Store::open(&address, OpenOptions { alone: true, ..store_options }).await?;
    ensure_default_tenant(&store, &env).await?;
    let tenants = store.tenants().await?;
    let keys = Keys::load(&store, tenants.iter().map(|tenant| tenant.id)).await?;
    let listen = settings.server.listen;
    let bind = |error| StartError::Bind { address: listen, error };
    let listener = TcpListener::bind(listen).await.map_err(bind)?;
    // Port 0 is any that is free; from here on it is the one that was.
    settings.server.listen = listener.local_addr().map_err(bind)?;

    let process = Arc::new(process(&settings));
    let mut prepared = Vec::new();
    for tenant in tenants {
        prepared.push(prepare(&store, &env, &settings, &process, tenant).await?);
    }
    let handles = prepared.iter().map(|(handle, _)| (handle.tenant.id, Arc::clone(handle))).collect();
    let metrics = Arc::new(Metrics::new(settings.channels.iter().map(|channel| channel.name.as_str())));
    let app = App::new(Inner {
        http: HttpState::new(&settings, &env),
        channels: Arc::clone(&channels),
        metrics,
        env,
        store,
        tenants: handles,
        keys,
        tasks: Tasks::default(),
        stopping: AtomicBool::new(false),
        halt: watch::Sender::new(None),
        settings,
    });
    let writers = Tasks::default();
    let public_url: Arc<str> = app.settings.server.public_url().into();
    for (handle, writer) in prepared {
        let public_url = Arc::clone(&public_url);
        let (dispatcher, to_dispatcher, health) =
            Dispatcher::new(app.env.clone(), app.store.clone(), Arc::clone(&handle), Arc::clone(&channels), public_url);
        handle.lanes.send_replace(Some(health));
        let writer = run::writer(app.clone(), Arc::clone(&handle), writer, to_dispatcher);
        writers.spawn_vital("writer", writer, gone(&app));
        app.tasks.spawn_vital("dispatcher", dispatcher.run(app.tasks.stop_signal()), gone(&app));
        app.tasks.spawn(
            "status figures",
            crate::http::status::sample(app.clone(), Arc::clone(&handle), app.tasks.stop_signal()),
        );
        let ticker = run::ticker(app.clone(), Arc::clone(&handle), app.tasks.stop_signal());
        app.tasks.spawn_vital("ticker", ticker, gone(&app));
        if let Some(dir) = app.settings.checkpoints.clone() {
            let keep = checkpoints::keep(app.clone(), Arc::clone(&handle), dir, app.tasks.stop_signal());
            app.tasks.spawn("checkpoints", keep);
        }
    }
    for channel in app.channels.slack() {
        let listen = slack::listen(app.clone(), Arc::clone(&channel.name), app.tasks.stop_signal());
        app.tasks.spawn("slack socket", listen);
    }
    let mut running = Running { app, listener, tls, writers, problems: Vec::new(), first_key: None };
    if let Err(error) = running.set_up(files, key_file).await {
        running.shut_down().await;
        return Err(error);
    }
    Ok(running)
}

/// Stops the server when something ended that it cannot go on without.
fn gone(app: &App) -> impl FnOnce(String) + Send + 'static {
    let app = app.clone();
    move |why| {
        if !app.stopping.load(Ordering::Relaxed) {
            app.halt(why);
        }
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.app.settings.server.listen
    }

    /// The URL of where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        self.app.settings.server.own_url()
    }

    /// What is wrong with the configuration that was given: warnings, and errors when an earlier version stays.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The first admin key, on the start that made it.
    #[must_use]
    pub fn first_key(&self) -> Option<&str> {
        self.first_key.as_deref()
    }

    /// What the server consists of, for tests and embedding.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Serves until `stop` is done or the store fails, then stops in order: nothing accepted is lost.
    ///
    /// # Errors
    /// Why it had to stop by itself.
    pub async fn run_until(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), String> {
        let mut halted = self.app.halt.subscribe();
        let halt = async move {
            let _ = halted.wait_for(Option::is_some).await;
        };
        let stop = async move {
            tokio::select! {
                biased;
                () = stop => {}
                () = halt => {}
            }
        };
        let Self { app, listener, tls, writers, .. } = self;
        crate::http::serve(app.clone(), listener, tls, stop).await;
        stop_all(&app, &writers).await;
        let halted = app.halt.borrow().clone();
        halted.map_or(Ok(()), Err)
    }

    async fn set_up(&mut self, files: Option<Files>, key_file: PathBuf) -> Result<(), StartError> {
        let app = self.app.clone();
        let Some(default) = app.tenants.values().find(|handle| handle.tenant.name == DEFAULT_TENANT) else {
            return Ok(());
        };
        if app.keys.of(default.tenant.id).is_empty() {
            let wish = KeyWish {
                scope: Scope::Admin,
                name: Some("first admin key".to_owned()),
                agent: None,
                person: None,
                expires_at: None,
            };
            let (text, row) = auth::generate(&app.env, wish);
            write_key(&key_file, &text).map_err(|error| StartError::key_file(&key_file, error))?;
            let made = default.ask(|reply| Input::CreateKey(CreateKeyInput { row, by: Asker::system(), reply })).await;
            if let Err(refusal) = made {
                // It opens nothing, and the next start writes another one there.
                let _ = std::fs::remove_file(&key_file);
                return Err(refusal.into());
            }
            self.first_key = Some(text);
        }
        if let Some(files) = files {
            let process = process(&app.settings);
            let (_, problems) = Snapshot::load(&files, &process, &default.tenant.secret);
            let broken = problems.iter().any(Problem::is_error);
            self.problems = problems;
            if !broken {
                default.ask(|reply| Input::ApplyConfig(ApplyConfigInput { files, by: Asker::system(), reply })).await?;
            } else if app.store.head(default.tenant.id).await?.config.is_none() {
                return Err(StartError::Config(std::mem::take(&mut self.problems)));
            }
        }
        Ok(())
    }

    async fn shut_down(self) {
        stop_all(&self.app, &self.writers).await;
    }
}

async fn stop_all(app: &App, writers: &Tasks) {
    app.stopping.store(true, Ordering::Relaxed);
    // Workers first, while the writers still take in what they report.
    app.tasks.stop().await;
    for handle in app.tenants.values() {
        let _ = handle.intake.push_control(Input::Checkpoint);
        handle.intake.close();
    }
    writers.stop().await;
    if let Some(dir) = &app.settings.checkpoints {
        // The writers made the last ones just now.
        for handle in app.tenants.values() {
            if let Err(error) = checkpoints::copy(app, handle, dir).await {
                tracing::warn!(error, dir = %dir.display(), "cannot copy the last checkpoint");
            }
        }
    }
    app.store.close().await;
}

async fn ensure_default_tenant(store: &Store, env: &Env) -> Result<(), StartError> {
    if store.tenant(DEFAULT_TENANT).await?.is_none() {
        let id = TenantId(uuid_v7(env.now(), env.random()));
        store.create_tenant(DEFAULT_TENANT, id, env.random(), env.random()).await?;
    }
    Ok(())
}

async fn prepare(
    store: &Store,
    env: &Env,
    settings: &Settings,
    process: &Arc<Process>,
    tenant: Tenant,
) -> Result<(Arc<TenantHandle>, Writer), StartError> {
    let mut writer = Writer::new(env.clone(), store.clone(), tenant.clone(), Arc::clone(process), settings.storm);
    let snapshot = writer.load().await?;
    let bounds = Bounds { items: settings.limits.queue_items, bytes: settings.limits.queue_bytes };
    let handle = TenantHandle {
        scrubber: Scrubber::new(tenant.secret),
        intake: Intake::new(bounds),
        takes_events: AtomicBool::new(true),
        live: Live::default(),
        snapshot: watch::Sender::new(snapshot),
        lanes: watch::Sender::new(None),
        tenant,
    };
    handle.live.start_at(&store.head(handle.tenant.id).await?);
    Ok((Arc::new(handle), writer))
}

/// What plans may know of this process.
#[must_use]
pub fn process(settings: &Settings) -> Process {
    let is_slack = |channel: &&ChannelSettings| matches!(channel.kind, ChannelKind::Slack(_));
    Process {
        channels: settings.channels.iter().map(|channel| channel.name.clone()).collect(),
        slack: settings.channels.iter().filter(is_slack).map(|channel| channel.name.clone()).collect(),
        fallback: Fallback { notify: settings.fallback.notify.clone(), alternate: settings.fallback.alternate.clone() },
        admins: settings.admins.clone(),
    }
}

/// Writes a key where only its owner can read it; never over another file.
fn write_key(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}
