//! CODEOWNERS in GitLab's dialect: tables by rule, and the index against a matcher too simple to be wrong.

use mandate_core::diagnostic::{Problem, Severity};
use mandate_core::event::{Resource, ResourceKind};
use mandate_core::ownership::codeowners::{Codeowners, Dialect, MAX_SECTIONS};
use mandate_core::ownership::{CodeownersSource, Directory, Fallback, OwnershipSource};
use proptest::prelude::*;

fn parse(text: &str) -> (Codeowners, Vec<Problem>) {
    Codeowners::parse(Dialect::Gitlab, "CODEOWNERS", text)
}

/// `pattern`, then paths: those that it owns begin with `+`, the others with `-`.
#[track_caller]
fn check(pattern: &str, paths: &[&str]) {
    let (file, problems) = parse(&format!("{pattern} @a\n"));
    assert!(!problems.iter().any(|problem| problem.message.contains("left out")), "{problems:?}");
    for path in paths {
        let (expected, path) = path.split_at(1);
        assert_eq!(!file.matching(path).is_empty(), expected == "+", "`{pattern}` on `{path}`");
    }
}

#[test]
fn only_a_leading_slash_anchors_to_the_root() {
    check("foo/bar", &["+foo/bar", "+x/foo/bar", "+x/y/foo/bar", "-foo/bar/x", "-foo/bars", "-xfoo/bar"]);
    check("/foo/bar", &["+foo/bar", "-x/foo/bar", "-foo/bar/x"]);
    check("internal/README.md", &["+internal/README.md", "+docs/internal/README.md", "+docs/api/internal/README.md"]);
    check("/README.md", &["+README.md", "-docs/README.md"]);
}

#[test]
fn a_name_owns_exactly_that_path_and_not_what_is_below() {
    check("docs", &["+docs", "+x/docs", "-docs/a", "-x/docs/a/b", "-docs.md", "-xdocs"]);
    check("/docs", &["+docs", "-docs/a", "-x/docs"]);
    check("README.md", &["+README.md", "+a/b/README.md", "-readme.md", "-README.md/x"]);
}

#[test]
fn a_slash_at_the_end_owns_all_below() {
    check("docs/", &["+docs/a", "+docs/a/b", "+x/docs/a", "+x/docs/a/b", "-docs", "-x/docs"]);
    check("/docs/", &["+docs/a", "+docs/a/b/.c", "-x/docs/a", "-docs"]);
    check("ee/docs/", &["+ee/docs/a", "+x/ee/docs/a/b", "-ee/docs"]);
    check("*/", &["+a/b", "+a/b/c", "-a"]);
    check("/", &["+a", "+a/b"]);
    check("d*/", &["+docs/a", "+x/d/a/b", "-docs"]);
}

#[test]
fn a_star_never_crosses_a_slash_and_takes_dotfiles() {
    check("*", &["+a", "+a/b", "+.hidden", "+a/.b/c.d"]);
    check("/*", &["+a", "+.a", "-a/b"]);
    check("foo/*", &["+foo/a", "+foo/.a", "+x/foo/a", "-foo/a/b", "-foo"]);
    check("/docs/*", &["+docs/a", "-docs/a/b", "-x/docs/a"]);
    check("*.rb", &["+a.rb", "+x/a.rb", "+.rb", "-a.rbx", "-a.rb/x"]);
    check("/docs/*.md", &["+docs/a.md", "-docs/x/a.md", "-x/docs/a.md"]);
    check("index.*", &["+index.md", "+x/index.rb.erb", "-index"]);
    check("/docs/*/api", &["+docs/v1/api", "-docs/api", "-docs/v1/v2/api", "-docs/v1/api/x"]);
    check("a*c", &["+ac", "+abc", "+x/abbc", "-acd", "-ab/c"]);
}

