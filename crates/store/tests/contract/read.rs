//! Reads: what was written comes back, in order, in pages, and only to its tenant.

use mandate_core::chain::{Hash, Tip};
use mandate_core::change::row::Scope;
use mandate_core::change::{
    AgentRow, Changes, CheckpointRow, ConfigRow, EventRow, Head, HistoryRow, KeyRow, NotificationState, OutcomeRow,
    PersonRow, RejectedRow,
};
use mandate_core::event::{ActorKind, Decision};
use mandate_core::id::{ConfigId, EventId, KeyId, NotificationId, PersonId, RejectedId, TenantId, uuid_v7};
use mandate_core::time::{DAY, HOUR, MINUTE, Millis};
use mandate_store::{EventFilter, NotificationFilter, Store};

use super::build::{Batch, commit_events};
use super::world::{World, tenant_id};

/// One commit with something in every table.
async fn commit_everything(store: &Store, tenant: TenantId) -> (Changes, Head) {
    let mut tx = store.begin(tenant).await.unwrap();
    let mut batch = Batch::after(tx.head(), tx.now());
    batch.events(3);
    let bare = batch.event("deployer", "service:shop");
    (bare.actor, bare.action, bare.session, bare.content) = (None, None, None, None);
    bare.resources = vec!["file:src/ä b.rs".into(), "service:shop".into()];
    let event = bare.id;
    let notice = batch.notification("fallback");
    notice.event_seq = None;
    notice.delivered_at = Some(Millis(9));
    batch.audit(tenant, "agent.pause", "agent:deployer");
    let id = uuid_v7(batch.now, [5; 16]);
    let (events, audit) = (batch.head.events, batch.head.audit);
    let (public_key, signature) = ("aa".into(), "ed25519:bb".into());
    batch.changes.checkpoints.push(CheckpointRow { at: batch.now, events, audit, public_key, signature });
    batch.changes.outcomes.push(OutcomeRow { event, at: batch.now, failed: true, body: b"{}".to_vec() });
    batch.changes.agents.push(AgentRow {
        id: "deployer".into(),
        kind: ActorKind::Agent,
        name: Some("Deployer".into()),
        framework: None,
        first_seen_at: Some(batch.now),
        paused: true,
        version: 3,
        reason: Some("too fast".into()),
        by: None,
        since: Some(batch.now),
    });
    batch.changes.keys.push(KeyRow {
        id: KeyId(id),
        hash: [6; 32],
        scope: Scope::Respond,
        name: None,
        agent: Some("deploy-*".into()),
        person: Some("@alice".into()),
        created_at: batch.now,
        expires_at: None,
        revoked_at: Some(batch.now),
    });
    let (hash, files) = (Hash::of(b"files"), br#"{"rules/a.yaml":""}"#.to_vec());
    batch.changes.configs.push(ConfigRow { id: ConfigId(id), hash, files, at: batch.now, by: "files".into() });
    batch.changes.people.push(PersonRow { id: PersonId(id), handle: "@alice".into(), name: Some("Alice".into()) });
    batch.changes.history = Some(HistoryRow { position: 2, event_seq: 2, body: b"{}".to_vec() });
    batch.changes.rejected.push(rejected(batch.now));
    batch.head.config = Some(ConfigId(id));
    tx.write(&batch.changes, &batch.head).await.unwrap();
    tx.commit().await.unwrap();
    (batch.changes, batch.head)
}

pub(crate) async fn every_row_comes_back_as_written(world: &mut World) {
    let (store, tenant) = (&world.store, world.tenant);
    let (written, head) = commit_everything(store, tenant).await;
    assert_eq!(store.head(tenant).await.unwrap(), head);
    let events: Vec<_> = store.events_from(tenant, 0, 100).await.unwrap();
    assert!(events.iter().all(|event| event.erased.is_none()));
    assert_eq!(events.into_iter().map(|event| event.row).collect::<Vec<_>>(), written.events);
    for row in &written.events {
        assert_eq!(store.event(tenant, row.id).await.unwrap().unwrap().row, *row);
        assert_eq!(store.event_by_seq(tenant, row.seq).await.unwrap().unwrap().row, *row);
        for resource in &row.resources {
            let filter = EventFilter { resource: Some(resource.clone()), ..EventFilter::default() };
            let found = store.events(tenant, &filter, None, 100).await.unwrap();
            assert!(found.items.iter().any(|event| event.row == *row), "{resource}");
        }
    }
    assert!(store.unindexed_resources(tenant, 1, 100).await.unwrap().is_empty());
    assert_eq!(store.audit_from(tenant, 1, 100).await.unwrap(), written.audit);
    assert_eq!(store.checkpoints(tenant, (0, -1), 100).await.unwrap(), written.checkpoints);
    assert_eq!(store.latest_checkpoint(tenant).await.unwrap().as_ref(), written.checkpoints.last());
    for row in &written.notifications {
        assert_eq!(store.notification(tenant, row.id).await.unwrap().as_ref(), Some(row));
    }
    assert_eq!(store.outcome(tenant, written.outcomes[0].event).await.unwrap().as_ref(), written.outcomes.first());
    assert_eq!(store.rejected(tenant, None, 100).await.unwrap(), written.rejected);
    assert!(store.rejected(tenant, Some(written.rejected[0].id), 100).await.unwrap().is_empty());
    assert_eq!(store.agents(tenant, None, 100).await.unwrap(), written.agents);
    assert!(store.agents(tenant, Some("deployer"), 100).await.unwrap().is_empty());
    assert_eq!(store.agent(tenant, "deployer").await.unwrap().as_ref(), written.agents.first());
    assert_eq!(store.keys(tenant).await.unwrap(), written.keys);
    assert_eq!(store.config(tenant, written.configs[0].id).await.unwrap().as_ref(), written.configs.first());
    assert_eq!(store.configs(tenant, 10).await.unwrap(), written.configs);
    assert_eq!(store.people(tenant).await.unwrap(), written.people);
    assert_eq!(store.history(tenant).await.unwrap(), written.history);
    let feed = store.feed_after(tenant, 0, 10).await.unwrap();
    assert_eq!((feed.len(), feed[0].first, &feed[0].entries), (1, 1, &written.feed));
    assert_eq!(store.size(tenant).await.unwrap().events, 4);

    // What says what is, is replaced; whom nobody needs to know is forgotten.
    let mut tx = store.begin(tenant).await.unwrap();
    let ids: Vec<EventId> = written.events.iter().map(|row| row.id).collect();
    let unknown = EventId(uuid_v7(Millis(1), [1; 16]));
    let sorted = |mut rows: Vec<EventRow>| {
        rows.sort_by_key(|row| row.seq);
        rows
    };
    assert_eq!(sorted(tx.events_at(&[4, 2, 99, 1, 3]).await.unwrap()), written.events);
    assert_eq!(sorted(tx.events_named(&[&ids[..], &[unknown]].concat()).await.unwrap()), written.events);
    assert_eq!(tx.with_outcome(&ids).await.unwrap(), written.outcomes.iter().map(|row| row.event).collect());
    assert_eq!(tx.agents_named(&["nobody", "deployer"]).await.unwrap(), written.agents);
    assert_eq!(tx.every_agent().await.unwrap(), written.agents);
    assert_eq!(tx.keys().await.unwrap(), written.keys);
    assert!(tx.events_at(&[]).await.unwrap().is_empty() && tx.agents_named(&[]).await.unwrap().is_empty());
    let mut next = Batch::after(tx.head(), tx.now());
    let agent = AgentRow { paused: false, version: 4, ..written.agents[0].clone() };
    next.changes.agents.push(agent.clone());
    tx.forget_person(written.people[0].id);
    tx.write(&next.changes, &next.head).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.agents(tenant, None, 100).await.unwrap(), [agent]);
    assert!(store.people(tenant).await.unwrap().is_empty());
}

