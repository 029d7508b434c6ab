//! What can be done about a notice at this moment: the buttons that a channel may show.

use mandate_connect::channel::intervention::Intervention as Button;
use mandate_core::intervention::Intervention;
use mandate_store::{StoredResponse, Together};

/// What came of it since it happened.
#[derive(Debug, Default)]
pub(crate) struct Happened {
    /// The answer that the notice follows from.
    pub(crate) asked: Option<StoredResponse>,
    /// What people answered, the first answer first.
    pub(crate) responses: Vec<StoredResponse>,
    /// Whether the agent is paused.
    pub(crate) agent_paused: bool,
    /// What the message tells of beside its own event.
    pub(crate) together: Together,
}

impl Happened {
    /// Whether somebody did this, and nobody took it back.
    fn is_done(&self, intervention: Intervention) -> bool {
        self.responses.iter().map(|stored| &stored.row).any(|row| {
            let undone = || self.responses.iter().any(|other| other.row.undoes == Some(row.id));
            row.intervention == intervention && row.undoes.is_none() && !undone()
        })
    }
}

/// What is left to do: a pause while the agent runs, and of what is said once each until somebody said it. A question
/// can always be asked.
pub(super) fn available(happened: &Happened, agent: Option<&str>, about_event: bool) -> Vec<Button> {
    let is_open = |verb: &Intervention| match verb {
        Intervention::PauseAgent => !happened.agent_paused,
        Intervention::ResumeAgent => happened.agent_paused,
        Intervention::AskQuestion | Intervention::AssignOwner => true,
        _ => !happened.is_done(*verb),
    };
    let possible = Intervention::ALL.iter().filter(|verb| verb.objection(about_event, agent).is_none());
    possible.filter(|verb| is_open(verb)).filter_map(|verb| Button::parse(verb.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_a_button() {
        for verb in Intervention::ALL {
            assert!(Button::parse(verb.as_str()).is_some(), "{verb}");
        }
        let offered = available(&Happened::default(), Some("deployer"), true);
        assert!(offered.contains(&Button::PauseAgent) && !offered.contains(&Button::ResumeAgent));
        let paused = Happened { agent_paused: true, ..Happened::default() };
        assert!(available(&paused, Some("deployer"), true).contains(&Button::ResumeAgent));
        assert!(!available(&paused, None, false).contains(&Button::PauseAgent));
    }
}
