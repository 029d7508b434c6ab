//! The transaction that writes: one tenant, its head locked, everything or nothing.

mod check;
mod lookup;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use mandate_core::change::{Changes, Edited, Head, Regrouped, SeenKey, SeenRow};
use mandate_core::id::{EventId, PersonId};
use mandate_core::time::Millis;
use sqlx::{Postgres, Sqlite, Transaction};

use crate::decode;
use crate::error::{CommitError, Error, Result, commit_error};
#[cfg(feature = "sim")]
use crate::sim::SimTx;
use crate::sql::{Conn, Sql, Value, Writes, statements, values_of};

pub(crate) use check::check;
pub(crate) use rows::ALL as INSERTS;

/// What the audit entry of an erasure must have for `action`; its `resource` is `event:<id>`.
pub const ERASE_ACTION: &str = "event.erase";

/// The removal of one event's erasable content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Which event.
    pub event: EventId,
    /// Its place in the chain.
    pub seq: i64,
    /// The place of the audit entry that records it; it must be among the changes of the same transaction.
    pub audit_seq: i64,
    /// When.
    pub at: Millis,
    /// Why.
    pub reason: String,
}

/// An open transaction. Dropping it undoes it.
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    tenant: i64,
    head: Head,
    now: Millis,
    erasures: Vec<Erasure>,
    forgotten: Vec<PersonId>,
    /// Keys that were looked for and are not there: while the head is held, nobody else adds them.
    unseen: BTreeSet<SeenKey>,
    /// The first error; after it nothing can be committed.
    failed: Option<Error>,
}

#[derive(Debug)]
enum Inner {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
    #[cfg(feature = "sim")]
    Sim(SimTx),
}

statements! {
    /// The head, locked, with the database's clock.
    LOCK_HEAD: Sql {
        lite: "SELECT *, CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now FROM head WHERE tenant = $1",
        pg: "SELECT *, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now
             FROM head WHERE tenant = $1 FOR UPDATE",
    };
    /// Moves the head from where it was.
    MOVE_HEAD: Sql::both(
        "UPDATE head SET position = $2, event_seq = $3, event_hash = $4, audit_seq = $5, audit_hash = $6,
           last_id_at = $7, config = $8
         WHERE tenant = $1 AND position = $9 AND event_hash = $10 AND audit_hash = $11",
    );
    /// All notifications about an event say something else.
    EDIT_ABOUT: Sql::both("UPDATE notification SET edition = edition + 1 WHERE tenant = $1 AND event_seq = $2");
    /// One notification says something else.
    EDIT: Sql::both("UPDATE notification SET edition = edition + 1 WHERE tenant = $1 AND id = $2");
    /// A digest goes out.
    DIGESTED: Sql::both(
        "UPDATE notification SET state = 'digested' WHERE tenant = $1 AND told_in = $2 AND state = 'held'",
    );
    /// Another message takes the place of one.
    MOVED: Sql::both("UPDATE notification SET told_in = $3 WHERE tenant = $1 AND told_in = $2");
    /// What a message did not tell waits for a digest.
    HELD_AGAIN: Sql::both(
        "UPDATE notification SET state = 'held', told_in = $3, because = 'message_gone', due_at = $4
         WHERE tenant = $1 AND told_in = $2 AND state = 'merged' AND delivered_at IS NULL",
    );
    /// A channel took a message with what is in it.
    CONTAINED: Sql::both(
        "UPDATE notification SET delivered_at = $4
         WHERE tenant = $1 AND told_in = $2 AND delivered_at IS NULL AND event_seq <= $3",
    );
    /// Records an erasure.
    ADD_ERASED: Sql::both("INSERT INTO erased (tenant, seq, audit_seq, at, reason) VALUES ($1, $2, $3, $4, $5)");
    /// Erases the content of one event.
    ERASE: Sql::both("UPDATE event SET content = NULL WHERE tenant = $1 AND id = $2");
    /// Forgets a person.
    FORGET_PERSON: Sql::both("DELETE FROM person WHERE tenant = $1 AND id = $2");
    /// The inputs with one of a few keys.
    SEEN_FEW: Sql {
        lite: "WITH k (hour, digest) AS (VALUES
                 ($2, $3), ($4, $5), ($6, $7), ($8, $9))
               SELECT s.hour, s.digest, s.content, s.seq, s.expires_at
               FROM k CROSS JOIN seen s ON s.tenant = $1 AND s.hour = k.hour AND s.digest = k.digest",
        pg: "SELECT s.hour, s.digest, s.content, s.seq, s.expires_at
             FROM UNNEST($2::bigint[], $3::bytea[]) AS k (hour, digest)
             JOIN seen s ON s.tenant = $1 AND s.hour = k.hour AND s.digest = k.digest",
    };
    /// The inputs with one of many keys.
    SEEN: Sql {
        lite: "WITH k (hour, digest) AS (VALUES
                 ($2, $3), ($4, $5), ($6, $7), ($8, $9), ($10, $11), ($12, $13), ($14, $15), ($16, $17),
                 ($18, $19), ($20, $21), ($22, $23), ($24, $25), ($26, $27), ($28, $29), ($30, $31), ($32, $33),
                 ($34, $35), ($36, $37), ($38, $39), ($40, $41), ($42, $43), ($44, $45), ($46, $47), ($48, $49),
                 ($50, $51), ($52, $53), ($54, $55), ($56, $57), ($58, $59), ($60, $61), ($62, $63), ($64, $65),
                 ($66, $67), ($68, $69), ($70, $71), ($72, $73), ($74, $75), ($76, $77), ($78, $79), ($80, $81),
                 ($82, $83), ($84, $85), ($86, $87), ($88, $89), ($90, $91), ($92, $93), ($94, $95), ($96, $97),
                 ($98, $99), ($100, $101), ($102, $103), ($104, $105), ($106, $107), ($108, $109), ($110, $111), ($112, $113),
                 ($114, $115), ($116, $117), ($118, $119), ($120, $121), ($122, $123), ($124, $125), ($126, $127), ($128, $129))
               SELECT s.hour, s.digest, s.content, s.seq, s.expires_at
               FROM k CROSS JOIN seen s ON s.tenant = $1 AND s.hour = k.hour AND s.digest = k.digest",
        pg: "SELECT s.hour, s.digest, s.content, s.seq, s.expires_at
             FROM UNNEST($2::bigint[], $3::bytea[]) AS k (hour, digest)
             JOIN seen s ON s.tenant = $1 AND s.hour = k.hour AND s.digest = k.digest",
    };
}

