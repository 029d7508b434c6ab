use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::value::RawValue;

use super::*;
use crate::record::Kind;

const NOW: i64 = 1_767_225_600_000;

static SEED: AtomicU64 = AtomicU64::new(1);

fn env() -> Env {
    Env {
        now: || NOW,
        entropy: |bytes| {
            let seed = SEED.fetch_add(1, Ordering::Relaxed);
            bytes.iter_mut().zip(seed.to_le_bytes().iter().cycle()).for_each(|(byte, from)| *byte = *from);
        },
    }
}

fn record(n: i64) -> Record {
    let body = RawValue::from_string(format!(r#"{{"n":{n},"text":"{}"}}"#, "x".repeat(50))).unwrap();
    Record { key: n.to_string(), at: NOW - 1000 + n, kind: Kind::Event, id: None, body }
}

fn records(numbers: std::ops::Range<i64>) -> Vec<Record> {
    numbers.map(record).collect()
}

fn drain(spool: &mut Spool) -> Vec<i64> {
    let mut all = Vec::new();
    loop {
        let some = spool.oldest(3, 1 << 20);
        if some.is_empty() {
            return all;
        }
        all.extend(some.iter().map(|record| record.key.parse::<i64>().unwrap()));
        spool.delivered(some.len());
    }
}

fn files(dir: &std::path::Path) -> usize {
    fs::read_dir(dir).map_or(0, Iterator::count)
}

#[test]
fn what_is_kept_comes_back_in_order_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path().into(), Limits { segment_bytes: 500, ..Limits::default() }, env());
    assert!(spool.is_empty());
    spool.append(&records(0..10));
    spool.append(&records(10..12));
    assert!(!spool.is_empty());
    let first = spool.oldest(100, 1 << 20);
    assert_eq!(first[0].key, "0", "asking again gives the same until it is delivered");
    spool.append(&records(12..14));
    assert_eq!(drain(&mut spool), (0..14).collect::<Vec<_>>());
    assert!(spool.is_empty());
    assert_eq!(spool.dropped(), None);
    drop(spool);
    assert_eq!(files(dir.path()), 0);
}

#[test]
fn what_a_gone_process_left_is_taken_over_and_a_living_ones_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut one = Spool::open(dir.path().into(), Limits::default(), env());
    one.append(&records(0..3));
    let mut other = Spool::open(dir.path().into(), Limits::default(), env());
    assert!(other.is_empty(), "its process lives");
    other.append(&records(3..5));
    drop(one);
    other.adopt();
    assert_eq!(drain(&mut other), [0, 1, 2, 3, 4]);
    drop(other);
    assert_eq!(files(dir.path()), 0);
}

#[test]
fn what_was_on_its_way_goes_before_what_came_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path().into(), Limits::default(), env());
    spool.append(&records(5..8));
    spool.prepend(&records(0..5));
    assert_eq!(drain(&mut spool), (0..8).collect::<Vec<_>>());
}

#[test]
fn many_records_that_were_on_their_way_stay_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path().into(), Limits::default(), env());
    spool.append(&records(200..210));
    spool.prepend(&records(0..200));
    assert_eq!(drain(&mut spool), (0..210).collect::<Vec<_>>());
}

#[test]
fn what_is_put_first_and_finds_no_room_is_what_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { bytes: 20_000, segment_bytes: 2_000, ..Limits::default() };
    let mut spool = Spool::open(dir.path().into(), limits, env());
    spool.append(&records(200..210));
    spool.prepend(&records(0..200));
    let dropped = spool.dropped().unwrap();
    assert_eq!(drain(&mut spool), (dropped.count as i64..210).collect::<Vec<_>>());
    assert_eq!((dropped.since, dropped.until), (record(0).at, record(dropped.count as i64 - 1).at));
}

#[test]
fn a_delivery_counts_for_what_was_read_though_more_was_taken_over_since() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Spool::open(dir.path().into(), Limits::default(), env());
    let (mut one, mut other) = (open(), open());
    one.append(&records(0..3));
    other.append(&records(3..6));
    assert_eq!(other.oldest(100, 1 << 20).len(), 3);
    drop(one);
    other.adopt();
    // As if the answer came only now: it is not for what was taken over.
    other.delivered(3);
    let rest = drain(&mut other);
    assert_eq!(rest, [0, 1, 2, 3, 4, 5], "what was read comes again, and nothing is gone");

    let mut third = open();
    third.append(&records(9..12));
    assert_eq!(third.oldest(2, 1 << 20).len(), 2);
    drop(other);
    third.append(&records(12..13));
    third.delivered(2);
    assert_eq!(drain(&mut third), [11, 12]);
}

