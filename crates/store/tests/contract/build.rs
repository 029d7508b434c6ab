//! Rows for cases and benchmarks.

use mandate_core::audit::{self, AuditEntry, AuditRow};
use mandate_core::chain::{Hash, Tip};
use mandate_core::change::{Changes, EventRow, FeedEntry, Head, NotificationRow, NotificationState, SeenKey, SeenRow};
use mandate_core::event::{Decision, Level};
use mandate_core::id::{EventId, IdSource, NotificationId, TenantId, derive, first_16};
use mandate_core::time::{Millis, SECOND};
use mandate_store::Store;

/// A commit in the making: changes, and the head that they lead to.
pub(crate) struct Batch {
    pub(crate) changes: Changes,
    pub(crate) head: Head,
    pub(crate) now: Millis,
    ids: IdSource,
}

impl Batch {
    pub(crate) fn after(head: &Head, now: Millis) -> Self {
        Self { changes: Changes::default(), head: *head, now, ids: IdSource::after(head.last_id_at) }
    }

    /// Adds an event of about 900 sealed bytes.
    pub(crate) fn event(&mut self, actor: &str, resource: &str) -> &mut EventRow {
        let seq = self.head.events.next_seq();
        let digest = Hash::of(&seq.to_be_bytes()).0;
        let id = EventId(self.ids.next(self.now, first_16(&digest)));
        let padding = "x".repeat(500);
        let sealed = format!(
            r#"{{"action":{{"type":"deploy"}},"actor":{{"id":"{actor}","type":"agent"}},"id":"{id}","integrity":{{"prev_hash":"{}","seq":{seq}}},"padding":"{padding}"}}"#,
            self.head.events.hash
        );
        self.head.events = Tip { seq, hash: Hash::of(sealed.as_bytes()) };
        self.head.position += 1;
        self.head.last_id_at = self.ids.last();
        match self.changes.feed.last_mut() {
            Some(FeedEntry::Events { to, .. }) => *to = seq,
            _ => self.changes.feed.push(FeedEntry::Events { from: seq, to: seq }),
        }
        self.changes.events.push(EventRow {
            seq,
            id,
            position: self.head.position,
            at: self.now,
            actor: Some(actor.to_owned()),
            action: Some("deploy".to_owned()),
            session: Some("s-1".to_owned()),
            decision: Decision::Monitored,
            resources: vec![resource.to_owned()],
            hash: self.head.events.hash,
            sealed: sealed.into_bytes(),
            content: Some(br#"{"description":"Deploy","salt":"00"}"#.to_vec()),
            plan: br#"{"planner":1,"rule":"default","observed":{"actions_last_hour":12,"first_seen":false}}"#.to_vec(),
        });
        self.changes.events.last_mut().unwrap()
    }

    /// Adds the key under which the last event came.
    pub(crate) fn seen(&mut self) -> SeenRow {
        let event = self.changes.events.last().unwrap();
        let row = SeenRow {
            key: SeenKey { hour: event.at.hour(), digest: first_16(&event.hash.0) },
            content: [7; 16],
            seq: event.seq,
            expires_at: event.at.plus(SECOND),
        };
        self.changes.seen.push(row);
        row
    }

    /// Adds a notification of the last event, queued and held by nobody.
    pub(crate) fn notification(&mut self, recipient: &str) -> &mut NotificationRow {
        let event = self.changes.events.last().unwrap();
        self.changes.notifications.push(NotificationRow {
            id: NotificationId(derive(event.at, event.id, "notification", &[recipient, "slack"])),
            event_seq: Some(event.seq),
            recipient: recipient.into(),
            channel: "slack".into(),
            lane: format!("slack:{recipient}").into(),
            urgency: Level::Medium,
            impact: None,
            reason: br#"{"owner":"team"}"#.to_vec(),
            created_at: event.at,
            state: NotificationState::Queued,
            due_at: event.at,
            lease_until: Millis(0),
            attempts: 0,
            log: b"[]".to_vec(),
            delivered_at: None,
            receipt: None,
            edition: 0,
            settled: 0,
            told_in: None,
        });
        self.changes.notifications.last_mut().unwrap()
    }

    /// Adds an audit entry.
    pub(crate) fn audit(&mut self, tenant: TenantId, action: &'static str, resource: &str) -> AuditRow {
        let entry = AuditEntry::done("system", action, resource);
        let (row, tip) = audit::seal(entry, tenant, self.now, self.head.audit, [3; 16]);
        self.head.audit = tip;
        self.changes.audit.push(row.clone());
        row
    }

    /// Adds something else to the feed.
    pub(crate) fn feed(&mut self, entry: FeedEntry) {
        self.head.position += entry.positions();
        self.changes.feed.push(entry);
    }

    /// A whole batch: events of a few agents on a few resources, each with a key and a notification.
    pub(crate) fn events(&mut self, count: i64) {
        for number in 0..count {
            self.event(&format!("agent-{}", number % 7), &format!("service:shop-{}", number % 13));
            self.seen();
            self.notification(&format!("team:{}", number % 5));
        }
    }
}

/// Commits `count` events in one transaction and gives what was written.
pub(crate) async fn commit_events(store: &Store, tenant: TenantId, count: i64) -> Batch {
    let mut tx = store.begin(tenant).await.unwrap();
    let mut batch = Batch::after(tx.head(), tx.now());
    batch.events(count);
    tx.write(&batch.changes, &batch.head).await.unwrap();
    tx.commit().await.unwrap();
    batch
}