pub(crate) async fn lists_are_filtered_and_paged(world: &mut World) {
    let (store, tenant) = (&world.store, world.tenant);
    let mut tx = store.begin(tenant).await.unwrap();
    let mut batch = Batch::after(tx.head(), tx.now());
    for number in 0..200_i64 {
        let (actor, resource) = (format!("agent-{}", number % 3), format!("service:{}", number % 4));
        let now = batch.now;
        let row = batch.event(&actor, &resource);
        row.at = now.minus(MINUTE.times(number));
        row.action = Some(if number % 5 == 0 { "delete" } else { "deploy" }.into());
        row.session = Some(format!("s-{}", number % 2));
        row.decision = if number % 10 == 0 { Decision::Gated } else { Decision::Auto };
    }
    tx.write(&batch.changes, &batch.head).await.unwrap();
    tx.commit().await.unwrap();

    let now = batch.now;
    assert_eq!(store.last_event_before(tenant, now.minus(DAY)).await.unwrap(), None);
    assert_eq!(store.last_event_before(tenant, now.plus(DAY)).await.unwrap(), Some(200));
    let none = EventFilter::default;
    let filters = [
        none(),
        EventFilter { actor: Some("agent-1".into()), ..none() },
        EventFilter { resource: Some("service:2".into()), ..none() },
        EventFilter { actor: Some("agent-1".into()), resource: Some("service:2".into()), ..none() },
        EventFilter { action: Some("delete".into()), ..none() },
        EventFilter { session: Some("s-1".into()), decision: Some(Decision::Gated), ..none() },
        EventFilter { decision: Some(Decision::Gated), ..none() },
        EventFilter { since: Some(now.minus(MINUTE.times(30))), until: Some(now.minus(MINUTE.times(10))), ..none() },
        EventFilter { since: Some(now.plus(DAY)), ..none() },
        EventFilter { actor: Some("nobody".into()), ..none() },
    ];
    for filter in filters {
        let expected: Vec<_> =
            batch.changes.events.iter().rev().filter(|row| filter.takes(row)).map(|row| row.seq).collect();
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = store.events(tenant, &filter, before, 7).await.unwrap();
            assert!(page.items.len() <= 7);
            found.extend(page.items.iter().map(|event| event.row.seq));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{filter:?}");
    }
}

