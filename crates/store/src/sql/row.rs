//! A row of either database, read column by column; what cannot be read is named.

use mandate_core::chain::Hash;
use mandate_core::time::Millis;
use sqlx::postgres::{PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row as _, Type};
use uuid::Uuid;

use crate::error::{Error, Result};

/// A row of either database.
pub(crate) enum Row {
    Lite(SqliteRow),
    Pg(PgRow),
}

impl Row {
    /// Reads the row as one of `table`, where the column `key` names it.
    pub(crate) fn of(&self, table: &'static str, key: &'static str) -> Columns<'_> {
        Columns { row: self, table, key }
    }

    fn get<'r, T>(&'r self, column: &str) -> Option<T>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Lite(row) => row.try_get(column).ok(),
            Self::Pg(row) => row.try_get(column).ok(),
        }
    }
}

/// The columns of one row.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'r> {
    row: &'r Row,
    table: &'static str,
    key: &'static str,
}

impl<'r> Columns<'r> {
    /// The error that says this column cannot be read.
    pub(crate) fn corrupt(self, column: &'static str) -> Error {
        let key = self.key;
        let id = if let Some(number) = self.row.get::<i64>(key) {
            number.to_string()
        } else if let Some(text) = self.row.get::<String>(key) {
            text
        } else if let Some(id) = self.row.get::<Uuid>(key) {
            id.to_string()
        } else {
            "unknown".to_owned()
        };
        Error::Corrupt { table: self.table, column, id }
    }

    fn get<T>(self, column: &'static str) -> Result<T>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        self.row.get(column).ok_or_else(|| self.corrupt(column))
    }

    /// An integer.
    pub(crate) fn int(self, column: &'static str) -> Result<i64> {
        self.get(column)
    }

    /// An integer or nothing.
    pub(crate) fn int_or(self, column: &'static str) -> Result<Option<i64>> {
        self.get(column)
    }

    /// A point in time.
    pub(crate) fn millis(self, column: &'static str) -> Result<Millis> {
        self.int(column).map(Millis)
    }

    /// A point in time or nothing.
    pub(crate) fn millis_or(self, column: &'static str) -> Result<Option<Millis>> {
        Ok(self.int_or(column)?.map(Millis))
    }

    /// True or false.
    pub(crate) fn bool(self, column: &'static str) -> Result<bool> {
        self.get(column)
    }

    /// Text.
    pub(crate) fn text(self, column: &'static str) -> Result<&'r str> {
        self.get(column)
    }

    /// Text or nothing, owned.
    pub(crate) fn text_or(self, column: &'static str) -> Result<Option<String>> {
        self.get(column)
    }

    /// A word of a closed set.
    pub(crate) fn word<T>(self, column: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<T> {
        read(self.text(column)?).ok_or_else(|| self.corrupt(column))
    }

    /// Bytes.
    pub(crate) fn bytes(self, column: &'static str) -> Result<Vec<u8>> {
        self.get(column)
    }

    /// Bytes or nothing.
    pub(crate) fn bytes_or(self, column: &'static str) -> Result<Option<Vec<u8>>> {
        self.get(column)
    }

    /// Exactly so many bytes.
    pub(crate) fn array<const N: usize>(self, column: &'static str) -> Result<[u8; N]> {
        self.get::<&[u8]>(column)?.try_into().map_err(|_| self.corrupt(column))
    }

    /// A SHA-256.
    pub(crate) fn hash(self, column: &'static str) -> Result<Hash> {
        self.array(column).map(Hash)
    }

    /// An id.
    pub(crate) fn uuid(self, column: &'static str) -> Result<Uuid> {
        self.get(column)
    }

    /// An id or nothing.
    pub(crate) fn uuid_or(self, column: &'static str) -> Result<Option<Uuid>> {
        self.get(column)
    }

    /// JSON in a text column.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(self, column: &'static str) -> Result<T> {
        serde_json::from_str(self.text(column)?).map_err(|_| self.corrupt(column))
    }
}
