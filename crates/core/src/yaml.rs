//! Reads YAML files into typed forms, and turns what is wrong with them into [`Problem`]s.
//!
//! Every configuration file goes through [`parse`], so that a typo looks the same in each: file, line, column,
//! caret, and the nearest name that would have been right. The types that are read deny unknown fields;
//! a field whose meaning is checked after reading is a [`Spanned`], and [`span_of`] says where it stands.

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_saphyr::{Error, Location};

use crate::diagnostic::Problem;

/// A value and where it stands in its file.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "serde_saphyr::Spanned<T>", bound = "T: Deserialize<'de>")]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    at: Range<usize>,
}

impl<T> From<serde_saphyr::Spanned<T>> for Spanned<T> {
    fn from(read: serde_saphyr::Spanned<T>) -> Self {
        // INVARIANT: files are read from a string, which gives byte offsets; the fallback points to the top.
        Self { value: read.value, at: bytes_of(read.referenced).unwrap_or(0..0) }
    }
}

/// Where a value stands is nothing that a file says.
impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Reads one document of `text`, which `file` names in problems.
///
/// A file that is empty, or holds comments only, reads like `{}`.
///
/// # Errors
/// What is wrong with it, with its place. YAML is read to the first mistake, so there is one problem.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Vec<Problem>> {
    let source = if is_empty(text) { "{}" } else { text };
    serde_saphyr::from_str_with_options(source, options()).map_err(|error| vec![problem(file, text, &error)])
}

/// The documents of a text that holds several, each with its first byte. [`parse`] reads one of them, and what it
/// finds stands so many bytes further on in the file.
#[must_use]
pub fn documents(text: &str) -> Vec<(usize, &str)> {
    // A line that begins so parts documents wherever it stands, in a block of text too.
    let is_marker =
        |line: &str| line.strip_prefix("---").is_some_and(|rest| rest.trim_start() != rest || rest.is_empty());
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > 0 && is_marker(line) {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let each = starts.iter().zip(ends).filter_map(|(start, end)| Some((*start, text.get(*start..end)?)));
    each.filter(|(_, document)| !is_empty(document)).collect()
}

/// Where a value stands in its file, in bytes. For an alias, where it is used.
#[must_use]
pub fn span_of<T>(value: &Spanned<T>) -> Range<usize> {
    value.at.clone()
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
        // 10,000 owned resources with all their layers are some 150,000 nodes.
        budget: serde_saphyr::budget! { max_nodes: 1_000_000, max_events: 4_000_000 },
    }
}

fn is_empty(text: &str) -> bool {
    text.lines()
        .map(|line| line.trim_start_matches('\u{feff}').trim())
        .all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

fn bytes_of(location: Location) -> Option<Range<usize>> {
    let start = usize::try_from(location.span().byte_offset()?).ok()?;
    let len = usize::try_from(location.span().byte_len()?).ok()?;
    Some(start..start.saturating_add(len))
}

/// An error of the reader as a problem. A mistake without a length is shown as the word that stands there.
fn problem(file: &str, text: &str, error: &Error) -> Problem {
    let error = error.without_snippet();
    let mut at = error.location().and_then(bytes_of).unwrap_or(text.len()..text.len());
    if at.start >= text.len() {
        let last = text.trim_end().len();
        at = last..last;
    }
    if let Error::SerdeUnknownField { field, .. } | Error::SerdeUnknownVariant { variant: field, .. } = error
        && text.get(at.start..).is_some_and(|rest| rest.starts_with(field.as_str()))
    {
        at.end = at.start + field.len();
    }
    let rest = text.get(at.start..).unwrap_or_default();
    let first_line = rest.split(['\n', '\r']).next().unwrap_or_default();
    if at.is_empty() {
        let word = first_line.split([' ', ',', ']', '}']).next().unwrap_or_default();
        at.end = at.start + word.len();
    } else {
        // A text can span lines; its first one is enough to find it.
        at.end = at.end.min(at.start + first_line.len());
    }
    let made = |message: String| Problem::error(file, text, at.clone(), message);
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            suggest(made(format!("unknown key `{field}`")), field, expected)
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            suggest(made(format!("`{variant}` is not one of the values this takes")), variant, expected)
        }
        Error::SerdeMissingField { field, .. } => made(format!("the key `{field}` is missing here")),
        Error::DuplicateMappingKey { key, .. } => match key {
            Some(key) => made(format!("the key `{key}` stands twice")),
            None => made("a key stands twice".to_owned()),
        }
        .with_help("keep one of them"),
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            made(format!("{} stands where {} is expected", plain(unexpected), plain(expected)))
        }
        Error::Unexpected { expected, .. } => made(format!("{} is expected here", plain(expected))),
        Error::InvalidScalar { ty, .. } => made(format!("{} is expected here", plain(ty))),
        Error::InvalidBooleanStrict { .. } => made("`true` or `false` is expected here".to_owned()),
        Error::NullIntoString { .. } => made("a text is expected here, and there is nothing".to_owned()),
        Error::Eof { .. } => made("the file ends in the middle of something".to_owned()),
        Error::MultipleDocuments { .. } => {
            made("a second document begins here".to_owned()).with_help("split the file, one document a file")
        }
        Error::UnsupportedTag { tag, .. } => made(format!("the tag `{tag}` is not supported")),
        Error::Budget { .. } => made("the file is too large or nested too deeply".to_owned()),
        Error::Message { msg, .. } => made(lower_first(msg)),
        other => made(lower_first(other.to_string().lines().next().unwrap_or("this is not readable YAML"))),
    }
}

