//! A file that only takes up room, so that there is some to give away when the disk is full.

use std::path::{Path, PathBuf};

use tokio::io::AsyncWriteExt as _;

use super::lock::beside;
use crate::error::{Error, Result};

/// How much room is kept for a full disk.
pub const BYTES: u64 = 16 << 20;
const BLOCK: usize = 1 << 20;

/// The file beside the database.
#[derive(Debug)]
pub(crate) struct Ballast {
    path: PathBuf,
}

impl Ballast {
    pub(super) fn beside(database: &Path) -> Self {
        Self { path: beside(database, ".ballast") }
    }

    /// Gives the room away. Says whether there was any.
    pub(crate) async fn release(&self) -> Result<bool> {
        match tokio::fs::remove_file(&self.path).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Takes the room again. Says whether there was enough; what there was is given back otherwise.
    pub(crate) async fn restore(&self) -> Result<bool> {
        if tokio::fs::metadata(&self.path).await.is_ok_and(|file| file.len() == BYTES) {
            return Ok(true);
        }
        match self.fill().await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                self.release().await?;
                Ok(false)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Writes the file block by block: a length alone would take up no room.
    async fn fill(&self) -> std::io::Result<()> {
        let mut file = tokio::fs::File::create(&self.path).await?;
        let block = vec![0xb5; BLOCK];
        for _ in 0..BYTES / BLOCK as u64 {
            file.write_all(&block).await?;
        }
        file.sync_all().await
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::Io(format!("`{}`: {error}", self.path.display()))
    }
}
