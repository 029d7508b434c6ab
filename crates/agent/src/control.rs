//! Whether an agent may go on: on disk before it is obeyed, kept while the server is away.
//!
//! [`PauseCache`] holds the state of one agent, [`Gate`] is what a wrapper asks before each call, and [`follow`]
//! keeps both true to the server's control stream. A pause outlives the server, this process and a restart of both.

mod gate;
mod glob;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mandate_api::Control;
use tokio::time::{sleep, timeout};

use crate::client::path_segment;
use crate::tasks::Stop;
use crate::{Client, Env, Error};

pub use gate::{Gate, Verdict};

/// The last control state of one agent, in memory and on disk.
#[derive(Debug)]
pub struct PauseCache {
    path: PathBuf,
    env: Env,
    current: Control,
}

/// What became of a state that was offered to a [`PauseCache`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is obeyed from now on, and on disk.
    Obeyed,
    /// It says what was known.
    Known,
    /// A newer one is obeyed; this one is ignored.
    Older,
}

impl PauseCache {
    /// The state of `agent` at the server at `base_url`, as `state_dir` has it; running when it has none.
    ///
    /// A file that cannot be read counts as none and is said: an agent is not held for ever by a damaged file.
    #[must_use]
    pub fn load(state_dir: &Path, base_url: &str, agent: &str, env: Env) -> Self {
        let path = state_dir.join("control").join(format!("{}.json", scope(base_url, agent)));
        let current = read(&path).unwrap_or_else(Control::running);
        Self { path, env, current }
    }

    /// The state that is obeyed.
    #[must_use]
    pub fn current(&self) -> &Control {
        &self.current
    }

    /// Where it lies on disk.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes a state from the server: on disk first, then obeyed. A lower version is ignored.
    ///
    /// A disk that cannot be written does not keep a pause from being obeyed; that is said and the state holds as
    /// long as the process.
    pub fn take(&mut self, offered: Control) -> Taken {
        let locked = self.lock();
        if let Some(kept) = read(&self.path)
            && kept.version > self.current.version
        {
            // Another process of the same agent heard of it first.
            self.current = kept;
        }
        if offered.version < self.current.version {
            return Taken::Older;
        }
        if offered == self.current {
            return Taken::Known;
        }
        if let Err(error) = locked.and_then(|_lock| self.write(&offered)) {
            tracing::warn!(%error, path = %self.path.display(), "the control state cannot be kept on disk; it holds until this process ends");
        }
        self.current = offered;
        Taken::Obeyed
    }

    /// One writer at a time among the processes of one agent, so that an old state never replaces a newer one.
    fn lock(&self) -> io::Result<File> {
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir)?;
        }
        let lock = OpenOptions::new().create(true).append(true).open(self.path.with_extension("lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    fn write(&self, state: &Control) -> io::Result<()> {
        let fresh = self.path.with_extension(format!("{}.tmp", self.env.uuid().simple()));
        let written = File::create(&fresh).and_then(|mut file| {
            file.write_all(&serde_json::to_vec(state)?)?;
            file.sync_data()?;
            fs::rename(&fresh, &self.path)
        });
        if written.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        written
    }
}

fn read(path: &Path) -> Option<Control> {
    let bytes = fs::read(path).ok()?;
    serde_json::from_slice(&bytes)
        .inspect_err(|error| tracing::warn!(%error, path = %path.display(), "the kept control state cannot be read; it is ignored"))
        .ok()
}

/// Names one agent at one server in the state directory.
pub(crate) fn scope(base_url: &str, agent: &str) -> String {
    use sha2::{Digest, Sha256};
    let mut digest = hex::encode(Sha256::digest(format!("{base_url}\n{agent}")));
    digest.truncate(12);
    let readable: String = path_segment(agent).chars().filter(|letter| *letter != '%').take(80).collect();
    format!("{readable}-{digest}")
}

/// How long to wait before the next try: 1, 2, 4 … 30 s.
#[derive(Debug, Default, Clone, Copy)]
pub struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The wait before the next try, longer each time.
    pub fn wait(&mut self) -> Duration {
        let seconds = 1u64.checked_shl(self.tries).unwrap_or(u64::MAX).min(30);
        self.tries = self.tries.saturating_add(1).min(16);
        Duration::from_secs(seconds)
    }

    /// It worked: the next wait is short again.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

/// Follows an agent's control stream until told to stop, and keeps `gate` true to it.
pub(crate) async fn follow(client: Client, agent: String, mut cache: PauseCache, gate: Arc<Gate>, mut stop: Stop) {
    let mut backoff = Backoff::default();
    let mut said = Said::default();
    loop {
        let listening = listen(&client, &agent, &mut cache, &gate, &mut backoff, &mut said);
        let ended = tokio::select! {
            biased;
            () = stop.wait() => return,
            ended = listening => ended,
        };
        // Without the server the last known state is the state: nobody waits for another.
        gate.settle();
        if let Err(error) = ended {
            said.once(&error);
        }
        if timeout(backoff.wait(), stop.wait()).await.is_ok() {
            return;
        }
    }
}

