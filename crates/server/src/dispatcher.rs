//! Sends what the outbox holds. No choices are left here: whom, where and when was planned; what came of an
//! attempt goes back to the writer as an input.
//!
//! On the happy path a notification goes out straight from memory: it was born claimed by this node. What did
//! not fit, failed, or belonged to a node that died is claimed from the store once it is due.

mod offer;
pub mod outbox;
pub(crate) mod render;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use mandate_core::change::{EventRow, NotificationRow};
use mandate_core::delivery::{Answer, Attempt, LEASE};
use mandate_core::plan::Why;
use mandate_core::time::{Millis, SECOND, Span};
use mandate_store::{Store, Together};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::app::TenantHandle;
use crate::channel::{Channel, Channels, Telling};
use crate::env::Env;
use crate::input::{Delivery, Input};
use crate::live::Committed;
use crate::tasks::Stop;

use offer::Happened;
use outbox::{LaneHealth, Outbox, Parcel, Turn};

/// How many attempts may be under way in all lanes.
const UNDER_WAY: usize = 512;
/// How many commits may wait for the dispatcher; what does not fit is claimed from the store later.
const HANDED_OVER: usize = 1_024;
/// How many lanes, and how many of each, one claim takes.
const CLAIMED: (u32, u32) = (64, 32);

/// What a commit hands to the dispatcher: the notifications born with it and the events they speak of, held since the
/// commit began, because its leases run from then on or later.
#[must_use]
pub fn parcels(committed: &Committed, to_send: Vec<Arc<NotificationRow>>, began_at: Millis) -> Vec<Parcel> {
    let parcel = |row: Arc<NotificationRow>| {
        let event = row.event_seq.and_then(|seq| find_event(committed, seq));
        Parcel { row, event, held_until: began_at.plus(LEASE) }
    };
    to_send.into_iter().map(parcel).collect()
}

/// The writer's end: hands commits over without waiting.
#[derive(Debug, Clone)]
pub struct ToDispatcher(mpsc::Sender<Vec<Parcel>>);

impl ToDispatcher {
    /// Hands over what a commit gave birth to. When the dispatcher is far behind, the store keeps it.
    pub fn hand_over(&self, parcels: Vec<Parcel>) {
        if !parcels.is_empty() && self.0.try_send(parcels).is_err() {
            tracing::warn!("the dispatcher is far behind; notifications wait in the store");
        }
    }

    /// Has it look into the store at once: a message says something else now.
    pub fn look(&self) {
        // When it is far behind it looks by itself, within a second.
        let _ = self.0.try_send(Vec::new());
    }
}

/// Sends one tenant's notifications.
pub struct Dispatcher {
    env: Env,
    store: Store,
    tenant: Arc<TenantHandle>,
    channels: Arc<Channels>,
    public_url: Arc<str>,
    outbox: Outbox,
    from_writer: mpsc::Receiver<Vec<Parcel>>,
    health: watch::Sender<Vec<LaneHealth>>,
    under_way: FuturesUnordered<BoxFuture<'static, Sent>>,
    results: Vec<Delivery>,
    /// When the store is asked again for what is due, by the steady clock.
    next_claim: Millis,
}

/// One finished attempt.
struct Sent {
    row: Arc<NotificationRow>,
    attempt: Attempt,
    /// The place of the last event that it told of beside its own.
    through: Option<i64>,
}

impl Dispatcher {
    /// A dispatcher and the writer's end of it.
    #[must_use]
    pub fn new(
        env: Env,
        store: Store,
        tenant: Arc<TenantHandle>,
        channels: Arc<Channels>,
        public_url: Arc<str>,
    ) -> (Self, ToDispatcher, watch::Receiver<Vec<LaneHealth>>) {
        let (to_dispatcher, from_writer) = mpsc::channel(HANDED_OVER);
        let (health, watched) = watch::channel(Vec::new());
        let outbox = Outbox::with_narrow(channels.narrow());
        let dispatcher = Self {
            env,
            store,
            tenant,
            channels,
            public_url,
            outbox,
            from_writer,
            health,
            under_way: FuturesUnordered::new(),
            results: Vec::new(),
            next_claim: Millis(0),
        };
        (dispatcher, ToDispatcher(to_dispatcher), watched)
    }

