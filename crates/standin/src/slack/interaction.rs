//! What a person does in Slack, honest or forged, on its way to the app.

use std::collections::BTreeMap;

use serde_json::Value;

use super::delivery::{self, Attempt, Delivery, Route};
use super::payload::{self, Actor};
use super::respond;
use super::state::{Shared, State};
use super::trigger::Origin;

/// What somebody does.
#[derive(Debug, Clone)]
pub(super) enum What {
    Press { ts: String, action_id: String, choice: Option<String> },
    Submit { view: String, values: Vec<(String, String)> },
    Close { view: String },
    Command { channel: String, command: String, text: String },
}

/// Why nothing could be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// No message has this `ts`.
    #[error("no message has this ts")]
    NoMessage,
    /// The message never had this action.
    #[error("the message has no such action_id")]
    NoAction,
    /// The view is not there or closed.
    #[error("no open view has this id")]
    NoView,
    /// No channel is named so.
    #[error("no such channel")]
    NoChannel,
    /// Neither a socket nor a URL leads to the app.
    #[error("the app has neither a socket nor a request URL")]
    Nowhere,
}

/// An interaction about to be sent. Unless told otherwise it is as Slack would send it.
#[must_use = "nothing happens before `send`"]
pub struct Interaction<'a> {
    shared: &'a Shared,
    what: What,
    user: String,
    forgery: Forgery,
}

#[derive(Default)]
struct Forgery {
    secret: Option<String>,
    spoilt: bool,
    unsigned: bool,
    skew: i64,
    team: Option<String>,
    twice: bool,
    over_http: bool,
}

impl<'a> Interaction<'a> {
    pub(super) fn new(shared: &'a Shared, user: &str, what: What) -> Self {
        Self { shared, what, user: user.to_owned(), forgery: Forgery::default() }
    }

    /// Chooses the option with this value, where what is pressed is a menu.
    pub fn choosing(mut self, value: &str) -> Self {
        if let What::Press { choice, .. } = &mut self.what {
            *choice = Some(value.to_owned());
        }
        self
    }

    /// Signs with another secret.
    pub fn signed_with(mut self, secret: &str) -> Self {
        self.forgery.secret = Some(secret.to_owned());
        self
    }

    /// Sends a signature of the right form and the wrong value.
    pub fn badly_signed(mut self) -> Self {
        self.forgery.spoilt = true;
        self
    }

    /// Sends neither signature nor timestamp.
    pub fn unsigned(mut self) -> Self {
        self.forgery.unsigned = true;
        self
    }

    /// Signs so many seconds from now: negative is the past.
    pub fn skewed(mut self, seconds: i64) -> Self {
        self.forgery.skew = seconds;
        self
    }

    /// Says it comes from another workspace.
    pub fn from_team(mut self, team: &str) -> Self {
        self.forgery.team = Some(team.to_owned());
        self
    }

    /// Delivers it twice, the second time when the first is over.
    pub fn twice(mut self) -> Self {
        self.forgery.twice = true;
        self
    }

    /// Posts it although a socket is open.
    pub fn over_http(mut self) -> Self {
        self.forgery.over_http = true;
        self
    }

    /// Sends it, waits for the acknowledgement, and does what the answer asks for.
    ///
    /// # Errors
    /// When what is pressed is not there, or the app cannot be reached at all.
    pub async fn send(self) -> Result<Delivery, Unsendable> {
        let Self { shared, what, user, forgery } = self;
        let (mut delivery, origin) = prepare(shared, &what, &user, &forgery)?;
        shared.changed();
        let times = if forgery.twice { 2 } else { 1 };
        for time in 0..times {
            let attempt = delivery::carry(shared, &delivery.route, &delivery.payload, time > 0).await;
            if time == 0 && attempt.acknowledged {
                settle(&mut shared.state(), &what, &user, origin.as_ref(), &attempt, shared.now());
            }
            delivery.attempts.push(attempt);
        }
        shared.changed();
        Ok(delivery)
    }
}

/// Sends an earlier delivery again, byte for byte.
pub(super) async fn replay(shared: &Shared, delivery: &Delivery) -> Attempt {
    delivery::carry(shared, &delivery.route, &delivery.payload, true).await
}

