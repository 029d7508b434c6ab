//! The agent's side: pausing a connected agent, what the wrapper costs a call, and a server that rests.
//!
//! `agent [--rounds 60] [--calls 4000] [--mandate PATH]`
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use mandate_bench::figure::{Against, Durations, heading, median, note, show};
use mandate_bench::flags::Flags;
use mandate_bench::mcp::{self, Client};
use mandate_bench::server::{Place, Server};
use mandate_bench::{Result, work};

const AGENT: &str = "bench-agent";
/// Calls go in turns of so many, direct and wrapped, so that both meet the same machine.
const TURN: usize = 200;

fn main() -> Result<()> {
    let flags = Flags::read();
    if flags.has("mcp-server") {
        return mcp::serve();
    }
    let mandate = flags.mandate()?;
    resting(&mandate)?;
    let place = Place::new()?;
    let config = work::configure(place.dir(), None)?;
    let server = Server::start(&mandate, place.dir(), &place.sqlite(), Some(&config))?;
    overhead(&mandate, &place, &server, flags.number("calls", 4_000)?)?;
    pauses(&mandate, &place, &server, flags.number("rounds", 60)?)?;
    server.stop()
}

fn resting(mandate: &Path) -> Result<()> {
    let (mut fresh, mut again, mut resident, mut idle) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        let place = Place::new()?;
        let server = Server::start(mandate, place.dir(), &place.sqlite(), None)?;
        fresh.push(server.ready_after.as_secs_f64() * 1e3);
        server.stop()?;
        let server = Server::start(mandate, place.dir(), &place.sqlite(), None)?;
        again.push(server.ready_after.as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_secs(1));
        let before = server.used()?;
        std::thread::sleep(Duration::from_secs(2));
        let after = server.used()?;
        resident.push(after.resident as f64 / 1024.0 / 1024.0);
        idle.push(after.cpu.saturating_sub(before.cpu).as_secs_f64() / 2.0 * 100.0);
        server.stop()?;
    }
    heading("A server that rests, SQLite, median of 5");
    show("start to ready, empty store", median(fresh), "ms", &[Against::AtMost(300.0)]);
    show("start to ready, existing store", median(again), "ms", &[Against::AtMost(300.0)]);
    show("resident memory", median(resident), "MiB", &[Against::AtMost(40.0)]);
    show("processor", median(idle), "%", &[]);
    Ok(())
}

fn direct() -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("mcp-server");
    Ok(command)
}

fn wrapped(mandate: &Path, place: &Place, server: &Server) -> Result<Command> {
    let mut command = Command::new(mandate);
    command.args(["mcp", "wrap", "--agent", AGENT, "--"]).arg(std::env::current_exe()?).arg("mcp-server");
    command.env("MANDATE_URL", format!("http://{}", server.address)).env("MANDATE_KEY", &server.key);
    command.env("MANDATE_STATE", place.dir().join("agent"));
    Ok(command)
}

fn overhead(mandate: &Path, place: &Place, server: &Server, calls: usize) -> Result<()> {
    let mut clients = [Client::start(direct()?)?, Client::start(wrapped(mandate, place, server)?)?];
    let mut took = [Durations::default(), Durations::default()];
    for _ in 0..TURN {
        clients.iter_mut().try_for_each(|client| client.call().map(|_| ()))?;
    }
    for _ in 0..calls / TURN {
        for (client, took) in clients.iter_mut().zip(&mut took) {
            for _ in 0..TURN {
                let began = Instant::now();
                client.call()?;
                took.add(began.elapsed());
            }
        }
    }
    let [direct, wrapped] = [0.5, 0.95]
        .map(|share| took.each_ref().map(|took| took.quantile_ms(share) * 1e3))
        .map(|[direct, wrapped]| [direct, wrapped, wrapped - direct]);
    heading(&format!("A tool call through the wrapper and without it, {calls} each, one after another"));
    show("the wrapper adds, P50", direct[2], "µs", &[Against::AtMost(200.0)]);
    note(&format!("P50 direct {:.0} µs, wrapped {:.0} µs", direct[0], direct[1]));
    note(&format!("P95 direct {:.0} µs, wrapped {:.0} µs", wrapped[0], wrapped[1]));
    Ok(())
}

fn pauses(mandate: &Path, place: &Place, server: &Server, rounds: usize) -> Result<()> {
    let mut client = Client::start(wrapped(mandate, place, server)?)?;
    let mut took = Durations::default();
    client.call()?;
    for _ in 0..rounds {
        // So long a wrapper is connected and at rest, as between two thoughts of an agent.
        std::thread::sleep(Duration::from_millis(20));
        let began = Instant::now();
        change(server, "pause")?;
        while !client.call()?.contains("\"isError\":true") {}
        took.add(began.elapsed());
        change(server, "resume")?;
        while client.call()?.contains("\"isError\":true") {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    heading(&format!("Pausing a connected agent that calls without a break, {rounds} times"));
    show("pause asked to call refused, P50", took.quantile_ms(0.5), "ms", &[]);
    show("pause asked to call refused, P95", took.quantile_ms(0.95), "ms", &[Against::AtMost(200.0)]);
    note(&format!("the slowest took {:.1} ms", took.quantile_ms(1.0)));
    Ok(())
}

fn change(server: &Server, verb: &str) -> Result<()> {
    let (status, body) = server.ask("POST", &format!("/v1/agents/{AGENT}/{verb}"), r#"{"reason":"a benchmark"}"#)?;
    if status == 200 { Ok(()) } else { Err(format!("{verb} was answered {status}: {body}").into()) }
}
