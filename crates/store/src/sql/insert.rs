//! Inserting many rows with one statement: multi-row VALUES on SQLite, UNNEST on Postgres.

use std::sync::{Arc, OnceLock};

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe};

use super::{Conn, Value, add_lite};
use crate::error::{Error, Result};

/// The type of a column, for Postgres' arrays.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Int,
    Bool,
    Text,
    Bytes,
    Uuid,
}

impl Kind {
    fn array(self) -> &'static str {
        match self {
            Self::Int => "bigint[]",
            Self::Bool => "boolean[]",
            Self::Text => "text[]",
            Self::Bytes => "bytea[]",
            Self::Uuid => "uuid[]",
        }
    }
}

/// Statements are prepared once for each of these numbers of rows, so few of them.
const CHUNKS: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// On SQLite inserts of at most so many rows wait for each other, so that its thread is woken once for all of them:
/// for a commit of one event that waking costs more than the inserts.
const JOINED: usize = 2;

/// How many low bits of SQLite's `no` hold the place; the tenant's number stands above.
const PLACE_BITS: u32 = 44;

/// Inserts on their way to the database, in order.
///
/// On Postgres all of them wait and go as parts of one statement: a batch is one round trip instead of one a table. None
/// sees what another inserts.
pub(crate) struct Writes<'w, 'c> {
    conn: &'w mut Conn<'c>,
    /// The statements that wait: SQLite's as they are, Postgres' as parts of one.
    text: String,
    lite: SqliteArguments,
    pg: PgArguments,
}

impl<'w, 'c> Writes<'w, 'c> {
    /// Nothing yet.
    pub(crate) fn new(conn: &'w mut Conn<'c>) -> Self {
        Self { conn, text: String::new(), lite: SqliteArguments::default(), pg: PgArguments::default() }
    }

    /// Sends what waits; to be called after the last insert.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        let text = std::mem::take(&mut self.text);
        match self.conn {
            Conn::Lite(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(text), std::mem::take(&mut self.lite));
                query.execute(&mut **connection).await?;
            }
            Conn::Pg(connection) => {
                let text = format!("WITH {text} SELECT 1");
                let query = sqlx::query_with(AssertSqlSafe(text), std::mem::take(&mut self.pg));
                query.execute(&mut **connection).await?;
            }
        }
        Ok(())
    }
}

/// The statement with its values counted from after the first `before`.
fn counted_from(text: &str, before: usize) -> String {
    let mut parts = text.split('$');
    let mut counted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        // INVARIANT: our own statements have a number after each `$`.
        let number = number.parse::<usize>().unwrap_or_default() + before;
        counted.push_str(&format!("${number}{rest}"));
    }
    counted
}

/// One table's insert: its columns in the order in which rows give their values.
#[derive(Debug)]
pub(crate) struct Insert {
    /// The table.
    pub(crate) table: &'static str,
    /// Its columns; the first is the tenant.
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// On SQLite the first two columns, tenant and place, are one integer key `no`.
    pub(crate) keyed: bool,
    /// What to do about a row that exists.
    pub(crate) tail: &'static str,
    /// The SQLite texts by chunk, made on first use.
    lite: [OnceLock<Arc<str>>; CHUNKS.len()],
    /// The Postgres text, made on first use.
    pg: OnceLock<Arc<str>>,
}

