//! What a connection's bytes become, from the first line to the last.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const AT: i64 = 1_767_225_600_000;

struct World {
    session: Session,
    tick: i64,
    records: Vec<(Kind, String, Value)>,
    agents: Vec<String>,
    lost: u64,
}

impl World {
    fn new(agent: Option<&str>) -> Self {
        let setting = Setting {
            connection: Uuid::nil(),
            agent: agent.map(str::to_owned),
            server: None,
            host: "box".into(),
            working_directory: "/nowhere/at/all".into(),
            shaper: Shaper::new([0; 32]),
        };
        let session = Session::new(setting, Arc::default());
        Self { session, tick: 0, records: Vec::new(), agents: Vec::new(), lost: 0 }
    }

    /// `>` from the client, `<` from the server, `.` ten milliseconds each.
    fn play(&mut self, script: &str) -> &mut Self {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (direction, text) = line.split_at(1);
            let text = format!("{}\n", text.trim());
            let found = match direction {
                ">" => self.session.client(text.as_bytes(), AT + self.tick, self.tick),
                "<" => self.session.server(text.as_bytes(), AT + self.tick, self.tick),
                "." => {
                    self.tick += 10;
                    Vec::new()
                }
                "$" => self.session.end(AT + self.tick, self.tick),
                other => panic!("`{other}`"),
            };
            for one in found {
                match one {
                    Found::Agent(agent) => self.agents.push(agent),
                    Found::Lost(lost) => self.lost += lost.count,
                    Found::Record(record) => {
                        let body = serde_json::from_str(record.body.get()).unwrap();
                        self.records.push((record.kind, record.key.replace(&Uuid::nil().to_string(), "C"), body));
                    }
                }
            }
        }
        self
    }

    /// The records as `key:event` and `key:status/failure mode/duration`.
    fn brief(&self) -> Vec<String> {
        self.records
            .iter()
            .map(|(kind, key, body)| match kind {
                Kind::Event => format!("{key} {}", body["action"]["description"].as_str().unwrap()),
                Kind::Outcome => format!(
                    "{key} {}/{}/{}",
                    body["status"].as_str().unwrap(),
                    body["failure_mode"].as_str().unwrap_or("-"),
                    body["duration_ms"]
                ),
            })
            .collect()
    }
}

fn check(script: &str, expect: &[&str]) {
    assert_eq!(World::new(Some("a")).play(script).brief(), expect, "{script}");
}

