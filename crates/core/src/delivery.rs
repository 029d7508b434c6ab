//! What becomes of a notification once it was tried: the one retry policy, above every channel (NTF-4).

use serde::{Deserialize, Serialize};

use crate::change::{NotificationRow, NotificationState};
use crate::event::Level;
use crate::time::{HOUR, MINUTE, Millis, SECOND, Span};

/// How long a node holds a notification it is sending.
pub const LEASE: Span = SECOND.times(15);
/// How long one attempt may take: far below the lease.
pub const TIMEOUT: Span = SECOND.times(5);
/// After these waits a notification is tried again on the same channel; then it goes to the alternate.
pub const WAITS: [Span; 4] = [SECOND, SECOND.times(5), SECOND.times(30), MINUTE.times(5)];
/// A critical notice that arrives later than this goes to the alternate beside the retries (NTF-4).
const ALTERNATE_AFTER: Span = SECOND.times(6);
/// The longest wait that a channel may ask for.
const LONGEST_WAIT: Span = HOUR;
/// As many attempts are kept: those of the first message, and the latest edits.
const LOGGED: usize = 24;

/// What a channel said to one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Answer {
    /// It took the message.
    Sent {
        /// The channel's status.
        status: u16,
        /// The channel's own name of the message, where it can change it later; the row keeps it, not the log.
        #[serde(skip)]
        receipt: Option<String>,
    },
    /// Not now; perhaps later.
    Retry {
        /// When the channel asks for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Span>,
        /// Why.
        why: String,
    },
    /// This message never.
    Refused {
        /// Why.
        why: String,
    },
    /// Nothing, as long as nobody mends the channel.
    Broken {
        /// Why.
        why: String,
    },
}

/// One attempt, as the delivery log keeps it (NTF-10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Millis,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// The edition that was tried; 0 is the first message.
    #[serde(default, skip_serializing_if = "is_first")]
    pub edition: u32,
    /// What the channel said.
    #[serde(flatten)]
    pub answer: Answer,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_first(edition: &u32) -> bool {
    *edition == 0
}

/// What is to be done about a notification after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it arrived.
    Done,
    /// Try again when `due_at` comes.
    Wait,
    /// Try again, and tell the alternate beside it: critical notices do not wait (NTF-4).
    WaitAndAlternate,
    /// Give up here and tell the alternate.
    Alternate,
    /// Give up here; the alternate was told before.
    GiveUp,
    /// Give up an edit; the message stands as it is.
    LeaveAsItIs,
}

/// Records an attempt in a notification and says what comes next.
///
/// `jitter` in 0..=255 spreads retries by up to a quarter, so that a channel that comes back is not stormed.
pub fn after_attempt(row: &mut NotificationRow, attempt: &Attempt, now: Millis, jitter: u8, edit_every: Span) -> Next {
    let mut log: Vec<Attempt> = serde_json::from_slice(&row.log).unwrap_or_default();
    let failed = |attempt: &&Attempt| !matches!(attempt.answer, Answer::Sent { .. });
    let failures = log.iter().rev().take_while(failed).count();
    log.push(attempt.clone());
    if log.len() > LOGGED {
        let sent = log.iter().position(|attempt| matches!(attempt.answer, Answer::Sent { .. }));
        log.remove(sent.map_or(0, |first| first + 1).min(log.len() - 1));
    }
    // INVARIANT: texts and integers always serialise.
    row.log = serde_json::to_vec(&log).unwrap_or_default();
    row.attempts = row.attempts.saturating_add(1);
    // It was told when the wait first passed six seconds, whatever the channel says now.
    let alternate_told = row.urgency == Level::Critical && row.due_at.since(row.created_at) >= ALTERNATE_AFTER;
    row.lease_until = Millis(0);
    match &attempt.answer {
        Answer::Sent { receipt, .. } => {
            row.state = NotificationState::Delivered;
            row.delivered_at = row.delivered_at.or(Some(now));
            row.receipt = receipt.clone().or(row.receipt.take());
            row.settled = row.edition;
            row.due_at = now.plus(edit_every);
            Next::Done
        }
        Answer::Retry { after, .. } => match WAITS.get(failures) {
            Some(wait) => {
                let wait = after.map_or(*wait, |asked| asked.clamp(*wait, LONGEST_WAIT));
                row.due_at = now.plus(Span(wait.0 + wait.0 * i64::from(jitter) / 1024));
                let waited = now.since(row.created_at);
                let critical = row.urgency == Level::Critical;
                // The alternate is told once: when the six seconds are passed for the first time.
                let crosses = row.due_at.since(row.created_at) >= ALTERNATE_AFTER && waited < ALTERNATE_AFTER;
                if row.state == NotificationState::Queued && critical && crosses && !alternate_told {
                    Next::WaitAndAlternate
                } else {
                    Next::Wait
                }
            }
            None => give_up(row, alternate_told),
        },
        Answer::Refused { .. } | Answer::Broken { .. } => give_up(row, alternate_told),
    }
}

