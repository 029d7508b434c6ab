//! What a connection did, read from copies of its bytes: tool calls become events, their results outcomes.
//!
//! One call is one event under one key, also when the client repeats it with the input it was asked for, and when
//! the server answers with a task. No clock, no I/O but looking for repositories: time comes with each copy.

mod call;
mod event;
mod lines;
mod server;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use mandate_api::{Dropped, OutcomeReport, OutcomeStatus};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::arguments::Shaper;
use super::call_site::CallSite;
use super::identity::agent_id;
use super::message::{CallParams, Implementation, Line, Message};
use super::refusal::Known;
use super::text::cut;
use crate::record::{Kind, Record};
use call::{Answer, Call};
use lines::ServerLines;

/// So many requests may be open at once; older ones are given up without an outcome.
const MAX_OPEN: usize = 10_000;
const MAX_NAME_BYTES: usize = 200;

/// What is fixed before the first byte.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) connection: Uuid,
    /// The agent's id, when the operator gave one.
    pub(super) agent: Option<String>,
    /// The server's name, when the operator gave one.
    pub(super) server: Option<String>,
    pub(super) host: String,
    pub(super) working_directory: PathBuf,
    pub(super) shaper: Shaper,
}

/// What a step found.
#[derive(Debug)]
pub(super) enum Found {
    /// Who the agent is. Comes once, before any record.
    Agent(String),
    /// Something for the server.
    Record(Record),
    /// Something that should have been, and could not be read.
    Lost(Dropped),
}

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    setting: Setting,
    site: CallSite,
    known: Arc<RwLock<Known>>,
    agent: Option<String>,
    client_name: Option<String>,
    hints: HashMap<String, Map<String, Value>>,
    sequence: i64,
    seen_ids: HashSet<u64>,
    /// Requests of the client that wait for their answer, by raw id, and in order.
    open: HashMap<String, Open>,
    open_order: VecDeque<String>,
    /// Calls that wait for the client to repeat them with more input.
    waiting: HashMap<[u8; 32], Call>,
    tasks: HashMap<String, Call>,
    server_lines: ServerLines,
    /// Output of the server that could not be read: a missing answer means nothing from here on.
    gap: bool,
}

/// What an open request asked.
#[derive(Debug)]
enum Open {
    /// Who the server is.
    Greeting,
    /// Which tools it has.
    Tools,
    /// A call.
    Call(Box<Call>),
    /// How a task stands, or its result.
    Task(String),
}

impl Session {
    pub(super) fn new(setting: Setting, known: Arc<RwLock<Known>>) -> Self {
        let site = CallSite::new(setting.working_directory.clone());
        if let Some(name) = &setting.server {
            known.write().unwrap_or_else(PoisonError::into_inner).server.clone_from(name);
        }
        Self {
            agent: setting.agent.clone(),
            site,
            known,
            setting,
            client_name: None,
            hints: HashMap::new(),
            sequence: 0,
            seen_ids: HashSet::new(),
            open: HashMap::new(),
            open_order: VecDeque::new(),
            waiting: HashMap::new(),
            tasks: HashMap::new(),
            server_lines: ServerLines::default(),
            gap: false,
        }
    }

    /// Reads a line only for who the client is.
    pub(super) fn peek(&mut self, line: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        for message in Line::read(line).messages() {
            self.greet(message, &mut found);
            if message.is_tool_call() {
                self.know_agent("", &mut found);
            }
        }
        found
    }

