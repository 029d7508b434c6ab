//! The bare loop on Postgres: one array a column.

use std::time::Instant;

use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _, Row as _};
use uuid::Uuid;

use super::{Bare, Batch, Cell, EVENT, Kind, RESOURCE, SEEN, Table, deal};
use crate::Result;

const TABLES: [Table; 3] = [Table { name: "event", columns: EVENT, seq: "seq" }, RESOURCE, SEEN];

/// Makes an empty database beside the one that `url` names, and gives its address.
///
/// # Errors
/// What the server said.
pub async fn create_database(url: &str, name: &str) -> Result<String> {
    let mut connection = PgConnection::connect(url).await?;
    for verb in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
        sqlx::query(AssertSqlSafe(format!("{verb} {name}"))).execute(&mut connection).await?;
    }
    connection.close().await?;
    let (address, options) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = address.rsplit_once('/').ok_or("a Postgres address ends with /DATABASE")?;
    Ok(format!("{server}/{name}?{options}"))
}

/// How many events a store holds.
///
/// # Errors
/// What the server said.
pub async fn count(url: &str) -> Result<i64> {
    let mut connection = PgConnection::connect(url).await?;
    Ok(sqlx::query_scalar("SELECT count(*) FROM event").fetch_one(&mut connection).await?)
}

/// Reads the rows of `from` and inserts them into the empty `into`, `size` events a transaction.
///
/// # Errors
/// What the database said.
pub async fn postgres(from: &str, into: &str, size: usize) -> Result<Bare> {
    let mut source = PgConnection::connect(from).await?;
    let mut batches: Vec<Batch> = Vec::new();
    for (at, table) in TABLES.iter().enumerate() {
        let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let text = format!("SELECT {}, {} FROM {} ORDER BY seq", names.join(", "), table.seq, table.name);
        let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&mut source).await?;
        let kinds: Vec<Kind> = table.columns.iter().map(|(_, kind)| *kind).chain([Kind::Int]).collect();
        let rows: Result<Vec<_>> = rows.iter().map(|row| cells(row, &kinds)).collect();
        deal(&mut batches, at, rows?.into_iter(), i64::try_from(size)?)?;
    }
    source.close().await?;

    let mut target = PgConnection::connect(into).await?;
    let texts: Vec<String> = TABLES.iter().map(insert).collect();
    let began = Instant::now();
    for batch in &batches {
        let mut transaction = target.begin().await?;
        sqlx::query("SELECT * FROM head WHERE tenant = 1 FOR UPDATE").fetch_one(&mut *transaction).await?;
        for ((rows, table), text) in batch.tables.iter().zip(&TABLES).zip(&texts) {
            let query = sqlx::query_with::<Postgres, _>(AssertSqlSafe(text.clone()), arrays(table, rows)?);
            query.execute(&mut *transaction).await?;
        }
        sqlx::query("INSERT INTO feed (tenant, last, first, entries) VALUES (1, $1, $2, '[]')")
            .bind(batch.last + FEED_AFTER)
            .bind(batch.last + FEED_AFTER - i64::try_from(size)? + 1)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("UPDATE head SET position = $1, event_seq = $2 WHERE tenant = 1")
            .bind(batch.last + FEED_AFTER)
            .bind(batch.last)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
    }
    let took = began.elapsed();
    target.close().await?;
    let events = batches.iter().filter_map(|batch| batch.tables.first()).map(Vec::len).sum();
    Ok(Bare { took, events })
}

/// The feed of a fresh store has a few entries already.
const FEED_AFTER: i64 = 1_000;

fn insert(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let array = |(at, (_, kind)): (usize, &(&str, Kind))| {
        let kind = match kind {
            Kind::Int => "bigint",
            Kind::Text => "text",
            Kind::Bytes => "bytea",
            Kind::Uuid => "uuid",
        };
        format!("${}::{kind}[]", at + 1)
    };
    let arrays: Vec<String> = table.columns.iter().enumerate().map(array).collect();
    format!("INSERT INTO {} ({}) SELECT * FROM UNNEST({})", table.name, names.join(", "), arrays.join(", "))
}

fn arrays(table: &Table, rows: &[Vec<Cell>]) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for (at, (_, kind)) in table.columns.iter().enumerate() {
        let column = || rows.iter().filter_map(|row| row.get(at));
        match kind {
            Kind::Int => {
                let values = column().map(|cell| if let Cell::Int(value) = cell { *value } else { None });
                arguments.add(values.collect::<Vec<Option<i64>>>())?;
            }
            Kind::Text => {
                let values = column().map(|cell| if let Cell::Text(value) = cell { value.as_deref() } else { None });
                arguments.add(values.collect::<Vec<Option<&str>>>())?;
            }
            Kind::Bytes => {
                let values = column().map(|cell| if let Cell::Bytes(value) = cell { value.as_deref() } else { None });
                arguments.add(values.collect::<Vec<Option<&[u8]>>>())?;
            }
            Kind::Uuid => {
                let values = column().map(|cell| if let Cell::Uuid(value) = cell { *value } else { None });
                arguments.add(values.collect::<Vec<Option<Uuid>>>())?;
            }
        }
    }
    Ok(arguments)
}

fn cells(row: &PgRow, kinds: &[Kind]) -> Result<Vec<Cell>> {
    let cell = |(at, kind): (usize, &Kind)| {
        Ok(match kind {
            Kind::Int => Cell::Int(row.try_get(at)?),
            Kind::Text => Cell::Text(row.try_get(at)?),
            Kind::Bytes => Cell::Bytes(row.try_get(at)?),
            Kind::Uuid => Cell::Uuid(row.try_get(at)?),
        })
    };
    kinds.iter().enumerate().map(cell).collect()
}
