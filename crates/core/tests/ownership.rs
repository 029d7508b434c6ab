//! Ownership through its one door: files in, who is told and why out.

use mandate_core::diagnostic::{Problem, Severity};
use mandate_core::event::{Resource, ResourceKind};
use mandate_core::ownership::codeowners::Dialect;
use mandate_core::ownership::{
    CodeownersSource, Directory, Explanation, Fallback, LogName, OwnerRef, OwnershipSource, Party, Step, StepOutcome,
    Trust, person_id, wanted_codeowners,
};
use proptest::prelude::*;

const KEY: [u8; 32] = [7; 32];

const YAML: &str = r##"people:
  - {handle: "@alice", name: "Alice", email: alice@example.com, contacts: [{channel: slack, address: U01}, {channel: ops-hook}]}
  - {handle: "@bob", contacts: [{channel: ops-hook}]}
  - {handle: "@dave", email: dave@example.com}
  - {handle: "@erin", email: erin@example.com}
teams:
  - {handle: "@payments-team", members: ["@alice", "@bob"], lead: "@dave", contacts: [{channel: slack, address: "#payments"}]}
  - {handle: "@platform", members: ["@dave", "@erin"]}
  - {handle: "@infra", members: ["@erin"], lead: "@bob"}
owners:
  - {resource: "service:payments-*", primary: "@alice", secondary: "@bob", team: "@payments-team"}
  - {resource: "service:payments-db", team: "@platform"}
  - {resource: "service:payments-w*", primary: "@bob"}
  - {resource: "service:payments-web", primary: "@erin"}
  - {resource: "service:legacy", external: {name: "Acme Consulting", email: oncall@acme.example, sla: 4h, escalation: "@dave"}}
  - {resource: "service:twice", primary: "@alice"}
  - {resource: "service:twice", primary: "@bob", lead: "@erin"}
  - {resource: "service:later", primary: TBD}
  - {resource: "service:half", primary: TBD, team: "@platform"}
  - {resource: "service:ghost", primary: "@ghost"}
  - {resource: "file:src/shared/**", primary: "@bob"}
  - {resource: "file:acme/Shop:src/shared/**", primary: "@erin"}
  - {resource: "file:src/pay.rs", primary: "@alice"}
  - {resource: "file:src/later.rs", primary: "unknown"}
  - {resource: "api:mcp/*/write_*", primary: "@bob"}
  - {resource: "table:*", team: "@platform"}
codeowners:
  - {repo: "acme/shop", path: ./CODEOWNERS, dialect: github}
agents:
  - {id: deployer, team: "@platform", trust: high}
  - {id: "deploy*", team: "@infra"}
  - {id: "*", team: "@payments-team", trust: low}
"##;

const CODEOWNERS: &str = "* @acme/platform
/src/ @bob @alice @acme/payments-team
/src/gen/
/docs/ @nobody
/mail/ ERIN@example.com
/team/ @acme/strangers
";

struct Setup {
    directory: Directory,
    problems: Vec<Problem>,
}

fn load(yaml: &str, codeowners: &[(&str, &str)]) -> Setup {
    let sources: Vec<CodeownersSource<'_>> = codeowners
        .iter()
        .map(|(repo, text)| CodeownersSource { repo, dialect: Dialect::Github, file: "CODEOWNERS", text })
        .collect();
    let fallback = Fallback { notify: vec!["@platform".into()], alternate: vec!["ops-hook".into()] };
    let (directory, problems) =
        Directory::load(Some(OwnershipSource { file: "ownership.yaml", text: yaml }), &sources, &[], &fallback, &KEY);
    Setup { directory, problems }
}

fn usual() -> Setup {
    load(YAML, &[("acme/shop", CODEOWNERS)])
}