#[test]
fn two_stars_before_a_slash_cross_directories() {
    check("/docs/**/index.md", &["+docs/index.md", "+docs/api/index.md", "+docs/api/v/index.md", "-x/docs/index.md"]);
    check("/docs/**/*.md", &["+docs/a.md", "+docs/x/a.md", "-a.md"]);
    check("**/x", &["+x", "+a/x", "+a/b/x", "-x/a", "-ax"]);
    check("docs/**/", &["+docs/a", "+docs/a/b", "+x/docs/a", "-docs"]);
    check("a/**/b/**/c", &["+a/b/c", "+x/a/x/b/y/z/c", "-a/c"]);
    check("/**/*", &["+a", "+a/b"]);
    check("**", &["+a", "+a/b"]);
    // At the end they are no more than one star.
    check("/docs/**", &["+docs/a", "-docs/a/b", "-docs"]);
    check("a**b", &["+ab", "+axb", "-a/b"]);
    check("***/a", &["+x/a", "+y/x/a", "-a"]);
}

#[test]
fn a_question_mark_and_a_set_are_one_character_of_a_name() {
    check("fo?", &["+foo", "+x/fob", "+fo.", "-fo", "-fooo", "-fo/"]);
    check("a?b", &["+aüb", "-a/b", "-ab"]);
    check("a[bc]d", &["+abd", "+x/acd", "-aed", "-a[bc]d", "-ad", "-a/d"]);
    check("v[0-9].md", &["+v1.md", "-va.md", "-v10.md"]);
    check("v[!0-9]", &["+va", "-v1"]);
    check("v[^0-9]", &["+va", "-v1"]);
    check("x[a-c-]y", &["+x-y", "+xby", "-xdy"]);
    check("x[\\]]y", &["+x]y", "-xay"]);
    check("{a,b}.ts", &["+{a,b}.ts", "-a.ts"]);
}

#[test]
fn a_backslash_takes_the_next_character_literally() {
    check("path\\ with\\ spaces/", &["+path with spaces/a", "+x/path with spaces/a/b", "-path"]);
    check("\\#file_with_pound.rb", &["+#file_with_pound.rb", "+x/#file_with_pound.rb"]);
    check("f\\*o", &["+f*o", "-foo"]);
    check("f\\?o", &["+f?o", "-foo"]);
    check("\\[a]", &["+[a]", "-a"]);
    check("\\!important", &["+!important", "-important"]);
    check("Docs/", &["+Docs/a", "-docs/a"]);
}

/// What decides about a path, a section at a time: `number:section:owners`, an exclusion as `number:section:!`.
fn decide(text: &str, path: &str) -> Vec<String> {
    let (file, _) = parse(text);
    let shown = file.matching(path).into_iter().map(|line| {
        let section = file.section_of(line).map_or("", |section| &section.name);
        let owners: Vec<&str> = line.owners.iter().map(|owner| &*owner.text).collect();
        format!("{}:{section}:{}", line.number, if line.excludes { "!".to_owned() } else { owners.join(",") })
    });
    shown.collect()
}

#[test]
fn the_last_match_decides_in_each_section_and_all_of_them_hold() {
    let text = "* @all
*.md @docs
[Backend] @back
/src/
/src/*.md @a
^[Database][2] @dba
*.sql
/src/old.sql @b
[BACKEND] @other
*.sql
";
    for (path, expected) in [
        ("LICENSE", &["1::@all"][..]),
        ("README.md", &["2::@docs"]),
        ("src/x.rs", &["1::@all", "4:Backend:@back"]),
        ("src/x.md", &["2::@docs", "5:Backend:@a"]),
        ("x.sql", &["1::@all", "10:Backend:@other", "7:Database:@dba"]),
        ("src/old.sql", &["1::@all", "10:Backend:@other", "8:Database:@b"]),
    ] {
        assert_eq!(decide(text, path), expected, "{path}");
    }
}

#[test]
fn sections_of_one_name_are_one_and_optional_only_when_all_are() {
    let text = "^[Docs]\n*.md @a\n[DOCS]\nx.md @b\n^[Ruby]\n*.rb @r\n^[ruby]\nx.rb @s\n";
    let (file, problems) = parse(text);
    assert_eq!(problems, []);
    assert_eq!(decide(text, "x.md"), ["4:Docs:@b"]);
    assert_eq!(decide(text, "x.rb"), ["8:Ruby:@s"]);
    let optional = |path: &str| file.section_of(file.matching(path)[0]).unwrap().optional;
    assert!(!optional("x.md") && optional("x.rb"));
}

#[test]
fn an_exclusion_takes_out_of_its_section_for_good() {
    let text = "* @default
!package-lock.json
[Ruby] @ruby
!/config/**/*.rb
*.rb
/config/routes.rb @ops
";
    for (path, expected) in [
        ("a.rb", &["1::@default", "5:Ruby:@ruby"][..]),
        ("config/a.rb", &["1::@default", "4:Ruby:!"]),
        ("config/routes.rb", &["1::@default", "4:Ruby:!"]),
        ("x/package-lock.json", &["2::!"]),
    ] {
        assert_eq!(decide(text, path), expected, "{path}");
    }
    assert_eq!(decide("!a @x\n[S]\na @y\n", "a"), ["1::!", "3:S:@y"], "owners of an exclusion are nothing");
}

