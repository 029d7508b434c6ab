//! A world around a real server: its store, its sinks, its clock, and words to speak of them.
//!
//! The server is the real one, in this process, on a free loopback port. Everything goes over HTTP, as agents and
//! people do. When a scenario is over the server is stopped, both chains are walked, and an error in the log that
//! nobody expected fails it.

mod errors;
mod http;
mod place;
mod setup;
mod slack;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mandate_core::diagnostic::Problem;
use mandate_server::app::{App, TenantHandle};
use mandate_server::env::Env;
use mandate_server::offline::{KeyDraft, OfflineStore, Verdict, Verifier};
use mandate_server::settings::{Secret, Settings};
use mandate_server::start::{DEFAULT_TENANT, Options, StartError, start};
use mandate_server::tasks::Tasks;
use mandate_standin::slack::Slack;
use mandate_standin::webhook::plan::Plan;
use mandate_standin::webhook::{SinkOptions, WebhookSink};
use mandate_store::OpenOptions;
use serde_json::{Value, json};
use tokio::sync::oneshot;

pub use mandate_standin::webhook::log::Received;

pub use http::{Answer, Frame, Frames, Sender};
pub use setup::{Setup, deploy, look};
pub use slack::SlackSetup;

use crate::chance::Chance;
use errors::Errors;
use http::Http;
use place::Place;

/// Signs what the sinks get.
const SECRET: &str = "whsec_c2NlbmFyaW8tc2VjcmV0LW9mLTI0LWJ5dGVz";
/// Nothing that is waited for may take longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at something that only a look can tell.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A server with everything around it.
pub struct World {
    /// How the server is started, the next time too.
    pub setup: Setup,
    /// Behind the channel `ops-hook`.
    pub hook: WebhookSink,
    /// Behind the channel `other-hook`, the alternate of every notice.
    pub other: WebhookSink,
    /// Behind the channel `slack`, when the setup has one.
    pub slack: Option<Slack>,
    /// The first admin key.
    pub admin: String,
    /// What the server found wrong with the files at its last start.
    pub problems: Vec<Problem>,
    http: Http,
    clock: Arc<AtomicI64>,
    env: Env,
    errors: Errors,
    folder: tempfile::TempDir,
    place: Place,
    served: Option<Served>,
    tampered: bool,
}

/// A running server.
struct Served {
    app: App,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<Result<(), String>>,
    tasks: Tasks,
}

/// Runs one scenario in a world of its own, on a file.
///
/// # Panics
/// When the scenario does, when a chain is broken afterwards, when the log holds an error that nobody expected.
pub fn scenario(setup: Setup, case: impl AsyncFn(&mut World)) {
    run(setup, &case, false);
}

/// Runs one scenario on a file and, where `MANDATE_TEST_POSTGRES` names a scratch server, on Postgres too.
///
/// # Panics
/// As [`scenario`].
pub fn scenario_everywhere(setup: Setup, case: impl AsyncFn(&mut World)) {
    run(setup.clone(), &case, false);
    if place::server().is_some() {
        run(setup, &case, true);
    }
}

fn run(setup: Setup, case: &impl AsyncFn(&mut World), on_server: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let place = if on_server { Place::database().await } else { Place::file(folder.path()) };
        let mut world = World::start(setup, folder, place).await;
        case(&mut world).await;
        world.finish().await;
    });
}

/// Waits for something, but not for ever.
///
/// # Panics
/// When it does not come within thirty seconds.
pub async fn within<T>(what: &str, coming: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, coming).await {
        Ok(came) => came,
        Err(_) => panic!("{what} did not come within {PATIENCE:?}"),
    }
}

/// Looks until there is something.
///
/// # Panics
/// When there is nothing within thirty seconds.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    within(what, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    })
    .await
}

#[expect(clippy::disallowed_methods, reason = "the outermost layer: a world stands where the binary would")]
fn wall_clock() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("before the year 292 million")
}

async fn sink() -> WebhookSink {
    let options = SinkOptions::new(SECRET, Arc::new(|| wall_clock() / 1_000));
    WebhookSink::start(options).await.expect("a free port")
}

