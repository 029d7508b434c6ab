//! The queue in front of the writer: bounded in items and bytes, fair between agents (EVT-5).
//!
//! Each agent has a sub-queue and the writer takes from them in turn, so that a flood from one waits behind
//! itself. What people and the server itself ask has a lane of its own, is taken first, and is never refused
//! for load. Synchronous and steppable; [`Intake`] is its thin async wrapper.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use crate::input::{EventsInput, Input};

/// How long results of deliveries wait for company when nobody waits for anything: a commit of their own for each
/// would cost as much as the event's, and after a crash they are at most sent a second time.
const RESULTS_WAIT: Duration = Duration::from_millis(5);

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

/// The queue itself, without waiting.
#[derive(Debug, Default)]
struct Queues {
    control: VecDeque<Input>,
    /// How many of them are pauses and resumes.
    urgent: usize,
    /// How many of them are results of deliveries.
    results: usize,
    /// Whether the last batch was an urgent one.
    was_urgent: bool,
    agents: BTreeMap<String, VecDeque<EventsInput>>,
    /// The agent served last; the next batch begins after it.
    last: String,
    items: usize,
    bytes: usize,
    closed: bool,
}

impl Queues {
    fn push(&mut self, bounds: Bounds, agent: &str, input: EventsInput) -> Result<(), (Full, EventsInput)> {
        if self.closed {
            return Err((Full::Stopping, input));
        }
        let (items, bytes) = (input.items.len(), input.bytes);
        if self.items + items > bounds.items || self.bytes + bytes > bounds.bytes {
            return Err((Full::All, input));
        }
        let queued: usize =
            self.agents.get(agent).map_or(0, |queue| queue.iter().map(|waiting| waiting.items.len()).sum());
        // A share is an equal part among those who wait; it binds once half of the queue is taken.
        let share = bounds.items / (self.agents.len() + usize::from(queued == 0)).max(1);
        if self.items + items > bounds.items / 2 && queued + items > share {
            return Err((Full::Agent, input));
        }
        self.items += items;
        self.bytes += bytes;
        match self.agents.get_mut(agent) {
            Some(queue) => queue.push_back(input),
            None => {
                self.agents.insert(agent.to_owned(), VecDeque::from([input]));
            }
        }
        Ok(())
    }

    fn push_control(&mut self, input: Input) {
        match input {
            Input::AgentState(_) => self.urgent += 1,
            Input::Deliveries(_) => self.results += 1,
            _ => {}
        }
        self.control.push_back(input);
    }

    /// Whether something is queued, and nobody waits for any of it.
    fn holds_only_results(&self) -> bool {
        self.agents.is_empty() && self.results > 0 && self.control.len() == self.results
    }

    fn take(&mut self, items: usize, bytes: usize) -> Vec<Input> {
        let mut batch: Vec<Input> = self.control.drain(..).collect();
        // A pause does not wait until a thousand events are planned; every other batch takes events whatever comes.
        self.was_urgent = self.urgent > 0 && !self.was_urgent;
        (self.urgent, self.results) = (0, 0);
        if self.was_urgent {
            return batch;
        }
        let (mut taken_items, mut taken_bytes) = (0, 0);
        while let Some(agent) = self.next_agent() {
            let Some(queue) = self.agents.get_mut(&agent) else { break };
            let Some(input) = queue.front() else { break };
            let fits = taken_items + input.items.len() <= items && taken_bytes + input.bytes <= bytes;
            if !fits && taken_items > 0 {
                break;
            }
            let Some(input) = queue.pop_front() else { break };
            if queue.is_empty() {
                self.agents.remove(&agent);
            }
            taken_items += input.items.len();
            taken_bytes += input.bytes;
            self.last = agent;
            batch.push(Input::Events(input));
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

    /// Queues one request's events in the sub-queue of an agent.
    ///
    /// # Errors
    /// Says whose share is full; nothing of the request was taken.
    pub fn push_events(&self, agent: &str, input: EventsInput) -> Result<(), Full> {
        self.queues().push(self.bounds, agent, input).map_err(|(full, _)| full)?;
        self.ready.notify_one();
        Ok(())
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

    fn request(items: usize) -> EventsInput {
        EventsInput::for_test(items)
    }

    fn sizes(batch: &[Input]) -> Vec<usize> {
        let size = |input: &Input| if let Input::Events(events) = input { events.items.len() } else { 0 };
        batch.iter().map(size).collect()
    }

    #[test]
    fn a_flood_waits_behind_itself() {
        let intake = Intake::new(Bounds { items: 100, bytes: 1 << 20 });
        for _ in 0..40 {
            intake.push_events("flood", request(1)).unwrap();
        }
        intake.push_events("quiet", request(2)).unwrap();
        assert_eq!(sizes(&intake.try_batch(3, 1 << 20)), [1, 2], "the quiet one is second, not forty-first");
    }

    #[test]
    fn the_flood_is_refused_first_and_others_go_on() {
        let intake = Intake::new(Bounds { items: 100, bytes: 1 << 20 });
        intake.push_events("quiet", request(1)).unwrap();
        let refused = (0..100).find_map(|_| intake.push_events("flood", request(1)).err());
        assert_eq!(refused, Some(Full::Agent));
        intake.push_events("quiet", request(1)).unwrap();
        intake.push_events("third", request(30)).unwrap();
        assert_eq!(intake.push_events("fourth", request(40)), Err(Full::All));
    }

    #[test]
    fn a_request_larger_than_a_batch_is_taken_alone() {
        let intake = Intake::new(Bounds::default());
        intake.push_events("a", request(50)).unwrap();
        intake.push_events("b", request(1)).unwrap();
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
        intake.push_events("a", request(3)).unwrap();
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
        intake.push_events("a", request(1)).unwrap();
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
        intake.push_events("a", request(1)).unwrap();
        intake.close();
        assert_eq!(intake.push_events("a", request(1)), Err(Full::Stopping));
        assert!(intake.push_control(Input::Tick).is_err());
        assert_eq!(sizes(&intake.try_batch(10, 1 << 20)), [1]);
    }
}
