//! The one door to storage: one file (SQLite), a server (Postgres) or, for tests, memory.
//!
//! [`Store::begin`] opens the transaction that locks a tenant's head; [`Tx::write`] writes everything that a
//! commit holds, or nothing. Reads are methods of [`Store`], each named for the question it answers. There is
//! no SQL outside this crate.
//!
//! The writer calls `begin`, `seen`, `write`, `commit` in that order; the servers' handlers, streams and workers
//! read. Every error says by its kind what the caller can do about it, see [`Error`].

pub mod address;
mod decode;
pub mod error;
mod lite;
mod maintain;
mod migrate;
mod postgres;
mod read;
#[cfg(feature = "sim")]
pub mod sim;
mod sql;
mod store;
mod tx;

pub use address::Address;
pub use error::{CommitError, Error, Result};
pub use lite::ballast::BYTES as BALLAST_BYTES;
pub use maintain::Size;
pub use read::{Acts, Together};
pub use read::{EventFilter, FeedRow, NotificationFilter, Page, ReviewPlace, Reviews, StoredEvent, StoredResponse};
pub use store::{OpenOptions, Store, Tenant};
pub use tx::{ERASE_ACTION, Erasure, Tx};

/// Every statement with a fixed text, as `(name, SQLite's, Postgres')`, for the test that prepares them.
#[doc(hidden)]
#[must_use]
pub fn statements() -> Vec<(String, Vec<String>, String)> {
    let fixed = [&read::statements(), tx::STATEMENTS, maintain::STATEMENTS, store::STATEMENTS].concat();
    let fixed = fixed.into_iter().map(|(name, sql)| (name.to_owned(), vec![sql.lite.to_owned()], sql.pg.to_owned()));
    let inserts = tx::INSERTS.iter().map(|insert| {
        let (lite, pg) = insert.texts();
        (insert.table.to_owned(), lite, pg)
    });
    fixed.chain(inserts).collect()
}
