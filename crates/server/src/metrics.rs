//! What the server counts and measures of itself (MET-2), as Prometheus reads it.
//!
//! Every figure is an atomic that the hot paths add to; nothing is collected unless somebody asks.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use mandate_core::delivery::{Answer, Attempt};

/// What the server counts and measures of itself.
#[derive(Debug)]
pub struct Metrics {
    /// Events recorded.
    pub accepted: Counter,
    /// Events that were recorded before.
    pub duplicate: Counter,
    /// Items answered `invalid`.
    pub invalid: Counter,
    /// Requests refused for load, 429 and 503.
    pub refused_for_load: Counter,
    /// From a request's arrival to its answer, for `POST /v1/events`.
    pub ingestion: Histogram,
    /// One `plan()`.
    pub routing: Histogram,
    /// One commit.
    pub commit: Histogram,
    /// From a notification's birth to the first attempt to send it.
    pub dispatch: Histogram,
    /// One attempt to send.
    pub delivery: Histogram,
    answers: [Counter; 6],
    channels: BTreeMap<String, Channel>,
}

/// How one channel does.
#[derive(Debug, Default)]
pub struct Channel {
    /// Attempts it took.
    pub sent: Counter,
    /// Attempts it did not take.
    pub failed: Counter,
    /// When it last took one, Unix milliseconds; 0 for never.
    pub last_sent_at: AtomicI64,
    /// Why it last did not take one; none once it did again.
    pub last_error: std::sync::Mutex<Option<LastError>>,
}

impl Channel {
    /// Why it last did not take something; none once it did again.
    #[must_use]
    pub fn error(&self) -> Option<LastError> {
        self.last_error.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// Why a channel did not take something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// In the channel's words.
    pub why: String,
    /// Whether nothing will go through until somebody mends the channel.
    pub broken: bool,
}

impl Metrics {
    /// Zeroes, for these channels.
    #[must_use]
    pub fn new<'n>(channels: impl IntoIterator<Item = &'n str>) -> Self {
        Self {
            accepted: Counter::default(),
            duplicate: Counter::default(),
            invalid: Counter::default(),
            refused_for_load: Counter::default(),
            ingestion: Histogram::default(),
            routing: Histogram::default(),
            commit: Histogram::default(),
            dispatch: Histogram::default(),
            delivery: Histogram::default(),
            answers: Default::default(),
            channels: channels.into_iter().map(|name| (name.to_owned(), Channel::default())).collect(),
        }
    }

    /// Counts an HTTP answer by the first digit of its status.
    pub fn answered(&self, status: u16) {
        if let Some(counter) = self.answers.get(usize::from(status / 100)) {
            counter.add(1);
        }
    }

    /// Takes in what a channel said to one attempt.
    pub fn attempted(&self, channel: &str, attempt: &Attempt) {
        self.delivery.observe(Duration::from_millis(u64::try_from(attempt.took_ms).unwrap_or(0)));
        let Some(channel) = self.channels.get(channel) else { return };
        let error = match &attempt.answer {
            Answer::Sent { .. } => {
                channel.sent.add(1);
                channel.last_sent_at.fetch_max(attempt.at.0, Relaxed);
                None
            }
            Answer::Retry { why, .. } | Answer::Refused { why } => Some(LastError { why: why.clone(), broken: false }),
            Answer::Broken { why } => Some(LastError { why: why.clone(), broken: true }),
        };
        if error.is_some() {
            channel.failed.add(1);
        }
        *channel.last_error.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = error;
    }

