//! What one tenant has.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use mandate_core::audit::AuditRow;
use mandate_core::change::{
    AgentRow, CheckpointRow, ConfigRow, EventRow, FeedEntry, Head, HistoryRow, KeyRow, NotificationRow, OutcomeRow,
    PersonRow, RejectedRow, ResponseRow, ReviewRow, SeenKey, SeenRow,
};
use mandate_core::id::{ConfigId, EventId, KeyId, NotificationId, PersonId, RejectedId, ResponseId};
use mandate_core::seal::Erased;

/// One tenant's rows, by the keys that the databases have. Logs share their rows between copies.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(super) head: Head,
    pub(super) events: BTreeMap<i64, Arc<EventRow>>,
    pub(super) event_ids: BTreeMap<EventId, i64>,
    pub(super) erased: BTreeMap<i64, Erased>,
    pub(super) audit: BTreeMap<i64, Arc<AuditRow>>,
    pub(super) checkpoints: BTreeMap<(i64, i64), CheckpointRow>,
    pub(super) notifications: BTreeMap<NotificationId, NotificationRow>,
    pub(super) responses: BTreeMap<ResponseId, Arc<ResponseRow>>,
    pub(super) reviews: BTreeMap<i64, ReviewRow>,
    pub(super) outcomes: BTreeMap<EventId, OutcomeRow>,
    pub(super) rejected: BTreeMap<RejectedId, RejectedRow>,
    pub(super) seen: BTreeMap<SeenKey, SeenRow>,
    pub(super) agents: BTreeMap<String, AgentRow>,
    pub(super) keys: BTreeMap<KeyId, KeyRow>,
    pub(super) configs: BTreeMap<ConfigId, Arc<ConfigRow>>,
    pub(super) people: BTreeMap<PersonId, PersonRow>,
    pub(super) history: Option<HistoryRow>,
    /// By the last position of each commit: its first one and its entries.
    pub(super) feed: BTreeMap<i64, (i64, Vec<FeedEntry>)>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            head: Head::EMPTY,
            events: BTreeMap::new(),
            event_ids: BTreeMap::new(),
            erased: BTreeMap::new(),
            audit: BTreeMap::new(),
            checkpoints: BTreeMap::new(),
            notifications: BTreeMap::new(),
            responses: BTreeMap::new(),
            reviews: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            rejected: BTreeMap::new(),
            seen: BTreeMap::new(),
            agents: BTreeMap::new(),
            keys: BTreeMap::new(),
            configs: BTreeMap::new(),
            people: BTreeMap::new(),
            history: None,
            feed: BTreeMap::new(),
        }
    }
}

/// One tenant's rows at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot(pub(super) Arc<State>);

impl Deref for Snapshot {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}
