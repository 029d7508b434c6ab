//! The bare loop on SQLite.

use std::path::Path;
use std::time::Instant;

use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _, Row as _};

use super::{Bare, Batch, Cell, EVENT, Kind, RESOURCE, SEEN, Table, deal};
use crate::Result;

/// So many rows are inserted by one statement.
const ROWS: usize = 25;
const PLACE: &str = "no & 17592186044415";

/// A table's name, its columns, and its event's place from them.
type Shape = (&'static str, Vec<(&'static str, Kind)>, &'static str);

/// On SQLite tenant and place are one key.
fn tables() -> Vec<Shape> {
    let keyed = [("no", Kind::Int)].into_iter().chain(EVENT.iter().skip(2).copied()).collect();
    let plain = |table: Table| (table.name, table.columns.to_vec(), table.seq);
    vec![("event", keyed, PLACE), plain(RESOURCE), plain(SEEN)]
}

/// Reads the rows of `from` and inserts them into the empty `into`, `size` events a transaction.
///
/// # Errors
/// What the database said.
pub async fn sqlite(from: &Path, into: &Path, size: usize) -> Result<Bare> {
    let mut source = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(from)).await?;
    let mut batches: Vec<Batch> = Vec::new();
    for (at, (name, columns, seq)) in tables().iter().enumerate() {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let text = format!("SELECT {}, {seq} FROM {name} ORDER BY {seq}", names.join(", "));
        let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&mut source).await?;
        let kinds: Vec<Kind> = columns.iter().map(|(_, kind)| *kind).chain([Kind::Int]).collect();
        let rows: Result<Vec<_>> = rows.iter().map(|row| cells(row, &kinds)).collect();
        deal(&mut batches, at, rows?.into_iter(), i64::try_from(size)?)?;
    }
    source.close().await?;

    let options = SqliteConnectOptions::new().filename(into).pragma("recursive_triggers", "ON").foreign_keys(true);
    let options = options.pragma("journal_mode", "WAL").pragma("synchronous", "FULL").statement_cache_capacity(256);
    let options = options.pragma("cache_size", "-32768").pragma("wal_autocheckpoint", "8192");
    let mut target = SqliteConnection::connect_with(&options).await?;
    let texts: Vec<[String; 2]> =
        tables().iter().map(|(name, columns, _)| [ROWS, 1].map(|rows| insert(name, columns, rows))).collect();
    let began = Instant::now();
    for batch in &batches {
        let mut transaction = target.begin_with("BEGIN IMMEDIATE").await?;
        for (rows, [many, one]) in batch.tables.iter().zip(&texts) {
            for rows in rows.chunks(ROWS) {
                if rows.len() == ROWS {
                    run(&mut transaction, many, rows).await?;
                    continue;
                }
                for row in rows {
                    run(&mut transaction, one, std::slice::from_ref(row)).await?;
                }
            }
        }
        sqlx::query("INSERT INTO feed (no, first, entries) VALUES ((1 << 44) | ?1, ?2, '[]')")
            .bind(batch.last + FEED_AFTER)
            .bind(batch.last + FEED_AFTER - i64::try_from(size)? + 1)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("UPDATE head SET position = ?1, event_seq = ?2 WHERE tenant = 1")
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

fn insert(name: &str, columns: &[(&str, Kind)], rows: usize) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let row = format!("({})", vec!["?"; names.len()].join(","));
    format!("INSERT INTO {name} ({}) VALUES {}", names.join(", "), vec![row; rows].join(","))
}

async fn run(connection: &mut SqliteConnection, text: &str, rows: &[Vec<Cell>]) -> Result<()> {
    let mut arguments = SqliteArguments::default();
    for cell in rows.iter().flatten() {
        match cell {
            Cell::Int(value) => arguments.add(value)?,
            Cell::Text(value) => arguments.add(value.as_deref())?,
            Cell::Bytes(value) => arguments.add(value.as_deref())?,
            Cell::Uuid(value) => arguments.add(value)?,
        }
    }
    sqlx::query_with::<Sqlite, _>(AssertSqlSafe(text.to_owned()), arguments).execute(connection).await?;
    Ok(())
}

fn cells(row: &SqliteRow, kinds: &[Kind]) -> Result<Vec<Cell>> {
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
