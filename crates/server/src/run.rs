//! Wires the parts of one tenant together and keeps them going.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mandate_core::change::FeedEntry;
use mandate_core::dedupe::KEY_HOLDS;
use mandate_core::id::TenantId;
use mandate_core::time::{DAY, MINUTE, Millis};
use mandate_store::Store;

use crate::app::{App, TenantHandle};
use crate::dispatcher::{ToDispatcher, parcels};
use crate::input::{Input, Refusal};
use crate::metrics::Metrics;
use crate::tasks::Stop;
use crate::writer::{Commit, End, Writer};

/// The most that one transaction takes in.
const BATCH: (usize, usize) = (1_000, 8 * 1024 * 1024);
/// How long the writer waits after the store failed, doubled up to the second one.
const AWAY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Runs a tenant's writer until its intake is closed and drained.
pub async fn writer(app: App, tenant: Arc<TenantHandle>, mut writer: Writer, dispatcher: ToDispatcher) {
    let mut wait = AWAY.0;
    let mut halted = app.halt.subscribe();
    loop {
        let batch = tokio::select! {
            biased;
            // Another tenant's writer found that the disk fails.
            _ = halted.wait_for(Option::is_some) => return refuse_the_rest(&tenant),
            batch = tenant.intake.next_batch(BATCH.0, BATCH.1) => batch,
        };
        if batch.is_empty() {
            return;
        }
        measure(&app.metrics, &batch);
        let (began, began_at) = (tokio::time::Instant::now(), app.env.steady());
        let mut step = writer.step(batch).await;
        app.metrics.commit.observe(began.elapsed());
        loop {
            if let Some(commit) = step.commit {
                publish(&app, &tenant, &dispatcher, commit, began_at);
            }
            match step.end {
                End::Ready => break,
                End::Halt(why) => {
                    tenant.takes_events.store(false, Ordering::Relaxed);
                    app.halt(format!("the store's disk failed, and a sync must not be retried: {why}"));
                    return refuse_the_rest(&tenant);
                }
                End::InDoubt if app.stopping.load(Ordering::Relaxed) && wait >= AWAY.1 => {
                    // Nobody was answered, so whoever sent it sends it again.
                    tracing::error!("stopping without knowing whether the store took the last commit");
                    return refuse_the_rest(&tenant);
                }
                End::Away | End::InDoubt => {
                    tenant.takes_events.store(false, Ordering::Relaxed);
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(AWAY.1);
                }
            }
            if step.end == End::Away {
                break;
            }
            step = writer.settle().await;
        }
        // Nobody sends events to a server that says it is not ready, so whatever the store answered tells.
        if step.end == End::Ready {
            wait = AWAY.0;
            tenant.takes_events.store(writer.takes_events(), Ordering::Relaxed);
        }
    }
}

fn publish(app: &App, tenant: &TenantHandle, dispatcher: &ToDispatcher, commit: Commit, began_at: Millis) {
    let Commit { committed, to_send, snapshot, deciding } = commit;
    if let Ok(events @ 1..) = u32::try_from(committed.events.len()) {
        app.metrics.routing.observe(deciding / events);
    }
    app.keys.apply(tenant.tenant.id, &committed.keys);
    tenant.snapshot.send_if_modified(|known| {
        let changed = known.id != snapshot.id;
        *known = snapshot;
        changed
    });
    tenant.live.publish(&committed);
    if committed.entries.iter().any(|entry| matches!(entry, FeedEntry::Response { .. })) {
        dispatcher.look();
    }
    dispatcher.hand_over(parcels(&committed, to_send, began_at));
}

/// Nothing more is carried out once the disk failed.
fn refuse_the_rest(tenant: &TenantHandle) {
    tenant.intake.close();
    loop {
        let batch = tenant.intake.try_batch(BATCH.0, BATCH.1);
        if batch.is_empty() {
            return;
        }
        crate::writer::refuse(batch, &Refusal::StoreAway);
    }
}

/// Takes in what channels answered (MET-2).
fn measure(metrics: &Metrics, batch: &[Input]) {
    let deliveries =
        batch.iter().filter_map(|input| if let Input::Deliveries(list) = input { Some(list) } else { None });
    for delivery in deliveries.flatten() {
        metrics.attempted(&delivery.row.channel, &delivery.attempt);
        if delivery.row.attempts == 0 {
            metrics.dispatch.observe(delivery.attempt.at.since(delivery.row.created_at).to_std());
        }
    }
}

/// Keys of inputs from before this hour are forgotten: none holds longer than seven days, and a spool keeps
/// its events no longer than three.
fn oldest_key(now: Millis) -> i64 {
    now.minus(KEY_HOLDS).minus(DAY.times(3)).hour()
}

/// What was refused as no event is kept for a day, and no more of it than this.
const REJECTED: u32 = 10_000;

async fn clear_away(store: &Store, tenant: TenantId, now: Millis) -> Result<(), mandate_store::Error> {
    store.purge_seen(tenant, oldest_key(now), now).await?;
    store.purge_rejected(tenant, now.minus(DAY), REJECTED).await?;
    store.extend_partitions().await;
    Ok(())
}

/// Lets time pass for a tenant's writer: checkpoints, and what expired.
pub async fn ticker(app: App, tenant: Arc<TenantHandle>, mut stop: Stop) {
    let mut purged = app.env.now();
    loop {
        tokio::select! {
            biased;
            () = stop.wait() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        if tenant.intake.push_control(Input::Tick).is_err() {
            return;
        }
        if !app.store.keeps_its_place().await {
            app.halt("another `mandate` took over this database while the connection was lost".to_owned());
        }
        let now = app.env.now();
        if now.since(purged) >= MINUTE.times(10) {
            purged = now;
            if let Err(error) = clear_away(&app.store, tenant.tenant.id, now).await {
                tracing::warn!(%error, "cannot clear away what is over; trying again in ten minutes");
            }
        }
    }
}
