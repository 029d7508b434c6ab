//! `mandate send`: one event from flags, or many from a file.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use mandate_agent::{Client, Error};
use mandate_api::{Receipt, SubmitResponse, SubmitStatus};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::machine;
use crate::screen::{Screen, Style};
use crate::words;

/// One request holds at most so many events, and bytes.
const BATCH: (usize, usize) = (1_000, 4 * 1024 * 1024);
/// How often a request that the server had no room for is sent again.
const TRIES: u32 = 5;

/// What `send` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    event: EventArgs,
    /// Events from a file instead, `-` for standard input: JSON, a list, or JSON Lines
    #[arg(long, value_name = "PATH", conflicts_with_all = ["kind", "resources", "description"])]
    file: Option<PathBuf>,
    /// Appends each accepted event's {seq, hash} to this file; keep it: it proves what the chain held
    #[arg(long, value_name = "PATH")]
    receipts: Option<PathBuf>,
}

/// One event, as flags.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct EventArgs {
    /// Who acts
    #[arg(long, env = "MANDATE_AGENT", value_name = "ID")]
    actor: Option<String>,
    /// What is done, such as deploy
    #[arg(long = "type", value_name = "TYPE", id = "kind")]
    kind: Option<String>,
    /// What it touches, as type:id; again for more
    #[arg(long = "resource", value_name = "TYPE:ID", id = "resources")]
    resources: Vec<String>,
    /// The repository of the files named, such as acme/shop
    #[arg(long, value_name = "REPO")]
    repo: Option<String>,
    /// A tag of what is touched; again for more
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// In your words
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How much it changes: none, low, medium or high
    #[arg(long, value_name = "LEVEL")]
    impact: Option<String>,
    /// It cannot be taken back
    #[arg(long)]
    irreversible: bool,
    /// The run or conversation it belongs to
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Makes a repeat of this event be recognised
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl EventArgs {
    /// The event as JSON; nothing when no flag says what happened.
    pub(crate) fn event(&self) -> Result<Option<Value>, Failure> {
        if self.kind.is_none() && self.resources.is_empty() && self.description.is_none() {
            return Ok(None);
        }
        let resources: Vec<Value> =
            self.resources.iter().map(|address| self.resource(address)).collect::<Result<_, _>>()?;
        let mut action = Map::new();
        for (name, value) in [("type", &self.kind), ("description", &self.description), ("idempotency_key", &self.key)]
        {
            if let Some(value) = value {
                action.insert(name.to_owned(), json!(value));
            }
        }
        let mut metadata = Map::new();
        if let Some(impact) = &self.impact {
            metadata.insert("estimated_impact".to_owned(), json!(impact));
        }
        if self.irreversible {
            metadata.insert("reversible".to_owned(), json!(false));
        }
        if let Some(session) = &self.session {
            metadata.insert("session_id".to_owned(), json!(session));
        }
        let mut event = Map::new();
        if let Some(actor) = &self.actor {
            event.insert("actor".to_owned(), json!({"type": "agent", "id": actor}));
        }
        event.insert("action".to_owned(), Value::Object(action));
        event.insert("scope".to_owned(), json!({"resources": resources}));
        if !metadata.is_empty() {
            event.insert("metadata".to_owned(), Value::Object(metadata));
        }
        Ok(Some(Value::Object(event)))
    }

    fn resource(&self, address: &str) -> Result<Value, Failure> {
        let resource = mandate_server::offline::resource(address).map_err(Failure::Usage)?;
        let mut members = json!({"type": resource.kind.as_str(), "id": resource.id});
        if let (Some(repo), "file") = (&self.repo, resource.kind.as_str()) {
            members["repo"] = json!(repo);
        }
        if !self.tags.is_empty() {
            members["tags"] = json!(self.tags);
        }
        Ok(members)
    }
}

/// Sends, and shows a receipt each.
pub(crate) async fn run(args: SendArgs, screen: &Screen) -> Result<(), Failure> {
    let events = match (&args.file, args.event.event()?) {
        (Some(path), _) => {
            read_events(&read_file(path)?).map_err(|why| Failure::Usage(format!("`{}` {why}", path.display())))?
        }
        (None, Some(event)) => vec![serde_json::value::to_raw_value(&event).map_err(std::io::Error::from)?],
        (None, None) => {
            let hint = "say what happened: `mandate send --actor deployer --type deploy --resource service:payments`";
            return Err(Failure::Usage(format!("{hint}, or `--file events.jsonl`")));
        }
    };
    if events.is_empty() {
        return Err(Failure::Usage("there are no events in it".to_owned()));
    }
    let client = args.server.client()?;
    let mut results = Vec::new();
    for batch in batches(&events) {
        let answer = submit(&client, batch, screen).await?;
        keep(args.receipts.as_ref(), &answer.results)?;
        if !screen.json {
            for receipt in &answer.results {
                show(receipt, screen)?;
            }
        }
        results.extend(answer.results);
    }
    let invalid = results.iter().filter(|receipt| receipt.status == SubmitStatus::Invalid).count();
    if screen.json {
        screen.document(&SubmitResponse { results })?;
    }
    if invalid > 0 { Err(Failure::Failed(format!("{} not recorded", were(invalid as u64)))) } else { Ok(()) }
}

fn were(count: u64) -> String {
    format!("{} {}", words::count(count, "event"), if count == 1 { "was" } else { "were" })
}

