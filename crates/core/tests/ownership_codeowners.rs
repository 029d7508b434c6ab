//! CODEOWNERS in GitHub's dialect: tables by rule, and the index against a matcher too simple to be wrong.

use mandate_core::diagnostic::Severity;
use mandate_core::ownership::codeowners::{Codeowners, Dialect, MAX_BYTES};
use proptest::prelude::*;

/// `pattern`, then paths: those that it owns begin with `+`, the others with `-`.
fn check(pattern: &str, paths: &[&str]) {
    let (file, problems) = Codeowners::parse(Dialect::Github, "CODEOWNERS", &format!("{pattern} @a\n"));
    assert!(!problems.iter().any(|problem| problem.message.contains("left out")), "{problems:?}");
    for path in paths {
        let (expected, path) = path.split_at(1);
        assert_eq!(!file.matching(path).is_empty(), expected == "+", "`{pattern}` on `{path}`");
    }
}

#[test]
fn a_slash_in_the_middle_or_at_the_start_anchors_to_the_root() {
    check("foo/bar", &["+foo/bar", "+foo/bar/x", "-x/foo/bar", "-foo/bars", "-foo"]);
    check("/foo", &["+foo", "+foo/x", "-x/foo", "-foobar"]);
    check("/foo/bar/", &["+foo/bar/x", "+foo/bar/x/y", "-foo/bar", "-x/foo/bar/y"]);
    check("foo/bar/", &["+foo/bar/x", "-foo/bar", "-x/foo/bar/y"]);
    check("foo/b?r", &["+foo/bar", "+foo/bar/x", "-x/foo/bar"]);
}

#[test]
fn a_name_owns_the_file_or_directory_and_what_is_below_at_any_depth() {
    check("docs", &["+docs", "+docs/a", "+x/docs", "+x/docs/a/b", "-docs.md", "-xdocs"]);
    check("README.md", &["+README.md", "+a/b/README.md", "-readme.md", "-README.md.bak"]);
}

#[test]
fn a_slash_at_the_end_owns_contents_only() {
    check("docs/", &["+docs/a", "+docs/a/b", "+x/docs/a", "-docs", "-x/docs"]);
    check("d*/", &["+docs/a", "+x/d/a", "-docs", "-x/docs"]);
    check("*/", &["+a/b", "+a/b/c", "-a"]);
    check("/*/", &["+a/b", "+a/b/c", "-a"]);
}

#[test]
fn a_star_never_crosses_a_slash() {
    check("*", &["+a", "+a/b", "+.hidden", "+a/b/c.d"]);
    check("/*", &["+a", "+.a", "-a/b"]);
    check("docs/*", &["+docs/a", "-docs/a/b", "-docs", "-x/docs/a"]);
    check("/docs/*", &["+docs/a", "-docs/a/b", "-x/docs/a"]);
    check("*.js", &["+a.js", "+x/a.js", "+.js", "+x.js/y", "-a.jsx", "-a.js.map", "-js"]);
    check("*.test.js", &["+a.test.js", "+x/a.test.js", "-a.js", "-test.js"]);
    check("docs/*.md", &["+docs/a.md", "-docs/x/a.md", "-x/docs/a.md"]);
    check("docs/*/api", &["+docs/v1/api", "+docs/v1/api/x", "-docs/api", "-docs/v1/v2/api"]);
    check("/a*", &["+a", "+abc", "+abc/d", "-x/abc"]);
    check("a*c", &["+ac", "+abc", "+x/abbc", "-acd", "-ab/c"]);
    check("*-*-*", &["+a-b-c", "+--", "-a-b"]);
}

