//! Rules as people write them: what loads, what is refused and where, and who is told.

use mandate_core::diagnostic::{Problem, Severity};
use mandate_core::event::{Decision, Flag, Flags, Impact, Level, ResourceKind};
use mandate_core::rule::{EventFacts, Outcome, ResourceFacts, Routed, RuleFile, RuleSet, Target, Trust, strictest};
use mandate_core::time::{HOUR, MINUTE, Millis};
use serde_json::json;

mod rule {
    mod property;
}

fn load(text: &str) -> (RuleSet, Vec<Problem>) {
    RuleSet::load(&[RuleFile { file: "rules/a.yaml", text }])
}

fn loaded(text: &str) -> RuleSet {
    let (set, problems) = load(text);
    assert_eq!(shown(&problems), "", "{text}");
    set
}

/// One line a problem: `line:column message [help]`, warnings marked.
fn shown(problems: &[Problem]) -> String {
    let line = |problem: &Problem| {
        let mark = if problem.severity == Severity::Warning { "warning: " } else { "" };
        let help = problem.help.as_deref().map(|help| format!(" [{help}]")).unwrap_or_default();
        format!("{}:{} {mark}{}{help}", problem.line, problem.column, problem.message)
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn service(id: &str) -> ResourceFacts<'_> {
    ResourceFacts::new(ResourceKind::Service, id)
}

fn file(id: &str) -> ResourceFacts<'_> {
    ResourceFacts::new(ResourceKind::File, id)
}

fn action(kind: &str) -> EventFacts<'_> {
    EventFacts { action_type: Some(kind), ..EventFacts::default() }
}

/// `decision rule`.
fn answer(routed: &Routed<'_>) -> String {
    format!("{} {}", routed.decision, routed.rule.name)
}

/// Why, in the words of all rules that have a say.
fn reasons<'r>(routed: &Routed<'r>) -> Vec<&'r str> {
    routed.rules().filter_map(|rule| rule.reason.as_deref()).collect()
}

#[track_caller]
fn check_routes(text: &str, cases: &[(EventFacts<'_>, Option<ResourceFacts<'_>>, &str)]) {
    let set = loaded(text);
    for (facts, resource, expected) in cases {
        assert_eq!(answer(&set.route(facts, resource.as_ref())), *expected, "{facts:?}\n{resource:?}");
    }
}

#[test]
fn the_documents_own_blocks_load_but_for_the_gates() {
    let gates = "gates are not available yet; use flagged_execute";
    for (text, rules, points, expected) in [
        (include_str!("rule/routing-rules.yaml"), 3, 0, format!("16:15 {gates}")),
        (include_str!("rule/critical-points.yaml"), 0, 3, String::new()),
        (include_str!("rule/learned-rule.yaml"), 1, 0, format!("5:16 {gates}")),
    ] {
        let (_, problems) = load(text);
        assert_eq!(shown(&problems), expected);
        let set = loaded(&text.replace("gated_execute", "flagged_execute"));
        let shipped = loaded("");
        assert_eq!(set.rules().len(), shipped.rules().len() + rules);
        assert_eq!(set.critical_points().len(), shipped.critical_points().len() + points);
    }
}

#[test]
fn the_documents_rules_route_as_they_say() {
    let text = include_str!("rule/routing-rules.yaml").replace("gated_execute", "flagged_execute");
    let production = ["production"];
    let stripe = ResourceFacts::new(ResourceKind::Api, "stripe.charges");
    check_routes(
        &text,
        &[
            (
                action("deploy"),
                Some(ResourceFacts { tags: &production, ..service("auth-service") }),
                "monitored Monitor all production deploys",
            ),
            (action("deploy"), Some(service("auth-service")), "monitored everything else"),
            (action("refund"), Some(stripe), "flagged Gate payment mutations"),
            (action("read"), None, "auto Auto-approve reads"),
        ],
    );
    let set = loaded(&text);
    let routed = set.route(&action("refund"), Some(&stripe));
    assert_eq!(routed.timeout, Some(MINUTE.times(5)));
    assert_eq!(routed.review_within, Some(HOUR.times(24)));

    let set = loaded(include_str!("rule/critical-points.yaml"));
    let sensitive = ResourceFacts { sensitivity: Level::Critical, ..service("ledger") };
    let night = EventFacts { business_hours: false, trust: Trust::Established, ..action("deploy") };
    let routed = set.route(&night, Some(&sensitive));
    assert_eq!((routed.decision, routed.urgency), (Decision::Flagged, Level::Critical));
    assert_eq!(reasons(&routed), ["Off-hours deploy to critical service", "the resource is sensitive"]);
    let day = EventFacts { business_hours: true, ..night };
    assert_eq!(set.route(&day, Some(&sensitive)).urgency, Level::High);
}

