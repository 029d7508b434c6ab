//! A small MCP server that answers at once and keeps every line it was sent.

use std::fs::File;
use std::io::{BufRead, Write, stdin, stdout};

use serde_json::{Value, json};

pub(crate) fn serve(record: &str) {
    let mut record = File::create(record).expect("a place for the record");
    for line in stdin().lock().lines() {
        let line = line.expect("text");
        writeln!(record, "{line}").expect("a record");
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let Some(id) = message.get("id") else { continue };
        let result = match message["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "secure-filesystem-server", "version": "1"},
            }),
            Some("tools/list") => json!({"tools": [{"name": "read_file", "annotations": {"readOnlyHint": true}}]}),
            Some("tools/call") => json!({"content": [{"type": "text", "text": "done"}]}),
            _ => json!({}),
        };
        let mut output = stdout().lock();
        writeln!(output, "{}", json!({"jsonrpc": "2.0", "id": id, "result": result})).expect("a client that reads");
    }
}