/// The first message goes to the alternate instead. What it says by now is not worth another message.
fn give_up(row: &mut NotificationRow, alternate_told: bool) -> Next {
    if row.state == NotificationState::Delivered {
        row.settled = row.edition;
        return Next::LeaveAsItIs;
    }
    row.state = NotificationState::Failed;
    if alternate_told { Next::GiveUp } else { Next::Alternate }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::NotificationId;

    fn row(urgency: Level) -> NotificationRow {
        NotificationRow {
            id: NotificationId(uuid::Uuid::nil()),
            event_seq: Some(1),
            recipient: "team:@payments-team".into(),
            channel: "ops-hook".into(),
            lane: "ops-hook".into(),
            urgency,
            impact: None,
            reason: Vec::new(),
            created_at: Millis(0),
            state: NotificationState::Queued,
            due_at: Millis(0),
            lease_until: Millis(15_000),
            attempts: 0,
            log: Vec::new(),
            delivered_at: None,
            receipt: None,
            edition: 0,
            settled: 0,
            told_in: None,
        }
    }

    fn check(urgency: Level, answers: &[Answer], expect: &[(i64, Next)]) {
        let mut row = row(urgency);
        let mut now = Millis(0);
        let mut got = Vec::new();
        for answer in answers {
            let attempt = Attempt { at: now, took_ms: 0, edition: 0, answer: answer.clone() };
            let next = after_attempt(&mut row, &attempt, now, 0, SECOND.times(5));
            got.push((now.0, next));
            now = row.due_at.max(now);
        }
        assert_eq!(got, expect);
        assert_eq!(serde_json::from_slice::<Vec<Attempt>>(&row.log).unwrap().len(), answers.len());
    }

    #[test]
    fn a_notice_is_retried_then_handed_on() {
        let retry = || Answer::Retry { after: None, why: "500".into() };
        let five = [retry(), retry(), retry(), retry(), retry()];
        check(
            Level::Medium,
            &five,
            &[
                (0, Next::Wait),
                (1_000, Next::Wait),
                (6_000, Next::Wait),
                (36_000, Next::Wait),
                (336_000, Next::Alternate),
            ],
        );
        check(
            Level::Critical,
            &five,
            &[
                (0, Next::Wait),
                (1_000, Next::WaitAndAlternate),
                (6_000, Next::Wait),
                (36_000, Next::Wait),
                (336_000, Next::GiveUp),
            ],
        );
        check(
            Level::Medium,
            &[retry(), Answer::Sent { status: 204, receipt: None }],
            &[(0, Next::Wait), (1_000, Next::Done)],
        );
        check(Level::Medium, &[Answer::Refused { why: "404".into() }], &[(0, Next::Alternate)]);
        check(Level::Low, &[Answer::Broken { why: "410".into() }], &[(0, Next::Alternate)]);
    }

    #[test]
    fn an_edit_is_sent_a_while_after_the_last_one_and_has_retries_of_its_own() {
        let mut row = row(Level::Critical);
        let attempt = |row: &mut NotificationRow, at: i64, answer: Answer| {
            let attempt = Attempt { at: Millis(at), took_ms: 0, edition: row.edition, answer };
            let next = after_attempt(row, &attempt, Millis(at), 0, SECOND.times(5));
            (next, row.waits(), row.due_at.0)
        };
        let sent = || Answer::Sent { status: 200, receipt: Some("C1 17".into()) };
        let retry = || Answer::Retry { after: None, why: "500".into() };
        assert_eq!(attempt(&mut row, 0, retry()), (Next::Wait, true, 1_000));
        assert_eq!(attempt(&mut row, 1_000, sent()), (Next::Done, false, 6_000));
        row.edition = 2;
        assert!(row.waits());
        assert_eq!(attempt(&mut row, 6_000, retry()), (Next::Wait, true, 7_000));
        assert_eq!(attempt(&mut row, 7_000, sent()), (Next::Done, false, 12_000));
        assert_eq!((row.delivered_at, row.settled), (Some(Millis(1_000)), 2));
        row.edition = 3;
        let gone = Answer::Refused { why: "message_not_found".into() };
        assert_eq!(attempt(&mut row, 12_000, gone), (Next::LeaveAsItIs, false, 12_000));
        assert_eq!(row.state, NotificationState::Delivered);
        for edition in 4..100 {
            row.edition = edition;
            attempt(&mut row, i64::from(edition) * 10_000, sent());
        }
        let log: Vec<Attempt> = serde_json::from_slice(&row.log).unwrap();
        let editions: Vec<u32> = log.iter().map(|attempt| attempt.edition).collect();
        assert_eq!((&editions[..3], editions.last()), (&[0, 0, 78][..], Some(&99)));
    }

    #[test]
    fn a_channel_may_ask_for_longer_but_not_for_ever() {
        let asked = |after| Answer::Retry { after: Some(after), why: "429".into() };
        check(
            Level::Medium,
            &[asked(MINUTE), asked(HOUR.times(9)), asked(Span(1))],
            &[(0, Next::Wait), (60_000, Next::Wait), (3_660_000, Next::Wait)],
        );
    }
}
