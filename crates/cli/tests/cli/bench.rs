//! A directory of its own for one test, the binary in it, and a server to talk to.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde_json::Value;

/// One test's directory. Nothing of the machine's own configuration is seen from it.
pub(crate) struct Bench {
    dir: tempfile::TempDir,
    url: Option<String>,
}

/// How a command ended.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), url: None }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes `~/.config/mandate/credentials`.
    pub(crate) fn credentials(&self, text: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        let name = ".config/mandate/credentials";
        self.write(name, text);
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mandate"));
        command.args(arguments).current_dir(self.dir.path()).env_clear();
        command
            .env("HOME", self.dir.path())
            .env("TZ", "UTC")
            .env("OPS_HOOK_SECRET", format!("whsec_{}", "A".repeat(32)));
        if let Some(url) = &self.url {
            command.env("MANDATE_URL", url);
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, &[])
    }

    /// Runs a command to its end, with more variables.
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Done {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Done { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }

    /// Runs a command that must succeed; gives its standard output.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.code, 0, "{arguments:?}\n{}{}", done.out, done.err);
        done.out
    }

    /// Runs a command that must succeed with `--json`; gives the document.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.ok(&[arguments, &["--json"]].concat());
        assert_eq!(text.lines().count(), 1, "one document, one line: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Starts a server on a free port and waits until it says that it is ready; its own store is `mandate.db`.
    pub(crate) fn serve(&mut self, arguments: &[&str]) -> Served {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut child = self.command(&arguments).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let url = loop {
            let from = said.len();
            assert_ne!(lines.read_line(&mut said).unwrap(), 0, "the server ended before it was ready:\n{said}");
            if let Some((_, rest)) = said[from..].split_once("is ready on ") {
                break rest.split(';').next().unwrap().to_owned();
            }
        };
        self.url = Some(url);
        Served { child, lines, said }
    }
}

/// A running server. Dropping it ends it the hard way.
pub(crate) struct Served {
    child: Child,
    lines: BufReader<ChildStderr>,
    /// What it said on standard error before it was ready.
    pub(crate) said: String,
}

impl Served {
    /// Asks it to stop, and expects a clean end.
    pub(crate) fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        std::io::copy(&mut self.lines, &mut std::io::sink()).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The committed example configuration.
pub(crate) fn example() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/example").canonicalize().unwrap().display().to_string()
}
