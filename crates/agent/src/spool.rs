//! What could not be delivered, on disk, until the server is back.
//!
//! Each process writes a directory of its own, which it holds by a file lock for as long as it lives; whoever finds
//! one whose process is gone takes it over. Inside lie segments, read in the order of their names; a segment is
//! never written again once it was read or its process ended, so a torn last line harms nothing after it. Files go
//! when all of a directory is delivered: a crash between delivery and deletion sends again under the same keys.
//!
//! The bound is in bytes and in age. What falls out, the oldest first, is counted and reported. Nothing here is
//! synced to the platter: the spool outlives a process, not a power cut.

mod frame;
mod group;

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mandate_api::Dropped;

use crate::Env;
use crate::record::Record;
use group::{Group, Placed, Segment};

/// So many records are written at once.
const CHUNK: usize = 64;

/// How much a spool may keep.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one agent's spool, over all its processes.
    pub bytes: u64,
    /// Bytes after which a new segment begins; the grain in which the oldest is dropped.
    pub segment_bytes: u64,
    /// Milliseconds after which a record is dropped.
    pub age: i64,
}

impl Default for Limits {
    /// 64 MB in segments of 1 MB, for 72 hours.
    fn default() -> Self {
        Self { bytes: 64 << 20, segment_bytes: 1 << 20, age: 72 * 3_600_000 }
    }
}

/// The spool of one agent at one server, as one process sees it.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    limits: Limits,
    env: Env,
    /// Taken over from processes that are gone, the oldest first.
    adopted: VecDeque<Group>,
    own: Option<Group>,
    reading: Option<Reading>,
    dropped: Option<Dropped>,
    /// Bytes of all processes when last measured, and what this one wrote since.
    bytes: Option<u64>,
}

impl Spool {
    /// The spool in `dir`, which need not exist. Takes over what gone processes left.
    #[must_use]
    pub fn open(dir: PathBuf, limits: Limits, env: Env) -> Self {
        let mut spool =
            Self { dir, limits, env, adopted: VecDeque::new(), own: None, reading: None, dropped: None, bytes: None };
        spool.adopt();
        spool
    }

    /// Takes over what processes that are gone by now left.
    pub fn adopt(&mut self) {
        // What is taken over is read first; what was being read comes again behind it.
        self.reading = None;
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for path in paths {
            let known = self.adopted.iter().chain(&self.own).any(|group| group.path() == path);
            if known {
                continue;
            }
            if let Some((group, dropped)) = Group::adopt(path) {
                self.add_dropped(dropped);
                self.adopted.extend(group);
            }
        }
    }

