//! What people answer to notices, from wherever they do: the API, the command line, a button in a chat.

use mandate_core::change::{AgentRow, ResponseRow, ReviewRow};
use mandate_core::id::{NotificationId, ResponseId};
use mandate_core::intervention::{Intervention, Via};

use super::{Asker, Reply};

/// Somebody answers a notice, or takes an answer back. Who asks may do it: that is looked at before.
#[derive(Debug)]
pub struct RespondInput {
    /// What they do.
    pub act: Act,
    /// What they write, secrets replaced. It is the reason of a pause, and the words of a question.
    pub note: Option<String>,
    /// Over what it came.
    pub via: Via,
    /// Who.
    pub by: Asker,
    /// Gets what came of it.
    pub reply: Reply<Responded>,
}

/// What somebody does about a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Answers it.
    Answer {
        /// The notice.
        notification: NotificationId,
        /// What is done.
        intervention: Intervention,
        /// The handle of who is to look after it.
        assignee: Option<String>,
    },
    /// Takes an answer back.
    Undo(ResponseId),
}

/// What came of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responded {
    /// The answer, as it is kept.
    pub response: ResponseRow,
    /// The first answer to the event, or to the notice when it is about none; this one, or an earlier one.
    pub first: ResponseRow,
    /// The agent that acted, as it is now.
    pub agent: Option<AgentRow>,
    /// The review of the event, as it is now.
    pub review: Option<ReviewRow>,
}