impl Insert {
    /// An insert into a table.
    pub(crate) const fn new(
        table: &'static str,
        keyed: bool,
        columns: &'static [(&'static str, Kind)],
        tail: &'static str,
    ) -> Self {
        Self { table, columns, keyed, tail, lite: [const { OnceLock::new() }; CHUNKS.len()], pg: OnceLock::new() }
    }

    /// Inserts the rows, in order. Does nothing when there are none.
    pub(crate) async fn rows<const N: usize>(
        &self,
        writes: &mut Writes<'_, '_>,
        rows: &[[Value<'_>; N]],
    ) -> Result<()> {
        debug_assert_eq!(N, self.columns.len(), "as many values as columns in `{}`", self.table);
        match writes.conn {
            Conn::Lite(_) => {
                let mut rest = rows;
                for (chunk, text) in CHUNKS.iter().zip(&self.lite).rev() {
                    while let Some((now, later)) = rest.split_at_checked(*chunk) {
                        let text = text.get_or_init(|| self.lite_text(*chunk).into());
                        if *chunk > JOINED {
                            writes.flush().await?;
                        }
                        writes.text.push_str(text);
                        writes.text.push(';');
                        for row in now {
                            self.add_row(&mut writes.lite, row)?;
                        }
                        if *chunk > JOINED {
                            writes.flush().await?;
                        }
                        rest = later;
                    }
                }
            }
            Conn::Pg(_) if !rows.is_empty() => {
                let text = self.pg.get_or_init(|| self.pg_text().into());
                let text = counted_from(text, writes.pg.len());
                let part = if writes.text.is_empty() { "" } else { ", " };
                let number = writes.pg.len();
                writes.text.push_str(&format!("{part}i{number} AS ({text})"));
                for (place, (_, kind)) in self.columns.iter().enumerate() {
                    add_column(&mut writes.pg, *kind, rows.iter().filter_map(|row| row.get(place)))?;
                }
            }
            Conn::Pg(_) => {}
        }
        Ok(())
    }

    fn add_row(&self, arguments: &mut SqliteArguments, row: &[Value<'_>]) -> Result<()> {
        let values = match row {
            [Value::Int(Some(tenant)), Value::Int(Some(place)), rest @ ..] if self.keyed => {
                add_lite(arguments, Value::Int(Some((tenant << PLACE_BITS) | place)))?;
                rest
            }
            row => row,
        };
        values.iter().try_for_each(|value| add_lite(arguments, *value))
    }

    /// The SQLite text for so many rows.
    fn lite_text(&self, rows: usize) -> String {
        let (key, columns) = match self.columns {
            [_, _, rest @ ..] if self.keyed => (Some("no"), rest),
            columns => (None, columns),
        };
        let names: Vec<_> = key.into_iter().chain(columns.iter().map(|(name, _)| *name)).collect();
        let row = format!("({})", vec!["?"; names.len()].join(","));
        format!("INSERT INTO {} ({}) VALUES {} {}", self.table, names.join(", "), vec![row; rows].join(","), self.tail)
    }

    /// The Postgres text, for any number of rows.
    fn pg_text(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        let arrays: Vec<_> =
            self.columns.iter().zip(1..).map(|((_, kind), place)| format!("${place}::{}", kind.array())).collect();
        let (table, names, arrays) = (self.table, names.join(", "), arrays.join(", "));
        format!("INSERT INTO {table} ({names}) SELECT * FROM UNNEST({arrays}) {}", self.tail)
    }

    /// Every text that this insert can run: SQLite's, then Postgres'.
    pub(crate) fn texts(&self) -> (Vec<String>, String) {
        (CHUNKS.iter().map(|chunk| self.lite_text(*chunk)).collect(), self.pg_text())
    }
}

/// Binds one column of many rows as one array.
fn add_column<'v>(arguments: &mut PgArguments, kind: Kind, values: impl Iterator<Item = &'v Value<'v>>) -> Result<()> {
    macro_rules! array {
        ($variant:ident, $null:expr) => {
            arguments.add(
                values.map(|value| if let Value::$variant(value) = value { *value } else { $null }).collect::<Vec<_>>(),
            )
        };
    }
    match kind {
        Kind::Int => array!(Int, None),
        Kind::Bool => array!(Bool, false),
        Kind::Text => array!(Text, None),
        Kind::Bytes => array!(Bytes, None),
        Kind::Uuid => array!(Uuid, None),
    }
    .map_err(|error| Error::Invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_on() {
        assert_eq!(
            counted_from("UPDATE t SET a = $2, b = $10 WHERE c = $1", 14),
            "UPDATE t SET a = $16, b = $24 WHERE c = $15"
        );
        assert_eq!(counted_from("SELECT 1", 3), "SELECT 1");
    }
}
