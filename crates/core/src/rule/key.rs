//! Reading `match`: which keys there are, and what their values may be.

use std::ops::Range;

use super::fact::bare;
use super::form::MatchForm;
use super::pattern::{Over, Pattern};
use super::predicate::{
    BoolKey, Choice, Comparison, NumberKey, Predicate, Sign, Test, TextKey, Values, Wanted, WordKey,
};
use super::value::{OneOrMany, Scalar};
use crate::diagnostic::Problem;
use crate::event::Flag;
use crate::json::MAX_INTEGER;
use crate::yaml::{Spanned, span_of};

/// Every key a `match` may hold, beside `metadata.*`.
pub const KEYS: &[&str] = &[
    "action_type",
    "actor.id",
    "actor.type",
    "actor.name",
    "actor.framework",
    "actor.team",
    "actor.trust_level",
    "resource.type",
    "resource.id",
    "resource.repo",
    "resource.tags",
    "resource.sensitivity",
    "resource.team",
    "resource.environment",
    "owner.available",
    "time.business_hours",
    "time.outside_business_hours",
    "time.change_freeze",
    "history.incidents",
    "history.actor_failures",
    "metadata.estimated_impact",
    "metadata.reversible",
    "flags",
];

/// Members of `metadata` that identify one action, which no rule is about.
const IDENTIFYING: &[&str] = &["parent_action_id", "sequence", "session_id", "span_id", "trace_id"];

enum Kind {
    Bool(BoolKey, bool),
    Word(WordKey),
    Number(NumberKey),
    Text(TextKey),
    Attribute,
}

fn kind(key: &str) -> Option<Kind> {
    Some(match key {
        "action_type" => Kind::Text(TextKey::ActionType),
        "actor.id" => Kind::Text(TextKey::ActorId),
        "actor.type" => Kind::Word(WordKey::ActorType),
        "actor.name" => Kind::Text(TextKey::ActorName),
        "actor.framework" => Kind::Text(TextKey::ActorFramework),
        "actor.team" => Kind::Text(TextKey::ActorTeam),
        "actor.trust_level" => Kind::Word(WordKey::Trust),
        "resource.type" => Kind::Word(WordKey::ResourceType),
        "resource.id" => Kind::Text(TextKey::ResourceId),
        "resource.repo" => Kind::Text(TextKey::ResourceRepo),
        "resource.tags" => Kind::Text(TextKey::ResourceTags),
        "resource.sensitivity" => Kind::Word(WordKey::Sensitivity),
        "resource.team" => Kind::Text(TextKey::ResourceTeam),
        "resource.environment" => Kind::Text(TextKey::ResourceEnvironment),
        "owner.available" => Kind::Bool(BoolKey::OwnerAvailable, true),
        "time.business_hours" => Kind::Bool(BoolKey::BusinessHours, true),
        "time.outside_business_hours" => Kind::Bool(BoolKey::BusinessHours, false),
        "time.change_freeze" => Kind::Bool(BoolKey::ChangeFreeze, true),
        "history.incidents" => Kind::Number(NumberKey::Incidents),
        "history.actor_failures" => Kind::Number(NumberKey::ActorFailures),
        "metadata.estimated_impact" => Kind::Word(WordKey::Impact),
        "metadata.reversible" => Kind::Bool(BoolKey::Reversible, true),
        "flags" => Kind::Text(TextKey::Flags),
        other => {
            let path = other.strip_prefix("metadata.")?;
            (!path.is_empty() && !IDENTIFYING.contains(&path)).then_some(Kind::Attribute)?
        }
    })
}

/// A file while it is read: its name and text, and what is wrong with it so far.
pub(super) struct Source<'f> {
    pub(super) file: &'f str,
    pub(super) text: &'f str,
}

impl Source<'_> {
    pub(super) fn error(&self, at: Range<usize>, message: impl Into<String>) -> Problem {
        Problem::error(self.file, self.text, at, message)
    }
}

/// Compiles a `match`, in the order of the file; what is wrong with it goes to `problems`.
pub(super) fn read(source: &Source<'_>, form: &MatchForm, problems: &mut Vec<Problem>) -> Vec<Predicate> {
    let mut predicates: Vec<Predicate> = Vec::new();
    for (key, values) in &form.0 {
        match predicate(source, key, values, problems) {
            Ok(predicate) => predicates.push(predicate),
            Err(problem) => problems.push(problem),
        }
    }
    contradictions(source, &predicates, problems);
    predicates
}

