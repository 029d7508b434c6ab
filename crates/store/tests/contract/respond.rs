//! What people answered, and what they are still to review.

use mandate_core::audit::{self, AuditEntry};
use mandate_core::change::{ResponseRow, ReviewRow};
use mandate_core::id::{IdSource, NotificationId, ResponseId, TenantId};
use mandate_core::intervention::{Effect, Intervention, Via};
use mandate_core::metric::AnswerTimes;
use mandate_core::time::{DAY, HOUR, Millis, SECOND, Span};
use mandate_store::{ReviewPlace, Reviews, Store, StoredResponse};

use super::build::{Batch, commit_events};
use super::world::{World, tenant_id};

/// Answers to the notices of three events: one with a note, a later one, one that takes the first back, and one to a
/// notice about no event.
pub(crate) async fn commit_answers(store: &Store, tenant: TenantId) -> Vec<StoredResponse> {
    let events = commit_events(store, tenant, 3).await;
    let mut tx = store.begin(tenant).await.unwrap();
    let mut batch = Batch::after(tx.head(), tx.now());
    let mut ids = IdSource::after(batch.head.last_id_at);
    let notice = |n: usize| events.changes.notifications[n].id;
    let alone = NotificationId(uuid::Uuid::from_u128(9));
    let seq = |n: usize| Some(events.changes.events[n].seq);
    let mut written: Vec<StoredResponse> = Vec::new();
    for (notification, event_seq, intervention, note) in [
        (notice(0), seq(0), Intervention::PauseAgent, Some("wrong bucket")),
        (notice(1), seq(1), Intervention::Acknowledge, None),
        (notice(0), seq(0), Intervention::PauseAgent, None),
        (alone, None, Intervention::LooksOk, None),
    ] {
        let mut entry =
            AuditEntry::done("person:1", intervention.audit_action(), format!("notification:{notification}"));
        if let Some(note) = note {
            entry = entry.with("note", note);
        }
        let (row, tip) = audit::seal(entry, tenant, batch.now, batch.head.audit, [4; 16]);
        batch.head.audit = tip;
        batch.changes.audit.push(row);
        let undoes = (written.len() == 2).then(|| written[0].row.id);
        written.push(StoredResponse {
            row: ResponseRow {
                id: ResponseId(ids.next(batch.now, [6; 16])),
                notification,
                event_seq,
                intervention,
                undoes,
                assignee: undoes.map(|_| "person:2".to_owned()),
                by: "person:1".to_owned(),
                via: Via::Cli,
                at: batch.now,
                since_sent: undoes.is_none().then_some(SECOND),
                first: undoes.is_none(),
                effect: if intervention == Intervention::PauseAgent { Effect::Pause } else { Effect::Noted },
                audit_seq: tip.seq,
            },
            note: note.map(str::to_owned),
        });
    }
    batch.head.last_id_at = ids.last();
    batch.changes.responses = written.iter().map(|stored| stored.row.clone()).collect();
    tx.write(&batch.changes, &batch.head).await.unwrap();
    tx.commit().await.unwrap();
    written
}

