//! The small objects that the others are made of: texts, options, confirmations.

use super::{Findings, Spot};

/// Whether something may be left out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Must,
    May,
}

/// A member that is a `plain_text` of at most so many characters.
pub(super) fn plain(spot: &Spot<'_>, name: &str, most: usize, need: Need, findings: &mut Findings) {
    member(spot, name, most, need, &["plain_text"], findings);
}

/// A member that is a text of either kind.
pub(super) fn either(spot: &Spot<'_>, name: &str, most: usize, need: Need, findings: &mut Findings) {
    member(spot, name, most, need, &["plain_text", "mrkdwn"], findings);
}

fn member(spot: &Spot<'_>, name: &str, most: usize, need: Need, kinds: &[&str], findings: &mut Findings) {
    match spot.get(name) {
        Some(inner) => text(&inner, most, kinds, findings),
        None if need == Need::Must => findings.missing(name, &spot.at),
        None => (),
    }
}

/// A text object of one of these kinds, 1 to `most` characters.
pub(super) fn text(spot: &Spot<'_>, most: usize, kinds: &[&str], findings: &mut Findings) {
    if !kinds.contains(&spot.kind()) {
        findings.add(&format!("must be one of: {}", kinds.join(", ")), &format!("{}/type", spot.at));
        return;
    }
    let own = if spot.kind() == "mrkdwn" { "verbatim" } else { "emoji" };
    spot.only(&["type", "text", own], findings);
    if spot.get("text").is_none() {
        findings.missing("text", &spot.at);
    }
    spot.string("text", 1, most, findings);
}

/// The dialog that asks again before a button does what it says.
pub(super) fn confirm(spot: &Spot<'_>, findings: &mut Findings) {
    let Some(confirm) = spot.get("confirm") else { return };
    confirm.only(&["title", "text", "confirm", "deny", "style"], findings);
    plain(&confirm, "title", 100, Need::Must, findings);
    either(&confirm, "text", 300, Need::Must, findings);
    plain(&confirm, "confirm", 30, Need::Must, findings);
    plain(&confirm, "deny", 30, Need::Must, findings);
    style(&confirm, findings);
}

/// `primary` or `danger`, if anything.
pub(super) fn style(spot: &Spot<'_>, findings: &mut Findings) {
    if let Some(style) = spot.get("style")
        && !["primary", "danger"].iter().any(|known| style.value == known)
    {
        findings.add("must be one of: primary, danger", &style.at);
    }
}

/// Between one and `most` options, each with a value of at most `value` characters.
pub(super) fn options(spot: &Spot<'_>, name: &str, most: usize, value: usize, findings: &mut Findings) {
    for option in spot.list(name, 1, most, findings) {
        option.only(&["text", "value", "description", "url"], findings);
        either(&option, "text", 75, Need::Must, findings);
        either(&option, "description", 75, Need::May, findings);
        if option.get("value").is_none() {
            findings.missing("value", &option.at);
        }
        option.string("value", 0, value, findings);
        option.string("url", 0, 3_000, findings);
    }
}

/// Between one and a hundred groups of options.
pub(super) fn groups(spot: &Spot<'_>, findings: &mut Findings) {
    for group in spot.list("option_groups", 1, 100, findings) {
        group.only(&["label", "options"], findings);
        plain(&group, "label", 75, Need::Must, findings);
        options(&group, "options", 100, 75, findings);
    }
}