/// `type:id` or `file:repo:id`.
fn resource(text: &str) -> Resource {
    let (kind, id) = text.split_once(':').unwrap();
    let kind = ResourceKind::from_word(kind).unwrap();
    match id.split_once(':') {
        Some((repo, id)) => Resource { repo: Some(repo.to_owned()), ..Resource::new(kind, id) },
        None => Resource::new(kind, id),
    }
}

impl Setup {
    fn name(&self, owner: OwnerRef) -> &str {
        self.directory.party(owner).unwrap().handle()
    }

    /// `reason confidence told [p=… s=… t=… l=… e=…] flags`.
    fn answer(&self, address: &str) -> String {
        let resource = resource(address);
        let owned = self.directory.resolve(&resource);
        let told: Vec<&str> = owned.owners.iter().map(|owner| self.name(*owner)).collect();
        let layers = owned.layers;
        let mut text = format!("{} {} {}", owned.reason, owned.confidence, told.join(","));
        for (letter, layer) in [
            ("p", layers.primary),
            ("s", layers.secondary),
            ("t", layers.team),
            ("l", layers.lead),
            ("e", layers.escalation),
        ] {
            if let Some(owner) = layer {
                text.push_str(&format!(" {letter}={}", self.name(owner)));
            }
        }
        for (flag, word) in [
            (owned.ambiguous, " ambiguous"),
            (owned.unowned, " unowned"),
            (!owned.reachable, " unreachable"),
            (owned.fallback_told, " +fallback"),
        ] {
            text.push_str(if flag { word } else { "" });
        }
        let explained = self.directory.explain(&resource);
        let mut shown: Vec<&str> = owned.owners.iter().map(|owner| self.name(*owner)).collect();
        if owned.fallback_told && !owned.unowned {
            shown.push("@platform");
        }
        assert_eq!((explained.step, explained.reason), (owned.step, owned.reason));
        assert_eq!(explained.owners.iter().map(|owner| &*owner.handle).collect::<Vec<_>>(), shown);
        check_explanation(&explained);
        text
    }

    fn check(&self, cases: &[(&str, &str)]) {
        for (address, expected) in cases {
            assert_eq!(self.answer(address), *expected, "{address}");
        }
    }
}

/// What holds for every explanation: all steps in order, and exactly one that decided, the one that is named.
fn check_explanation(explained: &Explanation) {
    assert_eq!(explained.steps.iter().map(|step| step.step).collect::<Vec<_>>(), Step::ALL);
    let decided: Vec<Step> =
        explained.steps.iter().filter(|step| step.outcome == StepOutcome::Decided).map(|step| step.step).collect();
    assert_eq!(decided, [explained.step], "{explained:?}");
    assert!(explained.steps.iter().all(|step| !step.words.is_empty()));
    assert_eq!(explained.confidence, explained.step.confidence());
}

#[test]
fn the_most_specific_entry_decides() {
    let setup = usual();
    setup.check(&[
        ("service:payments-api", "pattern_entry 90 @alice p=@alice s=@bob t=@payments-team l=@dave"),
        ("service:payments-db", "exact_entry 90 @platform t=@platform"),
        ("service:payments-worker", "pattern_entry 90 @bob p=@bob t=@payments-team l=@dave"),
        ("service:payments-web", "exact_entry 90 @erin p=@erin t=@platform"),
        ("service:payments", "no_claim 20 @platform unowned +fallback"),
        ("table:orders", "pattern_entry 90 @platform t=@platform"),
        ("table:public/orders", "pattern_entry 90 @platform t=@platform"),
        ("api:mcp/filesystem/write_file", "pattern_entry 90 @bob p=@bob t=@payments-team l=@dave"),
        ("api:mcp/a/b/write_file", "no_claim 20 @platform unowned +fallback"),
        ("config:anything", "no_claim 20 @platform unowned +fallback"),
    ]);
}

