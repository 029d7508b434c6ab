//! What is no message of its own: held, told in another one, and found again after a restart.

use mandate_core::change::{Changes, Edited, NotificationRow, NotificationState, Regrouped, ToldIn};
use mandate_core::event::Impact;
use mandate_core::id::NotificationId;
use mandate_core::storm::Because;
use mandate_core::time::{MINUTE, Millis};

use super::build::Batch;
use super::world::World;

/// Seven events, each with one notice: the first is sent, two are merged into it, three are held, one fails.
async fn grouped(world: &World) -> Vec<NotificationRow> {
    let mut tx = world.store.begin(world.tenant).await.unwrap();
    let mut batch = Batch::after(tx.head(), tx.now());
    for n in 0..7 {
        batch.event("deployer", &format!("service:s-{n}"));
        batch.notification("team:@payments");
    }
    let rows = &mut batch.changes.notifications;
    let (first, digest) = (rows[0].id, digest());
    for row in &mut rows[1..3] {
        row.state = NotificationState::Merged;
        row.told_in = Some(ToldIn { message: first, because: Because::SameSession });
    }
    rows[1].impact = Some(Impact::Medium);
    for (row, because) in rows[3..6].iter_mut().zip([Because::LowUrgency, Because::PersonLimit, Because::Storm]) {
        row.state = NotificationState::Held;
        row.told_in = Some(ToldIn { message: digest, because });
        row.due_at = row.created_at.plus(MINUTE);
    }
    rows[6].state = NotificationState::Failed;
    let rows = rows.clone();
    tx.write(&batch.changes, &batch.head).await.unwrap();
    tx.commit().await.unwrap();
    rows
}

fn digest() -> NotificationId {
    NotificationId(uuid::Uuid::from_u128(77))
}

async fn write(world: &World, change: impl FnOnce(&mut Changes)) {
    let mut tx = world.store.begin(world.tenant).await.unwrap();
    let mut next = Batch::after(tx.head(), tx.now());
    change(&mut next.changes);
    tx.write(&next.changes, &next.head).await.unwrap();
    tx.commit().await.unwrap();
}

async fn states(world: &World, rows: &[NotificationRow]) -> Vec<(NotificationState, Option<ToldIn>, Option<Millis>)> {
    let mut states = Vec::new();
    for row in rows {
        let row = world.store.notification(world.tenant, row.id).await.unwrap().unwrap();
        states.push((row.state, row.told_in, row.delivered_at));
    }
    states
}

pub(crate) async fn the_past_of_storm_control_is_found_again(world: &mut World) {
    let rows = grouped(world).await;
    let now = rows[0].created_at;
    let past = world.store.past(world.tenant, now).await.unwrap();
    let sent: Vec<_> = past.messages.iter().map(|message| (message.row.id, message.merged_at)).collect();
    assert_eq!(sent, [(rows[0].id, Some(rows[2].created_at)), (rows[6].id, None)]);
    let event = past.messages[0].event.as_ref().expect("its event");
    assert_eq!(event.decision, mandate_core::event::Decision::Monitored);
    assert!(!event.plan.is_empty());
    let held: Vec<_> = past.gathered.iter().map(|held| (held.digest, held.due_at)).collect();
    assert!(held.iter().all(|held| *held == (digest(), now.plus(MINUTE))), "{held:?}");
    assert_eq!(past.gathered.iter().map(|held| held.count).sum::<u64>(), 3);
    assert_eq!(past.stormed, [(now.0 / 1_000, 1)]);
    assert_eq!(past.queued, 1);
    let later = world.store.past(world.tenant, now.plus(MINUTE.times(61))).await.unwrap();
    assert_eq!((later.messages.len(), later.stormed.len()), (0, 0));
    assert_eq!(later.gathered, past.gathered, "what is held is never forgotten");
}

pub(crate) async fn a_message_says_what_it_tells_of(world: &mut World) {
    let rows = grouped(world).await;
    let together = world.store.together(world.tenant, rows[0].id, true).await.unwrap();
    assert_eq!((together.count, together.worst), (2, Some(Impact::Medium)));
    assert_eq!(Some(together.through), rows[2].event_seq);
    assert_eq!(together.acts.iter().map(|acts| acts.count).sum::<u64>(), 2);
    assert_eq!(together.last_action, together.acts[0].action);
    let none = world.store.together(world.tenant, rows[6].id, false).await.unwrap();
    assert_eq!(none, mandate_store::Together::default());
}

pub(crate) async fn what_is_told_elsewhere_moves_with_its_message(world: &mut World) {
    let rows = grouped(world).await;
    let (first, at) = (rows[0].id, Millis(5));
    let other = NotificationId(uuid::Uuid::from_u128(78));
    let through = rows[1].event_seq.unwrap();
    let in_digest = |because| Some(ToldIn { message: digest(), because });
    write(world, |changes| {
        changes.regrouped = vec![
            Regrouped::Contained { message: first, through, at },
            Regrouped::HeldAgain { from: first, digest: digest(), due_at: Millis(9) },
        ];
    })
    .await;
    let known = states(world, &rows).await;
    let in_first = Some(ToldIn { message: first, because: Because::SameSession });
    assert_eq!(known[1], (NotificationState::Merged, in_first, Some(at)), "this one was told");
    assert_eq!(known[2], (NotificationState::Held, in_digest(Because::MessageGone), None));
    write(world, |changes| changes.regrouped = vec![Regrouped::Digested(digest())]).await;
    let known = states(world, &rows).await;
    assert_eq!(known[2], (NotificationState::Digested, in_digest(Because::MessageGone), None));
    assert_eq!(known[3], (NotificationState::Digested, in_digest(Because::LowUrgency), None));
    assert_eq!(world.store.past(world.tenant, rows[0].created_at).await.unwrap().gathered, []);
    write(world, |changes| {
        changes.edited = vec![Edited::One(first)];
        changes.regrouped = vec![Regrouped::Moved { from: digest(), to: other }];
    })
    .await;
    let known = states(world, &rows).await;
    assert_eq!(known[3].1, Some(ToldIn { message: other, because: Because::LowUrgency }));
    assert_eq!(known[1].1, in_first);
}
