//! What the tests of the wrapper run as processes of their own: the wrapper itself and two scripted servers.
#![allow(missing_docs, clippy::disallowed_methods, clippy::print_stderr, reason = "a test program")]

mod mcp;
mod peer;

use std::ffi::OsString;
use std::path::PathBuf;

use mandate_agent::mcp::{Options, wrap};
use mandate_agent::{Client, Env};

const USAGE: &str = "agent-testbed wrap --url URL --state DIR [--key K] [--agent A] [--name N] -- CMD… | peer RECORD SCRIPT | mcp RECORD";

fn main() {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let text = |at: usize| arguments.get(at).and_then(|text| text.to_str()).expect(USAGE).to_owned();
    match text(0).as_str() {
        "peer" => peer::play(&text(1), &text(2)),
        "mcp" => mcp::serve(&text(1)),
        "wrap" => {
            let at = arguments.iter().position(|text| text == "--").expect(USAGE);
            let command = arguments.split_off(at + 1);
            wrapped(&arguments, &command);
        }
        _ => panic!("{USAGE}"),
    }
}

fn wrapped(flags: &[OsString], command: &[OsString]) {
    let flag = |name: &str| {
        let at = flags.iter().position(|text| text == name)?;
        flags.get(at + 1)?.to_str().map(str::to_owned)
    };
    let options = Options {
        client: Client::new(&flag("--url").expect(USAGE), flag("--key").as_deref()).expect("an address"),
        agent: flag("--agent"),
        name: flag("--name"),
        host: "testbed".into(),
        state_dir: PathBuf::from(flag("--state").expect(USAGE)),
        working_directory: std::env::current_dir().expect("a working directory"),
        env: Env { now, entropy },
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (program, arguments) = command.split_first().expect(USAGE);
    match runtime.block_on(wrap(options, program, arguments)) {
        Ok(ended) => ended.leave(),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(127);
        }
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_millis()).expect("a clock before 292278994")
}

fn entropy(bytes: &mut [u8]) {
    use std::io::Read;
    std::fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(bytes)).expect("randomness");
}
