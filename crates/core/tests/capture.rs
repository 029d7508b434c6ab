//! Tool calls as real servers name them, and what they turn out to touch.

use mandate_core::capture::{Call, CaptureFile, CaptureSet, Hints};
use mandate_core::event::{Flag, ResourceKind};
use serde_json::{Value, json};

/// `action impact resources [flags]`; a resource is `type:id@repo`.
fn shown(set: &CaptureSet, call: &Call<'_>) -> String {
    let captured = set.apply(call);
    let resources: Vec<String> = captured
        .resources
        .iter()
        .map(|one| format!("{}{}", one.address(), one.repo.as_ref().map(|repo| format!("@{repo}")).unwrap_or_default()))
        .collect();
    let outside = if captured.flags.contains(Flag::OutsideRepo) { " outside" } else { "" };
    let undone = captured.reversible.map(|reversible| if reversible { " reversible" } else { " final" });
    let impact = captured.impact.unwrap_or(captured.hinted_impact);
    format!("{} {impact}{} {}{outside}", captured.action_type, undone.unwrap_or_default(), resources.join(" "))
}

fn call<'a>(server: &'a str, tool: &'a str, arguments: &'a Value) -> Call<'a> {
    Call {
        server,
        tool,
        arguments: arguments.as_object().unwrap(),
        hints: Hints::default(),
        cwd: Some("/home/u/shop/src"),
        repo_root: Some("/home/u/shop"),
        repo: Some("acme/shop"),
    }
}

fn shipped() -> CaptureSet {
    let (set, problems) = CaptureSet::load(&[]);
    assert_eq!(problems, []);
    set
}