pub(crate) async fn notifications_are_filtered_and_paged(world: &mut World) {
    let (store, tenant) = (&world.store, world.tenant);
    let mut tx = store.begin(tenant).await.unwrap();
    let mut batch = Batch::after(tx.head(), tx.now());
    batch.events(50);
    for (number, row) in batch.changes.notifications.iter_mut().enumerate() {
        row.channel = if number % 2 == 0 { "slack" } else { "ops-hook" }.into();
        row.state = if number % 3 == 0 { NotificationState::Delivered } else { NotificationState::Queued };
        row.created_at = Millis(i64::try_from(number).unwrap());
    }
    tx.write(&batch.changes, &batch.head).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.oldest_queued(tenant).await.unwrap(), Some(Millis(1)), "the one before it is delivered");
    let none = NotificationFilter::default;
    let filters = [
        none(),
        NotificationFilter { recipient: Some("team:2".into()), ..none() },
        NotificationFilter { channel: Some("ops-hook".into()), state: Some(NotificationState::Queued), ..none() },
        NotificationFilter { since: Some(Millis(40)), ..none() },
        NotificationFilter { recipient: Some("nobody".into()), ..none() },
    ];
    for filter in filters {
        let mut expected: Vec<_> =
            batch.changes.notifications.iter().filter(|row| filter.takes(row)).map(|row| row.id).collect();
        expected.sort_unstable_by(|a, b| b.cmp(a));
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = store.notifications(tenant, &filter, before, 7).await.unwrap();
            found.extend(page.items.iter().map(|row| row.id));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{filter:?}");
    }
}

pub(crate) async fn long_reads_page(world: &mut World) {
    for _ in 0..3 {
        commit_events(&world.store, world.tenant, 100).await;
    }
    let mut seq = 1;
    loop {
        let page = world.store.events_from(world.tenant, seq, 70).await.unwrap();
        for event in &page {
            assert_eq!(event.row.seq, seq);
            assert_eq!(Hash::of(&event.row.sealed), event.row.hash);
            seq += 1;
        }
        if page.len() < 70 {
            break;
        }
    }
    assert_eq!(seq, 301);
}

