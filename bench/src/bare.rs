//! The bare loop: the rows that a server stored, read back and inserted again into the same empty tables, as many
//! events a transaction. No HTTP, no JSON, no hashing: what the database alone allows on this machine.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod lite;
mod pg;

use std::time::Duration;

use uuid::Uuid;

use crate::Result;

/// A column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Text,
    Bytes,
    Uuid,
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cell {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Uuid(Option<Uuid>),
}

/// One of the tables that an event adds rows to.
#[derive(Debug)]
struct Table {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
    /// The event's place in the chain, from the columns.
    seq: &'static str,
}

use Kind::{Bytes, Int, Text, Uuid as Id};

/// What both databases store alike, after the columns of the key.
const EVENT: &[(&str, Kind)] = &[
    ("tenant", Int),
    ("seq", Int),
    ("id", Id),
    ("position", Int),
    ("at", Int),
    ("actor", Text),
    ("action", Text),
    ("session", Text),
    ("decision", Text),
    ("resources", Text),
    ("hash", Bytes),
    ("sealed", Bytes),
    ("content", Bytes),
    ("plan", Bytes),
];
const RESOURCE: Table =
    Table { name: "event_resource", columns: &[("tenant", Int), ("resource", Text), ("seq", Int)], seq: "seq" };
const SEEN: Table = Table {
    name: "seen",
    columns: &[
        ("tenant", Int),
        ("hour", Int),
        ("digest", Bytes),
        ("content", Bytes),
        ("seq", Int),
        ("expires_at", Int),
    ],
    seq: "seq",
};

/// The rows of one transaction, table by table, each row as its columns.
#[derive(Debug, Default)]
struct Batch {
    tables: Vec<Vec<Vec<Cell>>>,
    last: i64,
}

/// Sorts the rows of a table, which end with their event's place, into batches.
fn deal(batches: &mut Vec<Batch>, table: usize, rows: impl Iterator<Item = Vec<Cell>>, size: i64) -> Result<()> {
    for mut row in rows {
        let Some(Cell::Int(Some(seq))) = row.pop() else { return Err("a row without a place".into()) };
        let at = usize::try_from((seq - 1) / size)?;
        if batches.len() <= at {
            batches.resize_with(at + 1, Batch::default);
        }
        let batch = &mut batches[at];
        if batch.tables.len() <= table {
            batch.tables.resize_with(table + 1, Vec::new);
        }
        batch.tables[table].push(row);
        batch.last = batch.last.max(seq);
    }
    Ok(())
}

/// What a loop came to.
#[derive(Debug, Clone, Copy)]
pub struct Bare {
    /// From the first BEGIN to the last COMMIT.
    pub took: Duration,
    /// How many events' rows were inserted.
    pub events: usize,
}

impl Bare {
    /// Events a second.
    #[must_use]
    pub fn rate(self) -> f64 {
        self.events as f64 / self.took.as_secs_f64()
    }
}

pub use lite::sqlite;
pub use pg::{count, create_database, postgres};
