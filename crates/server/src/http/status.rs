//! The state of the server on one page, for people and for machines.
//!
//! What would take long to count is sampled by [`Sampler`], which a task steps; asking is cheap at any size.

mod sample;

use std::sync::atomic::Ordering::Relaxed;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use mandate_api::Status;
use mandate_api::status::{AgentCounts, Answers, ChannelHealth, LastHour, Queue, StoreSize};
use mandate_core::metric::{ANSWERED_TARGET, AnswerTimes, PAUSE_P95_TARGET, WINDOW};
use mandate_core::time::Span;

pub use sample::{Sample, Sampler, Samples, sample};

use super::caller::Caller;
use super::docs::KeyProblems;
use super::problem::{Code, Refused};
use crate::app::{App, TenantHandle};
use crate::auth::Right;
use crate::settings::ChannelSettings;

/// The state of the server and of the key's tenant.
#[utoipa::path(
    get, path = "/v1/status", tag = "status",
    responses((status = 200, description = "the state", body = Status), KeyProblems)
)]
pub(super) async fn status(State(app): State<App>, caller: Caller) -> Result<Answer<Status>, Refused> {
    caller.may(Right::Read, "status")?;
    let tenant = &caller.tenant;
    let sample = app.http.samples.of(tenant.tenant.id);
    let (items, bytes) = tenant.intake.depth();
    let (known, paused) = (sample.agents_known, sample.agents_paused);
    Ok(Answer(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ready: app.is_ready(),
        tenant: tenant.tenant.name.clone(),
        position: tenant.live.position(),
        events: sample.events,
        agents: AgentCounts { known, active: known.saturating_sub(paused), paused },
        last_hour: LastHour { actions: sample.last_hour_actions, coverage: sample.coverage() },
        answers: answers(&sample.answers),
        queue: Queue { items: items as u64, bytes: bytes as u64 },
        store: StoreSize {
            bytes: sample.store_bytes,
            growth_per_day: sample.growth_per_day,
            free_bytes: sample.free_bytes,
            days_left: sample.days_left(),
        },
        channels: app.settings.channels.iter().map(|channel| health(&app, tenant, channel)).collect(),
    }))
}

fn answers(times: &AnswerTimes) -> Answers {
    let ms = |span: Option<Span>| span.map(|span| span.0);
    Answers {
        window_ms: WINDOW.0,
        told: times.told,
        answered: times.first.len() as u64,
        share: times.answered(),
        share_target: ANSWERED_TARGET,
        p50_ms: ms(times.percentile(0.5)),
        p95_ms: ms(times.percentile(0.95)),
        pauses: times.pause.len() as u64,
        pause_p50_ms: ms(times.pause_percentile(0.5)),
        pause_p95_ms: ms(times.pause_percentile(0.95)),
        pause_p95_target_ms: PAUSE_P95_TARGET.0,
    }
}

/// The same as gauges, over all tenants; what is open or was never measured has no value.
#[expect(clippy::cast_precision_loss, reason = "gauges are doubles")]
fn answer_gauges(app: &App) -> Vec<(&'static str, &'static str, f64)> {
    let mut all = AnswerTimes::default();
    for tenant in app.tenants.values() {
        let AnswerTimes { told, first, pause } = app.http.samples.of(tenant.tenant.id).answers;
        all.told += told.max(first.len() as u64);
        all.first.extend(first);
        all.pause.extend(pause);
    }
    let seconds = |span: Option<Span>| span.map(|span| span.0 as f64 / 1_000.0);
    let figures = [
        ("mandate_answered_share", "events of the last day with an answer, of those told of", all.answered()),
        ("mandate_tti_p50_seconds", "half of them were answered within", seconds(all.percentile(0.5))),
        ("mandate_tti_p95_seconds", "nineteen of twenty were answered within", seconds(all.percentile(0.95))),
        ("mandate_tti_pause_p50_seconds", "half of the pauses came within", seconds(all.pause_percentile(0.5))),
        ("mandate_tti_pause_p95_seconds", "nineteen of twenty pauses came within", seconds(all.pause_percentile(0.95))),
    ];
    figures.into_iter().filter_map(|(name, help, value)| Some((name, help, value?))).collect()
}

fn health(app: &App, tenant: &TenantHandle, channel: &ChannelSettings) -> ChannelHealth {
    let figures = app.metrics.channel(&channel.name);
    let error = figures.and_then(crate::metrics::Channel::error);
    let last_sent_at = figures.map(|figures| figures.last_sent_at.load(Relaxed)).filter(|at| *at > 0);
    let (sent, failed) = figures.map_or((0, 0), |figures| (figures.sent.get(), figures.failed.get()));
    let broken = lanes(tenant, &channel.name)
        .find_map(|lane| lane.broken)
        .or_else(|| error.as_ref().filter(|error| error.broken).map(|error| error.why.clone()));
    let state = match (&broken, &error) {
        (Some(_), _) => "broken",
        (None, Some(_)) => "failing",
        (None, None) if sent == 0 => "unused",
        (None, None) => "ok",
    };
    ChannelHealth {
        name: channel.name.clone(),
        kind: channel.kind.as_str().to_owned(),
        state: state.to_owned(),
        sent,
        failed,
        last_sent_at,
        last_error: broken.or(error.map(|error| error.why)),
    }
}