#[test]
fn equal_claims_are_ambiguous_and_all_are_told() {
    let setup = usual();
    setup.check(&[("service:twice", "exact_entry 90 @alice,@bob p=@alice t=@payments-team l=@dave ambiguous")]);
    let yaml = "people: [{handle: \"@a\", email: a@x}, {handle: \"@b\", email: b@x}]\nowners:\n  - {resource: \"service:x-*\", primary: \"@a\"}\n  - {resource: \"service:x-?y\", primary: \"@b\"}\n  - {resource: \"service:x-z\", primary: \"@b\"}\n";
    load(yaml, &[]).check(&[
        ("service:x-ay", "pattern_entry 90 @a,@b p=@a ambiguous"),
        ("service:x-a", "pattern_entry 90 @a p=@a"),
        ("service:x-z", "exact_entry 90 @b p=@b"),
    ]);
}

#[test]
fn an_undecided_entry_passes_on_and_is_told() {
    let setup = usual();
    setup.check(&[
        ("service:later", "undecided 20 @platform ambiguous unowned +fallback"),
        ("service:half", "exact_entry 90 @platform t=@platform"),
        (
            "file:src/later.rs",
            "codeowners_line 85 @bob,@alice,@payments-team p=@bob s=@alice t=@payments-team l=@dave ambiguous",
        ),
    ]);
}

#[test]
fn codeowners_speaks_of_files_and_fills_what_explicit_owners_leave_open() {
    let setup = usual();
    setup.check(&[
        (
            "file:acme/shop:src/a.rs",
            "codeowners_line 85 @bob,@alice,@payments-team p=@bob s=@alice t=@payments-team l=@dave",
        ),
        (
            "file:ACME/shop:src/a.rs",
            "codeowners_line 85 @bob,@alice,@payments-team p=@bob s=@alice t=@payments-team l=@dave",
        ),
        ("file:LICENSE", "codeowners_line 85 @platform t=@platform"),
        ("file:mail/x", "codeowners_line 85 @erin p=@erin t=@platform"),
        // The line names @bob first, @alice second; @alice is the primary, so no secondary is left.
        ("file:src/pay.rs", "exact_entry 90 @alice p=@alice t=@payments-team l=@dave"),
        ("file:src/shared/a", "pattern_entry 90 @bob p=@bob s=@alice t=@payments-team l=@dave"),
        // In the named repository before any repository; of her two teams, the one a later step names.
        ("file:acme/shop:src/shared/a", "pattern_entry 90 @erin p=@erin s=@alice t=@payments-team l=@dave"),
        ("service:src/a.rs", "no_claim 20 @platform unowned +fallback"),
    ]);
}

#[test]
fn what_codeowners_cannot_say_goes_to_the_fallback_with_the_reason() {
    let setup = usual();
    let fallback = |reason: &str| format!("{reason} 20 @platform unowned +fallback");
    let ownerless = fallback("ownerless_line");
    let (unknown, outside) = (fallback("unknown_repository"), fallback("outside_repository"));
    setup.check(&[
        ("file:src/gen/x.rs", &ownerless),
        ("file:acme/other:src/a.rs", &unknown),
        ("file:/etc/passwd", &outside),
        ("file:C:/x", &unknown),
        ("file:src/../../x", &outside),
    ]);
    let two = load(YAML, &[("acme/shop", CODEOWNERS), ("acme/app", "* @alice")]);
    let nowhere = fallback("no_repository");
    two.check(&[
        ("file:LICENSE", &nowhere),
        ("file:acme/app:LICENSE", "codeowners_line 85 @alice p=@alice t=@payments-team l=@dave"),
    ]);
    let none = fallback("no_claim");
    load(YAML, &[]).check(&[("file:LICENSE", &none)]);
    load(YAML, &[("", "*.rs @alice")]).check(&[
        ("file:any/repo:a.rs", "codeowners_line 85 @alice p=@alice t=@payments-team l=@dave"),
        ("file:a.md", &none),
    ]);
}

