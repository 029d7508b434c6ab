//! Which notification is sent next: lanes served in turn, each with its own width and back-off.
//!
//! Synchronous and steppable. A dead sink or a chatty agent fills only its own lane; what a lane cannot hold
//! stays in the store, and is claimed again once its lease ran out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mandate_core::change::{EventRow, NotificationRow};
use mandate_core::delivery::{Answer, LEASE, TIMEOUT};
use mandate_core::time::{MINUTE, Millis, SECOND, Span};

/// How many of one lane are under way at once, when all is well; of a narrow channel one.
const WIDTH: usize = 32;
/// How many wait in one lane's memory.
const WAITING: usize = 2_000;
/// As many as one claim may bring to a lane.
const REFILL: usize = 32;
/// How many wait in all lanes' memory together.
const WAITING_IN_ALL: usize = 20_000;
/// After this many failures in a row a lane narrows to one attempt at a time, until one arrives.
const NARROWS_AFTER: u32 = 4;
/// How long a broken channel is left alone before one notice tries it again.
const BROKEN_FOR: Span = MINUTE.times(5);

/// A notification with the event it speaks of, when it is at hand.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// The notification; this node holds its lease.
    pub row: Arc<NotificationRow>,
    /// Its event, when it was just committed.
    pub event: Option<Arc<EventRow>>,
    /// Until when this node holds it, by the node's steady clock: the store's may show another time.
    pub held_until: Millis,
}

/// What to do with a parcel.
#[derive(Debug)]
pub enum Turn {
    /// Send it now.
    Send(Parcel),
    /// Do not even try: its channel is broken, and this is why.
    Skip(Parcel, String),
}

#[derive(Debug)]
struct Lane {
    /// How many may be under way, when all is well.
    widest: usize,
    waiting: VecDeque<Parcel>,
    under_way: usize,
    failures: u32,
    /// Nothing is sent before this.
    not_before: Millis,
    /// Why the channel is broken, until `not_before`.
    broken: Option<String>,
}

impl Lane {
    fn new(widest: usize) -> Self {
        let waiting = VecDeque::new();
        Self { widest, waiting, under_way: 0, failures: 0, not_before: Millis(0), broken: None }
    }

    fn width(&self) -> usize {
        if self.failures >= NARROWS_AFTER { 1 } else { self.widest }
    }

    fn has_turn(&self, now: Millis) -> bool {
        let resting = self.not_before > now;
        let may = if resting { self.broken.is_some() } else { self.under_way < self.width() };
        may && !self.waiting.is_empty()
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.under_way == 0 && self.failures == 0 && self.broken.is_none()
    }
}

/// How one lane does, for `/v1/status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneHealth {
    /// The lane.
    pub lane: Arc<str>,
    /// Waiting in memory.
    pub waiting: usize,
    /// Under way.
    pub under_way: usize,
    /// Failures in a row.
    pub failures: u32,
    /// Why the channel is broken.
    pub broken: Option<String>,
}

/// Every lane of one tenant.
#[derive(Debug)]
pub struct Outbox {
    lanes: BTreeMap<Arc<str>, Lane>,
    /// The channels that take one message after the other in each lane.
    narrow: Vec<Arc<str>>,
    /// The lane served last.
    last: Arc<str>,
    waiting: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { lanes: BTreeMap::new(), narrow: Vec::new(), last: "".into(), waiting: 0 }
    }
}

impl Outbox {
    /// No lane yet; those of the channels `narrow` will take one message after the other.
    #[must_use]
    pub fn with_narrow(narrow: Vec<Arc<str>>) -> Self {
        Self { narrow, ..Self::default() }
    }

    /// Takes in a parcel that this node holds. Gives it up when there is no room: the store has it.
    pub fn offer(&mut self, parcel: Parcel) -> bool {
        let widest = if self.narrow.contains(&parcel.row.channel) { 1 } else { WIDTH };
        let lane = self.lanes.entry(Arc::clone(&parcel.row.lane)).or_insert_with(|| Lane::new(widest));
        if lane.waiting.len() >= WAITING || self.waiting >= WAITING_IN_ALL {
            return false;
        }
        lane.waiting.push_back(parcel);
        self.waiting += 1;
        true
    }