fn prepare(
    shared: &Shared,
    what: &What,
    user: &str,
    forgery: &Forgery,
) -> Result<(Delivery, Option<Origin>), Unsendable> {
    let now = shared.now();
    let mut guard = shared.state();
    let state: &mut State = &mut guard;
    let team = forgery.team.clone().unwrap_or_else(|| state.workspace.team.id.clone());
    let trigger_id = state.workspace.next_id("1735.");
    let path = format!("{team}/{}", state.workspace.next_id("R"));
    let response_url = match what {
        What::Press { .. } | What::Command { .. } => format!("http://{}/respond/{path}", state.address),
        What::Submit { .. } | What::Close { .. } => String::new(),
    };
    let at = state.workspace.next_ts(now);
    let actor = Actor { user, team: &team, trigger_id: &trigger_id, response_url: &response_url, at: &at };
    let (payload, origin) = payload::build(state, what, &actor)?;
    let is_command = matches!(what, What::Command { .. });
    let route = if state.links.count() > 0 && !forgery.over_http {
        Route::Socket { envelope: if is_command { "slash_commands" } else { "interactive" }.to_owned() }
    } else {
        let url = if is_command { &state.commands_url } else { &state.interactivity_url };
        let url = url.clone().ok_or(Unsendable::Nowhere)?;
        let body = body(is_command, &payload);
        let secret = forgery.secret.as_deref().unwrap_or(&state.workspace.app.signing_secret);
        Route::Http { url, headers: headers(secret, now / 1_000, &body, forgery), body }
    };
    let patience = i64::try_from(shared.patience.as_millis()).unwrap_or(i64::MAX);
    state.handed.trigger(&trigger_id, user, now.saturating_add(patience));
    if let Some(origin) = &origin {
        state.handed.response(&path, origin.clone(), now);
    }
    Ok((Delivery { route, payload, trigger_id, response_url, attempts: Vec::new() }, origin))
}

fn body(is_command: bool, payload: &Value) -> String {
    if is_command {
        let fields = payload.as_object().into_iter().flatten();
        delivery::form(fields.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default())))
    } else {
        delivery::form([("payload", payload.to_string().as_str())])
    }
}

fn headers(secret: &str, now: i64, body: &str, forgery: &Forgery) -> Vec<(String, String)> {
    let mut headers = vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    if !forgery.unsigned {
        let at = now + forgery.skew;
        let signature = delivery::sign(secret, at, body);
        let signature = if forgery.spoilt { delivery::spoil(&signature) } else { signature };
        headers.push(("x-slack-request-timestamp".to_owned(), at.to_string()));
        headers.push(("x-slack-signature".to_owned(), signature));
    }
    headers
}

/// Does what the acknowledgement asks for.
fn settle(state: &mut State, what: &What, user: &str, origin: Option<&Origin>, attempt: &Attempt, now: i64) {
    let said = serde_json::from_str::<Value>(&attempt.body).unwrap_or_default();
    match what {
        What::Press { .. } => (),
        What::Close { view } => close(state, |other| other == view),
        What::Submit { view, .. } => settle_view(state, view, user, &said),
        What::Command { .. } => {
            let bare = Value::from_iter([("text", attempt.body.as_str())]);
            let said = if said.is_object() { said } else { bare };
            if let Some(origin) = origin {
                // An empty answer shows nothing; one that cannot be shown is dropped, as Slack does.
                respond::apply(state, origin, &said, now).ok();
            }
        }
    }
}

fn settle_view(state: &mut State, id: &str, user: &str, said: &Value) {
    let workspace = &mut state.workspace;
    match said["response_action"].as_str() {
        Some("errors") => {
            let errors = said["errors"].as_object().into_iter().flatten();
            let errors = errors.filter_map(|(name, why)| Some((name.clone(), why.as_str()?.to_owned())));
            let errors: BTreeMap<_, _> = errors.collect();
            if let Some(view) = workspace.views.iter_mut().find(|view| view.id == id) {
                view.errors = errors;
            }
        }
        Some("update") => {
            if let Ok(view) = workspace.judge_view(&said["view"], Some(id)) {
                workspace.replace_view(id, view);
            }
        }
        Some("push") => {
            if let Ok(view) = workspace.judge_view(&said["view"], None) {
                workspace.push_view(view, user).ok();
            }
        }
        Some("clear") => {
            for view in workspace.views.iter_mut().filter(|view| view.user == user) {
                view.open = false;
            }
        }
        _ => close(state, |other| other == id),
    }
}

fn close(state: &mut State, named: impl Fn(&str) -> bool) {
    for view in state.workspace.views.iter_mut().filter(|view| named(&view.id)) {
        view.open = false;
    }
}
