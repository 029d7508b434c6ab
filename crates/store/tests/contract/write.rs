//! Commits: whole or nothing, in order, once.

use mandate_core::chain::Tip;
use mandate_core::change::{FeedEntry, Head, OutcomeRow};
use mandate_core::time::Millis;
use mandate_store::{CommitError, Error, Store};

use super::build::{Batch, commit_events};
use super::world::{World, tenant_id};

pub(crate) async fn a_commit_is_whole_or_nothing(world: &mut World) {
    let first = commit_events(&world.store, world.tenant, 3).await;

    // Dropped before the commit.
    let mut tx = world.store.begin(world.tenant).await.unwrap();
    let mut batch = Batch::after(tx.head(), tx.now());
    batch.events(5);
    tx.write(&batch.changes, &batch.head).await.unwrap();
    drop(tx);
    assert_eq!(world.store.head(world.tenant).await.unwrap(), first.head);
    assert_eq!(world.store.event_by_seq(world.tenant, 4).await.unwrap(), None);

    // One row among many that cannot be stored: an id that is taken.
    let mut tx = world.store.begin(world.tenant).await.unwrap();
    let mut batch = Batch::after(tx.head(), tx.now());
    batch.events(5);
    batch.changes.events[4].id = first.changes.events[0].id;
    let refused = tx.write(&batch.changes, &batch.head).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid(_)), "{refused:?}");
    assert_eq!(tx.commit().await, Err(CommitError::Refused(refused)));
    assert_eq!(world.store.head(world.tenant).await.unwrap(), first.head);
    assert!(world.store.events_from(world.tenant, 4, 10).await.unwrap().is_empty());
    assert!(world.store.notifications_of(world.tenant, 4).await.unwrap().is_empty());

    // Afterwards everything goes on.
    let next = commit_events(&world.store, world.tenant, 2).await;
    assert_eq!(next.head.events.seq, 5);
}

pub(crate) async fn the_head_moves_from_where_it_was(world: &mut World) {
    let first = commit_events(&world.store, world.tenant, 1).await;
    // Something moves the head under the transaction, in spite of its lock.
    let meddled = world
        .raw(
            "CREATE TRIGGER meddle AFTER INSERT ON event_resource BEGIN UPDATE head SET position = position + 1; END",
            "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN UPDATE head SET position = position + 1; RETURN NEW; END $$;
             CREATE TRIGGER meddle AFTER INSERT ON event_resource FOR EACH ROW EXECUTE FUNCTION meddle()",
        )
        .await;
    let Some(meddled) = meddled else { return };
    meddled.unwrap();
    let mut tx = world.store.begin(world.tenant).await.unwrap();
    let mut batch = Batch::after(tx.head(), tx.now());
    batch.events(1);
    let refused = tx.write(&batch.changes, &batch.head).await.unwrap_err();
    assert!(matches!(refused, Error::Conflict(_)), "{refused:?}");
    assert_eq!(tx.commit().await, Err(CommitError::Refused(refused)));
    assert_eq!(world.store.head(world.tenant).await.unwrap(), first.head);
}

pub(crate) async fn writers_take_turns(world: &mut World) {
    let other = world.store.clone();
    let write = async |store: &Store| {
        for _ in 0..10 {
            commit_events(store, world.tenant, 3).await;
        }
    };
    tokio::join!(write(&world.store), write(&other));
    let mut checker = Tip::EMPTY;
    for event in world.store.events_from(world.tenant, 1, 100).await.unwrap() {
        checker = checker.after(&event.row.sealed);
        assert_eq!(checker, Tip { seq: event.row.seq, hash: event.row.hash });
    }
    assert_eq!(checker.seq, 60);
    assert_eq!(world.store.head(world.tenant).await.unwrap().events, checker);
}

pub(crate) async fn changes_must_lead_to_the_head(world: &mut World) {
    let spoil: [fn(&mut Batch); 6] = [
        |batch| batch.head.position += 1,
        |batch| batch.head.events.hash = batch.head.audit.hash,
        |batch| batch.head.last_id_at = Millis(-1),
        |batch| batch.changes.events[1].seq = 7,
        |batch| batch.changes.events[1].position = 7,
        |batch| batch.changes.feed.clear(),
    ];
    for (number, spoil) in spoil.iter().enumerate() {
        let mut tx = world.store.begin(world.tenant).await.unwrap();
        let mut batch = Batch::after(tx.head(), tx.now());
        batch.events(2);
        spoil(&mut batch);
        let refused = tx.write(&batch.changes, &batch.head).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{number}: {refused:?}");
    }
    assert_eq!(world.store.head(world.tenant).await.unwrap(), Head::EMPTY);
}

