//! What workers ask for now and then: cutting what is no longer needed, sizes, room for the day the disk is full.

use mandate_core::id::{TenantId, uuid_v7};
use mandate_core::time::Millis;
use uuid::Uuid;

use crate::error::Result;
use crate::postgres::Name;
use crate::sql::{Conn, Sql, Value, statements, values_of};
use crate::store::{Reading, Store};

/// How many rows one transaction of a purge deletes, so that the writer gets its turn in between.
const PURGE: i64 = 5_000;

/// How large the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Bytes on disk, of all tenants.
    pub bytes: u64,
    /// Bytes within them that hold nothing and are used before the files grow; none where unknown.
    pub unused_bytes: Option<u64>,
    /// How many events the tenant's chain has.
    pub events: i64,
}

statements! {
    /// Forgets a few keys of inputs.
    PURGE_SEEN: Sql::both(
        "DELETE FROM seen WHERE (tenant, hour, digest) IN (
           SELECT tenant, hour, digest FROM seen WHERE tenant = $1 AND hour < $2 AND expires_at <= $3
           ORDER BY hour, digest LIMIT $4)",
    );
    /// Forgets a few items that were no events.
    PURGE_REJECTED: Sql::both(
        "DELETE FROM rejected WHERE (tenant, id) IN (
           SELECT tenant, id FROM rejected WHERE tenant = $1 AND id < $2 ORDER BY id LIMIT $3)",
    );
    /// The newest item that is one too many.
    REJECTED_BEYOND: Sql::both("SELECT id FROM rejected WHERE tenant = $1 ORDER BY id DESC LIMIT 1 OFFSET $2");
    /// Forgets a little of the feed.
    PURGE_FEED: Sql {
        lite: "DELETE FROM feed WHERE no IN (
                 SELECT no FROM feed WHERE no > ($1 << 44) AND no < (($1 << 44) | $2) ORDER BY no LIMIT $3)",
        pg: "DELETE FROM feed WHERE (tenant, last) IN (
               SELECT tenant, last FROM feed WHERE tenant = $1 AND last < $2 ORDER BY last LIMIT $3)",
    };
    /// The size on disk.
    BYTES: Sql {
        lite: "SELECT freelist_count * page_size AS bytes FROM pragma_freelist_count(), pragma_page_size()",
        pg: "SELECT pg_database_size(current_database()) AS bytes",
    };
}

impl Store {
    /// Forgets the keys of inputs from before an hour that no longer hold; gives how many. In small transactions.
    ///
    /// # Errors
    /// As the database does; what was forgotten by then stays so.
    pub async fn purge_seen(&self, tenant: TenantId, before_hour: i64, now: Millis) -> Result<u64> {
        match self {
            #[cfg(feature = "sim")]
            Self::Sim(sim) => sim.purge_seen(tenant, before_hour, now).await,
            _ => self.purge(tenant, PURGE_SEEN, &values_of![before_hour, now]).await,
        }
    }

    /// Forgets items that were no events: those from before `before`, and all but the newest `keep`; gives how many.
    /// In small transactions.
    ///
    /// # Errors
    /// As the database does; what was forgotten by then stays so.
    pub async fn purge_rejected(&self, tenant: TenantId, before: Millis, keep: u32) -> Result<u64> {
        let oldest = uuid_v7(before, [0; 16]);
        match self.reading(tenant).await? {
            Reading::Sql(no, mut reader) => {
                let beyond = reader.conn().one(REJECTED_BEYOND, &values_of![no, keep]).await?;
                let beyond = beyond.map(|row| row.of("rejected", "id").uuid("id")).transpose()?;
                drop(reader);
                // Ids are ordered by time, so the one after the last to go bounds them all.
                let until = beyond.map_or(oldest, |id| oldest.max(Uuid::from_u128(id.as_u128().saturating_add(1))));
                self.purge(tenant, PURGE_REJECTED, &values_of![until]).await
            }
            #[cfg(feature = "sim")]
            Reading::Sim(_) => match self {
                Self::Sim(sim) => sim.purge_rejected(tenant, oldest, keep as usize).await,
                _ => Ok(0),
            },
        }
    }

