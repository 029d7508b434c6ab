//! How fast batches of 100 events are stored, beside a bare loop of the same rows over the same driver.
//!
//! `cargo bench -p mandate-store --bench insert -- [sqlite|postgres]`
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "../tests/contract/build.rs"]
#[allow(dead_code, reason = "cases use the rest")]
mod build;
#[path = "../tests/contract/server.rs"]
#[allow(dead_code, reason = "cases use the rest")]
mod server;

use std::time::{Duration, Instant};

use build::Batch;
use mandate_core::change::{Changes, Head};
use mandate_core::id::{TenantId, uuid_v7};
use mandate_core::time::Millis;
use mandate_store::{Address, OpenOptions, Store};
use sqlx::{Connection as _, SqliteConnection};

const BATCH: i64 = 100;
const BATCHES: usize = 300;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let asked = std::env::args().find(|word| ["sqlite", "postgres"].contains(&word.as_str()));
    let runs = |name: &str| asked.as_deref().is_none_or(|asked| asked == name);
    if runs("sqlite") {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Sqlite(folder.path().join("bench.db"));
        for round in 0..3 {
            let rate = store_rate(&address, &format!("tenant-{round}"), round).await;
            report("sqlite  store", rate);
        }
        bare_sqlite(&folder.path().join("bare.db")).await;
    }
    if runs("postgres") {
        let server = server::Server::get().await;
        // What tests leave out, and any real server does.
        for setting in ["ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()"] {
            server.run("postgres", setting).await.unwrap();
        }
        let address = server.database().await.address().await;
        for round in 0..3 {
            report("postgres store", store_rate(&address, &format!("tenant-{round}"), round).await);
        }
    }
}

/// Wall time and this process's CPU time for all batches.
struct Rate {
    wall: Duration,
    cpu: Duration,
}

fn report(name: &str, rate: Rate) {
    let events = BATCHES as f64 * BATCH as f64;
    println!(
        "{name}: {:.0} events/s, {:.1} µs CPU an event",
        events / rate.wall.as_secs_f64(),
        rate.cpu.as_secs_f64() * 1e6 / events
    );
}

/// User and system time of this process, from `/proc`, in hundredths of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields.get(11..13).unwrap_or_default().iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn prebuilt(mut head: Head, now: Millis) -> Vec<(Changes, Head)> {
    let build = |_| {
        let mut batch = Batch::after(&head, now);
        batch.events(BATCH);
        head = batch.head;
        (batch.changes, batch.head)
    };
    (0..BATCHES).map(build).collect()
}

async fn store_rate(address: &Address, name: &str, round: u8) -> Rate {
    let store = Store::open(address, OpenOptions { ballast: false, ..OpenOptions::default() }).await.unwrap();
    let tenant = TenantId(uuid_v7(Millis(1), [round; 16]));
    store.create_tenant(name, tenant, [1; 32], [2; 32]).await.unwrap();
    let now = store.begin(tenant).await.unwrap().now();
    let batches = prebuilt(Head::EMPTY, now.into_later(round));
    let (began, cpu_before) = (Instant::now(), cpu());
    for (changes, head) in &batches {
        let mut tx = store.begin(tenant).await.unwrap();
        let keys: Vec<_> = changes.seen.iter().map(|row| row.key).collect();
        tx.seen(&keys).await.unwrap();
        tx.write(changes, head).await.unwrap();
        tx.commit().await.unwrap();
    }
    let rate = Rate { wall: began.elapsed(), cpu: cpu().saturating_sub(cpu_before) };
    store.close().await;
    rate
}

/// Keeps the tenants' ids apart, since one file's ids come from one clock.
trait Later {
    fn into_later(self, round: u8) -> Self;
}

impl Later for Millis {
    fn into_later(self, round: u8) -> Self {
        Self(self.0 + i64::from(round) * 1_000_000)
    }
}

/// The same rows into the same tables, one prepared statement a row, in one transaction a batch.
async fn bare_sqlite(path: &std::path::Path) {
    let address = Address::Sqlite(path.to_owned());
    let options = OpenOptions { ballast: false, ..OpenOptions::default() };
    Store::open(&address, options).await.unwrap().close().await;
    let url = format!("sqlite:{}", path.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 2048")
        .execute(&mut connection)
        .await
        .unwrap();
    let batches = prebuilt(Head::EMPTY, Millis(1_767_225_600_000));
    let (began, cpu_before) = (Instant::now(), cpu());
    for (changes, head) in &batches {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let tx = &mut *transaction;
        for row in &changes.events {
            sqlx::query("INSERT INTO event (no, id, position, at, actor, action, session, decision, resources, hash, sealed, content, plan) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)")
                .bind((1_i64 << 44) | row.seq).bind(row.id.0).bind(row.position).bind(row.at.0)
                .bind(&row.actor).bind(&row.action).bind(&row.session).bind(row.decision.as_str())
                .bind("[\"service:shop\"]").bind(&row.hash.0[..]).bind(&row.sealed).bind(&row.content).bind(&row.plan)
                .execute(&mut *tx).await.unwrap();
            sqlx::query("INSERT INTO event_resource (tenant, resource, seq) VALUES (1,?,?)")
                .bind(&row.resources[0])
                .bind(row.seq)
                .execute(&mut *tx)
                .await
                .unwrap();
        }
        for row in &changes.seen {
            sqlx::query("INSERT INTO seen (tenant, hour, digest, content, seq, expires_at) VALUES (1,?,?,?,?,?)")
                .bind(row.key.hour)
                .bind(&row.key.digest[..])
                .bind(&row.content[..])
                .bind(row.seq)
                .bind(row.expires_at.0)
                .execute(&mut *tx)
                .await
                .unwrap();
        }
        for row in &changes.notifications {
            sqlx::query("INSERT INTO notification (tenant, id, event_seq, recipient, channel, lane, urgency, reason, created_at, state, due_at, lease_until, attempts, log) VALUES (1,?,?,?,?,?,?,?,?,?,?,?,?,?)")
                .bind(row.id.0).bind(row.event_seq).bind(&*row.recipient).bind(&*row.channel).bind(&*row.lane)
                .bind(row.urgency.as_str()).bind(&row.reason).bind(row.created_at.0).bind(row.state.as_str())
                .bind(row.due_at.0).bind(row.lease_until.0).bind(i64::from(row.attempts)).bind(&row.log)
                .execute(&mut *tx).await.unwrap();
        }
        sqlx::query("INSERT INTO feed (no, first, entries) VALUES (?,?,'[]')")
            .bind((1_i64 << 44) | head.position)
            .bind(head.position - BATCH + 1)
            .execute(&mut *tx)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }
    report("sqlite  bare loop", Rate { wall: began.elapsed(), cpu: cpu().saturating_sub(cpu_before) });
}
