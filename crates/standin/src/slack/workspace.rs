//! What a workspace holds: people, channels, messages with their earlier versions, open views.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::options::{App, Person, SlackOptions, Team};

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Content {
    /// As it was sent: `&amp;`, `&lt;` and `&gt;` stay.
    pub text: String,
    /// Block Kit, with the ids that were left out filled in.
    pub blocks: Vec<Value>,
    /// Attachments of the old kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Value>,
    /// `{event_type, event_payload}`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// A message in a channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// Its name within the channel: seconds, a dot, six digits.
    pub ts: String,
    /// Who wrote it; the app's own user for what came over the Web API.
    pub user: String,
    /// What it says now.
    #[serde(flatten)]
    pub content: Content,
    /// The message it answers.
    pub thread_ts: Option<String>,
    /// What it said before, the oldest first, each with the time until which it stood so.
    pub earlier: Vec<(String, Content)>,
    /// Whether it is gone.
    pub deleted: bool,
}

/// A channel or a direct message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Channel {
    /// `C…`, or `D…` for a direct message.
    pub id: String,
    /// Without `#`; for a direct message, the other's id.
    pub name: String,
    /// Whether only members see it.
    pub private: bool,
    /// Whether the app is in it.
    pub joined: bool,
    /// Whether it is closed for ever.
    pub archived: bool,
    /// Who was invited.
    pub members: Vec<String>,
    /// Every message, in order, deleted ones too.
    pub messages: Vec<Message>,
}

impl Channel {
    /// Whether it is between the app and one person.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.id.starts_with('D')
    }

    /// The message with this `ts` that is not deleted.
    #[must_use]
    pub fn message(&self, ts: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.ts == ts && !message.deleted)
    }

    pub(super) fn message_mut(&mut self, ts: &str) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.ts == ts && !message.deleted)
    }
}

/// A message that one person saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ephemeral {
    /// Where they saw it.
    pub channel: String,
    /// Who saw it.
    pub user: String,
    /// Its name, of no use for an update.
    pub ts: String,
    /// What it says.
    #[serde(flatten)]
    pub content: Content,
}

/// A modal that was opened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct View {
    /// `V…`
    pub id: String,
    /// Who sees it.
    pub user: String,
    /// As it was sent, with the ids that were left out filled in.
    pub view: Value,
    /// Changes with every update.
    pub hash: String,
    /// The first of its stack.
    pub root: String,
    /// The one below.
    pub previous: Option<String>,
    /// Whether it is still to be seen.
    pub open: bool,
    /// What the app found wrong with the last submission, by `block_id`.
    pub errors: BTreeMap<String, String>,
}

/// Everything in it.
pub(super) struct Workspace {
    pub(super) team: Team,
    pub(super) app: App,
    pub(super) people: BTreeMap<String, Person>,
    pub(super) channels: BTreeMap<String, Channel>,
    pub(super) ephemerals: Vec<Ephemeral>,
    pub(super) views: Vec<View>,
    last_micros: i64,
    last_number: u64,
}

impl Workspace {
    pub(super) fn new(options: &SlackOptions) -> Self {
        let channel = |setup: &super::options::ChannelSetup| Channel {
            id: setup.id.clone(),
            name: setup.name.clone(),
            private: setup.private,
            joined: setup.joined,
            archived: setup.archived,
            members: Vec::new(),
            messages: Vec::new(),
        };
        Self {
            team: options.team.clone(),
            app: options.app.clone(),
            people: options.people.iter().map(|person| (person.id.clone(), person.clone())).collect(),
            channels: options.channels.iter().map(|setup| (setup.id.clone(), channel(setup))).collect(),
            ephemerals: Vec::new(),
            views: Vec::new(),
            last_micros: 0,
            last_number: 0,
        }
    }

