//! One key of a rule's `match`, compiled: what it asks of the facts.

use std::ops::Range;

use serde_json::Value;

use super::fact::{EventFacts, ResourceFacts, Trust, attribute, bare};
use super::pattern::{Literal, Pattern};
use crate::event::{ActorKind, Impact, Level, ResourceKind};

/// A condition on the facts, and how the file wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// The key, such as `resource.tags`.
    pub key: Box<str>,
    /// Its values as the file has them, lists in brackets.
    pub wanted: Box<str>,
    pub(super) test: Test,
    /// Where the key stands in its file.
    pub(super) at: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Bool(BoolKey, bool),
    /// Bit `n` stands for the `n`th word of the scale.
    Word(WordKey, u8),
    Number(NumberKey, Vec<Comparison>),
    Text(TextKey, Choice),
    Attribute(Box<str>, Values),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BoolKey {
    BusinessHours,
    ChangeFreeze,
    Reversible,
    OwnerAvailable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordKey {
    ActorType,
    Trust,
    Impact,
    ResourceType,
    Sensitivity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberKey {
    Incidents,
    ActorFailures,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextKey {
    ActionType,
    ActorId,
    ActorName,
    ActorFramework,
    ActorTeam,
    Flags,
    ResourceId,
    ResourceRepo,
    ResourceTags,
    ResourceTeam,
    ResourceEnvironment,
}

/// Any of some patterns, and none of others (`!pattern`). Without the former, anything but the latter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) any: Vec<Pattern>,
    pub(super) none: Vec<Pattern>,
}

/// Any of some values of `metadata.*`, and none of others, as [`Choice`] has it for text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) any: Vec<Wanted>,
    pub(super) none: Vec<Wanted>,
}

/// What one value of `metadata.*` may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    Bool(bool),
    Number(Comparison),
    Text(Pattern),
}

/// `>= 2` and its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) sign: Sign,
    pub(super) than: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

impl Sign {
    /// The sign at the front of a text, and what follows it.
    pub(super) fn split(text: &str) -> Option<(Self, &str)> {
        let signs = [(">=", Self::AtLeast), ("<=", Self::AtMost), ("==", Self::Equal)];
        let signs = signs.into_iter().chain([(">", Self::More), ("<", Self::Less), ("=", Self::Equal)]);
        let mut found = signs.filter_map(|(word, sign)| Some((sign, text.strip_prefix(word)?.trim_start())));
        found.next()
    }

    pub(super) fn holds<T: PartialOrd>(self, found: T, than: T) -> bool {
        match self {
            Self::Less => found < than,
            Self::AtMost => found <= than,
            Self::Equal => found == than,
            Self::AtLeast => found >= than,
            Self::More => found > than,
        }
    }
}

impl Choice {
    fn takes<'v, V: Iterator<Item = &'v str>>(&self, values: impl Fn() -> V) -> bool {
        (self.any.is_empty() || values().any(|value| self.any.iter().any(|pattern| pattern.matches(value))))
            && (self.none.is_empty() || !values().any(|value| self.none.iter().any(|pattern| pattern.matches(value))))
    }
}

impl Values {
    /// A list is as each of its items.
    fn takes(&self, found: Option<&Value>) -> bool {
        let items = match found {
            Some(Value::Array(items)) => items.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let has = |values: &[Wanted]| items.iter().any(|item| values.iter().any(|wanted| wanted.takes(item)));
        (self.any.is_empty() || has(&self.any)) && !has(&self.none)
    }
}

impl Predicate {
    /// Whether it asks about the resource, so that without one it does not hold.
    #[must_use]
    pub fn asks_resource(&self) -> bool {
        match &self.test {
            Test::Bool(key, _) => *key == BoolKey::OwnerAvailable,
            Test::Word(key, _) => matches!(key, WordKey::ResourceType | WordKey::Sensitivity),
            Test::Text(key, _) => key.asks_resource(),
            Test::Number(..) | Test::Attribute(..) => false,
        }
    }

