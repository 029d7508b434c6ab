//! The part of Block Kit that Mandate writes. Every constructor cuts to its limit, so what was built can be sent.

use serde::Serialize;

use super::text::{self, units};

/// The most blocks in a message.
pub const BLOCKS: usize = 50;
/// The most units in all blocks of a message, written as JSON; Slack turns down more than about 13,200 characters.
pub const MESSAGE_UNITS: usize = 12_000;
/// The most buttons in a row.
pub const BUTTONS: usize = 25;

const HEADER: usize = 150;
const SECTION: usize = 3_000;
const FIELD: usize = 2_000;
const BUTTON: usize = 75;
const CONFIRM_TITLE: usize = 100;
const CONFIRM_TEXT: usize = 300;
const CONFIRM_BUTTON: usize = 30;
/// Far below Slack's 3,000: an address cannot be cut, and ten of them have to fit into one message.
const URL: usize = 400;

/// One block of a message or modal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// The head line.
    Header {
        /// What it says.
        text: Text,
    },
    /// A paragraph, or two columns.
    Section {
        /// The paragraph.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<Text>,
        /// The columns.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        fields: Vec<Text>,
    },
    /// Small print.
    Context {
        /// What it says.
        elements: Vec<Text>,
    },
    /// A row of buttons.
    Actions {
        /// The buttons.
        elements: Vec<Button>,
    },
    /// A field of a modal.
    Input(Input),
}

impl Block {
    /// A head line of plain text.
    pub(super) fn header(line: &str) -> Self {
        Self::Header { text: Text::plain(line, HEADER) }
    }

    /// A paragraph of plain text with its line breaks.
    pub(super) fn prose(words: &str, limit: usize) -> Self {
        let text = Text::PlainText { text: some(text::prose(words, limit.min(SECTION))), emoji: false };
        Self::Section { text: Some(text), fields: Vec::new() }
    }

    /// The same in quotation marks.
    pub(super) fn quote(words: &str, limit: usize) -> Self {
        let quoted = format!("“{}”", text::prose(words, limit.min(SECTION) - 2));
        Self::Section { text: Some(Text::PlainText { text: quoted, emoji: false }), fields: Vec::new() }
    }

    /// A paragraph of marked-up text whose parts were made safe one by one. Nothing when it would be too long.
    pub(super) fn section(marked: String) -> Option<Self> {
        let text = Text::marked(marked, SECTION)?;
        Some(Self::Section { text: Some(text), fields: Vec::new() })
    }

    /// Two columns of marked-up text.
    pub(super) fn columns(marked: impl IntoIterator<Item = String>) -> Self {
        let fields = marked.into_iter().filter_map(|field| Text::marked(field, FIELD)).take(10).collect();
        Self::Section { text: None, fields }
    }

    /// One line of marked-up small print.
    pub(super) fn context(marked: String) -> Option<Self> {
        Some(Self::Context { elements: vec![Text::marked(marked, SECTION)?] })
    }

    /// A row of buttons; nothing when there are none.
    pub(super) fn actions(mut buttons: Vec<Button>) -> Option<Self> {
        buttons.truncate(BUTTONS);
        (!buttons.is_empty()).then_some(Self::Actions { elements: buttons })
    }
}

/// A text, and whether Slack reads markup in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Text {
    /// Shown as it is.
    PlainText {
        /// The text.
        text: String,
        /// Whether `:name:` becomes a picture; never in what others wrote.
        emoji: bool,
    },
    /// Markup is read.
    Mrkdwn {
        /// The text.
        text: String,
        /// Whether names and addresses without markup stay as they are; always.
        verbatim: bool,
    },
}

impl Text {
    pub(super) fn plain(line: &str, limit: usize) -> Self {
        Self::PlainText { text: some(text::plain(line, limit)), emoji: false }
    }

    fn marked(text: String, limit: usize) -> Option<Self> {
        (1..=limit).contains(&units(&text)).then_some(Self::Mrkdwn { text, verbatim: true })
    }
}

/// A button that calls back or opens a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "button")]
pub struct Button {
    text: Text,
    action_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    style: Option<Style>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<Confirm>,
}

impl Button {
    /// A button that sends `action_id` and `value` back.
    pub(super) fn press(label: &str, action_id: String, value: &str) -> Self {
        let text = Text::plain(label, BUTTON);
        Self { text, action_id, value: Some(value.to_owned()), url: None, style: None, confirm: None }
    }

    /// A button that opens `url`; nothing when Slack could not.
    pub(super) fn link(label: &str, action_id: String, url: String) -> Option<Self> {
        let text = Text::plain(label, BUTTON);
        can_open(&url).then_some(Self { text, action_id, value: None, url: Some(url), style: None, confirm: None })
    }

    pub(super) fn styled(self, style: Option<Style>) -> Self {
        Self { style, ..self }
    }

    pub(super) fn confirmed(self, confirm: Option<Confirm>) -> Self {
        Self { confirm, ..self }
    }
}

/// Whether `url` is an address that can be opened and that no markup could break.
pub(super) fn can_open(url: &str) -> bool {
    let clean = |byte: u8| byte.is_ascii_graphic() && !b"<>|\"`\\".contains(&byte);
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with('/')) && units(url) <= URL && url.bytes().all(clean)
}

/// The colour of a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Green.
    Primary,
    /// Red.
    Danger,
}

/// The question before a button does what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirm {
    title: Text,
    text: Text,
    confirm: Text,
    deny: Text,
}

impl Confirm {
    pub(super) fn new(title: &str, text: &str, yes: &str) -> Self {
        Self {
            title: Text::plain(title, CONFIRM_TITLE),
            text: Text::plain(text, CONFIRM_TEXT),
            confirm: Text::plain(yes, CONFIRM_BUTTON),
            deny: Text::plain("Cancel", CONFIRM_BUTTON),
        }
    }
}

/// A text field of a modal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    pub(super) block_id: &'static str,
    pub(super) label: Text,
    pub(super) element: Element,
    pub(super) optional: bool,
}

/// What is typed into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "plain_text_input")]
pub struct Element {
    pub(super) action_id: &'static str,
    pub(super) multiline: bool,
    pub(super) max_length: usize,
    pub(super) placeholder: Text,
}

/// Slack takes no empty texts.
fn some(text: String) -> String {
    if text.is_empty() { "–".to_owned() } else { text }
}