    /// Reads whole lines from the client, which passed at `at` (Unix milliseconds; `tick` on the monotonic clock).
    pub(super) fn client(&mut self, lines: &[u8], at: i64, tick: i64) -> Vec<Found> {
        let mut found = Vec::new();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            for message in Line::read(line).messages() {
                self.read_client(message, at, tick, &mut found);
            }
        }
        found
    }

    /// Reads output of the server.
    pub(super) fn server(&mut self, bytes: &[u8], at: i64, tick: i64) -> Vec<Found> {
        let mut found = Vec::new();
        let mut reader = std::mem::take(&mut self.server_lines);
        let nothing_open = self.open.is_empty() && self.tasks.is_empty();
        let whole = reader.push(bytes, |line| {
            if nothing_open {
                return;
            }
            for message in Line::read(line).messages() {
                self.read_server(message, at, tick, &mut found);
            }
        });
        self.gap |= !whole;
        self.server_lines = reader;
        found
    }

    /// Calls of the client are missing: each would have been an event and an outcome.
    pub(super) fn client_gap(&mut self, calls: u64, at: i64) -> Vec<Found> {
        lost(calls * 2, at)
    }

    /// Output of the server is missing.
    pub(super) fn server_gap(&mut self) {
        self.gap = true;
        self.server_lines.skip();
    }

    /// The connection is over: what is open will not be answered any more.
    pub(super) fn end(&mut self, at: i64, tick: i64) -> Vec<Found> {
        let order = std::mem::take(&mut self.open_order);
        let mut calls: Vec<Call> = order
            .into_iter()
            .filter_map(|id| match self.open.remove(&id) {
                Some(Open::Call(call)) => Some(*call),
                _ => None,
            })
            .collect();
        calls.extend(self.waiting.drain().map(|(_, call)| call));
        calls.extend(self.tasks.drain().map(|(_, call)| call));
        if self.gap {
            // Perhaps they were answered where nobody could read it: nothing is claimed of how they ended.
            return lost(calls.len() as u64, at);
        }
        calls.sort_by_key(|call| call.sequence);
        calls
            .iter()
            .map(|call| Found::Record(failure(call, "disconnected", "the connection ended", at, tick)))
            .collect()
    }

    fn read_client(&mut self, message: &Message<'_>, at: i64, tick: i64, found: &mut Vec<Found>) {
        self.greet(message, found);
        let (Some(method), Some(id)) = (message.method.as_deref(), message.id.map(RawValue::get)) else {
            if message.method.as_deref() == Some("notifications/cancelled") {
                self.cancelled(message, at, tick, found);
            }
            return;
        };
        let open = match method {
            "tools/call" => {
                self.know_agent("", found);
                Open::Call(Box::new(self.call(message, id, at, tick, found)))
            }
            "initialize" | "server/discover" => Open::Greeting,
            "tools/list" => Open::Tools,
            "tasks/get" | "tasks/result" | "tasks/cancel" => match message.params::<TaskParams>().task_id {
                Some(task) if self.tasks.contains_key(&task) => Open::Task(task),
                _ => return,
            },
            _ => return,
        };
        self.remember(id.to_owned(), open);
    }

    fn remember(&mut self, id: String, open: Open) {
        if self.open.insert(id.clone(), open).is_none() {
            self.open_order.push_back(id);
        }
        while self.open_order.len() > MAX_OPEN {
            if let Some(oldest) = self.open_order.pop_front() {
                self.open.remove(&oldest);
            }
        }
    }

    fn forget(&mut self, id: &str) -> Option<Open> {
        let open = self.open.remove(id)?;
        // Answers come mostly in order: the id is found at once.
        if let Some(at) = self.open_order.iter().position(|other| other == id) {
            self.open_order.remove(at);
        }
        Some(open)
    }

    /// Learns who the client is and which revision it speaks.
    fn greet(&mut self, message: &Message<'_>, found: &mut Vec<Found>) {
        #[derive(Deserialize, Default)]
        struct Initialize<'l> {
            #[serde(default, borrow, rename = "clientInfo")]
            client_info: Option<Implementation<'l>>,
        }
        let meta = message.meta();
        if meta.is_modern() {
            self.write_known(|known| known.modern = true);
        }
        let initialize = || message.params::<Initialize<'_>>().client_info;
        let said = match message.method.as_deref() {
            Some("initialize") => initialize(),
            _ => meta.client_info,
        };
        let Some(client) = said else { return };
        let name = client.name.unwrap_or_default();
        if self.client_name.is_none() {
            let shown = client.title.as_deref().unwrap_or(&name).trim();
            self.client_name = Some(cut(shown, MAX_NAME_BYTES)).filter(|shown| !shown.is_empty());
        }
        self.know_agent(&name, found);
    }

    fn know_agent(&mut self, client: &str, found: &mut Vec<Found>) {
        if self.agent.is_none() {
            let agent = agent_id(client, &self.setting.host);
            found.push(Found::Agent(agent.clone()));
            self.agent = Some(agent);
        }
    }

    /// A call: a new event, or the continuation of one that asked for input.
    fn call(&mut self, message: &Message<'_>, id: &str, at: i64, tick: i64, found: &mut Vec<Found>) -> Call {
        let params: CallParams<'_> = message.params();
        let state = params.request_state.map(RawValue::get);
        if (params.input_responses.is_some() || params.request_state.is_some())
            && let Some(call) = self.waiting.remove(&fold_key(params.name.as_deref(), params.arguments, state))
        {
            return call;
        }
        self.sequence += 1;
        let call = Call {
            key: self.key(id),
            sequence: self.sequence,
            began: tick,
            tool: params.name.as_deref().map(ToOwned::to_owned),
            arguments: params.arguments.map(ToOwned::to_owned),
        };
        let event = self.event(&call, message, at);
        found.extend(record(&call.key, Kind::Event, &event, at).map(Found::Record));
        call
    }

    fn cancelled(&mut self, message: &Message<'_>, at: i64, tick: i64, found: &mut Vec<Found>) {
        #[derive(Deserialize, Default)]
        struct Cancelled<'l> {
            #[serde(default, borrow, rename = "requestId")]
            request: Option<&'l RawValue>,
        }
        let Some(id) = message.params::<Cancelled<'_>>().request else { return };
        if matches!(self.open.get(id.get()), Some(Open::Call(_)))
            && let Some(Open::Call(call)) = self.forget(id.get())
        {
            found.push(Found::Record(failure(&call, "cancelled", "the client cancelled the call", at, tick)));
        }
    }

    fn read_server(&mut self, message: &Message<'_>, at: i64, tick: i64, found: &mut Vec<Found>) {
        if let Some(method) = message.method.as_deref() {
            if method == "notifications/tasks/status" || method == "notifications/tasks" {
                let task: TaskParams = message.params();
                self.task(&task, at, tick, found);
            }
            return;
        }
        let Some(open) = message.id.and_then(|id| self.forget(id.get())) else { return };
        match open {
            Open::Greeting => self.learn_server(message),
            Open::Tools => self.learn_tools(message),
            Open::Call(call) => self.answered(*call, message, at, tick, found),
            Open::Task(task) => self.task_answered(&task, message, at, tick, found),
        }
    }

    fn answered(&mut self, call: Call, message: &Message<'_>, at: i64, tick: i64, found: &mut Vec<Found>) {
        match Answer::read(message) {
            Answer::NeedsInput(state) => {
                let key = fold_key(call.tool.as_deref(), call.arguments.as_deref(), state.as_deref());
                if self.waiting.len() < MAX_OPEN {
                    self.waiting.insert(key, call);
                }
            }
            Answer::Task(task) => {
                if self.tasks.len() < MAX_OPEN {
                    self.tasks.insert(task, call);
                }
            }
            Answer::Ended(outcome) => found.extend(self.outcome(&call, outcome, at, tick)),
        }
    }

    fn task_answered(&mut self, id: &str, message: &Message<'_>, at: i64, tick: i64, found: &mut Vec<Found>) {
        let mut task: TaskParams = message.result();
        let is_result = message.error.is_none() && task.status.is_none();
        if is_result {
            // The answer to `tasks/result` is the call's own result.
            if let (Answer::Ended(outcome), Some(call)) = (Answer::read(message), self.tasks.remove(id)) {
                found.extend(self.outcome(&call, outcome, at, tick));
            }
            return;
        }
        task.task_id = Some(id.to_owned());
        self.task(&task, at, tick, found);
    }

    /// A task's state: once it is over, so is the call.
    fn task(&mut self, task: &TaskParams, at: i64, tick: i64, found: &mut Vec<Found>) {
        let Some(id) = &task.task_id else { return };
        let outcome = match task.status.as_deref() {
            Some("completed") => match &task.result {
                Some(result) => call::ended(result),
                None => OutcomeReport {
                    status: OutcomeStatus::Completed,
                    error: None,
                    failure_mode: None,
                    duration_ms: None,
                    result: None,
                },
            },
            Some("failed") => call::failed("tool_error", task.message.as_deref().unwrap_or("the task failed")),
            Some("cancelled") => call::failed("cancelled", "the task was cancelled"),
            _ => return,
        };
        if let Some(call) = self.tasks.remove(id) {
            found.extend(self.outcome(&call, outcome, at, tick));
        }
    }

    fn outcome(&self, call: &Call, mut outcome: OutcomeReport, at: i64, tick: i64) -> Option<Found> {
        outcome.duration_ms = u64::try_from(tick - call.began).ok();
        outcome.error = outcome.error.map(|error| cut(&self.setting.shaper.scrubber().scrub_text(&error), 500));
        record(&call.key, Kind::Outcome, &outcome, at).map(Found::Record)
    }

    fn write_known(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A task, as requests name it and answers describe it, in both forms that exist.
#[derive(Debug, Default, Deserialize)]
struct TaskParams {
    #[serde(default, rename = "taskId")]
    task_id: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default, rename = "statusMessage")]
    message: Option<String>,
    #[serde(default)]
    result: Option<Box<RawValue>>,
}

