//! Who called too often: a window of a minute for each method, and a bucket for each channel.

use std::collections::{BTreeMap, VecDeque};

use super::options::Pacing;

const MINUTE: i64 = 60_000;
/// Between two messages in one channel, once its burst is used up, in milliseconds.
const BETWEEN: i64 = 1_000;

/// How often a method may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tier {
    Two,
    Three,
    Four,
    /// A tier of its own: by channel, and for the whole workspace.
    Posting,
}

/// What is said to a caller that was too quick.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TooMany {
    /// HTTP 429; the caller may come back after so many seconds.
    Method(i64),
    /// `rate_limited` in a 200: the workspace has had too many messages.
    Workspace,
}

pub(super) struct Pace {
    limits: Pacing,
    calls: BTreeMap<&'static str, VecDeque<i64>>,
    posted: VecDeque<i64>,
    /// By channel: when the next message would be in time, had there been no burst.
    due: BTreeMap<String, i64>,
}

impl Pace {
    pub(super) fn new(limits: Pacing) -> Self {
        Self { limits, calls: BTreeMap::new(), posted: VecDeque::new(), due: BTreeMap::new() }
    }

    pub(super) fn set(&mut self, limits: Pacing) {
        *self = Self::new(limits);
    }

    /// Counts a call at `now` (milliseconds), or says that it is one too many and counts nothing.
    pub(super) fn call(&mut self, method: &'static str, tier: Tier, now: i64) -> Result<(), TooMany> {
        let limit = match tier {
            Tier::Two => self.limits.tiers[1],
            Tier::Three => self.limits.tiers[2],
            Tier::Four => self.limits.tiers[3],
            Tier::Posting => None,
        };
        let Some(limit) = limit else { return Ok(()) };
        within(self.calls.entry(method).or_default(), limit, now).map_err(TooMany::Method)
    }

    /// Counts a message to a channel, as [`Pace::call`] does.
    pub(super) fn post(&mut self, channel: &str, now: i64) -> Result<(), TooMany> {
        if let Some(burst) = self.limits.channel_burst {
            let due = self.due.entry(channel.to_owned()).or_insert(now);
            let ahead = (*due).max(now) - now - (i64::from(burst) - 1).max(0) * BETWEEN;
            if ahead > 0 {
                return Err(TooMany::Method(seconds(ahead)));
            }
        }
        if let Some(limit) = self.limits.workspace {
            within(&mut self.posted, limit, now).map_err(|_| TooMany::Workspace)?;
        }
        if let Some(due) = self.due.get_mut(channel) {
            *due = (*due).max(now) + BETWEEN;
        }
        Ok(())
    }
}

/// Counts one more in the minute before `now`, or tells after how many seconds there is room again.
fn within(calls: &mut VecDeque<i64>, limit: usize, now: i64) -> Result<(), i64> {
    while calls.front().is_some_and(|at| at + MINUTE <= now) {
        calls.pop_front();
    }
    if calls.len() < limit {
        calls.push_back(now);
        return Ok(());
    }
    Err(seconds(calls.front().map_or(MINUTE, |at| at + MINUTE - now)))
}

fn seconds(milliseconds: i64) -> i64 {
    ((milliseconds + 999) / 1_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_has_a_minute_and_a_channel_has_a_second() {
        let mut pace = Pace::new(Pacing { workspace: Some(8), ..Pacing::default() });
        for at in 0..20 {
            assert_eq!(pace.call("conversations.create", Tier::Two, at * 100), Ok(()));
        }
        assert_eq!(pace.call("conversations.create", Tier::Two, 2_000), Err(TooMany::Method(58)));
        assert_eq!(pace.call("conversations.archive", Tier::Two, 2_000), Ok(()));
        assert_eq!(pace.call("conversations.create", Tier::Two, MINUTE), Ok(()));
        for _ in 0..4 {
            assert_eq!(pace.post("C1", 5_000), Ok(()));
        }
        assert_eq!(pace.post("C1", 5_000), Err(TooMany::Method(1)));
        assert_eq!(pace.post("C2", 5_000), Ok(()));
        assert_eq!(pace.post("C1", 6_000), Ok(()));
        assert_eq!(pace.post("C1", 6_999), Err(TooMany::Method(1)));
        assert_eq!((pace.post("C3", 7_000), pace.post("C4", 7_000)), (Ok(()), Ok(())));
        assert_eq!(pace.post("C5", 7_000), Err(TooMany::Workspace));
    }
}
