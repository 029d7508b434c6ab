//! The thin layer over both databases: a statement in two dialects, a value, a connection, a row.
//!
//! A question is asked once, in ordinary code, with one [`Sql`] and the same [`Value`]s; the only matches on
//! the database are in here and where the databases truly differ.

mod insert;
mod row;

use mandate_core::chain::Hash;
use mandate_core::time::Millis;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, Postgres};
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection};
use sqlx::{Arguments as _, Transaction};
use uuid::Uuid;

pub(crate) use insert::{Insert, Kind, Writes};
pub(crate) use row::Row;

use crate::error::{Error, Result};

/// One statement, as each database wants it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sql {
    /// For SQLite.
    pub(crate) lite: &'static str,
    /// For Postgres.
    pub(crate) pg: &'static str,
}

impl Sql {
    /// A statement that both read alike.
    pub(crate) const fn both(text: &'static str) -> Self {
        Self { lite: text, pg: text }
    }
}

/// One bound value, or null of a type that Postgres must know.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Int(Option<i64>),
    Bool(bool),
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
    Uuid(Option<Uuid>),
}

macro_rules! values {
    ($($from:ty, $variant:ident, |$value:ident| $into:expr;)*) => {$(
        impl<'a> From<$from> for Value<'a> {
            fn from($value: $from) -> Self {
                Self::$variant($into)
            }
        }
    )*};
}
values! {
    i64, Int, |value| Some(value);
    u32, Int, |value| Some(i64::from(value));
    Option<i64>, Int, |value| value;
    Millis, Int, |value| Some(value.0);
    Option<Millis>, Int, |value| value.map(|at| at.0);
    bool, Bool, |value| value;
    &'a str, Text, |value| Some(value);
    &'a String, Text, |value| Some(value);
    Option<&'a str>, Text, |value| value;
    &'a Option<String>, Text, |value| value.as_deref();
    &'a [u8], Bytes, |value| Some(value);
    &'a Vec<u8>, Bytes, |value| Some(value);
    &'a Option<Vec<u8>>, Bytes, |value| value.as_deref();
    &'a [u8; 16], Bytes, |value| Some(value);
    &'a [u8; 32], Bytes, |value| Some(value);
    &'a Hash, Bytes, |value| Some(&value.0);
    Uuid, Uuid, |value| Some(value);
    Option<Uuid>, Uuid, |value| value;
}

/// Values for one statement, each converted.
macro_rules! values_of {
    ($($value:expr),* $(,)?) => { [$(crate::sql::Value::from($value)),*] };
}
pub(crate) use values_of;

/// A borrowed connection to either database.
pub(crate) enum Conn<'c> {
    Lite(&'c mut SqliteConnection),
    Pg(&'c mut PgConnection),
}

impl Conn<'_> {
    /// Every row that the statement gives.
    pub(crate) async fn all(&mut self, sql: Sql, values: &[Value<'_>]) -> Result<Vec<Row>> {
        match self {
            Self::Lite(connection) => {
                let rows = sqlx::query_with(sql.lite, lite_arguments(values)?).fetch_all(&mut **connection).await?;
                Ok(rows.into_iter().map(Row::Lite).collect())
            }
            Self::Pg(connection) => {
                let rows = sqlx::query_with(sql.pg, pg_arguments(values)?).fetch_all(&mut **connection).await?;
                Ok(rows.into_iter().map(Row::Pg).collect())
            }
        }
    }

    /// The first row, if there is one.
    pub(crate) async fn one(&mut self, sql: Sql, values: &[Value<'_>]) -> Result<Option<Row>> {
        match self {
            Self::Lite(connection) => {
                let row = sqlx::query_with(sql.lite, lite_arguments(values)?).fetch_optional(&mut **connection).await?;
                Ok(row.map(Row::Lite))
            }
            Self::Pg(connection) => {
                let row = sqlx::query_with(sql.pg, pg_arguments(values)?).fetch_optional(&mut **connection).await?;
                Ok(row.map(Row::Pg))
            }
        }
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) async fn run(&mut self, sql: Sql, values: &[Value<'_>]) -> Result<u64> {
        Ok(match self {
            Self::Lite(connection) => {
                sqlx::query_with(sql.lite, lite_arguments(values)?).execute(&mut **connection).await?.rows_affected()
            }
            Self::Pg(connection) => {
                sqlx::query_with(sql.pg, pg_arguments(values)?).execute(&mut **connection).await?.rows_affected()
            }
        })
    }
}

/// A connection held for one or a few reads, in the tenant's name.
pub(crate) enum Reader {
    Lite(PoolConnection<Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

impl Reader {
    /// The connection.
    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Lite(connection) => Conn::Lite(connection),
            Self::Pg(transaction) => Conn::Pg(transaction),
        }
    }
}

fn lite_arguments(values: &[Value<'_>]) -> Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        add_lite(&mut arguments, *value)?;
    }
    Ok(arguments)
}

fn add_lite(arguments: &mut SqliteArguments, value: Value<'_>) -> Result<()> {
    match value {
        Value::Int(value) => arguments.add(value),
        Value::Bool(value) => arguments.add(i64::from(value)),
        Value::Text(value) => arguments.add(value),
        Value::Bytes(value) => arguments.add(value),
        Value::Uuid(value) => arguments.add(value),
    }
    .map_err(|error| Error::Invalid(error.to_string()))
}

fn pg_arguments(values: &[Value<'_>]) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in values {
        match *value {
            Value::Int(value) => arguments.add(value),
            Value::Bool(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
            Value::Uuid(value) => arguments.add(value),
        }
        .map_err(|error| Error::Invalid(error.to_string()))?;
    }
    Ok(arguments)
}

/// Names statements, and lists them so that a test can prepare each.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident: $sql:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: crate::sql::Sql = $sql;)*
        pub(crate) const STATEMENTS: &[(&str, crate::sql::Sql)] = &[$((stringify!($name), $name)),*];
    };
}
pub(crate) use statements;
