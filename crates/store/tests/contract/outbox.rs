//! The outbox: due notifications are taken by one at a time, a few a lane.

use std::collections::BTreeMap;

use mandate_core::change::{FeedEntry, NotificationState};
use mandate_core::time::{HOUR, MINUTE, Span};
use mandate_store::Store;

use super::build::{Batch, commit_events};
use super::world::World;

pub(crate) async fn claims_are_never_shared(world: &mut World) {
    commit_events(&world.store, world.tenant, 60).await;
    let other: Store = world.store.clone();
    let (one, two) =
        tokio::join!(async { world.store.claim_due(world.tenant, HOUR, 100, 100, &[]).await.unwrap() }, async {
            other.claim_due(world.tenant, HOUR, 100, 100, &[]).await.unwrap()
        },);
    let mut ids: Vec<_> = one.iter().chain(&two).map(|row| row.id).collect();
    ids.sort_unstable();
    ids.dedup();
    // What one caller had locked the other one skips, so both together have each at most once.
    assert_eq!(ids.len(), one.len() + two.len());
    let rest = world.store.claim_due(world.tenant, HOUR, 100, 100, &[]).await.unwrap();
    assert_eq!(ids.len() + rest.len(), 60);
    assert!(world.store.claim_due(world.tenant, HOUR, 100, 100, &[]).await.unwrap().is_empty());
    let held = world.store.notification(world.tenant, ids[0]).await.unwrap().unwrap();
    assert!(held.lease_until > held.due_at);
}

pub(crate) async fn claims_take_a_few_of_each_lane(world: &mut World) {
    let batch = commit_events(&world.store, world.tenant, 50).await;
    // A lease of no length runs out at once.
    let claimed = world.store.claim_due(world.tenant, Span(0), 3, 4, &[]).await.unwrap();
    let mut lanes = BTreeMap::<_, Vec<_>>::new();
    for row in &claimed {
        lanes.entry(row.lane.to_string()).or_default().push(row.due_at);
    }
    assert_eq!(lanes.values().map(Vec::len).collect::<Vec<_>>(), [4, 4, 4]);
    assert!(lanes.values().all(|due| due.is_sorted()));
    let left_out: Vec<_> = ["slack:team:0", "slack:team:1"].map(Into::into).to_vec();
    let others = world.store.claim_due(world.tenant, Span(0), 3, 4, &left_out).await.unwrap();
    assert_eq!(others.iter().filter(|row| left_out.contains(&row.lane)).count(), 0);
    assert_eq!(others.len(), 12, "three other lanes");
    assert_eq!(world.store.claim_due(world.tenant, HOUR, 3, 4, &[]).await.unwrap().len(), 12);

    // Nobody takes what is not due or no longer queued.
    let mut tx = world.store.begin(world.tenant).await.unwrap();
    let mut next = Batch::after(tx.head(), tx.now());
    for (number, row) in batch.changes.notifications.iter().enumerate() {
        let mut row = row.clone();
        match number % 3 {
            0 => row.due_at = tx.now().plus(HOUR),
            1 => row.state = NotificationState::Failed,
            _ => row.lease_until = tx.now().plus(MINUTE),
        }
        row.attempts += 1;
        next.changes.deliveries.push(row);
    }
    tx.write(&next.changes, &next.head).await.unwrap();
    tx.commit().await.unwrap();
    assert!(world.store.claim_due(world.tenant, HOUR, 100, 100, &[]).await.unwrap().is_empty());
}

pub(crate) async fn deliveries_change_their_row(world: &mut World) {
    let batch = commit_events(&world.store, world.tenant, 3).await;
    let mut row = batch.changes.notifications[1].clone();
    row.attempts = 2;
    row.log = br#"[{"error":"429"},{"sent":true}]"#.to_vec();
    row.state = NotificationState::Delivered;
    row.delivered_at = Some(row.created_at.plus(MINUTE));
    let mut tx = world.store.begin(world.tenant).await.unwrap();
    let mut next = Batch::after(tx.head(), tx.now());
    next.changes.deliveries.push(row.clone());
    next.feed(FeedEntry::Notification { id: row.id });
    tx.write(&next.changes, &next.head).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.store.notification(world.tenant, row.id).await.unwrap(), Some(row.clone()));
    assert_eq!(world.store.notifications_of(world.tenant, 2).await.unwrap(), [row]);
    let others = world.store.notifications_of(world.tenant, 1).await.unwrap();
    assert_eq!(others, batch.changes.notifications[..1]);
}
