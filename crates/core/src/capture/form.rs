//! The shape of `capture.yaml`, and its reading.

use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;

use super::template::Template;
use super::{CaptureFile, Entry, Hint};
use crate::diagnostic::Problem;
use crate::event::Impact;
use crate::event::submission::MAX_NAME_BYTES;
use crate::rule::pattern::{Over, Pattern};
use crate::rule::value::OneOrMany;
use crate::yaml::{Spanned, span_of};

/// What a tool call does and touches.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FileForm {
    /// The first entry that matches a call decides; the shipped ones come after these.
    pub(super) tools: Vec<EntryForm>,
}

/// What some calls are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Entry")]
pub(super) struct EntryForm {
    /// The server's name: a glob or a list of them.
    #[serde(default)]
    server: Option<Spanned<OneOrMany>>,
    /// The tool's name: a glob or a list of them.
    #[serde(default)]
    tool: Option<Spanned<OneOrMany>>,
    /// What the tool's own annotations must say: `read_only`, `destructive`, `idempotent`, `open_world`.
    #[serde(default)]
    hint: Option<Spanned<OneOrMany>>,
    /// The action's type, such as `file_write`.
    action: Spanned<String>,
    /// What is touched, as `type:id`. `{path}` is an argument of the call, `{server}` and `{tool}` its names.
    #[serde(default)]
    resource: Option<Spanned<OneOrMany>>,
    /// The repository of the resource; `{…}` as in `resource`.
    #[serde(default)]
    repo: Option<Spanned<String>>,
    /// How much it can change.
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = Impact::WORDS))]
    impact: Option<Spanned<String>>,
    /// Whether it can be taken back.
    #[serde(default)]
    reversible: Option<bool>,
}

/// Reads one entry; none when something in it is wrong, which is among the problems.
pub(super) fn read(source: &CaptureFile<'_>, form: &EntryForm, problems: &mut Vec<Problem>) -> Option<Entry> {
    let known = problems.len();
    let error = |at: Range<usize>, message: String| Problem::error(source.file, source.text, at, message);
    let mut each = |said: &Option<Spanned<OneOrMany>>, read: &mut dyn FnMut(&str) -> Result<(), Wrong>| {
        for (at, value) in said.iter().flat_map(OneOrMany::each) {
            if let Err(wrong) = read(&value.to_string()) {
                let problem = error(at, wrong.message);
                problems.push(match wrong.help {
                    Some(help) => problem.with_help(help),
                    None => problem,
                });
            }
        }
    };
    let (mut server, mut tool, mut hints, mut resources) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let glob = |into: &mut Vec<Pattern>, text: &str| -> Result<(), Wrong> {
        into.push(Pattern::compile(text, Over::Name)?);
        Ok(())
    };
    each(&form.server, &mut |text| glob(&mut server, text));
    each(&form.tool, &mut |text| glob(&mut tool, text));
    each(&form.hint, &mut |text| {
        hints.push(Hint::from_word(text).ok_or_else(|| Wrong::word(text, "a hint", Hint::WORDS))?);
        Ok(())
    });
    each(&form.resource, &mut |text| {
        resources.push(Template::resource(text)?);
        Ok(())
    });
    let mut repo = None;
    let mut impact = None;
    let mut one = |said: &Option<Spanned<String>>, read: &mut dyn FnMut(&str) -> Result<(), Wrong>| {
        if let Some(said) = said
            && let Err(wrong) = read(&said.value)
        {
            let problem = error(span_of(said), wrong.message);
            problems.push(match wrong.help {
                Some(help) => problem.with_help(help),
                None => problem,
            });
        }
    };
    one(&form.repo, &mut |text| {
        repo = Some(Template::name(text)?);
        Ok(())
    });
    one(&form.impact, &mut |text| {
        impact = Some(Impact::from_word(text).ok_or_else(|| Wrong::word(text, "an impact", Impact::WORDS))?);
        Ok(())
    });
    let action = form.action.value.as_str();
    if action.is_empty() || action.len() > MAX_NAME_BYTES || action.chars().any(char::is_control) {
        let message = format!("`{action}` is not an action's type; write a word such as `file_write`");
        problems.push(error(span_of(&form.action), message));
    }
    (problems.len() == known).then(|| Entry {
        file: source.file.into(),
        line: error(span_of(&form.action), String::new()).line,
        server,
        tool,
        hints,
        action: action.into(),
        resources,
        repo,
        impact,
        reversible: form.reversible,
    })
}

/// What is wrong with one text.
pub(super) struct Wrong {
    message: String,
    help: Option<String>,
}

impl Wrong {
    /// It is not one of some words.
    pub(super) fn word(given: &str, what: &str, words: &[&'static str]) -> Self {
        let help = match crate::diagnostic::nearest(given, words.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of `{}`", words.join("`, `")),
        };
        Self { message: format!("`{given}` is not {what}"), help: Some(help) }
    }
}

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Self { message, help: None }
    }
}
