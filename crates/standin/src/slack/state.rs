//! All that changes while a workspace runs, behind one lock, with a count of the changes to wait on.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::log::Log;
use super::mishap::Mishaps;
use super::options::{Clock, SlackOptions};
use super::pace::Pace;
use super::socket::Links;
use super::trigger::Handed;
use super::workspace::Workspace;

/// What the handle, the connections and the sockets have in common.
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) patience: Duration,
    state: Mutex<State>,
    /// Counts changes.
    pub(super) changes: watch::Sender<u64>,
    /// Whether the workspace cannot be reached.
    pub(super) down: watch::Sender<bool>,
}

/// What changes.
pub(super) struct State {
    pub(super) address: SocketAddr,
    pub(super) workspace: Workspace,
    pub(super) pace: Pace,
    pub(super) mishaps: Mishaps,
    pub(super) handed: Handed,
    pub(super) links: Links,
    pub(super) log: Log,
    /// Whether the bot token was revoked.
    pub(super) revoked: bool,
    pub(super) interactivity_url: Option<String>,
    pub(super) commands_url: Option<String>,
}

impl Shared {
    pub(super) fn new(options: SlackOptions, address: SocketAddr) -> Self {
        let state = State {
            address,
            workspace: Workspace::new(&options),
            pace: Pace::new(options.pacing),
            mishaps: Mishaps::default(),
            handed: Handed::default(),
            links: Links::default(),
            log: Log::new(options.keep),
            revoked: false,
            interactivity_url: options.interactivity_url,
            commands_url: options.commands_url,
        };
        Self {
            clock: options.clock,
            patience: options.patience,
            state: Mutex::new(state),
            changes: watch::Sender::new(0),
            down: watch::Sender::new(false),
        }
    }

    /// Unix milliseconds.
    pub(super) fn now(&self) -> i64 {
        (self.clock)()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes those who wait for a change.
    pub(super) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}