#[test]
fn an_owner_who_is_only_a_name_is_shown_and_the_fallback_told_too() {
    let setup = usual();
    setup.check(&[
        ("service:ghost", "exact_entry 90 @ghost p=@ghost unreachable +fallback"),
        ("file:docs/x", "codeowners_line 85 @nobody p=@nobody unreachable +fallback"),
        ("file:team/x", "codeowners_line 85 @acme/strangers t=@acme/strangers unreachable +fallback"),
    ]);
    let (directory, problems) = Directory::load(None, &[], &[], &Fallback::default(), &KEY);
    assert_eq!(problems, []);
    Setup { directory, problems }.check_nothing();
}

impl Setup {
    fn check_nothing(&self) {
        let owned = self.directory.resolve(&resource("service:x"));
        assert!(owned.owners.is_empty() && owned.unowned && !owned.reachable);
        let explained = self.directory.explain(&resource("service:x"));
        assert_eq!(
            explained.summary,
            "nobody owns `service:x`, since nothing names it; no fallback is configured, so nobody is told"
        );
    }
}

#[test]
fn external_owners_have_their_own_sla_and_someone_inside() {
    let setup = usual();
    setup.check(&[("service:legacy", "exact_entry 90 Acme Consulting p=Acme Consulting e=@dave")]);
    let owner = setup.directory.resolve(&resource("service:legacy")).owners[0];
    let Some(Party::External(external)) = setup.directory.party(owner) else { panic!("{owner:?}") };
    assert_eq!(external.sla, Some(mandate_core::time::HOUR.times(4)));
    let recipients = setup.directory.recipients(owner);
    assert_eq!(
        (&*recipients[0].contacts[0].channel, recipients[0].contacts[0].address.as_deref()),
        ("email", Some("oncall@acme.example"))
    );
    assert!(matches!(recipients[0].log_name, LogName::Person(id) if setup.directory.by_id(id) == Some(owner)));
}

#[test]
fn the_form_of_the_source_document_loads() {
    let yaml = r#"
owners:
  - type: external
    name: "Acme Consulting"
    contact: "oncall@acme.com"
    channel: email  # Not Slack
    sla: 4h  # Different from internal 5min
    escalation: "@internal-sponsor"  # Internal fallback
  - {resource: "service:billing", external: {name: acme consulting, sla: 90}}
  - {resource: "service:ads", type: external, name: Beta, contact: b@beta.example, escalation: "@internal-sponsor"}
"#;
    let setup = load(yaml, &[]);
    assert!(setup.problems.iter().all(|problem| problem.severity == Severity::Warning), "{:?}", setup.problems);
    setup.check(&[
        ("service:billing", "exact_entry 90 Acme Consulting p=Acme Consulting e=@internal-sponsor"),
        ("service:ads", "exact_entry 90 Beta p=Beta e=@internal-sponsor"),
    ]);
    let owner = setup.directory.resolve(&resource("service:billing")).owners[0];
    let Some(Party::External(external)) = setup.directory.party(owner) else { panic!("{owner:?}") };
    assert_eq!(external.sla, Some(mandate_core::time::HOUR.times(4)), "what was said first holds");
}

