//! `mandate-standin`: stand-ins as processes of their own, for end-to-end scripts and demonstrations.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use mandate_standin::slack::Slack;
use mandate_standin::slack::options::{Pacing, SlackOptions};
use mandate_standin::webhook::plan::Plan;
use mandate_standin::webhook::{SinkOptions, WebhookSink};

/// Stand-ins for the services Mandate talks to.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// A webhook receiver; prints its address, then every message it gets, one JSON object a line.
    Webhook(WebhookArgs),
    /// A Slack workspace; prints its addresses and secrets as one JSON object. Its page shows what people would see.
    Slack(SlackArgs),
}

#[derive(Args)]
struct WebhookArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A secret to accept, `whsec_` and base64; again for another.
    #[arg(long, required = true)]
    secret: Vec<String>,
    /// How to answer, a step a message, such as `500*3,429:2,lose,200`; the last step stays.
    #[arg(long, default_value = "200")]
    plan: Plan,
    /// Prints only a summary at the end.
    #[arg(long)]
    quiet: bool,
}

#[derive(Args)]
struct SlackArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where button presses and submitted views are posted while no socket is connected.
    #[arg(long)]
    interactivity_url: Option<String>,
    /// Where slash commands are posted while no socket is connected; as the presses when left out.
    #[arg(long)]
    commands_url: Option<String>,
    /// Lets every method be called as often as one likes.
    #[arg(long)]
    unlimited: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Cli::parse().what {
        What::Webhook(args) => webhook(args).await,
        What::Slack(args) => slack(args).await,
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    writeln!(io::stderr(), "error: {error}").ok();
    ExitCode::FAILURE
}

async fn webhook(args: WebhookArgs) -> io::Result<()> {
    let mut out = io::stdout();
    let keep = if args.quiet { 0 } else { 10_000 };
    let options =
        SinkOptions { listen: args.listen, secrets: args.secret, plan: args.plan, clock: Arc::new(unix_seconds), keep };
    let sink = WebhookSink::start(options).await?;
    writeln!(out, "{}", serde_json::json!({"listening": sink.url()}))?;
    let printing = async {
        if args.quiet {
            std::future::pending::<()>().await;
        }
        for seen in 0.. {
            if let Some(message) = sink.after(seen).await {
                writeln!(out, "{}", serde_json::to_string(&message)?)?;
            }
        }
        Ok(())
    };
    tokio::select! {
        biased;
        stopped = tokio::signal::ctrl_c() => stopped?,
        printed = printing => return printed,
    }
    let total =
        serde_json::json!({"verified": sink.count(), "distinct": sink.distinct(), "duplicates": sink.duplicates()});
    writeln!(io::stdout(), "{total}")?;
    Ok(())
}

async fn slack(args: SlackArgs) -> io::Result<()> {
    let mut options = SlackOptions::new(Arc::new(unix_milliseconds));
    options.listen = args.listen;
    options.commands_url = args.commands_url.or_else(|| args.interactivity_url.clone());
    options.interactivity_url = args.interactivity_url;
    if args.unlimited {
        options.pacing = Pacing::unlimited();
    }
    let app = options.app.clone();
    let slack = Slack::start(options).await?;
    let told = serde_json::json!({
        "listening": slack.page_url(),
        "api": slack.api_url(),
        "bot_token": app.bot_token,
        "app_token": app.app_token,
        "signing_secret": app.signing_secret,
    });
    writeln!(io::stdout(), "{told}")?;
    tokio::signal::ctrl_c().await
}

fn unix_seconds() -> i64 {
    unix_milliseconds() / 1_000
}

#[expect(clippy::disallowed_methods, reason = "the binary is where the clock is read")]
fn unix_milliseconds() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
