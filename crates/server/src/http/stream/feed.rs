//! What happened after a position, in order, without gap or duplicate.
//!
//! It watches commits before it looks where the feed stands, so that nothing falls between. A commit that does not
//! follow what was told last means that something was missed: that is read from the store first.

use std::sync::Arc;

use mandate_api::{FeedData, Response, ServerMessage};
use mandate_core::change::{AgentRow, EventRow, FeedEntry, NotificationRow};
use mandate_core::id::{EventId, NotificationId, ResponseId};
use mandate_store::StoredEvent;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::wanted::Wanted;
use crate::app::{App, TenantHandle};
use crate::http::problem::Refused;
use crate::http::view;
use crate::live::Committed;

/// How many commits are read from the store at once.
const PAGE: u32 = 100;
/// After so many messages what was read is handed on.
const ENOUGH: usize = 500;

/// One client's view of a tenant's feed.
#[derive(Debug)]
pub(super) struct Feed {
    app: App,
    tenant: Arc<TenantHandle>,
    wanted: Wanted,
    commits: Receiver<Arc<Committed>>,
    /// A commit taken off the queue and not told yet: kept here while something is awaited.
    pending: Option<Arc<Committed>>,
    /// Everything up to here was told.
    position: i64,
    caught_up: bool,
}

impl Feed {
    /// Watches from now on; nothing is told before [`Feed::want`].
    pub(super) fn new(app: App, tenant: Arc<TenantHandle>) -> Self {
        let commits = tenant.live.commits();
        let position = tenant.live.position();
        Self { app, tenant, wanted: Wanted::default(), commits, pending: None, position, caught_up: false }
    }

    /// Where it stands.
    pub(super) fn position(&self) -> i64 {
        self.position
    }

    /// Changes what is told from here on, and where it goes on. Says so when it cannot go on from there.
    pub(super) fn want(&mut self, wanted: Wanted, after: Option<i64>) -> Option<ServerMessage> {
        self.wanted = wanted;
        self.caught_up = false;
        let after = after?;
        if after < 0 || after > self.tenant.live.position() {
            return Some(self.reset("unknown"));
        }
        self.position = after;
        None
    }

    fn reset(&mut self, reason: &str) -> ServerMessage {
        self.position = self.tenant.live.position();
        ServerMessage::Reset { reason: reason.to_owned(), cursor: self.position.to_string() }
    }

