//! One item as it is sent, and what of it is kept: scrubbed, bounded, and nothing lost.

use mandate_core::event::Submission;
use mandate_scrub::Scrubber;
use serde_json::{Value, json};

fn read(item: &Value) -> Submission {
    Submission::read(&item.to_string(), None, &Scrubber::new([1; 32])).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// The half that is sealed and can never be erased.
fn sealed(submission: &Submission) -> Value {
    json!({
        "actor": submission.actor, "action": submission.action, "scope": submission.scope,
        "metadata": submission.metadata,
    })
}

/// Marks without the part that depends on the key.
fn plain(value: &Value) -> Value {
    let text = value.to_string();
    let mut parts = text.split("[redacted:");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (mark, rest) = part.split_once(']').unwrap();
        plain.push_str(&format!("[redacted:{}]{rest}", mark.split(':').next().unwrap()));
    }
    serde_json::from_str(&plain).unwrap()
}

#[test]
fn whatever_is_sealed_was_scrubbed_first() {
    let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    let item = json!({
        "actor": {"type": "agent", "id": "deployer", "name": format!("bot {token}"), "framework": token},
        "action": {"type": format!("push {token}"), "idempotency_key": format!("k {token}")},
        "scope": {"resources": [{
            "type": "file", "id": format!("src/{token}"), "tags": [token, "alice@example.com"],
            "repo": format!("https://bot:{token}@github.com/acme/shop"),
        }]},
        "metadata": {
            "session_id": format!("s {token}"), "parent_action_id": token, "trace_id": token, "span_id": token,
        },
    });
    let expected = json!({
        "actor": {"type": "agent", "id": "deployer", "name": "bot [redacted:github_token]", "framework": "[redacted:github_token]"},
        "action": {"type": "push [redacted:github_token]", "idempotency_key": "k [redacted:github_token]"},
        "scope": {"resources": [{
            "type": "file", "id": "src/[redacted:github_token]", "tags": ["[redacted:github_token]", "[redacted:email]"],
            "repo": "https://bot:[redacted:email]/acme/shop",
        }]},
        "metadata": {
            "session_id": "s [redacted:github_token]", "parent_action_id": "[redacted:github_token]",
            "trace_id": "[redacted:github_token]", "span_id": "[redacted:github_token]",
        },
    });
    let submission = read(&item);
    assert_eq!(plain(&sealed(&submission)), expected);
    assert_eq!(read(&item), submission, "equal ones stay equal");
}

#[test]
fn only_an_id_of_ours_is_taken_for_a_persons() {
    let uuid = "0197b2c4-5d3e-7f00-8000-000000000001";
    for (id, is_kept) in [
        (format!("person:{uuid}"), true),
        ("person:alice@corp.com".to_owned(), false),
        (format!("person:{}", uuid.to_uppercase()), false),
        (format!("person:{}", uuid.replace('-', "")), false),
        ("person:".to_owned(), false),
        ("alice@corp.com".to_owned(), false),
    ] {
        let mut submission = read(&json!({"actor": {"type": "human", "id": id, "name": "Alice"}}));
        let row = submission.name_person(&[7; 32]);
        let sealed = sealed(&submission).to_string();
        assert_eq!(row.is_none(), is_kept, "{id}");
        assert_eq!(sealed.contains(&format!("\"{id}\"")), is_kept, "{sealed}");
        assert!(!sealed.contains("alice") && !sealed.contains("Alice"), "{sealed}");
        if let Some(row) = row {
            assert_eq!((&row.handle, submission.actor_id()), (&id, Some(format!("person:{}", row.id).as_str())));
        }
    }
}

#[test]
fn what_a_sender_keeps_under_x_stays() {
    let check = |attributes: Value, expected: Value| {
        let item = json!({"extra": 1, "metadata": {"attributes": attributes}});
        assert_eq!(Value::Object(read(&item).content.attributes.unwrap()), expected);
    };
    check(json!({"a": 1}), json!({"a": 1, "x": {"/extra": 1}}));
    check(json!({"x": {"mine": 2}}), json!({"x": {"/extra": 1, "mine": 2}}));
    check(json!({"x": 7}), json!({"x": {"/extra": 1, "/metadata/attributes/x": 7}}));
    check(json!({"x": [7]}), json!({"x": {"/extra": 1, "/metadata/attributes/x": [7]}}));
    check(json!({"x": {"/extra": 2}}), json!({"x": {"/extra": 1, "/metadata/attributes/x/~1extra": 2}}));
    let alone = json!({"metadata": {"attributes": {"x": 7}}});
    assert_eq!(Value::Object(read(&alone).content.attributes.unwrap()), json!({"x": 7}), "it is named");
}

#[test]
fn an_id_is_never_empty_and_never_too_long() {
    let id = |kind: &str, id: &str| {
        let item = json!({"scope": {"resources": [{"type": kind, "id": id}]}});
        read(&item).resources()[0].id.clone()
    };
    for (path, expected) in [
        (".", "."),
        ("./", "."),
        (".//.", "."),
        ("./src//pay.rs", "src/pay.rs"),
        ("src/", "src"),
        ("/", "/"),
        ("src/pay.rs", "src/pay.rs"),
    ] {
        assert_eq!(id("file", path), expected, "{path}");
    }
    // A mark is longer than what it stands for.
    let many = "a@b.co ".repeat(36);
    let (one, other) = (id("service", &many), id("service", &format!("{many}x")));
    assert!(one.len() <= 256 && !one.contains("a@b.co"), "{one}");
    assert!(one != other && one == id("service", &many));
}
