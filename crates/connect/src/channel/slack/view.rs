//! The modals that ask for words: a reason, a question, a name.

use serde::{Deserialize, Serialize};

use super::address::Receipt;
use super::block::{Block, Element, Input, Text};
use crate::channel::intervention::Intervention;

/// The field that is asked for, as `block_id` and `action_id`.
pub(super) const FIELD: &str = "words";
/// The longest answer that Slack lets a person type.
const LONGEST: usize = 3_000;
/// Slack's limit for what a view remembers.
const REMEMBERED: usize = 3_000;
const TITLE: usize = 24;
const LABEL: usize = 2_000;
const PLACEHOLDER: usize = 150;

/// A modal, ready to be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "modal")]
pub struct View {
    callback_id: &'static str,
    title: Text,
    submit: Text,
    close: Text,
    private_metadata: String,
    blocks: Vec<Block>,
}

/// What a modal was opened for; comes back with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The notification it is about.
    pub notification: String,
    /// The message whose button opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Receipt>,
}

struct Question {
    title: &'static str,
    label: &'static str,
    placeholder: &'static str,
    submit: &'static str,
    optional: bool,
}

impl View {
    /// The modal of an intervention that wants words: pause, flag, ask, assign, turn down. Nothing for the others,
    /// and nothing when `asked` is longer than a view can remember.
    ///
    /// `about` is the line that says what it is about, such as the notice's head.
    #[must_use]
    pub fn of(intervention: Intervention, about: &str, asked: &Asked) -> Option<Self> {
        let Question { title, label, placeholder, submit, optional } = question(intervention)?;
        let private_metadata = serde_json::to_string(asked).ok()?;
        if super::text::units(&private_metadata) > REMEMBERED {
            return None;
        }
        let element = Element {
            action_id: FIELD,
            multiline: intervention != Intervention::AssignOwner,
            max_length: LONGEST,
            placeholder: Text::plain(placeholder, PLACEHOLDER),
        };
        let input = Input { block_id: FIELD, label: Text::plain(label, LABEL), element, optional };
        Some(Self {
            callback_id: intervention.as_str(),
            title: Text::plain(title, TITLE),
            submit: Text::plain(submit, TITLE),
            close: Text::plain("Cancel", TITLE),
            private_metadata,
            blocks: vec![Block::prose(about, 500), Block::Input(input)],
        })
    }
}

fn question(intervention: Intervention) -> Option<Question> {
    let question = match intervention {
        Intervention::PauseAgent | Intervention::PauseAllDeploys => Question {
            title: intervention.label(),
            label: "Reason",
            placeholder: "What did you see?",
            submit: "Pause",
            optional: true,
        },
        Intervention::FlagForReview => Question {
            title: "Flag for Review",
            label: "What should be looked at?",
            placeholder: "The reviewer reads this first",
            submit: "Flag",
            optional: true,
        },
        Intervention::AskQuestion => Question {
            title: "Ask",
            label: "Question to the agent's team",
            placeholder: "The answer comes back under the notice",
            submit: "Ask",
            optional: false,
        },
        Intervention::AssignOwner => Question {
            title: "Assign owner",
            label: "New owner",
            placeholder: "@bob or @payments-team",
            submit: "Assign",
            optional: false,
        },
        Intervention::Reject => Question {
            title: "Reject",
            label: "Reason",
            placeholder: "The agent is told this",
            submit: "Reject",
            optional: true,
        },
        _ => return None,
    };
    Some(question)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_view_asks_and_remembers() {
        let asked = Asked {
            notification: "01980000-0000-7000-8000-000000000001".into(),
            message: Some(Receipt { channel: "C1".into(), ts: "1767225600.000100".into() }),
        };
        let view = View::of(Intervention::PauseAgent, "[monitored] Agent \"deployer\"", &asked).unwrap();
        let plain = |text: &str| json!({"type": "plain_text", "text": text, "emoji": false});
        let expect = json!({
            "type": "modal", "callback_id": "pause_agent",
            "title": plain("Pause Agent"), "submit": plain("Pause"), "close": plain("Cancel"),
            "private_metadata": view.private_metadata,
            "blocks": [
                {"type": "section", "text": plain("[monitored] Agent \"deployer\"")},
                {
                    "type": "input", "block_id": "words", "label": plain("Reason"), "optional": true,
                    "element": {
                        "type": "plain_text_input", "action_id": "words", "multiline": true, "max_length": 3000,
                        "placeholder": plain("What did you see?")
                    }
                }
            ]
        });
        assert_eq!(serde_json::to_value(&view).unwrap(), expect);
        assert_eq!(serde_json::from_str::<Asked>(&view.private_metadata).unwrap(), asked);
        assert_eq!(View::of(Intervention::LooksOk, "", &asked), None);
        let long = Asked { notification: "x".repeat(3_000), message: None };
        assert_eq!(View::of(Intervention::AskQuestion, "", &long), None);
    }

    #[test]
    fn titles_are_never_cut() {
        let asked = Asked { notification: "1".into(), message: None };
        for intervention in Intervention::ALL {
            if let Some(view) = View::of(intervention, "", &asked) {
                assert!(!serde_json::to_string(&view).unwrap().contains('…'), "{intervention:?}");
            }
        }
    }
}
