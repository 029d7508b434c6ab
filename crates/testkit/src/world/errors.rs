//! What the server logged as an error, so that an unexpected one fails the test.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Listens to this thread's log for as long as it lives.
pub(super) struct Errors {
    logged: Arc<Mutex<Vec<String>>>,
    expected: Vec<String>,
    _listening: DefaultGuard,
}

impl Errors {
    pub(super) fn listen() -> Self {
        let logged = Arc::default();
        let listener = tracing_subscriber::registry().with(Listener(Arc::clone(&logged)));
        Self { logged, expected: Vec::new(), _listening: tracing::subscriber::set_default(listener) }
    }

    pub(super) fn expect(&mut self, part: &str) {
        self.expected.push(part.to_owned());
    }

    /// The errors that nothing expected.
    pub(super) fn unexpected(&self) -> Vec<String> {
        let logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let is_expected = |line: &&String| !self.expected.iter().any(|part| line.contains(part.as_str()));
        logged.iter().filter(is_expected).cloned().collect()
    }
}

struct Listener(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::ERROR {
            let mut line = Line(event.metadata().target().to_owned());
            event.record(&mut line);
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.0);
        }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to text cannot fail.
        let _ = write!(self.0, " {field}={value:?}");
    }
}

/// Whatever broke the scenario, the server's own words help to see why.
impl Drop for Errors {
    #[expect(clippy::print_stderr, reason = "the output of a test that failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            for line in self.unexpected() {
                eprintln!("logged: {line}");
            }
        }
    }
}