impl World {
    async fn start(setup: Setup, folder: tempfile::TempDir, place: Place) -> Self {
        let errors = Errors::listen();
        let clock = Arc::new(AtomicI64::new(0));
        let (ahead, chance) = (Arc::clone(&clock), Chance::new(wall_clock().unsigned_abs()));
        let env = Env::unix(move || wall_clock() + ahead.load(Ordering::Relaxed), move |bytes| chance.fill(bytes));
        let mut world = Self {
            setup,
            hook: sink().await,
            other: sink().await,
            slack: None,
            admin: String::new(),
            problems: Vec::new(),
            http: Http::new(),
            clock,
            env,
            errors,
            folder,
            place,
            served: None,
            tampered: false,
        };
        if let Some(slack) = &world.setup.slack {
            world.slack = Some(slack.open(Arc::clone(&world.clock)).await);
        }
        world.go_on().await;
        world
    }

    /// The store's file.
    ///
    /// # Panics
    /// When the store is none.
    #[must_use]
    pub fn store_file(&self) -> PathBuf {
        self.place.address().strip_prefix("sqlite:").expect("a file").into()
    }

    fn settings(&self) -> Settings {
        let hook = self.setup.hook_url.clone().unwrap_or_else(|| self.hook.url());
        let other = self.other.url();
        let more = &self.setup.settings;
        // Scenarios count a message for each notice, unless they are about storms.
        let calm = if more.contains("storm:") { "" } else { "storm: {enabled: false}\n" };
        let text = format!(
            "channels:\n  - {{name: ops-hook, kind: webhook, url: \"{hook}\", secret: \"{SECRET}\", allow_private: true}}\n  \
             - {{name: other-hook, kind: webhook, url: \"{other}\", secret: \"{SECRET}\", allow_private: true}}\n\
             fallback: {{notify: [\"@platform\"], alternate: [other-hook]}}\n{calm}{more}"
        );
        let text = match (&self.setup.slack, &self.slack) {
            (Some(setup), Some(slack)) => setup.with_channel(&text, &slack.api_url()),
            _ => text,
        };
        let mut settings = Settings::parse(&text, "mandate.yaml", |_| None).expect("settings");
        settings.store = Secret::new(self.place.address());
        settings.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        settings
    }

    /// Tries to start the server with other settings than the world's; it is stopped again at once.
    ///
    /// # Errors
    /// Why it did not start.
    pub async fn try_start(&self, change: impl FnOnce(&mut Settings)) -> Result<(), StartError> {
        let mut settings = self.settings();
        change(&mut settings);
        let store = OpenOptions { ballast: false, ..OpenOptions::default() };
        let key_file = self.folder.path().join("other.key");
        let options = Options { settings, files: None, key_file, store };
        let running = start(options, self.env.clone()).await?;
        running.run_until(async {}).await.expect("stops in order");
        Ok(())
    }

    /// Starts the server that was stopped.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn go_on(&mut self) {
        let store = OpenOptions { ballast: false, max_pages: self.setup.max_pages, ..OpenOptions::default() };
        let key_file = self.folder.path().join("admin.key");
        let files = Some(self.setup.files.clone());
        let options = Options { settings: self.settings(), files, key_file, store };
        let running = start(options, self.env.clone()).await.expect("the server starts");
        self.problems = running.problems().to_vec();
        if let Some(key) = running.first_key() {
            key.clone_into(&mut self.admin);
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let (told, ended) = oneshot::channel();
        let (app, address, tasks) = (running.app().clone(), running.address(), Tasks::default());
        tasks.spawn("server", async move {
            let stop = async move {
                // An error means that the world is gone, which is a reason to stop too.
                let _ = stopped.await;
            };
            let _ = told.send(running.run_until(stop).await);
        });
        if let Some(slack) = &self.slack {
            let url = format!("http://{address}/v1/sources/slack");
            slack.set_interactivity_url(&url);
            slack.set_commands_url(&url);
        }
        self.served = Some(Served { app, address, stop, ended, tasks });
    }

    /// Asks the server to stop and waits until it has.
    ///
    /// # Panics
    /// When it fails to.
    pub async fn stop(&mut self) {
        self.begin_to_stop().await.expect("the server stops in order");
    }

