//! A real `mandate serve` as a child, with what the system knows of it.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;

/// How long a server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// `/proc` counts processor time in these.
const TICK: Duration = Duration::from_millis(10);

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its first admin key.
    pub key: String,
    /// From starting the process to the first 200 of `/readyz`.
    pub ready_after: Duration,
}

/// What the process used so far.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// User and system time.
    pub cpu: Duration,
    /// Resident bytes now.
    pub resident: u64,
}

impl Used {
    /// Processor time since `before`, for each of `events`, in microseconds.
    #[must_use]
    pub fn micros_each(self, before: Self, events: usize) -> f64 {
        self.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e6 / events as f64
    }
}

impl Server {
    /// Starts one on `store`, with its files in `dir`; the key file and the log are kept there.
    ///
    /// # Errors
    /// It did not become ready; its last words are in the message.
    pub fn start(mandate: &Path, dir: &Path, store: &str, config: Option<&Path>) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (key_file, log) = (dir.join("admin.key"), dir.join("serve.log"));
        let mut command = Command::new(mandate);
        command.arg("serve").args(["--store", store, "--listen", &address.to_string()]);
        command.arg("--key-file").arg(&key_file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        if let Some(config) = config {
            command.arg("--config").arg(config);
        }
        let began = Instant::now();
        let child = command.spawn()?;
        let mut server = Self { child, address, key: String::new(), ready_after: Duration::ZERO };
        while !server.is_ready() {
            if began.elapsed() > PATIENCE || server.child.try_wait()?.is_some() {
                return Err(format!("the server did not start: {}", fs::read_to_string(&log)?).into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        server.ready_after = began.elapsed();
        server.key = fs::read_to_string(&key_file)?.trim().to_owned();
        Ok(server)
    }

    fn is_ready(&self) -> bool {
        matches!(self.ask("GET", "/readyz", ""), Ok((200, _)))
    }

    /// Sends one request on a connection of its own and gives the status and the body.
    ///
    /// # Errors
    /// The server is away or does not speak HTTP.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.address,
            self.key,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("no HTTP")?;
        Ok((status, answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned())))
    }

    /// What it used so far.
    ///
    /// # Errors
    /// It is gone.
    pub fn used(&self) -> Result<Used> {
        used(self.child.id())
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop and waits until it did.
    ///
    /// # Errors
    /// It does not stop.
    pub fn stop(mut self) -> Result<()> {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM)?;
        }
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            if began.elapsed() > PATIENCE {
                return Err("the server does not stop".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What a process used so far, from `/proc`.
///
/// # Errors
/// There is no such process.
pub fn used(id: u32) -> Result<Used> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u32 = fields.get(11..13).unwrap_or_default().iter().filter_map(|field| field.parse::<u32>().ok()).sum();
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(Used { cpu: TICK * ticks, resident: kib.unwrap_or_default() * 1024 })
}

/// A directory for one round, removed when dropped, and the store in it.
#[derive(Debug)]
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A new one among the temporary ones.
    ///
    /// # Errors
    /// There is no room.
    pub fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::Builder::new().prefix("mandate-bench-").tempdir()? })
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// The file of an SQLite store.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.dir().join("mandate.db")
    }

    /// The address of an SQLite store.
    #[must_use]
    pub fn sqlite(&self) -> String {
        format!("sqlite:{}", self.file().display())
    }
}
