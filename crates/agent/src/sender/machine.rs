//! What to do with each record, decided without touching anything.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use mandate_api::{Dropped, SubmitResponse, SubmitStatus};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::control::Backoff;
use crate::record::{Kind, Record};
use crate::spool::count;

/// A request carries at most this many records.
const MAX_BATCH: usize = 200;
/// A request carries about this many bytes at most.
const MAX_BATCH_BYTES: usize = 2 << 20;
/// Memory holds this many waiting records at most; more go to the spool.
const MAX_QUEUE: usize = 1_000;
/// Memory holds about this many waiting bytes at most.
const MAX_QUEUE_BYTES: usize = 8 << 20;
/// So many events are remembered whose outcome is still to come.
const MAX_HOMES: usize = 10_000;
/// A request that makes the server stumble is tried this often before it is cut in halves.
const MAX_STUMBLES: u32 = 3;
/// A key that may not send is tried again after this, in milliseconds: somebody may put it right.
const NOT_ALLOWED_WAIT: i64 = 30_000;

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// New records, in the order they happened.
    Records(Vec<Record>),
    /// The answer to [`Output::Submit`], and what was told of lost records with it.
    Submitted(Result<SubmitResponse, Trouble>, Option<Dropped>),
    /// The answer to [`Output::Outcome`].
    OutcomeTaken(Result<(), Trouble>),
    /// The answer to [`Output::Load`]; empty when the spool is.
    Loaded(Vec<Record>),
    /// Time passed.
    Tick,
    /// The process ends: whatever is not delivered goes to the spool.
    Close,
}

/// What is to be done.
#[derive(Debug)]
pub enum Output {
    /// Send these events in one request, and tell what was lost.
    Submit(Vec<Box<RawValue>>),
    /// Send how this event's action ended.
    Outcome {
        /// The event.
        event: Uuid,
        /// Its outcome.
        record: Record,
    },
    /// Put records into the spool, before all others when `first`.
    Keep {
        /// The records.
        records: Vec<Record>,
        /// Whether they happened before what the spool holds.
        first: bool,
    },
    /// Read the oldest records of the spool.
    Load {
        /// At most so many.
        items: usize,
        /// About so many bytes.
        bytes: usize,
    },
    /// The first so many of the loaded records are through.
    Delivered(usize),
    /// The server knows of these lost records.
    Reported(Dropped),
    /// Records that no server will take.
    Lost(Dropped),
    /// The server is back: look for what processes that are gone left behind.
    Adopt,
    /// Say this on stderr.
    Say(Complaint),
}

/// Why a request was not taken.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// The server is away or busy. Try the same again, not before the given time.
    Later(String, Option<Duration>),
    /// The server failed on this request.
    Stumbled(String),
    /// The key may not do this, or the address is wrong.
    NotAllowed(String),
    /// What was asked for does not exist.
    NotThere(String),
    /// It was done before.
    Settled,
    /// The request itself is wrong; sending it again helps nobody.
    Unfit(String),
}

/// Something a person should know, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Complaint {
    /// The server is away.
    Away(String),
    /// The server is back.
    Back,
    /// The server refuses this key or address.
    NotAllowed(String),
    /// The server refused a record for what it holds.
    Unfit(String),
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(why) => write!(formatter, "{why}; events are kept on disk meanwhile, the agent goes on"),
            Self::Back => write!(formatter, "the server is back; what was kept on disk is being sent"),
            Self::NotAllowed(why) => write!(formatter, "{why}; events are kept on disk meanwhile, the agent goes on"),
            Self::Unfit(why) => write!(formatter, "an event was refused and is dropped: {why}"),
        }
    }
}

/// The sender's thoughts.
#[derive(Debug)]
pub struct Sender {
    queue: VecDeque<Record>,
    queue_bytes: usize,
    flight: Option<Flight>,
    /// Whether the spool may hold something; then new records go behind it.
    spooled: bool,
    loading: bool,
    away: Option<Away>,
    backoff: Backoff,
    stumbles: u32,
    batch: usize,
    homes: Homes,
    said_away: bool,
    said_not_allowed: bool,
    said_unfit: bool,
}

#[derive(Debug, Clone, Copy)]
struct Away {
    until: i64,
}

/// The records of the request under way.
#[derive(Debug)]
struct Flight {
    from_spool: bool,
    /// In order; those before `done` are through.
    records: Vec<Record>,
    events_sent: bool,
    /// The outcome under way or next.
    at: usize,
}

