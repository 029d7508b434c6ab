//! What a writer looks up before it decides, on the connection that holds the head: a second connection could wait for
//! one that waits for this transaction.

use std::collections::BTreeSet;

use mandate_core::change::{AgentRow, EventRow, KeyRow};
use mandate_core::id::EventId;

use super::{Inner, Tx};
use crate::decode;
use crate::error::{Error, Result};
use crate::read::{event, hex_list, state};
use crate::sql::{Conn, Row, Sql, Value};

/// How many agents one statement gives.
const PAGE: i64 = 10_000;

impl Tx {
    /// The events at some places, in any order; places that hold none are left out.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn events_at(&mut self, seqs: &[i64]) -> Result<Vec<EventRow>> {
        if seqs.is_empty() {
            return Ok(Vec::new());
        }
        #[cfg(feature = "sim")]
        if let Inner::Sim(sim) = &self.inner {
            let state = sim.look()?;
            return Ok(seqs.iter().filter_map(|seq| state.event_by_seq(*seq)).map(|event| event.row).collect());
        }
        let list = json(seqs)?;
        self.all(event::EVENTS_AT, &[Value::from(&list)], |row| decode::event(row).map(|event| event.row)).await
    }

    /// The events with some ids, in any order; ids that name none are left out.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn events_named(&mut self, ids: &[EventId]) -> Result<Vec<EventRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        #[cfg(feature = "sim")]
        if let Inner::Sim(sim) = &self.inner {
            let state = sim.look()?;
            return Ok(ids.iter().filter_map(|id| state.event(*id)).map(|event| event.row).collect());
        }
        let list = hex_list(ids);
        self.all(event::EVENTS_NAMED, &[Value::from(&list)], |row| decode::event(row).map(|event| event.row)).await
    }

    /// Which of some actions have an outcome.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn with_outcome(&mut self, ids: &[EventId]) -> Result<BTreeSet<EventId>> {
        if ids.is_empty() {
            return Ok(BTreeSet::new());
        }
        #[cfg(feature = "sim")]
        if let Inner::Sim(sim) = &self.inner {
            let state = sim.look()?;
            return Ok(ids.iter().copied().filter(|id| state.outcome(*id).is_some()).collect());
        }
        let list = hex_list(ids);
        let found = self.all(state::OUTCOMES_OF, &[Value::from(&list)], decode::outcome).await?;
        Ok(found.into_iter().map(|row| row.event).collect())
    }

    /// The agents with some ids, by id; ids never heard of are left out.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn agents_named(&mut self, ids: &[&str]) -> Result<Vec<AgentRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        #[cfg(feature = "sim")]
        if let Inner::Sim(sim) = &self.inner {
            let state = sim.look()?;
            return Ok(ids.iter().filter_map(|id| state.agent(id)).collect());
        }
        let list = json(ids)?;
        self.all(state::AGENTS_NAMED, &[Value::from(&list)], decode::agent).await
    }

    /// Every agent, by id.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn every_agent(&mut self) -> Result<Vec<AgentRow>> {
        #[cfg(feature = "sim")]
        if let Inner::Sim(sim) = &self.inner {
            return Ok(sim.look()?.agents("", i64::MAX));
        }
        let mut agents: Vec<AgentRow> = Vec::new();
        loop {
            let after = agents.last().map(|row| row.id.clone()).unwrap_or_default();
            let page = self.all(state::AGENTS, &[Value::from(&after), Value::from(PAGE)], decode::agent).await?;
            if page.is_empty() {
                return Ok(agents);
            }
            agents.extend(page);
        }
    }

    /// Every API key, revoked ones too.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn keys(&mut self) -> Result<Vec<KeyRow>> {
        #[cfg(feature = "sim")]
        if let Inner::Sim(sim) = &self.inner {
            return Ok(sim.look()?.keys());
        }
        self.all(state::KEYS, &[], decode::key).await
    }

    async fn all<T>(&mut self, sql: Sql, values: &[Value<'_>], read: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
        let values: Vec<_> = std::iter::once(Value::from(self.tenant)).chain(values.iter().copied()).collect();
        let mut conn = match &mut self.inner {
            Inner::Lite(transaction) => Conn::Lite(transaction),
            Inner::Pg(transaction) => Conn::Pg(transaction),
            #[cfg(feature = "sim")]
            Inner::Sim(_) => return Ok(Vec::new()),
        };
        let rows = conn.all(sql, &values).await.and_then(|rows| rows.iter().map(read).collect());
        rows.inspect_err(|error: &Error| self.failed = Some(error.clone()))
    }
}

fn json<T: serde::Serialize + ?Sized>(list: &T) -> Result<String> {
    serde_json::to_string(list).map_err(|error| Error::Invalid(error.to_string()))
}