    /// Forgets commits of the feed that end before a position; gives how many. In small transactions.
    ///
    /// # Errors
    /// As the database does; what was forgotten by then stays so.
    pub async fn purge_feed(&self, tenant: TenantId, before: i64) -> Result<u64> {
        match self {
            #[cfg(feature = "sim")]
            Self::Sim(sim) => sim.purge_feed(tenant, before).await,
            _ => self.purge(tenant, PURGE_FEED, &values_of![before.max(0)]).await,
        }
    }

    async fn purge(&self, tenant: TenantId, sql: Sql, which: &[Value<'_>]) -> Result<u64> {
        let no = self.number(tenant).await?;
        let values: Vec<_> = values_of![no].into_iter().chain(which.iter().copied()).chain(values_of![PURGE]).collect();
        let mut purged = 0;
        loop {
            let deleted = match self {
                Self::Sqlite(store) => {
                    let mut transaction = store.0.begin().await?;
                    let deleted = Conn::Lite(&mut transaction).run(sql, &values).await?;
                    transaction.commit().await?;
                    deleted
                }
                Self::Postgres(store) => {
                    let mut transaction = store.0.begin(Name::Tenant(no)).await?;
                    let deleted = Conn::Pg(&mut transaction).run(sql, &values).await?;
                    transaction.commit().await?;
                    deleted
                }
                #[cfg(feature = "sim")]
                Self::Sim(_) => 0,
            };
            purged += deleted;
            if i64::try_from(deleted).is_ok_and(|deleted| deleted < PURGE) {
                return Ok(purged);
            }
        }
    }

    /// How large the store is.
    ///
    /// # Errors
    /// As every read.
    pub async fn size(&self, tenant: TenantId) -> Result<Size> {
        let events = self.head(tenant).await?.events.seq;
        let (bytes, unused_bytes) = match self {
            Self::Sqlite(store) => {
                let row = store.0.read().await?.conn().one(BYTES, &[]).await?;
                let unused = row.map(|row| row.of("database", "bytes").int("bytes")).transpose()?;
                (store.0.bytes(), unused.and_then(|bytes| u64::try_from(bytes).ok()))
            }
            Self::Postgres(store) => {
                let row = store.0.read(Name::Door).await?.conn().one(BYTES, &[]).await?;
                let bytes = row.map_or(Ok(0), |row| row.of("database", "bytes").int("bytes"))?;
                (u64::try_from(bytes).unwrap_or(0), None)
            }
            #[cfg(feature = "sim")]
            Self::Sim(_) => (0, None),
        };
        Ok(Size { bytes, unused_bytes, events })
    }

    /// Gives away the 16 MB kept for a full disk; says whether there were any. Only SQLite keeps some.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the file cannot be removed.
    pub async fn release_ballast(&self) -> Result<bool> {
        match self {
            Self::Sqlite(store) => store.0.ballast.release().await,
            _ => Ok(false),
        }
    }

    /// Keeps 16 MB again; says whether there was room. Only SQLite keeps some: the others' room is found out by
    /// writing, so they always say yes.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the file cannot be written for another reason.
    pub async fn restore_ballast(&self) -> Result<bool> {
        match self {
            Self::Sqlite(store) => store.0.ballast.restore().await,
            _ => Ok(true),
        }
    }

    /// Whether no other process can have begun to work on the same database. Call it every few seconds, and stop when
    /// it says no. A store that was not opened to be worked on alone always says yes.
    pub async fn keeps_its_place(&self) -> bool {
        match self {
            Self::Postgres(store) => store.0.keeps_its_place().await,
            _ => true,
        }
    }

    /// Makes the coming months' partitions on Postgres. Call it daily; a login that may not leaves events to the
    /// default partition.
    pub async fn extend_partitions(&self) {
        if let Self::Postgres(store) = self {
            store.0.extend_partitions().await;
        }
    }
}