    /// Whether nothing is waiting here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.adopted.iter().chain(&self.own).all(Group::is_drained)
    }

    /// Keeps records behind all others. Never fails: what finds no room is dropped and counted.
    pub fn append(&mut self, records: &[Record]) {
        for chunk in records.chunks(CHUNK) {
            self.keep(chunk, End::Back);
        }
    }

    /// Keeps records before all others of this process: they were on their way when later ones came here.
    ///
    /// Being older than those, they make no room at their cost: without room they are what is dropped.
    pub fn prepend(&mut self, records: &[Record]) {
        // What was read and not delivered is read again, behind these.
        self.reading = None;
        // Each chunk goes before what is there, so the last one is put there first.
        for chunk in records.rchunks(CHUNK) {
            self.keep(chunk, End::Front);
        }
    }

    /// The oldest records that are not yet delivered, at most `items` and about `bytes`. Repeats until [`Self::delivered`].
    pub fn oldest(&mut self, items: usize, bytes: usize) -> Vec<Record> {
        while self.reading.is_none() && self.read_next() {}
        let Some(reading) = &self.reading else { return Vec::new() };
        let mut size = 0;
        let fitting = reading.records.iter().take(items).take_while(|placed| {
            let fits = size == 0 || size + placed.record.size() <= bytes;
            size += placed.record.size();
            fits
        });
        fitting.map(|placed| placed.record.clone()).collect()
    }

    /// The first `count` of what [`Self::oldest`] gave have been delivered.
    ///
    /// What was dropped since then stays counted as lost: nobody can tell which of it was still on its way.
    pub fn delivered(&mut self, count: usize) {
        let Some(reading) = &mut self.reading else { return };
        let through = reading.records.drain(..count.min(reading.records.len())).next_back();
        let drained = reading.records.is_empty();
        let (group, number) = (reading.group.clone(), reading.segment);
        if let (Some(segment), Some(placed)) = (self.segment(&group, number), through) {
            segment.delivered = placed.at + 1;
            segment.drained = drained;
        }
        if drained {
            self.reading = None;
            self.remove_drained();
        }
    }

    /// What was lost since the last [`Self::reported`].
    #[must_use]
    pub fn dropped(&self) -> Option<Dropped> {
        self.dropped
    }

    /// The server knows of `told`; what was lost meanwhile stays to be reported.
    pub fn reported(&mut self, told: Dropped) {
        self.dropped = self.dropped.and_then(|now| {
            let count = now.count.saturating_sub(told.count);
            (count > 0).then_some(Dropped { count, ..now })
        });
        self.save_dropped();
    }

    /// Counts records that were lost before they came here.
    pub fn add_dropped(&mut self, more: Option<Dropped>) {
        if more.is_some() {
            self.dropped = merge(self.dropped, more);
            self.save_dropped();
        }
    }

    /// Reads the first segment that holds something. False when there is none.
    fn read_next(&mut self) -> bool {
        let now = (self.env.now)();
        let oldest_kept = now - self.limits.age;
        let found = self.groups().find_map(|group| {
            let path = group.path().to_owned();
            group.first_unread().map(|segment| (path, segment.number, segment.read(oldest_kept, now)))
        });
        let Some((group, segment, read)) = found else { return false };
        self.add_dropped(read.lost);
        if read.records.is_empty() {
            if let Some(segment) = self.segment(&group, segment) {
                segment.drained = true;
            }
            self.remove_drained();
        } else {
            self.reading = Some(Reading { group, segment, records: read.records });
        }
        true
    }

    fn keep(&mut self, records: &[Record], end: End) {
        let mut lines = Vec::new();
        records.iter().for_each(|record| frame::encode(record, &mut lines));
        if !self.write(&lines, end) {
            self.add_dropped(count(records));
        }
    }

    /// Whether the lines are in a file now. Makes room by dropping what is older, for the bound or for a full disk.
    fn write(&mut self, lines: &[u8], end: End) -> bool {
        if self.own.is_none() {
            match Group::create(&self.dir, &self.env) {
                Ok(group) => self.own = Some(group),
                Err(error) => return self.refuse(&error),
            }
        }
        let length = lines.len() as u64;
        while self.total_bytes() + length > self.limits.bytes {
            if !self.make_room(end) {
                return false;
            }
        }
        for last_try in [false, true] {
            let Some(own) = &mut self.own else { return false };
            let written = match end {
                End::Front => own.write_before(lines),
                End::Back => own.write(lines, self.limits.segment_bytes),
            };
            match written {
                Ok(()) => {
                    self.bytes = self.bytes.map(|bytes| bytes + length);
                    return true;
                }
                Err(error) if last_try || !self.make_room(end) => return self.refuse(&error),
                Err(_full) => {}
            }
        }
        false
    }

    fn refuse(&self, error: &io::Error) -> bool {
        tracing::warn!(%error, dir = %self.dir.display(), "events cannot be kept on disk; they are dropped and counted");
        false
    }

    /// All bytes of this agent's spool, other processes' included. Measured now and then: others write too.
    fn total_bytes(&mut self) -> u64 {
        match self.bytes {
            Some(bytes) if bytes < self.limits.bytes.saturating_sub(self.limits.segment_bytes) => bytes,
            _ => *self.bytes.insert(self.measure()),
        }
    }

    fn measure(&self) -> u64 {
        let Ok(entries) = fs::read_dir(&self.dir) else { return 0 };
        entries.filter_map(|entry| fs::read_dir(entry.ok()?.path()).ok()).flatten().fold(0, |sum, file| {
            let length = file.and_then(|file| file.metadata()).map_or(0, |metadata| metadata.len());
            sum + length
        })
    }

    /// Gives up the oldest segment this process may touch, of those older than what is written at `end`: delivered
    /// ones first, they cost nothing.
    fn make_room(&mut self, end: End) -> bool {
        self.bytes = None;
        if self.groups().any(Group::remove_delivered) {
            return true;
        }
        let now = (self.env.now)();
        let newer = self.own.as_mut().filter(|_| end == End::Back);
        let found = self.adopted.iter_mut().chain(newer).find_map(|group| {
            let segment = group.remove_first()?;
            Some((group.path().to_owned(), segment))
        });
        let Some((group, segment)) = found else { return false };
        if self.reading.as_ref().is_some_and(|reading| reading.group == group && reading.segment == segment.number) {
            self.reading = None;
        }
        self.add_dropped(segment.give_up(now));
        true
    }

    /// All that this process may touch, in the order it is read.
    fn groups(&mut self) -> impl Iterator<Item = &mut Group> {
        self.adopted.iter_mut().chain(&mut self.own)
    }

    fn segment(&mut self, group: &Path, number: u32) -> Option<&mut Segment> {
        self.groups().find(|other| other.path() == group)?.segment(number)
    }

    fn remove_drained(&mut self) {
        while self.adopted.front().is_some_and(Group::is_drained) {
            if let Some(group) = self.adopted.pop_front() {
                group.remove();
            }
        }
        if let Some(own) = &mut self.own
            && own.is_drained()
        {
            own.clear();
        }
    }

    fn save_dropped(&mut self) {
        if let (None, Some(_)) = (&self.own, self.dropped) {
            self.own = Group::create(&self.dir, &self.env).ok();
        }
        if let Some(own) = &self.own {
            own.save_dropped(self.dropped);
        }
    }
}

/// What was read of one segment and is not yet delivered.
///
/// It remembers which segment that is: others may be taken over, put before it or dropped at any time, and a
/// delivery counts for the segment it came from and for no other.
#[derive(Debug)]
struct Reading {
    group: PathBuf,
    segment: u32,
    records: VecDeque<Placed>,
}

/// Where records are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Before all others of this process.
    Front,
    /// Behind all others.
    Back,
}

impl Drop for Spool {
    fn drop(&mut self) {
        if self.is_empty()
            && self.dropped.is_none()
            && let Some(own) = self.own.take()
        {
            own.remove();
        }
    }
}

/// Two counts of what was lost as one.
pub(crate) fn merge(one: Option<Dropped>, other: Option<Dropped>) -> Option<Dropped> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Dropped {
            count: one.count + other.count,
            since: one.since.min(other.since),
            until: one.until.max(other.until),
        }),
        (one, other) => one.or(other),
    }
}

/// These records as lost ones.
pub(crate) fn count<'r>(records: impl IntoIterator<Item = &'r Record>) -> Option<Dropped> {
    let one = |record: &Record| Dropped { count: 1, since: record.at, until: record.at };
    records.into_iter().fold(None, |lost, record| merge(lost, Some(one(record))))
}

#[cfg(test)]
mod tests;
