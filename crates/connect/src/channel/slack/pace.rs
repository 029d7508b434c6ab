//! When the next call may go out: a bucket for each method and for each channel posted to.
//!
//! Pure: the caller says what time it is. A bucket is one number, the moment at which it is full again, so
//! thousands of channels cost little and idle ones are forgotten.

use std::collections::BTreeMap;

use mandate_core::time::{MINUTE, Millis, SECOND, Span};

use super::method::Method;

/// Slack takes about one message a second in a channel.
const CHANNEL_EVERY: Span = SECOND;
/// And tolerates this many at once after a silence.
const CHANNEL_BURST: u32 = 3;
/// Beyond this many channels, those whose bucket is full are forgotten.
const CHANNELS: usize = 4_096;

/// The pace of one workspace.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    methods: BTreeMap<Method, Bucket>,
    channels: BTreeMap<String, Bucket>,
    holds: BTreeMap<Method, Millis>,
}

impl Pace {
    /// Takes leave for one call of `method`, for a message in `channel` where it is one.
    ///
    /// # Errors
    /// How long to wait before asking again, more than nothing; nothing was taken then.
    pub fn take(&mut self, method: Method, channel: Option<&str>, now: Millis) -> Result<(), Span> {
        let posted = channel.filter(|_| matches!(method, Method::PostMessage | Method::PostEphemeral));
        let rate = Rate::of(method);
        let bucket = self.methods.get(&method).copied().unwrap_or_default();
        let place = posted.and_then(|channel| self.channels.get(channel)).copied().unwrap_or_default();
        let held = self.holds.get(&method).map_or(Span(0), |until| until.since(now));
        // A bucket never used is full, so a call without a channel waits for none.
        let wait = held.max(bucket.wait(rate, now)).max(place.wait(Rate::CHANNEL, now));
        if wait > Span(0) {
            return Err(wait);
        }
        self.methods.insert(method, bucket.taken(rate, now));
        if let Some(channel) = posted {
            self.forget_idle(now);
            self.channels.insert(channel.to_owned(), place.taken(Rate::CHANNEL, now));
        }
        Ok(())
    }

    /// Calls of `method` wait for `after`, as Slack asked with `Retry-After`.
    pub fn hold(&mut self, method: Method, after: Span, now: Millis) {
        let until = now.plus(after);
        let hold = self.holds.entry(method).or_insert(until);
        *hold = until.max(*hold);
    }

    fn forget_idle(&mut self, now: Millis) {
        if self.channels.len() >= CHANNELS {
            self.channels.retain(|_, bucket| bucket.full_at > now);
        }
    }
}

/// One every so often, and a few at once.
#[derive(Debug, Clone, Copy)]
struct Rate {
    every: Span,
    burst: u32,
}

impl Rate {
    const CHANNEL: Self = Self { every: CHANNEL_EVERY, burst: CHANNEL_BURST };

    /// A fifth of a minute's calls at once, the others evenly: no minute ever has more than the tier grants.
    fn of(method: Method) -> Self {
        let calls = method.per_minute();
        let burst = (calls / 5).max(1);
        let evenly = i64::from((calls - burst).max(1));
        Self { every: Span((MINUTE.0 + evenly - 1) / evenly), burst }
    }
}

/// A bucket that runs full by itself; full from the start.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_at: Millis,
}

impl Default for Bucket {
    fn default() -> Self {
        Self { full_at: Millis(i64::MIN) }
    }
}

impl Bucket {
    /// Until there is something in it; nothing or less when there is.
    fn wait(self, rate: Rate, now: Millis) -> Span {
        self.full_at.max(now).minus(rate.every.times(i64::from(rate.burst) - 1)).since(now)
    }

    fn taken(self, rate: Rate, now: Millis) -> Self {
        Self { full_at: self.full_at.max(now).plus(rate.every) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_channel_takes_three_at_once_and_then_one_a_second() {
        let mut pace = Pace::default();
        let mut check = |at: i64, channel, expect| {
            assert_eq!(pace.take(Method::PostMessage, Some(channel), Millis(at)), expect, "{channel} at {at}");
        };
        check(0, "C1", Ok(()));
        check(0, "C1", Ok(()));
        check(0, "C1", Ok(()));
        check(0, "C1", Err(SECOND));
        check(0, "C2", Ok(()));
        check(400, "C1", Err(Span(600)));
        check(1_000, "C1", Ok(()));
        check(1_000, "C1", Err(SECOND));
        check(9_000, "C1", Ok(()));
    }

    #[test]
    fn an_update_counts_for_its_method_only() {
        let mut pace = Pace::default();
        for _ in 0..10 {
            assert_eq!(pace.take(Method::UpdateMessage, Some("C1"), Millis(0)), Ok(()));
        }
        assert_eq!(pace.take(Method::UpdateMessage, Some("C1"), Millis(0)), Err(Span(1_500)));
        assert_eq!(pace.take(Method::PostMessage, Some("C1"), Millis(0)), Ok(()));
    }

    #[test]
    fn what_slack_asks_for_is_kept_by_the_method_it_was_asked_of() {
        let mut pace = Pace::default();
        pace.hold(Method::PostMessage, SECOND.times(30), Millis(0));
        pace.hold(Method::PostMessage, SECOND.times(5), Millis(1_000));
        assert_eq!(pace.take(Method::PostMessage, Some("C1"), Millis(1_000)), Err(SECOND.times(29)));
        assert_eq!(pace.take(Method::UpdateMessage, None, Millis(1_000)), Ok(()));
        assert_eq!(pace.take(Method::PostMessage, Some("C1"), Millis(30_000)), Ok(()));
    }

    #[test]
    fn idle_channels_are_forgotten() {
        let mut pace = Pace::default();
        for n in 0..100_000 {
            let _ = pace.take(Method::PostMessage, Some(&format!("C{n}")), Millis(n * 1_000));
        }
        assert!(pace.channels.len() <= CHANNELS, "{}", pace.channels.len());
    }

    proptest! {
        /// However calls come, no minute has more than the tier, no second in a channel more than the burst allows,
        /// and who waits as told is let through.
        #[test]
        fn no_limit_is_passed(gaps in proptest::collection::vec((0i64..3_000, 0usize..3, 0usize..6), 1..400)) {
            let mut pace = Pace::default();
            let (mut now, mut calls) = (0, Vec::new());
            for (gap, channel, method) in gaps {
                now += gap / 20;
                let (method, channel) = (Method::ALL[method], ["C1", "C2", "C3"][channel]);
                if let Err(wait) = pace.take(method, Some(channel), Millis(now)) {
                    prop_assert!(wait > Span(0));
                    prop_assert!(pace.take(method, Some(channel), Millis(now + wait.0 - 1)).is_err());
                    now += wait.0;
                    prop_assert_eq!(pace.take(method, Some(channel), Millis(now)), Ok(()));
                }
                calls.push((now, method, channel));
            }
            for (start, method, channel) in &calls {
                let within = |span: i64| calls.iter().filter(move |call| (*start..start + span).contains(&call.0) && call.1 == *method);
                prop_assert!(within(60_000).count() <= method.per_minute() as usize);
                if *method == Method::PostMessage {
                    prop_assert!(within(10_000).filter(|call| call.2 == *channel).count() <= 10 + CHANNEL_BURST as usize);
                }
            }
        }
    }
}
