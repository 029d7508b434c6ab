//! A sender and its spool: what is decided is kept or read at once, and only questions to the server are left.

use mandate_api::Dropped;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::machine::{Complaint, Input, Output, Sender};
use crate::record::Record;
use crate::spool::Spool;

/// One process's sender, synchronous: everything but the network.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) sender: Sender,
    pub(super) spool: Spool,
}

/// What is left to do after a step.
#[derive(Debug, Default)]
pub(super) struct Next {
    /// One question at a time: none comes before the last one's answer.
    pub(super) ask: Option<Ask>,
    /// For a person.
    pub(super) said: Vec<Complaint>,
}

/// What the server is to be asked.
#[derive(Debug)]
pub(super) enum Ask {
    /// Take these events, and know what was lost.
    Submit { events: Vec<Box<RawValue>>, dropped: Option<Dropped> },
    /// Take how this event's action ended.
    Outcome { event: Uuid, record: Record },
}

impl Desk {
    pub(super) fn new(spool: Spool) -> Self {
        let holds_something = !spool.is_empty() || spool.dropped().is_some();
        Self { sender: Sender::new(holds_something), spool }
    }

    /// Takes one input, keeps what is to be kept, and says what is left to do.
    pub(super) fn step(&mut self, input: Input, now: i64) -> Next {
        let mut next = Next::default();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for output in self.sender.step(input, now) {
                match output {
                    Output::Submit(events) => next.ask = Some(Ask::Submit { events, dropped: self.spool.dropped() }),
                    Output::Outcome { event, record } => next.ask = Some(Ask::Outcome { event, record }),
                    Output::Keep { records, first: true } => self.spool.prepend(&records),
                    Output::Keep { records, first: false } => self.spool.append(&records),
                    Output::Adopt => self.spool.adopt(),
                    Output::Load { items, bytes } => inputs.push(Input::Loaded(self.spool.oldest(items, bytes))),
                    Output::Delivered(count) => self.spool.delivered(count),
                    Output::Reported(told) => self.spool.reported(told),
                    Output::Lost(lost) => self.spool.add_dropped(Some(lost)),
                    Output::Say(complaint) => next.said.push(complaint),
                }
            }
        }
        next
    }
}

#[cfg(test)]
mod tests;
