//! The window: channels at the side, messages, the modal above them.

use serde_json::Value;

use super::super::state::State;
use super::super::workspace::{Channel, Content, View, Workspace};
use super::html::escape;
use super::{Look, mrkdwn, part};

/// The whole page.
pub(super) fn page(state: &State, look: &Look, count: u64) -> String {
    let workspace = &state.workspace;
    let (channel, user) = (chosen(workspace, look), viewer(workspace, look));
    let (title, team) =
        (channel.map(|channel| title(workspace, channel)).unwrap_or_default(), escape(&workspace.team.name));
    let people = workspace.people.values().map(|person| {
        let selected = if person.id == user { " selected" } else { "" };
        format!("<option value=\"{}\"{selected}>@{}</option>", escape(&person.id), escape(&person.name))
    });
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · {team}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"/page/style.css\">\
         <script src=\"/page/script.js\" defer></script></head>\
         <body data-count=\"{count}\" data-channel=\"{}\" data-user=\"{}\">\
         <aside><header><b>{team}</b><small>stand-in for Slack</small></header>\
         <nav id=\"channels\">{}</nav>\
         <footer><label>You are <select id=\"viewer\">{}</select></label>\
         <button type=\"button\" id=\"shade\" title=\"light or dark\">◐</button></footer></aside>\
         <main><header><h1>{title}</h1></header><div id=\"messages\" tabindex=\"0\">{}</div>\
         <form id=\"composer\"><input name=\"line\" autocomplete=\"off\" aria-label=\"command\" \
         placeholder=\"A slash command, such as /mandate status\"><button class=\"button primary\">Send</button></form></main>\
         <div id=\"modal\">{}</div><div id=\"toast\" role=\"status\"></div></body></html>",
        escape(channel.map(|channel| channel.id.as_str()).unwrap_or_default()),
        escape(user),
        channels(state, look),
        people.collect::<String>(),
        messages(state, look),
        modal(state, look),
    )
}

/// The list of channels and direct messages.
pub(super) fn channels(state: &State, look: &Look) -> String {
    let workspace = &state.workspace;
    let (here, user) = (chosen(workspace, look).map(|channel| &channel.id), viewer(workspace, look));
    let mine = |channel: &&Channel| !channel.is_direct() || channel.name == user;
    let entry = |channel: &Channel| {
        let class = match (Some(&channel.id) == here, channel.archived) {
            (true, _) => "here",
            (false, true) => "archived",
            (false, false) => "",
        };
        let seen = channel.messages.iter().filter(|message| !message.deleted).count();
        let badge = if seen == 0 { String::new() } else { format!("<i>{seen}</i>") };
        let (id, title) = (escape(&channel.id), title(workspace, channel));
        format!("<a class=\"{class}\" href=\"/?channel={id}&amp;as={}\"><span>{title}</span>{badge}</a>", escape(user))
    };
    let list = |direct: bool| {
        let listed = workspace.channels.values().filter(mine).filter(|channel| channel.is_direct() == direct);
        listed.map(entry).collect::<String>()
    };
    let direct = list(true);
    let direct = if direct.is_empty() { direct } else { format!("<h2>Direct messages</h2>{direct}") };
    format!("<h2>Channels</h2>{}{direct}", list(false))
}

/// The messages of the channel, and those that only the viewer sees, in order of time.
pub(super) fn messages(state: &State, look: &Look) -> String {
    let workspace = &state.workspace;
    let (Some(channel), user) = (chosen(workspace, look), viewer(workspace, look)) else { return String::new() };
    let mut shown: Vec<(&str, String)> = Vec::new();
    for message in channel.messages.iter().filter(|message| !message.deleted) {
        let edited = match message.earlier.len() {
            0 => String::new(),
            times => format!(" <small title=\"{times} earlier\">(edited)</small>"),
        };
        let class = if message.thread_ts.is_some() { "message reply" } else { "message" };
        shown.push((&message.ts, item(workspace, class, &message.ts, &message.content, &edited, "")));
    }
    let alone = "<p class=\"alone\">👁 Only visible to you</p>";
    for ephemeral in workspace.ephemerals.iter().filter(|seen| seen.channel == channel.id && seen.user == user) {
        let html = item(workspace, "message ephemeral", &ephemeral.ts, &ephemeral.content, "", alone);
        shown.push((&ephemeral.ts, html));
    }
    if shown.is_empty() {
        return "<p class=\"empty\">Nothing has been posted here.</p>".to_owned();
    }
    shown.sort_by(|one, other| one.0.cmp(other.0));
    shown.into_iter().map(|(_, html)| html).collect()
}