/// What a repeated call has in common with the one that asked for input.
fn fold_key(tool: Option<&str>, arguments: Option<&RawValue>, state: Option<&str>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [tool, arguments.map(RawValue::get), state] {
        digest.update(part.unwrap_or_default());
        digest.update([0]);
    }
    digest.finalize().into()
}

fn lost(count: u64, at: i64) -> Vec<Found> {
    let lost = (count > 0).then_some(Found::Lost(Dropped { count, since: at, until: at }));
    lost.into_iter().collect()
}

fn failure(call: &Call, mode: &str, error: &str, at: i64, tick: i64) -> Record {
    let outcome = OutcomeReport { duration_ms: u64::try_from(tick - call.began).ok(), ..call::failed(mode, error) };
    record(&call.key, Kind::Outcome, &outcome, at).unwrap_or_else(|| Record {
        key: call.key.clone(),
        at,
        kind: Kind::Outcome,
        id: None,
        body: RawValue::NULL.to_owned(),
    })
}

/// `None` never happens: what is written here has string keys and finite numbers.
fn record(key: &str, kind: Kind, body: &impl serde::Serialize, at: i64) -> Option<Record> {
    let body = serde_json::value::to_raw_value(body).ok()?;
    Some(Record { key: key.to_owned(), at, kind, id: None, body })
}

#[cfg(test)]
mod tests;
