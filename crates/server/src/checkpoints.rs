//! Copies every checkpoint into a directory, where somebody else can keep it (ITG-4).
//!
//! One file a tenant, `NAME.jsonl`, one checkpoint a line, only ever added to. What the file ends with says where to
//! go on, so a restart repeats nothing. A disk that refuses is said once a trouble and tried again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mandate_core::change::CheckpointRow;

use crate::app::{App, TenantHandle};
use crate::tasks::Stop;

/// How often the store is asked; a checkpoint is due once a minute at most, or every 10,000 events.
const EVERY: Duration = Duration::from_secs(5);
const PAGE: u32 = 1_000;
/// So much of a file's end is read, in bytes; it holds many checkpoints.
const END: u64 = 64 * 1024;

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

/// Where the file ends: the places of its last readable checkpoint. Only the end is read, however long it grew.
fn last(path: &Path) -> io::Result<(i64, i64)> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, -1)),
        file => file?,
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let rows = end.split(|byte| *byte == b'\n').rev();
    let mut rows = rows.filter_map(|line| serde_json::from_slice::<CheckpointRow>(line).ok());
    Ok(rows.next().map_or((0, -1), |row| (row.events.seq, row.audit.seq)))
}

fn append(path: &Path, rows: &[CheckpointRow]) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let mut lines = Vec::new();
    // A line that broke off with an earlier process stays alone on its line.
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        if byte != *b"\n" {
            lines.push(b'\n');
        }
    }
    for row in rows {
        serde_json::to_writer(&mut lines, row)?;
        lines.push(b'\n');
    }
    file.write_all(&lines)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use mandate_core::chain::{Hash, Tip};
    use mandate_core::time::Millis;

    use super::*;

    fn row(seq: i64) -> CheckpointRow {
        let tip = |seq| Tip { seq, hash: Hash::of(b"x") };
        let (public_key, signature) = ("aa".repeat(32), "bb".repeat(64));
        CheckpointRow { at: Millis(seq), events: tip(seq), audit: tip(2 * seq), public_key, signature }
    }

    #[test]
    fn a_file_goes_on_where_it_ends_also_after_a_line_that_broke_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept/default.jsonl");
        assert_eq!(last(&path).unwrap(), (0, -1));
        append(&path, &(1..=2_000).map(row).collect::<Vec<_>>()).unwrap();
        assert!(fs::metadata(&path).unwrap().len() > END, "longer than what is read of it");
        assert_eq!(last(&path).unwrap(), (2_000, 4_000));
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"at\": 7, \"eve").unwrap();
        assert_eq!(last(&path).unwrap(), (2_000, 4_000));
        append(&path, &[row(2_001)]).unwrap();
        assert_eq!(last(&path).unwrap(), (2_001, 4_002));
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2_002);
    }
}