/// The viewer's topmost view, if there is one.
pub(super) fn modal(state: &State, look: &Look) -> String {
    let workspace = &state.workspace;
    let user = viewer(workspace, look);
    let Some(view) = workspace.top_view(user) else { return String::new() };
    let words = |name: &str, otherwise: &str| match &view.view[name] {
        Value::Null => otherwise.to_owned(),
        text => part::words(workspace, text),
    };
    let submit = match words("submit", "") {
        none if none.is_empty() => none,
        label => format!("<button class=\"button primary\">{label}</button>"),
    };
    format!(
        "<form class=\"modal\" data-view=\"{}\" data-hash=\"{}\"><header><h3>{}</h3>\
         <button type=\"button\" class=\"close\" data-close title=\"close\">✕</button></header><div>{}{}</div>\
         <footer><button type=\"button\" class=\"button\" data-close>{}</button>{submit}</footer></form>",
        escape(&view.id),
        escape(&view.hash),
        words("title", ""),
        errors(view),
        part::all(workspace, view.view["blocks"].as_array().map(Vec::as_slice).unwrap_or_default()),
        words("close", "Cancel"),
    )
}

fn errors(view: &View) -> String {
    let one = |(place, why): (&String, &String)| {
        format!("<p class=\"error\" data-for=\"{}\">{}</p>", escape(place), escape(why))
    };
    view.errors.iter().map(one).collect()
}

fn item(workspace: &Workspace, class: &str, ts: &str, content: &Content, edited: &str, above: &str) -> String {
    let body = match content.blocks.as_slice() {
        [] => format!("<div class=\"text\">{}</div>", mrkdwn::render(workspace, &content.text)),
        parts => part::all(workspace, parts),
    };
    let name = escape(&workspace.app.name);
    let initial = escape(workspace.app.name.get(..1).unwrap_or("?"));
    format!(
        "<article class=\"{class}\" data-ts=\"{}\">{above}<span class=\"avatar\">{initial}</span><div class=\"body\">\
         <header><b>{name}</b><span class=\"badge\">APP</span><time>{}</time></header>{body}{edited}</div></article>",
        escape(ts),
        clock(ts),
    )
}

/// The time of day, UTC.
fn clock(ts: &str) -> String {
    let seconds = ts.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    at.strftime("%H:%M:%S").to_string()
}

fn title(workspace: &Workspace, channel: &Channel) -> String {
    match (channel.is_direct(), channel.private) {
        (true, _) => escape(&workspace.app.name),
        (false, true) => format!("🔒 {}", escape(&channel.name)),
        (false, false) => format!("# {}", escape(&channel.name)),
    }
}

/// The channel that is looked at, else the first with a message, else the first.
fn chosen<'a>(workspace: &'a Workspace, look: &Look) -> Option<&'a Channel> {
    let mut busy = workspace.channels.values().filter(|channel| !channel.is_direct() && !channel.messages.is_empty());
    workspace.channels.get(&look.channel).or_else(|| busy.next()).or_else(|| workspace.channels.values().next())
}

fn viewer<'a>(workspace: &'a Workspace, look: &'a Look) -> &'a str {
    let first = || workspace.people.keys().next().map(String::as_str).unwrap_or_default();
    if workspace.people.contains_key(&look.user) { &look.user } else { first() }
}