#[test]
fn shipped_rules_read_action_types_with_the_verb_first_or_last() {
    let production = ["production"];
    let rules = loaded("");
    for (kinds, plain, in_production) in [
        (
            "delete drop wipe delete_user drop_table drop_view delete_list purge_queue table_drop list_delete view_drop",
            "monitored destructive",
            "flagged destructive on production",
        ),
        (
            "query read list get file_read db_query_get read_file get_user list_tables search_code view_page describe_table file_list",
            "auto read-only",
            "auto read-only",
        ),
        (
            "create_view update_ip_allow_list add_to_list refresh_materialized_view set_view rename_list list_update \
             view_create get_or_create_user read_and_write search_and_replace file_write write_file query_kill",
            "monitored everything else",
            "monitored everything else",
        ),
        (
            "grant_role revoke_token role_grant rotate_api_key write_secret",
            "flagged access and secrets",
            "flagged access and secrets",
        ),
        ("refund create_charge refund_order transfer_funds", "flagged money", "flagged money"),
        ("alter_table migrate_db db_migrate", "monitored schema changes", "monitored schema changes"),
        ("deploy_service web_deploy", "monitored everything else", "monitored production deploys"),
    ] {
        for kind in kinds.split_whitespace() {
            let on = |tags| ResourceFacts { tags, ..service("x") };
            assert_eq!(answer(&rules.route(&action(kind), Some(&on(&[])))), plain, "{kind}");
            assert_eq!(answer(&rules.route(&action(kind), Some(&on(&production)))), in_production, "{kind}");
        }
    }
    for (kinds, critical) in [
        ("write_file file_write drop_view create_view update_list list_update edit_file delete_file view_drop", true),
        ("read read_file file_read get_file_info search_files list_directory file_list view_file", false),
    ] {
        for kind in kinds.split_whitespace() {
            let routed = rules.route(&action(kind), Some(&file("web/.claude/settings.json")));
            assert_eq!(routed.urgency == Level::Critical, critical, "{kind}: {}", answer(&routed));
        }
    }
}

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
        (
            rule("    match: {history.incidents: \">= 1\"}"),
            "4:32 warning: this never applies: incidents cannot be recorded yet",
        ),
        (
            rule("    match: {resource.environment: eu}"),
            "4:35 warning: this never applies: a resource's environment cannot be configured yet [match `resource.tags`, such as `production`]",
        ),
        (rule("    match: {metadata.env: \"!\"}"), "4:27 an empty text is no value of `metadata.env`"),
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
        ("rules: [{name: everything else, extends: everything else, urgency: high}]".to_owned(), ""),
        (rule("  - {name: x, decision: auto}"), "4:12 the name `x` stands twice [the first is at rules/a.yaml:2]"),
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

