//! A server that replays a script and keeps every byte it was sent.
//!
//! One step a line: `out <JSON string>` writes its text in one write, `read <n>` takes n bytes, `line` takes one line,
//! `rest` reads to the end, `close` ends the output, `env <name>` writes a variable of the environment, `big <n>` writes a line of n bytes, `flood <n>` writes n numbered lines while a thread
//! reads to the end, `exit <code>` and `kill` end it.

use std::fs::File;
use std::io::{Read, Write, stdin, stdout};

pub(crate) fn play(record: &str, script: &str) {
    let mut peer = Peer { record: File::create(record).expect("a place for the record") };
    for step in script.lines() {
        let (step, rest) = step.trim().split_once(' ').unwrap_or((step.trim(), ""));
        match step {
            "" => {}
            "out" => write(serde_json::from_str::<String>(rest).expect("a JSON string").as_bytes()),
            "raw" => write(&[0xff, 0xfe, 0, b'\n']),
            "big" => write(format!("\"{}\"\n", "y".repeat(rest.parse().expect("a number"))).as_bytes()),
            "read" => drop(peer.take(rest.parse().expect("a number"))),
            "line" => while peer.take(1) != b"\n" {},
            "rest" => peer.take_rest(),
            "close" => {
                let nothing = File::options().write(true).open("/dev/null").expect("a place for nothing");
                rustix::stdio::dup2_stdout(nothing).expect("an end of the output");
            }
            "env" => write(format!("{rest}={:?}\n", std::env::var_os(rest)).as_bytes()),
            "flood" => {
                let reader = std::thread::spawn(move || peer.take_rest());
                for n in 0..rest.parse::<u32>().expect("a number") {
                    write(
                        format!("{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\",\"params\":{n}}}\n").as_bytes(),
                    );
                }
                return reader.join().expect("a reader");
            }
            "exit" => std::process::exit(rest.parse().expect("a code")),
            "kill" => signal_hook::low_level::emulate_default_handler(rest.parse().expect("a signal")).expect("an end"),
            other => panic!("unknown step `{other}`"),
        }
    }
}

struct Peer {
    record: File,
}

impl Peer {
    fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        stdin().lock().read_exact(&mut bytes).expect("as many bytes as the script says");
        self.record.write_all(&bytes).expect("a record");
        bytes
    }

    fn take_rest(&mut self) {
        std::io::copy(&mut stdin().lock(), &mut self.record).expect("a record");
    }
}

fn write(bytes: &[u8]) {
    let mut output = stdout().lock();
    output.write_all(bytes).and_then(|()| output.flush()).expect("a client that reads");
}