#[test]
fn two_stars_cross_slashes() {
    check("**/x", &["+x", "+a/x", "+a/b/x", "+a/x/c", "-ax"]);
    check("/**/x", &["+x", "+a/x", "-xa"]);
    check("x/**", &["+x/a", "+x/a/b", "-x", "-a/x/b"]);
    check("a/**/b", &["+a/b", "+a/x/b", "+a/x/y/b", "+a/b/c", "-b", "-x/a/b", "-a/xb"]);
    check("**/foo/bar", &["+foo/bar", "+x/foo/bar/y", "-foo/x/bar"]);
    check("**/foo/*.js", &["+foo/a.js", "+x/foo/a.js", "-foo/x/a.js", "-a.js"]);
    check("src/**/*.rs", &["+src/a.rs", "+src/x/y/a.rs", "-a.rs", "-x/src/a.rs"]);
    check("a/**/b/**/c", &["+a/b/c", "+a/x/b/y/z/c", "-a/c", "-a/b"]);
    check("src/**/", &["+src/a", "+src/a/b", "-src"]);
    check("**", &["+a", "+a/b"]);
    check("**/", &["+a", "+a/b"]);
    check("/**", &["+a", "+a/b"]);
    check("**/*", &["+a", "+a/b"]);
    check("a/**/*", &["+a/b", "+a/b/c", "-a"]);
    check("a**b", &["+ab", "+axb", "-a/b"]);
}

#[test]
fn a_question_mark_is_one_character_of_a_name() {
    check("fo?", &["+foo", "+x/fob", "-fo", "-fooo", "-fo/"]);
    check("a?b", &["+aüb", "-a/b", "-ab"]);
}

#[test]
fn brackets_and_braces_are_ordinary_characters() {
    check("app/[id]/page.ts", &["+app/[id]/page.ts", "-app/i/page.ts", "-app/d/page.ts"]);
    check("{a,b}.ts", &["+{a,b}.ts", "-a.ts"]);
    check("a+(b)^$|.c", &["+a+(b)^$|.c", "-aab.c"]);
}

#[test]
fn a_backslash_takes_the_next_character_literally() {
    check("my\\ file.txt", &["+my file.txt", "+x/my file.txt", "-my"]);
    check("f\\*o", &["+f*o", "-foo"]);
    check("f\\?o", &["+f?o", "-foo"]);
    check("\\*", &["+*", "-a"]);
    check("a\\\\b", &["+a\\b", "-ab"]);
    check("a\\ b/", &["+a b/c", "-a b"]);
}

#[test]
fn paths_are_case_sensitive_and_any_text() {
    check("Docs/", &["+Docs/a", "-docs/a"]);
    check("größe", &["+größe/a", "-grösse/a"]);
    check("/a", &["-", "-/", "-//a"]);
}

/// The deciding line for each path as `line:owners`; `-` when there is none.
fn decide(text: &str, path: &str) -> String {
    let (file, _) = Codeowners::parse(Dialect::Github, "CODEOWNERS", text);
    file.matching(path).first().map_or("-".to_owned(), |line| {
        let owners: Vec<&str> = line.owners.iter().map(|owner| &*owner.text).collect();
        format!("{}:{}", line.number, owners.join(","))
    })
}

#[test]
fn the_last_matching_line_decides_for_the_whole_file() {
    let text = "* @all\n/src/ @src\n*.md @docs\n/src/billing/ @billing\n/src/billing/README.md\n";
    for (path, expected) in [
        ("LICENSE", "1:@all"),
        ("src/a.rs", "2:@src"),
        ("src/a.md", "3:@docs"),
        ("src/billing/a.md", "4:@billing"),
        ("src/billing/README.md", "5:"),
        ("x/src/billing/a", "1:@all"),
    ] {
        assert_eq!(decide(text, path), expected, "{path}");
    }
    assert_eq!(decide("/src/billing/ @billing\n* @all\n", "src/billing/a"), "2:@all");
}

