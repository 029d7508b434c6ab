//! Token buckets: how much one sender may do over time and at once (EVT-5).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use mandate_core::time::{Millis, SECOND, Span};

/// How fast a bucket fills and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tokens that come back in a millisecond.
    pub per_ms: f64,
    /// Tokens it holds.
    pub burst: f64,
}

impl Rate {
    /// So many a second, and so many at once.
    #[must_use]
    pub fn per_second(tokens: u32, burst: u32) -> Self {
        Self { per_ms: f64::from(tokens) / 1e3, burst: f64::from(burst.max(1)) }
    }

    /// So many a minute, all of them at once if need be.
    #[must_use]
    pub fn per_minute(tokens: u32) -> Self {
        Self { per_ms: f64::from(tokens) / 60e3, burst: f64::from(tokens.max(1)) }
    }
}

/// When this many senders are known, those whose buckets are full again are forgotten.
const MANY: usize = 20_000;

/// One bucket a sender.
#[derive(Debug)]
pub struct Buckets<K> {
    rate: Rate,
    state: Mutex<State<K>>,
}

#[derive(Debug)]
struct State<K> {
    buckets: HashMap<K, Bucket>,
    /// At this many buckets the full ones are forgotten.
    sweep_at: usize,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Millis,
}

impl Bucket {
    fn at(self, now: Millis, rate: Rate) -> Self {
        // A clock that steps back gives nothing and takes nothing.
        #[expect(clippy::cast_precision_loss, reason = "a span of milliseconds is far below 2^52")]
        let passed = now.since(self.at).0.max(0) as f64;
        Self { tokens: (self.tokens + passed * rate.per_ms).min(rate.burst), at: now.max(self.at) }
    }
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// Full buckets for everybody.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, state: Mutex::new(State { buckets: HashMap::new(), sweep_at: MANY }) }
    }

    /// Takes tokens from the bucket of each sender, or nothing from any and says when to come back.
    ///
    /// More than a bucket ever holds is taken from a full one, and leaves a debt.
    ///
    /// # Errors
    /// How long until there will be enough, at least a second.
    pub fn take(&self, wants: &[(K, u32)], now: Millis) -> Result<(), Span> {
        let rate = self.rate;
        let full = Bucket { tokens: rate.burst, at: now };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (sender, tokens) in wants {
            let tokens = f64::from(*tokens).min(rate.burst);
            let has = state.buckets.get(sender).map_or(full, |bucket| bucket.at(now, rate)).tokens;
            if has < tokens {
                #[expect(clippy::cast_possible_truncation, reason = "saturates, which is what is wanted")]
                let wait = ((tokens - has) / rate.per_ms).ceil() as i64;
                return Err(Span(wait).max(SECOND));
            }
        }
        for (sender, tokens) in wants {
            let known = state.buckets.get_mut(sender);
            let bucket = known.as_deref().map_or(full, |bucket| bucket.at(now, rate));
            let after = Bucket { tokens: bucket.tokens - f64::from(*tokens), ..bucket };
            match known {
                Some(known) => *known = after,
                None => drop(state.buckets.insert(sender.clone(), after)),
            }
        }
        if state.buckets.len() > state.sweep_at {
            state.buckets.retain(|_, bucket| bucket.at(now, rate).tokens < rate.burst);
            state.sweep_at = (state.buckets.len() * 2).max(MANY);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let buckets: Buckets<String> = Buckets::new(Rate::per_second(10, 100));
        let take = |sender: &str, tokens, at| buckets.take(&[(sender.to_owned(), tokens)], Millis(at));
        assert_eq!(take("a", 100, 0), Ok(()));
        assert_eq!(take("a", 30, 0), Err(Span(3_000)));
        assert_eq!(take("b", 1, 0), Ok(()), "another sender has a bucket of its own");
        assert_eq!(take("a", 30, 3_000), Ok(()));
        assert_eq!(take("a", 1, 3_000), Err(SECOND), "never sooner than a second");
        assert_eq!(take("a", 1, 2_000), Err(SECOND), "a clock that steps back gives nothing");
    }

    #[test]
    fn more_than_a_bucket_holds_leaves_a_debt() {
        let buckets: Buckets<String> = Buckets::new(Rate::per_second(10, 100));
        assert_eq!(buckets.take(&[("a".into(), 150)], Millis(0)), Ok(()));
        assert_eq!(buckets.take(&[("a".into(), 10)], Millis(0)), Err(Span(6_000)));
    }

    #[test]
    fn all_or_nothing() {
        let buckets: Buckets<&str> = Buckets::new(Rate::per_minute(10));
        assert_eq!(buckets.take(&[("a", 6), ("b", 10)], Millis(0)), Ok(()));
        assert_eq!(buckets.take(&[("a", 4), ("b", 1)], Millis(0)), Err(Span(6_000)));
        assert_eq!(buckets.take(&[("a", 4)], Millis(0)), Ok(()));
    }

    #[test]
    fn those_who_were_quiet_are_forgotten() {
        let buckets: Buckets<String> = Buckets::new(Rate::per_second(1_000, 1));
        for n in 0..=MANY as i64 {
            buckets.take(&[(n.to_string(), 1)], Millis(n)).unwrap();
        }
        assert!(buckets.state.lock().unwrap().buckets.len() < 10);
    }
}
