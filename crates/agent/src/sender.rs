//! Brings records to the server: at once when it is there, from the spool when it was away.
//!
//! [`Sender`] decides, one `step(input, now)` at a time, and touches nothing; [`run`] carries out what it says. One
//! request is under way at a time, and what queued meanwhile goes into the next: no delay when idle, batches when
//! busy. Events go before the outcomes that need their ids. Nobody waits for any of this.

mod machine;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use mandate_api::{Dropped, SubmitResponse};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

pub use machine::{Complaint, Input, Output, Sender, Trouble};

use crate::record::Record;
use crate::spool::Spool;
use crate::tasks::Stop;
use crate::{Client, Env, Error};

/// How long the end of a wrapper may wait for what is still under way; the rest is spooled.
pub(crate) const EXIT_GRACE: Duration = Duration::from_millis(150);

type Request = Pin<Box<dyn Future<Output = Input> + Send>>;

/// Sends what comes out of `records` until told to stop, then keeps what is left in the spool.
pub(crate) async fn run(
    client: Client,
    mut spool: Spool,
    mut records: mpsc::Receiver<Record>,
    env: Env,
    mut stop: Stop,
) {
    let mut sender = Sender::new(!spool.is_empty() || spool.dropped().is_some());
    let mut request: Option<Request> = None;
    let mut shell = Shell { client, spool: &mut spool, env };
    shell.step(&mut sender, Input::Tick, &mut request);
    let mut arrived = Vec::new();
    loop {
        let wait = sender.wake_at().map(|at| Duration::from_millis(u64::try_from(at - (env.now)()).unwrap_or(0)));
        let input = tokio::select! {
            biased;
            () = stop.wait() => break,
            input = answer(&mut request) => input,
            count = records.recv_many(&mut arrived, 256) => {
                if count == 0 {
                    break;
                }
                Input::Records(std::mem::take(&mut arrived))
            }
            () = sleep(wait.unwrap_or_default()), if wait.is_some() => Input::Tick,
        };
        shell.step(&mut sender, input, &mut request);
    }
    records.close();
    while let Ok(record) = records.try_recv() {
        shell.step(&mut sender, Input::Records(vec![record]), &mut request);
    }
    let last_answers = async {
        while request.is_some() && !sender.is_away() {
            let input = answer(&mut request).await;
            shell.step(&mut sender, input, &mut request);
        }
    };
    // What is not through by now is kept, and sent again under the same keys by whoever comes next.
    let _ = timeout(EXIT_GRACE, last_answers).await;
    shell.step(&mut sender, Input::Close, &mut request);
}

/// The answer to the request under way; never, when there is none.
async fn answer(request: &mut Option<Request>) -> Input {
    match request {
        Some(pending) => {
            let input = pending.await;
            *request = None;
            input
        }
        None => std::future::pending().await,
    }
}

struct Shell<'s> {
    client: Client,
    spool: &'s mut Spool,
    env: Env,
}

impl Shell<'_> {
    fn step(&mut self, sender: &mut Sender, input: Input, request: &mut Option<Request>) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for output in sender.step(input, (self.env.now)()) {
                match output {
                    Output::Submit(events) => *request = Some(self.submit(events)),
                    Output::Outcome { event, record } => {
                        let client = self.client.clone();
                        *request = Some(Box::pin(async move {
                            let body = Bytes::from(String::from(Box::<str>::from(record.body)));
                            let taken = client.outcome_raw(event, body, &record.key).await;
                            Input::OutcomeTaken(taken.map_err(|error| trouble(&error)))
                        }));
                    }
                    Output::Keep { records, first: true } => self.spool.prepend(&records),
                    Output::Keep { records, first: false } => self.spool.append(&records),
                    Output::Adopt => self.spool.adopt(),
                    Output::Load { items, bytes } => inputs.push(Input::Loaded(self.spool.oldest(items, bytes))),
                    Output::Delivered(count) => self.spool.delivered(count),
                    Output::Reported(told) => self.spool.reported(told),
                    Output::Lost(lost) => self.spool.add_dropped(Some(lost)),
                    Output::Say(complaint) => tracing::warn!("{complaint}"),
                }
            }
        }
    }

    fn submit(&self, events: Vec<Box<RawValue>>) -> Request {
        #[derive(Serialize)]
        struct Body<'b> {
            sent_at: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            dropped: Option<Dropped>,
            events: &'b [Box<RawValue>],
        }
        let dropped = self.spool.dropped();
        let body = serde_json::to_vec(&Body { sent_at: (self.env.now)(), dropped, events: &events });
        let client = self.client.clone();
        Box::pin(async move {
            let answered: Result<SubmitResponse, Trouble> = match body {
                Ok(body) => client.submit(body).await.map_err(|error| trouble(&error)),
                Err(error) => Err(Trouble::Unfit(error.to_string())),
            };
            Input::Submitted(answered, dropped)
        })
    }
}

/// What an error means for what was sent.
fn trouble(error: &Error) -> Trouble {
    let text = error.to_string();
    match error {
        Error::Refused { status, retry_after, .. } => match *status {
            429 | 502..=504 => Trouble::Later(text, *retry_after),
            500..=599 => Trouble::Stumbled(text),
            401 | 402 | 403 | 405 | 407 => Trouble::NotAllowed(text),
            404 | 410 => Trouble::NotThere(text),
            409 => Trouble::Settled,
            _ => Trouble::Unfit(text),
        },
        Error::Unreachable { .. } | Error::TimedOut { .. } => Trouble::Later(text, None),
        _ => Trouble::NotAllowed(text),
    }
}