fn predicate(
    source: &Source<'_>,
    key: &Spanned<String>,
    values: &Spanned<OneOrMany>,
    warnings: &mut Vec<Problem>,
) -> Result<Predicate, Problem> {
    let at = span_of(key);
    let name = key.value.as_str();
    let Some(kind) = kind(name) else {
        let problem = source.error(at, format!("`{name}` is nothing a rule can match"));
        if name.strip_prefix("metadata.").is_some_and(|member| IDENTIFYING.contains(&member)) {
            return Err(problem.with_help("it names one action; match what the action is instead"));
        }
        let near = problem.with_nearest(name, KEYS.iter().copied());
        return Err(match near.help {
            Some(_) => near,
            None => near.with_help(format!("one of `{}`, `metadata.*`", KEYS.join("`, `"))),
        });
    };
    let each = OneOrMany::each(values);
    if each.is_empty() {
        return Err(source.error(span_of(values), format!("`{name}` has an empty list, which nothing matches")));
    }
    let test = match kind {
        Kind::Bool(key, straight) => {
            let [(at, value)] = each.as_slice() else {
                return Err(source.error(span_of(values), format!("`{name}` is `true` or `false`, not a list")));
            };
            let Scalar::Bool(value) = value else {
                return Err(source.error(at.clone(), format!("`{name}` is `true` or `false`, not `{value}`")));
            };
            if key == BoolKey::ChangeFreeze && *value {
                let message = "this never applies: change freezes cannot be configured yet";
                warnings.push(source.error(at.clone(), message).warning());
            }
            Test::Bool(key, *value == straight)
        }
        Kind::Word(key) => {
            let mut mask = 0;
            for (at, value) in &each {
                mask |= words(source, name, key, at, value)?;
            }
            if mask == 0 {
                return Err(source.error(span_of(values), format!("no value of `{name}` is like this")));
            }
            Test::Word(key, mask)
        }
        Kind::Number(key) => {
            let read = |(at, value): &(Range<usize>, &Scalar)| {
                let comparison = comparison(source, name, at, value)?;
                let never = match comparison.sign {
                    Sign::Less => comparison.than <= 0,
                    Sign::AtMost | Sign::Equal => comparison.than < 0,
                    Sign::AtLeast | Sign::More => comparison.than > i64::from(u32::MAX),
                };
                match never {
                    true => Err(source.error(at.clone(), format!("`{name}` is a count and never `{value}`"))),
                    false => Ok(comparison),
                }
            };
            let comparisons = each.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            if key == NumberKey::Incidents && !comparisons.iter().any(|one| one.sign.holds(0, one.than)) {
                let message = "this never applies: incidents cannot be recorded yet";
                warnings.push(source.error(span_of(values), message).warning());
            }
            Test::Number(key, comparisons)
        }
        Kind::Text(key) => {
            let choice = choice(source, name, key, &each)?;
            if key == TextKey::ResourceEnvironment && !choice.any.is_empty() {
                let message = "this never applies: a resource's environment cannot be configured yet";
                let problem = source.error(span_of(values), message).warning();
                warnings.push(problem.with_help("match `resource.tags`, such as `production`"));
            }
            Test::Text(key, choice)
        }
        Kind::Attribute => {
            let path = name.strip_prefix("metadata.").unwrap_or(name);
            let path = path.strip_prefix("attributes.").unwrap_or(path);
            let mut wanted = Values::default();
            for (at, value) in &each {
                attribute(source, name, at, value, &mut wanted)?;
            }
            Test::Attribute(path.into(), wanted)
        }
    };
    let wanted = match (&values.value, each.as_slice()) {
        (OneOrMany::One(value), _) => value.to_string(),
        (OneOrMany::Many(_), each) => {
            format!("[{}]", each.iter().map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(", "))
        }
    };
    Ok(Predicate { key: name.into(), wanted: wanted.into(), test, at })
}

fn words(source: &Source<'_>, name: &str, key: WordKey, at: &Range<usize>, value: &Scalar) -> Result<u8, Problem> {
    let text = value.to_string();
    let (sign, word) = match Sign::split(&text) {
        Some((sign, _)) if sign != Sign::Equal && !key.is_scale() => {
            let message = format!("`{text}` compares, and the values of `{name}` have no order");
            return Err(source.error(at.clone(), message).with_help(format!("one of `{}`", key.words().join("`, `"))));
        }
        Some(split) => split,
        None => (Sign::Equal, text.as_str()),
    };
    let Some(than) = key.words().iter().position(|known| *known == word) else {
        let problem = source.error(at.clone(), format!("`{word}` is not a value of `{name}`"));
        let near = problem.with_nearest(word, key.words().iter().copied());
        return Err(match near.help {
            Some(_) => near,
            None => near.with_help(format!("one of `{}`", key.words().join("`, `"))),
        });
    };
    let bits = (0..key.words().len()).filter(|found| sign.holds(*found, than)).map(|found| 1_u8 << found);
    Ok(bits.fold(0, |mask, bit| mask | bit))
}

