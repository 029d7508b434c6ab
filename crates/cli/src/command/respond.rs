//! `mandate respond` and `undo`: answering a notice, and taking an answer back.

use mandate_agent::Client;
use mandate_agent::client::path_segment;
use mandate_api::{ResponseAnswer, ResponseRequest, UndoRequest};

use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::screen::{Screen, clean};

/// What `respond` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct RespondArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The notice, as `notifications` lists it
    #[arg(value_name = "ID")]
    id: String,
    /// ack, ok, not-relevant, flag, investigate, ask, assign, pause or resume; or the API's word, such as looks_ok
    #[arg(value_name = "VERB")]
    verb: String,
    /// What to say: the question, the reason of a pause
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// Who is to look after it, with `assign`
    #[arg(long, value_name = "HANDLE")]
    to: Option<String>,
    /// Only say what it would do
    #[arg(long)]
    preview: bool,
}

/// What `undo` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct UndoArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The answer to take back, as `respond` printed it
    #[arg(value_name = "RESPONSE")]
    id: String,
    /// Why
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// Only say what it would do
    #[arg(long)]
    preview: bool,
}

/// Answers a notice.
pub(crate) async fn respond(args: RespondArgs, screen: &Screen) -> Result<(), Failure> {
    let client = args.server.client()?;
    let request = ResponseRequest {
        intervention: word(&args.verb).to_owned(),
        note: args.text.clone(),
        to: args.to.clone(),
        preview: args.preview,
    };
    let path = format!("/v1/notifications/{}/responses", path_segment(&args.id));
    send(&client, &path, &request, screen).await
}

/// Takes an answer back.
pub(crate) async fn undo(args: UndoArgs, screen: &Screen) -> Result<(), Failure> {
    let client = args.server.client()?;
    let request = UndoRequest { note: args.text.clone(), preview: args.preview };
    send(&client, &format!("/v1/responses/{}/undo", path_segment(&args.id)), &request, screen).await
}

/// The API's word for a short one; any other is left to the server, which knows them all.
fn word(verb: &str) -> &str {
    match verb {
        "ack" => "acknowledge",
        "ok" | "looks-ok" => "looks_ok",
        "not-relevant" => "not_relevant",
        "flag" => "flag_for_review",
        "ask" => "ask_question",
        "assign" => "assign_owner",
        "pause" => "pause_agent",
        "resume" => "resume_agent",
        other => other,
    }
}

async fn send(client: &Client, path: &str, request: &impl serde::Serialize, screen: &Screen) -> Result<(), Failure> {
    let answer: ResponseAnswer = client.post_json(path, request).await?;
    if screen.json {
        return Ok(screen.document(&answer)?);
    }
    screen.line(clean(&answer.said))?;
    if let Some(response) = &answer.response {
        let after = response.since_sent_ms.map(|ms| format!(", {} after the notice", crate::words::span(ms)));
        screen.say(format!("recorded as {}{}", response.id, after.unwrap_or_default()));
        if response.undoes.is_none() {
            screen.say(format!("take it back with `mandate undo {}`", response.id));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_words_stand_for_the_apis() {
        for (verb, expect) in [("ack", "acknowledge"), ("ok", "looks_ok"), ("looks_ok", "looks_ok"), ("flg", "flg")] {
            assert_eq!(word(verb), expect);
        }
    }
}