#[test]
fn the_tools_of_real_servers_are_known() {
    let set = shipped();
    let fs = "secure-filesystem-server";
    for (server, tool, arguments, expected) in [
        (fs, "read_text_file", json!({"path": "/home/u/shop/a.rs", "head": 3}), "file_read none file:a.rs@acme/shop"),
        (fs, "read_file", json!({"path": "a.rs"}), "file_read none file:src/a.rs@acme/shop"),
        (fs, "read_media_file", json!({"path": "../logo.png"}), "file_read none file:logo.png@acme/shop"),
        (
            fs,
            "read_multiple_files",
            json!({"paths": ["a.rs", "./b.rs", "a.rs"]}),
            "file_read none file:src/a.rs@acme/shop file:src/b.rs@acme/shop",
        ),
        (fs, "write_file", json!({"path": "a.rs", "content": "x"}), "file_write medium file:src/a.rs@acme/shop"),
        (
            "filesystem",
            "edit_file",
            json!({"path": "/home/u/shop/src/pay.rs", "edits": [{"oldText": "a", "newText": "b"}]}),
            "file_write medium file:src/pay.rs@acme/shop",
        ),
        (
            fs,
            "move_file",
            json!({"source": "a.rs", "destination": "/tmp/a.rs"}),
            "file_move medium file:src/a.rs@acme/shop file:/tmp/a.rs outside",
        ),
        (fs, "create_directory", json!({"path": "x"}), "file_create low reversible file:src/x@acme/shop"),
        (fs, "list_directory", json!({"path": "/home/u/shop"}), "file_list none file:.@acme/shop"),
        (fs, "list_directory_with_sizes", json!({"path": "."}), "file_list none file:src@acme/shop"),
        (fs, "search_files", json!({"path": "/etc", "pattern": "*"}), "file_list none file:/etc outside"),
        (fs, "directory_tree", json!({"path": "/home/u/shopping"}), "file_list none file:/home/u/shopping outside"),
        (fs, "get_file_info", json!({"path": "a.rs"}), "file_read none file:src/a.rs@acme/shop"),
        (
            fs,
            "list_allowed_directories",
            json!({}),
            "file_list none api:mcp/secure-filesystem-server/list_allowed_directories",
        ),
        (
            "memory-server",
            "create_entities",
            json!({"entities": []}),
            "memory_write low api:mcp/memory-server/create_entities",
        ),
        ("memory", "add_observations", json!({}), "memory_write low api:mcp/memory/add_observations"),
        (
            "memory",
            "delete_entities",
            json!({"entityNames": ["x"]}),
            "memory_delete medium final api:mcp/memory/delete_entities",
        ),
        ("memory", "read_graph", json!({}), "memory_read none api:mcp/memory/read_graph"),
        ("memory", "open_nodes", json!({"names": ["x"]}), "memory_read none api:mcp/memory/open_nodes"),
        (
            "mcp-time",
            "get_current_time",
            json!({"timezone": "UTC"}),
            "time_read none api:mcp/mcp-time/get_current_time",
        ),
        ("time", "convert_time", json!({}), "time_read none api:mcp/time/convert_time"),
        (
            "mcp-servers/everything",
            "echo",
            json!({"message": "x"}),
            "tool_read none api:mcp/mcp-servers/everything/echo",
        ),
        ("mcp-git", "git_status", json!({"repo_path": "/home/u/shop"}), "git_read none file:.@acme/shop"),
        (
            "mcp-git",
            "git_add",
            json!({"repo_path": "/home/u/shop", "files": ["a.rs", "src/b.rs"]}),
            "git_write low reversible file:a.rs@acme/shop file:src/b.rs@acme/shop",
        ),
        ("mcp-fetch", "fetch", json!({"url": "https://u@example.com:8080/a?b"}), "web_read none api:example.com:8080"),
        (
            "github-mcp-server",
            "create_or_update_file",
            json!({"owner": "acme", "repo": "ui", "path": "/docs/../a.md", "content": ""}),
            "file_write medium reversible file:a.md@acme/ui",
        ),
        (
            "github",
            "push_files",
            json!({"owner": "acme", "repo": "ui", "files": [{"path": "a"}, {"path": "b"}]}),
            "file_write medium reversible file:a@acme/ui file:b@acme/ui",
        ),
        ("github", "add_issue_comment", json!({"owner": "acme", "repo": "ui"}), "github_write low api:github/acme/ui"),
        ("sqlite", "read_query", json!({"query": "SELECT 1"}), "db_read none api:mcp/sqlite/read_query"),
        ("sqlite", "describe_table", json!({"table_name": "users"}), "db_read none table:users"),
        ("postgres", "query", json!({"sql": "DROP TABLE users"}), "db_write medium api:mcp/postgres/query"),
        ("claude-code", "Edit", json!({"file_path": "/home/u/shop/x.py"}), "file_write medium file:x.py@acme/shop"),
        ("claude-code", "Bash", json!({"command": "ls"}), "command_run medium api:mcp/claude-code/Bash"),
        ("codex", "shell", json!({"command": ["ls"]}), "command_run medium api:mcp/codex/shell"),
        ("unheard", "of", json!({"path": "a"}), "tool_call medium api:mcp/unheard/of"),
    ] {
        assert_eq!(shown(&set, &call(server, tool, &arguments)), expected, "{server} {tool}");
    }
}

#[test]
fn paths_are_relative_to_their_repository_or_flagged() {
    let set = shipped();
    for (cwd, root, repo, path, expected) in [
        (Some("/w/r"), Some("/w/r"), None, "a/../b", "file:b@r"),
        (Some("/w/r/sub"), Some("/w/r/"), Some("o/r"), "x", "file:sub/x@o/r"),
        (Some("/w/r"), Some("/w/r"), None, "../r/a", "file:a@r"),
        (Some("/w/r"), Some("/w/r"), None, "../other/a", "file:/w/other/a outside"),
        (Some("/w/r"), Some("/w/r"), None, "../../../../../etc/passwd", "file:/etc/passwd outside"),
        (Some("/w/r"), Some("/w/r"), None, "~/.ssh/config", "file:~/.ssh/config outside"),
        (Some("/w/r"), Some("/w/r"), None, "file:///w/r/a", "file:a@r"),
        (Some("/w/r"), Some("/w/r"), None, "//w//r/./a", "file:a@r"),
        (Some(r"C:\w\r"), Some(r"C:\w\r"), None, r"C:\w\r\src\a.rs", "file:src/a.rs@r"),
        (None, Some("/w/r"), None, "a", "file:a@r"),
        (None, None, None, "a/./b", "file:a/b"),
        (None, None, None, "../b", "file:b outside"),
        (Some("/w"), None, None, "b", "file:/w/b outside"),
    ] {
        let arguments = json!({"path": path});
        let call = Call { cwd, repo_root: root, repo, ..call("filesystem", "write_file", &arguments) };
        assert_eq!(shown(&set, &call), format!("file_write medium {expected}"), "{path}");
    }
}