pub(crate) async fn answers_come_back_with_their_notes(world: &mut World) {
    let (store, tenant) = (&world.store, world.tenant);
    let written = commit_answers(store, tenant).await;
    let [first, other, undo, alone] = &written[..] else { panic!("four") };
    for stored in &written {
        assert_eq!(store.response(tenant, stored.row.id).await.unwrap().as_ref(), Some(stored));
    }
    let seq = first.row.event_seq.unwrap();
    assert_eq!(store.responses_of(tenant, seq).await.unwrap(), [first.clone(), undo.clone()]);
    assert_eq!(store.responses_to(tenant, alone.row.notification).await.unwrap(), std::slice::from_ref(alone));

    let mut tx = store.begin(tenant).await.unwrap();
    let rows: Vec<ResponseRow> = written.iter().map(|stored| stored.row.clone()).collect();
    let seqs = [seq, other.row.event_seq.unwrap()];
    assert_eq!(tx.responses_to(&seqs, &[]).await.unwrap(), rows[..3]);
    assert_eq!(tx.responses_to(&seqs[..1], &[first.row.notification, alone.row.notification]).await.unwrap().len(), 3);
    let named = tx.responses_named(&[undo.row.id, ResponseId(uuid::Uuid::nil())]).await.unwrap();
    assert_eq!(named, std::slice::from_ref(&undo.row));
    let noticed = tx.notifications_named(&[first.row.notification, NotificationId(uuid::Uuid::nil())]).await.unwrap();
    assert_eq!(noticed.iter().map(|row| row.id).collect::<Vec<_>>(), [first.row.notification]);
    assert!(tx.responses_to(&[], &[]).await.unwrap().is_empty() && tx.first_sent(&seqs).await.unwrap().is_empty());
    // The notice arrives; what is asked first is when the first one did.
    let mut next = Batch::after(tx.head(), tx.now());
    let mut sent = noticed[0].clone();
    (sent.state, sent.attempts, sent.delivered_at) =
        (mandate_core::change::NotificationState::Delivered, 1, Some(Millis(77)));
    next.changes.deliveries.push(sent);
    tx.write(&next.changes, &next.head).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin(tenant).await.unwrap();
    assert_eq!(tx.first_sent(&seqs).await.unwrap().into_iter().collect::<Vec<_>>(), [(seq, Millis(77))]);
    drop(tx);

    let other_tenant = tenant_id(2);
    store.create_tenant("other", other_tenant, [3; 32], [4; 32]).await.unwrap();
    assert_eq!(store.response(other_tenant, first.row.id).await.unwrap(), None);
    assert!(store.responses_of(other_tenant, seq).await.unwrap().is_empty());
    assert!(store.responses_to(other_tenant, first.row.notification).await.unwrap().is_empty());
    let mut tx = store.begin(other_tenant).await.unwrap();
    assert!(tx.responses_to(&seqs, &[first.row.notification]).await.unwrap().is_empty());
    assert!(tx.responses_named(&[first.row.id]).await.unwrap().is_empty());
    assert!(tx.notifications_named(&[first.row.notification]).await.unwrap().is_empty());
    assert!(tx.first_sent(&seqs).await.unwrap().is_empty());
}

async fn commit_reviews(store: &Store, tenant: TenantId, dues: &[i64]) -> Vec<ReviewRow> {
    let events = commit_events(store, tenant, i64::try_from(dues.len()).unwrap()).await;
    let mut tx = store.begin(tenant).await.unwrap();
    let mut batch = Batch::after(tx.head(), tx.now());
    batch.changes.reviews = events
        .changes
        .events
        .iter()
        .zip(dues)
        .map(|(event, due)| ReviewRow::open(event.id, event.seq, "rule:deletes", Millis(0), Span(*due)))
        .collect();
    tx.write(&batch.changes, &batch.head).await.unwrap();
    tx.commit().await.unwrap();
    batch.changes.reviews
}

async fn change_reviews(store: &Store, tenant: TenantId, reviews: Vec<ReviewRow>) {
    let mut tx = store.begin(tenant).await.unwrap();
    let mut batch = Batch::after(tx.head(), tx.now());
    batch.changes.reviews = reviews;
    tx.write(&batch.changes, &batch.head).await.unwrap();
    tx.commit().await.unwrap();
}

