//! What people can do about a notice (IVN-1): a closed set of verbs, each with what it needs and how it is taken back.
//!
//! A response is a record of its own, and so is taking it back: the log of responses only grows. What a response does
//! beyond its record is an [`Effect`], chosen from what stands at that moment, under the head lock like any other
//! decision: of two presses at once the second finds what the first one did.

mod effect;
mod told;

use serde::{Deserialize, Serialize};

use crate::change::Scope;
use crate::diagnostic::nearest;
use crate::event::words;

pub use effect::{Effect, Standing, effect, undo_effect};
pub use told::{Told, told};

words! {
    /// What somebody does about a notice. None of them but pausing stops anything (IVN-4).
    Intervention {
        /// I saw this: the name is shown, nothing more is asked of others.
        Acknowledge = "acknowledge",
        /// Seen, and nothing is to be done: the notice is closed and was worth sending.
        LooksOk = "looks_ok",
        /// This should not have come to me.
        NotRelevant = "not_relevant",
        /// Somebody is to review it later; the agent goes on.
        FlagForReview = "flag_for_review",
        /// I am on it.
        Investigate = "investigate",
        /// A question to those who own the agent.
        AskQuestion = "ask_question",
        /// Somebody else is to look after it.
        AssignOwner = "assign_owner",
        /// The agent's calls stop.
        PauseAgent = "pause_agent",
        /// The agent's calls go through again.
        ResumeAgent = "resume_agent",
    }

    /// Over what a response came.
    Via {
        /// The HTTP API.
        Api = "api",
        /// The command line.
        Cli = "cli",
        /// A button or command in Slack.
        Slack = "slack",
    }
}

/// Whether Mandate may do something by itself (IVN-1, IVN-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Automatic {
    /// Yes: it only tells or records.
    Yes,
    /// Once the tenant turned it on.
    OptIn,
    /// Only people do this.
    Never,
}

/// What takes a response back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// It no longer counts; a review that it closed is open again.
    Withdraw,
    /// The review that it opened is closed.
    Unflag,
    /// The agent is resumed.
    Resume,
    /// The agent is paused again.
    Pause,
}

impl Intervention {
    /// What takes it back; none when nothing can.
    #[must_use]
    pub const fn undo(self) -> Option<Undo> {
        Some(match self {
            Self::FlagForReview => Undo::Unflag,
            Self::PauseAgent => Undo::Resume,
            Self::ResumeAgent => Undo::Pause,
            Self::Acknowledge
            | Self::LooksOk
            | Self::NotRelevant
            | Self::Investigate
            | Self::AskQuestion
            | Self::AssignOwner => Undo::Withdraw,
        })
    }

    /// Whether it can be taken back. What cannot is previewed and confirmed first.
    #[must_use]
    pub const fn is_reversible(self) -> bool {
        self.undo().is_some()
    }

    /// Whether Mandate may do it by itself.
    #[must_use]
    pub const fn automatic(self) -> Automatic {
        match self {
            Self::Acknowledge | Self::FlagForReview => Automatic::Yes,
            Self::PauseAgent | Self::ResumeAgent => Automatic::OptIn,
            _ => Automatic::Never,
        }
    }

    /// Whether it says nothing without a note: a question has words.
    #[must_use]
    pub const fn needs_note(self) -> bool {
        matches!(self, Self::AskQuestion)
    }

    /// Whether it names somebody.
    #[must_use]
    pub const fn needs_assignee(self) -> bool {
        matches!(self, Self::AssignOwner)
    }

    /// Whether it is about an agent's action, so that a notice about Mandate itself cannot take it.
    #[must_use]
    pub const fn needs_event(self) -> bool {
        self.needs_agent() || matches!(self, Self::FlagForReview | Self::AssignOwner)
    }

    /// Whether an agent must have acted.
    #[must_use]
    pub const fn needs_agent(self) -> bool {
        matches!(self, Self::AskQuestion | Self::PauseAgent | Self::ResumeAgent)
    }

    /// The least scope that may do it: whoever answers notices may stop an agent, only an admin lets it go on (SEC-2).
    #[must_use]
    pub const fn needs(self) -> Scope {
        match self {
            Self::ResumeAgent => Scope::Admin,
            _ => Scope::Respond,
        }
    }

    /// Why a notice cannot take it; none when it can.
    #[must_use]
    pub fn objection(self, has_event: bool, agent: Option<&str>) -> Option<String> {
        if self.needs_event() && !has_event {
            return Some(format!("`{self}` is about an agent's action, and this notice is about Mandate itself"));
        }
        (self.needs_agent() && agent.is_none())
            .then(|| format!("`{self}` is about an agent, and none is named in what this notice tells of"))
    }

