//! From an event to the owner's Slack, and from a click there to a stopped agent, against the stand-in.
//!
//! Slack takes four new messages a second from one app, so of the events that come as many tell somebody as that; the
//! others are recorded alone, as merging will have it.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mandate_standin::slack::Slack;
use mandate_standin::slack::options::{Pacing, SlackOptions};

use crate::Result;
use crate::figure::{Against, Durations, heading, note, show};
use crate::flags::Flags;
use crate::load;
use crate::server::{Place, Server};
use crate::work;

/// New messages a second that Slack takes from one app, in the long run.
const MESSAGES: usize = 4;
/// How many clicks are measured, each on an agent of its own.
const CLICKS: usize = 20;
/// Between two looks at the workspace.
const LOOK: Duration = Duration::from_micros(500);

/// Runs it: `--rate 100` events a second for `--seconds 20`.
///
/// # Errors
/// The server or the workspace does not do what it should.
pub async fn run(flags: &Flags) -> Result<()> {
    let (mandate, rate, seconds) = (flags.mandate()?, flags.number("rate", 100)?, flags.number("seconds", 20)?);
    let mut options = SlackOptions::new(Arc::new(unix_ms));
    options.pacing = Pacing::unlimited();
    let slack = Slack::start(options).await?;
    let place = Place::new()?;
    let config = configure(place.dir(), &slack.api_url())?;
    let server = Server::start(&mandate, place.dir(), &place.sqlite(), Some(&config))?;
    slack.set_interactivity_url(&format!("http://{}/v1/sources/slack", server.address));

    let (events, every) = (rate * seconds, Duration::from_secs(1) / u32::try_from(rate)?);
    let one_in = rate.div_ceil(MESSAGES).max(1);
    let requests = (0..events).map(|number| request(&server, number, number % one_in == 0)).collect();
    let told = events.div_ceil(one_in);
    let start = Instant::now() + Duration::from_millis(200);
    let (answers, arrived) =
        tokio::join!(load::open(server.address, requests, 8, start, every), arrivals(&slack, told));
    answers?;
    let mut took = Durations::default();
    for (number, at) in arrived {
        took.add(at.saturating_duration_since(start + every * u32::try_from(number)?));
    }
    let clicks = clicks(&server, &slack).await?;
    server.stop()?;

    heading(&format!("SQLite, Slack's stand-in: {rate} events a second for {seconds} s, {MESSAGES} of them told"));
    show("event to message P50", took.quantile_ms(0.5), "ms", &[Against::AtMost(20.0)]);
    show("event to message P95", took.quantile_ms(0.95), "ms", &[Against::AtMost(100.0)]);
    show("click to agent stopped P95", clicks.quantile_ms(0.95), "ms", &[Against::AtMost(300.0)]);
    note(&format!("{told} messages and {CLICKS} clicks; Slack's own limits are kept, so no more are told"));
    Ok(())
}

/// When each message stood in the workspace, by its event's number.
async fn arrivals(slack: &Slack, told: usize) -> BTreeMap<usize, Instant> {
    let (mut seen, mut calls) = (BTreeMap::new(), 0);
    while seen.len() < told {
        slack.until(|slack| slack.call_count() > calls).await;
        let now = Instant::now();
        calls = slack.call_count();
        let posted = slack.calls().into_iter().filter(|call| call.method == "chat.postMessage" && call.is_ok());
        for number in posted.filter_map(|call| work::number_in(call.arguments.to_string().as_bytes())) {
            seen.entry(number).or_insert(now);
        }
    }
    seen
}

/// From each click until the agent's state says that it is paused.
async fn clicks(server: &Server, slack: &Slack) -> Result<Durations> {
    let mut took = Durations::default();
    for click in 0..CLICKS {
        let (agent, before) = (format!("clicked-{click}"), slack.call_count());
        let event =
            work::event(1_000_000 + click).replace(&format!("agent-{}", (1_000_000 + click) % work::AGENTS), &agent);
        server.ask("POST", "/v1/events", &event)?;
        slack.until(|slack| slack.call_count() > before).await;
        let ts = slack.calls().last().and_then(|call| call.answer["ts"].as_str().map(str::to_owned));
        let ts = ts.ok_or("the message has no time stamp")?;
        let began = Instant::now();
        let sent = slack.press("U0ALICE", &ts, "pause_agent").send().await?;
        while !server.ask("GET", &format!("/v1/agents/{agent}"), "")?.1.contains("\"paused\"") {
            tokio::time::sleep(LOOK).await;
        }
        took.add(began.elapsed());
        if !sent.is_acknowledged() {
            return Err("a click was not acknowledged".into());
        }
    }
    Ok(took)
}

fn request(server: &Server, number: usize, tells: bool) -> Vec<u8> {
    let event = work::event(number);
    let event = if tells { event } else { event.replacen("\"type\":\"deploy\"", "\"type\":\"look\"", 1) };
    work::request(server.address, &server.key, &event)
}

/// Each service has a channel of its own, as the workspace has one owner who may press.
fn configure(dir: &Path, api_url: &str) -> Result<PathBuf> {
    let config = dir.join("config");
    fs::create_dir_all(config.join("rules"))?;
    let channel = format!(
        "{{name: slack, kind: slack, token: xoxb-standin, signing_secret: standin-signing-secret, base_url: \"{api_url}\", \
         allow_private: true}}"
    );
    fs::write(config.join("mandate.yaml"), format!("channels:\n  - {channel}\nadmins: [\"@alice\"]\n"))?;
    let ownership = "people:\n  - {handle: \"@alice\", contacts: [{channel: slack, address: U0ALICE}]}\n\
                     \x20 - {handle: \"@bob\", contacts: [{channel: slack, address: U0BOB}]}\n\
                     teams:\n  - {handle: \"@ops\", members: [\"@bob\"], contacts: [{channel: slack, address: C0OPS}]}\n\
                     \x20 - {handle: \"@pay\", members: [\"@alice\"], contacts: [{channel: slack, address: C0PAYMENTS}]}\n";
    let owners = ["@alice", "@bob", "@ops", "@pay"];
    let owned = (0..work::SERVICES).map(|service| {
        let owner = owners[service / 25 % owners.len()];
        let layer = if owner == "@ops" || owner == "@pay" { "team" } else { "primary" };
        format!("  - {{resource: \"service:service-{service}\", {layer}: \"{owner}\"}}\n")
    });
    fs::write(config.join("ownership.yaml"), format!("{ownership}owners:\n{}", owned.collect::<String>()))?;
    let rules = "rules:\n  - {name: told, match: {action_type: deploy}, decision: monitored, notify: [resource.owners]}\n\
                 \x20 - {name: seen, match: {action_type: look}, decision: auto}\n";
    fs::write(config.join("rules").join("bench.yaml"), rules)?;
    Ok(config)
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
