//! Which buttons a notice has, what they say, and what each sends back.

use crate::channel::intervention::Intervention::{self, *};
use crate::channel::notice::Notice;

use super::block::{Button, Confirm, Style};
use super::render::{Layout, Offer};

/// Longer ids are cut: a notification's id is a UUID.
const ID: usize = 64;

const VIEW: &str = "view_details";
const OPEN: &str = "open_";

/// What a pressed button stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Something a person did.
    Intervene(Intervention),
    /// A page was opened, which counts as no response.
    Opened,
    /// A button that this version does not know: of an older one, or of another app.
    Unknown(String),
}

impl Action {
    /// Reads an `action_id`.
    #[must_use]
    pub fn parse(action_id: &str) -> Self {
        if action_id == VIEW || action_id.starts_with(OPEN) {
            return Self::Opened;
        }
        Intervention::parse(action_id).map_or_else(|| Self::Unknown(action_id.to_owned()), Self::Intervene)
    }
}

/// The buttons of a layout that are offered, in the order in which they are shown.
pub(super) fn row(notice: &Notice, layout: Layout, offer: &Offer<'_>) -> Vec<Button> {
    let id = id(notice);
    let view = page(notice, "").and_then(|url| Button::link("View Details", VIEW.to_owned(), url));
    let offered = interventions(layout).iter().filter(|intervention| offer.available.contains(intervention));
    let buttons = offered.filter_map(|intervention| {
        if offer.interactive {
            let button = Button::press(intervention.label(), intervention.as_str().to_owned(), &id);
            return Some(button.styled(style(*intervention)).confirmed(confirm(*intervention, notice)));
        }
        let url = page(notice, &format!("?do={}", intervention.as_str()))?;
        Button::link(intervention.label(), format!("{OPEN}{}", intervention.as_str()), url)
    });
    view.into_iter().chain(buttons).collect()
}

/// The notification's id, as values and metadata carry it.
pub(super) fn id(notice: &Notice) -> String {
    super::text::plain(&notice.id, ID)
}

/// The dashboard's page about a notice, with what follows its path; nothing when nobody said where the dashboard is.
pub(super) fn page(notice: &Notice, rest: &str) -> Option<String> {
    let base = notice.public_url.as_deref()?.trim_end_matches('/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (!notice.id.is_empty() && notice.id.bytes().all(plain)).then(|| format!("{base}/notifications/{}{rest}", notice.id))
}

/// What each layout can offer; the first ones are what everybody expects there.
fn interventions(layout: Layout) -> &'static [Intervention] {
    match layout {
        Layout::Standard => &[
            PauseAgent,
            ResumeAgent,
            FlagForReview,
            AskQuestion,
            LooksOk,
            NotRelevant,
            Acknowledge,
            Investigate,
            AssignOwner,
        ],
        Layout::Critical => &[
            TriggerRollback,
            PauseAllDeploys,
            Acknowledge,
            Investigate,
            PauseAgent,
            ResumeAgent,
            FlagForReview,
            AskQuestion,
            AssignOwner,
            Escalate,
            CreateIncident,
        ],
        Layout::Gated => &[Approve, Reject, AskQuestion],
        Layout::Incident => &[
            ClaimCoordinator,
            Join,
            ConfirmCause,
            MarkUnrelated,
            Acknowledge,
            TriggerRollback,
            PauseAgent,
            ResumeAgent,
            AssignOwner,
            Escalate,
        ],
        Layout::SystemAlert => &[Acknowledge, Investigate],
        Layout::Digest => &[LooksOk, NotRelevant],
    }
}

fn style(intervention: Intervention) -> Option<Style> {
    match intervention {
        PauseAgent | PauseAllDeploys | TriggerRollback | Reject | DisableTool => Some(Style::Danger),
        ResumeAgent | Approve | ClaimCoordinator => Some(Style::Primary),
        _ => None,
    }
}

/// What is asked before something that cannot be undone, or that reaches further than this notice.
fn confirm(intervention: Intervention, notice: &Notice) -> Option<Confirm> {
    let agent = notice.actor();
    let action = &notice.what.action;
    let (title, text, yes) = match intervention {
        TriggerRollback => (
            "Roll back?",
            format!("Mandate shows the way back from {action} and records that you take it. A person carries it out."),
            "Show the way",
        ),
        PauseAllDeploys => (
            "Pause all deploys?",
            "No agent deploys anything until somebody resumes them. Their owners are told.".to_owned(),
            "Pause all",
        ),
        Approve => {
            ("Let it run?", format!("{agent} goes on with {action} at once. This cannot be taken back."), "Let it run")
        }
        Reject => ("Turn it down?", format!("{agent} is told that {action} must not run."), "Turn down"),
        ConfirmCause => (
            "Is this the cause?",
            format!("The incident then names {action} by {agent} as its cause, and all who take part are told."),
            "It is",
        ),
        CreateIncident => (
            "Open an incident?",
            "A channel is opened and the owners are called. It can be resolved, not undone.".to_owned(),
            "Open it",
        ),
        DisableTool => ("Take the tool away?", format!("{agent} can no longer use it."), "Take it away"),
        UpdateRule => ("Change the rule?", "It holds for everybody from now on.".to_owned(), "Change it"),
        _ => return None,
    };
    Some(Confirm::new(title, &text, yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_id_is_read_back() {
        assert_eq!(Action::parse("pause_agent"), Action::Intervene(PauseAgent));
        assert_eq!(Action::parse("view_details"), Action::Opened);
        assert_eq!(Action::parse("open_pause_agent"), Action::Opened);
        assert_eq!(Action::parse("dance"), Action::Unknown("dance".into()));
    }

    #[test]
    fn every_layout_has_room_for_its_buttons() {
        for layout in Layout::ALL {
            assert!(interventions(layout).len() < super::super::block::BUTTONS);
        }
    }
}
