//! One wrapped server: its process, the hands around it, and an end that looks like the server's own.

mod signals;
mod stdio;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use mandate_api::Control;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::arguments::Shaper;
use super::inbound::{Inbound, Rest};
use super::outbound::{self, Mouth};
use super::session::{Found, Session, Setting};
use super::tap::{Piece, Tap};
use crate::control::{self, Gate, PauseCache};
use crate::sender::{self, EXIT_GRACE, Seen};
use crate::spool::{Limits, Spool};
use crate::tasks::{Tasks, thread};
use crate::{Client, Env, installation_key};
use signals::Signals;

pub use stdio::Ended;

/// Records on their way from the session to the sender.
const MAX_RECORDS_WAITING: usize = 4_096;
/// The agent's key, which is not the server's: whoever wrote the server could speak for the agent with it.
const KEY_VARIABLE: &str = "MANDATE_KEY";
/// After the server's process ended, a pipe that something else still holds is given up when silent for so long.
const HELD_PIPE_WAIT: Duration = Duration::from_millis(500);

/// What a wrapper needs to know; the binary reads it from flags, environment and files.
#[derive(Debug)]
pub struct Options {
    /// The server of Mandate, under this agent's key.
    pub client: Client,
    /// The agent's id (`--agent` or `MANDATE_AGENT`). Without it: `<client name>@<host>`.
    pub agent: Option<String>,
    /// The MCP server's name in rules and `capture.yaml` (`--name`). Without it: from what the server says of itself.
    pub name: Option<String>,
    /// This machine's name.
    pub host: String,
    /// Where control state, spool and scrub key lie, such as `~/.local/state/mandate`.
    pub state_dir: PathBuf,
    /// The process's working directory; calls are recorded as made from there.
    pub working_directory: PathBuf,
    /// Clock and randomness.
    pub env: Env,
}

