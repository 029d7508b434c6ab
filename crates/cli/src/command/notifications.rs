//! `mandate notifications`: who was told what, and what became of it.

use mandate_agent::client::path_segment;
use mandate_api::{Notification, Page};

use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::words;

/// What `notifications` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct NotificationsArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Only those to the person that the key speaks for
    #[arg(long, conflicts_with = "to")]
    mine: bool,
    /// Only those to this recipient, such as @alice
    #[arg(long, value_name = "HANDLE")]
    to: Option<String>,
    /// Only those in this state: queued, delivered or failed
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// The newest so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

/// Lists them, newest first.
pub(crate) async fn list(args: NotificationsArgs, screen: &Screen) -> Result<(), Failure> {
    let client = args.server.client()?;
    let recipient = if args.mine { Some("me") } else { args.to.as_deref() };
    let mut path = format!("/v1/notifications?limit={}", args.limit);
    for (name, value) in [("recipient", recipient), ("state", args.state.as_deref())] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", path_segment(value)));
        }
    }
    let page: Page<Notification> = client.get_json(&path).await?;
    if screen.json {
        return Ok(screen.document(&page)?);
    }
    if page.items.is_empty() {
        screen.say("nobody was told of anything that fits");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    Ok(screen.table(&["id", "at", "to", "via", "urgency", "state", "event"], &rows)?)
}

fn row(notice: &Notification) -> Vec<String> {
    let event = notice.event_seq.map(|seq| format!("#{seq}")).unwrap_or_default();
    vec![
        notice.id.to_string(),
        words::date(notice.created_at),
        notice.recipient.clone(),
        notice.channel.clone(),
        notice.urgency.clone(),
        notice.state.clone(),
        event,
    ]
}
