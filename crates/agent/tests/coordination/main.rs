//! The wrapper and a server: what is recorded, what a pause does, and what neither loses when the other is away.
#![allow(missing_docs, clippy::disallowed_methods, reason = "a test")]

mod standin;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use standin::{KEY, Mood, PATIENCE, Standin};

const TESTBED: &str = env!("CARGO_BIN_EXE_agent-testbed");

/// An MCP client with a wrapped server.
struct Agent {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    next: i64,
}

impl Agent {
    fn start(url: &str, key: &str, dir: &Path) -> Self {
        let mut command = Command::new(TESTBED);
        command
            .args(["wrap", "--url", url, "--key", key, "--agent", "team/deployer", "--state"])
            .arg(dir.join("state"))
            .args(["--", TESTBED, "mcp"])
            .arg(dir.join("record"));
        Self::run(command)
    }

    /// A wrapper that was not told who its agent is.
    fn unnamed(url: &str, dir: &Path) -> Self {
        let mut command = Command::new(TESTBED);
        command.args(["wrap", "--url", url, "--key", KEY, "--state"]).arg(dir.join("state"));
        command.args(["--", TESTBED, "mcp"]).arg(dir.join("record"));
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut agent = Self { child, stdin, stdout, next: 0 };
        let client = json!({"protocolVersion": "2025-11-25", "clientInfo": {"name": "tester", "version": "1"}});
        agent.ask("initialize", client);
        agent
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.next;
        self.next += 1;
        let line = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string();
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["id"], id);
        answer["result"].clone()
    }

    /// The text a tool call was answered with.
    fn call(&mut self, tool: &str) -> String {
        let result = self.ask("tools/call", json!({"name": tool, "arguments": {"path": "src/pay.rs"}}));
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }

    fn leave(mut self) -> ExitStatus {
        drop(self.stdin.take());
        self.child.wait().unwrap()
    }
}

/// Calls until the wrapper has learned of a state. It says so to nobody else, so it is asked again; between two calls
/// the machine is left to those who bring the state.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

const PAUSED: &str = "Paused by @alice: bad deploys. Do not retry; wait or ask @alice.";

#[test]
fn calls_and_their_outcomes_are_recorded_once_each() {
    let (server, dir) = (Standin::start(), tempfile::tempdir().unwrap());
    let mut agent = Agent::start(&server.url(), KEY, dir.path());
    assert_eq!(agent.call("write_file"), "done");
    assert_eq!(agent.call("write_file"), "done");
    server.until("both outcomes arrive while the agent lives", |held| held.outcomes.len() == 2);
    assert_eq!(server.held().duplicates, 0);
    assert_eq!(agent.call("last"), "done");
    assert!(agent.leave().success());
    // The last one is sent at the end, or kept where there was no time, and sent by whoever comes next.
    let next = Agent::start(&server.url(), KEY, dir.path());
    server.until("the last one arrives too", |held| held.outcomes.len() == 3);
    assert!(next.leave().success());
    let held = server.held();
    assert_eq!((held.events.len(), held.outcomes.len()), (3, 3));
    assert_eq!(held.events[0]["action"]["description"], "filesystem.write_file");
    assert_eq!(held.events[0]["actor"]["id"], "team/deployer");
    let key = held.events[2]["action"]["idempotency_key"].as_str().unwrap();
    assert_eq!(held.outcomes[key]["status"], "completed");
}

#[test]
fn a_pause_holds_the_next_call_and_a_resume_lets_it_go() {
    let (server, dir) = (Standin::start(), tempfile::tempdir().unwrap());
    let mut agent = Agent::start(&server.url(), KEY, dir.path());
    assert_eq!(agent.call("before"), "done");
    for round in 0..10 {
        server.set(round * 2 + 1, "paused");
        eventually("the pause arrives", || agent.call("during") == PAUSED);
        assert!(agent.ask("tools/list", json!({}))["tools"].is_array(), "all else passes");
        server.set(round * 2 + 2, "running");
        eventually("the resume arrives", || agent.call("after") == "done");
    }
    // An old state changes nothing.
    server.set(30, "paused");
    eventually("the pause arrives", || agent.call("during") == PAUSED);
    server.set(29, "running");
    server.set(30, "paused");
    assert_eq!(agent.call("still"), PAUSED);
    assert!(agent.leave().success());
    let record = std::fs::read_to_string(dir.path().join("record")).unwrap();
    assert!(!record.contains("\"still\""), "a refused call never reaches the server");
    assert!(server.held().events.iter().all(|event| event["action"]["description"] != "filesystem.still"));
}

#[test]
fn a_pause_holds_while_the_server_is_away_and_after_a_restart() {
    let (server, dir) = (Standin::start(), tempfile::tempdir().unwrap());
    server.set(5, "paused");
    let url = server.url();
    let mut agent = Agent::start(&url, KEY, dir.path());
    // A first call waits 150 ms for the state; a busy machine may need longer.
    eventually("the state arrives", || agent.call("first") == PAUSED);
    drop(server);
    assert_eq!(agent.call("alone"), PAUSED);
    assert!(agent.leave().success());
    let mut agent = Agent::start(&url, KEY, dir.path());
    assert_eq!(agent.call("again"), PAUSED, "from disk");
    assert!(agent.leave().success());
    let server = Standin::start_at(url.trim_start_matches("http://"));
    server.set(6, "running");
    let mut agent = Agent::start(&url, KEY, dir.path());
    // Until the server has been heard, the pause on disk holds; the first call waits for that, but not for ever.
    eventually("the resume arrives", || agent.call("free") == "done");
    assert!(agent.leave().success());
}

