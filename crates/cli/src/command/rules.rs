//! `mandate rules check` and `rules explain`.

use std::path::{Path, PathBuf};

use mandate_server::offline::{self, RouteAnswer, Tried};
use serde_json::json;
use serde_json::value::RawValue;

use crate::command::ConfigArgs;
use crate::command::send::{EventArgs, read_events};
use crate::config_dir::ConfigDir;
use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::machine;
use crate::screen::{Screen, Style, clean};
use crate::words;

/// Rules.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum RulesCommand {
    /// Reads a configuration and shows what is wrong with it
    Check(CheckArgs),
    /// Says how an event would be routed: which rule decides, and why the others do not
    Explain(Box<ExplainArgs>),
}

/// What `rules check` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The configuration directory; this one unless given
    #[arg(long, env = "MANDATE_CONFIG", default_value = ".", value_name = "DIR")]
    config: PathBuf,
}

/// What `rules explain` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    event: EventArgs,
    /// The event from a file instead, as clients send it
    #[arg(long = "event", value_name = "PATH", conflicts_with_all = ["kind", "resources", "description"])]
    file: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Reads the files; exit code 1 when they would be refused.
pub(crate) fn check(args: &CheckArgs, screen: &Screen) -> Result<(), Failure> {
    let dir = ConfigDir::read(&args.config)?;
    if dir.files.is_empty() && dir.settings.is_none() {
        let path = dir.path.display();
        return Err(Failure::Usage(format!("`{path}` holds no configuration; say where it is with `--config DIR`")));
    }
    let checked = offline::check(&dir.files, dir.settings.as_deref(), machine::var);
    if screen.json {
        let problems: Vec<_> = checked
            .problems
            .iter()
            .map(|problem| {
                json!({
                    "severity": if problem.is_error() { "error" } else { "warning" },
                    "file": problem.file, "line": problem.line, "column": problem.column,
                    "message": problem.message, "help": problem.help,
                })
            })
            .collect();
        screen.document(&json!({"ok": !checked.is_refused(), "rules": checked.rules(), "problems": problems}))?;
    } else {
        dir.show(&checked.problems, screen);
    }
    if checked.is_refused() {
        return Err(Failure::Told);
    }
    if !screen.json {
        let files = words::count(dir.files.len() as u64 + u64::from(dir.settings.is_some()), "file");
        screen.line(format!("{files} and {} in order", words::count(checked.rules() as u64, "rule")))?;
    }
    Ok(())
}

/// Routes one event as the server would, with the files of a directory or those in force.
pub(crate) async fn explain(args: ExplainArgs, screen: &Screen) -> Result<(), Failure> {
    let event = match (&args.file, args.event.event()?) {
        (Some(path), _) => one_event(path)?,
        (None, Some(event)) => event.to_string(),
        (None, None) => {
            let hint = "say what happens: `mandate rules explain --type deploy --resource service:payments`";
            return Err(Failure::Usage(format!("{hint}, or `--event FILE`")));
        }
    };
    let answer: RouteAnswer = match &args.config.config {
        Some(path) => {
            let dir = ConfigDir::read(path)?;
            let checked = offline::check(&dir.files, dir.settings.as_deref(), machine::var);
            dir.show(&checked.problems, screen);
            if checked.is_refused() {
                // What did load of a set that no server takes would answer for something that never is in force.
                return Err(Failure::Told);
            }
            checked.explain_route(&event, machine::now()).map_err(Failure::Failed)?
        }
        None => {
            let event = RawValue::from_string(event).map_err(std::io::Error::from)?;
            args.server.client()?.post_json("/v1/rules/explain", &json!({"event": event})).await?
        }
    };
    if screen.json {
        return Ok(screen.document(&answer)?);
    }
    show(&answer, screen)
}

fn one_event(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    let events = read_events(&text).map_err(|why| Failure::Usage(format!("`{}` {why}", path.display())))?;
    match events.as_slice() {
        [event] => Ok(event.get().to_owned()),
        others => {
            let held = words::count(others.len() as u64, "event");
            Err(Failure::Usage(format!("`{}` holds {held}; give one", path.display())))
        }
    }
}

fn show(answer: &RouteAnswer, screen: &Screen) -> Result<(), Failure> {
    let decision = screen.paint(Style::Bold, &answer.decision);
    screen.line(format!("{decision} by {}, urgency {}  ({})", answer.rule, answer.urgency, answer.rule_from))?;
    for said in &answer.rules {
        if let Some(reason) = &said.reason {
            screen.line(format!("  {}: {}", said.rule, clean(reason)))?;
        }
        for suggested in &said.suggest {
            screen.line(format!("  {} suggests: {}", said.rule, clean(suggested)))?;
        }
    }
    for owned in &answer.owners {
        let owners = if owned.owners.is_empty() { "nobody".to_owned() } else { owned.owners.join(", ") };
        let how = if owned.unowned { "nobody owns it; the fallback" } else { &owned.step };
        screen.line(format!("  {}  {owners} ({how})", clean(&owned.resource)))?;
    }
    for told in &answer.told {
        screen.line(format!("  tells {} on {}: {}", told.recipient, told.channel, clean(&told.reason)))?;
    }
    for left in &answer.not_told {
        screen.line(format!("  does not tell {}: {}", left.who, left.reason))?;
    }
    for tried in &answer.tried {
        screen.line("")?;
        show_tried(tried, screen)?;
    }
    Ok(())
}

fn show_tried(tried: &Tried, screen: &Screen) -> Result<(), Failure> {
    screen.line(match &tried.resource {
        Some(resource) => format!("tried for {}", clean(resource)),
        None => "tried".to_owned(),
    })?;
    for rule in &tried.rules {
        let mark =
            if rule.matched { screen.paint(Style::Good, "matches") } else { screen.paint(Style::Dim, "skipped") };
        let missed = rule.missed.as_deref().map(|missed| format!(": {}", clean(missed))).unwrap_or_default();
        screen.line(format!("  {mark}  {} ({}){missed}", rule.rule, rule.place))?;
    }
    Ok(())
}