/// A stream that ends is opened again at once only if it had lived a little.
const MIN_STREAM_LIFE: Duration = Duration::from_millis(200);

async fn listen(
    client: &Client,
    agent: &str,
    cache: &mut PauseCache,
    gate: &Gate,
    backoff: &mut Backoff,
    said: &mut Said,
) -> Result<(), Error> {
    let mut stream = client.control_stream(agent).await?;
    while let Some(state) = stream.next().await? {
        let version = state.version;
        match cache.take(state) {
            Taken::Obeyed => {
                let state = cache.current();
                tracing::info!(version, state = ?state.state, by = state.by.as_deref(), "control state changed");
            }
            Taken::Known => {}
            Taken::Older => said.older(version, cache),
        }
        gate.set(cache.current().clone());
        backoff.reset();
        *said = Said { older: said.older, ..Said::default() };
    }
    sleep(MIN_STREAM_LIFE).await;
    Ok(())
}

/// What has been said on stderr, so that it is not said again.
#[derive(Debug, Default)]
struct Said {
    failure: bool,
    older: bool,
}

impl Said {
    fn once(&mut self, error: &Error) {
        if !std::mem::replace(&mut self.failure, true) {
            tracing::warn!(%error, "the control stream is away; the last known state holds");
        }
    }

    fn older(&mut self, version: i64, cache: &PauseCache) {
        if !std::mem::replace(&mut self.older, true) {
            let (kept, path) = (cache.current().version, cache.path().display());
            tracing::warn!(version, kept, %path, "the server's control state is older than the one obeyed here; if the server was set up anew, remove that file");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_api::AgentState;

    fn env() -> Env {
        Env { now: || 0, entropy: |bytes| bytes.fill(7) }
    }

    fn state(version: i64, state: AgentState) -> Control {
        Control { version, state, by: Some("@alice".into()), ..Control::running() }
    }

    #[test]
    fn the_newest_state_is_obeyed_and_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let load = || PauseCache::load(dir.path(), "http://a", "deployer", env());
        let mut cache = load();
        assert_eq!(cache.current(), &Control::running());
        for (offered, taken, then) in [
            (state(2, AgentState::Paused), Taken::Obeyed, AgentState::Paused),
            (state(1, AgentState::Running), Taken::Older, AgentState::Paused),
            (state(2, AgentState::Paused), Taken::Known, AgentState::Paused),
            (state(3, AgentState::Running), Taken::Obeyed, AgentState::Running),
            (state(4, AgentState::Paused), Taken::Obeyed, AgentState::Paused),
        ] {
            assert_eq!(cache.take(offered.clone()), taken, "{offered:?}");
            assert_eq!(cache.current().state, then);
            assert_eq!(load().current().state, then, "on disk too");
        }
        let elsewhere = PauseCache::load(dir.path(), "http://b", "deployer", env());
        assert_eq!(elsewhere.current().state, AgentState::Running, "another server's states are its own");
    }

    #[test]
    fn a_state_that_another_process_took_is_not_replaced_by_an_older_one() {
        let dir = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (
            PauseCache::load(dir.path(), "http://a", "x/../y", env()),
            PauseCache::load(dir.path(), "http://a", "x/../y", env()),
        );
        one.take(state(5, AgentState::Paused));
        assert_eq!(other.take(state(4, AgentState::Running)), Taken::Older);
        assert_eq!(other.current().state, AgentState::Paused);
        assert!(one.path().starts_with(dir.path().join("control")));
    }

    #[test]
    fn a_disk_that_cannot_be_written_does_not_undo_a_pause() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("control"), "in the way").unwrap();
        let mut cache = PauseCache::load(dir.path(), "http://a", "a", env());
        assert_eq!(cache.take(state(1, AgentState::Paused)), Taken::Obeyed);
        assert_eq!(cache.current().state, AgentState::Paused);
    }

    #[test]
    fn a_damaged_file_counts_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let mut cache = PauseCache::load(dir.path(), "http://a", "a", env());
        cache.take(state(9, AgentState::Paused));
        fs::write(cache.path(), "{\"version\": 9, \"sta").unwrap();
        assert_eq!(PauseCache::load(dir.path(), "http://a", "a", env()).current(), &Control::running());
    }

    #[test]
    fn waits_grow_to_half_a_minute() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..8).map(|_| backoff.wait().as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
        backoff.reset();
        assert_eq!(backoff.wait().as_secs(), 1);
    }
}