    /// A channel's figures.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.get(name)
    }

    /// Everything as Prometheus reads it. `gauges` are what is true at this moment: name, help, value.
    #[must_use]
    pub fn render(&self, gauges: &[(&str, &str, f64)]) -> String {
        let mut text = Text(String::with_capacity(8 * 1024));
        for (result, counter) in
            [("accepted", &self.accepted), ("duplicate", &self.duplicate), ("invalid", &self.invalid)]
        {
            text.sample("mandate_events_total", "counter", "items by what became of them", "result", result, counter);
        }
        let refused = &self.refused_for_load;
        text.sample("mandate_refused_for_load_total", "counter", "requests answered 429 or 503", "", "", refused);
        for (class, counter) in self.answers.iter().enumerate().skip(1) {
            let class = format!("{class}xx");
            text.sample("mandate_http_answers_total", "counter", "HTTP answers by status", "status", &class, counter);
        }
        for (name, channel) in &self.channels {
            text.sample("mandate_channel_sent_total", "counter", "attempts taken", "channel", name, &channel.sent);
        }
        for (name, channel) in &self.channels {
            text.sample(
                "mandate_channel_failed_total",
                "counter",
                "attempts not taken",
                "channel",
                name,
                &channel.failed,
            );
        }
        for (name, help, histogram) in [
            ("ingestion", "from a request's arrival to its answer", &self.ingestion),
            ("routing", "observing, planning and sealing one event, the mean of its batch", &self.routing),
            ("commit", "one commit", &self.commit),
            ("dispatch", "from a notice's birth to its first attempt", &self.dispatch),
            ("delivery", "one attempt to send", &self.delivery),
        ] {
            histogram.render(&mut text, &format!("mandate_{name}_seconds"), help);
        }
        for (name, help, value) in gauges {
            text.head(name, "gauge", help);
            let _ = writeln!(text.0, "{name} {value}");
        }
        text.0
    }
}

/// A count that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts `n` more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// The count.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The upper ends of the buckets, in microseconds.
const BOUNDS: [u64; 16] = [
    10, 50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 5_000_000,
];

/// How long something took, in buckets from 10 µs to 5 s.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

impl Histogram {
    /// Counts one.
    pub fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Relaxed);
        }
        self.micros.fetch_add(micros, Relaxed);
    }

    fn render(&self, text: &mut Text, name: &str, help: &str) {
        text.head(name, "histogram", help);
        let mut count = 0;
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS.iter().map(Some).chain([None])) {
            count += bucket.load(Relaxed);
            let end = bound.map_or("+Inf".to_owned(), |micros| seconds(*micros).to_string());
            let _ = writeln!(text.0, "{name}_bucket{{le=\"{end}\"}} {count}");
        }
        let _ = writeln!(text.0, "{name}_sum {}\n{name}_count {count}", seconds(self.micros.load(Relaxed)));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a sum of microseconds, shown in seconds")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// The text while it is written; a name's help and type stand once, before its first sample.
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let head = format!("# TYPE {name} {kind}\n");
        if !self.0.contains(&head) {
            let _ = write!(self.0, "# HELP {name} {help}\n{head}");
        }
    }

    fn sample(&mut self, name: &str, kind: &str, help: &str, label: &str, value: &str, counter: &Counter) {
        self.head(name, kind, help);
        let count = counter.get();
        let _ = match label {
            "" => writeln!(self.0, "{name} {count}"),
            label => {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                writeln!(self.0, "{name}{{{label}=\"{value}\"}} {count}")
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use mandate_core::time::Millis;

    use super::*;

    #[test]
    fn prometheus_reads_it() {
        let metrics = Metrics::new(["ops \"hook\""]);
        metrics.accepted.add(3);
        metrics.answered(202);
        metrics.ingestion.observe(Duration::from_micros(70));
        metrics.ingestion.observe(Duration::from_secs(9));
        let attempt = |answer| Attempt { at: Millis(5), took_ms: 1, edition: 0, answer };
        metrics.attempted("ops \"hook\"", &attempt(Answer::Broken { why: "410".into() }));
        let channel = metrics.channel("ops \"hook\"").unwrap();
        assert!(channel.last_error.lock().unwrap().as_ref().is_some_and(|error| error.broken));
        metrics.attempted("ops \"hook\"", &attempt(Answer::Sent { status: 204, receipt: None }));
        assert_eq!(*channel.last_error.lock().unwrap(), None);

        let text = metrics.render(&[("mandate_queue_items", "events that wait", 2.0)]);
        for line in [
            "mandate_events_total{result=\"accepted\"} 3",
            "mandate_http_answers_total{status=\"2xx\"} 1",
            "mandate_ingestion_seconds_bucket{le=\"0.00005\"} 0",
            "mandate_ingestion_seconds_bucket{le=\"0.0001\"} 1",
            "mandate_ingestion_seconds_bucket{le=\"+Inf\"} 2",
            "mandate_ingestion_seconds_count 2",
            "mandate_channel_failed_total{channel=\"ops \\\"hook\\\"\"} 1",
            "mandate_queue_items 2",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} is not in\n{text}");
        }
        let types: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let mut once = types.clone();
        once.dedup();
        assert_eq!(types, once);
    }
}
