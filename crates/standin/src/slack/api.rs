//! The Web API: which methods there are, who may call them how often, and what they do.

mod chat;
mod content;
mod conversations;
mod users;
mod views;

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::pace::{Tier, TooMany};
use super::refusal::Refusal;
use super::state::State;

pub(super) use content::fill_ids;

type Run = fn(&mut State, &Arguments, i64) -> Result<Value, Refusal>;

/// Which token opens a method.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Bot,
    App,
}

struct Method {
    name: &'static str,
    tier: Tier,
    token: Token,
    run: Run,
}

const fn bot(name: &'static str, tier: Tier, run: Run) -> Method {
    Method { name, tier, token: Token::Bot, run }
}

const METHODS: [Method; 15] = [
    bot("auth.test", Tier::Four, users::test),
    bot("chat.postMessage", Tier::Posting, chat::post),
    bot("chat.update", Tier::Three, chat::update),
    bot("chat.delete", Tier::Three, chat::delete),
    bot("chat.postEphemeral", Tier::Four, chat::post_ephemeral),
    bot("views.open", Tier::Four, views::open),
    bot("views.push", Tier::Four, views::push),
    bot("views.update", Tier::Four, views::update),
    bot("conversations.open", Tier::Three, conversations::open),
    bot("conversations.create", Tier::Two, conversations::create),
    bot("conversations.invite", Tier::Three, conversations::invite),
    bot("conversations.archive", Tier::Two, conversations::archive),
    bot("users.info", Tier::Four, users::info),
    bot("users.lookupByEmail", Tier::Three, users::lookup_by_email),
    Method { name: "apps.connections.open", tier: Tier::Three, token: Token::App, run: open_connection },
];

/// Carries out a call; `now` is in Unix milliseconds.
pub(super) fn call(state: &mut State, name: &str, arguments: &Arguments, now: i64) -> Result<Value, Refusal> {
    let method = METHODS.iter().find(|method| method.name == name).ok_or_else(|| {
        let error = Refusal::new("unknown_method");
        error.with("req_method", json!(name))
    })?;
    authorise(state, method.token, arguments)?;
    state.pace.call(method.name, method.tier, now).map_err(too_many)?;
    (method.run)(state, arguments, now)
}

fn authorise(state: &State, needed: Token, arguments: &Arguments) -> Result<(), Refusal> {
    let app = &state.workspace.app;
    let given = arguments.token.as_deref().ok_or_else(|| Refusal::new("not_authed"))?;
    let held = match given {
        _ if given == app.bot_token => Token::Bot,
        _ if given == app.app_token => Token::App,
        _ => return Err(Refusal::new("invalid_auth")),
    };
    if held != needed {
        return Err(Refusal::new("not_allowed_token_type"));
    }
    match state.revoked {
        true if held == Token::Bot => Err(Refusal::new("token_revoked")),
        _ => Ok(()),
    }
}

fn too_many(why: TooMany) -> Refusal {
    match why {
        TooMany::Method(seconds) => Refusal::ratelimited(seconds),
        TooMany::Workspace => Refusal::new("rate_limited"),
    }
}

fn open_connection(state: &mut State, _: &Arguments, _: i64) -> Result<Value, Refusal> {
    let ticket = state.links.ticket().ok_or_else(|| Refusal::new("too_many_websockets"))?;
    Ok(
        json!({"ok": true, "url": format!("ws://{}/link/?ticket={ticket}&app_id={}", state.address, state.workspace.app.id)}),
    )
}
