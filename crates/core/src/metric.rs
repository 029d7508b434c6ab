//! How soon people answer (MET-1): figures about the product, never about a person.

use crate::time::{DAY, SECOND, Span};

/// Over what time the figures are taken.
pub const WINDOW: Span = DAY;
/// The least share of notices that should be answered; under half of them is more telling than people can take.
pub const ANSWERED_TARGET: f64 = 0.8;
/// How soon nineteen of twenty pauses should come.
pub const PAUSE_P95_TARGET: Span = SECOND.times(10);

/// How soon answers came after their notices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswerTimes {
    /// How many events somebody was told of. Those without an answer are among them.
    pub told: u64,
    /// From the first notice of an event to its first answer, of those that have one.
    pub first: Vec<Span>,
    /// From the first notice of an event to each pause that followed from it.
    pub pause: Vec<Span>,
}

impl AnswerTimes {
    /// The share of events with an answer, 0 to 1; none when nobody was told of any.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of a day")]
    pub fn answered(&self) -> Option<f64> {
        let base = self.base();
        (base > 0).then(|| self.first.len() as f64 / base as f64)
    }

    /// The time within which this share of all events was answered; none while it is open, because fewer were.
    #[must_use]
    pub fn percentile(&self, share: f64) -> Option<Span> {
        percentile(&self.first, self.base(), share)
    }

    /// The time within which this share of the pauses came; none without any.
    #[must_use]
    pub fn pause_percentile(&self, share: f64) -> Option<Span> {
        percentile(&self.pause, self.pause.len() as u64, share)
    }

    /// An answer may reach the log before the sending that it answers.
    fn base(&self) -> u64 {
        self.told.max(self.first.len() as u64)
    }
}

/// The smallest of `times` that `share` of `base` do not exceed, where what has no time exceeds all.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of a day"
)]
fn percentile(times: &[Span], base: u64, share: f64) -> Option<Span> {
    let rank = (base as f64 * share.clamp(0.0, 1.0)).ceil().max(1.0) as usize;
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_answered_stays_in_the_base() {
        let seconds = |list: &[i64]| list.iter().map(|n| SECOND.times(*n)).collect::<Vec<_>>();
        let times = AnswerTimes { told: 10, first: seconds(&[9, 1, 5, 3, 7, 2]), pause: seconds(&[4, 2]) };
        assert_eq!(times.answered(), Some(0.6));
        assert_eq!(times.percentile(0.5), Some(SECOND.times(7)));
        assert_eq!(times.percentile(0.95), None, "four of ten are open");
        assert_eq!(times.pause_percentile(0.5), Some(SECOND.times(2)));
        assert_eq!(times.pause_percentile(0.95), Some(SECOND.times(4)));
        let nothing = AnswerTimes::default();
        assert_eq!((nothing.answered(), nothing.percentile(0.5)), (None, None));
        assert_eq!(AnswerTimes { first: seconds(&[1]), ..nothing }.answered(), Some(1.0));
    }
}
