//! Questions about what was told and held: what storm control begins with, and what one message tells of.

use mandate_core::change::NotificationRow;
use mandate_core::event::{Decision, Impact, Level};
use mandate_core::id::{NotificationId, TenantId, uuid_v7};
use mandate_core::storm::{Past, PastEvent, PastGathering, PastMessage};
use mandate_core::time::Millis;

use crate::decode;
use crate::error::Result;
use crate::sql::{Row, Sql, statements, values_of};
use crate::store::{Reading, Store};

/// As many messages are looked at, the latest.
const MESSAGES: u32 = 20_000;
/// As many kinds of actions are named of one message.
pub(crate) const ACTS: u32 = 20;

/// What one message tells of, beside the event that it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Together {
    /// How many notices.
    pub count: u64,
    /// The place of the latest event among theirs.
    pub through: i64,
    /// The worst impact, where any has one.
    pub worst: Option<Impact>,
    /// What was done how often, the most frequent first; at most twenty.
    pub acts: Vec<Acts>,
    /// What was done last.
    pub last_action: Option<String>,
}

/// What one actor did several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acts {
    /// Who, when known.
    pub actor: Option<String>,
    /// What, when known.
    pub action: Option<String>,
    /// How often.
    pub count: u64,
}

statements! {
    /// What was sent since an id, the latest first, with what it was about. In-app notices are no messages.
    PAST_MESSAGES: Sql::both(
        "SELECT n.*, e.actor AS event_actor, e.session AS event_session, e.decision AS event_decision,
           e.plan AS event_plan,
           (SELECT max(m.created_at) FROM notification m WHERE m.tenant = n.tenant AND m.told_in = n.id) AS merged_at
         FROM notification n LEFT JOIN event e ON e.tenant = n.tenant AND e.seq = n.event_seq
         WHERE n.tenant = $1 AND n.id >= $2 AND n.told_in IS NULL AND n.channel <> $3
         ORDER BY n.created_at DESC, n.event_seq DESC, n.id DESC LIMIT $4",
    );
    /// What is held, for each digest.
    GATHERED: Sql::both(
        "SELECT told_in, recipient, channel, lane, urgency, min(due_at) AS due_at, count(*) AS held
         FROM notification WHERE tenant = $1 AND state = 'held'
         GROUP BY told_in, recipient, channel, lane, urgency ORDER BY min(created_at)",
    );
    /// How many were held in each second because it stormed.
    STORMED: Sql::both(
        "SELECT created_at / 1000 AS second, count(*) AS held FROM notification
         WHERE tenant = $1 AND id >= $2 AND because = 'storm' GROUP BY created_at / 1000 ORDER BY 1",
    );
    /// How many messages wait to be sent for the first time.
    QUEUED: Sql::both("SELECT count(*) AS queued FROM notification WHERE tenant = $1 AND waits AND state = 'queued'");
    /// How much one message tells of.
    TOGETHER: Sql::both(
        "SELECT impact, count(*) AS notices, max(event_seq) AS through FROM notification
         WHERE tenant = $1 AND told_in = $2 GROUP BY impact",
    );
    /// What that is.
    ACTS_OF: Sql::both(
        "SELECT e.actor AS actor, e.action AS action, count(*) AS notices FROM notification n
         JOIN event e ON e.tenant = n.tenant AND e.seq = n.event_seq
         WHERE n.tenant = $1 AND n.told_in = $2
         GROUP BY e.actor, e.action ORDER BY count(*) DESC, max(n.event_seq) DESC LIMIT $3",
    );
    /// How many of them its channel did not take yet.
    UNTOLD: Sql::both(
        "SELECT count(*) AS untold FROM notification
         WHERE tenant = $1 AND told_in = $2 AND state = 'merged' AND delivered_at IS NULL",
    );
    /// What was done at one place of the chain.
    ACTION_AT: Sql::both("SELECT action FROM event WHERE tenant = $1 AND seq = $2");
}

