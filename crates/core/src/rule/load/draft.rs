//! One rule while it is read: what its file says, before what it inherits.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Home, has_error, word};
use crate::diagnostic::Problem;
use crate::event::{Decision, Level, ResourceKind};
use crate::rule::form::{DECISIONS, FileForm, PointForm, RuleForm};
use crate::rule::key::{self, Source};
use crate::rule::value::{OneOrMany, Scalar};
use crate::rule::{Layer, Predicate, Target};
use crate::time::{Millis, Span};
use crate::yaml::{Spanned, span_of};

const GATES: &str = "gates are not available yet; use flagged_execute";

/// What is absent may be inherited.
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) name_at: Range<usize>,
    /// The number of its source.
    pub(super) file: usize,
    pub(super) line: usize,
    pub(super) layer: Layer,
    pub(super) kind: Option<ResourceKind>,
    pub(super) guard: Vec<Predicate>,
    pub(super) critical_point: bool,
    pub(super) matches: Vec<Predicate>,
    pub(super) decision: Option<Decision>,
    pub(super) notify: Option<Vec<Target>>,
    /// Whether `notify` is its own and not inherited.
    pub(super) states_notify: bool,
    pub(super) timeout: Option<Span>,
    pub(super) urgency: Option<Level>,
    pub(super) reason: Option<String>,
    pub(super) suggest: Option<Vec<String>>,
    pub(super) review_within: Option<Span>,
    pub(super) sunset: Option<Millis>,
    pub(super) source: Option<String>,
    pub(super) locked: bool,
    pub(super) extends: Option<(String, Range<usize>)>,
    /// Whether something of it could not be read, so that what follows from that is not said as well.
    pub(super) broken: bool,
}

impl Draft {
    pub(super) fn is_shipped(&self) -> bool {
        self.layer == Layer::Shipped
    }
}

/// Every rule and critical point of one file.
pub(super) fn read(
    file: usize,
    source: &Source<'_>,
    home: &Home,
    form: FileForm,
    problems: &mut Vec<Problem>,
) -> Vec<Draft> {
    let reader = Reader { file, source, home };
    if home.layer != Layer::Tenant
        && let Some(first) = form.disable.first()
    {
        problems.push(source.error(span_of(first), "only the tenant's own files can turn critical points off"));
    }
    let mut drafts = Vec::new();
    for rule in form.rules {
        drafts.push(reader.rule(rule, problems));
    }
    for point in form.critical_points {
        drafts.push(reader.point(point, problems));
    }
    drafts
}

struct Reader<'r, 'f> {
    file: usize,
    source: &'r Source<'f>,
    home: &'r Home,
}

