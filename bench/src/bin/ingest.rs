//! Durable ingest over HTTP, beside a bare loop that inserts the same rows into the same tables.
//!
//! `ingest [sqlite] [postgres] [--postgres URL] [--rounds 5] [--events 30000] [--singles 10000] [--mandate PATH]`

use std::path::Path;

use mandate_bench::bare::{self, Bare};
use mandate_bench::figure::{Against, Durations, heading, median, note, show};
use mandate_bench::flags::Flags;
use mandate_bench::server::{Place, Server};
use mandate_bench::{Result, load, work};

const CONNECTIONS: usize = 64;
const BATCH: usize = 100;
/// Batches are sent over fewer connections: what may be under way stays far below what the server queues.
const BATCH_CONNECTIONS: usize = 32;

/// What is asked of one database.
struct Limits {
    batches: [f64; 2],
    singles: f64,
}

#[derive(Default)]
struct Rounds {
    rate: Vec<f64>,
    cpu: Vec<f64>,
    bare: Vec<f64>,
    took: Durations,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let flags = Flags::read();
    let both = !flags.has("sqlite") && flags.text("postgres").is_none();
    if flags.has("sqlite") || both {
        measure(&flags, "SQLite", None, Limits { batches: [8_000.0, 15_000.0], singles: 5_000.0 }).await?;
    }
    if let Some(url) = flags.text("postgres") {
        measure(&flags, "Postgres", Some(url), Limits { batches: [4_000.0, 8_000.0], singles: 2_500.0 }).await?;
    }
    Ok(())
}

async fn measure(flags: &Flags, name: &str, postgres: Option<&str>, limits: Limits) -> Result<()> {
    let (mandate, count) = (flags.mandate()?, flags.number("rounds", 5)?);
    let (events, singles) = (flags.number("events", 30_000)?, flags.number("singles", 10_000)?);

    let mut rounds = Rounds::default();
    for _ in 0..count {
        round(&mandate, postgres, events, BATCH, BATCH_CONNECTIONS, &mut rounds).await?;
    }
    heading(&format!("{name}, durable ingest: {events} events in batches of {BATCH}, median of {count} rounds"));
    let [limit, reach] = limits.batches;
    let bare = median(rounds.bare);
    let rate = median(rounds.rate);
    show("events", rate, "/s", &[Against::AtLeast(limit), Against::AtLeast(reach), Against::Peer("bare loop", bare)]);
    show("of the bare loop", rate / bare * 100.0, "%", &[Against::AtLeast(50.0)]);
    show("server's CPU an event", median(rounds.cpu), "µs", &[]);
    answers(&rounds.took);

    let mut rounds = Rounds::default();
    for _ in 0..count {
        round(&mandate, postgres, singles, 1, CONNECTIONS, &mut rounds).await?;
    }
    heading(&format!("{name}, durable ingest: {singles} single events over {CONNECTIONS} connections"));
    show("events", median(rounds.rate), "/s", &[Against::AtLeast(limits.singles)]);
    show("server's CPU an event", median(rounds.cpu), "µs", &[]);
    answers(&rounds.took);
    Ok(())
}

fn answers(took: &Durations) {
    let [middle, late] = [0.5, 0.99].map(|share| took.quantile_ms(share));
    note(&format!("answers P50 {middle:.1} ms, P99 {late:.1} ms, with every connection always busy"));
}

/// One fresh store, one server, all events; for batches the bare loop right after it.
async fn round(
    mandate: &Path,
    postgres: Option<&str>,
    events: usize,
    batch: usize,
    connections: usize,
    rounds: &mut Rounds,
) -> Result<()> {
    let place = Place::new()?;
    let config = work::configure(place.dir(), None)?;
    let store = match postgres {
        None => place.sqlite(),
        Some(url) => bare::create_database(url, "mandate_bench").await?,
    };
    let server = Server::start(mandate, place.dir(), &store, Some(&config))?;
    let warm_up = work::requests(server.address, &server.key, events..events + 1_000, batch);
    load::closed(server.address, warm_up, connections, batch, None).await?;

    let requests = work::requests(server.address, &server.key, 0..events, batch);
    let before = server.used()?;
    let (took, answers) = load::closed(server.address, requests, connections, batch, None).await?;
    rounds.cpu.push(server.used()?.micros_each(before, events));
    rounds.rate.push(events as f64 / took.as_secs_f64());
    rounds.took.join(answers);
    server.stop()?;
    if batch > 1 {
        let bare = bare_loop(mandate, &place, postgres, &store, batch).await?;
        if bare.events != events + 1_000 {
            return Err(format!("{} events are stored of {}", bare.events, events + 1_000).into());
        }
        rounds.bare.push(bare.rate());
    }
    Ok(())
}

/// The same tables are made by a server that starts and stops on an empty store.
async fn bare_loop(mandate: &Path, place: &Place, postgres: Option<&str>, from: &str, batch: usize) -> Result<Bare> {
    let empty = Place::new()?;
    match postgres {
        None => {
            Server::start(mandate, empty.dir(), &empty.sqlite(), None)?.stop()?;
            bare::sqlite(&place.file(), &empty.file(), batch).await
        }
        Some(url) => {
            let into = bare::create_database(url, "mandate_bare").await?;
            Server::start(mandate, empty.dir(), &into, None)?.stop()?;
            bare::postgres(from, &into, batch).await
        }
    }
}
