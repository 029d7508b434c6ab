//! A whole server on a store of its own, and a client that sends exactly what it is told to.

use std::sync::atomic::{AtomicU64, Ordering};

use mandate_core::time::Millis;
use mandate_server::env::Env;
use mandate_server::settings::{Limits, Settings};
use mandate_server::start::{self, Options};
use mandate_server::tasks::Tasks;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A running server.
pub(crate) struct World {
    pub(crate) address: String,
    /// A key that may do everything.
    pub(crate) admin: String,
    served: Tasks,
    stop: Option<oneshot::Sender<()>>,
    _directory: tempfile::TempDir,
}

/// An HTTP answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n\n{}", self.head, String::from_utf8_lossy(&self.body))
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(&self.body)))
    }

    /// The code of a problem.
    pub(crate) fn code(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        kind.strip_prefix("urn:mandate:problem:").unwrap_or(&kind).to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        line.split_once(':').map(|(_, value)| value.trim())
    }
}

#[expect(clippy::disallowed_methods, reason = "the outermost layer: a test stands where the binary would")]
fn env() -> Env {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let now = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Millis(i64::try_from(since.as_millis()).unwrap())
    };
    Env::new(now, |bytes| {
        for chunk in bytes.chunks_mut(32) {
            let drawn = Sha256::digest(DRAWN.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
    })
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = Settings { limits, ..Settings::default() };
        settings.server.listen = "127.0.0.1:0".parse().unwrap();
        settings.store =
            mandate_server::settings::Secret::new(format!("sqlite:{}", directory.path().join("m.db").display()));
        let options = Options {
            settings,
            files: None,
            key_file: directory.path().join("key"),
            store: mandate_store::OpenOptions { ballast: false, ..mandate_store::OpenOptions::default() },
        };
        let running = start::start(options, env()).await.unwrap();
        let (address, admin) = (running.address().to_string(), running.first_key().unwrap().to_owned());
        let (stop, stopped) = oneshot::channel();
        let served = Tasks::default();
        served.spawn("server", async move {
            let stop = async move {
                let _ = stopped.await;
            };
            running.run_until(stop).await.unwrap();
        });
        Self { address, admin, served, stop: Some(stop), _directory: directory }
    }

    /// Stops the server and waits until it is gone.
    pub(crate) async fn stop(&mut self) {
        drop(self.stop.take());
        self.served.stop().await;
    }

    /// Sends bytes as they are and reads the answer to its end.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A server that answers before it read everything may reset the connection; what it said counts.
        let _ = stream.read_to_end(&mut answer).await;
        parse(&answer)
    }

    pub(crate) async fn send(&self, method: &str, path: &str, key: &str, more: &str, body: &[u8]) -> Answer {
        let key = if key.is_empty() { String::new() } else { format!("authorization: Bearer {key}\r\n") };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{key}{more}content-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &self.admin, "", b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &self.admin, "", body.to_string().as_bytes()).await
    }

    /// Makes a key.
    pub(crate) async fn key(&self, wish: Value) -> (String, String) {
        let made = self.post("/v1/keys", &wish).await;
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        (made["key"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
    }

    /// Opens a stream of server-sent events.
    pub(crate) async fn sse(&self, path: &str, key: &str) -> Lines {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {key}\r\n\r\n", self.address);
        stream.write_all(head.as_bytes()).await.unwrap();
        Lines { stream, text: String::new() }
    }
}

/// A stream of server-sent events.
pub(crate) struct Lines {
    stream: TcpStream,
    text: String,
}

impl Lines {
    /// The next event as `(event, id, data)`; none at the end.
    pub(crate) async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some(at) = self.text.find("\n\n") {
                let block: String = self.text.drain(..at + 2).collect();
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
                    line.unwrap_or_default().to_owned()
                };
                if block.contains("data: ") {
                    return Some((field("event"), field("id"), serde_json::from_str(&field("data")).unwrap()));
                }
                continue;
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes).await {
                Ok(0) | Err(_) => return None,
                Ok(read) => self.text.push_str(&String::from_utf8_lossy(&bytes[..read])),
            }
        }
    }
}

fn parse(answer: &[u8]) -> Answer {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(answer.len());
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let mut body = answer.get(end + 4..).unwrap_or_default().to_vec();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = dechunk(&body);
    }
    Answer { status, head, body }
}

fn dechunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap().trim(), 16).unwrap();
        if size == 0 {
            break;
        }
        body.extend_from_slice(&rest[at + 2..at + 2 + size]);
        rest = &rest[at + 4 + size..];
    }
    body
}

/// A small event of an agent.
pub(crate) fn event(actor: &str, key: &str) -> Value {
    json!({
        "actor": {"id": actor},
        "action": {"type": "deploy", "idempotency_key": key},
        "scope": {"resources": [{"type": "service", "id": "payments", "tags": ["production"]}]},
    })
}