#[test]
fn entries_without_owners_inherit_those_of_their_heading() {
    for (text, expected) in [
        ("a", &["1::"][..]),
        ("a @x\na", &["2::"]),
        ("[S]\na", &["2:S:"]),
        ("[S] @x @g/h\na", &["2:S:@x,@g/h"]),
        ("[S][3] @x\na", &["2:S:@x"]),
        ("[S][0] @x\na", &["2:S:@x"]),
        ("[S] @x me@example.com\na", &["2:S:@x,me@example.com"]),
        ("[S] @x\na @y", &["2:S:@y"]),
        // Words that are no owners are owners enough not to inherit any.
        ("[S] @x\na nobody", &["2:S:"]),
        // A heading ends at what cannot stand in one.
        ("[S] @x # @y\na", &["2:S:@x"]),
        ("[S][two] @x\na", &["2:S:"]),
        // Of two headings the one above counts.
        ("[S] @x\nb\n[s] @y\na", &["4:S:@y"]),
        ("[S] @x\nb\n[s]\na", &["4:S:"]),
        ("[ S ] @x\na", &["2: S :@x"]),
    ] {
        assert_eq!(decide(text, "a"), expected, "{text:?}");
    }
}

#[test]
fn owners_blanks_and_line_ends_are_read_as_written() {
    for (text, expected) in [
        ("a @x", "1::@x"),
        ("\u{feff}a @x", "1::@x"),
        (
            "\r\n\t a\t @x  @group/with-nested/subgroup \t me@example.com \r\n",
            "2::@x,@group/with-nested/subgroup,me@example.com",
        ),
        ("# a\n\n  # b\na @x", "4::@x"),
        // There are no comments after owners.
        ("a @x # see @y", "1::@x,@y"),
        ("a @x #@y", "1::@x,@y"),
        ("a @@maintainer @@developers @@owners", "1::@@maintainer,@@developers,@@owners"),
        ("a @@nobody @x", "1::@x"),
        ("a malformed_owner @x", "1::@x"),
        ("a @x, (@y) @z.", "1::@x,@y,@z"),
        ("a @x,@y", "1::@x,@y"),
        ("a @ @/x @-x @.x @x", "1::@.x,@x"),
        ("a x@ @y", "1::@y"),
        ("a one.two+three@example.com", "1::one.two+three@example.com"),
        ("a b/*.md @group", "1::@group"),
    ] {
        assert_eq!(decide(text, "a"), [expected], "{text:?}");
    }
}

/// What is told of a file, as `line:column what stands there`.
fn told(text: &str) -> Vec<String> {
    let (_, problems) = parse(text);
    for problem in &problems {
        assert_eq!(problem.severity, Severity::Warning);
        assert!(problem.render(text).contains("CODEOWNERS"));
    }
    problems.iter().map(|told| format!("{}:{} {}", told.line, told.column, &text[told.at.clone()])).collect()
}

#[test]
fn what_is_wrong_is_told_and_the_rest_kept() {
    for (line, expected) in [
        ("[Section name", &["2:1 [Section name"][..]),
        ("[]", &["2:1 []"]),
        ("^[ ] @x", &["2:1 ^[ ]"]),
        ("!", &["2:1 !"]),
        (" !a @x @y", &["2:5 @x @y"]),
        ("a[b @x", &["2:1 a[b"]),
        ("/a/** @x", &["2:1 /a/**"]),
        ("a @x docs @y", &["2:6 docs"]),
        ("a @x # docs of @y", &["2:6 #"]),
        ("folder with spaces/*.md @x", &["2:8 with", "2:13 spaces/*.md"]),
    ] {
        let text = format!("* @ok\n{line}\nb @ok\n");
        assert_eq!(told(&text), expected, "{line}");
        assert!(decide(&text, "b").iter().any(|line| line.starts_with("3:")), "{line}");
    }
    assert_eq!(told("* @x\n[S] @y\n/a/ @@owner me@x.io\n!/a/b\n/a/**/**\n"), [""; 0]);
    // What is no heading is an entry of the section above.
    assert_eq!(decide("* @admin\n[Section name\ndocs/ @docs\n", "docs/x"), ["3::@docs"]);
}

