//! What can go wrong in the store, told apart by what the caller can do about it.

use mandate_core::id::TenantId;
use sqlx::error::DatabaseError;

/// The store's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the store did not do what was asked. Each variant is something else to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No room on disk. Nothing was written; release the ballast, refuse new input, try again later.
    #[error("the store has no room left; free some disk space: {0}")]
    Full(String),
    /// The database cannot be reached or does not answer in time. Try again later.
    #[error("cannot reach the store: {0}")]
    Unreachable(String),
    /// Somebody else moved the tenant's head, or the transaction lost a race. Begin again.
    #[error("another writer was faster: {0}")]
    Conflict(String),
    /// The data cannot be stored as it is. Part of the batch may be good: bisect it.
    #[error("the store refuses this data: {0}")]
    Invalid(String),
    /// A log would have been changed, or a record of an erasure is missing. Never right.
    #[error("the store only adds to its logs: {0}")]
    AppendOnly(String),
    /// A stored row cannot be read.
    #[error("column `{column}` of `{table}` cannot be read in row `{id}`; restore it from a backup")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row, by the column that names it.
        id: String,
    },
    /// The database itself is damaged, or the disk fails. Stop acknowledging; never retry the sync.
    #[error("the store's disk or file fails: {0}")]
    Io(String),
    /// Another process holds the database.
    #[error("`{path}` is in use by process {}; stop it first", pid.map_or_else(|| "`unknown`".to_owned(), |pid| format!("`{pid}`")))]
    Locked {
        /// The lock's file.
        path: String,
        /// Who holds it, when the file says so.
        pid: Option<u32>,
    },
    /// Another process works on this Postgres database.
    #[error("another `mandate` works on this database; stop it first, since two would not hear of each other's pauses")]
    InUse,
    /// The database was written by a newer release.
    #[error("the store has schema version `{found}`, this release knows up to `{known}`; run a newer release")]
    Newer {
        /// The version found.
        found: i64,
        /// The newest one known.
        known: i64,
    },
    /// The address is none that the store knows.
    #[error("`{0}` is no store; write `sqlite:PATH` or `postgres://USER@HOST/DATABASE`")]
    Address(String),
    /// No such tenant.
    #[error("there is no tenant `{0}`")]
    UnknownTenant(TenantId),
    /// The database refused for a reason that is none of the above.
    #[error("the database refused: {0}")]
    Unexpected(String),
}

/// Why a commit was not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Nothing happened.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The connection broke, or the disk failed, during the commit: it happened or it did not. The tenant's
    /// head says which.
    #[error("the commit's fate is unknown: {0}")]
    Unknown(Error),
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(error) | CommitError::Unknown(error) => error,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => from_database(database.as_ref()),
            sqlx::Error::Configuration(_) => Self::Address(error.to_string()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unreachable(error.to_string()),
            sqlx::Error::Encode(_) => Self::Invalid(error.to_string()),
            _ => Self::Unexpected(error.to_string()),
        }
    }
}

/// The words that every trigger of ours begins its refusal with.
const APPEND_ONLY: &str = "append-only";

fn from_database(error: &dyn DatabaseError) -> Error {
    let text = error.message().to_owned();
    if text.starts_with(APPEND_ONLY) {
        return Error::AppendOnly(text);
    }
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        from_sqlite(code.parse().unwrap_or(0), text)
    } else {
        from_postgres(&code, text)
    }
}

/// SQLite's extended result code: the low byte is the kind.
fn from_sqlite(code: i32, text: String) -> Error {
    match code & 0xff {
        13 => Error::Full(text),
        18..=20 => Error::Invalid(text),
        5 | 6 | 9 | 14 => Error::Unreachable(text),
        8 | 10 | 11 | 26 => Error::Io(text),
        _ => Error::Unexpected(text),
    }
}

/// Postgres' five letters, the first two being the class.
fn from_postgres(code: &str, text: String) -> Error {
    match code {
        "53100" => Error::Full(text),
        // Out of memory or connections, a statement or lock that took too long.
        "53200" | "53300" | "53400" | "57014" | "55P03" | "25P03" => Error::Unreachable(text),
        "58030" | "XX001" | "XX002" => Error::Io(text),
        _ => match code.get(..2) {
            Some("22" | "23" | "54") => Error::Invalid(text),
            Some("40") => Error::Conflict(text),
            Some("08" | "57" | "28" | "3D") => Error::Unreachable(text),
            _ => Error::Unexpected(format!("{text} ({code})")),
        },
    }
}

/// Whether the server said no, so that nothing happened; else the fate of a commit is open.
pub(crate) fn commit_error(error: sqlx::Error) -> CommitError {
    let answered = matches!(&error, sqlx::Error::Database(database)
        if !matches!(database.code().as_deref().and_then(|code| code.get(..2)), Some("57" | "08")));
    match Error::from(error) {
        error @ Error::Io(_) => CommitError::Unknown(error),
        error if answered => CommitError::Refused(error),
        error => CommitError::Unknown(error),
    }
}