pub(crate) async fn the_feed_pages_by_commit(world: &mut World) {
    for count in [5, 1, 3] {
        commit_events(&world.store, world.tenant, count).await;
    }
    let firsts = async |position, limit| {
        let rows = world.store.feed_after(world.tenant, position, limit).await.unwrap();
        rows.iter().map(|row| (row.first, row.last())).collect::<Vec<_>>()
    };
    assert_eq!(firsts(0, 2).await, [(1, 5), (6, 6)]);
    assert_eq!(firsts(3, 9).await, [(1, 5), (6, 6), (7, 9)]);
    assert_eq!(firsts(5, 9).await, [(6, 6), (7, 9)]);
    assert_eq!(firsts(9, 9).await, []);
    assert_eq!(world.store.oldest_feed_position(world.tenant).await.unwrap(), Some(1));
}

pub(crate) async fn another_tenant_sees_nothing(world: &mut World) {
    let (store, other) = (&world.store, tenant_id(2));
    let (written, _) = commit_everything(store, world.tenant).await;
    store.create_tenant("other", other, [3; 32], [4; 32]).await.unwrap();
    assert_eq!(store.head(other).await.unwrap(), Head::EMPTY);
    let event = written.events[0].id;
    assert_eq!(store.event(other, event).await.unwrap(), None);
    assert_eq!(store.event_by_seq(other, 1).await.unwrap(), None);
    assert_eq!(store.last_event_before(other, Millis(i64::MAX)).await.unwrap(), None);
    assert_eq!(store.oldest_queued(other).await.unwrap(), None);
    assert!(store.events_from(other, 1, 10).await.unwrap().is_empty());
    for filter in [
        EventFilter::default(),
        EventFilter { actor: written.events[0].actor.clone(), ..EventFilter::default() },
        EventFilter { resource: Some("service:shop".into()), ..EventFilter::default() },
    ] {
        assert!(store.events(other, &filter, None, 10).await.unwrap().items.is_empty());
        assert!(store.events(other, &filter, Some(100), 10).await.unwrap().items.is_empty());
    }
    assert!(store.unindexed_resources(other, 1, 100).await.unwrap().is_empty());
    assert!(store.audit_from(other, 1, 10).await.unwrap().is_empty());
    assert!(store.checkpoints(other, (0, -1), 10).await.unwrap().is_empty());
    assert_eq!(store.latest_checkpoint(other).await.unwrap(), None);
    assert_eq!(store.notification(other, written.notifications[0].id).await.unwrap(), None);
    assert!(store.notifications(other, &NotificationFilter::default(), None, 10).await.unwrap().items.is_empty());
    assert!(store.notifications_of(other, 1).await.unwrap().is_empty());
    assert!(store.claim_due(other, DAY, 10, 10, &[]).await.unwrap().is_empty());
    assert_eq!(store.outcome(other, written.outcomes[0].event).await.unwrap(), None);
    assert!(store.outcomes_of(other, &[written.outcomes[0].event]).await.unwrap().is_empty());
    assert!(store.agents(other, None, 10).await.unwrap().is_empty());
    assert_eq!(store.agent(other, "deployer").await.unwrap(), None);
    assert!(store.keys(other).await.unwrap().is_empty());
    assert_eq!(store.config(other, written.configs[0].id).await.unwrap(), None);
    assert!(store.configs(other, 10).await.unwrap().is_empty());
    assert!(store.people(other).await.unwrap().is_empty());
    assert_eq!(store.history(other).await.unwrap(), None);
    assert!(store.feed_after(other, 0, 10).await.unwrap().is_empty());
    assert_eq!(store.oldest_feed_position(other).await.unwrap(), None);
    assert_eq!(store.purge_feed(other, 100).await.unwrap(), 0);
    assert_eq!(store.purge_seen(other, i64::MAX, Millis(i64::MAX)).await.unwrap(), 0);
    assert!(store.rejected(other, None, 10).await.unwrap().is_empty());
    assert_eq!(store.purge_rejected(other, Millis(1 << 47), 0).await.unwrap(), 0);
    let mut tx = store.begin(other).await.unwrap();
    assert_eq!(tx.seen(&[written.seen[0].key]).await.unwrap(), [None]);
    assert!(tx.events_at(&[1, 2]).await.unwrap().is_empty());
    assert!(tx.events_named(&[event]).await.unwrap().is_empty());
    assert!(tx.with_outcome(&[written.outcomes[0].event]).await.unwrap().is_empty());
    assert!(tx.agents_named(&["deployer"]).await.unwrap().is_empty());
    assert!(tx.every_agent().await.unwrap().is_empty() && tx.keys().await.unwrap().is_empty());
    drop(tx);

    // Both write the same places, neither in the other's way.
    let theirs = commit_events(store, other, 2).await;
    assert_eq!(theirs.head.events.seq, 2);
    assert_eq!(store.head(world.tenant).await.unwrap().events.seq, 4);
    assert_eq!(store.events_from(world.tenant, 1, 10).await.unwrap().len(), 4);
    let unknown = (EventId(uuid_v7(Millis(1), [1; 16])), NotificationId(uuid_v7(Millis(1), [1; 16])));
    assert_eq!(store.event(world.tenant, unknown.0).await.unwrap(), None);
    assert_eq!(store.notification(world.tenant, unknown.1).await.unwrap(), None);
}