    /// Whether the facts are as it asks.
    #[must_use]
    pub fn holds(&self, facts: &EventFacts<'_>, resource: Option<&ResourceFacts<'_>>) -> bool {
        match &self.test {
            Test::Bool(key, wanted) => key.read(facts, resource) == Some(*wanted),
            Test::Word(key, wanted) => key.read(facts, resource).is_some_and(|(index, _)| wanted & (1 << index) != 0),
            Test::Number(key, any) => {
                let found = i64::from(key.read(facts));
                any.iter().any(|comparison| comparison.sign.holds(found, comparison.than))
            }
            Test::Text(key, choice) => {
                if key.asks_resource() && resource.is_none() {
                    return false;
                }
                match key {
                    TextKey::ResourceTags => choice.takes(|| resource.iter().flat_map(|of| of.tags.iter().copied())),
                    TextKey::Flags => {
                        choice.takes(|| facts.flags.iter().flat_map(|flags| flags.iter().map(|flag| flag.as_str())))
                    }
                    _ => choice.takes(|| key.read(facts, resource).into_iter()),
                }
            }
            Test::Attribute(path, values) => {
                values.takes(facts.attributes.and_then(|attributes| attribute(attributes, path)))
            }
        }
    }

    /// What the facts have for its key, in words; `nothing` when they have none.
    #[must_use]
    pub fn found(&self, facts: &EventFacts<'_>, resource: Option<&ResourceFacts<'_>>) -> String {
        let list = |values: Vec<&str>| match values.as_slice() {
            [] => None,
            values => Some(format!("[{}]", values.join(", "))),
        };
        let found = match &self.test {
            Test::Bool(key, _) => key.read(facts, resource).map(|value| match key {
                // The key that was written may be the opposite one.
                BoolKey::BusinessHours if &*self.key == "time.outside_business_hours" => (!value).to_string(),
                _ => value.to_string(),
            }),
            Test::Word(key, _) => key.read(facts, resource).map(|(_, word)| word.to_owned()),
            Test::Number(key, _) => Some(key.read(facts).to_string()),
            Test::Text(TextKey::ResourceTags, _) => resource.and_then(|resource| list(resource.tags.to_vec())),
            Test::Text(TextKey::Flags, _) => {
                facts.flags.and_then(|flags| list(flags.iter().map(|flag| flag.as_str()).collect()))
            }
            Test::Text(key, _) => key.read(facts, resource).map(str::to_owned),
            Test::Attribute(path, _) => {
                facts.attributes.and_then(|attributes| attribute(attributes, path)).map(Value::to_string)
            }
        };
        found.unwrap_or_else(|| "nothing".to_owned())
    }

    /// How dear it is to evaluate: cheap ones are asked first.
    pub(super) fn cost(&self) -> u8 {
        match &self.test {
            Test::Bool(..) => 0,
            Test::Word(..) => 1,
            Test::Number(..) => 2,
            Test::Text(TextKey::ResourceTags | TextKey::Flags, _) => 5,
            Test::Text(_, choice) if choice.any.iter().chain(&choice.none).any(Pattern::is_wild) => 4,
            Test::Text(..) => 3,
            Test::Attribute(..) => 6,
        }
    }

