//! Slack's limits, written down a second time and without the code that keeps them.

use std::collections::BTreeSet;

use serde_json::Value;

/// What is wrong with a message, a line each.
pub(crate) fn broken(message: &Value) -> Vec<String> {
    let mut found = Found::default();
    found.length("text", &message["text"], 1, 4_000);
    found.markup("text", message["text"].as_str().unwrap_or_default());
    let blocks = message["blocks"].as_array().cloned().unwrap_or_default();
    found.that(!blocks.is_empty() && blocks.len() <= 50, || format!("{} blocks", blocks.len()));
    let all: usize = blocks.iter().map(|block| block.to_string().encode_utf16().count()).sum();
    found.that(all <= 12_000, || format!("{all} characters in all"));
    for block in &blocks {
        found.block(block);
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn that(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.0.push(otherwise());
        }
    }

    fn block(&mut self, block: &Value) {
        match block["type"].as_str().unwrap_or_default() {
            "header" => {
                self.text("header", &block["text"], 150);
                self.that(block["text"]["type"] == "plain_text", || "a header with markup".into());
            }
            "section" => {
                let fields = block["fields"].as_array().cloned().unwrap_or_default();
                self.that(fields.len() <= 10, || format!("{} fields", fields.len()));
                self.that(!block["text"].is_null() || !fields.is_empty(), || "an empty section".into());
                if !block["text"].is_null() {
                    self.text("section", &block["text"], 3_000);
                }
                fields.iter().for_each(|field| self.text("field", field, 2_000));
            }
            "context" => {
                let elements = block["elements"].as_array().cloned().unwrap_or_default();
                self.that((1..=10).contains(&elements.len()), || format!("{} in a context", elements.len()));
                elements.iter().for_each(|element| self.text("context", element, 3_000));
            }
            "actions" => {
                let elements = block["elements"].as_array().cloned().unwrap_or_default();
                self.that((1..=25).contains(&elements.len()), || format!("{} buttons", elements.len()));
                let ids: BTreeSet<_> = elements.iter().map(|button| button["action_id"].to_string()).collect();
                self.that(ids.len() == elements.len(), || "an action_id twice".into());
                elements.iter().for_each(|button| self.button(button));
            }
            other => self.that(false, || format!("a `{other}`")),
        }
    }

    fn button(&mut self, button: &Value) {
        self.text("button", &button["text"], 75);
        self.that(button["text"]["type"] == "plain_text", || "a button with markup".into());
        self.length("action_id", &button["action_id"], 1, 255);
        if !button["value"].is_null() {
            self.length("value", &button["value"], 0, 2_000);
        }
        if let Some(url) = button["url"].as_str() {
            self.length("url", &button["url"], 8, 3_000);
            self.that(url.starts_with("https://") || url.starts_with("http://"), || format!("a link to {url}"));
        }
        self.that(matches!(button["style"].as_str(), None | Some("primary" | "danger")), || {
            format!("style {}", button["style"])
        });
        if !button["confirm"].is_null() {
            self.text("confirm title", &button["confirm"]["title"], 100);
            self.text("confirm text", &button["confirm"]["text"], 300);
            self.text("confirm yes", &button["confirm"]["confirm"], 30);
            self.text("confirm no", &button["confirm"]["deny"], 30);
        }
    }

    fn text(&mut self, what: &str, text: &Value, most: usize) {
        self.length(what, &text["text"], 1, most);
        let written = text["text"].as_str().unwrap_or_default();
        self.that(!written.trim().is_empty(), || format!("{what} shows nothing"));
        let unseen = |character: char| {
            matches!(character, '\u{202a}'..='\u{202e}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
                || (character.is_control() && character != '\n')
        };
        self.that(!written.contains(unseen), || format!("{what} hides something: {written:?}"));
        let isolates = |mark| written.matches(mark).count();
        self.that(isolates('\u{2068}') == isolates('\u{2069}'), || format!("{what} turns what follows"));
        match text["type"].as_str() {
            Some("plain_text") => self.that(text["emoji"] == false, || format!("{what} makes pictures of words")),
            Some("mrkdwn") => {
                self.that(text["verbatim"] == true, || format!("{what} links what was not meant to be a link"));
                self.markup(what, written);
            }
            _ => self.that(false, || format!("{what} is no text: {text}")),
        }
    }

    /// Only dates and links to the dashboard are markup.
    fn markup(&mut self, what: &str, written: &str) {
        let mut rest = written;
        while let Some((_, tag)) = rest.split_once('<') {
            let Some((inside, after)) = tag.split_once('>') else {
                return self.that(false, || format!("{what} opens and does not close: {written}"));
            };
            let fine =
                inside == "@U0ALICE" || inside.starts_with("!date^") || inside.starts_with("https://mandate.example");
            self.that(fine, || format!("{what} has a tag that is not ours: <{inside}>"));
            rest = after;
        }
        let bare = written.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
        self.that(!bare.contains('&'), || format!("{what} has half an escape: {written}"));
        let lower = written.to_lowercase();
        for call in ["@here", "@channel", "@everyone"] {
            self.that(!lower.contains(call), || format!("{what} calls {call}"));
        }
    }

    fn length(&mut self, what: &str, text: &Value, least: usize, most: usize) {
        let length = text.as_str().map_or(0, |text| text.encode_utf16().count());
        self.that((least..=most).contains(&length), || format!("{what} has {length} characters, {least} to {most}"));
    }
}