    /// Runs until told to stop, then waits for what is under way and reports it.
    pub async fn run(mut self, mut stop: Stop) {
        while !stop.requested() {
            // Here and not in a branch below, since on a busy node the others are always ready first.
            self.claim().await;
            self.start_due();
            self.report();
            let wake = self.wakes_in();
            tokio::select! {
                biased;
                () = stop.wait() => break,
                Some(sent) = self.under_way.next(), if !self.under_way.is_empty() => self.take_ready(sent).await,
                parcels = self.from_writer.recv() => match parcels {
                    Some(parcels) => self.take_over(parcels),
                    None => break,
                },
                () = tokio::time::sleep(wake) => {}
            }
        }
        while let Some(sent) = self.under_way.next().await {
            self.answered(sent);
        }
        self.report();
    }

    fn take_over(&mut self, parcels: Vec<Parcel>) {
        let mut next = Some(parcels);
        while let Some(parcels) = next {
            if parcels.is_empty() {
                self.next_claim = self.env.steady();
            }
            for parcel in parcels {
                self.outbox.offer(parcel);
            }
            next = self.from_writer.try_recv().ok();
        }
    }

    /// Takes what is ready at once together, so that a busy moment is one input to the writer, not hundreds.
    async fn take_ready(&mut self, first: Sent) {
        self.answered(first);
        while let Some(Some(sent)) = futures_util::FutureExt::now_or_never(self.under_way.next()) {
            self.answered(sent);
        }
    }

    fn start_due(&mut self) {
        let (now, at) = (self.env.steady(), self.env.now());
        while self.under_way.len() < UNDER_WAY {
            match self.outbox.next(now) {
                Some(Turn::Send(parcel)) => {
                    let channel = self.channels.get(&parcel.row.channel);
                    if let Some(Err(wait)) = channel.map(|channel| channel.take_leave(&parcel.row, now)) {
                        self.outbox.hold(parcel, now.plus(wait));
                        continue;
                    }
                    let attempt = self.attempt(parcel, at);
                    self.under_way.push(attempt);
                }
                Some(Turn::Skip(parcel, why)) => {
                    let attempt =
                        Attempt { at, took_ms: 0, edition: parcel.row.edition, answer: Answer::Broken { why } };
                    self.answered(Sent { row: parcel.row, attempt, through: None });
                }
                None => break,
            }
        }
    }

    fn attempt(&self, parcel: Parcel, at: Millis) -> BoxFuture<'static, Sent> {
        let (store, tenant, channels) = (self.store.clone(), Arc::clone(&self.tenant), Arc::clone(&self.channels));
        let public_url = Arc::clone(&self.public_url);
        Box::pin(async move {
            let began = Instant::now();
            let (answer, through) = send(&store, &tenant, &channels, &public_url, &parcel, at).await;
            let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
            let edition = parcel.row.edition;
            Sent { row: parcel.row, attempt: Attempt { at, took_ms, edition, answer }, through }
        })
    }

    fn answered(&mut self, sent: Sent) {
        let Sent { row, attempt, through } = sent;
        let now = self.env.steady();
        self.outbox.answered(&row.lane, &attempt.answer, now);
        if let Some(channel) = self.channels.get(&row.channel) {
            channel.answered(&row, &attempt.answer, now);
        }
        if let Answer::Retry { .. } = attempt.answer {
            // Its new due time is the writer's to choose; looking a second later finds it.
            self.next_claim = self.next_claim.min(now.plus(SECOND));
        }
        if let Answer::Broken { why } = &attempt.answer
            && attempt.took_ms > 0
        {
            tracing::error!(channel = %row.channel, why, "a channel is broken; its notices go to the alternate");
        }
        self.results.push(Delivery { row: Arc::unwrap_or_clone(row), attempt, through });
    }

    fn report(&mut self) {
        if !self.results.is_empty() {
            let results = std::mem::take(&mut self.results);
            // Refused only while stopping, after which the lease runs out and the notice is sent again.
            let _ = self.tenant.intake.push_control(Input::Deliveries(results));
        }
        self.health.send_if_modified(|health| {
            let now = self.outbox.health();
            let changed = *health != now;
            *health = now;
            changed
        });
    }

    fn wakes_in(&self) -> Duration {
        let now = self.env.steady();
        let lane = self.outbox.wakes_at().filter(|at| *at > now);
        let at = lane.map_or(self.next_claim, |lane| lane.min(self.next_claim));
        at.since(now).max(Span(1)).to_std()
    }

    /// Takes what is due and held by nobody: retries, what did not fit, what a node left that died.
    async fn claim(&mut self) {
        let now = self.env.steady();
        if now < self.next_claim {
            return;
        }
        self.next_claim = now.plus(SECOND);
        let full = self.outbox.lanes_without_room(now);
        match self.store.claim_due(self.tenant.tenant.id, LEASE, CLAIMED.0, CLAIMED.1, &full).await {
            Ok(rows) => {
                if !rows.is_empty() {
                    self.next_claim = now.plus(Span(100));
                }
                for row in rows {
                    self.outbox.offer(Parcel { row: Arc::new(row), event: None, held_until: now.plus(LEASE) });
                }
            }
            Err(error) => tracing::warn!(%error, "cannot look for due notifications; trying again in a second"),
        }
    }
}

