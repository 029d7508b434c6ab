//! A client and a server see the same bytes, the same end and the same exit, with the wrapper between them or not.
#![allow(missing_docs, reason = "a test")]

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const TESTBED: &str = env!("CARGO_BIN_EXE_agent-testbed");
/// A port nobody listens on: Mandate is away, which no peer may notice.
const NOBODY: &str = "http://127.0.0.1:9";

/// What a session looks like from outside.
#[derive(PartialEq, Eq)]
struct Seen {
    to_client: Vec<u8>,
    to_server: Vec<u8>,
    status: ExitStatus,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |bytes: &[u8]| {
            format!("{} bytes, …{:?}", bytes.len(), String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(80)..]))
        };
        write!(formatter, "client {} server {} {:?}", shown(&self.to_client), shown(&self.to_server), self.status)
    }
}

fn start(dir: &Path, wrapped: bool, script: &str) -> Child {
    command(dir, wrapped, script).spawn().unwrap()
}

fn command(dir: &Path, wrapped: bool, script: &str) -> Command {
    let record = dir.join("record");
    let mut command = Command::new(TESTBED);
    if wrapped {
        command.args(["wrap", "--url", NOBODY, "--state"]).arg(dir).args(["--agent", "a", "--", TESTBED]);
    }
    command.arg("peer").arg(record).arg(script);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn run(wrapped: bool, script: &str, input: &[&[u8]]) -> Seen {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path(), wrapped, script);
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let to_client = thread::scope(|scope| {
        scope.spawn(move || {
            // A server that ends early breaks the pipe; that is part of what is compared.
            let _ = input.iter().try_for_each(|piece| stdin.write_all(piece).and_then(|()| stdin.flush()));
        });
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let status = child.wait().unwrap();
    let to_server = std::fs::read(dir.path().join("record")).unwrap_or_default();
    Seen { to_client, to_server, status }
}

fn check(name: &str, script: &str, input: &[&[u8]]) -> Seen {
    let direct = run(false, script, input);
    let wrapped = run(true, script, input);
    assert_eq!(direct, wrapped, "{name}");
    wrapped
}

const CALL: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"n":12345678901234567890123,"f":1.0},"futureField":true}}"#;

#[test]
fn recorded_lines_pass_byte_by_byte() {
    let call = [CALL, b"\n"].concat();
    for (name, script, input) in [
        (
            "an answer in three writes",
            r#"line
            out "{\"jsonrpc\":\"2.0\","
            out "\"id\":1,\"resu"
            out "lt\":{\"content\":[]}}\n"
            rest"#,
            &[call.as_slice()] as &[&[u8]],
        ),
        ("a request in pieces", "rest\nout \"{}\\n\"", &[&call[..3], &call[3..40], &call[40..], b"{\"id\":2", b"}\n"]),
        ("CRLF, blank lines, white space", "out \"{} \\r\\n\\r\\n\\n\"\nrest", &[b" {\"a\" : 1}\r\n\r\n\n\t\n"]),
        ("no final newline", "out \"{\\\"cut\"\nrest", &[b"{\"id\":1}\n", CALL]),
        (
            "batches",
            "out \"[{\\\"id\\\":1,\\\"result\\\":{}},{}]\\n\"\nrest",
            &[b"[", CALL, b",{\"method\":\"ping\"}]\n"],
        ),
        ("garbage", "raw\nout \"}{ no json\\n\"\nrest", &[b"\xff\xfe\x00\n", b"}{\n", b"[[[[\n"]),
        ("nothing at all", "rest", &[]),
        ("many lines in one write", "rest\nout \"a\\nb\\nc\"", &[call.repeat(500).as_slice()]),
    ] {
        let seen = check(name, script, input);
        assert_eq!(seen.to_server, input.concat(), "{name}");
    }
}

#[test]
fn large_lines_pass() {
    let large = [b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"x\",\"arguments\":{\"text\":\"", vec![b'x'; 5 << 20].as_slice(), b"\"}}}\n"].concat();
    let seen = check("5 MB each way", "big 5000000\nrest\nbig 5000000", &[&large, &large]);
    assert_eq!(seen.to_client.len(), 2 * 5_000_003);
    let endless = vec![b'z'; 18 << 20];
    check("a line longer than the wrapper holds", "rest", &[&endless, b"\nlast\n"]);
}

#[test]
fn both_directions_flood_at_once() {
    let calls: Vec<u8> = (0..20_000)
        .flat_map(|n| {
            format!("{{\"jsonrpc\":\"2.0\",\"id\":{n},\"method\":\"tools/call\",\"params\":{{\"name\":\"x\"}}}}\n")
                .into_bytes()
        })
        .collect();
    let seen = check("a flood", "flood 20000", &[&calls]);
    assert_eq!(seen.to_server.len(), calls.len());
}

#[test]
fn the_servers_end_is_the_wrappers_end() {
    let call = [CALL, b"\n"].concat();
    for (name, script, code, signal) in [
        ("leaves with a code", "line\nout \"{\\\"half\"\nexit 3", Some(3), None),
        ("leaves without reading", "exit 0", Some(0), None),
        ("leaves after a last word", "out \"last\\n\"\nexit 77", Some(77), None),
        ("is terminated", "line\nkill 15", None, Some(15)),
        ("is killed", "kill 9", None, Some(9)),
    ] {
        let direct = run(false, script, &[&call]);
        let wrapped = run(true, script, &[&call]);
        assert_eq!(direct.to_client, wrapped.to_client, "{name}");
        for status in [direct.status, wrapped.status] {
            assert_eq!((status.code(), status.signal()), (code, signal), "{name}");
        }
    }
}

#[test]
fn a_server_may_end_its_output_and_live_on() {
    let seen = [false, true].map(|wrapped| {
        let dir = tempfile::tempdir().unwrap();
        let mut child = start(dir.path(), wrapped, "out \"last\\n\"\nclose\nline\nexit 5");
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (read, whole) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).unwrap();
            read.send(bytes).unwrap();
        });
        let to_client =
            whole.recv_timeout(Duration::from_secs(20)).expect("the end of the output, while the server lives");
        stdin.write_all(b"one more\n").unwrap();
        let status = child.wait().unwrap();
        Seen { to_client, to_server: std::fs::read(dir.path().join("record")).unwrap(), status }
    });
    assert_eq!(seen[0], seen[1]);
    assert_eq!(
        (seen[1].to_client.as_slice(), seen[1].to_server.as_slice()),
        (b"last\n".as_slice(), b"one more\n".as_slice())
    );
}

#[test]
fn the_server_inherits_the_environment_but_not_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(dir.path(), true, "env MANDATE_KEY\nenv TESTBED_WORD")
        .env("MANDATE_KEY", "mk_of_the_agent")
        .env("TESTBED_WORD", "here")
        .spawn()
        .unwrap();
    let mut said = String::new();
    child.stdout.as_mut().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "MANDATE_KEY=None\nTESTBED_WORD=Some(\"here\")\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_signal_to_the_wrapper_reaches_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path(), true, "out \"ready\\n\"\nrest");
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    // Held open: the end of the input would end the server too.
    let _stdin = child.stdin.take();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

#[test]
fn a_server_that_cannot_be_started_is_said_without_its_arguments() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(TESTBED)
        .args(["wrap", "--url", NOBODY, "--state"])
        .arg(dir.path())
        .args(["--", "/no/such/server", "--token=hush"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot start `/no/such/server`") && !said.contains("hush"), "{said}");
    assert!(output.stdout.is_empty() && !output.status.success());
}
