//! The store, its opening and its tenants.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mandate_core::id::TenantId;

use crate::address::Address;
use crate::error::{Error, Result};
use crate::lite::Lite;
use crate::postgres::{Name, Server};
#[cfg(feature = "sim")]
use crate::sim::{Sim, Snapshot};
use crate::sql::{Conn, Reader, Row, Sql, statements, values_of};
use crate::tx::Tx;

/// Where everything is kept. Clones share one store.
#[derive(Debug, Clone)]
pub enum Store {
    /// One file.
    Sqlite(Arc<LiteStore>),
    /// A server.
    Postgres(Arc<ServerStore>),
    /// Memory, for tests.
    #[cfg(feature = "sim")]
    Sim(Sim),
}

/// The insides of [`Store::Sqlite`].
#[derive(Debug)]
pub struct LiteStore(pub(crate) Lite);

/// The insides of [`Store::Postgres`].
#[derive(Debug)]
pub struct ServerStore(pub(crate) Server);

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// What the lock file says of its holder. SQLite only.
    pub process_id: u32,
    /// How many connections read at a time.
    pub readers: u32,
    /// How long to wait for a connection.
    pub acquire_timeout: Duration,
    /// How long a statement may take on Postgres.
    pub statement_timeout: Duration,
    /// Whether to refuse a Postgres database on which another process works that asked for the same. SQLite always does.
    pub alone: bool,
    /// Whether to keep 16 MB beside the file for the day when the disk is full. SQLite only.
    pub ballast: bool,
    /// At most so many pages of 4 kB. SQLite only, for tests of a full disk.
    pub max_pages: Option<u32>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            process_id: std::process::id(),
            readers: 4,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            alone: false,
            ballast: true,
            max_pages: None,
        }
    }
}

/// A tenant, with what signs and keys on its behalf. Prints without its secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name, such as `default`.
    pub name: String,
    /// Keys the fingerprints of inputs and of scrubbed secrets.
    pub secret: [u8; 32],
    /// The seed of the Ed25519 key that signs checkpoints.
    pub signing_seed: [u8; 32],
}

impl std::fmt::Debug for Tenant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tenant").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

statements! {
    /// Every tenant.
    TENANTS: Sql::both("SELECT no, id, name, secret, signing_seed FROM tenant ORDER BY no");
    /// One tenant by name.
    TENANT: Sql::both("SELECT no, id, name, secret, signing_seed FROM tenant WHERE name = $1");
    /// One tenant's number.
    TENANT_NO: Sql::both("SELECT no FROM tenant WHERE id = $1");
    /// A new tenant.
    ADD_TENANT: Sql::both(
        "INSERT INTO tenant (id, name, secret, signing_seed) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING",
    );
    /// Lets the transaction see the new tenant's rows too.
    NAME_TENANT: Sql { lite: "SELECT $1", pg: "SELECT set_config('mandate.tenant', $1::bigint::text, true)" };
    /// A new tenant's empty head.
    ADD_HEAD: Sql::both(
        "INSERT INTO head (tenant, position, event_seq, event_hash, audit_seq, audit_hash, last_id_at, config)
         VALUES ($1, 0, 0, $2, 0, $2, 0, NULL) ON CONFLICT (tenant) DO NOTHING",
    );
    /// The simplest question.
    PING: Sql::both("SELECT 1");
}

fn tenant(row: &Row) -> Result<Tenant> {
    let row = row.of("tenant", "name");
    Ok(Tenant {
        id: TenantId(row.uuid("id")?),
        name: row.text("name")?.to_owned(),
        secret: row.array("secret")?,
        signing_seed: row.array("signing_seed")?,
    })
}

/// The numbers of the tenants met so far. They never change.
#[derive(Debug, Default)]
pub(crate) struct Tenants(RwLock<BTreeMap<TenantId, i64>>);

impl Tenants {
    fn get(&self, id: TenantId) -> Option<i64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    fn learn(&self, id: TenantId, no: i64) -> i64 {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id, no);
        no
    }
}

/// What reads go to: a connection in the tenant's name, or what a simulated store holds at this moment.
pub(crate) enum Reading {
    Sql(i64, Reader),
    #[cfg(feature = "sim")]
    Sim(Snapshot),
}

impl Store {
    /// Opens the store at an address and brings it to this release's schema.
    ///
    /// # Errors
    /// [`Error::Locked`] and [`Error::InUse`] when another process holds it, [`Error::Newer`] when a newer release wrote it,
    /// [`Error::Unreachable`], [`Error::Full`] and [`Error::Io`] as they say.
    pub async fn open(address: &Address, options: OpenOptions) -> Result<Self> {
        Ok(match address {
            Address::Sqlite(path) => Self::Sqlite(Arc::new(LiteStore(Lite::open(path, &options).await?))),
            Address::Postgres(url) => Self::Postgres(Arc::new(ServerStore(Server::open(url, &options).await?))),
        })
    }