#[test]
fn every_key_matches_what_it_names() {
    let mut late = Flags::default();
    late.insert(Flag::Late);
    let tags = ["production", "pci"];
    let attributes = json!({"env": "staging", "tokens": 1200, "dry_run": true, "share": 0.5,
        "gen_ai.system": "x", "git": {"branch": "main", "files": ["a.rs", "b.rs"]}});
    let facts = EventFacts {
        now: Millis(0),
        action_type: Some("db_write"),
        actor_id: Some("deployer@ci"),
        actor_kind: Some(mandate_core::event::ActorKind::Agent),
        actor_name: Some("Deployer"),
        framework: Some("mcp"),
        actor_team: Some("@platform"),
        trust: Trust::Degraded,
        estimated_impact: Some(Impact::Medium),
        reversible: Some(true),
        attributes: attributes.as_object(),
        business_hours: false,
        change_freeze: false,
        incidents: 3,
        actor_failures: 1,
        flags: Some(&late),
    };
    let resource = ResourceFacts {
        repo: Some("acme/shop"),
        tags: &tags,
        sensitivity: Level::High,
        team: Some("payments-team"),
        environment: Some("eu-1"),
        owner_available: false,
        ..file("src/pay.rs")
    };
    for (key, yes, no) in [
        (
            "action_type",
            &["db_write", "db_*", "[read, db_write]", "'!read'"][..],
            &["write", "'!db_*'", "[db_*, '!db_write']"][..],
        ),
        ("actor.id", &["deployer@ci", "deployer@*"], &["deployer"]),
        ("actor.type", &["agent", "[human, agent]"], &["human"]),
        ("actor.name", &["Deployer"], &["deployer"]),
        ("actor.framework", &["mcp"], &["langchain"]),
        ("actor.team", &["'@platform'", "platform"], &["'@payments'"]),
        ("actor.trust_level", &["degraded", "[new, degraded]"], &["established"]),
        ("resource.type", &["file"], &["service"]),
        ("resource.id", &["src/pay.rs", "src/*", "src/**", "'**/pay.rs'", "'{src,lib}/*.rs'"], &["'*.rs'", "src"]),
        ("resource.repo", &["acme/shop", "acme/*"], &["acme/*-ui"]),
        ("resource.tags", &["pci", "[x, production]", "'p?i'", "'!blue'"], &["blue", "'!pci'", "[production, '!pci']"]),
        (
            "resource.sensitivity",
            &["high", "[high, critical]", "'>= medium'", "'<critical'"],
            &["critical", "'< high'"],
        ),
        ("resource.team", &["'@payments-team'", "payments-team"], &["'@platform'"]),
        ("resource.environment", &["eu-1", "eu-*"], &["us-1"]),
        ("owner.available", &["false"], &["true"]),
        ("time.business_hours", &["false"], &["true"]),
        ("time.outside_business_hours", &["true"], &["false"]),
        ("time.change_freeze", &["false"], &[]),
        (
            "history.incidents",
            &["3", "'>= 2'", "'>2'", "'== 3'", "[1, 3]", "'< 4'", "'<= 3'"],
            &["2", "'< 3'", "'> 3'"],
        ),
        ("history.actor_failures", &["'>= 1'"], &["'>= 2'"]),
        ("metadata.estimated_impact", &["medium", "'>= low'"], &["high", "'> medium'"]),
        ("metadata.reversible", &["true"], &["false"]),
        (
            "metadata.env",
            &["staging", "'sta*'", "[x, staging]", "'!production'", "['sta*', '!stage']"],
            &["production", "1", "'!staging'", "'!sta*'", "['sta*', '!staging']"],
        ),
        (
            "metadata.tokens",
            &["1200", "'> 1000'", "'!1000'", "'!> 1200'"],
            &["'> 1200'", "'1200'", "'!1200'", "'!> 1000'"],
        ),
        ("metadata.dry_run", &["true", "'!false'"], &["false", "'true'", "'!true'"]),
        ("metadata.share", &["'< 1'", "'> 0'"], &["'>= 1'", "0"]),
        ("metadata.gen_ai.system", &["x"], &["y"]),
        ("metadata.git.branch", &["main"], &["dev"]),
        ("metadata.attributes.git.files", &["b.rs", "'!c.rs'"], &["c.rs", "'!b.rs'"]),
        ("metadata.absent", &["'!x'"], &["'*'"]),
        ("flags", &["late", "[late, truncated]", "'!truncated'"], &["truncated", "'!late'"]),
    ] {
        for (values, expected) in [(yes, "flagged x"), (no, "monitored everything else")] {
            for value in values {
                let text = format!(
                    "disable: [irreversible and high impact, agent-control files]\nrules: [{{name: x, decision: flagged, match: {{{key}: {value}}}}}]"
                );
                let (set, problems) = load(&text);
                // What cannot be known yet is read, with a warning.
                let known = !shown(&problems).contains(" yet");
                assert_eq!(problems.is_empty(), known, "{text}\n{}", shown(&problems));
                assert!(known || ["resource.environment", "history.incidents"].contains(&key), "{text}");
                let found = answer(&set.route(&facts, Some(&resource)));
                let found = if found.starts_with("monitored") { "monitored everything else" } else { &found };
                assert_eq!(found, expected, "{key}: {value}");
                if key.starts_with("resource.") || key.starts_with("owner.") {
                    assert_ne!(answer(&set.route(&facts, None)), "flagged x", "{key}: {value} without a resource");
                }
            }
        }
    }
}

