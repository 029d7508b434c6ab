//! The chain: what is sealed is canonical, comes back as it was stored, and cannot be touched unnoticed.

use mandate_core::chain::{BreakKind, Checker, Entry, Hash, Tip};
use mandate_core::event::{Decision, Submission, Times};
use mandate_core::id::{EventId, IdSource, KeyId, TenantId};
use mandate_core::json;
use mandate_core::seal::{self, Assigned, Erased, Parts, SealedContent, SealedRouting};
use mandate_core::time::Millis;
use mandate_scrub::Scrubber;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Debug, Clone)]
struct Row {
    seq: i64,
    hash: Hash,
    sealed: Vec<u8>,
    content: Option<Vec<u8>>,
}

fn chain(items: &[Value]) -> Vec<Row> {
    let scrubber = Scrubber::new([1; 32]);
    let mut ids = IdSource::after(Millis(0));
    let mut tip = Tip::EMPTY;
    let mut rows = Vec::new();
    for item in items {
        let submission = Submission::read(&item.to_string(), None, &scrubber).expect("a valid item");
        let content = SealedContent::new(&submission.content, [7; 16]);
        let now = Millis(1_767_225_600_000);
        let assigned = Assigned {
            tenant: TenantId(Uuid::from_u128(1)),
            id: EventId(ids.next(now, [3; 16])),
            key: Some(KeyId(Uuid::from_u128(2))),
            times: Times { timestamp: submission.timestamp.unwrap_or(now), received_at: now, processed_at: now },
            flags: submission.flags.clone(),
            routing: SealedRouting {
                decision: Decision::Monitored,
                notifications_planned: 1,
                rule_matched: "everything else".into(),
            },
            tip,
            content_hash: content.hash,
        };
        let (sealed, next) = seal::seal(&submission, assigned);
        tip = next;
        rows.push(Row { seq: tip.seq, hash: tip.hash, sealed, content: Some(content.bytes) });
    }
    rows
}

fn breaks(rows: &[Row]) -> Vec<(i64, BreakKind)> {
    let mut checker = Checker::after(Tip::EMPTY);
    let entry = |row: &Row| {
        checker.next(Entry { seq: row.seq, hash: row.hash, sealed: &row.sealed, content: row.content.as_deref() })
    };
    rows.iter().flat_map(entry).map(|found| (found.seq, found.kind)).collect()
}

fn items(count: usize) -> Vec<Value> {
    (0..count).map(|n| json!({"actor": {"type": "agent", "id": "a"}, "action": {"type": "deploy", "description": format!("no {n}")}})).collect()
}

#[test]
fn an_untouched_chain_is_whole() {
    assert_eq!(breaks(&chain(&items(20))), []);
}

#[test]
fn every_way_of_touching_it_is_found_where_it_is() {
    let check = |touch: &dyn Fn(&mut Vec<Row>), expect: &[(i64, BreakKind)]| {
        let mut rows = chain(&items(6));
        touch(&mut rows);
        assert_eq!(breaks(&rows), expect);
    };
    let edit = |row: &mut Row| {
        let text = String::from_utf8(row.sealed.clone()).unwrap().replace("deploy", "delete");
        row.sealed = text.into_bytes();
    };
    check(&|rows| edit(&mut rows[2]), &[(3, BreakKind::Changed)]);
    // Whoever also mends the hash breaks the link to the next one.
    check(
        &|rows| {
            edit(&mut rows[2]);
            rows[2].hash = Hash::of(&rows[2].sealed);
        },
        &[(4, BreakKind::NotLinked)],
    );
    check(&|rows| drop(rows.remove(2)), &[(3, BreakKind::Missing)]);
    check(&|rows| drop(rows.drain(1..4)), &[(2, BreakKind::Missing)]);
    check(&|rows| rows.insert(3, rows[2].clone()), &[(3, BreakKind::NotLinked)]);
    check(&|rows| rows.swap(2, 3), &[(3, BreakKind::Missing), (3, BreakKind::NotLinked)]);
    check(&|rows| rows[4].content = Some(b"{}".to_vec()), &[(5, BreakKind::ContentChanged)]);
    check(&|rows| rows[4].sealed = b"nonsense".to_vec(), &[(5, BreakKind::Unreadable)]);
    check(&|rows| rows[4].content = None, &[]);
    check(
        &|rows| {
            for (seq, row) in (1..).zip(rows.iter_mut()) {
                row.seq = seq + 1;
            }
        },
        &[
            (1, BreakKind::Missing),
            (2, BreakKind::Changed),
            (3, BreakKind::Changed),
            (4, BreakKind::Changed),
            (5, BreakKind::Changed),
            (6, BreakKind::Changed),
            (7, BreakKind::Changed),
        ],
    );
}

