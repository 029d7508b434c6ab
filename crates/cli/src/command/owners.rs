//! `mandate owners`: who owns a resource, with every step tried, and what an action on it can reach.

use mandate_agent::client::path_segment;
use mandate_api::{BlastLayer, BlastRadius, Owner, OwnerAnswer};
use mandate_server::offline;

use crate::command::ConfigArgs;
use crate::config_dir::ConfigDir;
use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::machine;
use crate::screen::{Screen, Style, clean};

/// Owners.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum OwnersCommand {
    /// Says who owns a resource, with every step tried
    Explain(ExplainArgs),
    /// Says what an action on a resource can reach, and whose that is
    Blast(ExplainArgs),
}

/// What `owners explain` and `owners blast` take.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// The resource, as type:id
    #[arg(value_name = "TYPE:ID")]
    resource: String,
    /// The repository of a file, such as acme/shop
    #[arg(long, value_name = "REPO")]
    repo: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Asks the files of a directory, or the server.
pub(crate) async fn explain(args: ExplainArgs, screen: &Screen) -> Result<(), Failure> {
    // Wrong addresses are told before anything is asked.
    offline::resource(&args.resource).map_err(Failure::Usage)?;
    let answer = match &args.config.config {
        Some(path) => {
            let dir = ConfigDir::read(path)?;
            let checked = offline::check(&dir.files, dir.settings.as_deref(), machine::var);
            dir.show(&checked.problems, screen);
            if checked.is_refused() {
                // What did load of a set that no server takes would answer for something that never is in force.
                return Err(Failure::Told);
            }
            checked.explain_owner(&args.resource, args.repo.as_deref()).map_err(Failure::Usage)?
        }
        None => {
            let repo = args.repo.as_deref().map(|repo| format!("&repo={}", path_segment(repo))).unwrap_or_default();
            let path = format!("/v1/owners?resource={}{repo}", path_segment(&args.resource));
            args.server.client()?.get_json(&path).await?
        }
    };
    if screen.json {
        return Ok(screen.document(&answer)?);
    }
    show(&answer, screen)
}

/// Asks the files of a directory, or the server, how far an action reaches.
pub(crate) async fn blast(args: ExplainArgs, screen: &Screen) -> Result<(), Failure> {
    offline::resource(&args.resource).map_err(Failure::Usage)?;
    let answer = match &args.config.config {
        Some(path) => {
            let dir = ConfigDir::read(path)?;
            let checked = offline::check(&dir.files, dir.settings.as_deref(), machine::var);
            dir.show(&checked.problems, screen);
            let addresses = std::slice::from_ref(&args.resource);
            checked.blast_radius(addresses, args.repo.as_deref()).map_err(Failure::Usage)?
        }
        None => {
            let repo = args.repo.as_deref().map(|repo| format!("&repo={}", path_segment(repo))).unwrap_or_default();
            let path = format!("/v1/blast-radius?resource={}{repo}", path_segment(&args.resource));
            args.server.client()?.get_json(&path).await?
        }
    };
    if screen.json {
        return Ok(screen.document(&answer)?);
    }
    show_radius(&answer, screen)
}

fn show_radius(answer: &BlastRadius, screen: &Screen) -> Result<(), Failure> {
    let layers = [("definite", &answer.definite), ("likely", &answer.likely), ("possible", &answer.possible)];
    for (name, layer) in layers {
        screen.line(screen.paint(Style::Bold, &format!("{name}  {}", size(layer))))?;
        for affected in &layer.resources {
            let owners = if affected.owners.is_empty() { "nobody".to_owned() } else { affected.owners.join(", ") };
            let text = format!("  {}  {}", affected.resource, affected.reason);
            screen.line(format!("{}  {}", clean(&text), screen.paint(Style::Dim, &clean(&owners))))?;
        }
    }
    let told: Vec<String> = answer.definite.owners.iter().map(named).collect();
    let told = if told.is_empty() { "nobody".to_owned() } else { told.join(", ") };
    screen.line("")?;
    screen.line(format!("a notice to owners goes to those of the first layer only: {told}"))?;
    Ok(())
}

fn size(layer: &BlastLayer) -> String {
    match (layer.resources.len(), layer.more) {
        (0, _) => "nothing".to_owned(),
        (count, false) => count.to_string(),
        (count, true) => format!("{count} and more"),
    }
}

fn show(answer: &OwnerAnswer, screen: &Screen) -> Result<(), Failure> {
    screen.line(screen.paint(Style::Bold, &clean(&answer.summary)))?;
    screen.line("")?;
    for (number, step) in answer.steps.iter().enumerate() {
        screen.line(format!("{}. {:<11} {}", number + 1, step.step, clean(&step.words)))?;
        for place in &step.places {
            let text = format!("{}:{}  {}", place.file, place.line, place.text);
            screen.line(format!("               {}", screen.paint(Style::Dim, &clean(&text))))?;
        }
    }
    let layers = [
        ("primary", &answer.layers.primary),
        ("secondary", &answer.layers.secondary),
        ("team", &answer.layers.team),
        ("lead", &answer.layers.lead),
        ("escalation", &answer.layers.escalation),
    ];
    let told: Vec<String> = answer.owners.iter().map(named).collect();
    screen.line("")?;
    screen.line(format!("{:<12}{}", "told", if told.is_empty() { "nobody".to_owned() } else { told.join(", ") }))?;
    for (name, owner) in layers {
        if let Some(owner) = owner {
            screen.line(format!("{name:<12}{}", named(owner)))?;
        }
    }
    screen.line(format!("{:<12}{} of 100", "confidence", answer.confidence))?;
    Ok(())
}

fn named(owner: &Owner) -> String {
    let name = owner.name.as_deref().map(|name| format!(" ({})", clean(name))).unwrap_or_default();
    let unreachable = if owner.reachable { "" } else { ", cannot be reached" };
    format!("{}{name}{unreachable}", clean(&owner.handle))
}
