//! Crashes, second processes, newer schemas, full disks.

use std::time::Duration;

use mandate_core::change::Head;
use mandate_store::{Address, Error, OpenOptions, Store};

use super::build::{Batch, commit_events};
use super::world::{World, tenant_id};

pub(crate) async fn what_was_committed_survives(world: &mut World) {
    let committed = commit_events(&world.store, world.tenant, 10).await;
    // A transaction is open when it happens.
    let mut tx = world.store.begin(world.tenant).await.unwrap();
    let mut batch = Batch::after(tx.head(), tx.now());
    batch.events(5);
    tx.write(&batch.changes, &batch.head).await.unwrap();
    drop(tx);
    world.crash().await;
    assert_eq!(world.store.head(world.tenant).await.unwrap(), committed.head);
    assert_eq!(world.store.events_from(world.tenant, 1, 100).await.unwrap().len(), 10);
    assert_eq!(world.store.notifications_of(world.tenant, 10).await.unwrap().len(), 1);
    let next = commit_events(&world.store, world.tenant, 1).await;
    assert_eq!(next.head.events.seq, 11);
}

/// Streams and handlers are dropped wherever they wait, and their connections are somebody else's next.
pub(crate) async fn a_read_given_up_leaves_nothing_open(world: &mut World) {
    let later = async |turns| {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    };
    for turns in 0..300 {
        tokio::select! {
            biased;
            read = world.store.head(world.tenant) => drop(read.unwrap()),
            () = later(turns) => {}
        }
        let mut tx = world.store.begin(world.tenant).await.unwrap();
        let mut batch = Batch::after(tx.head(), tx.now());
        batch.events(1);
        tx.write(&batch.changes, &batch.head).await.unwrap_or_else(|error| panic!("after {turns} turns: {error}"));
        tx.commit().await.unwrap();
    }
}

pub(crate) async fn a_second_process_is_refused(world: &mut World) {
    if let Some(database) = world.database() {
        let address = database.address().await;
        let alone =
            || OpenOptions { alone: true, acquire_timeout: Duration::from_millis(300), ..OpenOptions::default() };
        let first = Store::open(&address, alone()).await.unwrap();
        assert_eq!(Store::open(&address, alone()).await.map(drop), Err(Error::InUse));
        assert!(first.keeps_its_place().await);
        // The connection that holds the place breaks: it is taken again, unless somebody else was faster.
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        database.run(cut).await.unwrap();
        assert!(first.keeps_its_place().await);
        database.run(cut).await.unwrap();
        let second = Store::open(&address, alone()).await.unwrap();
        assert!(!first.keeps_its_place().await && second.keeps_its_place().await);
        first.close().await;
        second.close().await;
    }
    let Some(file) = world.file() else { return };
    let refused = Store::open(&Address::Sqlite(file.clone()), OpenOptions::default()).await.map(drop).unwrap_err();
    let pid = std::process::id();
    assert_eq!(refused, Error::Locked { path: file.display().to_string(), pid: Some(pid) });
    assert!(refused.to_string().contains(&format!("`{pid}`")), "{refused}");
    commit_events(&world.store, world.tenant, 1).await;
}

pub(crate) async fn a_newer_schema_is_refused(world: &mut World) {
    let newer = "INSERT INTO schema_version (version) VALUES (99)";
    let Some(done) = world.raw(newer, newer).await else { return };
    done.unwrap();
    let address = match (world.file(), world.database()) {
        (Some(file), _) => {
            world.store.close().await;
            let nowhere = tempfile::tempdir().unwrap();
            let other = Address::Sqlite(nowhere.path().join("other.db"));
            world.store = Store::open(&other, OpenOptions::default()).await.unwrap();
            Address::Sqlite(file)
        }
        (_, Some(database)) => database.address().await,
        _ => return,
    };
    let refused = Store::open(&address, OpenOptions::default()).await.map(drop);
    assert_eq!(refused, Err(Error::Newer { found: 99, known: 1 }));
}

pub(crate) async fn a_full_disk_is_survived(world: &mut World) {
    if world.file().is_none() {
        return;
    }
    // SQLite rolls back by itself when a commit of one row finds no room, and not when one of many does.
    for events in [1, 20] {
        fill_and_go_on(events).await;
    }
}

async fn fill_and_go_on(events: i64) {
    let folder = tempfile::tempdir().unwrap();
    let address = Address::Sqlite(folder.path().join("small.db"));
    let options = |max_pages| OpenOptions { ballast: false, max_pages, ..OpenOptions::default() };
    let store = Store::open(&address, options(Some(200))).await.unwrap();
    let tenant = tenant_id(1);
    store.create_tenant("default", tenant, [1; 32], [2; 32]).await.unwrap();
    let mut last = Head::EMPTY;
    let full = loop {
        let mut tx = store.begin(tenant).await.unwrap();
        let mut batch = Batch::after(tx.head(), tx.now());
        batch.events(events);
        if let Err(error) = tx.write(&batch.changes, &batch.head).await {
            break error;
        }
        tx.commit().await.unwrap();
        last = batch.head;
    };
    assert!(matches!(full, Error::Full(_)), "{full:?}");
    // Trying again says the same, and leaves nothing half open. How many pages an event takes differs with its id, so
    // these are more than the last pages could ever hold.
    for _ in 0..2 {
        let mut tx = store.begin(tenant).await.unwrap();
        assert_eq!(*tx.head(), last);
        let mut batch = Batch::after(tx.head(), tx.now());
        batch.events(400);
        let full = tx.write(&batch.changes, &batch.head).await.unwrap_err();
        assert!(matches!(full, Error::Full(_)), "{full:?}");
        assert!(tx.commit().await.is_err());
    }
    // Reads go on, and nothing of the failed commit is there.
    assert_eq!(store.head(tenant).await.unwrap(), last);
    assert_eq!(store.events_from(tenant, last.events.seq, 10).await.unwrap().len(), 1);
    store.close().await;
    drop(store);

    let store = Store::open(&address, options(None)).await.unwrap();
    let next = commit_events(&store, tenant, 20).await;
    assert_eq!(next.head.events.seq, last.events.seq + 20);
    store.close().await;
}

pub(crate) async fn the_ballast_comes_and_goes(world: &mut World) {
    let Some(file) = world.file() else { return };
    let mut ballast = file.into_os_string();
    ballast.push(".ballast");
    let room = || std::fs::metadata(&ballast).map(|file| file.len()).ok();
    assert_eq!(room(), None);
    assert!(!world.store.release_ballast().await.unwrap());
    assert!(world.store.restore_ballast().await.unwrap());
    assert_eq!(room(), Some(16 << 20));
    assert!(world.store.release_ballast().await.unwrap());
    assert_eq!(room(), None);
}
