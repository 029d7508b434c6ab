//! Figures that take a query to know, sampled so that asking is cheap.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use mandate_core::event::Flag;
use mandate_core::id::TenantId;
use mandate_core::metric::{AnswerTimes, WINDOW};
use mandate_core::seal::SealedEvent;
use mandate_core::time::{DAY, HOUR, MINUTE, Millis, SECOND, Span};
use mandate_store::Error;

use crate::app::{App, TenantHandle};
use crate::tasks::Stop;

/// The figures are taken at most so often, while something happens.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// The figures are taken at least so often, for what changes by itself: the last hour, the disk.
const AT_LEAST_EVERY: Duration = Duration::from_secs(60);
/// How soon people answered is counted at most so often.
const ANSWERS_EVERY: Span = SECOND.times(10);
/// So far the clocks of a node and of its store may be apart.
const CLOCKS: Span = MINUTE.times(5);
/// How many events are read at a time.
const PAGE: u32 = 1_000;
/// How many events are read in one step: a flood is counted in the next ones.
const STEP: usize = 20_000;

/// The figures of one tenant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    /// The last place of the event chain.
    pub events: i64,
    /// Agents that are known.
    pub agents_known: u64,
    /// Agents that are paused.
    pub agents_paused: u64,
    /// Events of the last hour.
    pub last_hour_actions: u64,
    /// Those of them that the fallback stands in for.
    pub last_hour_unowned: u64,
    /// How soon people answered during the last day.
    pub answers: AnswerTimes,
    /// When the oldest notification that is still to be sent was born.
    pub oldest_queued: Option<Millis>,
    /// Bytes of the store.
    pub store_bytes: u64,
    /// Bytes it grew a day lately; none until it was watched for a minute.
    pub growth_per_day: Option<f64>,
    /// Bytes free on its disk, where that is known.
    pub free_bytes: Option<u64>,
}

impl Sample {
    /// The share of the last hour's actions whose every resource has an owner.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of an hour")]
    pub fn coverage(&self) -> Option<f64> {
        let actions = self.last_hour_actions;
        (actions > 0).then(|| (actions - self.last_hour_unowned.min(actions)) as f64 / actions as f64)
    }

    /// In how many days the disk is full at this rate.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "bytes of a disk")]
    pub fn days_left(&self) -> Option<f64> {
        let growth = self.growth_per_day.filter(|growth| *growth > 0.0)?;
        Some(self.free_bytes? as f64 / growth)
    }
}

/// The latest figures of every tenant.
#[derive(Debug, Default)]
pub struct Samples(RwLock<BTreeMap<TenantId, Sample>>);

impl Samples {
    /// A tenant's latest figures; zeroes before the first ones.
    #[must_use]
    pub fn of(&self, tenant: TenantId) -> Sample {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned().unwrap_or_default()
    }

    fn set(&self, tenant: TenantId, sample: Sample) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(tenant, sample);
    }
}

/// Takes the figures of one tenant again and again. Events from before the start are read once, later ones counted as they
/// are committed.
#[derive(Debug)]
pub struct Sampler {
    read_to: i64,
    /// Up to here events are read from the store: from before the start. Later ones the live feed counts.
    read_until: i64,
    /// By minute, of the events that were read: all, and those without owner.
    minutes: BTreeMap<i64, (u64, u64)>,
    /// When the store had how many bytes, a point a minute, a day of them at most.
    sizes: Vec<(Millis, u64)>,
    /// How soon people answered, and when that was counted.
    answers: Option<(Millis, AnswerTimes)>,
}

impl Sampler {
    /// Begins with the events after a place of the chain, up to another.
    #[must_use]
    pub fn new(read_to: i64, read_until: i64) -> Self {
        Self { read_to, read_until, minutes: BTreeMap::new(), sizes: Vec::new(), answers: None }
    }

