//! Questions about what is: outcomes, agents, keys, configurations, people.

use mandate_core::change::{AgentRow, ConfigRow, KeyRow, OutcomeRow, PersonRow};
use mandate_core::id::{ConfigId, EventId, TenantId};

use super::{page, read};
use crate::decode;
use crate::error::Result;
use crate::sql::{Sql, statements};
use crate::store::Store;

statements! {
    /// What became of one action.
    OUTCOME: Sql::both("SELECT * FROM outcome WHERE tenant = $1 AND event = $2");
    /// Agents after one, by id.
    AGENTS: Sql::both("SELECT * FROM agent WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3");
    /// One agent.
    AGENT: Sql::both("SELECT * FROM agent WHERE tenant = $1 AND id = $2");
    /// Every API key.
    KEYS: Sql::both("SELECT * FROM api_key WHERE tenant = $1 ORDER BY id");
    /// One version of the configuration.
    CONFIG: Sql::both("SELECT tenant, id, hash, files, at, by FROM config WHERE tenant = $1 AND id = $2");
    /// The newest versions of the configuration.
    CONFIGS: Sql::both("SELECT tenant, id, hash, files, at, by FROM config WHERE tenant = $1 ORDER BY id DESC LIMIT $2");
    /// Everybody.
    PEOPLE: Sql::both("SELECT * FROM person WHERE tenant = $1 ORDER BY id");
}

impl Store {
    /// What became of one action.
    ///
    /// # Errors
    /// As every read.
    pub async fn outcome(&self, tenant: TenantId, event: EventId) -> Result<Option<OutcomeRow>> {
        read!(self, tenant, one, OUTCOME, [event.0], decode::outcome, |sim| sim.outcome(event))
    }

    /// What became of some actions; those without report are left out. Give at most a page of events.
    ///
    /// # Errors
    /// As every read.
    pub async fn outcomes_of(&self, tenant: TenantId, events: &[EventId]) -> Result<Vec<OutcomeRow>> {
        match self.reading(tenant).await? {
            crate::store::Reading::Sql(no, mut reader) => {
                let (mut conn, mut found) = (reader.conn(), Vec::new());
                for event in events {
                    let values = crate::sql::values_of![no, event.0];
                    if let Some(row) = conn.one(OUTCOME, &values).await? {
                        found.push(decode::outcome(&row)?);
                    }
                }
                Ok(found)
            }
            #[cfg(feature = "sim")]
            crate::store::Reading::Sim(sim) => Ok(events.iter().filter_map(|event| sim.outcome(*event)).collect()),
        }
    }

    /// Agents after the id `after`, by id.
    ///
    /// # Errors
    /// As every read.
    pub async fn agents(&self, tenant: TenantId, after: Option<&str>, limit: u32) -> Result<Vec<AgentRow>> {
        let (after, limit) = (after.unwrap_or_default(), page(limit));
        read!(self, tenant, all, AGENTS, [after, limit], decode::agent, |sim| sim.agents(after, limit))
    }

    /// One agent.
    ///
    /// # Errors
    /// As every read.
    pub async fn agent(&self, tenant: TenantId, id: &str) -> Result<Option<AgentRow>> {
        read!(self, tenant, one, AGENT, [id], decode::agent, |sim| sim.agent(id))
    }

    /// Every API key, revoked ones too, oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn keys(&self, tenant: TenantId) -> Result<Vec<KeyRow>> {
        read!(self, tenant, all, KEYS, [], decode::key, |sim| sim.keys())
    }

    /// One version of the configuration.
    ///
    /// # Errors
    /// As every read.
    pub async fn config(&self, tenant: TenantId, id: ConfigId) -> Result<Option<ConfigRow>> {
        read!(self, tenant, one, CONFIG, [id.0], decode::config, |sim| sim.config(id))
    }

    /// The newest versions of the configuration, newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn configs(&self, tenant: TenantId, limit: u32) -> Result<Vec<ConfigRow>> {
        let limit = page(limit);
        read!(self, tenant, all, CONFIGS, [limit], decode::config, |sim| sim.configs(limit))
    }

    /// Everybody whose id logs may hold.
    ///
    /// # Errors
    /// As every read.
    pub async fn people(&self, tenant: TenantId) -> Result<Vec<PersonRow>> {
        read!(self, tenant, all, PEOPLE, [], decode::person, |sim| sim.people())
    }
}