#[test]
fn a_delivery_of_what_was_dropped_meanwhile_takes_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { bytes: 2_000, segment_bytes: 500, ..Limits::default() };
    let mut spool = Spool::open(dir.path().into(), limits, env());
    spool.append(&records(0..4));
    assert_eq!(spool.oldest(4, 1 << 20).len(), 4);
    let more = (4..).take_while(|n| {
        spool.append(&[record(*n)]);
        spool.dropped().is_none()
    });
    let next = 4 + more.count() as i64 + 1;
    spool.delivered(4);
    assert_eq!(drain(&mut spool), (4..next).collect::<Vec<_>>());
    assert_eq!(spool.dropped().unwrap().count, 4);
}

#[test]
fn what_is_lost_is_counted_once_however_often_its_file_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut one = Spool::open(dir.path().into(), Limits::default(), env());
    one.append(&[record(5), record(0), record(6), record(7)]);
    let segment = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path().join("500000.jsonl");
    drop(one);
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() - 7]).unwrap();
    let mut spool = Spool::open(dir.path().into(), Limits { age: 997, ..Limits::default() }, env());
    for _ in 0..3 {
        assert_eq!(spool.oldest(1, 1 << 20)[0].key, "5");
        assert_eq!(spool.dropped().unwrap().count, 2, "one too old, one torn");
        spool.prepend(&[]);
    }
    assert_eq!(drain(&mut spool), [5, 6]);
    assert_eq!(spool.dropped().unwrap().count, 2);
}

#[test]
fn beyond_the_bound_the_oldest_go_and_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { bytes: 4_000, segment_bytes: 500, ..Limits::default() };
    let mut spool = Spool::open(dir.path().into(), limits, env());
    for n in 0..100 {
        spool.append(&[record(n)]);
    }
    let dropped = spool.dropped().unwrap();
    let kept = drain(&mut spool);
    assert_eq!(dropped.count + kept.len() as u64, 100);
    assert_eq!(kept.last(), Some(&99));
    assert_eq!(kept, (dropped.count as i64..100).collect::<Vec<_>>(), "only the oldest are gone");
    assert_eq!((dropped.since, dropped.until), (record(0).at, record(dropped.count as i64 - 1).at));
    assert!(kept.len() > 10);
    spool.reported(Dropped { count: dropped.count - 2, ..dropped });
    assert_eq!(spool.dropped().unwrap().count, 2, "what was lost meanwhile is still to be told");
    // The count outlives the process that had no time to tell it.
    drop(spool);
    let spool = Spool::open(dir.path().into(), limits, env());
    assert_eq!(spool.dropped().unwrap().count, 2);
}

#[test]
fn what_is_too_old_is_dropped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path().into(), Limits { age: 997, ..Limits::default() }, env());
    spool.append(&records(0..6));
    assert_eq!(drain(&mut spool), [3, 4, 5]);
    assert_eq!(spool.dropped().unwrap().count, 3);
}

#[test]
fn a_torn_tail_costs_one_record_and_the_rest_is_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let mut one = Spool::open(dir.path().into(), Limits::default(), env());
    one.append(&records(0..3));
    let segment = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path().join("500000.jsonl");
    drop(one);
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() - 7]).unwrap();
    let mut other = Spool::open(dir.path().into(), Limits::default(), env());
    other.append(&records(3..4));
    assert_eq!(drain(&mut other), [0, 1, 3]);
    assert_eq!(other.dropped().unwrap().count, 1);
}

#[test]
fn a_directory_that_cannot_be_written_drops_and_counts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("not-a-directory");
    fs::write(&file, "").unwrap();
    let mut spool = Spool::open(file, Limits::default(), env());
    spool.append(&records(0..4));
    assert_eq!(spool.dropped().unwrap().count, 4);
    assert!(spool.is_empty());
}
