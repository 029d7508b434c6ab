//! The envelopes that came lately.

use std::collections::{BTreeSet, VecDeque};

/// How many are remembered. Slack repeats within minutes; what is older is recognised by its dedupe key.
const REMEMBERED: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Seen {
    known: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    /// Whether it comes for the first time; from now on it does not.
    pub(super) fn is_new(&mut self, envelope: &str) -> bool {
        if !self.known.insert(envelope.to_owned()) {
            return false;
        }
        self.order.push_back(envelope.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    /// When it comes again it is new.
    pub(super) fn forget(&mut self, envelope: &str) {
        if self.known.remove(envelope) {
            self.order.retain(|known| known != envelope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thousand_are_known() {
        let mut seen = Seen::default();
        assert!((0..=REMEMBERED).all(|n| seen.is_new(&n.to_string())));
        assert!(!seen.is_new("1"));
        assert!(seen.is_new("0"));
        seen.forget("5");
        assert!(seen.is_new("5"));
        assert_eq!(seen.known.len(), seen.order.len());
    }
}