#[test]
fn people_are_found_by_each_of_their_names_and_logs_name_them_by_id() {
    let Setup { directory, .. } = usual();
    let alice = directory.person("@ALICE").unwrap();
    assert_eq!(alice.id, person_id(&KEY, "@alice"));
    assert_eq!(directory.person("Alice@Example.com"), Some(alice));
    assert_eq!(directory.person_by_id(alice.id), Some(alice));
    assert_eq!(
        directory.party(directory.find("@alice").unwrap()).unwrap().log_name().to_string(),
        format!("person:{}", alice.id)
    );
    assert_eq!(directory.team("@acme/Payments-Team").unwrap().handle.as_ref(), "@payments-team");
    assert_eq!(directory.party(directory.find("@infra").unwrap()).unwrap().log_name().to_string(), "team:@infra");
    assert!(directory.find("@acme/alice").is_none(), "a person is no team");
    assert!(directory.person("@payments-team").is_none() && directory.team("@alice").is_none());
    assert_eq!(directory.people().count(), 4);
    assert_eq!(directory.teams().count(), 3);
    let channels = |name: &str| -> Vec<String> {
        let recipients = directory.recipients(directory.find(name).unwrap());
        let shown = recipients.iter().map(|to| {
            let contacts: Vec<&str> = to.contacts.iter().map(|contact| &*contact.channel).collect();
            format!("{} {}", directory.party(to.owner).unwrap().handle(), contacts.join(","))
        });
        shown.collect()
    };
    assert_eq!(channels("@alice"), ["@alice slack,ops-hook,email"]);
    assert_eq!(channels("@payments-team"), ["@payments-team slack"]);
    assert_eq!(channels("@platform"), ["@dave email", "@erin email"]);
    assert_eq!(channels("@ghost"), [""; 0]);
}

#[test]
fn agents_have_owners_too() {
    let Setup { directory, .. } = usual();
    let of = |id: &str| -> Vec<(String, Option<Trust>)> {
        directory
            .agents(id)
            .iter()
            .map(|agent| (directory.party(agent.team).unwrap().handle().to_string(), agent.trust))
            .collect()
    };
    assert_eq!(of("deployer"), [("@platform".to_owned(), Some(Trust::High))]);
    assert_eq!(of("deployer-2"), [("@infra".to_owned(), None)]);
    assert_eq!(of("claude@host/x"), [("@payments-team".to_owned(), Some(Trust::Low))]);
    assert_eq!(load("", &[]).directory.agents("x"), Vec::<&mandate_core::ownership::Agent>::new());
}

/// `E|W line:column message [help]` for each problem.
fn problems(yaml: &str, codeowners: &[(&str, &str)]) -> Vec<String> {
    let setup = load(yaml, codeowners);
    let line = |told: &Problem| {
        let letter = if told.severity == Severity::Error { 'E' } else { 'W' };
        let help = told.help.as_deref().map(|help| format!(" [{help}]")).unwrap_or_default();
        format!("{letter} {}:{} {}{help}", told.line, told.column, told.message)
    };
    setup.problems.iter().map(line).collect()
}

