//! The scrubber: findings become marks, until none is left.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use regex::RegexSet;
use serde_json::{Map, Value};

use crate::find::{Finding, Place, Search};
use crate::json;
use crate::key::Exemptions;
use crate::mark::{Marker, has_content, marks};
use crate::settings::{Settings, TenantPattern};
use crate::shape::is_personal_ip;

/// How often a text is searched again after something was replaced. A mark can complete the context of a second
/// finding; two passes settle nearly every text.
const MOST_PASSES: usize = 8;

/// Replaces secrets and personal data under one tenant's key. Cheap to clone; does not print its key.
#[derive(Clone)]
pub struct Scrubber {
    marker: Marker,
    rules: Arc<Rules>,
}

#[derive(Default)]
struct Rules {
    exempt: Exemptions,
    patterns: Vec<TenantPattern>,
    /// All patterns at once, to see in one pass which of them match; without it each is tried.
    any: Option<RegexSet>,
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrubber").field("patterns", &self.rules.patterns.len()).finish_non_exhaustive()
    }
}

impl Scrubber {
    /// A scrubber with the shipped patterns, under a tenant's key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { marker: Marker::new(key), rules: Arc::default() }
    }

    /// A scrubber with a tenant's settings besides the shipped patterns.
    #[must_use]
    pub fn with_settings(key: [u8; 32], settings: Settings) -> Self {
        let any = RegexSet::new(settings.patterns.iter().map(|pattern| pattern.regex.as_str())).ok();
        let exempt = Exemptions::new(&settings.allow, &settings.keep_personal);
        let rules = Rules { exempt, patterns: settings.patterns, any };
        Self { marker: Marker::new(key), rules: Arc::new(rules) }
    }

    /// Free text with its secrets replaced; borrowed when there are none.
    #[must_use]
    pub fn scrub_text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.scrub_in(text, Place::Prose)
    }

    /// Scrubs an object of attributes in place, by key name and by value.
    pub fn scrub_object(&self, members: &mut Map<String, Value>) {
        json::scrub_object(self, members, Place::Attribute);
    }

    /// Scrubs any JSON value of attributes in place: objects as [`Scrubber::scrub_object`] does, strings by shape.
    pub fn scrub_value(&self, value: &mut Value) {
        json::scrub_value(self, value, Place::Attribute);
    }

    pub(crate) fn exempt(&self) -> &Exemptions {
        &self.rules.exempt
    }

    /// The mark of `secret`.
    pub(crate) fn mark(&self, kind: &str, secret: &str) -> String {
        let mut out = String::with_capacity(kind.len() + 18);
        self.marker.mark(&mut out, kind, secret);
        out
    }

    pub(crate) fn scrub_in<'t>(&self, text: &'t str, place: Place) -> Cow<'t, str> {
        let Some(mut scrubbed) = self.pass(text, place) else { return Cow::Borrowed(text) };
        for _ in 0..MOST_PASSES {
            match self.pass(&scrubbed, place) {
                Some(again) => scrubbed = again,
                None => return Cow::Owned(scrubbed),
            }
        }
        // Made to never settle: hide the whole, so that scrubbing it again still changes nothing.
        Cow::Owned(self.mark("text", text))
    }

    /// The text with what one search found replaced, or nothing when it found nothing.
    fn pass(&self, text: &str, place: Place) -> Option<String> {
        let mut found = Vec::new();
        Search { text: crate::text::Text(text), place, exempt: &self.rules.exempt }.run(&mut found);
        if place == Place::Attribute && is_personal_ip(text) {
            found.push(Finding { start: 0, end: text.len(), kind: "ip" });
        }
        self.find_patterns(text, &mut found);
        if found.is_empty() {
            return None;
        }
        let found = outside_marks(text, joined(text, found));
        if found.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len() + 16 * found.len());
        let mut at = 0;
        for Finding { start, end, kind } in found {
            out.push_str(text.get(at..start)?);
            self.marker.mark(&mut out, kind, text.get(start..end)?);
            at = end;
        }
        out.push_str(text.get(at..)?);
        Some(out)
    }

    fn find_patterns<'s>(&'s self, text: &str, found: &mut Vec<Finding<'s>>) {
        let rules = &self.rules;
        if rules.patterns.is_empty() {
            return;
        }
        let matching = rules.any.as_ref().map(|any| any.matches(text));
        for (at, pattern) in rules.patterns.iter().enumerate() {
            if matching.as_ref().is_none_or(|matching| matching.matched(at)) {
                find_pattern(pattern, text, found);
            }
        }
    }
}

fn find_pattern<'s>(pattern: &'s TenantPattern, text: &str, found: &mut Vec<Finding<'s>>) {
    let has_group = pattern.regex.capture_names().flatten().any(|name| name == "secret");
    let mut push = |hit: regex::Match<'_>| {
        if !hit.is_empty() {
            found.push(Finding { start: hit.start(), end: hit.end(), kind: &pattern.name });
        }
    };
    if has_group {
        pattern.regex.captures_iter(text).filter_map(|captures| captures.name("secret")).for_each(push);
    } else {
        pattern.regex.find_iter(text).for_each(&mut push);
    }
}

/// The findings in order, on character boundaries, overlapping ones as one under the longer's kind.
fn joined<'k>(text: &str, mut found: Vec<Finding<'k>>) -> Vec<Finding<'k>> {
    for finding in &mut found {
        finding.end = finding.end.min(text.len());
        while !text.is_char_boundary(finding.start) {
            finding.start -= 1;
        }
        while !text.is_char_boundary(finding.end) {
            finding.end += 1;
        }
    }
    found.retain(|finding| finding.start < finding.end);
    found.sort_by_key(|finding| (finding.start, std::cmp::Reverse(finding.end)));
    let mut joined: Vec<Finding<'k>> = Vec::with_capacity(found.len());
    for finding in found {
        match joined.last_mut() {
            Some(last) if finding.start < last.end => {
                if finding.end - finding.start > last.end - last.start {
                    last.kind = finding.kind;
                }
                last.end = last.end.max(finding.end);
            }
            _ => joined.push(finding),
        }
    }
    joined
}

/// What of the findings lies outside the marks that `text` already holds, and is worth hiding.
fn outside_marks<'k>(text: &str, found: Vec<Finding<'k>>) -> Vec<Finding<'k>> {
    let marks = marks(text);
    if marks.is_empty() {
        return found;
    }
    let mut outside = Vec::with_capacity(found.len());
    let mut marks = marks.into_iter().peekable();
    for finding in found {
        let mut start = finding.start;
        let mut push = |start: usize, end: usize| {
            if text.get(start..end).is_some_and(has_content) {
                outside.push(Finding { start, end, kind: finding.kind });
            }
        };
        while let Some(mark) = marks.peek() {
            if mark.start >= finding.end {
                break;
            }
            if mark.end > start {
                push(start, mark.start.max(start));
                start = mark.end;
            }
            if mark.end > finding.end {
                break;
            }
            marks.next();
        }
        push(start.min(finding.end), finding.end);
    }
    outside
}