    /// Asks the server to stop; gives what waits for its end, and how that was.
    pub fn begin_to_stop(&mut self) -> impl Future<Output = Result<(), String>> + 'static {
        let served = self.served.take();
        async move {
            let Some(Served { app, stop, ended, tasks, .. }) = served else { return Ok(()) };
            drop(app);
            let _ = stop.send(());
            let ended = within("the server's end", ended).await.expect("the server says how it ended");
            tasks.stop().await;
            ended
        }
    }

    /// Stops the server and starts it again on the same store.
    ///
    /// # Panics
    /// When either fails.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.go_on().await;
    }

    fn served(&self) -> &Served {
        self.served.as_ref().expect("the server runs")
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.served().address
    }

    /// The default tenant of the running server, for what has no call.
    #[must_use]
    pub fn tenant(&self) -> Arc<TenantHandle> {
        let mut tenants = self.served().app.tenants.values();
        let default = tenants.find(|handle| handle.tenant.name == DEFAULT_TENANT);
        Arc::clone(default.expect("the default tenant"))
    }

    /// Forgets what the feed says before a position, as maintenance does.
    ///
    /// # Panics
    /// When the store fails.
    pub async fn purge_feed(&self, before: i64) {
        let tenant = self.tenant().tenant.id;
        self.served().app.store.purge_feed(tenant, before).await.expect("the store forgets");
    }

    /// Moves the clock that the server's HTTP side reads; the store's own goes on.
    pub fn advance(&self, milliseconds: i64) {
        self.clock.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// The server's clock.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.env.now().0
    }

    /// An error in the log that holds this text is part of the scenario.
    pub fn expect_error(&mut self, part: &str) {
        self.errors.expect(part);
    }

    /// A request as it is given; none when nothing answered.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
        let url = format!("http://{}{path}", self.address());
        self.http.send(method, &url, headers, body).await
    }

    /// A request with a key.
    ///
    /// # Panics
    /// When nothing answers.
    pub async fn call(&self, method: &str, path: &str, key: &str, body: Option<&Value>) -> Answer {
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let headers = if body.is_some() { &headers[..] } else { &headers[..1] };
        self.send(method, path, headers, &bytes).await.expect("an answer")
    }

    /// `GET` with the admin's key.
    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &self.admin, None).await
    }

    /// `POST` with the admin's key.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, &self.admin, Some(body)).await
    }

    /// Bytes to a path, with a key and more headers.
    ///
    /// # Panics
    /// When nothing answers.
    pub async fn post_raw(&self, path: &str, key: &str, headers: &[(&str, &str)], bytes: &[u8]) -> Answer {
        let bearer = format!("Bearer {key}");
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        self.send("POST", path, &headers, bytes).await.expect("an answer")
    }

    /// Somebody who submits to the server as it runs now.
    #[must_use]
    pub fn sender(&self) -> Sender {
        let url = format!("http://{}/v1/events", self.address());
        Sender::new(self.http.clone(), url, &self.admin)
    }

    /// Submits one event or a list.
    pub async fn post_event(&self, event: &Value) -> Answer {
        self.post("/v1/events", event).await
    }

    /// Submits events that must be taken; gives their receipts.
    ///
    /// # Panics
    /// When one is not accepted.
    pub async fn accept(&self, events: &[Value]) -> Vec<Value> {
        let answer = self.post("/v1/events", &json!({"events": events})).await;
        let results = answer.results();
        assert!(results.len() == events.len() && results.iter().all(|one| one["status"] == "accepted"), "{answer:?}");
        results
    }

    /// Makes a key; gives its text and its id.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn key(&self, scope: &str, agent: Option<&str>) -> (String, String) {
        let wish = agent.map_or(json!({"scope": scope}), |agent| json!({"scope": scope, "agent": agent}));
        self.key_with(&wish).await
    }

    /// Makes a key as wished; gives its text and its id.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn key_with(&self, wish: &Value) -> (String, String) {
        let answer = self.post("/v1/keys", wish).await;
        let made = answer.json();
        let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned();
        (text("key"), text("id"))
    }

    /// Makes another tenant and a key to it while the server is down for a moment; gives the key's text.
    ///
    /// # Panics
    /// When that fails.
    pub async fn other_tenant(&mut self, name: &str, scope: &str) -> String {
        self.stop().await;
        let store = OfflineStore::open(self.place.address(), name, true, self.env.clone()).await.expect("a store");
        let made = store.create_key(KeyDraft { scope: scope.to_owned(), ..KeyDraft::default() }).await.expect("a key");
        store.close().await;
        self.go_on().await;
        made.key
    }

    /// Pauses an agent as the admin.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn pause(&self, agent: &str, reason: &str) -> Value {
        let answer = self.post(&format!("/v1/agents/{agent}/pause"), &json!({"reason": reason})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Opens a stream of server-sent events.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn stream(&self, path: &str, key: &str, after: Option<&str>) -> Frames {
        let bearer = format!("Bearer {key}");
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(after.map(|after| ("last-event-id", after)));
        let url = format!("http://{}{path}", self.address());
        let answer = self.http.open("GET", &url, &headers, b"").await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        Frames::new(answer.into_body())
    }

    /// Waits until so many different messages arrived at `ops-hook`, and holds that there are no more of them.
    ///
    /// # Panics
    /// When there are.
    pub async fn expect_sent(&self, count: u64) -> Vec<Received> {
        until(&format!("{count} messages"), async || (self.hook.distinct() >= count).then_some(())).await;
        assert_eq!(self.hook.distinct(), count, "messages at ops-hook");
        self.hook.received()
    }

    /// Makes `ops-hook` answer by a plan such as `500, 429:2, 200`.
    ///
    /// # Panics
    /// When that is no plan.
    pub fn hook_answers(&self, plan: &str) {
        self.hook.behave(plan.parse::<Plan>().expect("a plan"));
    }

    /// Waits until a notice about the event at a place is in a state on a channel; gives it with its log.
    ///
    /// # Panics
    /// When it does not get there.
    pub async fn notice(&self, seq: &Value, channel: &str, state: &str) -> Value {
        let path = format!("/v1/notifications?channel={channel}&state={state}&limit=1000");
        let what = format!("a notice about event {seq} that is {state} on {channel}");
        let look = async || {
            let page = self.get(&path).await.json();
            let found = page["items"].as_array()?.iter().find(|notice| notice["event_seq"] == *seq)?;
            Some(found["id"].as_str()?.to_owned())
        };
        let id = until(&what, look).await;
        self.get(&format!("/v1/notifications/{id}")).await.json()
    }

    /// The audit log as an admin exports it.
    pub async fn audit(&self) -> Vec<Value> {
        self.get("/v1/export/audit").await.lines()
    }

    /// Waits until the audit log holds an entry with this action, result and part of its resource.
    ///
    /// # Panics
    /// When it does not.
    pub async fn expect_audited(&self, action: &str, result: &str, resource: &str) -> Value {
        until(&format!("{action} {result} {resource} in the audit log"), async || {
            self.audit().await.into_iter().find(|entry| {
                let holds = entry["resource"].as_str().is_some_and(|text| text.contains(resource));
                entry["action"] == action && entry["result"] == result && holds
            })
        })
        .await
    }

    /// How many events the chain holds.
    pub async fn events(&self) -> usize {
        self.get("/v1/export/events").await.lines().len()
    }

    /// Says that this scenario broke a chain on purpose.
    pub fn tampered(&mut self) {
        self.tampered = true;
    }

    /// Walks both chains of the stopped store as `mandate verify` does.
    ///
    /// # Panics
    /// When the store cannot be read.
    pub async fn verify(&self, verifier: Verifier) -> Verdict {
        let store = OfflineStore::open(self.place.address(), DEFAULT_TENANT, false, self.env.clone()).await;
        let store = store.expect("the store opens: the server let go of it");
        let verdict = store.verify(verifier).await.expect("the store is read");
        store.close().await;
        verdict
    }

    async fn finish(mut self) {
        self.stop().await;
        let verdict = self.verify(Verifier::default()).await;
        assert!(verdict.ok || self.tampered, "{:?}", verdict.findings);
        for (name, sink) in [("ops-hook", &self.hook), ("other-hook", &self.other)] {
            let rejected: Vec<_> = sink.received().into_iter().filter(|message| message.rejected.is_some()).collect();
            assert!(rejected.is_empty(), "{name} could not verify {rejected:?}");
        }
        let unexpected = self.errors.unexpected();
        assert!(unexpected.is_empty(), "unexpected errors in the log:\n{}", unexpected.join("\n"));
        self.place.remove().await;
    }
}