pub(crate) async fn positions_have_no_gap(world: &mut World) {
    for count in [1, 4, 2] {
        commit_events(&world.store, world.tenant, count).await;
        let mut tx = world.store.begin(world.tenant).await.unwrap();
        let mut batch = Batch::after(tx.head(), tx.now());
        batch.feed(FeedEntry::Agent { id: "deployer".into() });
        tx.write(&batch.changes, &batch.head).await.unwrap();
        tx.commit().await.unwrap();
    }
    let mut expected = 1;
    for row in world.store.feed_after(world.tenant, 0, 100).await.unwrap() {
        assert_eq!(row.first, expected);
        expected = row.last() + 1;
    }
    assert_eq!(expected, 11);
    assert_eq!(world.store.head(world.tenant).await.unwrap().position, 10);
}

pub(crate) async fn keys_are_found_and_replaced(world: &mut World) {
    let batch = commit_events(&world.store, world.tenant, 40).await;
    let mut keys: Vec<_> = batch.changes.seen.iter().map(|row| row.key).collect();
    let mut unknown = keys[0];
    unknown.hour -= 1;
    keys.insert(1, unknown);
    world.crash().await;

    let mut tx = world.store.begin(world.tenant).await.unwrap();
    let found = tx.seen(&keys).await.unwrap();
    assert_eq!(found[1], None);
    assert_eq!((found[0], found[40]), (Some(batch.changes.seen[0]), Some(batch.changes.seen[39])));
    assert_eq!(tx.seen(&[]).await.unwrap(), []);

    let mut next = Batch::after(tx.head(), tx.now());
    let mut row = batch.changes.seen[0];
    // Twice in one batch: the last one stays.
    for content in [8, 9] {
        row.content = [content; 16];
        next.changes.seen.push(row);
    }
    tx.write(&next.changes, &next.head).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.store.begin(world.tenant).await.unwrap();
    assert_eq!(tx.seen(&[row.key]).await.unwrap(), [Some(row)]);
}

pub(crate) async fn the_first_outcome_stays(world: &mut World) {
    let batch = commit_events(&world.store, world.tenant, 2).await;
    let event = batch.changes.events[0].id;
    for failed in [true, false] {
        let mut tx = world.store.begin(world.tenant).await.unwrap();
        let mut next = Batch::after(tx.head(), tx.now());
        next.changes.outcomes.push(OutcomeRow { event, at: Millis(5), failed, body: b"{}".to_vec() });
        next.feed(FeedEntry::Outcome { event });
        tx.write(&next.changes, &next.head).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert!(world.store.outcome(world.tenant, event).await.unwrap().unwrap().failed);
    let ids: Vec<_> = batch.changes.events.iter().map(|row| row.id).collect();
    assert_eq!(world.store.outcomes_of(world.tenant, &ids).await.unwrap().len(), 1);
}

pub(crate) async fn tenants_are_made_once(world: &mut World) {
    let again = world.store.create_tenant("default", tenant_id(9), [8; 32], [8; 32]).await.unwrap();
    assert_eq!((again.id, again.secret, again.signing_seed), (world.tenant, [1; 32], [2; 32]));
    assert_eq!(world.store.tenant("default").await.unwrap(), Some(again));
    assert_eq!(world.store.tenant("other").await.unwrap(), None);
    assert_eq!(world.store.tenants().await.unwrap().len(), 1);
    let clash = world.store.create_tenant("other", world.tenant, [8; 32], [8; 32]).await;
    assert!(matches!(clash, Err(Error::Invalid(_))), "{clash:?}");
    let unknown = world.store.begin(tenant_id(9)).await.map(drop);
    assert_eq!(unknown, Err(Error::UnknownTenant(tenant_id(9))));
    world.store.ping().await.unwrap();
}