#[test]
fn the_most_specific_layer_decides_and_the_first_match_within_it() {
    let files = [
        RuleFile {
            file: "rules/tenant.yaml",
            text: "- {name: t1, decision: flagged, match: {action_type: deploy}}\n\
                   - {name: t2, decision: auto, match: {action_type: deploy}}",
        },
        RuleFile {
            file: "rules/team.yaml",
            text: "layer: team:@pay\nrules: [{name: p1, decision: auto, match: {action_type: deploy}}]",
        },
        RuleFile {
            file: "rules/ledger.yaml",
            text: "layer: resource:service:ledger-*\nrules: [{name: l1, decision: monitored}]",
        },
    ];
    let (set, problems) = RuleSet::load(&files);
    assert_eq!(shown(&problems), "");
    let team = |team, id| ResourceFacts { team: Some(team), ..service(id) };
    for (resource, expected) in [
        (service("web"), "flagged t1"),
        (team("@pay", "web"), "auto p1"),
        (team("pay", "web"), "auto p1"),
        (team("@other", "web"), "flagged t1"),
        (team("@pay", "ledger-eu"), "monitored l1"),
        (ResourceFacts { team: Some("@pay"), ..file("ledger-eu") }, "auto p1"),
    ] {
        assert_eq!(answer(&set.route(&action("deploy"), Some(&resource))), expected, "{resource:?}");
    }
    let read = set.route(&action("read"), Some(&service("web")));
    assert_eq!(answer(&read), "auto read-only");
    assert_eq!((&*read.rule.file, read.rule.layer.to_string()), ("shipped/rules.yaml", "shipped".to_owned()));
    let l1 = set.rules().first().unwrap();
    assert_eq!(
        (l1.layer.to_string().as_str(), &*l1.file, l1.line),
        ("resource:service:ledger-*", "rules/ledger.yaml", 2)
    );
}

#[test]
fn a_locked_rule_can_only_be_made_stricter() {
    let files = |team_decision: &str| {
        let text = format!("layer: team:@pay\nrules: [{{name: p1, decision: {team_decision}, notify: '@pay'}}]");
        let tenant = "- {name: t1, decision: monitored, locked: true, urgency: high, notify: '@platform', \
                       match: {action_type: deploy}, reason: platform watches}";
        RuleSet::load(&[RuleFile { file: "t", text: tenant }, RuleFile { file: "p", text: &text }]).0
    };
    let resource = ResourceFacts { team: Some("@pay"), ..service("web") };
    for (team, expected, told) in [
        ("auto", "monitored t1", &["@platform"][..]),
        ("monitored", "monitored p1", &["@pay", "@platform"]),
        ("flagged", "flagged p1", &["@pay", "@platform"]),
    ] {
        let set = files(team);
        let routed = set.route(&action("deploy"), Some(&resource));
        assert_eq!((answer(&routed).as_str(), routed.urgency), (expected, Level::High));
        assert_eq!(routed.notify().map(|(target, _)| target.to_string()).collect::<Vec<_>>(), told);
        assert!(reasons(&routed).contains(&"platform watches"));
        // What the locked rule does not match is the team's own.
        assert_eq!(set.route(&action("edit"), Some(&resource)).rule.name.as_ref(), "p1");
    }
}

#[test]
fn explaining_shows_the_tenants_rules_below_a_teams_only_when_they_have_a_say() {
    let team = "layer: team:@pay\nrules: [{name: p1, decision: monitored, match: {action_type: [deploy, edit]}}]";
    let tenant = "rules:\n  - {name: t1, decision: flagged, locked: true, match: {action_type: deploy}}\n\
                    \x20 - {name: t2, decision: flagged, match: {action_type: edit}}";
    let set = RuleSet::load(&[RuleFile { file: "p", text: team }, RuleFile { file: "t", text: tenant }]).0;
    let resource = ResourceFacts { team: Some("@pay"), ..service("web") };
    for (kind, decision, matched) in [
        ("deploy", "flagged t1", &["p1", "t1"][..]),
        ("edit", "monitored p1", &["p1"]),
        ("look_up", "monitored everything else", &["everything else"]),
    ] {
        assert_eq!(answer(&set.route(&action(kind), Some(&resource))), decision);
        let steps = set.explain(&action(kind), Some(&resource));
        let shown = steps.iter().filter(|step| step.outcome == Outcome::Matched);
        assert_eq!(shown.map(|step| &*step.rule.name).collect::<Vec<_>>(), matched, "{kind}");
    }
}