    /// The key it can be looked up by, and what the facts begin with or are when it holds.
    pub(super) fn literals(&self) -> Option<(Lookup, Vec<Literal<'_>>)> {
        match &self.test {
            Test::Text(key, choice) if !choice.any.is_empty() => {
                let literals: Vec<_> = choice.any.iter().flat_map(Pattern::literals).collect();
                let open = literals.iter().any(|literal| matches!(literal, Literal::Prefix("")));
                (!open).then_some((Lookup::Text(*key), literals))
            }
            Test::Word(key, mask) => {
                let words = key.words().iter().enumerate();
                let literals =
                    words.filter(|(index, _)| mask & (1 << index) != 0).map(|(_, word)| Literal::Whole(word));
                Some((Lookup::Word(*key), literals.collect()))
            }
            _ => None,
        }
    }
}

impl Wanted {
    fn takes(&self, found: &Value) -> bool {
        match (self, found) {
            (Self::Bool(wanted), Value::Bool(found)) => wanted == found,
            (Self::Text(pattern), Value::String(found)) => pattern.matches(found),
            (Self::Number(Comparison { sign, than }), Value::Number(found)) => match (found.as_i64(), found.as_f64()) {
                (Some(found), _) => sign.holds(found, *than),
                // Comparing only; events hold no number that a double cannot, and neither do rules.
                #[expect(clippy::cast_precision_loss, reason = "what is compared with is below 2^53")]
                (None, Some(found)) => sign.holds(found, *than as f64),
                (None, None) => false,
            },
            _ => false,
        }
    }
}

impl BoolKey {
    fn read(self, facts: &EventFacts<'_>, resource: Option<&ResourceFacts<'_>>) -> Option<bool> {
        match self {
            Self::BusinessHours => Some(facts.business_hours),
            Self::ChangeFreeze => Some(facts.change_freeze),
            Self::Reversible => facts.reversible,
            Self::OwnerAvailable => resource.map(|resource| resource.owner_available),
        }
    }
}

impl WordKey {
    /// The words of its scale, in order.
    pub(super) fn words(self) -> &'static [&'static str] {
        match self {
            Self::ActorType => ActorKind::WORDS,
            Self::Trust => Trust::WORDS,
            Self::Impact => Impact::WORDS,
            Self::ResourceType => ResourceKind::WORDS,
            Self::Sensitivity => Level::WORDS,
        }
    }

    /// Whether its words are degrees, which can be compared.
    pub(super) fn is_scale(self) -> bool {
        matches!(self, Self::Impact | Self::Sensitivity)
    }

    /// The place of the found word in its scale, and the word.
    pub(super) fn read(
        self,
        facts: &EventFacts<'_>,
        resource: Option<&ResourceFacts<'_>>,
    ) -> Option<(u8, &'static str)> {
        // The enums are declared in the order of their words, so the discriminant is the place.
        match self {
            Self::ActorType => facts.actor_kind.map(|word| (word as u8, word.as_str())),
            Self::Trust => Some((facts.trust as u8, facts.trust.as_str())),
            Self::Impact => facts.estimated_impact.map(|word| (word as u8, word.as_str())),
            Self::ResourceType => resource.map(|resource| (resource.kind as u8, resource.kind.as_str())),
            Self::Sensitivity => resource.map(|resource| (resource.sensitivity as u8, resource.sensitivity.as_str())),
        }
    }
}

impl NumberKey {
    fn read(self, facts: &EventFacts<'_>) -> u32 {
        match self {
            Self::Incidents => facts.incidents,
            Self::ActorFailures => facts.actor_failures,
        }
    }
}

impl TextKey {
    fn asks_resource(self) -> bool {
        matches!(
            self,
            Self::ResourceId | Self::ResourceRepo | Self::ResourceTags | Self::ResourceTeam | Self::ResourceEnvironment
        )
    }

    /// The one value that the facts have; tags and flags have several, and none here.
    pub(super) fn read<'a>(self, facts: &EventFacts<'a>, resource: Option<&ResourceFacts<'a>>) -> Option<&'a str> {
        match self {
            Self::ActionType => facts.action_type,
            Self::ActorId => facts.actor_id,
            Self::ActorName => facts.actor_name,
            Self::ActorFramework => facts.framework,
            Self::ActorTeam => facts.actor_team.map(bare),
            Self::ResourceId => resource.map(|resource| resource.id),
            Self::ResourceRepo => resource.and_then(|resource| resource.repo),
            Self::ResourceTeam => resource.and_then(|resource| resource.team).map(bare),
            Self::ResourceEnvironment => resource.and_then(|resource| resource.environment),
            Self::ResourceTags | Self::Flags => None,
        }
    }
}

/// A key by which the index finds rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    Text(TextKey),
    Word(WordKey),
}