    /// A message's name: `now` in milliseconds, and never one that was given before.
    pub(super) fn next_ts(&mut self, now: i64) -> String {
        self.last_micros = (self.last_micros + 1).max(now * 1_000);
        format!("{}.{:06}", self.last_micros / 1_000_000, self.last_micros % 1_000_000)
    }

    /// An id that was not given before.
    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        self.last_number += 1;
        format!("{prefix}{:06}", self.last_number)
    }

    /// The channel named so: by id, or by name with or without `#`.
    pub(super) fn find_channel(&self, name: &str) -> Option<&Channel> {
        let bare = name.strip_prefix('#').unwrap_or(name);
        let named = || self.channels.values().find(|channel| !channel.is_direct() && channel.name == bare);
        self.channels.get(name).or_else(named)
    }

    /// The direct message with a person, opened when there is none.
    pub(super) fn direct(&mut self, user: &str) -> &mut Channel {
        let id = format!("D{}", user.trim_start_matches('U'));
        self.channels.entry(id.clone()).or_insert_with(|| Channel {
            id,
            name: user.to_owned(),
            private: true,
            joined: true,
            archived: false,
            members: vec![user.to_owned()],
            messages: Vec::new(),
        })
    }

    /// A person's handle, or what stands for one that is not a member.
    pub(super) fn handle<'a>(&'a self, user: &'a str) -> &'a str {
        match self.people.get(user) {
            Some(person) => &person.name,
            None if user == self.app.user => &self.app.name,
            None => user,
        }
    }

    /// The view on top of a person's stack.
    pub(super) fn top_view(&self, user: &str) -> Option<&View> {
        self.views.iter().rev().find(|view| view.open && view.user == user)
    }

    /// A message as the Web API and the callbacks show it.
    pub(super) fn shown(&self, message: &Message) -> Value {
        let mut shown = json!({
            "type": "message",
            "user": message.user,
            "bot_id": self.app.bot,
            "app_id": self.app.id,
            "team": self.team.id,
            "text": message.content.text,
            "ts": message.ts,
        });
        let content = &message.content;
        if !content.blocks.is_empty() {
            shown["blocks"] = content.blocks.clone().into();
        }
        if !content.attachments.is_empty() {
            shown["attachments"] = content.attachments.clone().into();
        }
        if let Some(metadata) = &content.metadata {
            shown["metadata"] = metadata.clone();
        }
        if let Some(thread) = &message.thread_ts {
            shown["thread_ts"] = json!(thread);
        }
        if let Some((at, _)) = message.earlier.last() {
            shown["edited"] = json!({"user": message.user, "ts": at});
        }
        shown
    }

    /// A channel as the Web API shows it.
    pub(super) fn shown_channel(&self, channel: &Channel) -> Value {
        if channel.is_direct() {
            return json!({"id": channel.id, "is_im": true, "user": channel.name});
        }
        json!({
            "id": channel.id,
            "name": channel.name,
            "name_normalized": channel.name,
            "is_channel": !channel.private,
            "is_group": channel.private,
            "is_im": false,
            "is_private": channel.private,
            "is_archived": channel.archived,
            "is_member": channel.joined,
            "creator": self.app.user,
            "context_team_id": self.team.id,
        })
    }

    /// A view as the Web API and the callbacks show it.
    pub(super) fn shown_view(&self, view: &View) -> Value {
        let mut shown = view.view.clone();
        shown["id"] = json!(view.id);
        shown["team_id"] = json!(self.team.id);
        shown["app_id"] = json!(self.app.id);
        shown["bot_id"] = json!(self.app.bot);
        shown["hash"] = json!(view.hash);
        shown["root_view_id"] = json!(view.root);
        shown["previous_view_id"] = json!(view.previous);
        for (name, otherwise) in [("private_metadata", json!("")), ("callback_id", json!(""))] {
            if shown.get(name).is_none() {
                shown[name] = otherwise;
            }
        }
        if shown.get("state").is_none() {
            shown["state"] = json!({"values": {}});
        }
        shown
    }
}