#[test]
fn mistakes_are_told_where_they_stand() {
    const A: &str = "people: [{handle: \"@a\", email: a@x}]\n";
    let mut unlike = Vec::new();
    for (yaml, expected) in [
        ("poeple: []", "E 1:1 unknown key `poeple` [did you mean `people`?]"),
        ("people: [{handle: \"@a\", emal: x}]", "E 1:25 unknown key `emal` [did you mean `email`?]"),
        (
            "people: [{handle: a, email: x@y}]",
            "E 1:19 `a` is not a person's handle [write `@` and letters, digits, `.`, `_` or `-`, such as `@alice`]",
        ),
        (
            "people: [{handle: \"@a\"}]",
            "W 1:19 `@a` has no contacts, so nobody can be told [add `contacts: [{channel: …}]` or `email:`]",
        ),
        (
            "people: [{handle: \"@a\", email: x@y}, {handle: \"@A\", email: z@y}]",
            "E 1:47 the handle `@A` is taken already [people and teams share one set of handles, and case does not tell them apart]",
        ),
        (
            "people: [{handle: \"@a\", email: x@y}, {handle: \"@b\", email: X@y}]",
            "E 1:60 the address `X@y` belongs to somebody else already [an address in CODEOWNERS must name one person]",
        ),
        (
            "people: [{handle: \"@alice\", email: a@x}]\nteams: [{handle: \"@t\", members: [\"@alise\", \"@alice\"]}]",
            "E 2:34 the member `@alise` is not listed under `people:` [did you mean `@alice`?]",
        ),
        (
            "people: [{handle: \"@a\", email: a@x}]\nteams: [{handle: \"@t\", members: [\"@a\", \"@t\"]}]",
            "E 2:40 the member `@t` is a team, not a person",
        ),
        (
            "teams: [{handle: \"@t\"}]",
            "W 1:18 `@t` has neither contacts nor a member who can be told [add `contacts:` or members with contacts]",
        ),
        (
            "people: [{handle: \"@a\", email: a@x}]\nowners: [{resource: payments, primary: \"@a\"}]",
            "E 2:21 `payments` says no type [write `service:payments`, or another of service, file, table, api, config]",
        ),
        (
            "people: [{handle: \"@a\", email: a@x}]\nowners: [{resource: \"servce:x\", primary: \"@a\"}]",
            "E 2:21 `servce` is not a type of resource; service, file, table, api, config are [did you mean `service`?]",
        ),
        (
            "owners: [{resource: \"service:x\"}]",
            "E 1:21 nobody is named for `service:x` [add `primary:`, `team:` or `external:`]",
        ),
        (
            "owners: [{resource: \"service:\", primary: x}]",
            "E 1:21 `service:` names nothing; write an id, or `*` for all",
        ),
        (
            "owners: [{resource: \"file:a*/b:x\", primary: x}]",
            "E 1:21 `file:a*/b:x` names no repository; write one in full, or leave it out for all",
        ),
        ("owners: [{primary: \"@a\"}]", "E 1:20 this entry names no resource [add `resource: \"service:…\"`]"),
        (
            "people: [{handle: \"@alice\", email: a@x}]\nowners: [{resource: \"service:x\", primary: \"@alcie\"}]",
            "W 2:43 `@alcie` is not in ownership.yaml, so it reaches nobody [did you mean `@alice`?]",
        ),
        (
            "owners: [{resource: \"service:x\", external: {name: Acme, email: a@b}}]",
            "E 1:51 the external owner `Acme` has no escalation inside [add `escalation: \"@someone\"`: who is told when they do not answer]",
        ),
        (
            "people: [{handle: \"@a\", email: a@x}]\nowners: [{resource: \"service:x\", external: {name: Acme, escalation: \"@a\"}}]",
            "E 2:51 the external owner `Acme` has no address [add `email:`]",
        ),
        (
            "people: [{handle: \"@a\", email: a@x}]\nowners: [{resource: \"service:x\", external: {name: Acme, email: a@b, sla: soon, escalation: \"@a\"}}]",
            "E 2:74 `soon` is not a duration; write `30s`, `5m`, `4h` or `7d`",
        ),
        (
            "people: [{handle: \"@a\", email: a@x}]\nowners: [{resource: \"service:x\", primary: \"@a\", external: {name: Acme, email: a@b, escalation: \"@a\"}}]",
            "E 2:43 an entry has an external owner or a primary, not both [the external owner is the primary; name the one inside under its `escalation`]",
        ),
        (
            "people: [{handle: \"@a\", email: a@x}]\nowners: [{resource: \"service:x\", primary: tbd}]",
            "W 2:43 `tbd` leaves the owner of `service:x` undecided [until somebody is named, later steps decide and the notice says so]",
        ),
        (
            "people: [{handle: \"@a\", email: a@x}]\nowners: [{resource: \"service:{x,y}\", primary: \"@a\"}]",
            "W 2:21 `{` and `}` are taken literally [write one entry for each alternative]",
        ),
        (
            "owners: [{type: extrenal, name: x}]",
            "E 1:17 `extrenal` is not one of the values this takes [did you mean `external`?]",
        ),
        (
            "codeowners: [{repo: a/b, path: x, dialect: gitlap}]",
            "E 1:44 `gitlap` is not one of the values this takes [did you mean `gitlab`?]",
        ),
        (
            "codeowners: [{repo: a/b, path: x}]",
            "W 1:32 the CODEOWNERS of `a/b` was not read, so its files have no owners from it",
        ),
        ("agents: [{id: \"***a\\\\\", team: \"@t\"}]", "E 1:15 `***a\\` ends in a lone `\\`"),
        ("people: [", "E 1:10 unclosed"),
    ] {
        let told = problems(yaml, &[]);
        if told.len() != 1 || !told[0].starts_with(expected) {
            unlike.push((yaml, told, expected));
        }
    }
    assert!(unlike.is_empty(), "{unlike:#?}");
    assert_eq!(
        problems(A, &[("a/b", "* @a @zed\nx @zed @zed\n"), ("A/B", "")]),
        [
            "W 1:6 `@zed` is not in ownership.yaml, so it reaches nobody (and in 2 more places) [list it under `people:` or `teams:`; until then the fallback is told too]",
            "W 1:1 `A/B` has a CODEOWNERS already; this one is left out",
        ]
    );
    let usual: Vec<String> =
        problems(YAML, &[("acme/shop", CODEOWNERS)]).into_iter().filter(|told| told.starts_with('E')).collect();
    assert_eq!(usual, [""; 0]);
}

