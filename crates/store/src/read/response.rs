//! Questions about what people answered.

use mandate_core::change::ResponseRow;
use mandate_core::id::{NotificationId, ResponseId, TenantId, uuid_v7};
use mandate_core::intervention::{Effect, Intervention};
use mandate_core::metric::AnswerTimes;
use mandate_core::time::{Millis, Span};
use uuid::Uuid;

use super::notification::TOLD;
use super::{MAX_PAGE, page, read};
use crate::decode;
use crate::error::Result;
use crate::sql::{Reader, Row, Sql, statements, values_of};
use crate::store::{Reading, Store};

/// What somebody answered, with the note from the erasable half of its audit entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The answer.
    pub row: ResponseRow,
    /// What they wrote; none when they wrote nothing or it was erased.
    pub note: Option<String>,
}

/// How many of the newest notifications, and of the newest answers, figures are taken from.
pub(crate) const MEASURED: i64 = 20_000;

macro_rules! select {
    ($rest:literal) => {
        select!($rest, $rest)
    };
    ($lite:literal, $pg:literal) => {
        Sql {
            lite: concat!(
                "SELECT r.*, a.content AS audit_content FROM response r
                 LEFT JOIN audit a ON a.no = ((r.tenant << 44) | r.audit_seq) ",
                $lite
            ),
            pg: concat!(
                "SELECT r.*, a.content AS audit_content FROM response r
                 LEFT JOIN audit a ON a.tenant = r.tenant AND a.seq = r.audit_seq ",
                $pg
            ),
        }
    };
}

statements! {
    /// One answer.
    RESPONSE: select!("WHERE r.tenant = $1 AND r.id = $2");
    /// What was answered to one event's notices, in order.
    RESPONSES_OF: select!("WHERE r.tenant = $1 AND r.event_seq = $2 ORDER BY r.id LIMIT $3");
    /// What was answered to one notice, in order.
    RESPONSES_TO: select!("WHERE r.tenant = $1 AND r.notification = $2 ORDER BY r.id LIMIT $3");
    /// The answers of a JSON list of hex ids.
    RESPONSES_NAMED: Sql {
        lite: "SELECT * FROM response WHERE tenant = $1 AND id IN (SELECT unhex(value) FROM json_each($2))",
        pg: "SELECT * FROM response WHERE tenant = $1
               AND id IN (SELECT value::uuid FROM json_array_elements_text($2::json))",
    };
    /// What was answered to the notices of the events of a JSON list of places.
    ANSWERS_OF: Sql {
        lite: "SELECT * FROM response WHERE tenant = $1 AND event_seq IN (SELECT value FROM json_each($2)) ORDER BY id",
        pg: "SELECT * FROM response WHERE tenant = $1
               AND event_seq IN (SELECT value::bigint FROM json_array_elements_text($2::json)) ORDER BY id",
    };
    /// What was answered to the notices of a JSON list of hex ids.
    ANSWERS_TO: Sql {
        lite: "SELECT * FROM response WHERE tenant = $1
                 AND notification IN (SELECT unhex(value) FROM json_each($2)) ORDER BY id",
        pg: "SELECT * FROM response WHERE tenant = $1
               AND notification IN (SELECT value::uuid FROM json_array_elements_text($2::json)) ORDER BY id",
    };
    /// Where figures begin: the id of the notification that so many are newer than.
    MEASURED_FROM: Sql::both(
        "SELECT id FROM notification WHERE tenant = $1 AND id >= $2 ORDER BY id DESC LIMIT 1 OFFSET $3 - 1",
    );
    /// How soon answers came, newest first, of those since an id that count.
    TIMES: Sql::both(
        "SELECT * FROM response WHERE tenant = $1 AND id >= $2 AND event_seq IS NOT NULL AND undoes IS NULL
           AND since_sent IS NOT NULL
           AND (first OR intervention = 'pause_agent') ORDER BY id DESC LIMIT $3",
    );
}

impl Store {
    /// One answer by its id.
    ///
    /// # Errors
    /// As every read.
    pub async fn response(&self, tenant: TenantId, id: ResponseId) -> Result<Option<StoredResponse>> {
        read!(self, tenant, one, RESPONSE, [id.0], decode::stored_response, |sim| sim.response(id))
    }

    /// What was answered to the notices of one event, in order, at most a page of 10,000.
    ///
    /// # Errors
    /// As every read.
    pub async fn responses_of(&self, tenant: TenantId, event_seq: i64) -> Result<Vec<StoredResponse>> {
        let limit = page(MAX_PAGE);
        read!(self, tenant, all, RESPONSES_OF, [event_seq, limit], decode::stored_response, |sim| {
            sim.responses(|row| row.event_seq == Some(event_seq))
        })
    }

    /// What was answered to one notice, in order, at most a page of 10,000.
    ///
    /// # Errors
    /// As every read.
    pub async fn responses_to(&self, tenant: TenantId, id: NotificationId) -> Result<Vec<StoredResponse>> {
        let limit = page(MAX_PAGE);
        read!(self, tenant, all, RESPONSES_TO, [id.0, limit], decode::stored_response, |sim| {
            sim.responses(|row| row.notification == id)
        })
    }

    /// How soon people answered what they were told since a time. Looks at the newest 100,000 notifications and
    /// answers at most.
    ///
    /// # Errors
    /// As every read.
    pub async fn answer_times(&self, tenant: TenantId, since: Millis) -> Result<AnswerTimes> {
        match self.reading(tenant).await? {
            Reading::Sql(no, mut reader) => answer_times(&mut reader, no, since).await,
            #[cfg(feature = "sim")]
            Reading::Sim(sim) => Ok(sim.answer_times(since)),
        }
    }
}

async fn answer_times(reader: &mut Reader, tenant: i64, since: Millis) -> Result<AnswerTimes> {
    fn told(row: &Row) -> Result<i64> {
        row.of("notification", "told").int("told")
    }
    let mut conn = reader.conn();
    let oldest = oldest_measured(since);
    let floor = conn.one(MEASURED_FROM, &values_of![tenant, oldest, MEASURED]).await?;
    let floor = floor.map(|row| row.of("notification", "id").uuid("id")).transpose()?.unwrap_or(oldest);
    let told = conn.one(TOLD, &values_of![tenant, floor, since]).await?.as_ref().map(told).transpose()?;
    let rows = conn.all(TIMES, &values_of![tenant, floor, MEASURED]).await?;
    let rows = rows.iter().map(decode::response).collect::<Result<Vec<_>>>()?;
    Ok(measured(told.unwrap_or_default(), &rows, since))
}

/// An id that is older than everything that was planned or answered since a time.
pub(crate) fn oldest_measured(since: Millis) -> Uuid {
    uuid_v7(since, [0; 16])
}

/// The figures from the answers that count.
pub(crate) fn measured<'r>(told: i64, rows: impl IntoIterator<Item = &'r ResponseRow>, since: Millis) -> AnswerTimes {
    let mut times = AnswerTimes { told: u64::try_from(told).unwrap_or(0), ..AnswerTimes::default() };
    for row in rows {
        // What was told before belongs to an earlier window, whenever it was answered.
        let Some(after) = row.since_sent.filter(|after: &Span| row.at.minus(*after) >= since) else { continue };
        if row.first {
            times.first.push(after);
        }
        if row.intervention == Intervention::PauseAgent && row.effect == Effect::Pause {
            times.pause.push(after);
        }
    }
    times
}
