//! Bad input: what is sent, and the status, the problem and the pointer that come back.

use serde_json::Value;

use crate::world::{Answer, World};

struct Case {
    name: &'static str,
    request: (&'static str, &'static str),
    headers: &'static str,
    body: Vec<u8>,
    status: u16,
    /// A problem's code; for 422 the code of the first item's first error.
    code: &'static str,
    pointer: &'static str,
}

const EVENTS: (&str, &str) = ("POST", "/v1/events");

fn case(name: &'static str, body: impl Into<Vec<u8>>, status: u16, code: &'static str, pointer: &'static str) -> Case {
    Case { name, request: EVENTS, headers: "", body: body.into(), status, code, pointer }
}

fn call(
    request: (&'static str, &'static str),
    body: &str,
    status: u16,
    code: &'static str,
    pointer: &'static str,
) -> Case {
    Case { name: request.1, request, headers: "", body: body.into(), status, code, pointer }
}

fn deep(levels: usize) -> String {
    format!(r#"{{"metadata":{{"attributes":{{"a":{}{}}}}}}}"#, "[".repeat(levels), "]".repeat(levels))
}

fn items() -> Vec<Case> {
    vec![
        case("a list for an actor", r#"{"actor":[]}"#, 422, "wrong_type", "/actor"),
        case("a number for an id", r#"{"actor":{"id":7}}"#, 422, "wrong_type", "/actor/id"),
        case("an actor without id", r#"{"actor":{"type":"agent"}}"#, 422, "missing", "/actor/id"),
        case("letters that ids do not have", r#"{"actor":{"id":"a b"}}"#, 422, "invalid_id", "/actor/id"),
        case("a duplicate key", r#"{"actor":{"id":"a","id":"b"}}"#, 422, "duplicate_key", "/actor/id"),
        case("beyond 2^53", r#"{"timestamp":9007199254740993}"#, 422, "number_out_of_range", "/timestamp"),
        case(
            "infinite once read",
            r#"{"metadata":{"attributes":{"n":1e999}}}"#,
            422,
            "number_out_of_range",
            "/metadata/attributes/n",
        ),
        case("a lone surrogate", r#"{"action":{"description":"\ud800"}}"#, 422, "invalid_text", "/action/description"),
        case("a lone surrogate in a name", r#"{"\udfff":1}"#, 422, "invalid_text", ""),
        case(
            "a zero character in an id",
            r#"{"action":{"type":"a\u0000b"}}"#,
            422,
            "control_character",
            "/action/type",
        ),
        case("nested too deeply", deep(40), 422, "too_deep", ""),
        case(
            "an item over 64 KB",
            format!(r#"{{"action":{{"description":"{}"}}}}"#, "x".repeat(70_000)),
            422,
            "too_large",
            "",
        ),
        case("an item that is no object", r#"{"events":[7]}"#, 422, "wrong_type", ""),
        case(
            "a path that leaves its root",
            r#"{"scope":{"resources":[{"type":"file","id":"../x"}]}}"#,
            422,
            "invalid_path",
            "/scope/resources/0/id",
        ),
        case(
            "an unknown kind of resource",
            r#"{"scope":{"resources":[{"type":"planet","id":"x"}]}}"#,
            422,
            "unknown_value",
            "/scope/resources/0/type",
        ),
        case("a version of another major", r#"{"schema_version":"2.0"}"#, 422, "unknown_version", "/schema_version"),
    ]
}

fn bodies() -> Vec<Case> {
    let many = format!(r#"{{"events":[{}]}}"#, vec!["{}"; 1_001].join(","));
    vec![
        case("nothing", "", 400, "invalid_json", ""),
        case("not JSON", "{\"a\": nul}", 400, "invalid_json", ""),
        case("cut off", r#"{"actor":{"id":"a""#, 400, "invalid_json", ""),
        case("something after it", "{} {}", 400, "invalid_json", ""),
        case("not UTF-8", b"{\"a\":\"\xff\"}".to_vec(), 400, "invalid_text", ""),
        case("a list", "[]", 400, "invalid_request", ""),
        case("a text", "\"hello\"", 400, "invalid_request", ""),
        case("no list of events", r#"{"events":{}}"#, 400, "invalid_request", "/events"),
        case("no events", r#"{"events":[]}"#, 400, "invalid_request", "/events"),
        case("two lists", r#"{"events":[{}],"events":[{}]}"#, 400, "invalid_request", "/events"),
        case("an unknown member beside events", r#"{"events":[{}],"actor":{}}"#, 400, "invalid_request", "/actor"),
        case("a time in words", r#"{"events":[{}],"sent_at":"now"}"#, 400, "invalid_request", "/sent_at"),
        case("1,001 items", many, 413, "too_large", ""),
        case("over 8 MB", vec![b' '; 8 * 1024 * 1024 + 1], 413, "too_large", ""),
        Case {
            headers: "content-type: text/plain\r\n",
            ..case("not JSON by its type", "{}", 415, "unsupported_media_type", "")
        },
        Case { headers: "content-encoding: gzip\r\n", ..case("compressed", "{}", 415, "unsupported_media_type", "") },
        Case { headers: "idempotency-key: \r\n", ..case("an empty key", "{}", 400, "invalid_request", "") },
        Case { headers: "host: evil.example\r\n", ..case("a second host", "{}", 403, "unknown_host", "") },
    ]
}

fn calls() -> Vec<Case> {
    vec![
        call(("GET", "/v1/nothing"), "", 404, "no_such_call", ""),
        call(("PATCH", "/v1/events"), "", 405, "method_not_allowed", ""),
        call(("GET", "/v1/events/7"), "", 404, "not_found", ""),
        call(("GET", "/v1/events/00000000-0000-7000-8000-000000000000"), "", 404, "not_found", ""),
        call(("GET", "/v1/events?acter=x"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/events?q=x"), "", 400, "not_available", ""),
        call(("GET", "/v1/events?team=x"), "", 400, "not_available", ""),
        call(("GET", "/v1/events?limit=0"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/events?limit=many"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/events?cursor=x"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/events?resource=planet:x"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/events?decision=maybe"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/notifications/7"), "", 404, "not_found", ""),
        call(("GET", "/v1/notifications?state=lost"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/agents/nobody"), "", 404, "not_found", ""),
        call(("GET", "/v1/agents/a%20b/control?once=1"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/agents/a/control?once=2"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/agents/%ff/control"), "", 400, "invalid_request", ""),
        call(("POST", "/v1/agents/a/pause"), r#"{"reson":"x"}"#, 400, "invalid_request", "/reson"),
        call(("POST", "/v1/agents/a/pause"), r#"{"reason":7}"#, 400, "invalid_request", "/reason"),
        call(("POST", "/v1/agents/a/pause"), r#"{"preview":true}"#, 400, "invalid_request", "/preview"),
        call(("POST", "/v1/agents/a%20b/pause"), "", 400, "invalid_request", ""),
        call(("POST", "/v1/events/7/outcome"), r#"{"status":"completed"}"#, 404, "not_found", ""),
        call(
            ("POST", "/v1/events/00000000-0000-7000-8000-000000000000/outcome"),
            r#"{"status":"completed"}"#,
            404,
            "not_found",
            "",
        ),
        call(
            ("POST", "/v1/events/00000000-0000-7000-8000-000000000000/outcome"),
            r#"{"status":"perhaps"}"#,
            400,
            "invalid_request",
            "/status",
        ),
        call(
            ("POST", "/v1/events/00000000-0000-7000-8000-000000000000/outcome"),
            "{}",
            400,
            "invalid_request",
            "/status",
        ),
        call(("POST", "/v1/keys"), r#"{"scope":"root"}"#, 400, "invalid_request", "/scope"),
        call(("POST", "/v1/keys"), r#"{"scope":"read","agent":"a"}"#, 400, "invalid_request", "/agent"),
        call(("DELETE", "/v1/keys/7"), "", 404, "not_found", ""),
        call(("DELETE", "/v1/keys/00000000-0000-7000-8000-000000000000"), "", 404, "not_found", ""),
        call(("GET", "/v1/keys?limit=0"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/keys?scope=read"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/keys?cursor=00000000-0000-7000-8000-000000000000"), "", 400, "invalid_request", ""),
        call(("PUT", "/v1/config/rules"), "{}", 409, "managed_by_files", ""),
        call(("PUT", "/v1/config/planets"), "{}", 404, "not_found", ""),
        call(("GET", "/v1/owners"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/owners?resource=x"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/blast-radius"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/blast-radius?resource=x"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/events/7/blast-radius"), "", 404, "not_found", ""),
        call(
            ("POST", "/v1/rules/explain"),
            r#"{"event":{"actor":{"id":"a b"}}}"#,
            422,
            "unprocessable",
            "/event/actor/id",
        ),
        call(("GET", "/v1/export/events?from=0"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/stream"), "", 400, "invalid_request", ""),
        call(("GET", "/v1/stream/sse?channels=incidents"), "", 400, "not_available", ""),
        call(("GET", "/v1/stream/sse?after=x"), "", 400, "invalid_request", ""),
    ]
}

/// What comes back, in the order of a case's members.
fn found(case: &Case, answer: &Answer) -> (u16, String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if case.code.is_empty() {
        return (answer.status, String::new(), String::new());
    }
    let body = answer.json();
    if case.status == 422 && case.request == EVENTS {
        let error = &body["results"][0]["errors"][0];
        let pointer = if case.pointer.is_empty() { String::new() } else { text(&error["pointer"]) };
        return (answer.status, text(&error["code"]), pointer);
    }
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    assert_eq!(body["status"], answer.status, "{answer:?}");
    assert_eq!(body["request_id"].as_str(), answer.header("x-request-id"), "{answer:?}");
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{answer:?}");
    (answer.status, answer.code(), text(&body["errors"][0]["pointer"]))
}

#[tokio::test]
async fn each_is_answered_with_what_is_wrong_and_where() {
    let mut world = World::start().await;
    let mut wrong = Vec::new();
    for case in items().into_iter().chain(bodies()).chain(calls()) {
        let (method, path) = case.request;
        let answer = world.send(method, path, &world.admin, case.headers, &case.body).await;
        let expect = (case.status, case.code.to_owned(), case.pointer.to_owned());
        if found(&case, &answer) != expect {
            wrong.push(format!("{} {method} {path} is not {expect:?}: {answer:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let exported = world.get("/v1/export/events").await;
    assert_eq!(String::from_utf8_lossy(&exported.body), "", "nothing of all this was recorded");
    world.stop().await;
}

#[tokio::test]
async fn one_bad_item_does_not_fail_its_neighbours() {
    let mut world = World::start().await;
    let body = br#"{"events":[{"actor":{"id":"a"}},{"actor":7},{"actor":{"id":"b"}}]}"#;
    let answer = world.send("POST", "/v1/events", &world.admin, "", body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let results = answer.json()["results"].as_array().unwrap().clone();
    let statuses: Vec<&str> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["accepted", "invalid", "accepted"]);
    assert_eq!((results[0]["seq"].as_i64(), results[2]["seq"].as_i64()), (Some(1), Some(2)));
    world.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_say_its_length_is_bounded_too() {
    let mut world = World::start().await;
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n",
        world.address, world.admin
    );
    let chunk = [format!("{:x}\r\n", 1 << 20).into_bytes(), vec![b' '; 1 << 20], b"\r\n".to_vec()].concat();
    let answer = world.raw(&[head.into_bytes(), chunk.repeat(9), b"0\r\n\r\n".to_vec()].concat()).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
    world.stop().await;
}
