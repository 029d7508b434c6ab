//! The files of one process: a directory, its lock, its segments.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use mandate_api::Dropped;

use super::{count, frame, merge};
use crate::Env;
use crate::record::Record;

/// Segments are numbered from here, so that some can be put before the first.
const FIRST_SEGMENT: u32 = 500_000;

/// The directory of one process, held by its lock.
#[derive(Debug)]
pub(super) struct Group {
    path: PathBuf,
    /// Held until dropped.
    _lock: File,
    segments: VecDeque<Segment>,
    open: Option<Open>,
    next: u32,
}

/// One file of records.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    /// Its name and its place among the others.
    pub(super) number: u32,
    /// How many of its first records have been delivered.
    pub(super) delivered: usize,
    /// Whether all of them have.
    pub(super) drained: bool,
    /// Once it was read: the time before which its records were too old, and counted as lost, as damaged lines were.
    counted_before: Option<i64>,
}

/// A record and its place in its segment.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) at: usize,
    pub(super) record: Record,
}

/// What a segment holds.
#[derive(Debug)]
pub(super) struct Read {
    /// What is still to be delivered.
    pub(super) records: VecDeque<Placed>,
    /// What is lost and was not counted before.
    pub(super) lost: Option<Dropped>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
}

impl Group {
    /// A directory of this process's own.
    pub(super) fn create(spool: &Path, env: &Env) -> io::Result<Self> {
        fs::create_dir_all(spool)?;
        let name = format!("{:013}-{}-{}", (env.now)(), std::process::id(), short(env));
        // Under its final name only once locked: nobody may take it over before.
        let making = spool.join(format!(".{name}"));
        fs::create_dir(&making)?;
        let lock = File::create(making.join("lock"))?;
        lock.lock()?;
        let path = spool.join(name);
        fs::rename(&making, &path)?;
        Ok(Self { path, _lock: lock, segments: VecDeque::new(), open: None, next: FIRST_SEGMENT })
    }

