//! The database defends itself: against changed logs, other tenants, and rows that cannot be read.

use mandate_core::change::FeedEntry;
use mandate_core::id::TenantId;
use mandate_core::seal::Erased;
use mandate_core::time::Millis;
use mandate_store::{ERASE_ACTION, Erasure, Error, OpenOptions, Store};
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};

use super::build::{Batch, commit_events};
use super::world::World;

pub(crate) async fn logs_refuse_changes(world: &mut World) {
    erase(&world.store, world.tenant, 2, |_| {}).await.unwrap();
    super::respond::commit_answers(&world.store, world.tenant).await;
    let before = world.store.events_from(world.tenant, 1, 10).await.unwrap();
    // On Postgres by the superuser, whom neither grants nor walls hold: only the triggers do.
    let attempts = [
        ("DELETE FROM event", "DELETE FROM event"),
        ("UPDATE event SET sealed = x'00'", "UPDATE event SET sealed = '\\x00'"),
        ("UPDATE event SET decision = 'auto'", "UPDATE event SET decision = 'auto'"),
        ("UPDATE event SET content = NULL", "UPDATE event SET content = NULL"),
        ("UPDATE event SET content = x'00'", "UPDATE event SET content = '\\x00'"),
        (
            "REPLACE INTO event SELECT no, id, position, at, actor, action, session, decision, resources, hash, x'00', content, plan FROM event",
            "TRUNCATE event",
        ),
        ("DELETE FROM event_resource", "TRUNCATE event_default"),
        ("UPDATE event_resource SET resource = 'x'", "UPDATE event_resource SET resource = 'x'"),
        ("DELETE FROM audit", "DELETE FROM audit"),
        ("UPDATE audit SET content = NULL", "UPDATE audit SET content = NULL"),
        ("DELETE FROM erased", "DELETE FROM erased"),
        ("UPDATE erased SET reason = 'x'", "UPDATE erased SET reason = 'x'"),
        ("INSERT INTO erased VALUES (1, 1, 1, 0, 'x')", "INSERT INTO erased VALUES (1, 1, 1, 0, 'x')"),
        ("DELETE FROM response", "DELETE FROM response"),
        ("UPDATE response SET first = 1", "UPDATE response SET first = true"),
        ("DELETE FROM config", "TRUNCATE audit, erased, checkpoint"),
    ];
    for (lite, pg) in attempts {
        match world.raw(lite, pg).await {
            None => {}
            Some(Err(error)) => assert!(error.contains("append-only"), "{lite}: {error}"),
            Some(Ok(())) => assert_eq!(lite, "DELETE FROM config", "was let through"),
        }
    }
    assert_eq!(world.store.events_from(world.tenant, 1, 10).await.unwrap(), before);
}

/// Commits two events, then erases the first under an audit entry that `spoil` may change.
async fn erase(store: &Store, tenant: TenantId, count: i64, spoil: impl FnOnce(&mut Erasure)) -> Result<(), Error> {
    let batch = commit_events(store, tenant, count).await;
    let event = &batch.changes.events[0];
    let mut tx = store.begin(tenant).await?;
    let mut next = Batch::after(tx.head(), tx.now());
    let entry = next.audit(tenant, ERASE_ACTION, &format!("event:{}", event.id));
    next.feed(FeedEntry::Events { from: 1, to: 0 });
    next.changes.feed.clear();
    let (seq, audit_seq, at) = (event.seq, entry.seq, Millis(5));
    let mut erasure = Erasure { event: event.id, seq, audit_seq, at, reason: "asked to".into() };
    spoil(&mut erasure);
    tx.erase_event(erasure);
    tx.write(&next.changes, &next.head).await?;
    Ok(tx.commit().await?)
}

pub(crate) async fn content_goes_only_through_the_door(world: &mut World) {
    let (store, tenant) = (&world.store, world.tenant);
    erase(store, tenant, 2, |_| {}).await.unwrap();
    let erased = store.event_by_seq(tenant, 1).await.unwrap().unwrap();
    assert_eq!(erased.row.content, None);
    assert_eq!(erased.erased, Some(Erased { at: Millis(5), reason: "asked to".into() }));
    let kept = store.event_by_seq(tenant, 2).await.unwrap().unwrap();
    assert!(kept.row.content.is_some() && kept.erased.is_none());

    // An entry that is not there, one of an earlier transaction, one that speaks of another event.
    let spoils: [fn(&mut Erasure); 3] =
        [|erasure| erasure.audit_seq = 99, |erasure| erasure.audit_seq = 1, |erasure| erasure.seq = 2];
    for spoil in spoils {
        let refused = erase(store, tenant, 2, spoil).await;
        assert!(matches!(refused, Err(Error::AppendOnly(_))), "{refused:?}");
    }
    assert_eq!(store.head(tenant).await.unwrap().audit.seq, 1);
    let events = store.events_from(tenant, 2, 100).await.unwrap();
    assert!(events.iter().all(|event| event.row.content.is_some()));

    // An erasure that no write carried out is not committed as if it were.
    let mut tx = store.begin(tenant).await.unwrap();
    let event = kept.row.id;
    tx.erase_event(Erasure { event, seq: 2, audit_seq: 2, at: Millis(5), reason: String::new() });
    assert!(tx.commit().await.is_err());
}

