//! `mandate reviews`: what somebody is still to look at.

use mandate_agent::client::path_segment;
use mandate_api::{Page, Review};

use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::words;

/// What `reviews` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ReviewsArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Those that are open, overdue or closed
    #[arg(long, value_name = "STATE", default_value = "open")]
    state: String,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

/// Lists them: open ones by when they are due, closed ones newest first.
pub(crate) async fn list(args: ReviewsArgs, screen: &Screen) -> Result<(), Failure> {
    let client = args.server.client()?;
    let path = format!("/v1/reviews?limit={}&state={}", args.limit, path_segment(&args.state));
    let page: Page<Review> = client.get_json(&path).await?;
    if screen.json {
        return Ok(screen.document(&page)?);
    }
    if page.items.is_empty() {
        screen.say(format!("no review is {}", args.state));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    Ok(screen.table(&["event", "state", "due", "opened by", "closed by"], &rows)?)
}

fn row(review: &Review) -> Vec<String> {
    vec![
        review.event_id.to_string(),
        review.state.clone(),
        words::date(review.due_at),
        review.opened_by.clone(),
        review.closed_by.clone().unwrap_or_default(),
    ]
}
