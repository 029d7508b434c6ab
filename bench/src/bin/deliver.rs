//! Accepted and delivered: every event makes one notice to one webhook, on SQLite.
//!
//! `deliver slack` measures the way to Slack and back instead.
//!
//! `deliver [burst] [steady] [slack] [--rounds 5] [--events 20000] [--batch 100] [--ahead 1500] [--rate 1000] [--seconds 30] [--mandate PATH]`
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::path::Path;
use std::time::{Duration, Instant};

use mandate_bench::figure::{Against, Durations, heading, median, note, show};
use mandate_bench::flags::Flags;
use mandate_bench::load::Ahead;
use mandate_bench::server::{Place, Server, Used, used};
use mandate_bench::sink::Sink;
use mandate_bench::{Result, load, slack, work};

const CONNECTIONS: usize = 64;
const MIB: f64 = 1024.0 * 1024.0;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let flags = Flags::read();
    if flags.has("slack") {
        slack::run(&flags).await?;
    }
    let both = !flags.has("burst") && !flags.has("steady") && !flags.has("slack");
    if flags.has("burst") || both {
        burst(&flags).await?;
    }
    if flags.has("steady") || both {
        steady(&flags).await?;
    }
    Ok(())
}

async fn burst(flags: &Flags) -> Result<()> {
    let (mandate, count) = (flags.mandate()?, flags.number("rounds", 5)?);
    let (events, batch) = (flags.number("events", 20_000)?, flags.number("batch", 100)?);
    let ahead = flags.number("ahead", 1_500)?;
    let (mut rates, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (rate, micros) = burst_round(&mandate, events, batch, ahead).await?;
        rates.push(rate);
        cpu.push(micros);
    }
    heading(&format!("SQLite, accepted and delivered: {events} events in batches of {batch}, one webhook each"));
    show("events", median(rates), "/s", &[Against::AtLeast(4_000.0), Against::AtLeast(5_000.0)]);
    show("server's CPU an event", median(cpu), "µs", &[Against::AtMost(250.0), Against::AtMost(200.0)]);
    note(&format!("median of {count} rounds; at most {ahead} events under way, so that nothing waits for a lease"));
    Ok(())
}

async fn burst_round(mandate: &Path, events: usize, batch: usize, most: usize) -> Result<(f64, f64)> {
    let warm_up = 1_000;
    let sink = Sink::start(events + warm_up).await?;
    let place = Place::new()?;
    let config = work::configure(place.dir(), Some(sink.address))?;
    let server = Server::start(mandate, place.dir(), &place.sqlite(), Some(&config))?;
    let requests = work::requests(server.address, &server.key, 0..warm_up, batch);
    load::closed(server.address, requests, 8, batch, None).await?;
    sink.arrivals.reach(warm_up, 0).await;
    settled(&server).await?;

    let requests = work::requests(server.address, &server.key, warm_up..warm_up + events, batch);
    let before = server.used()?;
    let began = Instant::now();
    let ahead = Ahead { arrivals: sink.arrivals.clone(), most: most + warm_up };
    let connections = if batch == 1 { CONNECTIONS } else { 8 };
    load::closed(server.address, requests, connections, batch, Some(ahead)).await?;
    sink.arrivals.reach(warm_up + events, 0).await;
    let took = began.elapsed();
    let after = settled(&server).await?;
    server.stop()?;
    Ok((events as f64 / took.as_secs_f64(), after.micros_each(before, events)))
}

/// Waits until the server rests: what it delivered is recorded.
async fn settled(server: &Server) -> Result<Used> {
    let mut last = server.used()?;
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = server.used()?;
        if now.cpu.saturating_sub(last.cpu) <= Duration::from_millis(10) {
            return Ok(now);
        }
        last = now;
    }
}

async fn steady(flags: &Flags) -> Result<()> {
    let mandate = flags.mandate()?;
    let (rate, seconds) = (flags.number("rate", 1_000)?, flags.number("seconds", 30)?);
    let events = rate * seconds;
    let sink = Sink::start(events).await?;
    let place = Place::new()?;
    let config = work::configure(place.dir(), Some(sink.address))?;
    let server = Server::start(&mandate, place.dir(), &place.sqlite(), Some(&config))?;
    let requests = work::requests(server.address, &server.key, 0..events, 1);
    let (every, before) = (Duration::from_secs(1) / u32::try_from(rate)?, server.used()?);
    let start = Instant::now() + Duration::from_millis(200);
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let id = server.id();
    let sampler = async move {
        let mut samples = Vec::new();
        while stopped.try_recv().is_err() {
            samples.push(used(id)?.resident as f64 / MIB);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(samples)
    };
    let load = async {
        let answers = load::open(server.address, requests, CONNECTIONS, start, every).await;
        if answers.is_ok() {
            sink.arrivals.reach(events, 0).await;
        }
        let _ = stop.send(());
        answers
    };
    let (answers, samples) = tokio::join!(load, sampler);
    let (answers, samples) = (answers?, samples?);
    let after = server.used()?;
    let mut arrived = Durations::default();
    for (number, at) in sink.arrivals.times().into_iter().enumerate() {
        let due = start + every * u32::try_from(number)?;
        arrived.add(at.ok_or("an event never arrived")?.saturating_duration_since(due));
    }
    server.stop()?;

    heading(&format!("SQLite, steady: {rate} single events a second for {seconds} s, one webhook each"));
    let at = |durations: &Durations, share: f64| durations.quantile_ms(share);
    show("acknowledged P50", at(&answers, 0.5), "ms", &[Against::AtMost(2.0)]);
    show("acknowledged P99", at(&answers, 0.99), "ms", &[Against::AtMost(30.0)]);
    show("event to webhook received P50", at(&arrived, 0.5), "ms", &[Against::AtMost(5.0)]);
    show("event to webhook received P99", at(&arrived, 0.99), "ms", &[Against::AtMost(100.0)]);
    show("server's CPU an event", after.micros_each(before, events), "µs", &[]);
    let part = |third: usize| {
        let size = samples.len() / 3;
        median(samples.iter().skip(third * size).take(size.max(1)).copied().collect())
    };
    let most = samples.iter().copied().fold(0.0, f64::max);
    show("resident memory, most", most, "MiB", &[Against::AtMost(150.0)]);
    note(&format!("in thirds of the run: {:.0}, {:.0}, {:.0} MiB", part(0), part(1), part(2)));
    note("times count from when each request was due, not from when it could be sent");
    Ok(())
}
