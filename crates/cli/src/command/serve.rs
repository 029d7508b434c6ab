//! `mandate serve`: reads the configuration, starts the server, runs until told to stop.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::path::PathBuf;

use mandate_server::settings::{Secret, Settings};
use mandate_server::start::{Options, StartError, start};

use crate::config_dir::{ConfigDir, SETTINGS};
use crate::connection::key_file_of;
use crate::failure::Failure;
use crate::runtime::StopSignals;
use crate::screen::{Screen, Style};
use crate::{log, machine};

/// What `serve` takes. Flags win over variables, variables over `mandate.yaml`.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// The configuration directory; read at start, so restart to apply a change
    #[arg(long, env = "MANDATE_CONFIG", value_name = "DIR")]
    config: Option<PathBuf>,
    /// The store: sqlite:PATH or postgres://…
    #[arg(long, env = "MANDATE_STORE", hide_env_values = true, value_name = "ADDRESS")]
    store: Option<String>,
    /// Where to listen, 127.0.0.1:7878 unless told otherwise
    #[arg(long, env = "MANDATE_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where the first admin key is written, for its owner alone; beside the store unless told otherwise
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
    /// A directory that every signed checkpoint is also written to
    #[arg(long, value_name = "DIR")]
    checkpoints: Option<PathBuf>,
    /// Listen beyond this machine without TLS: keys then cross the network readable
    #[arg(long)]
    allow_insecure_listen: bool,
}

/// Runs the server.
pub(crate) async fn run(args: ServeArgs, screen: &Screen) -> Result<(), Failure> {
    log::to_stderr("info");
    let signals = StopSignals::listen()?;
    let dir = args.config.as_deref().map(ConfigDir::read).transpose()?;
    let settings = settings(&args, dir.as_ref(), screen)?;
    let key_file = args.key_file.unwrap_or_else(|| key_file_of(settings.store.expose()));
    let files = dir.as_ref().map(|dir| dir.files.clone());
    let public_url = settings.server.public_url.clone();
    let env = machine::server_env_at(settings.store.expose());
    let options = Options { settings, files, key_file: key_file.clone(), store: Default::default() };
    let running = start(options, env).await.map_err(|error| refused(error, dir.as_ref(), screen))?;

    if let Some(dir) = &dir {
        dir.show(running.problems(), screen);
        if running.problems().iter().any(|problem| problem.is_error()) {
            screen.warn("this configuration is refused; the stored version stays in force. Mend it, then restart");
        }
    }
    if let Some(key) = running.first_key() {
        screen.say(format!("the first admin key is in {}", key_file.display()));
        // Logs keep what services print, so the key itself is for a person's eyes only.
        if io::stderr().is_terminal() {
            screen.say(format!("  {}   shown this once", screen.paint_err(Style::Code, key)));
        }
    }
    let url = running.url();
    let known_as = public_url.filter(|public_url| *public_url != url);
    let known_as = known_as.map(|public_url| format!(", known as {public_url}")).unwrap_or_default();
    screen.say(format!("mandate {} is ready on {url}{known_as}; Ctrl-C stops it", env!("CARGO_PKG_VERSION")));
    running.run_until(signals.asked()).await.map_err(Failure::Failed)
}

/// `mandate.yaml`, then variables and flags over it.
fn settings(args: &ServeArgs, dir: Option<&ConfigDir>, screen: &Screen) -> Result<Settings, Failure> {
    let mut settings = match dir.and_then(|dir| Some((dir, dir.settings.as_deref()?))) {
        Some((dir, text)) => Settings::parse(text, SETTINGS, machine::var).map_err(|problems| {
            dir.show(&problems, screen);
            Failure::Usage(format!("`{}` cannot be used", dir.path.join(SETTINGS).display()))
        })?,
        None => Settings::default(),
    };
    if let Some(store) = &args.store {
        settings.store = Secret::new(store.clone());
    }
    if let Some(listen) = args.listen {
        settings.server.listen = listen;
    }
    if args.checkpoints.is_some() {
        settings.checkpoints.clone_from(&args.checkpoints);
    }
    settings.server.allow_insecure_public |= args.allow_insecure_listen;
    Ok(settings)
}

/// Why the server did not start, after its problems were shown.
fn refused(error: StartError, dir: Option<&ConfigDir>, screen: &Screen) -> Failure {
    match (&error, dir) {
        (StartError::Config(problems), Some(dir)) => dir.show(problems, screen),
        (StartError::Listen(_), _) => return Failure::Usage(error.to_string()),
        _ => {}
    }
    Failure::Failed(error.to_string())
}
