//! The store in memory, for tests and the simulator: deterministic, no threads, no clock of its own.
//!
//! Clones share what is stored, so dropping one and going on with another is what a restart is to a database.
//! Every call first draws a [`Fault`] from the source that the caller gave.

mod ask;
mod fault;
mod state;
mod storm;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mandate_core::change::{Changes, Head, NotificationRow, SeenKey, SeenRow};
use mandate_core::id::{PersonId, TenantId};
use mandate_core::time::{Millis, Span};
use tokio::sync::OwnedMutexGuard;

pub use fault::{Call, Fault, Faults};
pub(crate) use state::Snapshot;

use crate::error::{CommitError, Error, Result};
use crate::store::{Store, Tenant};
use crate::tx::{Erasure, check};
use state::State;

/// A store in memory.
#[derive(Clone)]
pub struct Sim(Arc<Inner>);

struct Inner {
    faults: Mutex<Box<dyn Faults>>,
    stored: Mutex<Stored>,
    /// Held by the one transaction that writes.
    writer: Arc<tokio::sync::Mutex<()>>,
}

/// What survives whatever happens to those who use it.
#[derive(Default)]
struct Stored {
    now: Millis,
    tenants: Vec<Tenant>,
    states: BTreeMap<TenantId, Arc<State>>,
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim").finish_non_exhaustive()
    }
}

impl Sim {
    /// An empty store whose clock stands at `now` and whose calls go wrong as `faults` says.
    #[must_use]
    pub fn new(now: Millis, faults: impl Faults + 'static) -> Self {
        let stored = Stored { now, ..Stored::default() };
        Self(Arc::new(Inner {
            faults: Mutex::new(Box::new(faults)),
            stored: Mutex::new(stored),
            writer: Arc::default(),
        }))
    }

    /// The store that keeps everything here.
    #[must_use]
    pub fn store(&self) -> Store {
        Store::Sim(self.clone())
    }

    /// Sets the database's clock.
    pub fn set_now(&self, now: Millis) {
        self.stored().now = now;
    }

    /// Draws faults from another source from now on.
    pub fn set_faults(&self, faults: impl Faults + 'static) {
        *self.0.faults.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(faults);
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.0.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, call: Call) -> Fault {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner).draw(call)
    }

    /// Draws a fault for a call that writes nothing durable by itself.
    fn attempt(&self, call: Call) -> Result<()> {
        match self.draw(call) {
            Fault::None => Ok(()),
            Fault::Full => Err(Error::Full("drawn fault".into())),
            Fault::Io { .. } => Err(Error::Io("drawn fault".into())),
            Fault::Before | Fault::Lost { .. } => Err(Error::Unreachable("drawn fault".into())),
        }
    }

    pub(crate) fn ping(&self) -> Result<()> {
        self.attempt(Call::Read)
    }

    pub(crate) fn create_tenant(&self, new: Tenant) -> Result<Tenant> {
        self.attempt(Call::Write)?;
        let mut stored = self.stored();
        if let Some(tenant) = stored.tenants.iter().find(|tenant| tenant.name == new.name) {
            return Ok(tenant.clone());
        }
        if stored.states.contains_key(&new.id) {
            return Err(Error::Invalid(format!("there is a tenant `{}` already", new.id)));
        }
        stored.states.insert(new.id, Arc::new(State::default()));
        stored.tenants.push(new.clone());
        Ok(new)
    }

    pub(crate) fn tenants(&self) -> Result<Vec<Tenant>> {
        self.attempt(Call::Read)?;
        Ok(self.stored().tenants.clone())
    }

    /// What the tenant has at this moment.
    pub(crate) fn read(&self, tenant: TenantId) -> Result<Snapshot> {
        self.attempt(Call::Read)?;
        self.state(tenant).map(Snapshot)
    }

    fn state(&self, tenant: TenantId) -> Result<Arc<State>> {
        self.stored().states.get(&tenant).cloned().ok_or(Error::UnknownTenant(tenant))
    }

    /// Changes what the tenant has.
    fn change<T>(&self, tenant: TenantId, change: impl FnOnce(&mut State) -> T) -> Result<T> {
        let mut stored = self.stored();
        let state = stored.states.get_mut(&tenant).ok_or(Error::UnknownTenant(tenant))?;
        Ok(change(Arc::make_mut(state)))
    }

    pub(crate) async fn begin(&self, tenant: TenantId) -> Result<SimTx> {
        self.attempt(Call::Begin)?;
        let state = self.state(tenant)?;
        let held = Arc::clone(&self.0.writer).lock_owned().await;
        // Another transaction may have ended while this one waited.
        let state = self.state(tenant).unwrap_or(state);
        let now = self.stored().now;
        Ok(SimTx { sim: self.clone(), tenant, now, state, wrote: false, _held: held })
    }

    pub(crate) async fn claim_due(
        &self,
        tenant: TenantId,
        lease: Span,
        lanes: i64,
        per_lane: i64,
        left_out: &[Arc<str>],
    ) -> Result<Vec<NotificationRow>> {
        let fault = self.draw(Call::Claim);
        match fault {
            Fault::Full => return Err(Error::Full("drawn fault".into())),
            Fault::Io { .. } => return Err(Error::Io("drawn fault".into())),
            Fault::Before | Fault::Lost { happened: false } => return Err(Error::Unreachable("drawn fault".into())),
            Fault::None | Fault::Lost { happened: true } => {}
        }
        let _held = self.0.writer.lock().await;
        let now = self.stored().now;
        let claimed = self.change(tenant, |state| {
            let due = |row: &NotificationRow| {
                let free = row.waits() && row.due_at <= now && row.lease_until <= now;
                free && !left_out.contains(&row.lane)
            };
            let mut rows: Vec<_> = state.notifications.values_mut().filter(|row| due(row)).collect();
            rows.sort_by(|a, b| (&a.lane, a.due_at, a.id).cmp(&(&b.lane, b.due_at, b.id)));
            let (mut claimed, mut taken) = (Vec::new(), BTreeMap::<_, i64>::new());
            for row in rows {
                let full = i64::try_from(taken.len()).is_ok_and(|taken| taken >= lanes);
                if full && !taken.contains_key(&row.lane) {
                    break;
                }
                let of_lane = taken.entry(Arc::clone(&row.lane)).or_default();
                if *of_lane < per_lane {
                    *of_lane += 1;
                    row.lease_until = now.plus(lease);
                    claimed.push(row.clone());
                }
            }
            claimed
        })?;
        if fault == Fault::None { Ok(claimed) } else { Err(Error::Unreachable("drawn fault".into())) }
    }

    pub(crate) async fn purge_seen(&self, tenant: TenantId, before_hour: i64, now: Millis) -> Result<u64> {
        self.attempt(Call::Write)?;
        let _held = self.0.writer.lock().await;
        self.change(tenant, |state| {
            let before = state.seen.len();
            state.seen.retain(|key, row| key.hour >= before_hour || row.expires_at > now);
            (before - state.seen.len()) as u64
        })
    }

    pub(crate) async fn purge_rejected(&self, tenant: TenantId, oldest: uuid::Uuid, keep: usize) -> Result<u64> {
        self.attempt(Call::Write)?;
        let _held = self.0.writer.lock().await;
        self.change(tenant, |state| {
            let before = state.rejected.len();
            let beyond = state.rejected.keys().rev().nth(keep).copied();
            state.rejected.retain(|id, _| id.0 >= oldest && beyond.is_none_or(|beyond| *id > beyond));
            (before - state.rejected.len()) as u64
        })
    }

    pub(crate) async fn purge_feed(&self, tenant: TenantId, position: i64) -> Result<u64> {
        self.attempt(Call::Write)?;
        let _held = self.0.writer.lock().await;
        self.change(tenant, |state| {
            let before = state.feed.len();
            state.feed.retain(|last, _| *last >= position);
            (before - state.feed.len()) as u64
        })
    }
}