/// The lanes of one channel, as the dispatcher last told of them.
fn lanes(tenant: &TenantHandle, channel: &str) -> impl Iterator<Item = crate::dispatcher::outbox::LaneHealth> {
    let told = tenant.lanes.borrow().as_ref().map(|health| health.borrow().clone()).unwrap_or_default();
    let own = channel.to_owned();
    told.into_iter().filter(move |lane| is_lane_of(&own, &lane.lane))
}

/// Whether a lane, `channel` or `channel:address`, is one of this channel's.
fn is_lane_of(channel: &str, lane: &str) -> bool {
    lane.strip_prefix(channel).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Whether the process runs.
#[utoipa::path(
    get, path = "/healthz", tag = "status", security(()),
    responses((status = 200, description = "it runs", body = String))
)]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether events are accepted.
#[utoipa::path(
    get, path = "/readyz", tag = "status", security(()),
    responses((status = 200, description = "events are accepted", body = String),
        (status = 503, description = "they are not; try again", body = mandate_api::Problem,
            content_type = "application/problem+json"))
)]
pub(super) async fn readyz(State(app): State<App>) -> Result<&'static str, Refused> {
    if app.is_ready() {
        return Ok("ready\n");
    }
    let refused = Refused::new(Code::Unavailable, "events are not accepted now; the server's log says why");
    Err(refused.retry_after(mandate_core::time::SECOND.times(2)))
}

/// What the server counts and measures of itself, as Prometheus reads it.
///
/// Needs a key with scope `read` unless the server listens on loopback.
#[utoipa::path(
    get, path = "/metrics", tag = "status",
    responses((status = 200, description = "the figures", body = String, content_type = "text/plain"), KeyProblems)
)]
#[expect(clippy::cast_precision_loss, reason = "gauges are doubles")]
pub(super) async fn metrics(State(app): State<App>, caller: Result<Caller, Refused>) -> Result<Response, Refused> {
    readable(&app, caller, "metrics")?;
    let now = app.env.now();
    let (mut items, mut bytes, mut waiting, mut failing, mut oldest, mut store) = (0, 0, 0, 0, Span(0), 0);
    for tenant in app.tenants.values() {
        let depth = tenant.intake.depth();
        items += depth.0;
        bytes += depth.1;
        let lanes = tenant.lanes.borrow().as_ref().map(|health| health.borrow().clone()).unwrap_or_default();
        waiting += lanes.iter().map(|lane| lane.waiting + lane.under_way).sum::<usize>();
        failing += lanes.iter().filter(|lane| lane.failures > 0 || lane.broken.is_some()).count();
        let sample = app.http.samples.of(tenant.tenant.id);
        oldest = oldest.max(sample.oldest_queued.map_or(Span(0), |born| now.since(born)));
        store = store.max(sample.store_bytes);
    }
    let mut gauges = vec![
        ("mandate_ready", "1 while events are accepted", f64::from(u8::from(app.is_ready()))),
        ("mandate_queue_items", "events that wait for the writer", items as f64),
        ("mandate_queue_bytes", "their bytes", bytes as f64),
        ("mandate_outbox_waiting", "notices in this node's hands", waiting as f64),
        (
            "mandate_outbox_oldest_seconds",
            "the age of the oldest notification that is still to be sent, 0 without any",
            oldest.0 as f64 / 1_000.0,
        ),
        ("mandate_lanes_failing", "lanes whose last attempt failed, or whose channel is broken", failing as f64),
        ("mandate_store_bytes", "bytes of the store", store as f64),
        ("mandate_streams", "live streams that are open", app.http.open_streams(&app.settings) as f64),
    ];
    gauges.extend(answer_gauges(&app));
    let text = app.metrics.render(&gauges);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// What may be read without a key on loopback.
pub(super) fn readable(app: &App, caller: Result<Caller, Refused>, call: &str) -> Result<(), Refused> {
    if app.http.hosts.is_some() { Ok(()) } else { caller?.may(Right::Read, call) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_its_own_channels() {
        assert!(is_lane_of("ops", "ops"));
        assert!(is_lane_of("ops", "ops:#payments"));
        assert!(!is_lane_of("ops", "ops-hook"));
        assert!(!is_lane_of("ops", "ops-hook:#payments"));
        assert!(!is_lane_of("ops-hook", "ops"));
    }
}
