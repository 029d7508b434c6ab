//! What is wrong with a rules file, and where it says so.

use crate::{load, shown};

#[test]
fn a_mistake_is_shown_where_it_stands() {
    let mut wrong = Vec::new();
    let rule = |lines: &str| format!("rules:\n  - name: x\n    decision: monitored\n{lines}");
    for (text, expected) in [
        ("rule: []".to_owned(), "1:1 unknown key `rule` [did you mean `rules`?]"),
        (rule("    notfy: '@a'"), "4:5 unknown key `notfy` [did you mean `notify`?]"),
        (
            rule("    match: {resource.tag: x}"),
            "4:13 `resource.tag` is nothing a rule can match [did you mean `resource.tags`?]",
        ),
        (
            rule("    match: {metadata.session_id: x}"),
            "4:13 `metadata.session_id` is nothing a rule can match [it names one action; match what the action is instead]",
        ),
        (
            rule("    match:\n      resource.type: [file, tables]"),
            "5:29 `tables` is not a value of `resource.type` [did you mean `table`?]",
        ),
        (
            rule("    match: {actor.trust_level: \">= new\"}"),
            "4:32 `>= new` compares, and the values of `actor.trust_level` have no order [one of `new`, `established`, `degraded`]",
        ),
        (rule("    match: {action_type: \"> 3\"}"), "4:26 `> 3` compares numbers, and `action_type` is text"),
        (rule("    match: {action_type: []}"), "4:26 `action_type` has an empty list, which nothing matches"),
        (rule("    match: {action_type: \"{a\"}"), "4:26 `{a` has a brace without its partner; write `{a,b}`"),
        (rule("    match: {time.business_hours: 1}"), "4:34 `time.business_hours` is `true` or `false`, not `1`"),
        (
            rule("    match: {history.incidents: many}"),
            "4:32 `history.incidents` is a number, not `many` [such as `3` or `\">= 2\"`]",
        ),
        (rule("    match: {history.incidents: \"< 0\"}"), "4:32 `history.incidents` is a count and never `< 0`"),
        (
            rule("    match: {metadata.share: 0.5}"),
            "4:29 `0.5` is not a whole number; put it in quotes if it is meant as text",
        ),
        (
            rule("    match: {time.business_hours: true, time.outside_business_hours: true}"),
            "4:40 this rule never applies: it asks for business hours and for their opposite",
        ),
        (
            rule("    match: {flags: no_resource, resource.id: x}"),
            "4:13 this rule never applies: an event without resources has none to match",
        ),
        (rule("    match: {flags: lat}"), "4:20 `lat` is not a flag [did you mean `late`?]"),
        (
            rule("    match: {action_type: a, action_type: b}"),
            "4:29 the key `action_type` stands twice [keep one of them]",
        ),
        (
            rule("    notify: [resource.owner]"),
            "4:14 `resource.owner` is nobody to tell [did you mean `resource.owners`?]",
        ),
        (
            rule("    notify: []"),
            "2:11 the rule `x` tells nobody [leave `notify` out to tell the owners, or use `auto_execute`]",
        ),
        (
            rule("    notify: ['#ops', 'pagerduty:pay']"),
            "4:14 warning: `#ops` cannot be reached yet; the notice goes to the fallback\n\
             4:22 warning: `pagerduty:pay` cannot be reached yet; the notice goes to the fallback",
        ),
        (
            rule("    match: {time.change_freeze: true}"),
            "4:33 warning: this never applies: change freezes cannot be configured yet",
        ),
        (rule("    urgency: urgent"), "4:14 `urgent` is not an urgency [one of `low`, `medium`, `high`, `critical`]"),
        (rule("    timeout: soon"), "4:14 `soon` is not a duration; write `30s`, `5m`, `4h` or `7d`"),
        (rule("    sunset: 2026-13-01"), "4:13 `2026-13-01` is not a day [write it like `2026-12-31`]"),
        (rule("    extends: y"), "4:14 there is no rule `y` to extend"),
        (rule("  - {name: x, decision: auto}"), "4:12 the name `x` stands twice [the first is at rules/a.yaml:2]"),
        (
            "rules: [{name: everything else, decision: auto}]".to_owned(),
            "1:16 the name `everything else` stands twice \
             [the first is in `shipped/rules.yaml`; choose another, or write `extends`]",
        ),
        (
            "- {name: x}".to_owned(),
            "1:10 the rule `x` has no decision [`auto_execute`, `monitored_execute` or `flagged_execute`]",
        ),
        ("- {name: x, decision: monitor}".to_owned(), "1:23 `monitor` is not a decision [did you mean `monitored`?]"),
        ("- {name: x, decision: gated}".to_owned(), "1:23 gates are not available yet; use flagged_execute"),
        (
            "- {name: a, extends: b}\n- {name: b, extends: a}".to_owned(),
            "1:22 `a` extends itself by way of `b`\n2:22 `b` extends itself by way of `a`",
        ),
        ("- {name: a, extends: a}".to_owned(), "1:22 `a` extends itself"),
        (
            "layer: squad:x".to_owned(),
            "1:8 `squad:x` is not a layer [`tenant`, `team:@payments-team` or `resource:service:payments-*`]",
        ),
        ("layer: resource:servce:x".to_owned(), "1:8 `servce` is not a type of resource [did you mean `service`?]"),
        (
            "layer: team:@x\nrules: [{name: x, decision: auto, locked: true}]".to_owned(),
            "2:43 only the tenant's own rules can be locked",
        ),
        (
            "layer: resource:service:x\nrules: [{name: x, decision: auto, match: {resource.type: file}}]".to_owned(),
            "2:43 this rule never applies: its layer is about a service",
        ),
        (
            "disable: [agent-control file]".to_owned(),
            "1:11 `agent-control file` is not a shipped critical point [did you mean `agent-control files`?]",
        ),
        ("critical_points: [{match: {action_type: x}}]".to_owned(), "1:20 the key `reason` is missing here"),
        (
            "critical_points: [{match: {}, reason: always}]".to_owned(),
            "1:39 a critical point matches something, not everything",
        ),
        (
            "critical_points: [{match: {action_type: x}, reason: r, decision: auto}]".to_owned(),
            "1:66 a critical point tells somebody; `auto_execute` would not [use `flagged_execute`, or leave it out]",
        ),
        ("rules: [".to_owned(), "1:9 "),
    ] {
        let (_, problems) = load(&text);
        let found = shown(&problems);
        let whole = if expected.ends_with(' ') { found.lines().count() == 1 } else { found.len() == expected.len() };
        if !found.starts_with(expected) || !whole {
            wrong.push(format!("{text}\n  is       {found}\n  should be {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_mistake_reads_like_a_compilers() {
    let text = "rules:\n  - name: deploys\n    decision: monitored\n    match:\n      resource.tag: [production]\n";
    let (_, problems) = load(text);
    insta::assert_snapshot!(problems[0].render(text), @r"
    error: `resource.tag` is nothing a rule can match
     --> rules/a.yaml:5:7
      |
    5 |       resource.tag: [production]
      |       ^^^^^^^^^^^^
      |
    help: did you mean `resource.tags`?
    ");
}
