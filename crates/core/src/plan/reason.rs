//! Why somebody is told, and why somebody is not: codes when stored, sentences when read.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::words;
use crate::id::ResponseId;

/// Why one recipient is told. `resource` counts the event's resources from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Why {
    /// They own a resource that was touched, and a rule tells owners.
    Owner {
        /// Which resource.
        resource: u32,
        /// The rule.
        rule: Arc<str>,
    },
    /// They are the team or its lead, and a rule tells those.
    Layer {
        /// Which resource.
        resource: u32,
        /// `resource.team.oncall` or `resource.team.lead`.
        target: String,
        /// The rule.
        rule: Arc<str>,
    },
    /// A rule names them.
    Named {
        /// The rule.
        rule: Arc<str>,
    },
    /// They are the fallback: nobody owns the resource.
    Unowned {
        /// Which resource.
        resource: u32,
        /// The rule.
        rule: Arc<str>,
    },
    /// They are the fallback: the owner has no configured channel.
    OwnerUnreachable {
        /// Which resource.
        resource: u32,
    },
    /// They are the fallback: the event names no resource.
    NoResource {
        /// The rule.
        rule: Arc<str>,
    },
    /// They are the fallback: a rule's target cannot be reached.
    TargetUnreachable {
        /// As the rule writes it.
        target: String,
    },
    /// They are the fallback: the rule tells nobody, though the decision asks for it.
    NobodyNamed {
        /// The rule.
        rule: Arc<str>,
    },
    /// Another channel did not take it.
    Instead {
        /// Which.
        channel: Arc<str>,
    },
    /// Nobody reviewed the event in time.
    ReviewOverdue {
        /// Who they are to it.
        to: Escalated,
    },
    /// Somebody asks about what their agent did.
    Asked {
        /// The question.
        response: ResponseId,
        /// Whether they stand in because nobody owns the agent.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        instead: bool,
    },
    /// Somebody assigned it to them.
    Assigned {
        /// The assignment.
        response: ResponseId,
    },
    /// They look after Mandate, and a channel is broken.
    ChannelBroken {
        /// Which.
        channel: Arc<str>,
        /// What it said.
        said: String,
    },
    /// They look after Mandate, and a channel did not take a notice, however often it was tried.
    NotTaken {
        /// Which.
        channel: Arc<str>,
        /// What it said last.
        said: String,
    },
    /// They look after Mandate, and an agent sends more than its share of a queue that fills up.
    AgentOverShare {
        /// Whose sub-queue it is.
        agent: String,
    },
    /// They look after Mandate, and the queue of events is full.
    QueueFull,
    /// They look after Mandate, and the store's disk is full.
    NoRoom,
    /// They are told in one message of what was no message of its own.
    Digest,
    /// They look after Mandate, and so much is to be told that most of it goes to digests.
    Storm {
        /// The agent that acts most.
        agent: String,
        /// Its actions in the last minute.
        actions: u64,
    },
}

words! {
    /// Whom an overdue review is told to.
    Escalated {
        /// Who leads the owning team.
        Lead = "lead",
        /// The owning team.
        Team = "team",
        /// Those who stand in where nobody owns it or the owner has no team that can be reached.
        Fallback = "fallback",
    }
}

/// Why somebody is not told who would have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotToldWhy {
    /// None of their contacts is on a configured channel; the fallback was told instead.
    NoChannel,
    /// There is no fallback that can be reached either.
    NoFallback,
    /// More than fifty recipients.
    TooMany,
}

impl NotToldWhy {
    /// The reason in words, after the name of who is not told.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoChannel => "none of their contacts is on a configured channel; the fallback was told instead",
            Self::NoFallback => "there is no fallback that can be reached",
            Self::TooMany => "more than fifty recipients",
        }
    }
}

impl Why {
    /// The sentence for the recipient. `resource` gives the address of the event's nth resource, and where its
    /// owner was found.
    #[must_use]
    pub fn sentence<'r>(&self, resource: impl Fn(u32) -> Option<(&'r str, &'r str)>) -> String {
        let named = |n: &u32| resource(*n).map_or("what was touched", |(address, _)| address);
        match self {
            Self::Owner { resource: n, .. } => match resource(*n) {
                Some((address, source)) => format!("you own {address} ({source})"),
                None => "you own what was touched".to_owned(),
            },
            Self::Layer { resource, target, .. } if target == "resource.team.lead" => {
                format!("you lead the team that owns {}", named(resource))
            }
            Self::Layer { resource, .. } => format!("your team owns {}", named(resource)),
            Self::Named { rule } => format!("the rule `{rule}` names you"),
            Self::Unowned { resource, .. } => format!("nobody owns {}, and you are the fallback", named(resource)),
            Self::OwnerUnreachable { resource } => {
                format!("the owner of {} has no configured channel, and you are the fallback", named(resource))
            }
            Self::NoResource { .. } => "the event names no resource, and you are the fallback".to_owned(),
            Self::TargetUnreachable { target } => format!("`{target}` cannot be reached, and you are the fallback"),
            Self::NobodyNamed { rule } => format!("the rule `{rule}` names nobody, and you are the fallback"),
            Self::Instead { channel } => format!("`{channel}` did not take this notice"),
            Self::ReviewOverdue { to: Escalated::Lead } => {
                "nobody reviewed it in time, and you lead the team that owns it".to_owned()
            }
            Self::ReviewOverdue { to: Escalated::Team } => {
                "nobody reviewed it in time, and your team owns it".to_owned()
            }
            Self::ReviewOverdue { to: Escalated::Fallback } => {
                "nobody reviewed it in time, and you are the fallback".to_owned()
            }
            Self::Asked { instead: false, .. } => "somebody asks about what your team's agent did".to_owned(),
            Self::Asked { instead: true, .. } => {
                "somebody asks about what an agent did that nobody owns, and you are the fallback".to_owned()
            }
            Self::Assigned { .. } => "somebody assigned it to you".to_owned(),
            Self::ChannelBroken { channel, said } => format!("the channel `{channel}` is broken: {said}"),
            Self::NotTaken { channel, said } => {
                format!("the channel `{channel}` did not take a notice, which went to the alternate: {said}")
            }
            Self::AgentOverShare { agent } => format!(
                "`{agent}` sends more than its share of the queue; what is too much is refused for now, others go on"
            ),
            Self::QueueFull => {
                "the queue of events is full: events are refused for now, pausing and delivering go on".to_owned()
            }
            Self::NoRoom => "the store's disk is full: events are refused until there is room, pausing and delivering \
                             go on; make room, or move the store"
                .to_owned(),
            Self::Digest => "some notices that concern you were no messages of their own".to_owned(),
            Self::Storm { agent, actions } => format!(
                "unusual activity: {actions} actions in last minute from agent {agent}; first notices and critical ones \
                 go out, the others wait for digests"
            ),
        }
    }

    /// The answer that it follows from, when it does.
    #[must_use]
    pub fn response(&self) -> Option<ResponseId> {
        match self {
            Self::Asked { response, .. } | Self::Assigned { response } => Some(*response),
            _ => None,
        }
    }

    /// The rule behind it, when a rule is.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Owner { rule, .. }
            | Self::Layer { rule, .. }
            | Self::Named { rule }
            | Self::Unowned { rule, .. }
            | Self::NoResource { rule }
            | Self::NobodyNamed { rule } => Some(rule),
            _ => None,
        }
    }
}
