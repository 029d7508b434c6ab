//! What agents send, good and bad, and what is kept of it (EVT-1, 2, 7, 8).

use mandate_testkit::world::{Setup, look, scenario, scenario_everywhere};
use serde_json::{Value, json};

/// One item: how it is answered, and the flags it is stored with.
struct Item {
    text: String,
    answer: String,
    flags: &'static [&'static str],
}

fn taken(text: impl ToString, flags: &'static [&'static str]) -> Item {
    Item { text: text.to_string(), answer: "accepted".to_owned(), flags }
}

fn refused(text: impl ToString, answer: &str) -> Item {
    Item { text: text.to_string(), answer: answer.to_owned(), flags: &[] }
}

fn with(pointer: &str, value: Value) -> Value {
    let mut event = look("deployer", &format!("{pointer} {}", value.to_string().len()));
    event.as_object_mut().unwrap().entry("metadata").or_insert(json!({}));
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap()[name] = value;
    event
}

fn without(name: &str) -> Value {
    let mut event = look("deployer", &format!("without {name}"));
    event.as_object_mut().unwrap().remove(name);
    event
}

fn items(now: i64) -> Vec<Item> {
    const HOUR: i64 = 3_600_000;
    let spooled = |ago: i64| {
        let mut event = with("/timestamp", json!(now - ago));
        event["sent_at"] = json!(now);
        event
    };
    let deep = |levels: usize| {
        format!(r#"{{"metadata":{{"attributes":{{"a":{}{}}}}}}}"#, "[".repeat(levels), "]".repeat(levels))
    };
    vec![
        taken(look("deployer", "first"), &[]),
        refused("7", "invalid  wrong_type"),
        refused(r#"{"actor":"deployer"}"#, "invalid /actor wrong_type"),
        refused(r#"{"actor":{"id":7}}"#, "invalid /actor/id wrong_type"),
        refused(r#"{"actor":{"type":"agent"}}"#, "invalid /actor/id missing"),
        refused(r#"{"actor":{"id":"a\u0000b"}}"#, "invalid /actor/id control_character"),
        refused(r#"{"action":{"type":""}}"#, "invalid /action/type empty"),
        refused(r#"{"action":{"description":"\ud800"}}"#, "invalid /action/description invalid_text"),
        refused(r#"{"metadata":{"sequence":9007199254740993}}"#, "invalid /metadata/sequence number_out_of_range"),
        refused(r#"{"x":{"y":1e400}}"#, "invalid /x/y number_out_of_range"),
        refused(r#"{"actor":{"id":"a","id":"b"}}"#, "invalid /actor/id duplicate_key"),
        refused(
            r#"{"scope":{"resources":[{"type":"file","id":"a/../../b"}]}}"#,
            "invalid /scope/resources/0/id invalid_path",
        ),
        refused(format!(r#"{{"x":"{}"}}"#, "x".repeat(70_000)), "invalid  too_large"),
        taken(with("/action/description", json!("zero \0, quote \", line \u{2028}, 🚦")), &[]),
        taken(with("/unforeseen", json!({"member": [1, null]})), &[]),
        taken(with("/actor/mood", json!("fine")), &[]),
        taken(with("/action/description", json!("y".repeat(600))), &["truncated"]),
        taken(with("/scope/resources", json!([])), &["no_resource"]),
        taken(without("scope"), &["no_resource"]),
        taken(without("actor"), &["no_actor"]),
        taken(without("action"), &["no_action_type"]),
        taken("{}", &["no_action_type", "no_actor", "no_resource"]),
        taken(with("/timestamp", json!(now - 20 * HOUR)), &["clock_skew"]),
        taken(with("/timestamp", json!(now + HOUR / 6)), &["clock_skew"]),
        taken(spooled(60 * HOUR), &["late"]),
        refused(deep(40), &format!("invalid /metadata/attributes/a{} too_deep", "/0".repeat(29))),
        refused(deep(20_000), &format!("invalid /metadata/attributes/a{} too_deep", "/0".repeat(29))),
        taken(deep(20), &["no_action_type", "no_actor", "no_resource"]),
        taken(look("deployer", "last"), &[]),
    ]
}

#[test]
fn each_item_is_answered_for_itself_and_none_fails_its_neighbours() {
    scenario_everywhere(Setup::default(), async |world| {
        let items = items(world.now());
        let texts: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
        let body = format!(r#"{{"events":[{}]}}"#, texts.join(","));
        let answer = world.post_raw("/v1/events", &world.admin, &[], body.as_bytes()).await;
        assert_eq!(answer.status, 202);
        let expected: Vec<&str> = items.iter().map(|item| item.answer.as_str()).collect();
        assert_eq!(answer.statuses(), expected);

        let exported = world.get("/v1/export/events").await.lines();
        let taken: Vec<&Item> = items.iter().filter(|item| item.answer == "accepted").collect();
        assert_eq!(exported.len(), taken.len());
        let receipts = answer.results().into_iter().filter(|result| result["status"] == "accepted");
        for ((stored, item), receipt) in exported.iter().zip(&taken).zip(receipts) {
            assert_eq!(stored["integrity"]["seq"], receipt["seq"]);
            assert_eq!(stored["integrity"]["hash"], receipt["hash"]);
            let flags = stored.get("flags").cloned().unwrap_or(json!([]));
            let flags: Vec<&str> = flags.as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let flags: Vec<&str> = flags.into_iter().filter(|flag| *flag != "unowned").collect();
            assert_eq!(flags, item.flags, "{}", item.text);
        }
        let at = |key: &str| {
            exported
                .iter()
                .find(|event| event["action"]["idempotency_key"].as_str().is_some_and(|known| known.starts_with(key)))
                .unwrap()
        };
        assert_eq!(at("/unforeseen")["metadata"]["attributes"]["x"]["/unforeseen"], json!({"member": [1, null]}));
        assert_eq!(at("/actor/mood")["metadata"]["attributes"]["x"]["/actor/mood"], "fine");
        let said =
            exported.iter().any(|event| event["action"]["description"] == "zero \0, quote \", line \u{2028}, 🚦");
        assert!(said, "free text is kept as it was sent");
    });
}

#[test]
fn a_request_that_cannot_be_read_is_refused_whole() {
    scenario(Setup::default(), async |world| {
        let good = look("deployer", "k").to_string();
        let many = vec![good.as_str(); 1_001].join(",");
        let large = format!(r#"{{"events":[{{"x":"{}"}}]}}"#, "x".repeat(9 << 20));
        let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
            ("nothing", vec![], 400, "invalid_json"),
            ("broken off", br#"{"events":[{"actor":{"#.to_vec(), 400, "invalid_json"),
            ("two values", format!("{good} {good}").into_bytes(), 400, "invalid_json"),
            ("a list", format!("[{good}]").into_bytes(), 400, "invalid_request"),
            ("not UTF-8", [good.as_bytes(), b"\xff"].concat(), 400, "invalid_text"),
            ("no events", br#"{"events":[]}"#.to_vec(), 400, "invalid_request"),
            ("a thousand and one", format!(r#"{{"events":[{many}]}}"#).into_bytes(), 413, "too_large"),
            ("nine megabytes", large.into_bytes(), 413, "too_large"),
            ("nested without end", format!("{{\"a\":{}", "[".repeat(200_000)).into_bytes(), 400, "invalid_json"),
        ];
        for (name, body, status, code) in cases {
            let answer = world.post_raw("/v1/events", &world.admin, &[], &body).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{name}: {answer:?}");
        }
        let answer =
            world.post_raw("/v1/events", &world.admin, &[("content-type", "text/plain")], good.as_bytes()).await;
        assert_eq!(answer.status, 415);
        assert_eq!(world.events().await, 0);

        let nothing_taken = world.post_event(&json!({"events": [{"actor": {}}, {"actor": {}}]})).await;
        assert_eq!(nothing_taken.status, 422, "no item was taken");
        assert_eq!(nothing_taken.statuses(), ["invalid /actor/id missing", "invalid /actor/id missing"]);
    });
}

#[test]
fn what_was_no_event_can_be_looked_at() {
    scenario_everywhere(Setup::default(), async |world| {
        let token = format!("ghp_{}", "a1B2".repeat(9));
        let bad = json!({"actor": 7, "action": {"type": "deploy"}, "metadata": {"attributes": {"token": token}}});
        let batch = json!({"events": [look("deployer", "k1"), bad]});
        let answer = world.post("/v1/events", &batch).await;
        assert_eq!((answer.status, &answer.results()[1]["status"]), (202, &json!("invalid")), "{answer:?}");
        let alone = world.post("/v1/events", &bad).await;
        assert_eq!(alone.status, 422, "{alone:?}");

        let page = world.get("/v1/rejected").await.json();
        let items = page["items"].as_array().unwrap();
        assert_eq!(items.len(), 2, "{page}");
        for item in items {
            assert_eq!(item["errors"][0]["pointer"], "/actor", "{item}");
            assert!(!item["item"].as_str().unwrap().contains(&token), "{item}");
        }
        assert!(items[0]["at"].as_i64() >= items[1]["at"].as_i64(), "newest first");
        let first = world.get("/v1/rejected?limit=1").await.json();
        let next = world.get(&format!("/v1/rejected?limit=1&cursor={}", first["next_cursor"].as_str().unwrap())).await;
        assert_eq!([&first["items"][0], &next.json()["items"][0]], [&items[0], &items[1]]);
        assert_eq!(world.events().await, 1, "none of it is in the chain");
        let (ingest, _) = world.key("ingest", None).await;
        assert_eq!(world.call("GET", "/v1/rejected", &ingest, None).await.status, 403);
    });
}

#[test]
fn a_flood_of_what_is_no_event_fills_neither_list_nor_log() {
    scenario(Setup::default(), async |world| {
        let bad = json!({"actor": 7});
        let batch = json!({"events": vec![bad; 200]});
        assert_eq!(world.post("/v1/events", &batch).await.status, 422);
        let page = world.get("/v1/rejected?limit=1000").await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), 60);
    });
}
