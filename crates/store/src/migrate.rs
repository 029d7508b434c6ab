//! Bringing a database to this release's schema: numbered files, each in a transaction with its number.

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Executor as _};

use crate::error::{Error, Result};

/// One step: its number and its text in both dialects.
struct Step {
    version: i64,
    lite: &'static str,
    pg: &'static str,
}

/// Every step, in order.
const STEPS: &[Step] = &[Step {
    version: 1,
    lite: include_str!("../migrations/sqlite/0001_first.sql"),
    pg: include_str!("../migrations/postgres/0001_first.sql"),
}];

const MAKE_VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)";
const MAKE_VERSIONS_LITE: &str = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY) STRICT";
const VERSION: &str = "SELECT coalesce(max(version), 0) FROM schema_version";
const ADD_VERSION: &str = "INSERT INTO schema_version (version) VALUES ($1)";
const HAS_VERSIONS: &str = "SELECT to_regclass('schema_version') IS NOT NULL";
/// Two nodes that start at once migrate one after the other.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7093501482)";

/// The newest version known; the steps are in order.
fn known() -> i64 {
    STEPS.last().map_or(0, |step| step.version)
}

/// Refuses a database that a newer release has written.
fn not_newer(found: i64) -> Result<i64> {
    if found > known() { Err(Error::Newer { found, known: known() }) } else { Ok(found) }
}

/// Migrates a SQLite file.
pub(crate) async fn lite(connection: &mut SqliteConnection) -> Result<()> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    transaction.execute(MAKE_VERSIONS_LITE).await?;
    let found = not_newer(sqlx::query_scalar(VERSION).fetch_one(&mut *transaction).await?)?;
    for step in STEPS.iter().filter(|step| step.version > found) {
        tracing::info!(version = step.version, "migrating the store");
        sqlx::raw_sql(step.lite).execute(&mut *transaction).await?;
        sqlx::query(ADD_VERSION).bind(step.version).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Migrates a Postgres database. A login that may not change the schema can still use one that is up to date.
pub(crate) async fn postgres(connection: &mut PgConnection) -> Result<()> {
    let mut found = 0;
    if sqlx::query_scalar(HAS_VERSIONS).fetch_one(&mut *connection).await? {
        found = not_newer(sqlx::query_scalar(VERSION).fetch_one(&mut *connection).await?)?;
    }
    if found == known() {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    transaction.execute("SET LOCAL statement_timeout = 0").await?;
    transaction.execute(LOCK).await?;
    transaction.execute(MAKE_VERSIONS).await?;
    let found = not_newer(sqlx::query_scalar(VERSION).fetch_one(&mut *transaction).await?)?;
    for step in STEPS.iter().filter(|step| step.version > found) {
        tracing::info!(version = step.version, "migrating the store");
        sqlx::raw_sql(step.pg).execute(&mut *transaction).await?;
        sqlx::query(ADD_VERSION).bind(step.version).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}
