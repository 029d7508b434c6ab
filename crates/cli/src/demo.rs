//! `mandate demo`: a whole chain in one terminal, with nothing pretended but the people.
//!
//! A real server on a store of its own, a real MCP client driving the real npm filesystem server through
//! `mandate mcp wrap`, real signed webhooks to a receiver in this process. Everything lies in one directory; when the
//! demo ends, nothing else is left.

mod mcp_agent;
mod sink;
mod stage;
mod story;
mod world;

use std::io::{self, IsTerminal as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mandate_server::settings::Settings;
use mandate_server::start::{Options, Running, start};
use tokio::sync::{mpsc, oneshot};

use crate::config_dir::{ConfigDir, SETTINGS};
use crate::connection::Connection;
use crate::failure::{Failure, plain};
use crate::runtime::StopSignals;
use crate::screen::{Screen, Style};
use crate::{log, machine};
use sink::Sink;
use stage::Stage;
use world::World;

/// What `demo` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Where everything is written; a new temporary directory unless given
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// End after so many seconds; without it, at Ctrl-C on a terminal and at once elsewhere
    #[arg(long, value_name = "NUMBER")]
    seconds: Option<u64>,
    /// Do not wait between the steps
    #[arg(long)]
    no_pause: bool,
    /// Where the npm packages are: the directory with node_modules, as `make demo` installs it
    #[arg(long, env = "MANDATE_DEMO_TOOLS", default_value = ".tools/node", value_name = "DIR")]
    node_tools: PathBuf,
}

/// Plays it.
pub(crate) async fn run(args: DemoArgs, screen: &Screen) -> Result<(), Failure> {
    let signals = StopSignals::listen()?;
    let tools = tools(&args.node_tools)?;
    let sink = Sink::bind().await?;
    let world = World::make(args.dir.as_deref(), &sink.url()?, &sink.secret(), nonce())?;
    log::to_file(&world.dir.join("serve.log"), "info")?;
    let running = serve(&world, screen).await?;
    let admin =
        Connection { url: format!("http://{}", running.address()), key: running.first_key().map(str::to_owned) };
    let terminal = io::stdout().is_terminal();
    let pace = if terminal && !args.no_pause { Duration::from_millis(700) } else { Duration::ZERO };
    let stay = match (args.seconds, terminal) {
        (Some(seconds), _) => Some(Duration::from_secs(seconds)),
        (None, true) => None,
        (None, false) => Some(Duration::ZERO),
    };

    let (arrived, arrivals) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = running.run_until(async move {
        // The other end is dropped when the story is over.
        let _ = stopped.await;
    });
    let play = async {
        let told = tokio::select! {
            biased;
            () = signals.asked() => Ok(()),
            told = tell(&world, &tools, admin, arrivals, pace, stay, screen) => told,
        };
        drop(stop);
        told
    };
    let (served, told) = tokio::select! {
        biased;
        ended = async { tokio::join!(server, play) } => ended,
        () = sink.serve(arrived) => (Ok(()), Err(Failure::Failed("the receiver of notices ended".to_owned()))),
    };
    told?;
    served.map_err(Failure::Failed)?;
    screen.say("");
    screen.say(format!("stopped; all that is left is {}", world.dir.display()));
    Ok(())
}

async fn tell(
    world: &World,
    tools: &Path,
    admin: Connection,
    arrivals: mpsc::UnboundedReceiver<sink::Arrived>,
    pace: Duration,
    stay: Option<Duration>,
    screen: &Screen,
) -> Result<(), Failure> {
    let mut stage = Stage::open(&admin, arrivals, pace, *screen).await?;
    story::play(&mut stage, world, tools, &admin).await?;
    match stay {
        None => {
            screen.say("");
            screen.say(screen.paint_err(Style::Bold, "the server keeps running; Ctrl-C ends it"));
            std::future::pending().await
        }
        Some(time) => {
            tokio::time::sleep(time).await;
            Ok(())
        }
    }
}

/// Starts the server on the world's files, on a free port of loopback.
async fn serve(world: &World, screen: &Screen) -> Result<Running, Failure> {
    let dir = ConfigDir::read(&world.config)?;
    let text = dir.settings.clone().unwrap_or_default();
    let mut settings = Settings::parse(&text, SETTINGS, machine::var).map_err(|problems| {
        dir.show(&problems, screen);
        Failure::Failed("the demo's own settings cannot be read".to_owned())
    })?;
    settings.server.listen = free_address()?;
    let options =
        Options { settings, files: Some(dir.files.clone()), key_file: world.key_file(), store: Default::default() };
    let running = start(options, machine::server_env()).await.map_err(|error| Failure::Failed(error.to_string()))?;
    dir.show(running.problems(), screen);
    Ok(running)
}

fn free_address() -> Result<SocketAddr, Failure> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    free.map_err(|error| Failure::Failed(format!("cannot listen on loopback: {}", plain(&error))))
}

fn tools(path: &Path) -> Result<PathBuf, Failure> {
    let server = path.join("node_modules/.bin/mcp-server-filesystem");
    let client = path.join("node_modules/@modelcontextprotocol/sdk/package.json");
    if !(server.exists() && client.exists()) {
        let hint = "run `make demo`, which installs it, or say where it is with `--node-tools DIR`";
        return Err(Failure::Usage(format!("the npm filesystem server is not in `{}`; {hint}", path.display())));
    }
    path.canonicalize().map_err(|error| Failure::file("find", path, &error))
}

/// A number that no other demo on this machine has.
fn nonce() -> u64 {
    let mut bytes = [0; 4];
    machine::entropy(&mut bytes);
    u32::from_be_bytes(bytes).into()
}