/// A transaction on a copy of the tenant's state that takes the state's place when it commits.
#[derive(Debug)]
pub(crate) struct SimTx {
    sim: Sim,
    tenant: TenantId,
    now: Millis,
    state: Arc<State>,
    wrote: bool,
    _held: OwnedMutexGuard<()>,
}

impl SimTx {
    pub(crate) fn head(&self) -> Head {
        self.state.head
    }

    pub(crate) fn now(&self) -> Millis {
        self.now
    }

    pub(crate) fn seen(&self, keys: &[SeenKey]) -> Result<BTreeMap<SeenKey, SeenRow>> {
        self.sim.attempt(Call::Read)?;
        Ok(keys.iter().filter_map(|key| Some((*key, *self.state.seen.get(key)?))).collect())
    }

    /// What the tenant has, as this transaction sees it.
    pub(crate) fn look(&self) -> Result<&State> {
        self.sim.attempt(Call::Read)?;
        Ok(&self.state)
    }

    pub(crate) fn write(
        &mut self,
        changes: &Changes,
        head: &Head,
        erasures: Vec<Erasure>,
        forgotten: Vec<PersonId>,
    ) -> Result<()> {
        self.sim.attempt(Call::Write)?;
        debug_assert!(check(changes, &self.state.head, head).is_ok(), "the transaction checks first");
        self.wrote = true;
        Arc::make_mut(&mut self.state).write(changes, head, erasures, forgotten)
    }

    pub(crate) fn commit(self) -> Result<(), CommitError> {
        let unknown = |error: fn(String) -> Error| Err(CommitError::Unknown(error("drawn fault".to_owned())));
        let (happened, answer) = match self.sim.draw(Call::Commit) {
            Fault::None => (true, Ok(())),
            Fault::Full => (false, Err(CommitError::Refused(Error::Full("drawn fault".into())))),
            Fault::Before => (false, Err(CommitError::Refused(Error::Unreachable("drawn fault".into())))),
            Fault::Lost { happened } => (happened, unknown(Error::Unreachable)),
            Fault::Io { happened } => (happened, unknown(Error::Io)),
        };
        if happened && self.wrote {
            self.sim.stored().states.insert(self.tenant, self.state);
        }
        answer
    }
}
