//! A scripted MCP server over standard input and output, and a client that waits for each answer.

use std::io::{BufRead as _, BufReader, Write as _, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::Result;

/// Answers every request at once until its input ends: `tools/call` with a text of about a hundred bytes.
///
/// # Errors
/// The client went away in the middle of a line.
pub fn serve() -> Result<()> {
    let mut output = stdout().lock();
    for line in stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line?)?;
        let Some(id) = message.get("id") else { continue };
        let result = match message.get("method").and_then(Value::as_str) {
            Some("initialize") => json!({
                "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "echo", "version": "1"},
            }),
            Some("tools/list") => json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}),
            Some("tools/call") => json!({"content": [{"type": "text", "text": "x".repeat(100)}]}),
            _ => json!({}),
        };
        writeln!(output, "{}", json!({"jsonrpc": "2.0", "id": id, "result": result}))?;
        output.flush()?;
    }
    Ok(())
}

/// A client with its server, or with the wrapper in front of it, as a child.
#[derive(Debug)]
pub struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    line: String,
    next: u64,
}

impl Client {
    /// Starts the command and says hello.
    ///
    /// # Errors
    /// It does not start or does not answer.
    pub fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let input = child.stdin.take();
        let mut client = Self { child, input, output, line: String::new(), next: 0 };
        let hello = json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"},
        });
        client.ask("initialize", hello)?;
        client.tell(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        client.ask("tools/list", json!({}))?;
        Ok(client)
    }

    /// Calls the tool and gives the whole answer.
    ///
    /// # Errors
    /// The server is gone.
    pub fn call(&mut self) -> Result<&str> {
        self.ask("tools/call", json!({"name": "echo", "arguments": {"text": "hello", "path": "src/pay.rs"}}))
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<&str> {
        self.next += 1;
        self.tell(&json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params}))?;
        self.line.clear();
        if self.output.read_line(&mut self.line)? == 0 {
            return Err("the MCP server ended".into());
        }
        Ok(&self.line)
    }

    fn tell(&mut self, message: &Value) -> Result<()> {
        let input = self.input.as_mut().ok_or("no input")?;
        input.write_all(format!("{message}\n").as_bytes())?;
        Ok(input.flush()?)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Its input ends, and it ends by itself.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
