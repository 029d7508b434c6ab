//! One process holds the file: a lock beside it that the system frees when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The held lock.
#[derive(Debug)]
pub(super) struct Lock {
    /// Closing it frees the lock.
    _file: File,
}

impl Lock {
    /// Takes the lock of a database file and writes `pid` into it.
    pub(super) fn take(database: &Path, pid: u32) -> Result<Self> {
        let path = beside(database, ".lock");
        let io = |error: std::io::Error| Error::Unreachable(format!("`{}`: {error}", path.display()));
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
                writeln!(file, "{pid}").map_err(io)?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                Err(Error::Locked { path: database.display().to_string(), pid })
            }
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }
}

/// The path with more at its end.
pub(super) fn beside(path: &Path, more: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(more);
    path.into()
}