#[test]
fn one_mistake_leaves_the_rest_in_use() {
    let yaml = "people: [{handle: \"@a\", email: a@x}, {handle: b}]\nowners: [{resource: x}, {resource: \"service:x\", primary: \"@a\"}]";
    load(yaml, &[("r", "!x @a\n* @a")])
        .check(&[("service:x", "exact_entry 90 @a p=@a"), ("file:x", "codeowners_line 85 @a p=@a")]);
    load("owners: [", &[("r", "* @a")]).check(&[("file:x", "codeowners_line 85 @a p=@a unreachable +fallback")]);
}

#[test]
fn the_files_that_are_wanted_are_listed() {
    let wanted = wanted_codeowners(
        "codeowners: [{repo: a/b, path: ./C}, {repo: c/d, path: D, dialect: github}, {repo: e/f, path: E, dialect: gitlab}]",
    );
    let shown: Vec<_> = wanted.iter().map(|file| (file.repo.as_str(), file.path.as_str(), file.dialect)).collect();
    let (github, gitlab) = (Dialect::Github, Dialect::Gitlab);
    assert_eq!(shown, [("a/b", "./C", github), ("c/d", "D", github), ("e/f", "E", gitlab)]);
    assert_eq!(wanted_codeowners("codeowners: ["), []);
}

#[test]
fn an_explanation_tells_every_step_in_words() {
    let setup = usual();
    let words = |address: &str| -> Vec<String> {
        let explained = setup.directory.explain(&resource(address));
        let steps = explained.steps.iter().map(|step| format!("{} {}: {}", step.step, step.outcome, step.words));
        std::iter::once(explained.summary.clone()).chain(steps).collect()
    };
    assert_eq!(
        words("file:acme/shop:src/shared/a"),
        [
            "@erin owns `file:src/shared/a` by ownership.yaml",
            "explicit decided: line 22 (`file:acme/Shop:src/shared/**`) matches it, and nothing names it more exactly",
            "codeowners disagrees: line 2 of CODEOWNERS in acme/shop (`/src/ @bob @alice @acme/payments-team`) is the last to match; an earlier step decided, and this names others: they are shown, not told",
            "catalog passed: no services are listed",
            "fallback not_needed: not needed",
        ]
    );
    assert_eq!(
        words("file:docs/x"),
        [
            "`file:docs/x` has an owner by CODEOWNERS who cannot be reached; told: @nobody and @platform",
            "explicit passed: none of the 16 entries of `owners:` matches `file:docs/x`",
            "codeowners decided: line 4 of CODEOWNERS in acme/shop (`/docs/ @nobody`) is the last to match; `@nobody` is not in ownership.yaml",
            "catalog passed: no services are listed",
            "fallback told_too: the owner cannot be reached, so @platform is told too",
        ]
    );
    assert_eq!(
        words("file:src/gen/x"),
        [
            "nobody owns `file:src/gen/x`, since CODEOWNERS says that it has no owner; the fallback @platform is told",
            "explicit passed: none of the 16 entries of `owners:` matches `file:src/gen/x`",
            "codeowners passed: line 3 of CODEOWNERS in acme/shop (`/src/gen/`) is the last to match and has no owners: explicitly unowned",
            "catalog passed: no services are listed",
            "fallback decided: no step names an owner, so @platform is told",
        ]
    );
    let json = serde_json::to_value(setup.directory.explain(&resource("service:payments-api"))).unwrap();
    assert_eq!(
        json["steps"][0]["places"][0],
        serde_json::json!({"file": "ownership.yaml", "line": 11, "text": "service:payments-*"})
    );
    assert_eq!(json["layers"]["lead"], serde_json::json!({"handle": "@dave", "kind": "person", "reachable": true}));
}