pub(crate) async fn reviews_are_listed_in_their_order(world: &mut World) {
    let (store, tenant) = (&world.store, world.tenant);
    let mut rows = commit_reviews(store, tenant, &[50, 10, 30, 10, 40]).await;
    assert!(rows[2].close("person:1", Millis(60)) && rows[4].close("key:1", Millis(55)));
    change_reviews(store, tenant, vec![rows[2].clone(), rows[4].clone()]).await;
    for row in &rows {
        assert_eq!(store.review(tenant, row.event_seq).await.unwrap().as_ref(), Some(row));
    }
    let listed = async |which, size| {
        let (mut seqs, mut after) = (Vec::new(), None);
        loop {
            let page = store.reviews(tenant, which, after, size).await.unwrap();
            let Some(last) = page.last() else { return seqs };
            after = which.place(last);
            seqs.extend(page.iter().map(|row| row.event_seq));
        }
    };
    for size in [1, 2, 10] {
        assert_eq!(listed(Reviews::Open, size).await, [2, 4, 1]);
        assert_eq!(listed(Reviews::DueAt(Millis(10)), size).await, [2, 4]);
        assert_eq!(listed(Reviews::Closed, size).await, [3, 5]);
    }
    assert_eq!(Reviews::Closed.place(&rows[0]), None);
    let mut tx = store.begin(tenant).await.unwrap();
    let mut found = tx.reviews_of(&[2, 3, 99]).await.unwrap();
    found.sort_by_key(|row| row.event_seq);
    assert_eq!(found, rows[1..3]);
    drop(tx);

    let other = tenant_id(2);
    store.create_tenant("other", other, [3; 32], [4; 32]).await.unwrap();
    assert_eq!(store.review(other, 1).await.unwrap(), None);
    assert!(store.reviews(other, Reviews::Open, None, 10).await.unwrap().is_empty());
    let place = ReviewPlace { at: Millis(i64::MAX), event_seq: 0 };
    assert!(store.reviews(other, Reviews::Closed, Some(place), 10).await.unwrap().is_empty());
    let mut tx = store.begin(other).await.unwrap();
    assert!(tx.reviews_of(&[1, 2]).await.unwrap().is_empty());
    assert!(tx.reviews_overdue(Millis(i64::MAX), 10).await.unwrap().is_empty());
}

pub(crate) async fn overdue_reviews_are_few_and_the_longest_due(world: &mut World) {
    let (store, tenant) = (&world.store, world.tenant);
    let mut rows = commit_reviews(store, tenant, &[50, 10, 30, 20, 40]).await;
    let overdue = async |now, limit| {
        let rows = store.begin(tenant).await.unwrap().reviews_overdue(Millis(now), limit).await.unwrap();
        rows.iter().map(|row| row.event_seq).collect::<Vec<_>>()
    };
    assert!(overdue(9, 10).await.is_empty());
    assert_eq!(overdue(30, 10).await, [2, 4, 3]);
    assert_eq!(overdue(100, 2).await, [2, 4]);
    rows[1].escalated_at = Some(Millis(11));
    rows[3].close("person:1", Millis(11));
    change_reviews(store, tenant, vec![rows[1].clone(), rows[3].clone()]).await;
    assert_eq!(overdue(100, 10).await, [3, 5, 1]);
}

pub(crate) async fn answer_times_are_those_of_the_window(world: &mut World) {
    let (store, tenant) = (&world.store, world.tenant);
    let written = commit_answers(store, tenant).await;
    let now = written[0].row.at;
    // Of three events two were answered, one of them by a pause; a notice about no event counts for none.
    let expect = AnswerTimes { told: 0, first: vec![SECOND; 2], pause: vec![SECOND] };
    assert_eq!(store.answer_times(tenant, now.minus(HOUR)).await.unwrap(), expect);
    let mut tx = store.begin(tenant).await.unwrap();
    let mut batch = Batch::after(tx.head(), tx.now());
    for id in [written[0].row.notification, written[1].row.notification] {
        let mut row = tx.notifications_named(&[id]).await.unwrap().remove(0);
        (row.state, row.attempts, row.delivered_at) =
            (mandate_core::change::NotificationState::Delivered, 1, Some(now));
        batch.changes.deliveries.push(row);
    }
    tx.write(&batch.changes, &batch.head).await.unwrap();
    tx.commit().await.unwrap();
    let expect = AnswerTimes { told: 2, ..expect };
    assert_eq!(store.answer_times(tenant, now.minus(HOUR)).await.unwrap(), expect);
    assert_eq!(store.answer_times(tenant, now.plus(DAY)).await.unwrap(), AnswerTimes::default());
    let other = tenant_id(2);
    store.create_tenant("other", other, [3; 32], [4; 32]).await.unwrap();
    assert_eq!(store.answer_times(other, Millis(0)).await.unwrap(), AnswerTimes::default());
}