#[test]
fn owners_blanks_comments_and_line_ends_are_read_as_written() {
    for (text, expected) in [
        ("a @x", "1:@x"),
        ("\u{feff}a @x", "1:@x"),
        ("\r\n\t a\t @x  @org/team \t me@example.com \r\n", "2:@x,@org/team,me@example.com"),
        ("# a\n\n  # b\na @x # the @y comment", "4:@x"),
        ("a @x #@y", "1:@x"),
        ("a @x#@y", "1:@x"),
        ("a # nobody", "1:"),
        ("a", "1:"),
        ("a @x\na", "2:"),
        ("a @x\na @@y", "1:@x"),
        ("a#b @x", "-"),
    ] {
        assert_eq!(decide(text, "a"), expected, "{text:?}");
    }
    assert_eq!(decide("a#b @x", "a#b"), "1:@x");
}

/// What is told of a line that is wrong, as `line:column what stands there`.
fn told(text: &str) -> Vec<String> {
    let (_, problems) = Codeowners::parse(Dialect::Github, "CODEOWNERS", text);
    for problem in &problems {
        assert_eq!(problem.severity, Severity::Warning);
        assert!(problem.render(text).contains("CODEOWNERS"));
    }
    problems.iter().map(|told| format!("{}:{} {}", told.line, told.column, &text[told.at.clone()])).collect()
}

#[test]
fn a_line_that_is_wrong_is_told_and_the_rest_kept() {
    for (line, expected) in [
        ("!a @x", "2:1 !a"),
        ("\\#a @x", "2:1 \\#a"),
        ("a @x docs@ @y", "2:6 docs@"),
        ("a x", "2:3 x"),
        ("a @x/y/z", "2:3 @x/y/z"),
        ("a @", "2:3 @"),
        ("a ü@x", "2:3 ü@x"),
        ("***/a @x", "2:1 ***/a"),
        ("/ @x", "2:1 /"),
        ("a\\", "2:1 a\\"),
        (" a[bc] @x", "2:2 a[bc]"),
    ] {
        let text = format!("* @ok\n{line}\nb @ok\n");
        assert_eq!(told(&text), [expected], "{line}");
        assert_eq!(decide(&text, "b"), "3:@ok");
        assert_eq!(decide(&text, "a"), "1:@ok");
    }
    assert_eq!(told("* @x\n/a @y # c\n"), [""; 0]);
    assert_eq!(told(&"*?".repeat(20)).len(), 1, "too many wildcards");
}

#[test]
fn a_file_beyond_three_megabytes_counts_as_absent_and_one_below_does_not() {
    let mut text = "* @x\n".to_owned();
    text.push_str(&"#".repeat(MAX_BYTES - text.len()));
    assert_eq!(decide(&text, "a"), "1:@x");
    text.push('#');
    assert_eq!(decide(&text, "a"), "-");
    assert_eq!(Codeowners::parse(Dialect::Github, "CODEOWNERS", &text).1.len(), 1);
}

#[test]
fn a_file_of_mistakes_stays_bounded() {
    let (_, problems) = Codeowners::parse(Dialect::Github, "CODEOWNERS", &"!a @x\n".repeat(50_000));
    assert_eq!(problems.len(), 101);
    let many: String = (0..2_100).map(|at| format!("/a?{at}*z @x\n")).collect();
    let (file, problems) = Codeowners::parse(Dialect::Github, "CODEOWNERS", &many);
    assert_eq!((file.lines().len(), problems.len()), (2_000, 100));
    assert_eq!(decide(&many, "ax1999z"), "2000:@x", "lines within the bound hold");
}

// The reference: a recursive matcher over characters, one line at a time, written from the table of rules
// and sharing nothing with the index.

fn reference(lines: &[(String, bool)], path: &str) -> Option<usize> {
    (0..lines.len()).rev().find(|at| owns(&lines[*at].0, path))
}

