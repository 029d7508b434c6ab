//! `mandate export`: a log as JSON Lines, from the server or from the store itself.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use mandate_server::offline::{Log, OfflineStore};

use crate::command::StoreArgs;
use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::words;

/// What `export` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Which log
    #[arg(value_enum)]
    log: WhichLog,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    store: StoreArgs,
    /// Into this file, not to standard output
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
}

/// Which log.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum WhichLog {
    /// What agents did
    Events,
    /// What was done to Mandate
    Audit,
}

impl WhichLog {
    /// The word in paths.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Audit => "audit",
        }
    }

    /// The same for the store.
    pub(crate) const fn log(self) -> Log {
        match self {
            Self::Events => Log::Events,
            Self::Audit => Log::Audit,
        }
    }
}

/// Writes it.
pub(crate) async fn run(args: ExportArgs, screen: &Screen) -> Result<(), Failure> {
    let mut sink = Sink::open(args.output.as_deref())?;
    match args.store.open(false).await? {
        Some(store) => {
            let written = from_store(&store, args.log.log(), &mut sink).await;
            store.close().await;
            written?;
        }
        None => {
            let mut download = args.server.client()?.download(&format!("/v1/export/{}", args.log.word())).await?;
            while let Some(bytes) = download.chunk().await? {
                sink.write(&bytes)?;
            }
        }
    }
    let lines = sink.finish()?;
    if let Some(path) = &args.output {
        screen.say(format!("{} in {}", words::count(lines, "line"), path.display()));
    }
    Ok(())
}

async fn from_store(store: &OfflineStore, log: Log, sink: &mut Sink) -> Result<(), Failure> {
    let mut from = 1;
    loop {
        let page = store.export(log, from).await.map_err(Failure::Failed)?;
        if page.is_empty() {
            return Ok(());
        }
        for entry in &page {
            let mut line = serde_json::to_vec(entry).map_err(io::Error::from)?;
            line.push(b'\n');
            sink.write(&line)?;
        }
        let seq = |entry: &serde_json::Value| {
            entry.pointer("/integrity/seq").or(entry.get("seq")).and_then(serde_json::Value::as_i64)
        };
        from = page.last().and_then(seq).unwrap_or(i64::MAX).saturating_add(1);
    }
}

/// Where an export goes.
struct Sink {
    out: Box<dyn Write>,
    path: Option<PathBuf>,
    lines: u64,
}

impl Sink {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let out: Box<dyn Write> = match path {
            Some(path) => {
                let file = File::create(path).map_err(|error| Failure::file("write", path, &error))?;
                Box::new(BufWriter::new(file))
            }
            None => Box::new(BufWriter::new(io::stdout())),
        };
        Ok(Self { out, path: path.map(Path::to_owned), lines: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        let written = self.out.write_all(bytes);
        self.told(written)
    }

    fn finish(mut self) -> Result<u64, Failure> {
        let flushed = self.out.flush();
        self.told(flushed)?;
        Ok(self.lines)
    }

    fn told(&self, written: io::Result<()>) -> Result<(), Failure> {
        written.map_err(|error| match &self.path {
            Some(path) => Failure::file("write", path, &error),
            None => error.into(),
        })
    }
}