#[test]
fn a_lost_tail_is_found_against_the_head() {
    let rows = chain(&items(5));
    let mut checker = Checker::after(Tip::EMPTY);
    for row in &rows[..3] {
        checker.next(Entry { seq: row.seq, hash: row.hash, sealed: &row.sealed, content: row.content.as_deref() });
    }
    let head = Tip { seq: 5, hash: rows[4].hash };
    assert_eq!(checker.against_head(head).map(|found| (found.seq, found.kind)), Some((4, BreakKind::TailLost)));
    let mended = Tip { seq: 3, hash: rows[4].hash };
    assert_eq!(checker.against_head(mended).map(|found| found.kind), Some(BreakKind::HeadChanged));
}

#[test]
fn what_is_unnamed_is_kept_where_it_can_be_erased() {
    let rows = chain(&[json!({
        "actor": {"type": "agent", "id": "a", "mood": "fine"},
        "action": {"type": "deploy", "description": "Deploy"},
        "scope": {"resources": [{"type": "service", "id": "s", "colour": "red"}]},
        "metadata": {},
        "extra": {"a/b": [1, 2.5]},
    })]);
    let Row { sealed, content, hash, .. } = &rows[0];
    let stored = seal::stored_form(sealed, content.as_deref(), *hash, None).unwrap();
    assert_eq!(
        stored["metadata"]["attributes"]["x"],
        json!({
            "/actor/mood": "fine", "/scope/resources/0/colour": "red", "/extra": {"a/b": [1, 2.5]},
        })
    );
    let text = String::from_utf8(sealed.clone()).unwrap();
    assert!(!text.contains("mood") && !text.contains("colour") && !text.contains("Deploy"), "{text}");

    let erased = Erased { at: Millis(9), reason: "asked to".into() };
    let stored = seal::stored_form(sealed, None, *hash, Some(&erased)).unwrap();
    assert_eq!(stored["metadata"], json!({}), "a parent left empty stays");
    assert_eq!(stored["erased"], json!({"at": 9, "reason": "asked to"}));
    let parts = seal::from_stored_form(&stored).unwrap();
    assert_eq!(parts, Parts { seq: 1, hash: *hash, sealed: sealed.clone(), content: None });
    // Words put where erased ones stood are content, and none that the chain ever committed to.
    for (parent, member) in [("action", "description"), ("metadata", "attributes"), ("integrity", "nonce")] {
        let mut forged = stored.clone();
        forged[parent][member] = json!("forged");
        let parts = seal::from_stored_form(&forged).unwrap();
        assert_eq!((parts.sealed, parts.content.is_some()), (sealed.clone(), true), "{member}");
    }
}

#[test]
fn ids_rise_whatever_the_clock_does() {
    let mut ids = IdSource::after(Millis(1_000));
    let mut last = Uuid::nil();
    for n in 0..20_000_i64 {
        let now = Millis(if n % 3 == 0 { 500 } else { 1_000 + n / 9_000 });
        let id = ids.next(now, [0xff; 16]);
        assert!(id > last, "{n}");
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
        last = id;
    }
    assert!(ids.last() >= Millis(1_000));
}