#[test]
fn a_legacy_connection_is_recorded_whole() {
    let mut world = World::new(None);
    world.play(
        r#"
        > {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":{"name":"claude-code","title":"Claude Code"}}}
        < {"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","serverInfo":{"name":"secure-filesystem-server"}}}
        > {"jsonrpc":"2.0","method":"notifications/initialized"}
        > {"jsonrpc":"2.0","id":1,"method":"tools/list"}
        < {"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"write_file","annotations":{"destructiveHint":true,"readOnlyHint":false,"title":"W"}},{"name":"read_file","annotations":{"readOnlyHint":true}}]}}
        < {"jsonrpc":"2.0","id":2,"method":"roots/list"}
        > {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"write_file","arguments":{"path":"src/pay.rs","content":"x"},"_meta":{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}}
        > {"jsonrpc":"2.0","id":2,"result":{"roots":[]}}
        .
        < {"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"Wrote"}]}}
        > {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"read_file","arguments":{"path":"gone"}}}
        < {"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"no such file"}],"isError":true}}
        "#,
    );
    assert_eq!(world.agents, ["claude-code@box"]);
    assert_eq!(
        world.brief(),
        ["C:2 filesystem.write_file", "C:2 completed/-/10", "C:3 filesystem.read_file", "C:3 failed/tool_error/0"]
    );
    assert_eq!(
        world.records[0].2,
        json!({
            "timestamp": AT,
            "actor": {"type": "agent", "id": "claude-code@box", "name": "Claude Code", "framework": "mcp"},
            "action": {
                "type": "tool_call", "description": "filesystem.write_file",
                "idempotency_key": format!("{}:2", Uuid::nil()),
            },
            "metadata": {
                "session_id": Uuid::nil(), "sequence": 1, "reversible": false,
                "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
                "attributes": {"call": {
                    "protocol": "mcp", "server": "filesystem", "tool": "write_file",
                    "arguments": {"path": "src/pay.rs", "content": "x"},
                    "cwd": "/nowhere/at/all", "trusted": false, "hints": {"read_only": false, "destructive": true},
                }},
            },
        })
    );
    assert_eq!(world.records[1].2["result"]["content"], json!([{"type": "text", "bytes": 5}]));
    let told = &world.records[2].2["metadata"];
    assert_eq!(told["attributes"]["call"]["hints"], json!({"read_only": true}));
    assert!(told.get("estimated_impact").is_none() && told.get("reversible").is_none(), "a hint is not a fact: {told}");
    assert_eq!(world.records[3].2["error"], "no such file");
    let known = world.session.known.read().unwrap();
    assert!(!known.modern && known.read_only["read_file"] && !known.read_only["write_file"]);
}

#[test]
fn a_path_in_a_home_that_looks_like_an_address_still_lies_in_its_repository() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("user@corp.com/shop");
    std::fs::create_dir_all(root.join(".git")).unwrap();
    let mut world = World::new(Some("a"));
    for (id, cwd) in [root.clone(), "/nowhere".into()].into_iter().enumerate() {
        world.session.site = CallSite::new(cwd);
        let path = root.join("src/pay.rs");
        let call =
            json!({"id": id, "method": "tools/call", "params": {"name": "write_file", "arguments": {"path": path}}});
        world.play(&format!("> {call}"));
    }
    for (_, _, event) in &world.records {
        let call = &event["metadata"]["attributes"]["call"];
        let (path, root) = (call["arguments"]["path"].as_str().unwrap(), call["repo_root"].as_str().unwrap());
        assert_eq!(path.strip_prefix(root), Some("/src/pay.rs"), "{call}");
        assert_eq!(call["repo"], "shop");
        assert!(!call.to_string().contains("user@corp.com"), "{call}");
    }
    assert_eq!(
        world.records[0].2["metadata"]["attributes"]["call"]["cwd"],
        world.records[0].2["metadata"]["attributes"]["call"]["repo_root"]
    );
}

#[test]
fn a_stateless_connection_is_known_by_its_meta() {
    let mut world = World::new(None);
    world.play(
        r#"
        > {"id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"probe"}}}}
        < {"id":1,"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"mcp-time"}}}}
        > {"id":2,"method":"tools/call","params":{"name":"now"}}
        "#,
    );
    assert_eq!(world.agents, ["probe@box"]);
    assert_eq!(world.brief(), ["C:2 time.now"]);
    assert!(world.session.known.read().unwrap().modern);
    let mut bare = World::new(None);
    bare.play(r#"> {"id":1,"method":"tools/call","params":{"name":"x"}}"#);
    assert_eq!(bare.agents, ["mcp@box"], "a client that never says who it is");
}

#[test]
fn a_call_repeated_with_input_is_one_call() {
    check(
        r#"
        > {"id":1,"method":"tools/call","params":{"name":"book","arguments":{"a":1}}}
        < {"id":1,"result":{"resultType":"input_required","inputRequests":{},"requestState":"s1"}}
        .
        > {"id":2,"method":"tools/call","params":{"name":"book","arguments":{"a":1},"inputResponses":{},"requestState":"s1"}}
        .
        < {"id":2,"result":{"resultType":"complete","content":[]}}
        > {"id":3,"method":"tools/call","params":{"name":"book","arguments":{"a":1},"requestState":"other"}}
        "#,
        &["C:1 unknown.book", "C:1 completed/-/20", "C:3 unknown.book"],
    );
}

#[test]
fn a_task_ends_when_it_ends() {
    for (name, answers, expect) in [
        (
            "2025-11-25, asked for",
            r#"< {"id":1,"result":{"task":{"taskId":"t","status":"working"}}}
            > {"id":2,"method":"tasks/get","params":{"taskId":"t"}}
            < {"id":2,"result":{"taskId":"t","status":"working"}}
            .
            > {"id":3,"method":"tasks/result","params":{"taskId":"t"}}
            < {"id":3,"result":{"content":[],"isError":true}}"#,
            "C:1 failed/tool_error/10",
        ),
        (
            "2026-07-28, with its result",
            r#"< {"id":1,"result":{"resultType":"task","taskId":"t","status":"working"}}
            > {"id":2,"method":"tasks/get","params":{"taskId":"t"}}
            < {"id":2,"result":{"resultType":"complete","taskId":"t","status":"completed","result":{"content":[]}}}"#,
            "C:1 completed/-/0",
        ),
        (
            "told by the server",
            r#"< {"id":1,"result":{"task":{"taskId":"t","status":"working"}}}
            < {"method":"notifications/tasks/status","params":{"taskId":"t","status":"cancelled"}}"#,
            "C:1 failed/cancelled/0",
        ),
        (
            "left open",
            r#"< {"id":1,"result":{"task":{"taskId":"t","status":"working"}}}
            $"#,
            "C:1 failed/disconnected/0",
        ),
    ] {
        let script = format!("> {{\"id\":1,\"method\":\"tools/call\",\"params\":{{\"name\":\"x\"}}}}\n{answers}");
        assert_eq!(World::new(Some("a")).play(&script).brief(), ["C:1 unknown.x", expect], "{name}");
    }
}

#[test]
fn calls_end_in_other_ways_too() {
    check(
        r#"
        > {"id":"a","method":"tools/call","params":{"name":"x"}}
        > {"id":1.5,"method":"tools/call","params":{"name":"y"}}
        > {"id":7,"method":"tools/call","params":{"name":"z"}}
        > {"method":"notifications/cancelled","params":{"requestId":"a"}}
        < {"id":"a","result":{"content":[]}}
        < {"id":1.5,"error":{"code":-32602,"message":"Unknown tool"}}
        $
        "#,
        &[
            "C:\"a\" unknown.x",
            "C:1.5 unknown.y",
            "C:7 unknown.z",
            "C:\"a\" failed/cancelled/0",
            "C:1.5 failed/protocol_error/0",
            "C:7 failed/disconnected/0",
        ],
    );
}

#[test]
fn equal_calls_are_two_events_even_under_one_id() {
    check(
        r#"
        > {"id":1,"method":"tools/call","params":{"name":"x"}}
        < {"id":1,"result":{"content":[]}}
        > {"id":1,"method":"tools/call","params":{"name":"x"}}
        > [{"id":2,"method":"tools/call","params":{"name":"b"}},{"id":3,"method":"ping"}]
        < [{"id":2,"result":{"content":[]}},{"id":3,"result":{}}]
        "#,
        &["C:1 unknown.x", "C:1 completed/-/0", "C:1#2 unknown.x", "C:2 unknown.b", "C:2 completed/-/0"],
    );
}

#[test]
fn output_that_was_missed_claims_nothing() {
    let mut world = World::new(Some("a"));
    world.play(r#"> {"id":1,"method":"tools/call","params":{"name":"x"}}"#);
    world.session.server_gap();
    world.play("< half a line\n< {\"id\":9,\"result\":{}}\n$");
    assert_eq!(world.brief(), ["C:1 unknown.x"]);
    assert_eq!(world.lost, 1, "the outcome is counted");
}

/// What holds whatever a client and a server say, and however the server's output is cut: a plain function, so that a
/// fuzzer can drive it as well.
fn check_invariants(client: &[u8], server: &[u8], cut: usize) {
    let (whole, parts) = server.split_at(cut % (server.len() + 1));
    let [one, other] = [vec![server], vec![whole, parts]].map(|pieces| {
        let mut session = World::new(Some("a")).session;
        let mut found = session.client(client, AT, 0);
        found.extend(pieces.iter().flat_map(|piece| session.server(piece, AT, 0)));
        found.extend(session.end(AT, 0));
        let records = found.iter().filter_map(|one| match one {
            Found::Record(record) => Some((record.key.clone(), record.kind, record.body.get().to_owned())),
            Found::Agent(_) | Found::Lost(_) => None,
        });
        records.collect::<Vec<_>>()
    });
    assert_eq!(one, other, "cut at {}", whole.len());
    let mut events = HashSet::new();
    let mut outcomes = HashSet::new();
    for (key, kind, _) in &one {
        match kind {
            Kind::Event => assert!(events.insert(key), "{key} began twice"),
            Kind::Outcome => {
                assert!(events.contains(key) && outcomes.insert(key), "{key} ended before it began, or twice")
            }
        }
    }
}

fn lines_of(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        9 => prop::sample::select(texts).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join(&b'\n'))
}

proptest! {
    #[test]
    fn whatever_comes_is_survived(
        client in lines_of(&[
            r#"{"id":1,"method":"tools/call","params":{"name":"x"}}"#,
            r#"{"id":2,"method":"tools/call","params":{"name":"x","requestState":"s"}}"#,
            r#"[{"id":3,"method":"tools/call"},{"id":3,"method":"tasks/get","params":{"taskId":"t"}}]"#,
            r#"{"id":{},"method":"tools/call","params":[1]}"#,
            r#"{"id":4,"method":"tasks/result","params":{"taskId":"t"}}"#,
            r#"{"method":"notifications/cancelled","params":{"requestId":1}}"#,
            r#"{"id":5,"method":"tools/list"}"#,
            "[[[]]]",
            "{",
        ]),
        server in lines_of(&[
            r#"{"id":1,"result":{"content":[]}}"#,
            r#"{"id":2,"result":{"resultType":"input_required","requestState":"s"}}"#,
            r#"[{"id":3,"result":{"taskId":"t"}},{"id":1,"error":{}}]"#,
            r#"{"id":4,"result":{}}"#,
            r#"{"id":5,"result":{"tools":[{"name":"x","annotations":{"readOnlyHint":7}},7]}}"#,
            r#"{"method":"notifications/tasks/status","params":{"taskId":"t","status":"completed"}}"#,
            r#"{"id":null,"result":null}"#,
            "null",
        ]),
        cut in any::<usize>(),
    ) {
        check_invariants(&client, &server, cut);
    }
}