/// Keeps the value, or the problem.
fn keep<T>(read: Option<Result<T, Problem>>, problems: &mut Vec<Problem>) -> Option<T> {
    match read? {
        Ok(value) => Some(value),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

impl Reader<'_, '_> {
    fn rule(&self, form: RuleForm, problems: &mut Vec<Problem>) -> Draft {
        let mut found = Vec::new();
        let at = span_of(&form.name);
        if form.name.value.trim().is_empty() {
            found.push(self.source.error(at.clone(), "a rule has a name that is not empty"));
        }
        let mut draft = self.draft(form.name.value, at);
        draft.matches = key::read(self.source, &form.matches, &mut found);
        draft.decision = keep(form.decision.as_ref().map(|said| self.decision(said)), &mut found);
        draft.states_notify = form.notify.is_some();
        draft.notify = form.notify.as_ref().map(|said| self.notify(said, &mut found));
        draft.timeout = keep(form.timeout.as_ref().map(|said| self.span(said)), &mut found);
        draft.urgency = keep(form.urgency.as_ref().map(|said| self.urgency(said)), &mut found);
        draft.reason = form.reason;
        draft.suggest = form.suggest.as_ref().map(texts);
        draft.sunset = keep(form.sunset.as_ref().map(|said| self.sunset(said)), &mut found);
        draft.source = form.source;
        draft.extends = form.extends.map(|said| (said.value.clone(), span_of(&said)));
        draft.review_within = keep(form.review_within.as_ref().map(|said| self.span(said)), &mut found);
        draft.locked = form.locked.as_ref().is_some_and(|locked| locked.value);
        if let Some(locked) = form.locked.filter(|locked| locked.value && self.home.layer != Layer::Tenant) {
            let message = "only the tenant's own rules can be locked";
            found.push(self.source.error(span_of(&locked), message));
        }
        draft.broken = has_error(&found);
        problems.extend(found);
        draft
    }

    fn point(&self, form: PointForm, problems: &mut Vec<Problem>) -> Draft {
        let mut found = Vec::new();
        let (name, at) = match &form.name {
            Some(name) => (name.value.clone(), span_of(name)),
            None => (format!("critical point: {}", form.reason.value), span_of(&form.reason)),
        };
        let mut draft = self.draft(name, at);
        draft.critical_point = true;
        draft.matches = key::read(self.source, &form.matches, &mut found);
        if form.matches.0.is_empty() {
            found.push(self.source.error(draft.name_at.clone(), "a critical point matches something, not everything"));
        }
        let decision = form.decision.as_ref().map(|said| (self.decision(said), span_of(said)));
        draft.decision = match decision {
            None => Some(Decision::Flagged),
            Some((Ok(Decision::Auto), at)) => {
                let problem = self.source.error(at, "a critical point tells somebody; `auto_execute` would not");
                found.push(problem.with_help("use `flagged_execute`, or leave it out"));
                None
            }
            Some((read, _)) => keep(Some(read), &mut found),
        };
        draft.states_notify = form.notify.is_some();
        draft.notify = form.notify.as_ref().map(|said| self.notify(said, &mut found));
        draft.reason = Some(form.reason.value);
        draft.suggest = form.suggest.as_ref().map(texts);
        draft.sunset = keep(form.sunset.as_ref().map(|said| self.sunset(said)), &mut found);
        draft.source = form.source;
        draft.review_within = keep(form.review_within.as_ref().map(|said| self.span(said)), &mut found);
        draft.broken = has_error(&found);
        problems.extend(found);
        draft
    }

    fn draft(&self, name: String, name_at: Range<usize>) -> Draft {
        let line = self.source.error(name_at.clone(), "").line;
        Draft {
            name,
            name_at,
            file: self.file,
            line,
            layer: self.home.layer.clone(),
            kind: self.home.kind,
            guard: self.home.guard.clone(),
            critical_point: false,
            matches: Vec::new(),
            decision: None,
            notify: None,
            states_notify: false,
            timeout: None,
            urgency: None,
            reason: None,
            suggest: None,
            review_within: None,
            sunset: None,
            source: None,
            locked: false,
            extends: None,
            broken: false,
        }
    }

    fn decision(&self, said: &Spanned<String>) -> Result<Decision, Problem> {
        let short = said.value.strip_suffix("_execute").unwrap_or(&said.value);
        if short == Decision::Gated.as_str() {
            return Err(self.source.error(span_of(said), GATES));
        }
        word(self.source, "a decision", said, DECISIONS, |_| Decision::from_word(short))
    }

    fn urgency(&self, said: &Spanned<String>) -> Result<Level, Problem> {
        word(self.source, "an urgency", said, Level::WORDS, Level::from_word)
    }

    fn notify(&self, said: &Spanned<OneOrMany>, problems: &mut Vec<Problem>) -> Vec<Target> {
        let mut targets = Vec::new();
        for (at, value) in OneOrMany::each(said) {
            match Target::parse(&value.to_string()) {
                Ok(target) => {
                    if !target.is_reachable() {
                        let message = format!("`{target}` cannot be reached yet; the notice goes to the fallback");
                        problems.push(self.source.error(at, message).warning());
                    }
                    if !targets.contains(&target) {
                        targets.push(target);
                    }
                }
                Err((message, help)) => {
                    let problem = self.source.error(at, message);
                    problems.push(match help {
                        Some(help) => problem.with_help(help),
                        None => problem,
                    });
                }
            }
        }
        targets
    }

    fn span(&self, said: &Spanned<Scalar>) -> Result<Span, Problem> {
        let span = Span::parse(&said.value.to_string()).map_err(|message| self.source.error(span_of(said), message))?;
        if span == Span::default() {
            return Err(self.source.error(span_of(said), "a time of nothing is no time to answer in"));
        }
        Ok(span)
    }

    /// The first moment after the day, in UTC.
    fn sunset(&self, said: &Spanned<String>) -> Result<Millis, Problem> {
        let date = said.value.parse::<Date>().ok().filter(|_| said.value.len() == "2026-12-31".len());
        let after = date.and_then(|date| date.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok());
        match after {
            Some(after) => Ok(Millis(after.timestamp().as_millisecond())),
            None => {
                let message = format!("`{}` is not a day", said.value);
                Err(self.source.error(span_of(said), message).with_help("write it like `2026-12-31`"))
            }
        }
    }
}

fn texts(said: &Spanned<OneOrMany>) -> Vec<String> {
    OneOrMany::each(said).into_iter().map(|(_, value)| value.to_string()).collect()
}