#[test]
fn a_tenants_entries_come_first_and_the_catch_all_last() {
    let text = "tools:\n  \
        - {server: \"filesystem\", tool: [write_file, edit_file], action: file_write, resource: \"file:{path}\", impact: high, reversible: false}\n  \
        - {server: \"jobs*\", tool: \"run-*\", action: deploy, resource: [\"service:{job.name}\", \"service:{jobs.name}\"]}\n  \
        - {server: \"hinted\", hint: read_only, action: read}\n  \
        - {server: \"hinted\", hint: [destructive, open_world], action: delete}\n";
    let (set, problems) = CaptureSet::load(&[CaptureFile { file: "capture.yaml", text }]);
    assert_eq!(problems, []);
    let no = json!({});
    let path = json!({"path": "a"});
    let job = json!({"job": {"name": "web"}});
    let jobs = json!({"jobs": [{"name": "web"}, {"name": "api"}, {"name": null}, 7]});
    let told = |read_only, destructive, open_world| Hints { read_only, destructive, open_world, idempotent: None };
    for (call, expected) in [
        (call("filesystem", "write_file", &path), "file_write high final file:src/a@acme/shop"),
        (call("filesystem", "write_file", &no), "file_write high final api:mcp/filesystem/write_file"),
        (call("jobs-eu", "run-now", &job), "deploy medium service:web"),
        (call("jobs-eu", "run-all", &jobs), "deploy medium service:web service:api"),
        (Call { hints: told(Some(true), None, None), ..call("hinted", "x", &no) }, "read none api:mcp/hinted/x"),
        (call("hinted", "x", &no), "delete medium api:mcp/hinted/x"),
        (Call { hints: told(None, Some(false), None), ..call("hinted", "x", &no) }, "tool_call low api:mcp/hinted/x"),
        (
            Call { hints: told(None, None, Some(false)), ..call("hinted", "x", &no) },
            "tool_call medium api:mcp/hinted/x",
        ),
        (
            Call { hints: told(Some(true), Some(true), None), ..call("other", "x", &no) },
            "tool_read none api:mcp/other/x",
        ),
    ] {
        assert_eq!(shown(&set, &call), expected);
    }
    let first = call("filesystem", "write_file", &path);
    let captured = set.apply(&first);
    assert_eq!((captured.entry, captured.by_untrusted_hint), (("capture.yaml", 2), false));
    let hinted = call("hinted", "x", &no);
    let captured = set.apply(&hinted);
    assert_eq!((captured.entry, captured.by_untrusted_hint), (("capture.yaml", 5), true));
}

#[test]
fn ids_stay_within_what_an_event_may_hold() {
    let set = shipped();
    let long = "ü".repeat(300);
    let arguments = json!({"path": format!("{long}\u{7}a")});
    let one = set.apply(&call("filesystem", "write_file", &arguments)).resources.remove(0);
    assert!(one.id.len() <= 256 && !one.id.contains('\u{7}'), "{}", one.id);
    let other = json!({"path": format!("{long}\u{7}b")});
    assert_ne!(one, set.apply(&call("filesystem", "write_file", &other)).resources.remove(0));
    let many: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    let many = json!({"paths": many});
    let captured = set.apply(&call("filesystem", "read_multiple_files", &many));
    assert_eq!(captured.resources.len(), 100);
    let bell = json!({});
    let captured = set.apply(&call("a\u{7}", &long, &bell));
    assert_eq!(captured.resources[0].kind, ResourceKind::Api);
    assert!(captured.resources[0].id.len() <= 256 && captured.resources[0].id.starts_with("mcp/a\u{fffd}/ü"));
}