#[test]
fn a_file_of_sections_stays_bounded() {
    let text: String = (0..MAX_SECTIONS + 5).map(|at| format!("[s{at}]\n* @x\n")).collect();
    let (file, problems) = parse(&text);
    assert_eq!((file.lines().len(), problems.len()), (MAX_SECTIONS, 5));
    assert_eq!(file.matching("a").len(), MAX_SECTIONS);
}

fn directory(codeowners: &str) -> Directory {
    let people = "people: [{handle: \"@a\", email: a@x}, {handle: \"@b\", email: b@x}]\nteams:\n  - {handle: \"@docs\", members: [\"@b\"], lead: \"@a\"}\n  - {handle: \"@@maintainer\", members: [\"@a\"]}\n";
    let yaml = OwnershipSource { file: "ownership.yaml", text: people };
    let source = CodeownersSource { repo: "acme/shop", dialect: Dialect::Gitlab, file: "CODEOWNERS", text: codeowners };
    let (directory, problems) = Directory::load(Some(yaml), &[source], &[], &Fallback::default(), &[7; 32]);
    assert_eq!(problems, []);
    directory
}

#[test]
fn the_owners_of_a_file_are_those_of_all_sections_and_the_explanation_names_them() {
    let text = "* @a\n/gen/\n[Docs] @acme/web/docs\n*.md\n!/src/x.md\n^[All] @@maintainers\n/src/\n";
    let directory = directory(text);
    let words = |path: &str| {
        let explained = directory.explain(&Resource::new(ResourceKind::File, path));
        let owners: Vec<String> = explained.owners.iter().map(|owner| owner.handle.clone()).collect();
        let layers = [&explained.layers.primary, &explained.layers.team, &explained.layers.lead];
        let layers: Vec<&str> = layers.iter().map(|layer| layer.as_ref().map_or("-", |layer| &layer.handle)).collect();
        assert!(!explained.ambiguous, "several sections are not several claims");
        format!("{} [{}] {}", owners.join(","), layers.join(" "), explained.steps[1].words)
    };
    assert_eq!(
        words("src/a.md"),
        "@a,@docs,@@maintainer [@a @docs @a] line 1 of CODEOWNERS in acme/shop (`* @a`) is the last to match; \
         line 4 (`*.md @acme/web/docs`) is the last to match in section `Docs`; \
         line 7 (`/src/ @@maintainers`) is the last to match in the optional section `All`"
    );
    assert_eq!(
        words("src/x.md"),
        "@a,@@maintainer [@a @@maintainer -] line 1 of CODEOWNERS in acme/shop (`* @a`) is the last to match; \
         line 5 (`!/src/x.md`) excludes it in section `Docs`; \
         line 7 (`/src/ @@maintainers`) is the last to match in the optional section `All`"
    );
    assert_eq!(
        words("gen/x"),
        " [- - -] line 2 of CODEOWNERS in acme/shop (`/gen/`) is the last to match and has no owners: explicitly unowned"
    );
}

// The reference: a recursive matcher over characters, one line at a time, written from the rules of `fnmatch`
// and sharing nothing with the index.

#[derive(Debug, Clone)]
struct Rule {
    section: usize,
    excludes: bool,
    pattern: String,
}

/// The number of the line that decides in each section, from 0.
fn reference(rules: &[Rule], sections: usize, path: &str) -> Vec<usize> {
    let path = format!("/{path}");
    let in_section = |section: usize| {
        let matching: Vec<usize> = (0..rules.len())
            .filter(|at| rules[*at].section == section && fnmatch(&normal(&rules[*at].pattern), &path))
            .collect();
        matching.iter().rev().find(|at| rules[**at].excludes).or_else(|| matching.last()).copied()
    };
    (0..sections).filter_map(in_section).collect()
}