    /// Closes every connection. Dropping the store does too, later.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.0.close().await,
            Self::Postgres(store) => store.0.close().await,
            #[cfg(feature = "sim")]
            Self::Sim(_) => {}
        }
    }

    /// Makes a tenant with an empty head. When the name exists, gives the one that has it.
    ///
    /// # Errors
    /// [`Error::Invalid`] when another tenant has the id.
    pub async fn create_tenant(
        &self,
        name: &str,
        id: TenantId,
        secret: [u8; 32],
        signing_seed: [u8; 32],
    ) -> Result<Tenant> {
        let new = Tenant { id, name: name.to_owned(), secret, signing_seed };
        match self {
            Self::Sqlite(store) => {
                let mut transaction = store.0.begin().await?;
                let made = add_tenant(Conn::Lite(&mut transaction), &new).await?;
                transaction.commit().await?;
                Ok(made)
            }
            Self::Postgres(store) => {
                let mut transaction = store.0.begin(Name::Door).await?;
                let made = add_tenant(Conn::Pg(&mut transaction), &new).await?;
                transaction.commit().await?;
                Ok(made)
            }
            #[cfg(feature = "sim")]
            Self::Sim(sim) => sim.create_tenant(new),
        }
    }

    /// The tenant of a name.
    ///
    /// # Errors
    /// As every read.
    pub async fn tenant(&self, name: &str) -> Result<Option<Tenant>> {
        Ok(self.tenants().await?.into_iter().find(|tenant| tenant.name == name))
    }

    /// Every tenant, oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn tenants(&self) -> Result<Vec<Tenant>> {
        let mut reader = match self {
            Self::Sqlite(store) => store.0.read().await?,
            Self::Postgres(store) => store.0.read(Name::Door).await?,
            #[cfg(feature = "sim")]
            Self::Sim(sim) => return sim.tenants(),
        };
        reader.conn().all(TENANTS, &[]).await?.iter().map(tenant).collect()
    }

    /// Opens the transaction that writes for a tenant and locks its head.
    ///
    /// # Errors
    /// [`Error::UnknownTenant`], and whatever keeps the database from answering.
    pub async fn begin(&self, tenant: TenantId) -> Result<Tx> {
        match self {
            Self::Sqlite(store) => {
                let no = self.number(tenant).await?;
                Tx::lite(store.0.begin().await?, no).await
            }
            Self::Postgres(store) => {
                let no = self.number(tenant).await?;
                Tx::postgres(store.0.begin(Name::Tenant(no)).await?, no).await
            }
            #[cfg(feature = "sim")]
            Self::Sim(sim) => Ok(Tx::sim(sim.begin(tenant).await?)),
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ping(&self) -> Result<()> {
        match self {
            Self::Sqlite(store) => store.0.read().await?.conn().one(PING, &[]).await.map(drop),
            Self::Postgres(store) => store.0.ping().await,
            #[cfg(feature = "sim")]
            Self::Sim(sim) => sim.ping(),
        }
    }

    /// What a read of a tenant goes to.
    pub(crate) async fn reading(&self, tenant: TenantId) -> Result<Reading> {
        Ok(match self {
            Self::Sqlite(store) => Reading::Sql(self.number(tenant).await?, store.0.read().await?),
            Self::Postgres(store) => {
                let no = self.number(tenant).await?;
                Reading::Sql(no, store.0.read(Name::Tenant(no)).await?)
            }
            #[cfg(feature = "sim")]
            Self::Sim(sim) => Reading::Sim(sim.read(tenant)?),
        })
    }

    /// The number that stands for a tenant in every table.
    pub(crate) async fn number(&self, id: TenantId) -> Result<i64> {
        let (tenants, mut reader) = match self {
            Self::Sqlite(store) => match store.0.tenants.get(id) {
                Some(no) => return Ok(no),
                None => (&store.0.tenants, store.0.read().await?),
            },
            Self::Postgres(store) => match store.0.tenants.get(id) {
                Some(no) => return Ok(no),
                None => (&store.0.tenants, store.0.read(Name::Door).await?),
            },
            #[cfg(feature = "sim")]
            Self::Sim(_) => return Err(Error::UnknownTenant(id)),
        };
        let row = reader.conn().one(TENANT_NO, &values_of![id.0]).await?.ok_or(Error::UnknownTenant(id))?;
        Ok(tenants.learn(id, row.of("tenant", "no").int("no")?))
    }
}

async fn add_tenant(mut conn: Conn<'_>, new: &Tenant) -> Result<Tenant> {
    conn.run(ADD_TENANT, &values_of![new.id.0, &new.name, &new.secret, &new.signing_seed]).await?;
    let row = conn.one(TENANT, &values_of![&new.name]).await?.ok_or(Error::UnknownTenant(new.id))?;
    let no = row.of("tenant", "name").int("no")?;
    conn.one(NAME_TENANT, &values_of![no]).await?;
    conn.run(ADD_HEAD, &values_of![no, &[0; 32]]).await?;
    tenant(&row)
}
