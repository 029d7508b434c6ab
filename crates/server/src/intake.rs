//! The queue in front of the writer: bounded in items and bytes, fair between agents (EVT-5).
//!
//! Each agent has a sub-queue and the writer takes from them in turn, so that a flood from one waits behind
//! itself. What people and the server itself ask has a lane of its own, is taken first, and is never refused
//! for load. Synchronous and steppable; [`Intake`] is its thin async wrapper.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use mandate_core::plan::Why;

use crate::input::{AgentInput, Input};

/// How long results of deliveries wait for company when nobody waits for anything: a commit of their own for each
/// would cost as much as the event's, and after a crash they are at most sent a second time.
const RESULTS_WAIT: Duration = Duration::from_millis(5);

/// Whoever was refused is told of to admins once, until nothing of it was refused for so long.
const QUIET_AGAIN: Duration = Duration::from_secs(600);
/// No more refused agents than this are told of one by one.
const REFUSED: usize = 50;

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Items over all agents.
    pub items: usize,
    /// Bytes over all agents.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { items: 10_000, bytes: 64 * 1024 * 1024 }
    }
}

/// Why nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// This agent holds more than its share of a queue that is filling up: 429, others go on.
    Agent,
    /// Everything is full: 503.
    All,
    /// The server is stopping: 503.
    Stopping,
}

/// No more of what people and the server ask is taken into one batch.
const CONTROL: usize = 1_000;

/// What one agent has waiting.
#[derive(Debug, Default)]
struct SubQueue {
    waiting: VecDeque<AgentInput>,
    items: usize,
    bytes: usize,
}

/// The queue itself, without waiting.
#[derive(Debug, Default)]
struct Queues {
    /// Pauses, resumes, and what people answer.
    urgent: VecDeque<Input>,
    /// What else people and the server ask.
    control: VecDeque<Input>,
    /// How many of them are results of deliveries.
    results: usize,
    /// Whether the last batch was an urgent one.
    was_urgent: bool,
    agents: BTreeMap<String, SubQueue>,
    /// The agent served last; the next batch begins after it.
    last: String,
    /// When an agent was last refused for its share, and under no name when everybody was.
    refused: BTreeMap<Option<String>, Instant>,
    items: usize,
    bytes: usize,
    closed: bool,
}

impl Queues {
    fn push(&mut self, bounds: Bounds, agent: &str, input: AgentInput) -> Result<(), Full> {
        if self.closed {
            return Err(Full::Stopping);
        }
        let (items, bytes) = (input.weight(), input.bytes());
        let own = self.agents.get(agent);
        let (own_items, own_bytes) = own.map_or((0, 0), |queue| (queue.items, queue.bytes));
        // A share is an equal part among those who wait and one who may still come; it binds once half is taken.
        let shares = self.agents.len() + usize::from(own.is_none()) + 1;
        let is_over = |all: usize, own: usize, more: usize, bound: usize| {
            all + more > bound / 2 && own > 0 && own + more > bound / shares
        };
        if is_over(self.items, own_items, items, bounds.items) || is_over(self.bytes, own_bytes, bytes, bounds.bytes) {
            return Err(Full::Agent);
        }
        if self.items + items > bounds.items || self.bytes + bytes > bounds.bytes {
            return Err(Full::All);
        }
        self.items += items;
        self.bytes += bytes;
        let queue = match self.agents.get_mut(agent) {
            Some(queue) => queue,
            None => self.agents.entry(agent.to_owned()).or_default(),
        };
        queue.items += items;
        queue.bytes += bytes;
        queue.waiting.push_back(input);
        Ok(())
    }

