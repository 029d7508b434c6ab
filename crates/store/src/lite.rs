//! SQLite: one file, one process, one writing connection and a few that read.

pub(crate) mod ballast;
mod lock;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, Transaction};

use crate::error::Result;
use crate::migrate;
use crate::sql::Reader;
use crate::store::{OpenOptions, Tenants};
use ballast::Ballast;
use lock::Lock;

/// An open file.
#[derive(Debug)]
pub(crate) struct Lite {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
    pub(crate) ballast: Ballast,
    pub(crate) tenants: Tenants,
    /// Held as long as the store is; the system frees it when the process dies.
    _lock: Lock,
}

/// Whether the last transaction is over, also for the driver; the connection is made anew otherwise.
///
/// A full disk makes SQLite roll back by itself. The driver's own `ROLLBACK` then fails, it goes on counting an open
/// transaction, and would refuse every later one.
async fn has_ended(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // A dropped transaction's rollback stands in the connection's queue: the answer comes after it.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

impl Lite {
    /// Opens or makes the file and migrates it.
    pub(crate) async fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        let lock = Lock::take(path, options.process_id)?;
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            // REPLACE deletes, and only with this do its deletions meet the triggers.
            .pragma("recursive_triggers", "ON")
            .pragma("temp_store", "MEMORY")
            .pragma("journal_size_limit", (64 << 20).to_string())
            .statement_cache_capacity(256);
        let pool = || SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None).test_before_acquire(false);

        // 32 MB of cache and as much of log before a checkpoint: many commits touch the same pages, and a busy server
        // fills whatever cache it is given. Small pages, since
        // keys of inputs fall on random ones, and each one touched is written to the log whole.
        let mut write = connect.clone().pragma("cache_size", "-32768").pragma("wal_autocheckpoint", "8192");
        if let Some(pages) = options.max_pages {
            write = write.pragma("max_page_count", pages.to_string());
        }
        let writer = pool()
            .max_connections(1)
            .acquire_timeout(options.acquire_timeout)
            .after_release(|connection, _| Box::pin(has_ended(connection)))
            .connect_with(write)
            .await?;
        migrate::lite(&mut *writer.acquire().await?).await?;

        // Whatever a reader has cached is void after the next commit, so a large cache would only hold memory.
        let read = connect.read_only(true).pragma("cache_size", "-2048");
        let readers =
            pool().max_connections(options.readers).acquire_timeout(options.acquire_timeout).connect_lazy_with(read);
        let ballast = Ballast::beside(path);
        if options.ballast {
            ballast.restore().await?;
        }
        Ok(Self { path: path.to_owned(), writer, readers, ballast, tenants: Tenants::default(), _lock: lock })
    }

    /// A connection to read with.
    pub(crate) async fn read(&self) -> Result<Reader> {
        Ok(Reader::Lite(self.readers.acquire().await?))
    }

    /// The one transaction that writes; waits for the one before.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Bytes of the file and of its log.
    pub(crate) fn bytes(&self) -> u64 {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        size(&self.path) + size(Path::new(&log))
    }

    /// Closes both pools; what is in the log goes into the file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        if let Ok(connection) = self.writer.acquire().await
            && let Err(error) = connection.detach().close().await
        {
            tracing::warn!(%error, "the store did not close cleanly; nothing is lost");
        }
        self.writer.close().await;
    }
}