fn normal(pattern: &str) -> String {
    let mut normal = if pattern == "*" { "/**/*".to_owned() } else { pattern.to_owned() };
    if !normal.starts_with('/') {
        normal.insert_str(0, "/**/");
    }
    if normal.ends_with('/') {
        normal.push_str("**/*");
    }
    normal
}

fn fnmatch(pattern: &str, path: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("/**/") {
        let rest = format!("/{rest}");
        return path.starts_with('/') && path.match_indices('/').any(|(at, _)| fnmatch(&rest, &path[at..]));
    }
    match pattern.chars().next() {
        None => path.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            (0..=path.find('/').unwrap_or(path.len())).any(|at| path.is_char_boundary(at) && fnmatch(rest, &path[at..]))
        }
        Some('?') => {
            path.chars().next().is_some_and(|char| char != '/' && fnmatch(&pattern[1..], &path[char.len_utf8()..]))
        }
        Some('[') => {
            let (set, rest) = pattern[1..].split_once(']').expect("sets are closed");
            path.chars().next().is_some_and(|char| set.contains(char) && fnmatch(rest, &path[char.len_utf8()..]))
        }
        Some(char) => path.strip_prefix(char).is_some_and(|path| fnmatch(&pattern[char.len_utf8()..], path)),
    }
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "ab", "a.b", "b.b", "c", ".b"]).prop_map(str::to_owned)
}

fn pattern() -> impl Strategy<Value = String> {
    let wild =
        prop::sample::select(vec!["*", "**", "?", "a*", "*b", "*.b", "a?b", "[ab]", "a[.b]b"]).prop_map(str::to_owned);
    let segment = prop_oneof![3 => name(), 2 => wild];
    (any::<bool>(), prop::collection::vec(segment, 1..4), any::<bool>()).prop_map(|(lead, segments, trail)| {
        let text = format!("{}{}{}", if lead { "/" } else { "" }, segments.join("/"), if trail { "/" } else { "" });
        // A line that begins so is a heading.
        if text.starts_with('[') { format!("x{text}") } else { text }
    })
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let rule = (0..4usize, prop::bool::weighted(0.15), pattern());
    let rule = rule.prop_map(|(section, excludes, pattern)| Rule { section, excludes, pattern });
    prop::collection::vec(rule, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_decides_like_the_reference(
        rules in rules(),
        paths in prop::collection::vec(prop::collection::vec(name(), 1..6), 1..12),
    ) {
        // Sections in the order of their names, so that the file's order is known.
        let mut text: String = (0..4).map(|section| format!("[s{section}]\n")).collect();
        for rule in &rules {
            text.push_str(&format!("[S{}]\n{}{} @x\n", rule.section, if rule.excludes { "!" } else { "" }, rule.pattern));
        }
        let (file, _) = parse(&text);
        prop_assert_eq!(file.lines().len(), rules.len());
        for path in paths {
            let path = path.join("/");
            let expected: Vec<usize> = reference(&rules, 4, &path).into_iter().map(|at| 4 + 2 * (at + 1)).collect();
            let decided = file.matching(&path);
            let decided: Vec<usize> = decided.iter().map(|line| line.number as usize).collect();
            // Of several exclusions any will do.
            let kinds = |lines: &[usize]| -> Vec<Option<usize>> {
                lines.iter().map(|line| (!rules[(line - 4) / 2 - 1].excludes).then_some(*line)).collect()
            };
            prop_assert_eq!(kinds(&decided), kinds(&expected), "{} in\n{}", path, text);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*|[ab*?/\\\\#@!^ \\[\\]\\-\n\r\t]{0,200}", path in "\\PC*") {
        let (file, problems) = parse(&text);
        for line in file.matching(&path) {
            prop_assert!(!line.pattern.is_empty());
            for owner in &line.owners {
                let at = owner.at as usize;
                prop_assert_eq!(text.get(at..at + owner.text.len()), Some(&*owner.text));
            }
        }
        for problem in problems {
            prop_assert!(problem.at.end <= text.len());
        }
    }
}
