//! `mandate verify`: over an export, over the store itself, or over what the server exports now.

use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use mandate_agent::Client;
use mandate_agent::client::path_segment;
use mandate_api::Page;
use mandate_server::offline::{Verdict, Verifier};
use serde_json::Value;

use crate::command::StoreArgs;
use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::screen::{Screen, Style, clean};
use crate::words;

/// What `verify` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    store: StoreArgs,
    /// An export of events, JSON Lines
    #[arg(long, value_name = "PATH", conflicts_with = "store")]
    file: Option<PathBuf>,
    /// An export of the audit log; erasures are matched with it
    #[arg(long, value_name = "PATH", requires = "file")]
    audit: Option<PathBuf>,
    /// Receipts, one {seq, hash} a line: they show a lost end and a chain written anew
    #[arg(long, value_name = "PATH")]
    receipts: Option<PathBuf>,
    /// Checkpoints kept elsewhere: a file of them, or a directory of such files
    #[arg(long, value_name = "PATH")]
    checkpoints: Option<PathBuf>,
}

/// Verifies; exit code 1 when something is wrong.
pub(crate) async fn run(args: VerifyArgs, screen: &Screen) -> Result<(), Failure> {
    let mut verifier = Verifier::default();
    if let Some(path) = &args.receipts {
        each_line(path, |_, line| verifier.add_receipt(line, &format!("the receipt in {}", path.display())))?;
    }
    if let Some(path) = &args.checkpoints {
        for file in files_in(path, &args.store.tenant)? {
            each_line(&file, |_, line| verifier.add_checkpoint_text(line, &file.display().to_string()))?;
        }
    }
    let verdict = match (&args.file, args.store.open(false).await?) {
        (Some(events), _) => {
            each_line(events, |number, line| verifier.event_line(number, line))?;
            if let Some(audit) = &args.audit {
                verifier.expect_audit();
                each_line(audit, |number, line| verifier.audit_line(number, line))?;
            }
            verifier.finish()
        }
        (None, Some(store)) => {
            let verdict = store.verify(verifier).await;
            store.close().await;
            verdict.map_err(Failure::Failed)?
        }
        (None, None) => online(&args.server.client()?, verifier, screen).await?,
    };
    show(&verdict, screen)
}

/// Shows a verdict; fails when something is wrong.
pub(crate) fn show(verdict: &Verdict, screen: &Screen) -> Result<(), Failure> {
    if screen.json {
        screen.document(verdict)?;
        return if verdict.ok { Ok(()) } else { Err(Failure::Told) };
    }
    for finding in &verdict.findings {
        let line = finding.line.map(|line| format!(", line {line}")).unwrap_or_default();
        let kind = screen.paint(Style::Bad, &finding.kind());
        screen.line(format!("{kind}: {}{line}: {}", finding.log, clean(&finding.found.detail)))?;
    }
    let summary = summary(verdict);
    if verdict.ok {
        screen.line(format!("{}: {summary}", screen.paint(Style::Good, "ok")))?;
        return Ok(());
    }
    screen.line(summary)?;
    Err(Failure::Failed(format!("{} in the record", words::count(verdict.findings.len() as u64, "finding"))))
}

/// What was walked, in one line.
pub(crate) fn summary(verdict: &Verdict) -> String {
    let chain = |entries: u64, noun: &str| words::count(entries, noun);
    let mut parts = vec![chain(verdict.events.entries, "event")];
    if let Some(audit) = &verdict.audit {
        parts.push(format!("{} in the audit log", words::grouped(audit.entries)));
    }
    if verdict.events.erased > 0 {
        parts.push(format!("{} erased", words::grouped(verdict.events.erased)));
    }
    parts.push(words::count(verdict.receipts, "receipt"));
    parts.push(words::count(verdict.checkpoints, "checkpoint"));
    format!("{}; head {}", parts.join(", "), verdict.events.head.hash)
}

/// Walks what the server exports now, against its own checkpoints too.
pub(crate) async fn online(client: &Client, mut verifier: Verifier, screen: &Screen) -> Result<Verdict, Failure> {
    let mut cursor: Option<String> = None;
    loop {
        let after = cursor.as_deref().map(|cursor| format!("&cursor={}", path_segment(cursor))).unwrap_or_default();
        let page: Page<Value> = client.get_json(&format!("/v1/checkpoints?limit=1000{after}")).await?;
        for row in &page.items {
            verifier.add_checkpoint_text(&row.to_string(), "the server").map_err(Failure::Failed)?;
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    download(client, "/v1/export/events", |number, line| verifier.event_line(number, line)).await?;
    let audit = download(client, "/v1/export/audit", |number, line| verifier.audit_line(number, line)).await;
    match audit {
        // A key that may read events, and no more, verifies these.
        Err(Refused::NotAllowed) => {
            screen.warn("the audit log was not read: this key may not; erasures are not matched");
        }
        Err(Refused::Failure(failure)) => return Err(failure),
        Ok(()) => verifier.expect_audit(),
    }
    Ok(verifier.finish())
}

enum Refused {
    NotAllowed,
    Failure(Failure),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotAllowed => Self::Failed("this key may not read the export".to_owned()),
            Refused::Failure(failure) => failure,
        }
    }
}

async fn download(
    client: &Client,
    path: &str,
    mut take: impl FnMut(u64, &str) -> Result<(), String>,
) -> Result<(), Refused> {
    let mut download = client.download(path).await.map_err(|error| match error.status() {
        Some(403) => Refused::NotAllowed,
        _ => Refused::Failure(error.into()),
    })?;
    let (mut rest, mut number) = (Vec::new(), 0);
    while let Some(bytes) = download.chunk().await.map_err(|error| Refused::Failure(error.into()))? {
        rest.extend_from_slice(&bytes);
        let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else { continue };
        let kept = rest.split_off(end + 1);
        for line in rest.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            number += 1;
            let taken =
                std::str::from_utf8(line).map_err(|error| error.to_string()).and_then(|line| take(number, line));
            taken.map_err(|why| Refused::Failure(Failure::Failed(format!("`{path}`, line {number}: {why}"))))?;
        }
        rest = kept;
    }
    if rest.is_empty() {
        return Ok(());
    }
    Err(Refused::Failure(Failure::Unreachable(format!("`{path}` broke off after line {number}; try again"))))
}

/// Reads a file line by line; empty lines are passed over.
fn each_line(path: &Path, mut take: impl FnMut(u64, &str) -> Result<(), String>) -> Result<(), Failure> {
    let failed = |error: &io::Error| Failure::file("read", path, error);
    let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| failed(&error))?;
        if !line.trim().is_empty() {
            let number = number as u64 + 1;
            take(number, &line).map_err(|why| Failure::Usage(format!("{}:{number}: {why}", path.display())))?;
        }
    }
    Ok(())
}

/// The file itself; of a directory the tenant's own file, else every file by name.
fn files_in(path: &Path, tenant: &str) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let own = path.join(format!("{tenant}.jsonl"));
    if own.is_file() {
        return Ok(vec![own]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| Failure::file("read the directory", path, &error))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "json" || ending == "jsonl"))
        .collect();
    files.sort();
    Ok(files)
}
