//! How sensitive a resource is, from the tags that configuration gives it (RTE-13).

use crate::event::Level;

/// The shipped map; a tag that is not here says nothing.
const LEVELS: &[(&str, Level)] = &[
    ("critical", Level::Critical),
    ("tier-0", Level::Critical),
    ("tier:critical", Level::Critical),
    ("auth", Level::High),
    ("customer-data", Level::High),
    ("financial", Level::High),
    ("hipaa", Level::High),
    ("pci", Level::High),
    ("phi", Level::High),
    ("pii", Level::High),
    ("secrets", Level::High),
    ("sox", Level::High),
    ("tier-1", Level::High),
    ("prod", Level::Medium),
    ("production", Level::Medium),
];

/// The highest level that one of the *configured* tags stands for; without one, low.
///
/// A tag `sensitivity:LEVEL` says it outright and wins. The tags an event brings never come here: an agent
/// can neither raise nor lower it.
#[must_use]
pub fn sensitivity<'t>(configured_tags: impl IntoIterator<Item = &'t str>) -> Level {
    let mut computed = Level::Low;
    let mut stated: Option<Level> = None;
    for tag in configured_tags {
        if let Some(level) = tag.strip_prefix("sensitivity:").and_then(Level::from_word) {
            stated = stated.max(Some(level));
        }
        if let Some((_, level)) = LEVELS.iter().find(|(known, _)| *known == tag) {
            computed = computed.max(*level);
        }
    }
    stated.unwrap_or(computed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_tag_decides_unless_it_is_said_outright() {
        for (tags, level) in [
            (&[][..], Level::Low),
            (&["blue", "Production"], Level::Low),
            (&["production"], Level::Medium),
            (&["production", "pci"], Level::High),
            (&["critical", "production"], Level::Critical),
            (&["sensitivity:low", "critical"], Level::Low),
            (&["sensitivity:medium", "sensitivity:high"], Level::High),
            (&["sensitivity:soon", "pii"], Level::High),
        ] {
            assert_eq!(sensitivity(tags.iter().copied()), level, "{tags:?}");
        }
    }
}