#[test]
fn resources_of_one_event_take_the_strictest_and_tell_everybody() {
    let set = loaded(
        "- {name: a, decision: flagged, match: {resource.id: a}, notify: ['@x', '@y'], review_within: 2h}\n\
         - {name: b, decision: monitored, match: {resource.id: b}, notify: ['@y', resource.owners], urgency: critical}\n\
         - {name: c, decision: auto, match: {resource.id: c}}",
    );
    let facts = action("edit");
    let routed: Vec<_> = ["c", "b", "a"].iter().map(|id| set.route(&facts, Some(&service(id)))).collect();
    let combined = strictest(&routed).unwrap();
    assert_eq!((combined.decision, combined.decided_by, &*combined.rule.name), (Decision::Flagged, 2, "a"));
    assert_eq!((combined.urgency, combined.review_within), (Level::Critical, Some(HOUR.times(2))));
    let told: Vec<String> = combined
        .notify
        .iter()
        .map(|notice| {
            let because: Vec<String> =
                notice.because.iter().map(|(place, rule)| format!("{place}{}", rule.name)).collect();
            format!("{} {}", notice.target, because.join(" "))
        })
        .collect();
    assert_eq!(told, ["@y 1b 2a", "resource.owners 1b", "@x 2a"]);
    assert_eq!(strictest(&[]), None);
}

#[test]
fn inheritance_takes_what_is_not_stated() {
    let set = loaded(
        "- {name: base, decision: flagged, match: {action_type: deploy, resource.tags: production}, notify: '@x', \
            reason: why, urgency: low, timeout: 300, sunset: 2026-01-31}\n\
         - {name: child, extends: base, match: {resource.tags: staging}, notify: '@y', source: 'postmortem:1'}\n\
         - {name: mine, extends: production deploys, decision: flagged, match: {action_type: ship}}",
    );
    let tags = ["staging"];
    let resource = ResourceFacts { tags: &tags, ..service("web") };
    let routed = set.route(&action("deploy"), Some(&resource));
    assert_eq!(answer(&routed), "flagged child");
    assert_eq!((routed.urgency, routed.timeout), (Level::Low, Some(MINUTE.times(5))));
    assert_eq!(routed.rule.notify, [Target::Handle("@y".into())]);
    assert_eq!((routed.rule.reason.as_deref(), routed.rule.source.as_deref()), (Some("why"), Some("postmortem:1")));
    assert_eq!(routed.rule.sunset, None);
    let tags = ["production"];
    let resource = ResourceFacts { tags: &tags, ..service("web") };
    assert_eq!(answer(&set.route(&action("ship"), Some(&resource))), "flagged mine");
}

#[test]
fn a_rule_ends_with_its_last_day() {
    let set = loaded("- {name: x, decision: flagged, sunset: 2026-12-31}");
    let at = |now| EventFacts { now: Millis(now), ..action("edit") };
    let midnight: jiff::Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    let midnight = midnight.as_millisecond();
    assert_eq!(set.route(&at(midnight - 1), None).rule.name.as_ref(), "x");
    assert_eq!(set.route(&at(midnight), None).rule.name.as_ref(), "everything else");
    assert_eq!(set.explain(&at(midnight), None)[0].outcome, Outcome::Expired);
}

#[test]
fn explaining_names_the_first_key_that_does_not_hold() {
    let set = loaded("- {name: x, decision: flagged, match: {action_type: [deploy, ship], resource.tags: pci}}");
    let tags = ["production"];
    let resource = ResourceFacts { tags: &tags, ..service("web") };
    let steps = set.explain(&action("deploy"), Some(&resource));
    assert_eq!(
        steps[0].outcome,
        Outcome::Missed { key: "resource.tags", wanted: "pci", found: "[production]".to_owned() }
    );
    let steps = set.explain(&action("read"), None);
    let missed = Outcome::Missed { key: "action_type", wanted: "[deploy, ship]", found: "read".to_owned() };
    assert_eq!(steps[0].outcome, missed);
    let matched: Vec<_> =
        steps.iter().filter(|step| step.outcome == Outcome::Matched).map(|step| &*step.rule.name).collect();
    assert_eq!(matched, ["read-only"]);
}

