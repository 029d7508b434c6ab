//! `mandate status`: one glance.

use mandate_api::Status;
use mandate_api::status::Answers;

use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::words;

/// What `status` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    server: ServerArgs,
}

/// Shows it.
pub(crate) async fn run(args: StatusArgs, screen: &Screen) -> Result<(), Failure> {
    let client = args.server.client()?;
    let status: Status = client.get_json("/v1/status").await?;
    if screen.json {
        return Ok(screen.document(&status)?);
    }
    let (headline, good) = headline(&status);
    screen.line(screen.paint(if good { Style::Good } else { Style::Warn }, &headline))?;
    let ready = if status.ready { "accepts events" } else { "does not accept events now" };
    let size = &status.store;
    let mut store = words::bytes(size.bytes as f64);
    if let Some(growth) = size.growth_per_day {
        store.push_str(&format!(", grows {} a day", words::bytes(growth)));
    }
    if let Some(free) = size.free_bytes {
        store.push_str(&format!(", {} free", words::bytes(free as f64)));
    }
    if let Some(days) = size.days_left {
        store.push_str(&format!(", room for {} days", words::grouped(days.max(0.0) as u64)));
    }
    let queue =
        format!("{} waiting, {}", words::count(status.queue.items, "event"), words::bytes(status.queue.bytes as f64));
    let rows = [
        ("server", format!("mandate {} at {}, tenant {}, {ready}", status.version, client.base_url(), status.tenant)),
        ("chain", words::count(status.events.unsigned_abs(), "event")),
        ("queue", queue),
        ("store", store),
        ("answers", answers(&status.answers)),
    ];
    screen.line("")?;
    for (name, text) in rows {
        screen.line(format!("{name:<9}{text}"))?;
    }
    for channel in &status.channels {
        let mut text = format!(
            "{:<9}{} ({}): {}, {} sent, {} failed",
            "channel", channel.name, channel.kind, channel.state, channel.sent, channel.failed
        );
        if let Some(error) = &channel.last_error {
            text.push_str(&format!("; {}", crate::screen::clean(error)));
        }
        screen.line(text)?;
    }
    if status.channels.is_empty() {
        screen.line(format!("{:<9}none configured: in-app notices alone arrive", "channel"))?;
    }
    Ok(())
}

/// How soon people answered during the last day, beside what to aim for.
fn answers(answers: &Answers) -> String {
    let Some(share) = answers.share else { return "nobody was told of anything in the last day".to_owned() };
    let mut text = format!(
        "{} of {} answered in the last day ({:.0} %, aim {:.0} %)",
        words::grouped(answers.answered),
        words::grouped(answers.told),
        share * 100.0,
        answers.share_target * 100.0
    );
    let figures = [("half", answers.p50_ms), ("nineteen of twenty", answers.p95_ms)];
    for (name, ms) in figures {
        let within = ms.map_or_else(|| "still open".to_owned(), |ms| format!("within {}", words::span(ms)));
        text.push_str(&format!(", {name} {within}"));
    }
    if let Some(p95) = answers.pause_p95_ms {
        let (within, aim) = (words::span(p95), words::span(answers.pause_p95_target_ms));
        text.push_str(&format!("; {} within {within} (aim {aim})", words::count(answers.pauses, "pause")));
    }
    text
}

/// How things are in one sentence, and whether that is well.
fn headline(status: &Status) -> (String, bool) {
    let broken: Vec<&str> = status
        .channels
        .iter()
        .filter(|channel| matches!(channel.state.as_str(), "failing" | "broken"))
        .map(|channel| channel.name.as_str())
        .collect();
    let begin = match (status.ready, broken.as_slice()) {
        (false, _) => "Events are not accepted now".to_owned(),
        (true, []) => "All systems nominal".to_owned(),
        (true, names) => format!("Channel trouble: {}", names.join(", ")),
    };
    let agents = &status.agents;
    let mut text = format!(
        "{begin}: {} active, {} paused; {} in the last hour",
        words::count(agents.active, "agent"),
        words::grouped(agents.paused),
        words::count(status.last_hour.actions, "action")
    );
    if let Some(coverage) = status.last_hour.coverage {
        text.push_str(&format!("; {:.0} % with an owner", coverage * 100.0));
    }
    (text, status.ready && broken.is_empty())
}
