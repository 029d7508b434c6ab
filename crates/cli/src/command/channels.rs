//! `mandate channels test`: does a message arrive?

use mandate_agent::client::path_segment;
use mandate_api::{ChannelTest, ChannelTestRequest, Status};

use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::screen::{Screen, Style, clean};

/// Channels.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ChannelsCommand {
    /// Sends a test message, outside every limit, and says whether it arrived
    Test(TestArgs),
}

/// What `channels test` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    /// The channel; every channel without it
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Where on the channel, such as #ops; somebody who is reached there without it
    #[arg(long, value_name = "ADDRESS", requires = "name")]
    to: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Tries one channel, or all; fails when a message did not arrive.
pub(crate) async fn test(args: TestArgs, screen: &Screen) -> Result<(), Failure> {
    let client = args.server.client()?;
    let names = match &args.name {
        Some(name) => vec![name.clone()],
        None => {
            let status: Status = client.get_json("/v1/status").await?;
            status.channels.into_iter().map(|channel| channel.name).collect()
        }
    };
    if names.is_empty() {
        return Err(Failure::Failed("no channel is configured; see `channels` in mandate.yaml".to_owned()));
    }
    let request = ChannelTestRequest { to: args.to.clone() };
    let mut results: Vec<ChannelTest> = Vec::with_capacity(names.len());
    for name in &names {
        results.push(client.post_json(&format!("/v1/channels/{}/test", path_segment(name)), &request).await?);
    }
    let all_arrived = results.iter().all(|result| result.delivered);
    if screen.json {
        screen.document(&results)?;
    } else {
        for result in &results {
            screen.line(line(result, screen))?;
        }
    }
    if all_arrived { Ok(()) } else { Err(Failure::Told) }
}

fn line(result: &ChannelTest, screen: &Screen) -> String {
    let to = result.to.as_deref().map(|to| format!(" to {}", clean(to))).unwrap_or_default();
    let name = format!("{} ({}){to}", clean(&result.channel), result.kind);
    match &result.why {
        None => format!("{name}: {} in {} ms", screen.paint(Style::Good, "delivered"), result.took_ms),
        Some(why) => format!("{name}: {}: {}", screen.paint(Style::Warn, "not delivered"), clean(why)),
    }
}
