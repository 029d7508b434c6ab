use mandate_core::time::{Millis, SECOND, Span};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{BODY_BYTES, cut, write};
use crate::channel::notice::{
    BlastLine, Call, EventRef, Impact, Kind, Layer, Merged, Notice, PastIncident, Place, Response, Since, Suggestion,
    What, When, Who, WhyYou,
};

fn notice() -> Notice {
    Notice {
        id: "01980000-0000-7000-8000-000000000001".into(),
        kind: Kind::ActionMonitored,
        at: Millis(1_767_225_600_013),
        label: "monitored".into(),
        urgency: "normal".into(),
        recipient: "@alice".into(),
        who: Who { kind: "agent".into(), id: "deployer".into(), name: String::new(), framework: Some("mcp".into()) },
        what: What {
            action: "deploy".into(),
            description: Some("Deploy payments-service v2.3.1".into()),
            ..What::default()
        },
        places: vec![Place {
            resource: "service:payments-service".into(),
            owner: Some("@alice".into()),
            source: "ownership.yaml:12".into(),
        }],
        when: When { occurred_at: Millis(1_767_225_600_000), received_at: Millis(1_767_225_600_012), late: None },
        why_you: WhyYou {
            reason: "You own service:payments-service".into(),
            rule: Some("production-deploys".into()),
            confidence: 1.0,
            confidence_words: "definitely".into(),
        },
        impact: Impact::default(),
        since: Since::default(),
        suggestions: vec![
            Suggestion { label: "Acknowledge".into(), call: Call::Respond { intervention: "acknowledge".into() } },
            Suggestion { label: "Pause deployer".into(), call: Call::Pause { agent: "deployer".into() } },
        ],
        event: Some(EventRef {
            id: "01980000-0000-7000-8000-000000000000".into(),
            seq: 1841,
            hash: "sha256:00".into(),
        }),
        public_url: Some("http://127.0.0.1:7878/".into()),
    }
}

fn written(notice: &Notice) -> Value {
    serde_json::from_slice(&write(notice)).unwrap()
}

#[test]
fn a_notice_says_who_what_where_when_why_and_what_to_do() {
    let expect = json!({
        "type": "action.monitored",
        "timestamp": "2026-01-01T00:00:00.013Z",
        "data": {
            "notification_id": "01980000-0000-7000-8000-000000000001",
            "header": "[monitored] Agent \"deployer\" deploy on service:payments-service",
            "urgency": "normal",
            "recipient": "@alice",
            "who": {"type": "agent", "id": "deployer", "name": "", "framework": "mcp"},
            "what": {"action": "deploy", "description": "Deploy payments-service v2.3.1"},
            "where": {"resources": [
                {"resource": "service:payments-service", "owner": "@alice", "source": "ownership.yaml:12"}
            ]},
            "when": {"occurred_at": "2026-01-01T00:00:00.000Z", "received_at": "2026-01-01T00:00:00.012Z"},
            "why_you": {
                "reason": "You own service:payments-service", "rule": "production-deploys",
                "confidence": 1.0, "confidence_words": "definitely"
            },
            "suggestions": [
                {
                    "label": "Acknowledge", "method": "POST",
                    "path": "/v1/notifications/01980000-0000-7000-8000-000000000001/responses",
                    "url": "http://127.0.0.1:7878/v1/notifications/01980000-0000-7000-8000-000000000001/responses",
                    "body": {"intervention": "acknowledge"}
                },
                {
                    "label": "Pause deployer", "method": "POST", "path": "/v1/agents/deployer/pause",
                    "url": "http://127.0.0.1:7878/v1/agents/deployer/pause"
                }
            ],
            "event": {
                "id": "01980000-0000-7000-8000-000000000000", "seq": 1841, "hash": "sha256:00",
                "url": "http://127.0.0.1:7878/v1/events/01980000-0000-7000-8000-000000000000"
            }
        }
    });
    assert_eq!(written(&notice()), expect);
}

#[test]
fn what_is_known_later_stands_beside_it() {
    let mut known = notice();
    known.what.version = Some("v2.3.1".into());
    known.impact = Impact {
        blast_radius: vec![BlastLine { layer: Layer::Likely, resource: "service:checkout".into(), owner: None }],
        check_first: vec!["error rate of payments-service".into()],
        resembles: Some(PastIncident { title: "INC-12".into(), undone: vec!["add a canary".into()] }),
    };
    known.since = Since {
        also_told: vec!["@bob".into()],
        merged: Some(Merged { count: 41, last_action: "deploy".into(), worst_impact: "high".into() }),
        responses: vec![Response { who: "@alice".into(), did: "paused deployer".into(), after: SECOND.times(12) }],
    };
    let body = written(&known);
    let data = &body["data"];
    assert_eq!(data["what"]["version"], "v2.3.1");
    assert_eq!(data["blast_radius"], json!([{"layer": "likely", "resource": "service:checkout", "owner": null}]));
    assert_eq!(data["check_first"], json!(["error rate of payments-service"]));
    assert_eq!(data["resembles"], json!({"title": "INC-12", "undone": ["add a canary"]}));
    assert_eq!(data["also_told"], json!(["@bob"]));
    assert_eq!(data["merged"], json!({"count": 41, "last_action": "deploy", "worst_impact": "high"}));
    assert_eq!(data["responses"], json!([{"who": "@alice", "did": "paused deployer", "after_ms": 12_000}]));
}