fn comparison(source: &Source<'_>, name: &str, at: &Range<usize>, value: &Scalar) -> Result<Comparison, Problem> {
    let expected = || {
        source.error(at.clone(), format!("`{name}` is a number, not `{value}`")).with_help("such as `3` or `\">= 2\"`")
    };
    let (sign, than) = match value {
        Scalar::Whole(than) => (Sign::Equal, *than),
        Scalar::Bool(_) => return Err(expected()),
        Scalar::Text(text) => {
            let (sign, than) = Sign::split(text).ok_or_else(expected)?;
            (sign, than.trim_end().parse().map_err(|_| expected())?)
        }
    };
    if than.unsigned_abs() > MAX_INTEGER {
        return Err(source.error(at.clone(), format!("`{than}` is too large a number")));
    }
    Ok(Comparison { sign, than })
}

fn choice(source: &Source<'_>, name: &str, key: TextKey, each: &[(Range<usize>, &Scalar)]) -> Result<Choice, Problem> {
    let mut choice = Choice::default();
    for (at, value) in each {
        let text = match value {
            Scalar::Text(text) => text.clone(),
            Scalar::Whole(number) => number.to_string(),
            Scalar::Bool(value) => {
                return Err(source
                    .error(at.clone(), format!("`{name}` is text, not `{value}`"))
                    .with_help("put it in quotes if it is meant as text"));
            }
        };
        if text.starts_with(['<', '>']) {
            return Err(source.error(at.clone(), format!("`{text}` compares numbers, and `{name}` is text")));
        }
        let (list, text) = match text.strip_prefix('!') {
            Some(text) => (&mut choice.none, text),
            None => (&mut choice.any, text.as_str()),
        };
        let text = if matches!(key, TextKey::ActorTeam | TextKey::ResourceTeam) { bare(text) } else { text };
        if text.is_empty() {
            return Err(source.error(at.clone(), format!("an empty text is no value of `{name}`")));
        }
        let over = if key == TextKey::ResourceId { Over::Path } else { Over::Name };
        let pattern = Pattern::compile(text, over).map_err(|message| source.error(at.clone(), message))?;
        if key == TextKey::Flags && !Flag::WORDS.iter().any(|word| pattern.matches(word)) {
            let problem = source.error(at.clone(), format!("`{text}` is not a flag"));
            let near = problem.with_nearest(text, Flag::WORDS.iter().copied());
            return Err(match near.help {
                Some(_) => near,
                None => near.with_help(format!("one of `{}`", Flag::WORDS.join("`, `"))),
            });
        }
        list.push(pattern);
    }
    Ok(choice)
}

/// Adds one value of `metadata.*` to those that are wanted, or with `!` to those that are not.
fn attribute(
    source: &Source<'_>,
    name: &str,
    at: &Range<usize>,
    value: &Scalar,
    values: &mut Values,
) -> Result<(), Problem> {
    let compile = |text: &str| {
        let pattern = Pattern::compile(text, Over::Name).map_err(|message| source.error(at.clone(), message))?;
        Ok(Wanted::Text(pattern))
    };
    let wanted = match value {
        Scalar::Bool(value) => Wanted::Bool(*value),
        Scalar::Whole(_) => Wanted::Number(comparison(source, name, at, value)?),
        Scalar::Text(text) if text.starts_with(['<', '>']) => Wanted::Number(comparison(source, name, at, value)?),
        Scalar::Text(text) => match text.strip_prefix('!') {
            None => compile(text)?,
            Some("") => return Err(source.error(at.clone(), format!("an empty text is no value of `{name}`"))),
            Some(rest) => {
                // YAML has only texts that begin with `!`; what follows may stand for any scalar.
                values.none.extend(rest.parse().ok().map(Wanted::Bool));
                if rest.starts_with(['<', '>']) || rest.parse::<i64>().is_ok() {
                    let rest = rest.parse().map_or_else(|_| Scalar::Text(rest.to_owned()), Scalar::Whole);
                    values.none.push(Wanted::Number(comparison(source, name, at, &rest)?));
                }
                values.none.push(compile(rest)?);
                return Ok(());
            }
        },
    };
    values.any.push(wanted);
    Ok(())
}

/// Two keys that cannot hold at once: such a rule never applies, and is refused rather than kept silently.
fn contradictions(source: &Source<'_>, predicates: &[Predicate], problems: &mut Vec<Problem>) {
    let mut hours = predicates.iter().filter_map(|predicate| match predicate.test {
        Test::Bool(BoolKey::BusinessHours, open) => Some((predicate, open)),
        _ => None,
    });
    if let (Some((_, first)), Some((second, open))) = (hours.next(), hours.next())
        && first != open
    {
        let message = "this rule never applies: it asks for business hours and for their opposite";
        problems.push(source.error(second.at.clone(), message));
    }
    let without_resource = predicates.iter().find(|predicate| {
        matches!(&predicate.test, Test::Text(TextKey::Flags, choice)
            if choice.any.len() == 1 && choice.any.iter().all(|flag| !flag.is_wild() && flag.matches("no_resource")))
    });
    if let Some(without) = without_resource
        && predicates.iter().any(Predicate::asks_resource)
    {
        let message = "this rule never applies: an event without resources has none to match";
        problems.push(source.error(without.at.clone(), message));
    }
}
