//! Questions about what is: outcomes, agents, keys, configurations, people.

use mandate_core::change::{AgentRow, ConfigRow, KeyRow, OutcomeRow, PersonRow, RejectedRow};
use mandate_core::id::{ConfigId, EventId, RejectedId, TenantId};

use super::{hex_list, page, read};
use crate::decode;
use crate::error::Result;
use crate::sql::{Sql, statements};
use crate::store::Store;

statements! {
    /// What became of one action.
    OUTCOME: Sql::both("SELECT * FROM outcome WHERE tenant = $1 AND event = $2");
    /// What became of the actions of a JSON list of hex ids.
    OUTCOMES_OF: Sql {
        lite: "SELECT * FROM outcome WHERE tenant = $1 AND event IN (SELECT unhex(value) FROM json_each($2))",
        pg: "SELECT * FROM outcome WHERE tenant = $1
               AND event IN (SELECT value::uuid FROM json_array_elements_text($2::json))",
    };
    /// The agents of a JSON list of ids.
    AGENTS_NAMED: Sql {
        lite: "SELECT * FROM agent WHERE tenant = $1 AND id IN (SELECT value FROM json_each($2)) ORDER BY id",
        pg: "SELECT * FROM agent WHERE tenant = $1
               AND id IN (SELECT value FROM json_array_elements_text($2::json)) ORDER BY id",
    };
    /// Items that were no events, newest first.
    REJECTED: Sql::both("SELECT * FROM rejected WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
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

    /// What became of some actions, in any order; those without report are left out. Give at most a page of events.
    ///
    /// # Errors
    /// As every read.
    pub async fn outcomes_of(&self, tenant: TenantId, events: &[EventId]) -> Result<Vec<OutcomeRow>> {
        let ids = hex_list(events.iter().map(|id| id.0));
        read!(self, tenant, all, OUTCOMES_OF, [&ids], decode::outcome, |sim| {
            events.iter().filter_map(|event| sim.outcome(*event)).collect()
        })
    }

    /// Items that were no events, newest first, from before the item `before`.
    ///
    /// # Errors
    /// As every read.
    pub async fn rejected(&self, tenant: TenantId, before: Option<RejectedId>, limit: u32) -> Result<Vec<RejectedRow>> {
        let (before, limit) = (before.map_or(uuid::Uuid::max(), |id| id.0), page(limit));
        read!(self, tenant, all, REJECTED, [before, limit], decode::rejected, |sim| sim.rejected(before, limit))
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