fn read_file(path: &PathBuf) -> Result<String, Failure> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Failure::file("read", std::path::Path::new("standard input"), &error))?;
        return Ok(text);
    }
    std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))
}

/// The events in a text: any sequence of objects, lists of them, and `{"events": […]}`. Each is sent as it stands.
pub(crate) fn read_events(text: &str) -> Result<Vec<Box<RawValue>>, String> {
    #[derive(Deserialize)]
    struct Envelope {
        events: Vec<Box<RawValue>>,
    }
    let mut events = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Box<RawValue>>() {
        let value = value.map_err(|error| format!("is neither JSON nor JSON Lines: {error}"))?;
        match value.get().as_bytes().first() {
            Some(b'[') => {
                let list: Vec<Box<RawValue>> = serde_json::from_str(value.get()).map_err(|error| error.to_string())?;
                events.extend(list);
            }
            _ => match serde_json::from_str::<Envelope>(value.get()) {
                Ok(envelope) => events.extend(envelope.events),
                Err(_) => events.push(value),
            },
        }
    }
    Ok(events)
}

/// Cuts events into requests that the server takes.
fn batches(events: &[Box<RawValue>]) -> Vec<&[Box<RawValue>]> {
    let mut batches = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (at, event) in events.iter().enumerate() {
        let size = event.get().len() + 1;
        if at > begin && (at - begin == BATCH.0 || bytes + size > BATCH.1) {
            batches.extend(events.get(begin..at));
            (begin, bytes) = (at, 0);
        }
        bytes += size;
    }
    batches.extend(events.get(begin..));
    batches
}

/// Sends one request; when the server has no room, again once it says there is.
async fn submit(client: &Client, events: &[Box<RawValue>], screen: &Screen) -> Result<SubmitResponse, Failure> {
    #[derive(Serialize)]
    struct Body<'e> {
        sent_at: i64,
        events: &'e [Box<RawValue>],
    }
    let mut tries = 1;
    loop {
        let body = serde_json::to_vec(&Body { sent_at: machine::now(), events }).map_err(std::io::Error::from)?;
        match client.submit(body).await {
            Err(Error::Refused { status: 429 | 503, retry_after, problem, .. }) if tries < TRIES => {
                let wait = retry_after.unwrap_or(Duration::from_secs(1)).min(Duration::from_secs(30));
                screen.say(format!("{}; sending again in {} s", problem.detail, wait.as_secs()));
                tokio::time::sleep(wait).await;
                tries += 1;
            }
            answer => return Ok(answer?),
        }
    }
}

fn keep(path: Option<&PathBuf>, receipts: &[Receipt]) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let failed = |error: &std::io::Error| Failure::file("write", path, error);
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(|error| failed(&error))?;
    for receipt in receipts {
        if let (Some(seq), Some(hash)) = (receipt.seq, &receipt.hash) {
            writeln!(file, "{}", json!({"seq": seq, "hash": hash})).map_err(|error| failed(&error))?;
        }
    }
    file.sync_data().map_err(|error| failed(&error))
}

fn show(receipt: &Receipt, screen: &Screen) -> Result<(), Failure> {
    let (word, style) = match receipt.status {
        SubmitStatus::Accepted => ("accepted", Style::Good),
        SubmitStatus::Duplicate => ("duplicate", Style::Dim),
        SubmitStatus::Sampled => ("sampled", Style::Dim),
        SubmitStatus::Invalid => ("invalid", Style::Bad),
    };
    let mut line = screen.paint(style, word);
    if let (Some(seq), Some(routing)) = (receipt.seq, &receipt.routing) {
        let notices = words::count(routing.notifications_planned.into(), "notice");
        line.push_str(&format!("  #{seq}  {} by {}, {notices}", routing.decision, routing.rule_matched));
    }
    if let Some(id) = receipt.id {
        line.push_str(&format!("  {}", screen.paint(Style::Dim, &id.to_string())));
    }
    screen.line(line)?;
    for error in &receipt.errors {
        let at = if error.pointer.is_empty() { "/" } else { &error.pointer };
        screen.line(format!("  {at}: {}", error.detail))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_in_every_form_and_left_as_they_are() {
        let check = |text: &str, expect: &[&str]| {
            let events = read_events(text).unwrap();
            assert_eq!(events.iter().map(|event| event.get()).collect::<Vec<_>>(), expect, "{text}");
        };
        check(r#"{"a":1}"#, &[r#"{"a":1}"#]);
        check("{\"a\":1}\n\n{\"a\": 1, \"a\": 2}\n", &[r#"{"a":1}"#, r#"{"a": 1, "a": 2}"#]);
        check(r#"[{"a":1},{"b":2}]"#, &[r#"{"a":1}"#, r#"{"b":2}"#]);
        check(r#"{"events":[{"a":1}]}"#, &[r#"{"a":1}"#]);
        check("", &[]);
        assert!(read_events("{\"a\":").unwrap_err().contains("line 1 column 5"));
    }

    #[test]
    fn many_events_are_cut_into_requests() {
        let events: Vec<_> = (0..2_500).map(|n| RawValue::from_string(n.to_string()).unwrap()).collect();
        assert_eq!(batches(&events).iter().map(|batch| batch.len()).collect::<Vec<_>>(), [1_000, 1_000, 500]);
        let large: Vec<_> =
            (0..3).map(|_| RawValue::from_string(format!("\"{}\"", "x".repeat(3 << 20))).unwrap()).collect();
        assert_eq!(batches(&large).len(), 3);
    }
}
