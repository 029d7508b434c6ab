//! What every commit keeps: no gap in the feed or a chain, and the new head at their ends.

use mandate_core::chain::{Hash, Tip};
use mandate_core::change::{Changes, FeedEntry, Head};

use crate::error::{Error, Result};

/// Checks that the changes lead from the old head to the new one.
///
/// # Errors
/// [`Error::Invalid`] that says what does not follow.
pub(crate) fn check(changes: &Changes, old: &Head, new: &Head) -> Result<()> {
    let events = end("event", old.events, changes.events.iter().map(|event| (event.seq, event.hash)))?;
    let audit = end("audit entry", old.audit, changes.audit.iter().map(|entry| (entry.seq, entry.hash)))?;
    let position = old.position + changes.positions();
    if (new.events, new.audit, new.position) != (events, audit, position) {
        return Err(Error::Invalid(format!(
            "the new head says position {}, event {}, audit entry {}; the changes end at {position}, {}, {}",
            new.position, new.events.seq, new.audit.seq, events.seq, audit.seq
        )));
    }
    if new.last_id_at < old.last_id_at {
        return Err(Error::Invalid("the time of the last id runs backwards".into()));
    }
    feed_holds_events(changes, old)
}

/// The end of a chain with these entries added.
fn end(what: &str, tip: Tip, entries: impl Iterator<Item = (i64, Hash)>) -> Result<Tip> {
    entries.into_iter().try_fold(tip, |tip, (seq, hash)| {
        if seq == tip.next_seq() {
            Ok(Tip { seq, hash })
        } else {
            Err(Error::Invalid(format!("{what} {seq} does not follow {}", tip.seq)))
        }
    })
}

/// Checks that each event stands in the feed at the position it claims, and nothing else does as an event.
fn feed_holds_events(changes: &Changes, old: &Head) -> Result<()> {
    let mut position = old.position;
    let mut events = changes.events.iter();
    for entry in &changes.feed {
        if let FeedEntry::Events { from, to } = *entry {
            for (seq, at) in (from..=to).zip(position + 1..) {
                if events.next().is_none_or(|event| (event.seq, event.position) != (seq, at)) {
                    return Err(Error::Invalid(format!("the feed says event {seq} at position {at}")));
                }
            }
        }
        position += entry.positions();
    }
    match events.next() {
        None => Ok(()),
        Some(event) => Err(Error::Invalid(format!("event {} is not in the feed", event.seq))),
    }
}