#[test]
fn many_resources_are_cut_and_counted() {
    let mut many = notice();
    let place = many.places[0].clone();
    many.places = (0..70).map(|n| Place { resource: format!("file:src/{n}.rs"), ..place.clone() }).collect();
    let body = written(&many);
    assert_eq!(body["data"]["where"]["resources"].as_array().unwrap().len(), 50);
    assert_eq!(body["data"]["where"]["more"], 20);
    assert_eq!(body["data"]["header"], "[monitored] Agent \"deployer\" deploy on file:src/0.rs and 69 more");

    many.places.iter_mut().for_each(|place| place.resource = "x".repeat(1_000));
    let body = written(&many);
    let shown = body["data"]["where"]["resources"].as_array().unwrap().len();
    assert_eq!(body["data"]["where"]["more"], 70 - shown);
    assert!(shown < 50);
}

#[test]
fn links_are_left_out_without_a_public_address_and_ids_are_encoded() {
    let mut bare = notice();
    bare.public_url = None;
    bare.suggestions = vec![Suggestion { label: "Pause".into(), call: Call::Pause { agent: "a/b@host".into() } }];
    let body = written(&bare);
    let expect = json!([{"label": "Pause", "method": "POST", "path": "/v1/agents/a%2Fb%40host/pause"}]);
    assert_eq!(body["data"]["suggestions"], expect);
    assert_eq!(body["data"]["event"].get("url"), None);
}

#[test]
fn texts_are_cut_by_what_they_cost_in_json() {
    let check = |text: &str, limit, expect: &str| assert_eq!(cut(text, limit), expect, "{text:?} in {limit}");
    check("short", 5, "short");
    check("longer", 5, "lo…");
    check("\"\"\"", 6, "\"\"\"");
    check("\"\"\"\"", 6, "\"…");
    check("\0\0", 9, "\0…");
    check("äöü", 6, "äöü");
    check("äöüß", 6, "ä…");
    check("", 0, "");
}

/// A piece of text, and how often it is repeated: every kind of character, some texts far beyond any limit.
fn text() -> impl Strategy<Value = (String, usize)> {
    ("\\PC{0,20}|[\0-\u{1f}\"\\\\]{0,9}|[a-z]{0,30}", prop_oneof![Just(1), 0usize..800])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever a notice holds, its body is JSON, fits, and still says which notification and event it is.
    #[test]
    fn every_body_fits(
        texts in proptest::collection::vec(text(), 16),
        places in 0usize..300,
        suggestions in 0usize..40,
    ) {
        let mut wild = notice();
        let next = |n: usize| texts[n % texts.len()].0.repeat(texts[n % texts.len()].1);
        (wild.label, wild.urgency, wild.recipient) = (next(0), next(1), next(2));
        wild.who = Who { kind: next(3), id: next(4), name: next(5), framework: Some(next(6)) };
        wild.what = What {
            action: next(7),
            description: Some(next(8)),
            diff: Some(next(9)),
            version: Some(next(10)),
            environment: Some(next(11)),
        };
        let lines = || (0..places).map(next).collect::<Vec<_>>();
        let reached = |n| BlastLine { layer: Layer::Likely, resource: next(n), owner: Some(next(n + 1)) };
        wild.impact = Impact {
            blast_radius: (0..places).map(reached).collect(),
            check_first: lines(),
            resembles: Some(PastIncident { title: next(12), undone: lines() }),
        };
        let response = |n| Response { who: next(n), did: next(n + 1), after: Span(i64::MIN) };
        wild.since = Since {
            also_told: lines(),
            merged: Some(Merged { count: u64::MAX, last_action: next(13), worst_impact: next(14) }),
            responses: (0..places).map(response).collect(),
        };
        wild.when.late = Some(next(9));
        wild.why_you = WhyYou { reason: next(10), rule: Some(next(11)), confidence: 0.5, confidence_words: next(12) };
        wild.public_url = Some(next(13));
        let place = |n| Place { resource: next(n), owner: Some(next(n + 1)), source: next(n + 2) };
        wild.places = (0..places).map(place).collect();
        let call = |n: usize| match n % 3 {
            0 => Call::Pause { agent: next(n) },
            1 => Call::Resume { agent: next(n) },
            _ => Call::Respond { intervention: next(n) },
        };
        wild.suggestions = (0..suggestions).map(|n| Suggestion { label: next(n), call: call(n) }).collect();
        let bytes = write(&wild);
        prop_assert!(bytes.len() <= BODY_BYTES, "{} bytes", bytes.len());
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(&body["data"]["notification_id"], &Value::from(wild.id.as_str()));
        prop_assert_eq!(body["data"]["event"]["seq"].as_i64(), Some(1841));
    }
}