fn owns(pattern: &str, path: &str) -> bool {
    let contents = pattern.ends_with('/');
    let body = pattern.trim_end_matches('/');
    let anchored = body.contains('/');
    // `**` after `**` adds nothing.
    let mut names: Vec<&str> = body.trim_start_matches('/').split('/').collect();
    names.dedup_by(|next, before| *next == "**" && *before == "**");
    let body = names.join("/");
    let mut starts: Vec<usize> = vec![0];
    if !anchored {
        starts.extend(path.match_indices('/').map(|(at, _)| at + 1));
    }
    let (body, last) = (body.as_str(), names[names.len() - 1]);
    starts.into_iter().any(|start| {
        let rest = &path[start..];
        if contents {
            // The root is a directory too, so `**/` owns everything.
            return everywhere(body) || ends(rest).any(|end| end < rest.len() && glob(body, &rest[..end]));
        }
        if last == "*" {
            return if anchored { glob(body, rest) } else { true };
        }
        if last == "**" {
            let before = body.trim_end_matches("**").trim_end_matches('/');
            return everywhere(before) || ends(rest).any(|end| end < rest.len() && glob(before, &rest[..end]));
        }
        ends(rest).any(|end| glob(body, &rest[..end]))
    })
}

fn everywhere(pattern: &str) -> bool {
    pattern.split('/').all(|segment| segment.is_empty() || segment == "**")
}

/// Where `path` could end: before each slash, and at its end.
fn ends(path: &str) -> impl Iterator<Item = usize> + '_ {
    path.match_indices('/').map(|(at, _)| at).chain([path.len()])
}

fn glob(pattern: &str, path: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("**/") {
        return glob(rest, path) || path.match_indices('/').any(|(at, _)| glob(rest, &path[at + 1..]));
    }
    if pattern == "**" {
        return true;
    }
    if let Some(rest) = pattern.strip_prefix("/**/") {
        // The slash itself, then any number of directories.
        return path.strip_prefix('/').is_some_and(|path| glob(&format!("**/{rest}"), path));
    }
    if pattern == "/**" {
        return path.starts_with('/') || path.is_empty();
    }
    match pattern.chars().next() {
        None => path.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            (0..=path.find('/').unwrap_or(path.len())).any(|at| path.is_char_boundary(at) && glob(rest, &path[at..]))
        }
        Some('?') => {
            path.chars().next().is_some_and(|char| char != '/' && glob(&pattern[1..], &path[char.len_utf8()..]))
        }
        Some(char) => path.strip_prefix(char).is_some_and(|path| glob(&pattern[char.len_utf8()..], path)),
    }
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "ab", "a.b", "b.b", "c", "a.b.b"]).prop_map(str::to_owned)
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(name(), 1..6).prop_map(|names| names.join("/"))
}

fn pattern() -> impl Strategy<Value = String> {
    let wild =
        prop::sample::select(vec!["*", "**", "?", "a*", "*b", "*.b", "a?b", "*a*", "?.b"]).prop_map(str::to_owned);
    let segment = prop_oneof![3 => name(), 2 => wild];
    (any::<bool>(), prop::collection::vec(segment, 1..5), any::<bool>()).prop_map(|(lead, segments, trail)| {
        format!("{}{}{}", if lead { "/" } else { "" }, segments.join("/"), if trail { "/" } else { "" })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_decides_like_the_reference(
        lines in prop::collection::vec((pattern(), any::<bool>()), 1..25),
        paths in prop::collection::vec(path(), 1..12),
    ) {
        let text: String = lines.iter().map(|(pattern, owned)| format!("{pattern}{}\n", if *owned { " @x" } else { "" })).collect();
        let (file, problems) = Codeowners::parse(Dialect::Github, "CODEOWNERS", &text);
        prop_assert!(problems.is_empty(), "{:?}", problems);
        for path in paths {
            let expected = reference(&lines, &path).map(|at| at + 1);
            let decided = file.matching(&path).first().map(|line| line.number as usize);
            prop_assert_eq!(decided, expected, "{} in\n{}", path, text);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*|[ab*?/\\\\#@! \\[\\]\n\r\t]{0,200}", path in "\\PC*") {
        let (file, problems) = Codeowners::parse(Dialect::Github, "CODEOWNERS", &text);
        prop_assert!(file.matching(&path).iter().all(|line| !line.pattern.is_empty()));
        for problem in problems {
            prop_assert!(problem.at.end <= text.len());
        }
    }
}