impl Store {
    /// What storm control remembers at `now`, from what is stored.
    ///
    /// # Errors
    /// As every read.
    pub async fn past(&self, tenant: TenantId, now: Millis) -> Result<Past> {
        let (no, mut reader) = match self.reading(tenant).await? {
            Reading::Sql(no, reader) => (no, reader),
            #[cfg(feature = "sim")]
            Reading::Sim(sim) => return Ok(sim.past(now)),
        };
        let mut conn = reader.conn();
        let (since, stormed) = (first_id(Past::since(now)), first_id(Past::stormed_since(now)));
        let rows = conn.all(PAST_MESSAGES, &values_of![no, since, mandate_core::plan::IN_APP, MESSAGES]).await?;
        let mut messages = rows.iter().map(message).collect::<Result<Vec<_>>>()?;
        messages.reverse();
        let gathered = conn.all(GATHERED, &values_of![no]).await?;
        let stormed = conn.all(STORMED, &values_of![no, stormed]).await?;
        let queued = conn.one(QUEUED, &values_of![no]).await?;
        let second = |row: &Row| {
            let row = row.of("notification", "second");
            Ok((row.int("second")?, count(row.int("held")?)))
        };
        Ok(Past {
            messages,
            gathered: gathered.iter().map(gathering).collect::<Result<_>>()?,
            stormed: stormed.iter().map(second).collect::<Result<_>>()?,
            queued: match queued {
                Some(row) => usize::try_from(row.of("notification", "queued").int("queued")?).unwrap_or(0),
                None => 0,
            },
        })
    }

    /// What a message tells of beside its own event; with the kinds of actions when `acts`.
    ///
    /// # Errors
    /// As every read.
    pub async fn together(&self, tenant: TenantId, message: NotificationId, acts: bool) -> Result<Together> {
        let (no, mut reader) = match self.reading(tenant).await? {
            Reading::Sql(no, reader) => (no, reader),
            #[cfg(feature = "sim")]
            Reading::Sim(sim) => return Ok(sim.together(message, acts)),
        };
        let mut conn = reader.conn();
        let mut together = Together::default();
        for row in conn.all(TOGETHER, &values_of![no, message.0]).await? {
            let row = row.of("notification", "through");
            let impact =
                row.text_or("impact")?.map(|word| Impact::from_word(&word).ok_or_else(|| row.corrupt("impact")));
            together.count += count(row.int("notices")?);
            together.through = together.through.max(row.int_or("through")?.unwrap_or(0));
            together.worst = together.worst.max(impact.transpose()?);
        }
        if together.count > 0 {
            let last = conn.one(ACTION_AT, &values_of![no, together.through]).await?;
            together.last_action = last.map(|row| row.of("event", "action").text_or("action")).transpose()?.flatten();
        }
        if acts {
            let rows = conn.all(ACTS_OF, &values_of![no, message.0, ACTS]).await?;
            let act = |row: &Row| {
                let row = row.of("event", "action");
                let (actor, action) = (row.text_or("actor")?, row.text_or("action")?);
                Ok(Acts { actor, action, count: count(row.int("notices")?) })
            };
            together.acts = rows.iter().map(act).collect::<Result<_>>()?;
        }
        Ok(together)
    }
}

/// The lowest id that anything made at this time may have.
pub(crate) fn first_id(at: Millis) -> uuid::Uuid {
    uuid_v7(at, [0; 16])
}

fn count(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn message(row: &Row) -> Result<PastMessage> {
    let notification: NotificationRow = decode::notification(row)?;
    let row = row.of("notification", "id");
    let event = match row.bytes_or("event_plan")? {
        Some(plan) => Some(PastEvent {
            actor: row.text_or("event_actor")?,
            session: row.text_or("event_session")?,
            decision: row.word("event_decision", Decision::from_word)?,
            plan,
        }),
        None => None,
    };
    Ok(PastMessage { row: notification, event, merged_at: row.millis_or("merged_at")? })
}

fn gathering(row: &Row) -> Result<PastGathering> {
    let row = row.of("notification", "told_in");
    Ok(PastGathering {
        digest: NotificationId(row.uuid("told_in")?),
        recipient: row.text("recipient")?.into(),
        channel: row.text("channel")?.into(),
        lane: row.text("lane")?.into(),
        urgency: row.word("urgency", Level::from_word)?,
        due_at: row.millis("due_at")?,
        count: count(row.int("held")?),
    })
}