impl Sender {
    /// A sender that has sent nothing yet; `spooled` says whether the spool holds something.
    #[must_use]
    pub fn new(spooled: bool) -> Self {
        Self {
            queue: VecDeque::new(),
            queue_bytes: 0,
            flight: None,
            spooled,
            loading: false,
            away: None,
            backoff: Backoff::default(),
            stumbles: 0,
            batch: MAX_BATCH,
            homes: Homes::default(),
            said_away: false,
            said_not_allowed: false,
            said_unfit: false,
        }
    }

    /// When to step with [`Input::Tick`] at the latest, in Unix milliseconds.
    #[must_use]
    pub fn wake_at(&self) -> Option<i64> {
        self.away.map(|away| away.until)
    }

    /// Whether the server is taken to be away.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.away.is_some()
    }

    /// Takes one input and says what is to be done.
    pub fn step(&mut self, input: Input, now: i64) -> Vec<Output> {
        let mut outputs = Vec::new();
        match input {
            Input::Records(records) => self.take(records, &mut outputs),
            Input::Submitted(answer, told) => self.submitted(answer, told, now, &mut outputs),
            Input::OutcomeTaken(answer) => self.outcome_taken(answer, now, &mut outputs),
            Input::Loaded(records) => self.loaded(records, &mut outputs),
            Input::Tick => {}
            Input::Close => {
                self.keep_all(&mut outputs);
                return outputs;
            }
        }
        self.go_on(now, &mut outputs);
        outputs
    }

    fn take(&mut self, records: Vec<Record>, outputs: &mut Vec<Output>) {
        if self.spooled || self.away.is_some() {
            self.spooled = true;
            self.keep(records, false, outputs);
            return;
        }
        self.queue_bytes += records.iter().map(Record::size).sum::<usize>();
        self.queue.extend(records);
        if self.queue.len() > MAX_QUEUE || self.queue_bytes > MAX_QUEUE_BYTES {
            self.spooled = true;
            self.queue_bytes = 0;
            let queue = self.queue.drain(..).collect();
            self.keep(queue, false, outputs);
        }
    }

    /// Starts the next request if none is under way.
    fn go_on(&mut self, now: i64, outputs: &mut Vec<Output>) {
        if self.flight.is_some() || self.loading || self.away.is_some_and(|away| now < away.until) {
            return;
        }
        // The time is over: this try shows whether the server is back.
        let was_away = self.away.take().is_some();
        // What waits in memory is older than what the spool holds: new records go there as soon as it holds any.
        if self.queue.is_empty() {
            if self.spooled || was_away {
                if was_away {
                    outputs.push(Output::Adopt);
                }
                self.loading = true;
                outputs.push(Output::Load { items: self.batch, bytes: MAX_BATCH_BYTES });
            }
            return;
        }
        let mut bytes = 0;
        let mut records = Vec::new();
        while let Some(record) = self.queue.front()
            && records.len() < self.batch
            && (records.is_empty() || bytes + record.size() <= MAX_BATCH_BYTES)
        {
            bytes += record.size();
            records.extend(self.queue.pop_front());
        }
        self.queue_bytes = self.queue_bytes.saturating_sub(bytes);
        self.start(records, false, outputs);
    }

    fn loaded(&mut self, records: Vec<Record>, outputs: &mut Vec<Output>) {
        self.loading = false;
        if records.is_empty() {
            self.spooled = false;
        } else {
            self.start(records, true, outputs);
        }
    }

    fn start(&mut self, records: Vec<Record>, from_spool: bool, outputs: &mut Vec<Output>) {
        let events: Vec<_> = records.iter().filter(|record| record.kind == Kind::Event).collect();
        let bodies: Vec<_> = events.into_iter().map(|record| record.body.clone()).collect();
        let events_sent = bodies.is_empty();
        self.flight = Some(Flight { from_spool, records, events_sent, at: 0 });
        if events_sent {
            self.next_outcome(outputs);
        } else {
            outputs.push(Output::Submit(bodies));
        }
    }

    fn submitted(
        &mut self,
        answer: Result<SubmitResponse, Trouble>,
        told: Option<Dropped>,
        now: i64,
        outputs: &mut Vec<Output>,
    ) {
        let Some(flight) = &mut self.flight else { return };
        let events = flight.records.iter().filter(|record| record.kind == Kind::Event).count();
        match answer {
            Ok(answer) if answer.results.len() == events => {
                flight.events_sent = true;
                let mut complaint = None;
                let mut lost = Vec::new();
                let sent = flight.records.iter().filter(|record| record.kind == Kind::Event);
                for (record, receipt) in sent.zip(answer.results) {
                    self.homes.remember(&record.key, receipt.id.map_or(Home::Nowhere, Home::Event));
                    if receipt.status == SubmitStatus::Invalid {
                        let why = receipt.errors.first().map(|error| format!("`{}` {}", error.pointer, error.detail));
                        complaint = complaint.or(why).or_else(|| Some("the server did not say why".to_owned()));
                        lost.push(record);
                    }
                }
                outputs.extend(told.map(Output::Reported));
                outputs.extend(count(lost).map(Output::Lost));
                self.say_unfit(complaint, outputs);
                self.reached(outputs);
                self.next_outcome(outputs);
            }
            Ok(answer) => {
                let why = format!("{events} events were answered with {} receipts", answer.results.len());
                self.fail(Trouble::Stumbled(why), now, outputs);
            }
            Err(trouble) => self.fail(trouble, now, outputs),
        }
    }

    fn outcome_taken(&mut self, answer: Result<(), Trouble>, now: i64, outputs: &mut Vec<Output>) {
        match answer {
            // An event that was left out by sampling, or erased, has no outcome to keep.
            Ok(()) | Err(Trouble::Settled | Trouble::NotThere(_)) => self.outcome_done(outputs),
            Err(Trouble::Unfit(why)) => self.outcome_lost(why, outputs),
            Err(Trouble::Stumbled(why)) if self.stumbles >= MAX_STUMBLES => self.outcome_lost(why, outputs),
            Err(trouble) => self.fail(trouble, now, outputs),
        }
    }

    fn outcome_lost(&mut self, why: String, outputs: &mut Vec<Output>) {
        let record = self.flight.as_ref().and_then(|flight| flight.records.get(flight.at));
        outputs.extend(count(record).map(Output::Lost));
        self.say_unfit(Some(why), outputs);
        self.outcome_done(outputs);
    }

    fn outcome_done(&mut self, outputs: &mut Vec<Output>) {
        self.reached(outputs);
        if let Some(flight) = &mut self.flight {
            if let Some(record) = flight.records.get(flight.at) {
                self.homes.forget(&record.key);
            }
            flight.at += 1;
        }
        self.next_outcome(outputs);
    }

    /// Sends the next outcome of the flight whose event is known, or ends the flight.
    fn next_outcome(&mut self, outputs: &mut Vec<Output>) {
        let Some(flight) = &mut self.flight else { return };
        while let Some(record) = flight.records.get(flight.at) {
            if record.kind == Kind::Outcome {
                match record.id.map(Home::Event).or_else(|| self.homes.of(&record.key)) {
                    Some(Home::Event(event)) => {
                        outputs.push(Output::Outcome { event, record: record.clone() });
                        return;
                    }
                    Some(Home::Nowhere) => self.homes.forget(&record.key),
                    // Its event was lost, or another process was told the id and left without writing it down.
                    None => outputs.extend(count([record]).map(Output::Lost)),
                }
            }
            flight.at += 1;
        }
        if flight.from_spool {
            outputs.push(Output::Delivered(flight.records.len()));
        }
        self.flight = None;
        self.batch = (self.batch * 2).min(MAX_BATCH);
    }

    fn fail(&mut self, trouble: Trouble, now: i64, outputs: &mut Vec<Output>) {
        let Some(flight) = self.flight.take() else { return };
        match trouble {
            Trouble::Later(why, after) => {
                let after = after.map(|after| after.min(Duration::from_secs(60)));
                let wait = after.unwrap_or_default().max(self.backoff.wait());
                self.leave(flight, now + millis(wait), outputs);
                if !std::mem::replace(&mut self.said_away, true) {
                    outputs.push(Output::Say(Complaint::Away(why)));
                }
            }
            Trouble::Stumbled(why) if self.stumbles < MAX_STUMBLES => {
                self.stumbles += 1;
                let until = now + millis(self.backoff.wait());
                self.leave(flight, until, outputs);
                if !std::mem::replace(&mut self.said_away, true) {
                    outputs.push(Output::Say(Complaint::Away(why)));
                }
            }
            Trouble::NotAllowed(why) | Trouble::NotThere(why) => {
                self.leave(flight, now + NOT_ALLOWED_WAIT, outputs);
                if !std::mem::replace(&mut self.said_not_allowed, true) {
                    outputs.push(Output::Say(Complaint::NotAllowed(why)));
                }
            }
            Trouble::Stumbled(why) | Trouble::Unfit(why) => self.split(flight, why, outputs),
            Trouble::Settled => self.split(flight, "the server says it was done before".to_owned(), outputs),
        }
    }

    /// One bad record must not hold up its neighbours: try smaller batches, and give up a single one.
    fn split(&mut self, mut flight: Flight, why: String, outputs: &mut Vec<Output>) {
        self.stumbles = 0;
        if flight.records.len() > 1 {
            self.batch = flight.records.len() / 2;
            if flight.from_spool {
                return;
            }
            for record in flight.records.drain(..).rev() {
                self.queue_bytes += record.size();
                self.queue.push_front(record);
            }
            return;
        }
        self.say_unfit(Some(why), outputs);
        if let Some(record) = flight.records.first() {
            self.homes.remember(&record.key, Home::Nowhere);
        }
        outputs.extend(count(&flight.records).map(Output::Lost));
        if flight.from_spool {
            outputs.push(Output::Delivered(1));
        }
        self.batch = 2;
    }

    /// The server is away: whatever is in memory goes to the spool, in order.
    fn leave(&mut self, flight: Flight, until: i64, outputs: &mut Vec<Output>) {
        self.flight = Some(flight);
        self.keep_all(outputs);
        self.away = Some(Away { until });
    }

    fn keep_all(&mut self, outputs: &mut Vec<Output>) {
        let mut rest = match self.flight.take() {
            Some(flight) if flight.from_spool => {
                // The spool has it still; what is through need not go again.
                if flight.at > 0 {
                    outputs.push(Output::Delivered(flight.at));
                }
                Vec::new()
            }
            Some(flight) => flight.undelivered(),
            None => Vec::new(),
        };
        // While the spool held nothing the queue came after the flight; later records went behind both.
        rest.extend(self.queue.drain(..));
        self.queue_bytes = 0;
        self.keep(rest, self.spooled, outputs);
        self.spooled = true;
        self.loading = false;
    }

    /// Puts records into the spool. An outcome takes the id of its event along: whoever delivers it may be another
    /// process. One whose event no server holds stays behind.
    fn keep(&self, records: Vec<Record>, first: bool, outputs: &mut Vec<Output>) {
        let addressed = |mut record: Record| {
            if record.kind == Kind::Outcome && record.id.is_none() {
                match self.homes.of(&record.key) {
                    Some(Home::Event(event)) => record.id = Some(event),
                    Some(Home::Nowhere) => return None,
                    None => {}
                }
            }
            Some(record)
        };
        let records: Vec<Record> = records.into_iter().filter_map(addressed).collect();
        if !records.is_empty() {
            outputs.push(Output::Keep { records, first });
        }
    }

    fn reached(&mut self, outputs: &mut Vec<Output>) {
        self.backoff.reset();
        self.stumbles = 0;
        self.said_not_allowed = false;
        if std::mem::take(&mut self.said_away) {
            outputs.push(Output::Say(Complaint::Back));
        }
    }

    fn say_unfit(&mut self, why: Option<String>, outputs: &mut Vec<Output>) {
        if let Some(why) = why
            && !std::mem::replace(&mut self.said_unfit, true)
        {
            outputs.push(Output::Say(Complaint::Unfit(why)));
        }
    }
}

