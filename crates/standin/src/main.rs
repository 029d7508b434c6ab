//! `mandate-standin`: stand-ins as processes of their own, for end-to-end scripts and demonstrations.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
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

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Cli { what: What::Webhook(args) } = Cli::parse();
    let Err(error) = webhook(args).await else { return ExitCode::SUCCESS };
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

#[expect(clippy::disallowed_methods, reason = "the binary is where the clock is read")]
fn unix_seconds() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