    /// Has admins told of a refusal, when it is the first for a while (EVT-5).
    fn tell_refused(&mut self, full: Full, agent: &str, now: Instant) {
        let (key, trouble) = match full {
            Full::Agent => (Some(agent.to_owned()), Why::AgentOverShare { agent: agent.to_owned() }),
            Full::All => (None, Why::QueueFull),
            Full::Stopping => return,
        };
        let is_quiet = |last: &Instant| now.duration_since(*last) >= QUIET_AGAIN;
        if self.refused.len() >= REFUSED {
            self.refused.retain(|_, last| !is_quiet(last));
            if self.refused.len() >= REFUSED && !self.refused.contains_key(&key) {
                return;
            }
        }
        if self.refused.insert(key, now).is_none_or(|last| is_quiet(&last)) {
            self.push_control(Input::Alert(trouble));
        }
    }

    fn push_control(&mut self, input: Input) {
        if let Input::AgentState(_) | Input::Respond(_) = input {
            return self.urgent.push_back(input);
        }
        self.results += usize::from(matches!(input, Input::Deliveries(_)));
        self.control.push_back(input);
    }

    /// Whether something is queued, and nobody waits for any of it.
    fn holds_only_results(&self) -> bool {
        let only = self.agents.is_empty() && self.urgent.is_empty();
        only && self.results > 0 && self.control.len() == self.results
    }

    fn take(&mut self, items: usize, bytes: usize) -> Vec<Input> {
        let urgent = self.urgent.len().min(CONTROL);
        let mut batch: Vec<Input> = self.urgent.drain(..urgent).collect();
        // A pause does not wait until a thousand events are planned; every other batch takes events whatever comes.
        self.was_urgent = urgent > 0 && !self.was_urgent;
        if self.was_urgent {
            return batch;
        }
        let control = self.control.len().min(CONTROL);
        batch.extend(self.control.drain(..control));
        self.results -= batch.iter().filter(|input| matches!(input, Input::Deliveries(_))).count();
        let (mut taken_items, mut taken_bytes) = (0, 0);
        while let Some(agent) = self.next_agent() {
            let Some(queue) = self.agents.get_mut(&agent) else { break };
            let Some(input) = queue.waiting.front() else { break };
            let fits = taken_items + input.weight() <= items && taken_bytes + input.bytes() <= bytes;
            if !fits && taken_items > 0 {
                break;
            }
            let Some(input) = queue.waiting.pop_front() else { break };
            queue.items -= input.weight();
            queue.bytes -= input.bytes();
            if queue.waiting.is_empty() {
                self.agents.remove(&agent);
            }
            taken_items += input.weight();
            taken_bytes += input.bytes();
            self.last = agent;
            batch.push(input.into());
        }
        self.items -= taken_items;
        self.bytes -= taken_bytes;
        batch
    }

    /// The agent whose turn it is: the one after the last served, in the order of ids, round and round.
    fn next_agent(&self) -> Option<String> {
        use std::ops::Bound::{Excluded, Unbounded};
        let after = self.agents.range::<str, _>((Excluded(self.last.as_str()), Unbounded)).next();
        after.or_else(|| self.agents.iter().next()).map(|(agent, _)| agent.clone())
    }
}

/// The queue in front of one tenant's writer.
#[derive(Debug)]
pub struct Intake {
    bounds: Bounds,
    queues: Mutex<Queues>,
    ready: Notify,
}

