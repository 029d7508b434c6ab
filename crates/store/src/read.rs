//! Reads: methods of [`Store`](crate::Store), each named for the question it answers.
//!
//! Every read takes the tenant first and gives at most a bounded page. One page is one short transaction: a reader
//! that stays open would stop SQLite's log from shrinking. Every read fails as the database does, with
//! [`Error::Corrupt`](crate::Error::Corrupt) for a row that cannot be decoded, and with
//! [`Error::UnknownTenant`](crate::Error::UnknownTenant).

pub(crate) mod event;
mod feed;
mod log;
pub(crate) mod notification;
pub(crate) mod response;
pub(crate) mod review;
pub(crate) mod state;
pub(crate) mod storm;

pub use event::{EventFilter, StoredEvent};
pub use feed::FeedRow;
pub use notification::NotificationFilter;
pub use response::StoredResponse;
pub use review::{ReviewPlace, Reviews};
pub use storm::{Acts, Together};

use uuid::Uuid;

use crate::sql::Sql;

/// The most rows that one page gives, whatever was asked for.
pub(crate) const MAX_PAGE: u32 = 10_000;

/// How many rows a filtered read looks at before it answers with what it found and where to go on.
pub(crate) const MAX_SCAN: u32 = 20_000;

/// A bounded part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C = i64> {
    /// What was found. May be empty although there is more: a filter stops after so many rows.
    pub items: Vec<T>,
    /// Where to go on; none at the end.
    pub next: Option<C>,
}

/// A limit as the statements take it.
pub(crate) fn page(limit: u32) -> i64 {
    i64::from(limit.clamp(1, MAX_PAGE))
}

/// Ids as statements take a list of them: JSON, in hex.
pub(crate) fn hex_list(ids: impl IntoIterator<Item = Uuid>) -> String {
    let ids: Vec<_> = ids.into_iter().map(|id| format!("\"{}\"", id.simple())).collect();
    format!("[{}]", ids.join(","))
}

/// Every statement of every read.
pub(crate) fn statements() -> Vec<(&'static str, Sql)> {
    [
        event::STATEMENTS,
        feed::STATEMENTS,
        log::STATEMENTS,
        notification::STATEMENTS,
        response::STATEMENTS,
        review::STATEMENTS,
        state::STATEMENTS,
        storm::STATEMENTS,
    ]
    .concat()
}

/// Asks the store one question: the statement's rows decoded, or the same from a simulated store.
///
/// `read!(self, tenant, all | one, SQL, [values after the tenant's number], decode, |sim| answer)`.
macro_rules! read {
    ($store:expr, $tenant:expr, all, $sql:expr, [$($value:expr),*], $decode:path, |$sim:ident| $answer:expr) => {
        match $store.reading($tenant).await? {
            crate::store::Reading::Sql(no, mut reader) => {
                reader.conn().all($sql, &crate::sql::values_of![no, $($value),*]).await?.iter().map($decode).collect()
            }
            #[cfg(feature = "sim")]
            crate::store::Reading::Sim($sim) => Ok($answer),
        }
    };
    ($store:expr, $tenant:expr, one, $sql:expr, [$($value:expr),*], $decode:path, |$sim:ident| $answer:expr) => {
        match $store.reading($tenant).await? {
            crate::store::Reading::Sql(no, mut reader) => {
                reader.conn().one($sql, &crate::sql::values_of![no, $($value),*]).await?.as_ref().map($decode).transpose()
            }
            #[cfg(feature = "sim")]
            crate::store::Reading::Sim($sim) => Ok($answer),
        }
    };
}
pub(crate) use read;