pub(crate) async fn purges_forget_only_what_is_old(world: &mut World) {
    let (store, tenant) = (&world.store, world.tenant);
    let batch = commit_events(store, tenant, 6).await;
    commit_events(store, tenant, 2).await;
    let hour = batch.changes.seen[0].key.hour;
    let (holds, over) = (batch.now, batch.now.plus(HOUR));
    assert_eq!(store.purge_seen(tenant, hour, over).await.unwrap(), 0);
    assert_eq!(store.purge_seen(tenant, hour + 2, holds).await.unwrap(), 0, "they hold for a second");
    assert_eq!(store.purge_seen(tenant, hour + 2, over).await.unwrap(), 8);
    assert_eq!(store.purge_feed(tenant, 6).await.unwrap(), 0);
    assert_eq!(store.purge_feed(tenant, 7).await.unwrap(), 1);
    assert_eq!(store.oldest_feed_position(tenant).await.unwrap(), Some(7));
    assert_eq!(store.head(tenant).await.unwrap().events, Tip { seq: 8, ..store.head(tenant).await.unwrap().events });

    let mut tx = store.begin(tenant).await.unwrap();
    let head = *tx.head();
    let rejected: Vec<_> = (0..6).map(|n| rejected(Millis(1_000_000 + n))).collect();
    let changes = Changes { rejected: rejected.clone(), ..Changes::default() };
    tx.write(&changes, &head).await.unwrap();
    tx.commit().await.unwrap();
    let left = async || {
        let rows = store.rejected(tenant, None, 10).await.unwrap();
        rows.into_iter().map(|row| row.at.0 - 1_000_000).collect::<Vec<_>>()
    };
    assert_eq!(store.purge_rejected(tenant, Millis(1_000_000), 6).await.unwrap(), 0);
    assert_eq!(store.purge_rejected(tenant, Millis(1_000_001), 5).await.unwrap(), 1);
    assert_eq!(left().await, [5, 4, 3, 2, 1]);
    assert_eq!(store.purge_rejected(tenant, Millis(1_000_001), 2).await.unwrap(), 3);
    assert_eq!(left().await, [5, 4]);
    assert_eq!(store.purge_rejected(tenant, Millis(2_000_000), 10).await.unwrap(), 2);
}

fn rejected(at: Millis) -> RejectedRow {
    let key = KeyId(uuid_v7(at, [9; 16]));
    let errors = br#"[{"code":"missing"}]"#.to_vec();
    RejectedRow { id: RejectedId(uuid_v7(at, [7; 16])), at, key, errors, item: "{\"actor\": 1}".to_owned() }
}
