//! Wires the parts of one tenant together and keeps them going.

use std::sync::Arc;
use std::time::Duration;

use mandate_core::dedupe::KEY_HOLDS;
use mandate_core::time::{DAY, MINUTE, Millis};

use crate::app::{App, TenantHandle};
use crate::dispatcher::{Handover, ToDispatcher};
use crate::input::{Input, Refusal};
use crate::metrics::Metrics;
use crate::tasks::Stop;
use crate::writer::{Step, Writer};

/// The most that one transaction takes in.
const BATCH: (usize, usize) = (1_000, 8 * 1024 * 1024);
/// How long the writer waits after the store failed, doubled up to the second one.
const AWAY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Runs a tenant's writer until its intake is closed and drained.
pub async fn writer(app: App, tenant: Arc<TenantHandle>, mut writer: Writer, dispatcher: ToDispatcher) {
    let mut wait = AWAY.0;
    // Why the store took nothing the last time it was asked.
    let mut away: Option<Refusal> = None;
    loop {
        let batch = tenant.intake.next_batch(BATCH.0, BATCH.1).await;
        if batch.is_empty() {
            return;
        }
        measure(&app.metrics, &batch);
        let (began, began_at) = (tokio::time::Instant::now(), app.env.now());
        let step = writer.step(batch).await;
        app.metrics.commit.observe(began.elapsed());
        match step {
            Step::Committed { committed, to_send, snapshot, deciding } => {
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
                dispatcher.hand_over(Handover { committed, to_send, began_at });
                if away.take().is_some() {
                    let _ = app.store.restore_ballast().await;
                    app.ready.send_replace(true);
                    wait = AWAY.0;
                }
            }
            // Nobody sends events to a server that says it is not ready, so it must not wait for one to find out.
            Step::Nothing => {
                if let Some(why) = &away
                    && is_back(&app, why).await
                {
                    app.ready.send_replace(true);
                    (away, wait) = (None, AWAY.0);
                }
            }
            Step::Away(refusal) => {
                app.ready.send_replace(false);
                if refusal == Refusal::NoRoom {
                    let _ = app.store.release_ballast().await;
                }
                away = Some(refusal);
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(AWAY.1);
            }
            Step::Halt(why) => {
                app.ready.send_replace(false);
                tracing::error!(why, "the store's disk failed; stopping, because a sync must not be retried");
                app.halt.send_replace(Some(why));
                tenant.intake.close();
            }
        }
    }
}

/// Whether a store that answered, but was asked to write nothing, takes events again: a full disk has room once the
/// ballast fits.
async fn is_back(app: &App, why: &Refusal) -> bool {
    *why != Refusal::NoRoom || app.store.restore_ballast().await.unwrap_or(false)
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
        let now = app.env.now();
        if now.since(purged) >= MINUTE.times(10) {
            purged = now;
            if let Err(error) = app.store.purge_seen(tenant.tenant.id, oldest_key(now)).await {
                tracing::warn!(%error, "cannot purge expired keys; trying again in ten minutes");
            }
        }
    }
}
