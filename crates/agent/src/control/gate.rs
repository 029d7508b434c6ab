//! What a wrapper asks before each call: cheap while an agent runs, exact while it does not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mandate_api::{AgentState, Control};

use super::glob::covers;

/// The control state as the pumps see it.
#[derive(Debug)]
pub struct Gate {
    /// True while every call goes through and nobody needs to look at it.
    open: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    control: Control,
    settled: bool,
}

/// Whether one call goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes through.
    Pass,
    /// It is answered with this text instead.
    Refuse(String),
}

impl Gate {
    /// A gate under the state known from disk. It is not settled: the server has not been asked yet.
    #[must_use]
    pub fn new(control: Control) -> Self {
        Self {
            open: AtomicBool::new(false),
            state: Mutex::new(State { control, settled: false }),
            changed: Condvar::new(),
        }
    }

    /// Obeys a state that came from the server.
    pub fn set(&self, control: Control) {
        let mut state = self.lock();
        *state = State { control, settled: true };
        self.update(&state);
    }

    /// Obeys a state that was found on disk, while the server is still being asked.
    pub fn set_known(&self, control: Control) {
        let mut state = self.lock();
        state.control = control;
        self.update(&state);
    }

    /// The server cannot be asked: the known state is the state.
    pub fn settle(&self) {
        let mut state = self.lock();
        state.settled = true;
        self.update(&state);
    }

    /// Whether every call goes through without being looked at.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Waits until the server's state is known, at most `limit` and only once: after that the known state is the state.
    pub fn wait_settled(&self, limit: Duration) {
        let state = self.lock();
        let (mut state, _waited) = self
            .changed
            .wait_timeout_while(state, limit, |state| !state.settled)
            .unwrap_or_else(PoisonError::into_inner);
        state.settled = true;
        self.update(&state);
    }

    /// Whether no call of any tool may pass.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.lock().control.state == AgentState::Paused
    }

    /// Whether a call of `tool` goes through; `None` is a tool whose name cannot be read, which may be any.
    /// `read_only` is what the server announced of the tool, if it did.
    #[must_use]
    pub fn decide(&self, server: &str, tool: Option<&str>, read_only: Option<bool>) -> Verdict {
        let state = self.lock();
        let control = &state.control;
        let turned_off = match tool {
            Some(tool) => control.disabled_tools.iter().any(|pattern| covers(pattern, server, tool)),
            None => !control.disabled_tools.is_empty(),
        };
        match control.state {
            AgentState::Paused => Verdict::Refuse(refusal("Paused", control)),
            AgentState::ReadOnly if read_only != Some(true) => Verdict::Refuse(refusal("Read-only", control)),
            _ if turned_off => {
                let what = tool.map_or_else(
                    || "The call names no tool, and some tools were turned off".to_owned(),
                    |tool| format!("The tool `{tool}` was turned off"),
                );
                Verdict::Refuse(refusal(&what, control))
            }
            _ => Verdict::Pass,
        }
    }

    fn update(&self, state: &State) {
        let open =
            state.settled && state.control.state == AgentState::Running && state.control.disabled_tools.is_empty();
        self.open.store(open, Ordering::Release);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A text that a model understands: who, why, and what to do now.
fn refusal(what: &str, control: &Control) -> String {
    let by = control.by.as_deref().map_or_else(String::new, |by| format!(" by {by}"));
    let reason = control.reason.as_deref().map_or("", |reason| reason.trim().trim_end_matches('.'));
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let whom = control.by.as_deref().unwrap_or("the owner");
    format!("{what}{by}{reason}. Do not retry; wait or ask {whom}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(state: AgentState) -> Control {
        Control {
            version: 1,
            state,
            reason: Some("bad deploys.".into()),
            by: Some("@alice".into()),
            ..Control::running()
        }
    }

    #[test]
    fn verdicts() {
        let off = Control { disabled_tools: vec!["fs/delete_*".into()], reason: None, ..control(AgentState::Running) };
        for (control, tool, read_only, expect) in [
            (control(AgentState::Running), Some("write_file"), None, None),
            (
                control(AgentState::Paused),
                Some("read_file"),
                Some(true),
                Some("Paused by @alice: bad deploys. Do not retry; wait or ask @alice."),
            ),
            (control(AgentState::ReadOnly), Some("read_file"), Some(true), None),
            (
                control(AgentState::ReadOnly),
                Some("write_file"),
                None,
                Some("Read-only by @alice: bad deploys. Do not retry; wait or ask @alice."),
            ),
            (off.clone(), Some("read_file"), None, None),
            (
                off.clone(),
                Some("delete_file"),
                None,
                Some("The tool `delete_file` was turned off by @alice. Do not retry; wait or ask @alice."),
            ),
            (
                off,
                None,
                None,
                Some(
                    "The call names no tool, and some tools were turned off by @alice. Do not retry; wait or ask @alice.",
                ),
            ),
            (
                Control { state: AgentState::Paused, ..Control::running() },
                Some("x"),
                None,
                Some("Paused. Do not retry; wait or ask the owner."),
            ),
        ] {
            let gate = Gate::new(control);
            let expect = expect.map_or(Verdict::Pass, |text| Verdict::Refuse(text.to_owned()));
            assert_eq!(gate.decide("fs", tool, read_only), expect);
        }
    }

    #[test]
    fn a_gate_opens_only_once_the_server_was_asked_or_given_up() {
        let gate = Gate::new(Control::running());
        assert!(!gate.is_open());
        gate.wait_settled(Duration::from_millis(1));
        assert!(gate.is_open(), "nobody waits for ever");
        gate.set(control(AgentState::Paused));
        assert!(!gate.is_open() && gate.is_paused());
        gate.settle();
        assert!(gate.is_paused(), "a server that went away undoes nothing");
        gate.set(Control { version: 2, ..Control::running() });
        assert!(gate.is_open());
    }
}