    /// The action of its audit entry.
    #[must_use]
    pub const fn audit_action(self) -> &'static str {
        match self {
            Self::Acknowledge => "response.acknowledge",
            Self::LooksOk => "response.looks_ok",
            Self::NotRelevant => "response.not_relevant",
            Self::FlagForReview => "response.flag_for_review",
            Self::Investigate => "response.investigate",
            Self::AskQuestion => "response.ask_question",
            Self::AssignOwner => "response.assign_owner",
            Self::PauseAgent => "response.pause_agent",
            Self::ResumeAgent => "response.resume_agent",
        }
    }

    /// What somebody did, after their name: `@alice paused deployer`.
    #[must_use]
    pub fn did(self, agent: &str, assignee: &str) -> String {
        match self {
            Self::Acknowledge => "saw it".to_owned(),
            Self::LooksOk => "says it looks OK".to_owned(),
            Self::NotRelevant => "says it is not theirs to know".to_owned(),
            Self::FlagForReview => "flagged it for review".to_owned(),
            Self::Investigate => "is on it".to_owned(),
            Self::AskQuestion => "asked a question".to_owned(),
            Self::AssignOwner => format!("assigned it to {assignee}"),
            Self::PauseAgent => format!("paused {agent}"),
            Self::ResumeAgent => format!("resumed {agent}"),
        }
    }

    /// What somebody took back, after their name: `@alice took the flag back`.
    #[must_use]
    pub fn undid(self, agent: &str) -> String {
        match self {
            Self::FlagForReview => "took the flag back".to_owned(),
            Self::PauseAgent => format!("took the pause of {agent} back"),
            Self::ResumeAgent => format!("took the resuming of {agent} back"),
            Self::AskQuestion => "took the question back".to_owned(),
            Self::AssignOwner => "took the assignment back".to_owned(),
            other => format!("took “{other}” back"),
        }
    }

    /// What a button that does it says.
    #[must_use]
    pub fn label(self, agent: &str) -> String {
        match self {
            Self::Acknowledge => "Acknowledge".to_owned(),
            Self::LooksOk => "Looks OK".to_owned(),
            Self::NotRelevant => "Not relevant".to_owned(),
            Self::FlagForReview => "Flag for review".to_owned(),
            Self::Investigate => "Investigate".to_owned(),
            Self::AskQuestion => "Ask".to_owned(),
            Self::AssignOwner => "Assign".to_owned(),
            Self::PauseAgent => format!("Pause {agent}"),
            Self::ResumeAgent => format!("Resume {agent}"),
        }
    }

    /// The verb that a word names, or what to say about the word.
    ///
    /// # Errors
    /// Says which verbs there are, and which one is nearest.
    pub fn read(word: &str) -> Result<Self, String> {
        Self::from_word(word).ok_or_else(|| {
            let near = nearest(word, Self::WORDS.iter().copied());
            let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            format!("`{word}` is not an intervention; {near}there are {}", Self::WORDS.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_says_what_it_needs_and_how_it_is_taken_back() {
        for verb in Intervention::ALL {
            assert!(verb.is_reversible(), "{verb}");
            assert_eq!(verb.audit_action(), format!("response.{verb}"));
            assert_eq!(Intervention::read(verb.as_str()), Ok(*verb));
            assert!(!verb.needs_agent() || verb.needs_event(), "{verb}: an agent acts in an event");
            let opposite = match verb {
                Intervention::PauseAgent => Undo::Resume,
                Intervention::ResumeAgent => Undo::Pause,
                Intervention::FlagForReview => Undo::Unflag,
                _ => Undo::Withdraw,
            };
            assert_eq!(verb.undo(), Some(opposite), "{verb}");
            assert_eq!(verb.needs() == Scope::Admin, *verb == Intervention::ResumeAgent, "{verb}");
        }
        assert_eq!(Intervention::PauseAgent.automatic(), Automatic::OptIn);
        assert_eq!(Intervention::LooksOk.automatic(), Automatic::Never);
    }

    #[test]
    fn words_are_for_people() {
        assert_eq!(Intervention::PauseAgent.did("deployer", ""), "paused deployer");
        assert_eq!(Intervention::Investigate.did("deployer", ""), "is on it");
        assert_eq!(Intervention::AssignOwner.did("deployer", "@bob"), "assigned it to @bob");
        assert_eq!(Intervention::FlagForReview.undid("deployer"), "took the flag back");
        let unknown = Intervention::read("pause_agnet").unwrap_err();
        assert!(unknown.contains("did you mean `pause_agent`?") && unknown.contains("looks_ok"), "{unknown}");
    }
}
