//! The machine that the binary runs on: its clock, its randomness, its environment, its folders.
//!
//! The only place in the workspace that asks for them.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use mandate_server::env::Env as ServerEnv;

/// Now, in Unix milliseconds.
#[expect(clippy::disallowed_methods, reason = "the binary reads the clock for everybody")]
pub(crate) fn now() -> i64 {
    // A clock before 1970 counts as 1970; one beyond the year 292,000,000 does not occur.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Random bytes of the operating system. Without them no key can be made, so the process ends.
pub(crate) fn entropy(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        tracing::error!(%error, "the system gives no random bytes");
        std::process::abort();
    }
}

/// An environment variable; an empty one counts as not set.
#[expect(clippy::disallowed_methods, reason = "the binary reads the environment for everybody")]
pub(crate) fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Clock and randomness for the server.
pub(crate) fn server_env() -> ServerEnv {
    ServerEnv::unix(now, entropy)
}

/// The same for a server whose store has this address; a file's disk has so many bytes free.
pub(crate) fn server_env_at(store: &str) -> ServerEnv {
    let Some(path) = store.strip_prefix("sqlite:") else { return server_env() };
    let path = PathBuf::from(path.trim_start_matches("//"));
    server_env().with_disk_free(move || {
        let disk = rustix::fs::statvfs(&path).ok()?;
        disk.f_bavail.checked_mul(disk.f_frsize)
    })
}

/// Clock and randomness for the agent's side.
pub(crate) fn agent_env() -> mandate_agent::Env {
    mandate_agent::Env { now, entropy }
}

/// `~/.config/mandate/credentials`, or where `XDG_CONFIG_HOME` says.
pub(crate) fn credentials_file() -> Option<PathBuf> {
    let home = var("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(home()?.join(".config")))?;
    Some(home.join("mandate").join("credentials"))
}

/// Where wrappers keep their spool and control state: `MANDATE_STATE`, or `~/.local/state/mandate`.
pub(crate) fn state_dir() -> PathBuf {
    let state_home = || var("XDG_STATE_HOME").map(PathBuf::from).or_else(|| Some(home()?.join(".local").join("state")));
    let own = || state_home().map(|dir| dir.join("mandate"));
    var("MANDATE_STATE").map(PathBuf::from).or_else(own).unwrap_or_else(|| PathBuf::from(".mandate"))
}

fn home() -> Option<PathBuf> {
    var("HOME").map(PathBuf::from)
}

/// This machine's name, as agents without an id carry it.
pub(crate) fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}