/// Why a server could not be wrapped. Nothing was started then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WrapError {
    /// Its process could not be started.
    #[error("cannot start `{program}`: {source}; is it installed and on PATH?")]
    Start {
        /// The program, without its arguments: those may hold secrets.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// This process lacks something.
    #[error("cannot wrap a server here: {0}")]
    System(#[from] io::Error),
}

/// Runs `program` with `arguments` as a child whose standard streams are this process's, and looks on.
///
/// Returns once the child ended and all it wrote was passed on; [`Ended::leave`] then ends this process the same way.
/// Standard input is read by a thread that may never return: do not wait for it, leave.
///
/// # Errors
/// [`WrapError`], only before anything ran.
pub async fn wrap(options: Options, program: &OsStr, arguments: &[OsString]) -> Result<Ended, WrapError> {
    let mut signals = Signals::listen()?;
    let (input, output) = (stdio::input()?, stdio::output()?);
    let mut hands = Hands::new(options);
    if let Some(agent) = hands.options.agent.clone() {
        hands.know(agent);
    }
    let mut child = Command::new(program)
        .args(arguments)
        .env_remove(KEY_VARIABLE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|source| WrapError::Start { program: program.to_string_lossy().into_owned(), source })?;
    let pid = child.id();
    let (Some(to_server), Some(from_server)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(WrapError::System(io::Error::other("the child has no pipes")));
    };

    let mouth = Arc::new(Mouth::new(output));
    let progress = Arc::new(AtomicU64::new(0));
    let (agent_found, mut agents) = mpsc::unbounded_channel();
    let mut session_done = hands.start_session(agent_found)?;
    let inbound = Inbound {
        to_server,
        mouth: Arc::clone(&mouth),
        gate: Arc::clone(&hands.gate),
        known: Arc::clone(&hands.known),
        tap: Arc::clone(&hands.tap),
        rest: Rest::default(),
    };
    thread("client-to-server", move || {
        if let Err(error) = inbound.pump(input) {
            tracing::debug!(%error, "the server does not read any more");
            stdio::close_input();
        }
    })?;
    let mut output_done = {
        let (mouth, tap, progress) = (Arc::clone(&mouth), Arc::clone(&hands.tap), Arc::clone(&progress));
        start("server-to-client", move || {
            outbound::pump(from_server, &mouth, &tap, &progress);
            // A server may say no more and live on: the client sees the end now, as it would without us.
            mouth.close();
            stdio::close_output();
        })?
    };
    let mut exited = wait_for(child)?;

    let status = loop {
        tokio::select! {
            biased;
            status = &mut exited => break status,
            Some(agent) = agents.recv() => hands.know(agent),
            signal = signals.next() => signals::pass_on(signal, pid),
        }
    };
    drained(&mut output_done, &progress, &mut signals).await;
    mouth.close();
    stdio::close_output();
    hands.tap.close();
    if timeout(EXIT_GRACE, &mut session_done).await.is_err() {
        // Nobody waits for the rest to be read; it is counted.
        hands.tap.abandon();
        let _ = timeout(EXIT_GRACE, session_done).await;
    }
    while let Ok(agent) = agents.try_recv() {
        hands.know(agent);
    }
    // Twice: once for what is under way, once for writing the rest to disk.
    hands.tasks.close(EXIT_GRACE * 2).await;
    Ok(status.unwrap_or(Ended::Code(1)))
}

/// What the hands share, and the async side of them.
struct Hands {
    options: Options,
    gate: Arc<Gate>,
    known: Arc<RwLock<super::refusal::Known>>,
    tap: Arc<Tap>,
    tasks: Tasks,
    seen: Option<mpsc::Sender<Seen>>,
    waiting: Option<mpsc::Receiver<Seen>>,
}

impl Hands {
    fn new(options: Options) -> Self {
        let (seen, waiting) = mpsc::channel(MAX_RECORDS_WAITING);
        let now = options.env.now;
        Self {
            options,
            gate: Arc::new(Gate::new(Control::running())),
            known: Arc::default(),
            tap: Arc::new(Tap::new(now)),
            tasks: Tasks::new(),
            seen: Some(seen),
            waiting: Some(waiting),
        }
    }

    /// The agent is known: obey what the disk holds, ask the server, and send what was seen.
    fn know(&mut self, agent: String) {
        let Some(seen) = self.waiting.take() else { return };
        let Options { client, state_dir, env, .. } = &self.options;
        let (client, env) = (client.clone(), *env);
        let base = client.base_url().to_owned();
        let cache = PauseCache::load(state_dir, &base, &agent, env);
        self.gate.set_known(cache.current().clone());
        let spool_dir = state_dir.join("spool").join(control::scope(&base, &agent));
        let stop = self.tasks.stop();
        self.tasks.spawn("control", control::follow(client.clone(), agent, cache, Arc::clone(&self.gate), stop));
        let stop = self.tasks.stop();
        self.tasks.spawn("sender", async move {
            let spool = Spool::open(spool_dir, Limits::default(), env);
            sender::run(client, spool, seen, env, stop).await;
        });
    }

    fn start_session(&mut self, agent_found: mpsc::UnboundedSender<String>) -> io::Result<oneshot::Receiver<()>> {
        let options = &self.options;
        let env = options.env;
        let key = installation_key(&options.state_dir, &env).unwrap_or_else(|error| {
            tracing::warn!(%error, dir = %options.state_dir.display(), "the state directory cannot be written");
            let mut key = [0; 32];
            (env.entropy)(&mut key);
            key
        });
        let setting = Setting {
            connection: env.uuid(),
            agent: options.agent.clone(),
            server: options.name.clone(),
            host: options.host.clone(),
            working_directory: options.working_directory.clone(),
            shaper: Shaper::new(key),
        };
        let mut session = Session::new(setting, Arc::clone(&self.known));
        let (tap, seen) = (Arc::clone(&self.tap), self.seen.take());
        start("session", move || {
            let begin = Instant::now();
            let tell = |found: Vec<Found>| {
                for one in found {
                    let one = match one {
                        // Nobody listens only when the wrapper is about to end.
                        Found::Agent(agent) => {
                            drop(agent_found.send(agent));
                            continue;
                        }
                        Found::Record(record) => Seen::Record(record),
                        Found::Lost(lost) => Seen::Lost(lost),
                    };
                    drop(seen.as_ref().map(|seen| seen.blocking_send(one)));
                }
            };
            let ticks = |at: Instant| i64::try_from(at.duration_since(begin).as_millis()).unwrap_or(i64::MAX);
            while let Some((passed, piece)) = tap.next() {
                let (at, tick) = (passed.at, ticks(passed.instant));
                match piece {
                    Piece::Client(lines) => tell(session.client(&lines, at, tick)),
                    Piece::Peek(line) => tell(session.peek(&line)),
                    Piece::Server(bytes) => tell(session.server(&bytes, at, tick)),
                    Piece::ServerGap => session.server_gap(),
                    Piece::ClientGap(calls) => {
                        tracing::warn!(calls, "calls could not be recorded; they passed unchanged");
                        tell(session.client_gap(calls, at));
                    }
                }
            }
            tell(session.end((env.now)(), ticks(Instant::now())));
        })
    }
}

/// Starts a thread and tells when it is done.
fn start(name: &'static str, work: impl FnOnce() + Send + 'static) -> io::Result<oneshot::Receiver<()>> {
    let (done, is_done) = oneshot::channel();
    thread(name, move || {
        work();
        // Nobody waits any more only when the wrapper has ended.
        let _ = done.send(());
    })?;
    Ok(is_done)
}

fn wait_for(mut child: Child) -> io::Result<oneshot::Receiver<Ended>> {
    let (ended, has_ended) = oneshot::channel();
    thread("wait-for-server", move || {
        let status = child.wait();
        let _ = ended.send(status.map_or(Ended::Code(1), Ended::from));
    })?;
    Ok(has_ended)
}

/// Waits until all the server wrote is with the client. Something that inherited the pipe may hold it open for ever:
/// it is given up once silent; and a signal now ends the wait.
async fn drained(done: &mut oneshot::Receiver<()>, progress: &AtomicU64, signals: &mut Signals) {
    loop {
        let before = progress.load(Ordering::Acquire);
        let waited = tokio::select! {
            biased;
            waited = timeout(HELD_PIPE_WAIT, &mut *done) => waited,
            _signal = signals.next() => return,
        };
        let after = progress.load(Ordering::Acquire);
        // Odd: a write is under way, the client is slow.
        if waited.is_ok() || (before == after && after.is_multiple_of(2)) {
            return;
        }
    }
}
