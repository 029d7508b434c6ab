//! What a writer looks up before it decides, on the connection that holds the head: a second connection could wait for
//! one that waits for this transaction.

use std::collections::{BTreeMap, BTreeSet};

use mandate_core::change::{AgentRow, EventRow, KeyRow, NotificationRow, ResponseRow, ReviewRow};
use mandate_core::id::{EventId, NotificationId, ResponseId};
use mandate_core::time::Millis;

use super::{Inner, Tx};
use crate::decode;
use crate::error::{Error, Result};
use crate::read::{event, hex_list, notification, response, review, state, storm};
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
        let list = hex_list(ids.iter().map(|id| id.0));
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
        let list = hex_list(ids.iter().map(|id| id.0));
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

    /// The notifications with some ids, in any order; ids that name none are left out.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn notifications_named(&mut self, ids: &[NotificationId]) -> Result<Vec<NotificationRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        #[cfg(feature = "sim")]
        if let Inner::Sim(sim) = &self.inner {
            let state = sim.look()?;
            return Ok(ids.iter().filter_map(|id| state.notification(*id)).collect());
        }
        let list = hex_list(ids.iter().map(|id| id.0));
        self.all(notification::NOTIFICATIONS_NAMED, &[Value::from(&list)], decode::notification).await
    }

    /// How many notices a message is to tell of that its channel did not take yet.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn untold(&mut self, message: NotificationId) -> Result<u64> {
        #[cfg(feature = "sim")]
        if let Inner::Sim(sim) = &self.inner {
            return Ok(sim.look()?.untold(message));
        }
        let values = [Value::from(message.0)];
        let found = self.all(storm::UNTOLD, &values, |row| row.of("notification", "untold").int("untold")).await?;
        Ok(found.first().and_then(|count| u64::try_from(*count).ok()).unwrap_or(0))
    }

    /// When the first notice about each of some events arrived, by the event's place; those of which none did are left
    /// out.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn first_sent(&mut self, seqs: &[i64]) -> Result<BTreeMap<i64, Millis>> {
        fn sent(row: &Row) -> Result<(i64, Millis)> {
            let row = row.of("notification", "event_seq");
            Ok((row.int("event_seq")?, row.millis("sent_at")?))
        }
        if seqs.is_empty() {
            return Ok(BTreeMap::new());
        }
        #[cfg(feature = "sim")]
        if let Inner::Sim(sim) = &self.inner {
            let state = sim.look()?;
            let first = |seq: &i64| {
                let rows = state.notifications_of(*seq);
                Some((*seq, rows.iter().filter_map(|row| row.delivered_at).min()?))
            };
            return Ok(seqs.iter().filter_map(first).collect());
        }
        let list = json(seqs)?;
        Ok(self.all(notification::FIRST_SENT, &[Value::from(&list)], sent).await?.into_iter().collect())
    }

    /// The answers with some ids, in any order; ids that name none are left out.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn responses_named(&mut self, ids: &[ResponseId]) -> Result<Vec<ResponseRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        #[cfg(feature = "sim")]
        if let Inner::Sim(sim) = &self.inner {
            let state = sim.look()?;
            return Ok(ids.iter().filter_map(|id| state.response(*id)).map(|stored| stored.row).collect());
        }
        let list = hex_list(ids.iter().map(|id| id.0));
        self.all(response::RESPONSES_NAMED, &[Value::from(&list)], decode::response).await
    }

    /// What was answered to the notices of the events at some places, and to some notices, each once and in order.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn responses_to(&mut self, seqs: &[i64], notices: &[NotificationId]) -> Result<Vec<ResponseRow>> {
        #[cfg(feature = "sim")]
        if let Inner::Sim(sim) = &self.inner {
            let asked = |row: &ResponseRow| {
                row.event_seq.is_some_and(|seq| seqs.contains(&seq)) || notices.contains(&row.notification)
            };
            return Ok(sim.look()?.responses(asked).into_iter().map(|stored| stored.row).collect());
        }
        let mut found = BTreeMap::new();
        if !seqs.is_empty() {
            let list = json(seqs)?;
            let rows = self.all(response::ANSWERS_OF, &[Value::from(&list)], decode::response).await?;
            found.extend(rows.into_iter().map(|row| (row.id, row)));
        }
        if !notices.is_empty() {
            let list = hex_list(notices.iter().map(|id| id.0));
            let rows = self.all(response::ANSWERS_TO, &[Value::from(&list)], decode::response).await?;
            found.extend(rows.into_iter().map(|row| (row.id, row)));
        }
        Ok(found.into_values().collect())
    }

    /// The reviews of the events at some places, in any order; events without one are left out.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn reviews_of(&mut self, seqs: &[i64]) -> Result<Vec<ReviewRow>> {
        if seqs.is_empty() {
            return Ok(Vec::new());
        }
        #[cfg(feature = "sim")]
        if let Inner::Sim(sim) = &self.inner {
            let state = sim.look()?;
            return Ok(seqs.iter().filter_map(|seq| state.review(*seq)).collect());
        }
        let list = json(seqs)?;
        self.all(review::REVIEWS_OF, &[Value::from(&list)], decode::review).await
    }

    /// Open reviews that are overdue at a time and were not told of, the longest due first.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn reviews_overdue(&mut self, now: Millis, limit: u32) -> Result<Vec<ReviewRow>> {
        #[cfg(feature = "sim")]
        if let Inner::Sim(sim) = &self.inner {
            return Ok(sim.look()?.reviews_overdue(now, limit));
        }
        self.all(review::OVERDUE, &[Value::from(now), Value::from(limit)], decode::review).await
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