#[test]
fn the_defaults_are_few_and_sensible() {
    let set = loaded("");
    assert!(set.rules().len() + set.critical_points().len() < 20);
    let production = ["production"];
    let live = ResourceFacts { tags: &production, ..service("payments-service") };
    let outside = {
        let mut flags = Flags::default();
        flags.insert(Flag::OutsideRepo);
        flags
    };
    let grave = EventFacts { reversible: Some(false), estimated_impact: Some(Impact::High), ..action("file_read") };
    for (facts, resource, expected, urgency) in [
        (action("file_read"), Some(live), "auto read-only", Level::Low),
        (action("list"), None, "auto read-only", Level::Low),
        (action("read_and_delete"), Some(live), "flagged destructive on production", Level::High),
        (action("delete"), Some(live), "flagged destructive on production", Level::High),
        (action("file_delete"), Some(file("a.rs")), "monitored destructive", Level::High),
        (action("deploy"), Some(live), "monitored production deploys", Level::High),
        (action("deploy"), Some(service("web")), "monitored everything else", Level::Medium),
        (action("refund"), Some(live), "flagged money", Level::High),
        (EventFacts { estimated_impact: Some(Impact::None), ..action("ping") }, None, "auto no impact", Level::Low),
        (
            EventFacts { estimated_impact: Some(Impact::High), ..action("edit") },
            None,
            "monitored everything else",
            Level::High,
        ),
        (
            EventFacts { flags: Some(&outside), ..action("file_write") },
            Some(file("/etc/hosts")),
            "monitored outside the repository",
            Level::Medium,
        ),
        (EventFacts::default(), None, "monitored everything else", Level::Medium),
        (grave, Some(live), "flagged irreversible and high impact", Level::Critical),
        (
            action("file_write"),
            Some(file(".claude/settings.local.json")),
            "flagged agent-control files",
            Level::Critical,
        ),
        (
            action("file_write"),
            Some(file("/home/u/.cursor/rules/a.md")),
            "flagged agent-control files",
            Level::Critical,
        ),
        (action("edit"), Some(file(".github/CODEOWNERS")), "flagged agent-control files", Level::Critical),
        (EventFacts::default(), Some(file("CODEOWNERS")), "flagged agent-control files", Level::Critical),
        (action("edit"), Some(file("ops/mandate/rules/a.yaml")), "flagged agent-control files", Level::Critical),
        (action("file_read"), Some(file("CODEOWNERS")), "auto read-only", Level::Low),
        (action("edit"), Some(file("docs/CODEOWNERS.md")), "monitored everything else", Level::Medium),
    ] {
        let routed = set.route(&facts, resource.as_ref());
        assert_eq!((answer(&routed).as_str(), routed.urgency), (expected, urgency), "{facts:?} {resource:?}");
        assert_eq!(routed.decision == Decision::Auto, routed.notify().next().is_none(), "never nothing");
        assert_eq!(routed.rules().any(|rule| rule.critical_point), urgency == Level::Critical);
    }
}

#[test]
fn a_tenant_can_turn_a_shipped_critical_point_off() {
    let set = loaded("disable: [agent-control files]");
    assert_eq!(answer(&set.route(&action("edit"), Some(&file("CODEOWNERS")))), "monitored everything else");
}

#[test]
fn a_critical_point_raises_whatever_the_rules_say() {
    let set = loaded(
        "rules: [{name: quiet, decision: auto}]\n\
         critical_points: [{name: c, match: {resource.id: vault}, reason: it is the vault, notify: '@sec'}]",
    );
    let routed = set.route(&action("edit"), Some(&service("vault")));
    assert_eq!((answer(&routed).as_str(), routed.urgency), ("flagged c", Level::Critical));
    assert_eq!(routed.notify().map(|(target, _)| target.to_string()).collect::<Vec<_>>(), ["@sec"]);
    assert_eq!(reasons(&routed), ["it is the vault"]);
    assert_eq!(answer(&set.route(&action("edit"), Some(&service("web")))), "auto quiet");
}

#[test]
fn a_set_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    shared(&loaded(""));
}
