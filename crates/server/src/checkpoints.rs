//! Copies every checkpoint into a directory, where somebody else can keep it (ITG-4).
//!
//! One file a tenant, `NAME.jsonl`, one checkpoint a line, only ever added to. What the file ends with says where to
//! go on, so a restart repeats nothing. A disk that refuses is said once a trouble and tried again.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mandate_core::change::CheckpointRow;

use crate::app::{App, TenantHandle};
use crate::tasks::Stop;

/// How often the store is asked; a checkpoint is due once a minute at most, or every 10,000 events.
const EVERY: Duration = Duration::from_secs(5);
const PAGE: u32 = 1_000;

/// Copies a tenant's checkpoints until told to stop. The last one is made after that: see [`copy`].
pub async fn keep(app: App, tenant: Arc<TenantHandle>, dir: PathBuf, mut stop: Stop) {
    let mut said = false;
    loop {
        tokio::select! {
            biased;
            () = stop.wait() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        match copy(&app, &tenant, &dir).await {
            Ok(()) => said = false,
            Err(error) if !std::mem::replace(&mut said, true) => {
                tracing::warn!(error, dir = %dir.display(), "cannot copy checkpoints; trying again");
            }
            Err(_) => {}
        }
    }
}

/// Copies the checkpoints that the directory does not have yet.
///
/// # Errors
/// What the store or the disk said.
pub async fn copy(app: &App, tenant: &TenantHandle, dir: &Path) -> Result<(), String> {
    let said = |error: io::Error| error.to_string();
    let path = dir.join(format!("{}.jsonl", tenant.tenant.name));
    let mut after = last(&path).map_err(said)?;
    loop {
        let rows = app.store.checkpoints(tenant.tenant.id, after, PAGE).await.map_err(|error| error.to_string())?;
        let Some(newest) = rows.last() else { return Ok(()) };
        after = (newest.events.seq, newest.audit.seq);
        append(&path, &rows).map_err(said)?;
    }
}

/// Where the file ends: the places of its last readable checkpoint.
fn last(path: &Path) -> io::Result<(i64, i64)> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, -1)),
        text => text?,
    };
    let rows = text.lines().rev().filter_map(|line| serde_json::from_str::<CheckpointRow>(line).ok());
    Ok(rows.map(|row| (row.events.seq, row.audit.seq)).next().unwrap_or((0, -1)))
}

fn append(path: &Path, rows: &[CheckpointRow]) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let mut lines = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut lines, row)?;
        lines.push(b'\n');
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(&lines)?;
    file.sync_data()
}