pub(crate) async fn unreadable_rows_are_named(world: &mut World) {
    let batch = commit_events(&world.store, world.tenant, 3).await;
    let spoiled = world
        .raw(
            "DROP TRIGGER event_never_changes; UPDATE event SET decision = 'maybe' WHERE seq = 2;
             UPDATE event SET hash = x'00' WHERE seq = 3; UPDATE notification SET state = 'lost'",
            "ALTER TABLE event DISABLE TRIGGER USER; UPDATE event SET decision = 'maybe' WHERE seq = 2;
             UPDATE event SET hash = '\\x00' WHERE seq = 3; UPDATE notification SET state = 'lost'",
        )
        .await;
    let Some(spoiled) = spoiled else { return };
    spoiled.unwrap();
    let (store, tenant) = (&world.store, world.tenant);
    assert!(store.event_by_seq(tenant, 1).await.is_ok());
    let corrupt = |table, column, id: String| Err(Error::Corrupt { table, column, id });
    assert_eq!(store.event_by_seq(tenant, 2).await.map(drop), corrupt("event", "decision", "2".into()));
    assert_eq!(store.events_from(tenant, 3, 10).await.map(drop), corrupt("event", "hash", "3".into()));
    let id = batch.changes.notifications[0].id;
    assert_eq!(store.notification(tenant, id).await.map(drop), corrupt("notification", "state", id.to_string()));
}

pub(crate) async fn the_wall_holds_below_the_store(world: &mut World) {
    let Some(database) = world.database() else { return };
    commit_events(&world.store, world.tenant, 3).await;
    // A query that forgot its tenant, in another tenant's name and in none.
    let counts = "DO $$ DECLARE each TEXT; found BIGINT; BEGIN
        FOR each IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
            AND relkind IN ('r', 'p') AND relname NOT IN ('schema_version')
            AND has_table_privilege(oid, 'SELECT') LOOP
          EXECUTE format('SELECT count(*) FROM %I', each) INTO found;
          IF found > 0 THEN RAISE EXCEPTION 'saw % rows of %', found, each; END IF;
        END LOOP; END $$;";
    for name in ["", "SET mandate.tenant = '2';", "SET mandate.tenant = '';"] {
        database.run(&format!("SET ROLE mandate_app; {name} {counts}")).await.unwrap();
    }
    let own = format!("SET ROLE mandate_app; SET mandate.tenant = '1'; {counts}");
    assert!(database.run(&own).await.unwrap_err().to_string().contains("saw"));
    let foreign =
        "SET ROLE mandate_app; SET mandate.tenant = '2'; INSERT INTO person VALUES (1, gen_random_uuid(), 'x')";
    assert!(database.run(foreign).await.unwrap_err().to_string().contains("row-level security"));
    for denied in [
        "UPDATE event SET sealed = ''",
        "DELETE FROM audit",
        "DELETE FROM event",
        "UPDATE response SET via = ''",
        "SELECT * FROM event_default",
    ] {
        let denied = database.run(&format!("SET ROLE mandate_app; SET mandate.tenant = '1'; {denied}")).await;
        assert!(denied.unwrap_err().to_string().contains("permission denied"));
    }
    let forced = "DO $$ BEGIN IF EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relkind IN ('r', 'p') AND relname <> 'schema_version' AND NOT (relrowsecurity AND relforcerowsecurity))
        THEN RAISE EXCEPTION 'a table without wall'; END IF; END $$";
    database.run(forced).await.unwrap();

    // A superuser's store works as the role too.
    let store = Store::open(&database.superuser_address().await, OpenOptions::default()).await.unwrap();
    let batch = commit_events(&store, world.tenant, 1).await;
    assert_eq!(batch.head.events.seq, 4);
    store.close().await;
}

pub(crate) async fn statements_are_accepted(world: &mut World) {
    let statements = mandate_store::statements();
    assert!(statements.len() > 40, "{}", statements.len());
    if let Some(file) = world.file() {
        use sqlx::Connection as _;
        let path = format!("sqlite:{}", file.display());
        let mut connection = sqlx::SqliteConnection::connect(&path).await.unwrap();
        for (name, lite, _) in statements {
            for text in lite {
                let prepared = (&mut connection).prepare(AssertSqlSafe(text).into_sql_str()).await.map(drop);
                assert!(prepared.is_ok(), "{name}: {prepared:?}");
            }
        }
    } else if let Some(database) = world.database() {
        let mut connection = super::server::Server::get().await.connect(database.name()).await;
        for (name, _, pg) in statements {
            let prepared = (&mut connection).prepare(AssertSqlSafe(pg).into_sql_str()).await.map(drop);
            assert!(prepared.is_ok(), "{name}: {prepared:?}");
        }
    }
}