    /// The next messages; never empty. None when the tenant's feed ended. May be dropped while it waits.
    ///
    /// # Errors
    /// What the store said; asking again goes on where this began.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<ServerMessage>>, Refused> {
        loop {
            if let Some(commit) = self.pending.clone() {
                if commit.last() > self.position && commit.first > self.position + 1 {
                    let told = self.read_store().await?;
                    if !told.is_empty() {
                        return Ok(Some(told));
                    }
                    continue;
                }
                let told = if commit.last() > self.position { self.read_commit(&commit).await? } else { Vec::new() };
                self.position = self.position.max(commit.last());
                self.pending = None;
                if !told.is_empty() {
                    return Ok(Some(told));
                }
                continue;
            }
            // A commit is queued before the position moves on: behind and nothing queued means missed.
            let behind = self.position < self.tenant.live.position();
            match self.commits.try_recv() {
                Ok(commit) => self.pending = Some(commit),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Closed) => return Ok(None),
                Err(TryRecvError::Empty) if behind => {
                    let told = self.read_store().await?;
                    if !told.is_empty() {
                        return Ok(Some(told));
                    }
                }
                Err(TryRecvError::Empty) if !self.caught_up => {
                    self.caught_up = true;
                    return Ok(Some(vec![ServerMessage::CaughtUp { cursor: self.position.to_string() }]));
                }
                Err(TryRecvError::Empty) => match self.commits.recv().await {
                    Ok(commit) => self.pending = Some(commit),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(None),
                },
            }
        }
    }

    /// What the store has after the position, up to a bound; moves the position on.
    async fn read_store(&mut self) -> Result<Vec<ServerMessage>, Refused> {
        let tenant = self.tenant.tenant.id;
        let rows = self.app.store.feed_after(tenant, self.position, PAGE).await?;
        if rows.first().is_none_or(|row| row.first > self.position + 1) {
            // Nothing, although the feed goes on, or a hole: it was purged below here.
            return Ok(vec![self.reset("expired")]);
        }
        let (mut told, mut position) = (Vec::new(), self.position);
        for row in rows {
            let mut at = row.first;
            for entry in &row.entries {
                self.tell(entry, at, position, None, &mut told).await?;
                at += entry.positions();
            }
            position = position.max(at - 1);
            if told.len() >= ENOUGH {
                break;
            }
        }
        self.position = position;
        Ok(told)
    }

    async fn read_commit(&self, commit: &Committed) -> Result<Vec<ServerMessage>, Refused> {
        let (mut told, mut at) = (Vec::new(), commit.first);
        for entry in &commit.entries {
            self.tell(entry, at, self.position, Some(commit), &mut told).await?;
            at += entry.positions();
        }
        Ok(told)
    }

    /// Tells one entry that stands at `at`, what of it is after `position`: from the commit when it is at hand.
    async fn tell(
        &self,
        entry: &FeedEntry,
        at: i64,
        position: i64,
        commit: Option<&Committed>,
        told: &mut Vec<ServerMessage>,
    ) -> Result<(), Refused> {
        if at + entry.positions() - 1 <= position {
            return Ok(());
        }
        let snapshot = || self.tenant.snapshot.borrow().clone();
        let data = match entry {
            FeedEntry::Events { from, to } => {
                let skip = (position - at + 1).max(0);
                return self.tell_events(from + skip, *to, at + skip, commit, told).await;
            }
            FeedEntry::Notification { id } if self.wanted.notifications => {
                let Some(row) = self.notification(*id, commit).await? else { return Ok(()) };
                FeedData::Notification { notification: view::notification(&row, &snapshot(), false) }
            }
            FeedEntry::Response { id } if self.wanted.notifications => {
                let Some(response) = self.response(*id).await? else { return Ok(()) };
                FeedData::Response { response }
            }
            FeedEntry::Review { event_seq } if self.wanted.notifications => {
                let Some(row) = self.app.store.review(self.tenant.tenant.id, *event_seq).await? else { return Ok(()) };
                FeedData::Review { review: view::review(&row, self.app.env.now(), &snapshot()) }
            }
            FeedEntry::Outcome { event } if self.wants_outcome_of(*event).await? => {
                let Some(row) = self.app.store.outcome(self.tenant.tenant.id, *event).await? else { return Ok(()) };
                FeedData::Outcome { event_id: event.0, outcome: view::outcome(&row)? }
            }
            FeedEntry::Agent { id } if self.wanted.agents => {
                let Some(row) = self.agent(id, commit).await? else { return Ok(()) };
                FeedData::Agent { agent: view::agent(&row, &snapshot()) }
            }
            FeedEntry::Config { id } if self.wanted.every_event() => FeedData::Config { id: id.0 },
            _ => return Ok(()),
        };
        told.push(ServerMessage::Event { cursor: at.to_string(), data });
        Ok(())
    }

    async fn tell_events(
        &self,
        from: i64,
        to: i64,
        first: i64,
        commit: Option<&Committed>,
        told: &mut Vec<ServerMessage>,
    ) -> Result<(), Refused> {
        let message = |row: &EventRow, event| {
            let cursor = (first + row.seq - from).to_string();
            ServerMessage::Event { cursor, data: FeedData::Event { event } }
        };
        if let Some(commit) = commit {
            for row in commit.events.iter().filter(|row| (from..=to).contains(&row.seq) && self.wanted.takes(row)) {
                let stored = StoredEvent { row: EventRow::clone(row), erased: None };
                told.push(message(row, view::event(&stored)?));
            }
            return Ok(());
        }
        let mut next = from;
        while next <= to {
            let limit = u32::try_from(to - next + 1).unwrap_or(u32::MAX);
            let rows = self.app.store.events_from(self.tenant.tenant.id, next, limit).await?;
            let Some(last) = rows.last() else { break };
            next = last.row.seq + 1;
            for stored in rows.iter().filter(|stored| stored.row.seq <= to && self.wanted.takes(&stored.row)) {
                told.push(message(&stored.row, view::event(stored)?));
            }
        }
        Ok(())
    }

    async fn notification(
        &self,
        id: NotificationId,
        commit: Option<&Committed>,
    ) -> Result<Option<NotificationRow>, Refused> {
        let at_hand = commit.and_then(|commit| commit.notifications.iter().rev().find(|row| row.id == id));
        match at_hand {
            Some(row) => Ok(Some(NotificationRow::clone(row))),
            None => Ok(self.app.store.notification(self.tenant.tenant.id, id).await?),
        }
    }

    async fn response(&self, id: ResponseId) -> Result<Option<Response>, Refused> {
        let tenant = self.tenant.tenant.id;
        let Some(stored) = self.app.store.response(tenant, id).await? else { return Ok(None) };
        let event = match stored.row.event_seq {
            Some(seq) => self.app.store.event_by_seq(tenant, seq).await?,
            None => None,
        };
        let agent = event.as_ref().and_then(|event| event.row.agent());
        Ok(Some(view::response(&stored, agent, &self.tenant.snapshot.borrow())))
    }

    async fn agent(&self, id: &str, commit: Option<&Committed>) -> Result<Option<AgentRow>, Refused> {
        match commit.and_then(|commit| commit.agents.iter().rev().find(|row| row.id == id)) {
            Some(row) => Ok(Some(row.clone())),
            None => Ok(self.app.store.agent(self.tenant.tenant.id, id).await?),
        }
    }

    /// An outcome is told to whoever hears of its event.
    async fn wants_outcome_of(&self, event: EventId) -> Result<bool, Refused> {
        if self.wanted.every_event() {
            return Ok(true);
        }
        let stored = self.app.store.event(self.tenant.tenant.id, event).await?;
        Ok(stored.is_some_and(|stored| self.wanted.takes(&stored.row)))
    }
}