/// Adds the nearest name, or else the list of what is taken.
fn suggest(problem: Problem, given: &str, expected: &[&'static str]) -> Problem {
    let near = problem.with_nearest(given, expected.iter().copied());
    match (&near.help, expected.is_empty()) {
        (None, false) => near.with_help(format!("one of `{}`", expected.join("`, `"))),
        (None, true) => near.with_help("nothing is expected here"),
        _ => near,
    }
}

/// The reader's words for a kind of value in those of someone who writes YAML.
fn plain(kind: &str) -> String {
    let words = match kind {
        "map" | "mapping" | "a map" | "mapping start" => "a mapping (`key: value`)",
        "sequence" | "a sequence" | "sequence start" => "a list",
        "string" | "a string" | "string scalar" | "str" => "a text",
        "bool" | "boolean" | "a boolean" => "`true` or `false`",
        "unit" | "unit value" | "null" => "nothing",
        "scalar" => "a single value",
        kind if kind.starts_with("struct ") => "a mapping (`key: value`)",
        kind if kind.starts_with("enum ") => "a word",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" | "integer" => "a whole number",
        "f32" | "f64" | "float" => "a number",
        kind => return lower_first(kind),
    };
    words.to_owned()
}

fn lower_first(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        // An abbreviation such as `YAML` keeps its case.
        (Some(first), second) if !second.is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct File {
        people: Vec<Entry>,
        window: Option<u32>,
        on: Option<bool>,
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Entry {
        handle: Spanned<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
        Fancy,
    }

    /// `line:column message [help]`, and the text under the caret.
    fn check(text: &str, expected: &str, caret: &str) {
        let problems = parse::<File>("x.yaml", text).map(|file| format!("{file:?}")).expect_err(text);
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        let help = problem.help.as_deref().map(|help| format!(" [{help}]")).unwrap_or_default();
        let shown = format!("{}:{} {}{help}", problem.line, problem.column, problem.message);
        assert_eq!((shown.as_str(), &text[problem.at.clone()]), (expected, caret), "{text}");
        assert!(problem.render(text).contains("x.yaml"));
    }

    #[test]
    fn a_mistake_is_shown_where_it_stands() {
        check("poeple: []", "1:1 unknown key `poeple` [did you mean `people`?]", "poeple");
        check("zzz: 1", "1:1 unknown key `zzz` [one of `people`, `window`, `on`, `kind`]", "zzz");
        check("people:\n  - {name: x}", "2:6 unknown key `name` [one of `handle`]", "name");
        check("# ü\npeople:\n  - {}", "3:5 the key `handle` is missing here", "{");
        check("window: 1\nwindow: 2", "2:1 the key `window` stands twice [keep one of them]", "window");
        check("window: soon", "1:9 a whole number is expected here", "soon");
        check("on: yes", "1:5 `true` or `false` is expected here", "yes");
        check("kind: fance", "1:7 `fance` is not one of the values this takes [did you mean `fancy`?]", "fance");
        check("people: {a: 1}", "1:9 a list is expected here", "{");
    }

    #[test]
    fn broken_syntax_is_one_problem_and_not_a_panic() {
        for text in
            ["people: [", "people: 'x", "\t- a", "a: b: c", "&a *a", "%", "- -\n -", "? {", "people: [}", "\u{0}"]
        {
            let problems = parse::<File>("x.yaml", text).map(|file| format!("{file:?}")).expect_err(text);
            assert_eq!(problems.len(), 1, "{text}");
            assert!(problems[0].at.end <= text.len() && !problems[0].message.is_empty(), "{text}");
            assert!(problems[0].render(text).contains("x.yaml"));
        }
    }

    #[test]
    fn nothing_reads_like_an_empty_mapping() {
        for text in ["", "\n", "# nothing yet\n", "---\n", "\u{feff}"] {
            assert!(parse::<File>("x.yaml", text).unwrap().people.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn documents_are_parted_by_markers_at_the_start_of_a_line() {
        for (text, expected) in [
            ("a: 1", &[(0, "a: 1")][..]),
            ("---\na: 1\n---\nb: 2\n", &[(0, "---\na: 1\n"), (9, "---\nb: 2\n")]),
            ("a: 1\n--- # second\nb: 2", &[(0, "a: 1\n"), (5, "--- # second\nb: 2")]),
            ("a: 1\n ---\n", &[(0, "a: 1\n ---\n")]),
            ("a: 1\n----\n", &[(0, "a: 1\n----\n")]),
            ("# nothing\n---\n---\n", &[]),
            ("", &[]),
        ] {
            assert_eq!(documents(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_spanned_value_knows_its_bytes() {
        let text = "people:\n  - handle: \"@ülice\"\n";
        let file: File = parse("x.yaml", text).unwrap();
        assert_eq!(&text[span_of(&file.people[0].handle)], "\"@ülice\"");
    }
}
