//! Brings records to the server: at once when it is there, from the spool when it was away.
//!
//! [`Sender`] decides, one `step(input, now)` at a time, and touches nothing; the [`Desk`] carries out what concerns
//! the spool, [`run`] what concerns the server. One request is under way at a time, and what queued meanwhile goes
//! into the next: no delay when idle, batches when busy. Events go before the outcomes that need their ids. Nobody
//! waits for any of this.

mod desk;
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

use desk::{Ask, Desk, Next};
pub use machine::{Complaint, Input, Output, Sender, Trouble};

use crate::record::Record;
use crate::spool::Spool;
use crate::tasks::Stop;
use crate::{Client, Env, Error};

/// How long the end of a wrapper may wait for what is still under way; the rest is spooled.
pub(crate) const EXIT_GRACE: Duration = Duration::from_millis(150);

/// What a wrapper has for the server.
#[derive(Debug)]
pub(crate) enum Seen {
    /// A record to be sent.
    Record(Record),
    /// Records that could not be made.
    Lost(Dropped),
}

type Request = Pin<Box<dyn Future<Output = Input> + Send>>;

/// Sends what comes out of `seen` until told to stop, then keeps what is left in the spool.
pub(crate) async fn run(client: Client, spool: Spool, mut seen: mpsc::Receiver<Seen>, env: Env, mut stop: Stop) {
    let mut desk = Desk::new(spool);
    let now = env.now;
    let mut request = carry_out(&client, desk.step(Input::Tick, now()), now);
    let mut arrived = Vec::new();
    loop {
        let wait = desk.sender.wake_at().map(|at| Duration::from_millis(u64::try_from(at - now()).unwrap_or(0)));
        let input = tokio::select! {
            biased;
            () = stop.wait() => break,
            input = answer(&mut request) => input,
            count = seen.recv_many(&mut arrived, 256) => {
                if count == 0 {
                    break;
                }
                Input::Records(take(&mut arrived, &mut desk))
            }
            () = sleep(wait.unwrap_or_default()), if wait.is_some() => Input::Tick,
        };
        request = carry_out(&client, desk.step(input, now()), now).or(request);
    }
    seen.close();
    arrived.extend(std::iter::from_fn(|| seen.try_recv().ok()));
    let rest = Input::Records(take(&mut arrived, &mut desk));
    request = carry_out(&client, desk.step(rest, now()), now).or(request);
    let last_answers = async {
        while request.is_some() && !desk.sender.is_away() {
            let input = answer(&mut request).await;
            request = carry_out(&client, desk.step(input, now()), now);
        }
    };
    // What is not through by now is kept, and sent again under the same keys by whoever comes next.
    let _ = timeout(EXIT_GRACE, last_answers).await;
    drop(carry_out(&client, desk.step(Input::Close, now()), now));
}

/// The records among what was seen; what was lost is counted.
fn take(seen: &mut Vec<Seen>, desk: &mut Desk) -> Vec<Record> {
    let mut records = Vec::with_capacity(seen.len());
    for one in seen.drain(..) {
        match one {
            Seen::Record(record) => records.push(record),
            Seen::Lost(lost) => desk.spool.add_dropped(Some(lost)),
        }
    }
    records
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

/// Says what is to be said and asks the server; nothing is under way before the answer is polled for.
fn carry_out(client: &Client, next: Next, now: fn() -> i64) -> Option<Request> {
    for complaint in next.said {
        tracing::warn!("{complaint}");
    }
    let client = client.clone();
    Some(match next.ask? {
        Ask::Submit { events, dropped } => Box::pin(async move {
            let answered = submit(&client, &events, dropped, now()).await;
            Input::Submitted(answered, dropped)
        }),
        Ask::Outcome { event, record } => Box::pin(async move {
            let body = Bytes::from(String::from(Box::<str>::from(record.body)));
            let taken = client.outcome_raw(event, body, &record.key).await;
            Input::OutcomeTaken(taken.map_err(|error| trouble(&error)))
        }),
    })
}

async fn submit(
    client: &Client,
    events: &[Box<RawValue>],
    dropped: Option<Dropped>,
    sent_at: i64,
) -> Result<SubmitResponse, Trouble> {
    #[derive(Serialize)]
    struct Body<'b> {
        sent_at: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        dropped: Option<Dropped>,
        events: &'b [Box<RawValue>],
    }
    let body = serde_json::to_vec(&Body { sent_at, dropped, events });
    let body = body.map_err(|error| Trouble::Unfit(error.to_string()))?;
    client.submit(body).await.map_err(|error| trouble(&error))
}

/// What an error means for what was sent. Only what says that the request itself is wrong costs a record; anything
/// else, such as a proxy's redirect, is somebody's to put right, and records wait.
fn trouble(error: &Error) -> Trouble {
    let text = error.to_string();
    match error {
        Error::Refused { status, retry_after, .. } => match *status {
            408 | 425 | 429 | 502..=504 => Trouble::Later(text, *retry_after),
            500..=599 => Trouble::Stumbled(text),
            404 | 410 => Trouble::NotThere(text),
            409 => Trouble::Settled,
            400 | 413 | 422 => Trouble::Unfit(text),
            _ => Trouble::NotAllowed(text),
        },
        Error::Unreachable { .. } | Error::TimedOut { .. } => Trouble::Later(text, None),
        _ => Trouble::NotAllowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_api::Problem;

    fn trouble_of(status: u16) -> &'static str {
        let problem = Problem {
            kind: "about:blank".into(),
            title: "x".into(),
            status,
            detail: String::new(),
            request_id: None,
            errors: Vec::new(),
        };
        let (method, path) = ("POST".to_owned(), "/v1/events".to_owned());
        match trouble(&Error::Refused { method, path, status, problem: Box::new(problem), retry_after: None }) {
            Trouble::Later(..) => "later",
            Trouble::Stumbled(_) => "stumbled",
            Trouble::NotAllowed(_) => "not allowed",
            Trouble::NotThere(_) => "not there",
            Trouble::Settled => "settled",
            Trouble::Unfit(_) => "unfit",
        }
    }

    #[test]
    fn only_a_request_that_is_wrong_in_itself_is_given_up() {
        let cases: [(&[u16], &str); 6] = [
            (&[301, 302, 303, 307, 308, 401, 402, 403, 405, 407, 415, 421, 426, 431, 451], "not allowed"),
            (&[408, 425, 429, 502, 503, 504], "later"),
            (&[500, 501, 507], "stumbled"),
            (&[404, 410], "not there"),
            (&[409], "settled"),
            (&[400, 413, 422], "unfit"),
        ];
        for (statuses, expect) in cases {
            for status in statuses {
                assert_eq!(trouble_of(*status), expect, "{status}");
            }
        }
    }
}