/// What an entry of `owners:` matches, and how specific it is, by trying them all.
fn most_specific<'p>(patterns: &'p [String], name: &str) -> Vec<&'p str> {
    let rank = |pattern: &str| match pattern.find(['*', '?']) {
        None => usize::MAX,
        Some(prefix) => prefix,
    };
    let matching = patterns.iter().filter(|pattern| glob(pattern, name));
    let best = matching.clone().map(|pattern| rank(pattern)).max();
    matching.filter(|pattern| Some(rank(pattern)) == best).map(String::as_str).collect()
}

fn glob(pattern: &str, name: &str) -> bool {
    match (pattern.chars().next(), name.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => glob(&pattern[1..], name) || !name.is_empty() && glob(pattern, &name[1..]),
        (Some('?'), Some(_)) => glob(&pattern[1..], &name[1..]),
        (Some(a), Some(b)) if a == b => glob(&pattern[1..], &name[1..]),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_most_specific_entries_are_those_that_trying_all_would_find(
        patterns in prop::collection::vec("[ab*?-]{1,6}".prop_filter("two stars are another thing", |text| !text.contains("**")), 1..30),
        names in prop::collection::vec("[ab-]{1,6}", 1..10),
    ) {
        let mut yaml = "owners:\n".to_owned();
        for (at, pattern) in patterns.iter().enumerate() {
            yaml.push_str(&format!("  - {{resource: \"service:{pattern}\", primary: \"@p{at}\"}}\n"));
        }
        let setup = load(&yaml, &[]);
        for name in names {
            let explained = setup.directory.explain(&resource(&format!("service:{name}")));
            let found: Vec<&str> = explained.steps[0].places.iter().map(|place| &place.text["service:".len()..]).collect();
            prop_assert_eq!(&found, &most_specific(&patterns, &name), "{}", name);
            prop_assert_eq!(explained.ambiguous, found.len() > 1);
            prop_assert_eq!(explained.unowned, found.is_empty());
        }
    }
}

#[test]
fn a_directory_is_shared_between_threads_and_does_not_print_its_key() {
    fn shared<T: Send + Sync>(value: T) -> T {
        value
    }
    let Setup { directory, .. } = usual();
    let printed = format!("{:?}", shared(directory));
    assert!(printed.contains("@alice") && !printed.contains("7, 7, 7"));
}

#[test]
fn the_fallback_can_be_asked_for() {
    let Setup { directory, .. } = usual();
    let [platform] = directory.fallback() else { panic!("{:?}", directory.fallback()) };
    assert!(directory.is_reachable(*platform) && directory.team("@platform").is_some());
    assert!(!directory.is_reachable(directory.find("@ghost").unwrap()));
}

#[test]
fn the_same_files_give_the_same_answers() {
    let (first, second) = (usual(), usual());
    assert_eq!(first.problems, second.problems);
    for address in ["service:twice", "service:payments-api", "file:src/a.rs", "file:docs/x", "config:x"] {
        assert_eq!(first.directory.resolve(&resource(address)), second.directory.resolve(&resource(address)));
    }
}