impl Flight {
    /// What is not through, in order.
    fn undelivered(self) -> Vec<Record> {
        let Self { records, events_sent, at, .. } = self;
        let open = |(index, record): &(usize, Record)| match record.kind {
            Kind::Event => !events_sent,
            Kind::Outcome => *index >= at,
        };
        records.into_iter().enumerate().filter(open).map(|(_, record)| record).collect()
    }
}

/// Where the outcome of an action belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    /// To this event.
    Event(Uuid),
    /// Nowhere: its event was refused, or left out by sampling.
    Nowhere,
}

/// The homes of outcomes that are still to come, by the actions' keys. The oldest are forgotten first.
#[derive(Debug, Default)]
struct Homes {
    known: HashMap<String, (u64, Home)>,
    /// The keys by age.
    order: BTreeMap<u64, String>,
    next: u64,
}

impl Homes {
    fn remember(&mut self, key: &str, home: Home) {
        self.forget(key);
        self.known.insert(key.to_owned(), (self.next, home));
        self.order.insert(self.next, key.to_owned());
        self.next += 1;
        while self.order.len() > MAX_HOMES {
            if let Some((_, oldest)) = self.order.pop_first() {
                self.known.remove(&oldest);
            }
        }
    }

    fn of(&self, key: &str) -> Option<Home> {
        self.known.get(key).map(|(_, home)| *home)
    }

    fn forget(&mut self, key: &str) {
        if let Some((age, _)) = self.known.remove(key) {
            self.order.remove(&age);
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