    /// The directory at `path`, unless its process lives; with what that process had not yet reported as lost.
    pub(super) fn adopt(path: PathBuf) -> Option<(Option<Self>, Option<Dropped>)> {
        if path.file_name()?.to_str()?.starts_with('.') {
            return None;
        }
        let lock = OpenOptions::new().write(true).open(path.join("lock")).ok()?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
        }
        let mut segments: Vec<Segment> = fs::read_dir(&path)
            .ok()?
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let number = path.file_name()?.to_str()?.strip_suffix(".jsonl")?.parse().ok()?;
                Some(Segment::new(path, number))
            })
            .collect();
        segments.sort_by_key(|segment| segment.number);
        let saved = path.join("dropped.json");
        let dropped = fs::read(&saved).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if dropped.is_some() {
            // From here on it is this process's to report.
            let _ = fs::remove_file(saved);
        }
        let group = Self { path, _lock: lock, segments: segments.into(), open: None, next: FIRST_SEGMENT };
        if group.segments.is_empty() {
            group.remove();
            return Some((None, dropped));
        }
        Some((Some(group), dropped))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_drained(&self) -> bool {
        self.segments.iter().all(|segment| segment.drained)
    }

    /// The first segment that still holds something; it is not written any more.
    pub(super) fn first_unread(&mut self) -> Option<&mut Segment> {
        let last = self.segments.len().checked_sub(1);
        let at = self.segments.iter().position(|segment| !segment.drained)?;
        if Some(at) == last {
            self.open = None;
        }
        self.segments.get_mut(at)
    }

    /// Appends lines, in a new segment when the present one is full or was read.
    pub(super) fn write(&mut self, lines: &[u8], segment_bytes: u64) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|open| open.bytes >= segment_bytes) {
            let number = self.next;
            let path = self.segment_path(number);
            let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
            self.next += 1;
            self.segments.push_back(Segment::new(path, number));
            self.open = Some(Open { file, bytes: 0 });
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        if let Err(error) = open.file.write_all(lines) {
            // Part of it may be there. Cut it off; if that fails too, the checksum finds it, and no line follows.
            let cut = open.file.set_len(open.bytes);
            if cut.is_err() {
                self.open = None;
            }
            return Err(error);
        }
        open.bytes += lines.len() as u64;
        Ok(())
    }

    /// Writes lines as a segment of their own before all others.
    pub(super) fn write_before(&mut self, lines: &[u8]) -> io::Result<()> {
        let number = self.segments.front().map_or(FIRST_SEGMENT, |segment| segment.number) - 1;
        let path = self.segment_path(number);
        if let Err(error) = fs::write(&path, lines) {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        self.segments.push_front(Segment::new(path, number));
        Ok(())
    }

    /// Removes one delivered segment, if there is any.
    pub(super) fn remove_delivered(&mut self) -> bool {
        let Some(at) = self.segments.iter().position(|segment| segment.drained) else { return false };
        self.segments.remove(at).is_some_and(|segment| fs::remove_file(segment.path).is_ok())
    }

    /// The segment of this number.
    pub(super) fn segment(&mut self, number: u32) -> Option<&mut Segment> {
        self.segments.iter_mut().find(|segment| segment.number == number)
    }

    /// Takes the oldest segment out, to be given up.
    pub(super) fn remove_first(&mut self) -> Option<Segment> {
        let segment = self.segments.pop_front()?;
        if self.segments.is_empty() {
            self.open = None;
        }
        Some(segment)
    }

    /// Removes all segments; they have been delivered.
    pub(super) fn clear(&mut self) {
        self.open = None;
        for segment in self.segments.drain(..) {
            let _ = fs::remove_file(segment.path);
        }
    }

    /// Removes the directory: segments, then the lock that told others to stay away.
    pub(super) fn remove(mut self) {
        self.clear();
        let _ = fs::remove_file(self.path.join("dropped.json"));
        let _ = fs::remove_file(self.path.join("lock"));
        let _ = fs::remove_dir(&self.path);
    }

    /// Keeps the count of what was lost for whoever reports it.
    pub(super) fn save_dropped(&self, dropped: Option<Dropped>) {
        let path = self.path.join("dropped.json");
        let saved = match dropped {
            Some(dropped) => {
                serde_json::to_vec(&dropped).map_err(io::Error::from).and_then(|json| fs::write(&path, json))
            }
            None => fs::remove_file(&path),
        };
        if let Err(error) = saved
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "the count of dropped events is only in memory");
        }
    }

    fn segment_path(&self, number: u32) -> PathBuf {
        self.path.join(format!("{number:06}.jsonl"))
    }
}

impl Segment {
    fn new(path: PathBuf, number: u32) -> Self {
        Self { path, number, delivered: 0, drained: false, counted_before: None }
    }

    /// What is not yet delivered and not older than `oldest_kept`. A file that is gone counts as one damaged line.
    pub(super) fn read(&mut self, oldest_kept: i64, now: i64) -> Read {
        let (records, damaged) = fs::read(&self.path).map_or((Vec::new(), 1), |bytes| frame::decode(&bytes));
        let counted_before = self.counted_before.replace(oldest_kept);
        let damaged = if counted_before.is_some() { 0 } else { damaged };
        let waiting = records.into_iter().enumerate().skip(self.delivered);
        let waiting = waiting.map(|(at, record)| Placed { at, record });
        let (kept, fallen): (Vec<_>, Vec<_>) = waiting.partition(|placed| placed.record.at >= oldest_kept);
        let counted = |record: &&Record| counted_before.is_some_and(|before| record.at < before);
        let fallen = fallen.iter().map(|placed| &placed.record).filter(|record| !counted(record));
        Read { records: kept.into(), lost: merge(damaged_lines(damaged, now), count(fallen)) }
    }

    /// Removes its file. What it held and nobody counted is lost now.
    pub(super) fn give_up(mut self, now: i64) -> Option<Dropped> {
        let before = self.counted_before.unwrap_or(i64::MIN);
        let read = self.read(before, now);
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, path = %self.path.display(), "a segment that was given up stays on disk");
        }
        merge(read.lost, count(read.records.iter().map(|placed| &placed.record)))
    }
}

fn damaged_lines(count: u64, now: i64) -> Option<Dropped> {
    (count > 0).then_some(Dropped { count, since: now, until: now })
}

fn short(env: &Env) -> String {
    env.uuid().simple().to_string().chars().take(8).collect()
}