    /// The lanes of which nothing more is wanted from the store for now: they are full, or rest for long, and what they
    /// were given would only be leased and dropped.
    #[must_use]
    pub fn lanes_without_room(&self, now: Millis) -> Vec<Arc<str>> {
        let rests = |lane: &Lane| lane.broken.is_none() && lane.not_before > now.plus(LEASE).minus(TIMEOUT);
        let is_full = |lane: &Lane| lane.waiting.len() + REFILL > WAITING;
        let lanes = self.lanes.iter().filter(|(_, lane)| rests(lane) || is_full(lane));
        lanes.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// The next parcel, from the lane whose turn it is.
    ///
    /// What this node may no longer hold is dropped: a lease must outlast the attempt.
    pub fn next(&mut self, now: Millis) -> Option<Turn> {
        loop {
            let name = self.next_lane(now)?;
            let lane = self.lanes.get_mut(&name)?;
            let parcel = lane.waiting.pop_front()?;
            self.waiting -= 1;
            if parcel.held_until < now.plus(TIMEOUT) {
                continue;
            }
            lane.under_way += 1;
            let skip = lane.broken.clone().filter(|_| lane.not_before > now);
            self.last = name;
            return Some(match skip {
                Some(why) => Turn::Skip(parcel, why),
                None => Turn::Send(parcel),
            });
        }
    }

    /// Takes a parcel back that was to be sent and may not be yet: it stays the first of its lane, which rests `until`
    /// then.
    pub fn hold(&mut self, parcel: Parcel, until: Millis) {
        let Some(lane) = self.lanes.get_mut(&parcel.row.lane) else { return };
        lane.under_way = lane.under_way.saturating_sub(1);
        lane.not_before = lane.not_before.max(until);
        lane.waiting.push_front(parcel);
        self.waiting += 1;
    }

    /// The lane whose turn it is: the one after the last served, in the order of names, round and round.
    fn next_lane(&self, now: Millis) -> Option<Arc<str>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let ready = |(name, lane): (&Arc<str>, &Lane)| lane.has_turn(now).then(|| Arc::clone(name));
        let after = (Excluded(&*self.last), Unbounded);
        self.lanes.range::<str, _>(after).find_map(ready).or_else(|| self.lanes.iter().find_map(ready))
    }

    /// Takes in what became of an attempt.
    pub fn answered(&mut self, lane: &Arc<str>, answer: &Answer, now: Millis) {
        let Some(state) = self.lanes.get_mut(lane) else { return };
        state.under_way = state.under_way.saturating_sub(1);
        match answer {
            Answer::Sent { .. } | Answer::Refused { .. } => {
                (state.failures, state.broken) = (0, None);
            }
            Answer::Retry { after, .. } => {
                state.failures = state.failures.saturating_add(1);
                let wait = match after {
                    // A narrow channel keeps in mind itself what was asked, and of which of its calls.
                    Some(_) if state.widest == 1 => Span(0),
                    Some(asked) => *asked,
                    None if state.failures >= NARROWS_AFTER => SECOND,
                    None => Span(0),
                };
                state.not_before = state.not_before.max(now.plus(wait));
            }
            Answer::Broken { why } if state.not_before <= now => {
                state.broken = Some(why.clone());
                state.not_before = now.plus(BROKEN_FOR);
            }
            Answer::Broken { .. } => {}
        }
        if state.is_idle() {
            self.lanes.remove(lane);
        }
    }

