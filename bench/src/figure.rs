//! How a figure is shown: what was measured, the limit or peer beside it, and the ratio.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::time::Duration;

/// What a figure is held against.
#[derive(Debug, Clone, Copy)]
pub enum Against {
    /// More is better, and at least this much is asked for.
    AtLeast(f64),
    /// Less is better, and at most this much is allowed.
    AtMost(f64),
    /// Somebody else doing the same, in the same run; more is better.
    Peer(&'static str, f64),
}

/// Prints one figure in `unit` with everything it is held against.
pub fn show(what: &str, value: f64, unit: &str, against: &[Against]) {
    let mut line = format!("{what:<58} {:>10} {unit:<5}", number(value));
    for other in against {
        let text = match *other {
            Against::AtLeast(limit) => format!("≥ {} {}", number(limit), kept(value >= limit)),
            Against::AtMost(limit) => format!("≤ {} {}", number(limit), kept(value <= limit)),
            Against::Peer(name, peer) => format!("{name} {}: {:.0} %", number(peer), value / peer * 100.0),
        };
        line.push_str(&format!("  | {text}"));
    }
    println!("{}", line.trim_end());
}

/// Prints a heading.
pub fn heading(text: &str) {
    println!("\n{text}");
}

/// Prints a line of explanation under a figure.
pub fn note(text: &str) {
    println!("    {text}");
}

fn kept(kept: bool) -> &'static str {
    if kept { "kept" } else { "MISSED" }
}

fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.1}");
    }
    let whole = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && digit.is_ascii_digit() {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The middle of several rounds; 0 without any.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Many durations, asked for quantiles.
#[derive(Debug, Clone, Default)]
pub struct Durations(Vec<Duration>);

impl Durations {
    /// Adds one.
    pub fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// Adds those of another.
    pub fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest one that `share` of them (0 to 1) do not exceed, in milliseconds; 0 without any.
    #[must_use]
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() as f64 * share).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).map_or(0.0, |took| took.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let mut durations = Durations::default();
        (1..=100).rev().for_each(|ms| durations.add(Duration::from_millis(ms)));
        assert_eq!([0.5, 0.99, 1.0].map(|share| durations.quantile_ms(share)), [50.0, 99.0, 100.0]);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn numbers_have_groups() {
        assert_eq!([0.25, 99.94, 1234.4, 1_234_567.0].map(number), ["0.2", "99.9", "1,234", "1,234,567"]);
    }
}
