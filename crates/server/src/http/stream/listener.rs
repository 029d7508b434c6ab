//! Server-sent events to one client, who has to keep reading.
//!
//! A task tells, the connection writes, and a short queue lies between them. When the client does not read, the
//! connection stops taking from the queue, and after ten seconds the client is cut off: what it held here is free
//! again, and nobody else has waited. It comes back and goes on from the last event it has.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc};

use super::{KeyWatch, SEND_WITHIN};
use crate::app::App;
use crate::http::caller::Caller;

/// A comment is sent after this long without an event.
const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// How many events may wait for the connection: enough that it never waits for the next one.
const WAITING: usize = 16;

/// Ends one HTTP/1 connection, which carries this one stream. A stream of HTTP/2 shares its connection with others,
/// so there it only gets no more.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct HangUp(Arc<Notify>);

impl HangUp {
    /// Ends when somebody wants the connection to end.
    pub(in crate::http) async fn wanted(&self) {
        self.0.notified().await;
    }
}

/// Who is told.
pub(in crate::http) struct Listener {
    events: mpsc::Sender<Event>,
    hang_up: Option<Extension<HangUp>>,
}

/// The listener hears nothing any more; there is no use in telling on.
pub(in crate::http) struct Gone;

impl Listener {
    /// Tells one event.
    ///
    /// # Errors
    /// The client is gone, or was cut off now since it did not read.
    pub(in crate::http) async fn tell(&self, event: Event) -> Result<(), Gone> {
        match self.events.send_timeout(event, SEND_WITHIN).await {
            Ok(()) => Ok(()),
            Err(SendTimeoutError::Closed(_)) => Err(Gone),
            Err(SendTimeoutError::Timeout(_)) => {
                if let Some(Extension(HangUp(connection))) = &self.hang_up {
                    connection.notify_one();
                }
                Err(Gone)
            }
        }
    }
}

/// Answers with a stream: told by `tell` until that ends, the client is gone, its key opens nothing any more or the
/// server stops.
pub(in crate::http) fn answer<T: Future<Output = ()> + Send + 'static>(
    app: &App,
    caller: &Caller,
    hang_up: Option<Extension<HangUp>>,
    permit: OwnedSemaphorePermit,
    tell: impl FnOnce(Listener) -> T,
) -> Response {
    let (events, mut told) = mpsc::channel(WAITING);
    let key = KeyWatch::new(app.clone(), caller.key());
    let closing = app.http.closing();
    let (listening, telling) = (events.clone(), tell(Listener { events, hang_up }));
    app.tasks.spawn("stream", async move {
        tokio::select! {
            biased;
            () = closing => {}
            () = listening.closed() => {}
            _ = key.lapse() => {}
            () = telling => {}
        }
        drop(permit);
    });
    let events = stream::poll_fn(move |context| told.poll_recv(context).map(|event| event.map(Ok::<_, Infallible>)));
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE_EVERY)).into_response()
}