fn find_event(committed: &Committed, seq: i64) -> Option<Arc<EventRow>> {
    let first = committed.events.first()?.seq;
    let event = committed.events.get(usize::try_from(seq - first).ok()?)?;
    (event.seq == seq).then(|| Arc::clone(event))
}

async fn send(
    store: &Store,
    tenant: &TenantHandle,
    channels: &Channels,
    public_url: &str,
    parcel: &Parcel,
    at: Millis,
) -> (Answer, Option<i64>) {
    let row = &parcel.row;
    let refused = |why| (Answer::Refused { why }, None);
    let away = |error: mandate_store::Error| (Answer::Retry { after: None, why: error.to_string() }, None);
    let Some(channel) = channels.get(&row.channel) else {
        return refused(format!("no channel `{}` is configured", row.channel));
    };
    let event = match (&parcel.event, row.event_seq) {
        (Some(event), _) => Some(Arc::clone(event)),
        (None, None) => None,
        (None, Some(seq)) => match store.event_by_seq(tenant.tenant.id, seq).await {
            Ok(event) => event.map(|event| Arc::new(event.row)),
            Err(error) => return away(error),
        },
    };
    let since = match since(store, tenant, channel, parcel, event.as_deref()).await {
        Ok(since) => since,
        Err(error) => return away(error),
    };
    let snapshot = tenant.snapshot.borrow().clone();
    let notice = match render::notice(&snapshot, event.as_deref(), &since, row, public_url) {
        Ok(notice) => notice,
        Err(why) => return refused(why),
    };
    let available = offer::available(&since, event.as_deref().and_then(EventRow::agent), event.is_some());
    let answer = channel.send(&Telling { row, notice: &notice, available: &available }, at).await;
    (answer, (since.together.count > 0).then_some(since.together.through))
}

/// Reads what came of an event since it happened, as far as it can show: a first message straight after the commit has
/// nothing to show.
async fn since(
    store: &Store,
    tenant: &TenantHandle,
    channel: &Channel,
    parcel: &Parcel,
    event: Option<&EventRow>,
) -> Result<Happened, mandate_store::Error> {
    let (tenant, row) = (tenant.tenant.id, &parcel.row);
    // A damaged reason is told of when the notice is put together.
    let follows = render::reasons(row).ok().and_then(|why| why.iter().find_map(Why::response));
    let asked = match follows {
        Some(response) => store.response(tenant, response).await?,
        None => None,
    };
    let responses = match row.event_seq {
        _ if row.edition == 0 => Vec::new(),
        Some(seq) => store.responses_of(tenant, seq).await?,
        None => store.responses_to(tenant, row.id).await?,
    };
    let agent = event.and_then(EventRow::agent).filter(|_| channel.has_buttons());
    let agent_paused = match agent {
        Some(agent) => store.agent(tenant, agent).await?.is_some_and(|agent| agent.paused),
        None => false,
    };
    // What is handed over with its own event was born in the same commit: nothing was merged into it yet.
    let together = match &parcel.event {
        Some(_) if row.edition == 0 => Together::default(),
        _ => store.together(tenant, row.id, row.event_seq.is_none()).await?,
    };
    Ok(Happened { asked, responses, agent_paused, together })
}