/// How many keys SQLite's texts of [`SEEN_FEW`] and [`SEEN`] take; unused ones are null and match nothing.
const SEEN_KEYS: [usize; 2] = [4, 64];

impl Tx {
    pub(crate) async fn lite(mut transaction: Transaction<'static, Sqlite>, tenant: i64) -> Result<Self> {
        let (head, now) = lock_head(Conn::Lite(&mut transaction), tenant).await?;
        Ok(Self::new(Inner::Lite(transaction), tenant, head, now))
    }

    pub(crate) async fn postgres(mut transaction: Transaction<'static, Postgres>, tenant: i64) -> Result<Self> {
        let (head, now) = lock_head(Conn::Pg(&mut transaction), tenant).await?;
        Ok(Self::new(Inner::Pg(transaction), tenant, head, now))
    }

    #[cfg(feature = "sim")]
    pub(crate) fn sim(sim: SimTx) -> Self {
        let (head, now) = (sim.head(), sim.now());
        Self::new(Inner::Sim(sim), 0, head, now)
    }

    fn new(inner: Inner, tenant: i64, head: Head, now: Millis) -> Self {
        Self {
            inner,
            tenant,
            head,
            now,
            erasures: Vec::new(),
            forgotten: Vec::new(),
            unseen: BTreeSet::new(),
            failed: None,
        }
    }

