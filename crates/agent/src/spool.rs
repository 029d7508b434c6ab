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
use std::path::PathBuf;

use mandate_api::Dropped;

use crate::Env;
use crate::record::Record;
use group::{Group, Segment};

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
    /// Records of the first unread segment that are not yet delivered.
    loaded: VecDeque<Record>,
    dropped: Option<Dropped>,
    /// Bytes of all processes when last measured, and what this one wrote since.
    bytes: Option<u64>,
}

impl Spool {
    /// The spool in `dir`, which need not exist. Takes over what gone processes left.
    #[must_use]
    pub fn open(dir: PathBuf, limits: Limits, env: Env) -> Self {
        let mut spool = Self {
            dir,
            limits,
            env,
            adopted: VecDeque::new(),
            own: None,
            loaded: VecDeque::new(),
            dropped: None,
            bytes: None,
        };
        spool.adopt();
        spool
    }

    /// Takes over what processes that are gone by now left.
    pub fn adopt(&mut self) {
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
        self.loaded.is_empty() && self.adopted.iter().chain(&self.own).all(Group::is_drained)
    }

    /// Keeps records behind all others. Never fails: what finds no room is dropped and counted.
    pub fn append(&mut self, records: &[Record]) {
        self.keep(records, false);
    }

    /// Keeps records before all others of this process: they were on their way when later ones came here.
    pub fn prepend(&mut self, records: &[Record]) {
        // What was loaded and not delivered is read again, behind these.
        self.loaded.clear();
        self.keep(records, true);
    }

    /// The oldest records that are not yet delivered, at most `items` and about `bytes`. Repeats until [`Self::delivered`].
    pub fn oldest(&mut self, items: usize, bytes: usize) -> Vec<Record> {
        while self.loaded.is_empty() {
            let Some(segment) = self.first_unread() else { break };
            let (records, damaged) = segment.read();
            let (delivered, now) = (segment.delivered, (self.env.now)());
            let oldest_kept = now - self.limits.age;
            let mut fallen = damaged_lines(damaged, now);
            for (at, record) in records.into_iter().enumerate().skip(delivered) {
                if record.at < oldest_kept {
                    fallen = merge(fallen, Some(Dropped { count: 1, since: record.at, until: record.at }));
                    if self.loaded.is_empty() {
                        self.mark_delivered(at + 1);
                    }
                } else {
                    self.loaded.push_back(record);
                }
            }
            self.add_dropped(fallen);
            if self.loaded.is_empty() {
                self.finish_segment();
            }
        }
        let mut size = 0;
        self.loaded
            .iter()
            .take(items)
            .take_while(|record| {
                let fits = size == 0 || size + record.size() <= bytes;
                size += record.size();
                fits
            })
            .cloned()
            .collect()
    }

    /// The first `count` of what [`Self::oldest`] gave have been delivered.
    pub fn delivered(&mut self, count: usize) {
        let count = count.min(self.loaded.len());
        self.loaded.drain(..count);
        if let Some(segment) = self.first_unread() {
            let delivered = segment.delivered + count;
            self.mark_delivered(delivered);
        }
        if self.loaded.is_empty() {
            self.finish_segment();
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

    fn keep(&mut self, records: &[Record], first: bool) {
        let mut lines = Vec::new();
        for chunk in records.chunks(64) {
            lines.clear();
            chunk.iter().for_each(|record| frame::encode(record, &mut lines));
            if !self.write(&lines, first) {
                let lost = chunk.iter().fold(None, |lost, record| {
                    merge(lost, Some(Dropped { count: 1, since: record.at, until: record.at }))
                });
                self.add_dropped(lost);
            }
        }
    }

    /// Whether the lines are in a file now. Makes room by dropping the oldest, for the bound or for a full disk.
    fn write(&mut self, lines: &[u8], first: bool) -> bool {
        if self.own.is_none() {
            match Group::create(&self.dir, &self.env) {
                Ok(group) => self.own = Some(group),
                Err(error) => return self.refuse(&error),
            }
        }
        let length = lines.len() as u64;
        while self.total_bytes() + length > self.limits.bytes {
            if !self.drop_oldest() {
                return false;
            }
        }
        for last_try in [false, true] {
            let Some(own) = &mut self.own else { return false };
            let written = if first { own.write_before(lines) } else { own.write(lines, self.limits.segment_bytes) };
            match written {
                Ok(()) => {
                    self.bytes = self.bytes.map(|bytes| bytes + length);
                    return true;
                }
                Err(error) if last_try || !self.drop_oldest() => return self.refuse(&error),
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

    /// Gives up the oldest segment this process may touch: delivered ones first, they cost nothing.
    fn drop_oldest(&mut self) -> bool {
        self.bytes = None;
        for group in self.adopted.iter_mut().chain(&mut self.own) {
            if group.remove_delivered() {
                return true;
            }
        }
        let reading = !self.loaded.is_empty();
        for group in self.adopted.iter_mut().chain(&mut self.own) {
            let Some(segment) = group.remove_first() else { continue };
            let (records, damaged) = segment.lost;
            let lost = records.iter().fold(damaged_lines(damaged, (self.env.now)()), |lost, record| {
                merge(lost, Some(Dropped { count: 1, since: record.at, until: record.at }))
            });
            if reading {
                self.loaded.clear();
            }
            self.add_dropped(lost);
            return true;
        }
        false
    }

    fn first_unread(&mut self) -> Option<&mut Segment> {
        self.adopted.iter_mut().chain(&mut self.own).find_map(Group::first_unread)
    }

    fn mark_delivered(&mut self, delivered: usize) {
        if let Some(segment) = self.first_unread() {
            segment.delivered = delivered;
        }
    }

    fn finish_segment(&mut self) {
        if let Some(segment) = self.first_unread() {
            segment.drained = true;
        }
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

fn damaged_lines(count: u64, now: i64) -> Option<Dropped> {
    (count > 0).then_some(Dropped { count, since: now, until: now })
}

#[cfg(test)]
mod tests;