impl Intake {
    /// An empty queue.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, queues: Mutex::default(), ready: Notify::new() }
    }

    fn queues(&self) -> std::sync::MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues what an agent sends, in its sub-queue.
    ///
    /// # Errors
    /// Says whose share is full; nothing of it was taken.
    pub fn push_agent(&self, agent: &str, input: impl Into<AgentInput>) -> Result<(), Full> {
        let mut queues = self.queues();
        let pushed = queues.push(self.bounds, agent, input.into());
        if let Err(full) = pushed {
            queues.tell_refused(full, agent, Instant::now());
        }
        drop(queues);
        self.ready.notify_one();
        pushed
    }

    /// Queues what a person or the server itself asks. Refused only once the server is stopping.
    ///
    /// # Errors
    /// Gives the input back when the server is stopping.
    pub fn push_control(&self, input: Input) -> Result<(), Box<Input>> {
        let mut queues = self.queues();
        if queues.closed {
            return Err(Box::new(input));
        }
        queues.push_control(input);
        drop(queues);
        self.ready.notify_one();
        Ok(())
    }

    /// Waits until something is queued, then takes a batch: all control inputs, then events in turn up to
    /// `items` and `bytes` (one request is never split). Pauses and resumes go ahead of events, in a batch of
    /// their own. Empty once closed and drained.
    pub async fn next_batch(&self, items: usize, bytes: usize) -> Vec<Input> {
        let mut results_until = None;
        loop {
            let wait = {
                let mut queues = self.queues();
                let now = Instant::now();
                if queues.holds_only_results() && !queues.closed {
                    let until = *results_until.get_or_insert(now + RESULTS_WAIT);
                    (now < until).then_some(until)
                } else {
                    None
                }
                .map_or_else(|| Err((queues.take(items, bytes), queues.closed)), Ok)
            };
            match wait {
                Ok(until) => {
                    let _ = tokio::time::timeout_at(until, self.ready.notified()).await;
                }
                Err((batch, closed)) if closed || !batch.is_empty() => return batch,
                Err(_) => self.ready.notified().await,
            }
        }
    }

    /// Takes a batch without waiting.
    #[must_use]
    pub fn try_batch(&self, items: usize, bytes: usize) -> Vec<Input> {
        self.queues().take(items, bytes)
    }

    /// Refuses what comes from now on; what is queued is still taken.
    pub fn close(&self) {
        self.queues().closed = true;
        self.ready.notify_one();
    }

    /// Items and bytes that wait.
    #[must_use]
    pub fn depth(&self) -> (usize, usize) {
        let queues = self.queues();
        (queues.items, queues.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::EventsInput;

    fn request(items: usize) -> AgentInput {
        EventsInput::for_test(items).into()
    }

    fn sizes(batch: &[Input]) -> Vec<usize> {
        let size = |input: &Input| if let Input::Events(events) = input { events.items.len() } else { 0 };
        batch.iter().map(size).collect()
    }

    #[test]
    fn a_flood_waits_behind_itself() {
        let intake = Intake::new(Bounds { items: 100, bytes: 1 << 20 });
        for _ in 0..40 {
            intake.push_agent("flood", request(1)).unwrap();
        }
        intake.push_agent("quiet", request(2)).unwrap();
        assert_eq!(sizes(&intake.try_batch(3, 1 << 20)), [1, 2], "the quiet one is second, not forty-first");
    }

    #[test]
    fn the_flood_is_refused_first_and_others_go_on() {
        let intake = Intake::new(Bounds { items: 100, bytes: 1 << 20 });
        let refused = (0..100).find_map(|_| intake.push_agent("flood", request(1)).err());
        assert_eq!(refused, Some(Full::Agent));
        assert_eq!(intake.depth().0, 50, "one alone takes half, for the other has not come yet");
        intake.push_agent("quiet", request(1)).unwrap();
        intake.push_agent("quiet", request(1)).unwrap();
        intake.push_agent("third", request(30)).unwrap();
        assert_eq!(intake.push_agent("fourth", request(40)), Err(Full::All));
    }

    #[test]
    fn a_flood_of_bytes_is_refused_like_one_of_events() {
        let intake = Intake::new(Bounds { items: 10_000, bytes: 1_000 });
        let refused = (0..100).find_map(|_| intake.push_agent("flood", request(1)).err());
        assert_eq!(refused, Some(Full::Agent));
        assert_eq!(intake.depth(), (5, 500));
        intake.push_agent("quiet", request(1)).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn admins_are_told_once_of_a_flood_and_of_a_full_queue() {
        let intake = Intake::new(Bounds { items: 10, bytes: 1 << 20 });
        let told = || {
            let batch = intake.queues().control.drain(..).collect::<Vec<_>>();
            batch.into_iter().filter_map(|input| if let Input::Alert(why) = input { Some(why) } else { None })
        };
        intake.push_agent("flood", request(4)).unwrap();
        for _ in 0..5 {
            assert_eq!(intake.push_agent("flood", request(3)), Err(Full::Agent));
            assert_eq!(intake.push_agent("other", request(8)), Err(Full::All));
        }
        let flood = || Why::AgentOverShare { agent: "flood".into() };
        assert_eq!(told().collect::<Vec<_>>(), [flood(), Why::QueueFull]);
        tokio::time::advance(QUIET_AGAIN - Duration::from_secs(1)).await;
        assert_eq!(intake.push_agent("flood", request(3)), Err(Full::Agent));
        assert_eq!(told().count(), 0, "it goes on");
        tokio::time::advance(QUIET_AGAIN).await;
        assert_eq!(intake.push_agent("flood", request(3)), Err(Full::Agent));
        assert_eq!(told().collect::<Vec<_>>(), [flood()], "it was quiet and began again");
    }

    #[test]
    fn a_request_larger_than_a_batch_is_taken_alone() {
        let intake = Intake::new(Bounds::default());
        intake.push_agent("a", request(50)).unwrap();
        intake.push_agent("b", request(1)).unwrap();
        assert_eq!(sizes(&intake.try_batch(10, 1 << 20)), [50]);
        assert_eq!(sizes(&intake.try_batch(10, 1 << 20)), [1]);
        assert_eq!(intake.depth(), (0, 0));
    }

    fn pause() -> Input {
        let (reply, _) = tokio::sync::oneshot::channel();
        let agents = crate::input::Agents::One("a".to_owned());
        let by = crate::input::Asker::system();
        Input::AgentState(crate::input::AgentStateInput { agents, paused: true, reason: None, by, reply })
    }

    #[test]
    fn a_pause_goes_ahead_of_events_and_a_flood_of_pauses_does_not_stop_them() {
        let intake = Intake::new(Bounds::default());
        intake.push_agent("a", request(3)).unwrap();
        intake.push_control(pause()).unwrap();
        assert_eq!(sizes(&intake.try_batch(10, 1 << 20)), [0], "alone");
        intake.push_control(pause()).unwrap();
        assert_eq!(sizes(&intake.try_batch(10, 1 << 20)), [0, 3], "the next one takes the events along");
        intake.push_control(pause()).unwrap();
        assert_eq!(sizes(&intake.try_batch(10, 1 << 20)), [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn results_wait_a_moment_for_company() {
        let intake = Intake::new(Bounds::default());
        let began = Instant::now();
        intake.push_control(Input::Deliveries(Vec::new())).unwrap();
        intake.push_control(Input::Deliveries(Vec::new())).unwrap();
        assert_eq!(intake.next_batch(10, 1 << 20).await.len(), 2);
        assert_eq!(began.elapsed(), RESULTS_WAIT);

        intake.push_control(Input::Deliveries(Vec::new())).unwrap();
        intake.push_agent("a", request(1)).unwrap();
        assert_eq!(intake.next_batch(10, 1 << 20).await.len(), 2);
        assert_eq!(began.elapsed(), RESULTS_WAIT, "an event takes them along at once");

        intake.push_control(Input::Deliveries(Vec::new())).unwrap();
        intake.close();
        assert_eq!(intake.next_batch(10, 1 << 20).await.len(), 1);
        assert_eq!(began.elapsed(), RESULTS_WAIT, "and so does the end");
    }

    #[test]
    fn closing_refuses_the_new_and_keeps_the_old() {
        let intake = Intake::new(Bounds::default());
        intake.push_agent("a", request(1)).unwrap();
        intake.close();
        assert_eq!(intake.push_agent("a", request(1)), Err(Full::Stopping));
        assert!(intake.push_control(Input::Tick).is_err());
        assert_eq!(sizes(&intake.try_batch(10, 1 << 20)), [1]);
    }
}