    /// When something may be sent that may not be sent now; none when nothing waits for time alone.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Millis> {
        self.lanes.values().filter(|lane| !lane.waiting.is_empty()).map(|lane| lane.not_before).min()
    }

    /// How many are under way in all lanes.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.lanes.values().map(|lane| lane.under_way).sum()
    }

    /// How each lane does.
    #[must_use]
    pub fn health(&self) -> Vec<LaneHealth> {
        self.lanes
            .iter()
            .map(|(name, lane)| LaneHealth {
                lane: Arc::clone(name),
                waiting: lane.waiting.len(),
                under_way: lane.under_way,
                failures: lane.failures,
                broken: lane.broken.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_core::change::NotificationState;
    use mandate_core::event::Level;
    use mandate_core::id::NotificationId;

    fn parcel(lane: &str, n: u128) -> Parcel {
        let row = NotificationRow {
            id: NotificationId(uuid::Uuid::from_u128(n)),
            event_seq: None,
            recipient: "fallback".into(),
            channel: lane.into(),
            lane: lane.into(),
            urgency: Level::Medium,
            impact: None,
            reason: Vec::new(),
            created_at: Millis(0),
            state: NotificationState::Queued,
            due_at: Millis(0),
            lease_until: Millis(15_000),
            attempts: 0,
            log: Vec::new(),
            delivered_at: None,
            receipt: None,
            edition: 0,
            settled: 0,
            told_in: None,
        };
        Parcel { row: Arc::new(row), event: None, held_until: Millis(15_000) }
    }

    fn sent(outbox: &mut Outbox, now: i64) -> Vec<String> {
        std::iter::from_fn(|| outbox.next(Millis(now)))
            .map(|turn| match turn {
                Turn::Send(parcel) => parcel.row.lane.to_string(),
                Turn::Skip(parcel, _) => format!("skip {}", parcel.row.lane),
            })
            .collect()
    }

    #[test]
    fn lanes_take_turns() {
        let mut outbox = Outbox::default();
        for n in 0..3 {
            outbox.offer(parcel("busy", n));
        }
        outbox.offer(parcel("quiet", 9));
        assert_eq!(sent(&mut outbox, 0), ["busy", "quiet", "busy", "busy"]);
        assert_eq!(outbox.under_way(), 4);
    }

    #[test]
    fn a_narrow_lane_takes_one_after_the_other_and_waits_when_told() {
        let mut outbox = Outbox::with_narrow(vec!["slack".into()]);
        outbox.offer(parcel("slack", 1));
        outbox.offer(parcel("slack", 2));
        outbox.offer(parcel("hook", 3));
        let Some(Turn::Send(first)) = outbox.next(Millis(0)) else { panic!("a turn") };
        assert_eq!(&*first.row.lane, "hook");
        let Some(Turn::Send(first)) = outbox.next(Millis(0)) else { panic!("a turn") };
        assert!(outbox.next(Millis(0)).is_none(), "one at a time");
        let id = first.row.id;
        outbox.hold(first, Millis(700));
        assert!(outbox.next(Millis(699)).is_none());
        assert_eq!(outbox.wakes_at(), Some(Millis(700)));
        let Some(Turn::Send(again)) = outbox.next(Millis(700)) else { panic!("a turn") };
        assert_eq!(again.row.id, id, "in their order");
    }

    #[test]
    fn a_dead_sink_narrows_its_own_lane_only() {
        let mut outbox = Outbox::default();
        let (dead, fine): (Arc<str>, Arc<str>) = ("dead".into(), "fine".into());
        for n in 0..50 {
            outbox.offer(parcel("dead", n));
            outbox.offer(parcel("fine", 100 + n));
        }
        assert_eq!(sent(&mut outbox, 0).len(), 2 * WIDTH);
        let retry = Answer::Retry { after: None, why: "timed out".into() };
        for _ in 0..WIDTH {
            outbox.answered(&dead, &retry, Millis(0));
            outbox.answered(&fine, &Answer::Sent { status: 204, receipt: None }, Millis(0));
        }
        assert_eq!(sent(&mut outbox, 0), vec!["fine"; 18], "the dead lane waits a second");
        assert_eq!(sent(&mut outbox, 1_000), ["dead"], "then one at a time");
        outbox.answered(&dead, &Answer::Sent { status: 200, receipt: None }, Millis(1_000));
        assert_eq!(sent(&mut outbox, 1_000).len(), 17, "and all again once one arrived");
    }

    #[test]
    fn a_broken_channel_is_skipped_until_it_is_tried_again() {
        let mut outbox = Outbox::default();
        let lane: Arc<str> = "gone".into();
        outbox.offer(parcel("gone", 1));
        outbox.offer(parcel("gone", 2));
        assert_eq!(sent(&mut outbox, 0), ["gone", "gone"]);
        outbox.answered(&lane, &Answer::Broken { why: "410".into() }, Millis(0));
        outbox.answered(&lane, &Answer::Broken { why: "410".into() }, Millis(0));
        outbox.offer(parcel("gone", 3));
        assert_eq!(sent(&mut outbox, 1), ["skip gone"]);
        let later = BROKEN_FOR.0 + 1;
        let mut again = parcel("gone", 4);
        again.held_until = Millis(later + 15_000);
        outbox.offer(again);
        assert_eq!(sent(&mut outbox, later), ["gone"]);
    }

    #[test]
    fn what_may_no_longer_be_held_is_dropped() {
        let mut outbox = Outbox::default();
        outbox.offer(parcel("a", 1));
        assert_eq!(sent(&mut outbox, 10_001), [""; 0], "four seconds of lease do not cover five of timeout");
        assert!((0..WAITING).all(|n| outbox.offer(parcel("a", n as u128))));
        assert!(!outbox.offer(parcel("a", 1)), "memory is bounded, the store has the rest");
    }
}