fn any_json(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        (-1e15_f64..1e15).prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(depth, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,8}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn any_item()(
        actor in prop::option::of("[A-Za-z0-9._:@/-]{1,20}"),
        kind in prop::option::of("[a-z_]{1,12}"),
        description in prop::option::of(".{0,600}"),
        resources in prop::collection::vec(("[^\u{0}-\u{1f}/.]{1,30}", prop::option::of(prop::collection::vec("[^\u{0}-\u{1f}]{1,9}", 0..3))), 0..4),
        attributes in prop::option::of(prop::collection::btree_map(".{1,8}", any_json(3), 0..4)),
        sequence in prop::option::of(0_i64..1_000),
        unnamed in prop::collection::btree_map("[x-z]{1,8}", any_json(2), 0..3),
    ) -> Value {
        let mut item = json!({});
        if let Some(id) = actor { item["actor"] = json!({"type": "agent", "id": id}); }
        if kind.is_some() || description.is_some() {
            item["action"] = json!({});
            if let Some(kind) = kind { item["action"]["type"] = kind.into(); }
            if let Some(text) = description { item["action"]["description"] = text.into(); }
        }
        let resources: Vec<Value> = resources.into_iter().map(|(id, tags)| match tags {
            Some(tags) => json!({"type": "service", "id": id, "tags": tags}),
            None => json!({"type": "service", "id": id}),
        }).collect();
        item["scope"] = json!({"resources": resources});
        if attributes.is_some() || sequence.is_some() {
            item["metadata"] = json!({});
            if let Some(attributes) = attributes { item["metadata"]["attributes"] = Value::Object(attributes.into_iter().collect()); }
            if let Some(sequence) = sequence { item["metadata"]["sequence"] = sequence.into(); }
        }
        for (name, value) in unnamed { item[name] = value; }
        item
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn sealed_bytes_are_the_canonical_form_and_come_back(item in any_item()) {
        let rows = chain(&[item]);
        let Row { sealed, content, hash, seq } = &rows[0];
        let value: Value = serde_json::from_slice(sealed).unwrap();
        prop_assert_eq!(String::from_utf8(json::canonical(&value)).unwrap(), String::from_utf8(sealed.clone()).unwrap());
        let stored = seal::stored_form(sealed, content.as_deref(), *hash, None).unwrap();
        let read: Value = serde_json::from_str(&stored.to_string()).unwrap();
        let again = seal::from_stored_form(&read).unwrap();
        prop_assert_eq!(again, Parts { seq: *seq, hash: *hash, sealed: sealed.clone(), content: content.clone() });
    }

    #[test]
    fn no_byte_of_a_chain_can_change_unseen(at in 0_usize..2_000, flip in 1_u8..=255, count in 2_usize..5) {
        let mut rows = chain(&items(count));
        let row = at % count;
        let byte = at % rows[row].sealed.len();
        rows[row].sealed[byte] ^= flip;
        prop_assert!(!breaks(&rows).is_empty());
    }

    #[test]
    fn reading_an_item_never_panics(text in ".{0,200}", item in any_item(), cut in 0_usize..400) {
        let scrubber = Scrubber::new([1; 32]);
        let _ = Submission::read(&text, None, &scrubber);
        let item = item.to_string();
        let cut = (0..=cut.min(item.len())).rev().find(|at| item.is_char_boundary(*at)).unwrap_or(0);
        let _ = Submission::read(&item[..cut], None, &scrubber);
    }
}

#[test]
fn a_person_is_named_beside_the_log_not_in_it() {
    let read = |item: Value| Submission::read(&item.to_string(), None, &Scrubber::new([1; 32])).expect("a valid item");
    let mut submission = read(json!({"actor": {"type": "human", "id": "@alice", "name": "Alice"}}));
    let person = submission.name_person(&[7; 32]).expect("a person");
    assert_eq!((person.handle.as_str(), person.name.as_deref()), ("@alice", Some("Alice")));
    let actor = submission.actor.clone().expect("an actor");
    assert_eq!((actor.id, actor.name), (format!("person:{}", person.id), None));
    assert_eq!(submission.name_person(&[7; 32]), None, "once is enough");
    let mut agent = read(json!({"actor": {"type": "agent", "id": "@alice", "name": "Alice"}}));
    assert_eq!(agent.name_person(&[7; 32]), None);
}