    /// Whether there is more to count: until there is not, the last hour's figures are too low.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.read_to < self.read_until
    }

    /// Takes the figures as they are now.
    ///
    /// # Errors
    /// What the store said.
    pub async fn step(&mut self, app: &App, tenant: &TenantHandle) -> Result<Sample, Error> {
        let (id, now) = (tenant.tenant.id, app.env.now());
        self.count_events(app, id).await?;
        let (mut agents_known, mut agents_paused, mut after) = (0, 0, None);
        loop {
            let rows = app.store.agents(id, after.as_deref(), PAGE).await?;
            agents_known += rows.len() as u64;
            agents_paused += rows.iter().filter(|row| row.paused).count() as u64;
            let Some(last) = rows.last() else { break };
            after = Some(last.id.clone());
        }
        let oldest_queued = app.store.oldest_queued(id).await?;
        let size = app.store.size(id).await?;
        self.saw_size(now, size.bytes);
        let hour_ago = now.minus(HOUR).0 / MINUTE.0;
        self.minutes = self.minutes.split_off(&hour_ago);
        let live = tenant.live.tally_since(now.minus(HOUR));
        let counts = self.minutes.values().fold(live, |sum, minute| (sum.0 + minute.0, sum.1 + minute.1));
        Ok(Sample {
            events: size.events,
            agents_known,
            agents_paused,
            last_hour_actions: counts.0,
            last_hour_unowned: counts.1,
            answers: self.count_answers(app, id, now).await?,
            oldest_queued,
            store_bytes: size.bytes,
            growth_per_day: self.growth(),
            free_bytes: app.env.disk_free(),
        })
    }

    /// Counted less often than the rest: it looks at a whole day.
    async fn count_answers(&mut self, app: &App, tenant: TenantId, now: Millis) -> Result<AnswerTimes, Error> {
        if let Some((at, answers)) = &self.answers
            && now.since(*at) < ANSWERS_EVERY
        {
            return Ok(answers.clone());
        }
        let answers = app.store.answer_times(tenant, now.minus(WINDOW)).await?;
        self.answers = Some((now, answers.clone()));
        Ok(answers)
    }

    async fn count_events(&mut self, app: &App, tenant: TenantId) -> Result<(), Error> {
        let mut read = 0;
        while read < STEP && self.is_behind() {
            let rows = app.store.events_from(tenant, self.read_to + 1, PAGE).await?;
            self.read_to = rows.last().map_or(self.read_until, |last| last.row.seq);
            read += rows.len();
            for stored in rows.iter().filter(|stored| stored.row.seq <= self.read_until) {
                let Ok(event) = serde_json::from_slice::<SealedEvent>(&stored.row.sealed) else { continue };
                let minute = self.minutes.entry(event.received_at.0 / MINUTE.0).or_default();
                minute.0 += 1;
                minute.1 += u64::from(event.flags.contains(Flag::Unowned) || event.flags.contains(Flag::NoResource));
            }
        }
        Ok(())
    }

    fn saw_size(&mut self, now: Millis, bytes: u64) {
        if self.sizes.last().is_none_or(|(at, _)| now.since(*at) >= MINUTE) {
            self.sizes.push((now, bytes));
            self.sizes.retain(|(at, _)| now.since(*at) <= DAY);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "bytes and milliseconds, for an estimate")]
    fn growth(&self) -> Option<f64> {
        let ((from, before), (to, after)) = (self.sizes.first()?, self.sizes.last()?);
        let span = to.since(*from);
        if span < MINUTE {
            return None;
        }
        Some((*after as f64 - *before as f64) * DAY.0 as f64 / span.0 as f64)
    }
}

/// Keeps a tenant's figures fresh until the server stops.
pub async fn sample(app: App, tenant: std::sync::Arc<TenantHandle>, mut stop: Stop) {
    // Older events than these are no part of the last hour's figures.
    let since = app.env.now().minus(HOUR).minus(CLOCKS);
    let begin = app.store.last_event_before(tenant.tenant.id, since).await;
    if let Err(error) = &begin {
        tracing::debug!(%error, "the status figures begin with the first event");
    }
    let mut sampler = Sampler::new(begin.ok().flatten().unwrap_or(0), tenant.live.tallied_after());
    let mut position = tenant.live.watch();
    loop {
        position.mark_unchanged();
        let behind = match sampler.step(&app, &tenant).await {
            Ok(sample) => {
                app.http.samples.set(tenant.tenant.id, sample);
                sampler.is_behind()
            }
            Err(error) => {
                tracing::debug!(%error, "the status figures could not be taken");
                false
            }
        };
        let due = async {
            if behind {
                return;
            }
            tokio::time::sleep(AT_MOST_EVERY).await;
            let _ = tokio::time::timeout(AT_LEAST_EVERY, position.changed()).await;
        };
        tokio::select! {
            biased;
            () = stop.wait() => return,
            () = due => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_watched_and_days_are_told() {
        let mut sampler = Sampler::new(0, 0);
        sampler.saw_size(Millis(0), 1_000);
        assert_eq!(sampler.growth(), None);
        sampler.saw_size(Millis(30_000), 5_000);
        assert_eq!(sampler.growth(), None, "half a minute says nothing");
        sampler.saw_size(Millis(HOUR.0), 2_000);
        assert_eq!(sampler.growth(), Some(24_000.0));
        let sample = Sample { growth_per_day: Some(24_000.0), free_bytes: Some(48_000), ..Sample::default() };
        assert_eq!(sample.days_left(), Some(2.0));
        assert_eq!(Sample { growth_per_day: Some(-1.0), ..sample }.days_left(), None);
    }

    #[test]
    fn coverage_is_of_actions() {
        let sample = Sample { last_hour_actions: 4, last_hour_unowned: 1, ..Sample::default() };
        assert_eq!(sample.coverage(), Some(0.75));
        assert_eq!(Sample::default().coverage(), None);
    }
}
