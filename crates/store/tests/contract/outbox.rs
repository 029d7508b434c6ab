//! The outbox: due notifications are taken by one at a time, a few a lane.

use std::collections::BTreeMap;

use mandate_core::change::{Changes, Edited, FeedEntry, NotificationRow, NotificationState};
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

pub(crate) async fn a_new_edition_is_taken_like_a_first_message(world: &mut World) {
    let batch = commit_events(&world.store, world.tenant, 3).await;
    let [mut first, mut second, third] = [0, 1, 2].map(|at| batch.changes.notifications[at].clone());
    for (row, receipt) in [(&mut first, Some("C1 17.1")), (&mut second, None)] {
        (row.attempts, row.state, row.delivered_at) = (1, NotificationState::Delivered, Some(row.created_at));
        row.receipt = receipt.map(str::to_owned);
    }
    // What became of the attempts, and that all of them say something else, in one commit.
    let about = [Some(Edited::One(third.id))]
        .into_iter()
        .chain([&first, &second].map(|row| row.event_seq.map(Edited::AboutEvent)));
    let edited: Vec<Edited> = about.flatten().collect();
    write(world, |changes| {
        changes.deliveries.extend([first.clone(), second.clone()]);
        changes.edited = [edited.clone(), edited].concat();
    })
    .await;
    let rows = async |world: &World| {
        let mut rows = Vec::new();
        for id in [first.id, second.id, third.id] {
            rows.push(world.store.notification(world.tenant, id).await.unwrap().unwrap());
        }
        rows
    };
    let known = rows(world).await;
    assert_eq!(
        known.iter().map(|row| (row.edition, row.settled, row.waits())).collect::<Vec<_>>(),
        [(1, 0, true), (1, 0, false), (1, 0, true)]
    );
    let mut claimed = world.store.claim_due(world.tenant, Span(0), 100, 100, &[]).await.unwrap();
    claimed.sort_by_key(|row| row.event_seq);
    assert_eq!(claimed.iter().map(|row| row.id).collect::<Vec<_>>(), [first.id, third.id], "one cannot be changed");
    assert_eq!(claimed[0].receipt.as_deref(), Some("C1 17.1"));

    // It was changed once more while the edit was under way; an answer that comes twice counts once.
    let mut sent = claimed[0].clone();
    (sent.attempts, sent.settled) = (2, 1);
    write(world, |changes| changes.edited.push(Edited::One(first.id))).await;
    write(world, |changes| changes.deliveries.push(sent.clone())).await;
    let again = NotificationRow { receipt: Some("C1 99.9".into()), ..sent.clone() };
    write(world, |changes| changes.deliveries.extend([again.clone(), again])).await;
    let known = rows(world).await;
    assert_eq!((known[0].edition, known[0].settled, known[0].receipt.as_deref()), (2, 1, Some("C1 17.1")));
    (sent.attempts, sent.settled) = (3, 2);
    write(world, |changes| changes.deliveries.push(sent.clone())).await;
    let claimed = world.store.claim_due(world.tenant, Span(0), 100, 100, &[]).await.unwrap();
    assert_eq!(claimed.iter().map(|row| row.id).collect::<Vec<_>>(), [third.id], "nothing more is to be said");
}

async fn write(world: &World, change: impl FnOnce(&mut Changes)) {
    let mut tx = world.store.begin(world.tenant).await.unwrap();
    let mut next = Batch::after(tx.head(), tx.now());
    change(&mut next.changes);
    tx.write(&next.changes, &next.head).await.unwrap();
    tx.commit().await.unwrap();
}