#[test]
fn what_happened_while_the_server_was_away_arrives_once() {
    let dir = tempfile::tempdir().unwrap();
    let url = {
        let gone = Standin::start();
        gone.url()
    };
    for _ in 0..2 {
        let mut agent = Agent::start(&url, KEY, dir.path());
        for n in 0..50 {
            assert_eq!(agent.call(&format!("tool{n}")), "done");
        }
        assert!(agent.leave().success());
    }
    let server = Standin::start_at(url.trim_start_matches("http://"));
    let mut agent = Agent::start(&url, KEY, dir.path());
    assert_eq!(agent.call("after"), "done");
    server.until("all arrive", |held| held.outcomes.len() == 101);
    assert!(agent.leave().success());
    let held = server.held();
    let tools: Vec<&str> =
        held.events.iter().map(|event| event["metadata"]["attributes"]["call"]["tool"].as_str().unwrap()).collect();
    let expect: Vec<String> = (0..2).flat_map(|_| (0..50).map(|n| format!("tool{n}"))).collect();
    assert_eq!(tools[..100], expect, "in the order they happened");
    let times: Vec<i64> = held.events.iter().map(|event| event["timestamp"].as_i64().unwrap()).collect();
    assert!(times.is_sorted(), "under the times they happened");
    assert_eq!((held.events.len(), held.duplicates), (101, 0));
    let left = std::fs::read_dir(dir.path().join("state/spool"))
        .unwrap()
        .flat_map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap())
        .count();
    assert_eq!(left, 0, "nothing is left on disk");
}

#[test]
fn a_server_that_fails_costs_the_agent_nothing_and_loses_nothing() {
    for mood in [Mood::LosesAnswers, Mood::Answers(500), Mood::Answers(302), Mood::Answers(408), Mood::Hangs] {
        let (server, dir) = (Standin::start(), tempfile::tempdir().unwrap());
        server.mood.send_replace(mood);
        let mut agent = Agent::start(&server.url(), KEY, dir.path());
        for _ in 0..101 {
            assert_eq!(agent.call("tool"), "done");
        }
        assert!(agent.leave().success());
        server.mood.send_replace(Mood::Well);
        let mut agent = Agent::start(&server.url(), KEY, dir.path());
        agent.call("last");
        server.until("all arrive", |held| held.outcomes.len() == 102);
        assert!(agent.leave().success());
        assert_eq!(server.held().events.len(), 102, "{mood:?}");
    }
}

#[test]
fn a_key_that_is_refused_does_not_stop_the_agent() {
    let (server, dir) = (Standin::start(), tempfile::tempdir().unwrap());
    let mut agent = Agent::start(&server.url(), "mk_other", dir.path());
    for _ in 0..20 {
        assert_eq!(agent.call("tool"), "done");
    }
    server.until("the key is refused", |held| held.refused > 0);
    assert!(agent.leave().success());
    // Once the key is right, what was kept arrives.
    let mut agent = Agent::start(&server.url(), KEY, dir.path());
    agent.call("tool");
    server.until("all arrive", |held| held.events.len() == 21);
    assert!(agent.leave().success());
}

#[test]
fn an_agent_without_a_name_is_called_after_its_client() {
    let (server, dir) = (Standin::start(), tempfile::tempdir().unwrap());
    server.set(1, "paused");
    let mut agent = Agent::unnamed(&server.url(), dir.path());
    eventually("the pause arrives", || agent.call("tool") == PAUSED);
    server.set(2, "running");
    eventually("the resume arrives", || agent.call("tool") == "done");
    server.until("the event arrives", |held| !held.events.is_empty());
    assert!(agent.leave().success());
    assert_eq!(server.held().events[0]["actor"]["id"], "tester@testbed");
}

#[test]
fn what_there_is_no_time_to_read_at_the_end_is_counted() {
    const CALLS: usize = 300;
    let (server, dir) = (Standin::start(), tempfile::tempdir().unwrap());
    let mut agent = Agent::start(&server.url(), KEY, dir.path());
    let text = "x".repeat(100_000);
    for id in 1..=CALLS {
        let params = json!({"name": "write_file", "arguments": {"path": "a", "content": text}});
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        writeln!(agent.stdin.as_mut().unwrap(), "{call}").unwrap();
    }
    assert!(agent.leave().success());
    // Losses are told with the next events.
    let mut next = Agent::start(&server.url(), KEY, dir.path());
    assert_eq!(next.call("write_file"), "done");
    server.until("each call and its outcome arrives or is counted", |held| {
        (held.events.len() + held.outcomes.len()) as u64 + held.dropped == 2 * (CALLS as u64 + 1)
    });
    assert!(next.leave().success());
}
