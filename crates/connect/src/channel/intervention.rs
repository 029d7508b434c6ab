//! What a person can do about a notice: a closed set, with the same names in every channel.

/// One thing that a person can do (IVN-1).
///
/// The names are stable: they stand in buttons that people press weeks later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Intervention {
    /// I saw this: stops the escalation timer.
    Acknowledge,
    /// I am on it.
    Investigate,
    /// Somebody should look at it; stops nothing.
    FlagForReview,
    /// Seen, nothing to do.
    LooksOk,
    /// This should not have come to me.
    NotRelevant,
    /// A question to the team that owns the agent.
    AskQuestion,
    /// Names who owns the resource, incident or action item.
    AssignOwner,
    /// The agent does nothing more until it is resumed.
    PauseAgent,
    /// The agent goes on.
    ResumeAgent,
    /// No agent deploys until somebody resumes them.
    PauseAllDeploys,
    /// The next level is told now.
    Escalate,
    /// An incident is opened.
    CreateIncident,
    /// Shows the way back; a person goes it.
    TriggerRollback,
    /// A tool is taken from the agent.
    DisableTool,
    /// A rule is changed.
    UpdateRule,
    /// A gated action may run.
    Approve,
    /// A gated action may not run.
    Reject,
    /// I coordinate this incident.
    ClaimCoordinator,
    /// I help with this incident.
    Join,
    /// This action is the cause.
    ConfirmCause,
    /// This action has nothing to do with it.
    MarkUnrelated,
}

impl Intervention {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Acknowledge,
        Self::Investigate,
        Self::FlagForReview,
        Self::LooksOk,
        Self::NotRelevant,
        Self::AskQuestion,
        Self::AssignOwner,
        Self::PauseAgent,
        Self::ResumeAgent,
        Self::PauseAllDeploys,
        Self::Escalate,
        Self::CreateIncident,
        Self::TriggerRollback,
        Self::DisableTool,
        Self::UpdateRule,
        Self::Approve,
        Self::Reject,
        Self::ClaimCoordinator,
        Self::Join,
        Self::ConfirmCause,
        Self::MarkUnrelated,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.names().0
    }

    /// The words on its button.
    #[must_use]
    pub fn label(self) -> &'static str {
        self.names().1
    }

    /// Reads a name as the wire has it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|intervention| intervention.as_str() == name)
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Acknowledge => ("acknowledge", "Acknowledge"),
            Self::Investigate => ("investigate", "Investigate"),
            Self::FlagForReview => ("flag_for_review", "Flag for Review"),
            Self::LooksOk => ("looks_ok", "👍 Looks OK"),
            Self::NotRelevant => ("not_relevant", "👎 Not relevant"),
            Self::AskQuestion => ("ask_question", "Ask"),
            Self::AssignOwner => ("assign_owner", "Assign owner"),
            Self::PauseAgent => ("pause_agent", "Pause Agent"),
            Self::ResumeAgent => ("resume_agent", "Resume Agent"),
            Self::PauseAllDeploys => ("pause_all_deploys", "Pause All Deploys"),
            Self::Escalate => ("escalate", "Escalate"),
            Self::CreateIncident => ("create_incident", "Create incident"),
            Self::TriggerRollback => ("trigger_rollback", "Rollback"),
            Self::DisableTool => ("disable_tool", "Disable tool"),
            Self::UpdateRule => ("update_rule", "Update rule"),
            Self::Approve => ("approve", "Approve"),
            Self::Reject => ("reject", "Reject"),
            Self::ClaimCoordinator => ("claim_coordinator", "Claim coordinator"),
            Self::Join => ("join", "Join"),
            Self::ConfirmCause => ("confirm_cause", "Confirm cause"),
            Self::MarkUnrelated => ("mark_unrelated", "Mark unrelated"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        for intervention in Intervention::ALL {
            assert_eq!(Intervention::parse(intervention.as_str()), Some(intervention));
        }
        assert_eq!(Intervention::parse("Approve"), None);
        assert_eq!(Intervention::parse(""), None);
    }
}