    /// The tenant's head as the transaction sees it: after a write, the new one.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The database's clock when the head was locked.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.now
    }

    /// What is kept under each key, in the keys' order.
    ///
    /// # Errors
    /// As every read; the transaction can then only be dropped.
    pub async fn seen(&mut self, keys: &[SeenKey]) -> Result<Vec<Option<SeenRow>>> {
        let found = self.find_seen(keys).await.inspect_err(|error| self.failed = Some(error.clone()))?;
        self.unseen.extend(keys.iter().filter(|key| !found.contains_key(*key)));
        Ok(keys.iter().map(|key| found.get(key).copied()).collect())
    }

    async fn find_seen(&mut self, keys: &[SeenKey]) -> Result<BTreeMap<SeenKey, SeenRow>> {
        let tenant = self.tenant;
        let mut found = BTreeMap::new();
        match &mut self.inner {
            Inner::Lite(transaction) => {
                let [few, many] = SEEN_KEYS;
                for keys in keys.chunks(many) {
                    let (sql, takes) = if keys.len() <= few { (SEEN_FEW, few) } else { (SEEN, many) };
                    let mut values = Vec::with_capacity(1 + 2 * takes);
                    values.push(tenant.into());
                    values.extend(keys.iter().flat_map(|key| values_of![key.hour, &key.digest]));
                    // A value that is not bound would leave the ones after it unbound too.
                    values.resize(1 + 2 * takes, Value::Int(None));
                    for row in Conn::Lite(transaction).all(sql, &values).await? {
                        let row = decode::seen(&row)?;
                        found.insert(row.key, row);
                    }
                }
            }
            Inner::Pg(transaction) if !keys.is_empty() => {
                let hours: Vec<_> = keys.iter().map(|key| key.hour).collect();
                let digests: Vec<_> = keys.iter().map(|key| &key.digest[..]).collect();
                let query = sqlx::query(SEEN.pg).bind(tenant).bind(hours).bind(digests);
                for row in query.fetch_all(&mut **transaction).await? {
                    let row = decode::seen(&crate::sql::Row::Pg(row))?;
                    found.insert(row.key, row);
                }
            }
            Inner::Pg(_) => {}
            #[cfg(feature = "sim")]
            Inner::Sim(sim) => found = sim.seen(keys)?,
        }
        Ok(found)
    }

    /// Erases an event's content with the next [`Tx::write`], whose changes hold the audit entry that says so.
    ///
    /// The database refuses it ([`Error::AppendOnly`]) without an entry of this transaction at `audit_seq` whose
    /// action is [`ERASE_ACTION`] and whose resource is the event.
    pub fn erase_event(&mut self, erasure: Erasure) {
        self.erasures.push(erasure);
    }

    /// Deletes with the next [`Tx::write`] what joins a person's name to the id in logs.
    pub fn forget_person(&mut self, person: PersonId) {
        self.forgotten.push(person);
    }

    /// Writes everything and moves the head from where this transaction found it to `head`.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the head is not where it was, [`Error::Invalid`] when some row cannot be stored or
    /// the changes do not lead from the old head to the new one. After an error the transaction can only be dropped.
    pub async fn write(&mut self, changes: &Changes, head: &Head) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let written = self.write_all(changes, head).await;
        match &written {
            Ok(()) => self.head = *head,
            Err(error) => self.failed = Some(error.clone()),
        }
        written
    }

    async fn write_all(&mut self, changes: &Changes, head: &Head) -> Result<()> {
        check(changes, &self.head, head)?;
        let (erasures, forgotten) = (std::mem::take(&mut self.erasures), std::mem::take(&mut self.forgotten));
        let mut conn = match &mut self.inner {
            Inner::Lite(transaction) => Conn::Lite(transaction),
            Inner::Pg(transaction) => Conn::Pg(transaction),
            #[cfg(feature = "sim")]
            Inner::Sim(sim) => return sim.write(changes, head, erasures, forgotten),
        };
        let writes = &mut Writes::new(&mut conn);
        rows::insert(writes, self.tenant, self.head.position, changes, &self.unseen).await?;
        writes.flush().await?;
        // Not among the inserts, since what became of an attempt may change the same row.
        for edited in BTreeSet::from_iter(&changes.edited) {
            match edited {
                Edited::AboutEvent(seq) => conn.run(EDIT_ABOUT, &values_of![self.tenant, *seq]).await?,
                Edited::One(id) => conn.run(EDIT, &values_of![self.tenant, id.0]).await?,
            };
        }
        for regrouped in &changes.regrouped {
            match regrouped {
                Regrouped::Digested(digest) => conn.run(DIGESTED, &values_of![self.tenant, digest.0]).await?,
                Regrouped::Moved { from, to } => conn.run(MOVED, &values_of![self.tenant, from.0, to.0]).await?,
                Regrouped::HeldAgain { from, digest, due_at } => {
                    conn.run(HELD_AGAIN, &values_of![self.tenant, from.0, digest.0, *due_at]).await?
                }
                Regrouped::Contained { message, through, at } => {
                    conn.run(CONTAINED, &values_of![self.tenant, message.0, *through, *at]).await?
                }
            };
        }
        for erasure in &erasures {
            let Erasure { event, seq, audit_seq, at, reason } = erasure;
            conn.run(ADD_ERASED, &values_of![self.tenant, *seq, *audit_seq, *at, reason]).await?;
            conn.run(ERASE, &values_of![self.tenant, event.0]).await?;
        }
        for person in forgotten {
            conn.run(FORGET_PERSON, &values_of![self.tenant, person.0]).await?;
        }
        let old = &self.head;
        let moved = conn
            .run(
                MOVE_HEAD,
                &values_of![
                    self.tenant,
                    head.position,
                    head.events.seq,
                    &head.events.hash,
                    head.audit.seq,
                    &head.audit.hash,
                    head.last_id_at,
                    head.config.map(|id| id.0),
                    old.position,
                    &old.events.hash,
                    &old.audit.hash,
                ],
            )
            .await?;
        if moved == 1 { Ok(()) } else { Err(Error::Conflict("the tenant's head is not where it was".into())) }
    }

    /// Makes everything that was written durable and visible.
    ///
    /// # Errors
    /// [`CommitError::Refused`]: nothing happened. [`CommitError::Unknown`]: read the head to learn whether it did.
    pub async fn commit(self) -> Result<(), CommitError> {
        if let Some(error) = self.failed {
            return Err(CommitError::Refused(error));
        }
        if !(self.erasures.is_empty() && self.forgotten.is_empty()) {
            return Err(CommitError::Refused(Error::Invalid("what is to be erased was never written".into())));
        }
        match self.inner {
            Inner::Lite(transaction) => transaction.commit().await.map_err(commit_error),
            Inner::Pg(transaction) => transaction.commit().await.map_err(commit_error),
            #[cfg(feature = "sim")]
            Inner::Sim(sim) => sim.commit(),
        }
    }
}

async fn lock_head(mut conn: Conn<'_>, tenant: i64) -> Result<(Head, Millis)> {
    let row = conn.one(LOCK_HEAD, &values_of![tenant]).await?;
    let row = row.ok_or_else(|| Error::Corrupt { table: "head", column: "tenant", id: tenant.to_string() })?;
    Ok((decode::head(&row)?, row.of("head", "tenant").millis("now")?))
}