#[test]
fn a_mistake_is_shown_where_it_stands() {
    for (text, expected) in [
        ("tool: []", "1:1 unknown key `tool` [did you mean `tools`?]"),
        ("tools: [{sever: x, action: y}]", "1:10 unknown key `sever` [did you mean `server`?]"),
        ("tools: [{server: x}]", "1:10 the key `action` is missing here []"),
        ("tools: [{action: x, hint: [read_onl]}]", "1:28 `read_onl` is not a hint [did you mean `read_only`?]"),
        ("tools: [{action: x, impact: huge}]", "1:29 `huge` is not an impact [one of `none`, `low`, `medium`, `high`]"),
        ("tools: [{action: x, resource: \"fil:{a}\"}]", "1:31 `fil` is not a type of resource [did you mean `file`?]"),
        (
            "tools: [{action: x, resource: path}]",
            "1:31 `path` is not a resource; write `TYPE:ID` such as `file:{path}` []",
        ),
        ("tools: [{action: x, resource: \"file:{a\"}]", "1:31 `{a` has a brace without its partner []"),
        (
            "tools: [{action: x, resource: \"file:{a|hots}\"}]",
            "1:31 `hots` is not a way to cut an argument [one of `host`]",
        ),
        ("tools: [{action: x, resource: \"file:\"}]", "1:31 `` names nothing []"),
        ("tools: [{action: x, server: \"{a\"}]", "1:29 `{a` has a brace without its partner; write `{a,b}` []"),
        ("tools: [{action: \"\"}]", "1:18 `` is not an action's type; write a word such as `file_write` []"),
    ] {
        let (_, problems) = CaptureSet::load(&[CaptureFile { file: "capture.yaml", text }]);
        let [problem] = problems.as_slice() else { panic!("{text} {problems:?}") };
        let help = problem.help.as_deref().unwrap_or_default();
        assert_eq!(format!("{}:{} {} [{help}]", problem.line, problem.column, problem.message), expected, "{text}");
    }
}

#[test]
fn the_words_it_gives_are_words_the_rules_know() {
    use mandate_core::rule::{EventFacts, ResourceFacts, RuleSet};
    let (rules, _) = RuleSet::load(&[]);
    let set = shipped();
    let arguments = json!({"path": "a", "paths": ["a"], "url": "https://x"});
    for (server, tool, expected) in [
        ("filesystem", "read_text_file", "read-only"),
        ("filesystem", "read_multiple_files", "read-only"),
        ("filesystem", "list_directory", "read-only"),
        ("memory", "search_nodes", "read-only"),
        ("time", "convert_time", "read-only"),
        ("fetch", "fetch", "read-only"),
        ("sqlite", "create_table", "schema changes"),
        ("filesystem", "delete_file", "destructive"),
        ("memory", "delete_relations", "destructive"),
        ("filesystem", "write_file", "everything else"),
        ("claude-code", "TodoWrite", "no impact"),
        ("unheard", "of", "everything else"),
    ] {
        let call = call(server, tool, &arguments);
        let captured = set.apply(&call);
        let facts = EventFacts {
            action_type: Some(captured.action_type),
            estimated_impact: captured.impact.or(Some(captured.hinted_impact)),
            reversible: captured.reversible,
            ..EventFacts::default()
        };
        let resource = captured.resources.first().unwrap();
        let routed = rules.route(&facts, Some(&ResourceFacts::new(resource.kind, &resource.id)));
        assert_eq!(&*routed.rule.name, expected, "{server} {tool}");
    }
}

#[test]
fn the_form_that_the_contract_shows_loads() {
    let text = r#"
tools:
  - {server: "filesystem", tool: [write_file, edit_file], action: file_write, resource: "file:{path}"}
  - {server: "*", hint: read_only, action: read}
  - {server: "*", tool: "*", action: tool_call, resource: "api:mcp/{server}/{tool}"}     # never nothing
"#;
    let (set, problems) = CaptureSet::load(&[CaptureFile { file: "capture.yaml", text }]);
    assert_eq!(problems, []);
    let path = json!({"path": "a"});
    let read_only = Hints { read_only: Some(true), ..Hints::default() };
    for (call, expected) in [
        (call("filesystem", "edit_file", &path), "file_write medium file:src/a@acme/shop"),
        (Call { hints: read_only, ..call("x", "y", &path) }, "read none api:mcp/x/y"),
        (call("x", "y", &path), "tool_call medium api:mcp/x/y"),
    ] {
        assert_eq!(shown(&set, &call), expected);
    }
}
