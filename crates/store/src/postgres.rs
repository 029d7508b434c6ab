//! Postgres: a pool of connections, each transaction in one tenant's name.

use std::future::Future;
use std::pin::Pin;
use std::str::FromStr as _;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, Postgres};
use sqlx::{AssertSqlSafe, Connection as _, Transaction};

use tokio::sync::Mutex;

use crate::error::{Error, Result};
use crate::migrate;
use crate::sql::Reader;
use crate::store::{OpenOptions, Tenants};

/// Whether the login may work as the role that the migrations grant things to.
const MAY_BE_APP: &str = "SELECT EXISTS (SELECT FROM pg_roles \
     WHERE rolname = 'mandate_app' AND pg_has_role(current_user, oid, 'MEMBER'))";
const PASSES_WALLS: &str = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
const EXTEND_PARTITIONS: &str = "SELECT extend_event_partitions(2)";
/// The lock of the one process that works on this database; it goes with the connection that took it.
const TAKE_PLACE: &str = "SELECT pg_try_advisory_lock(hashtext('mandate serve'))";
/// A process that was killed leaves its place as soon as the server notices; so often the server is asked.
const TAKE_PLACE_AGAIN: Duration = Duration::from_millis(100);
/// So many transactions write at a time: a tenant's writer, and what claims or purges.
const WRITERS: u32 = 4;
/// A connection that rested longer is tried before it is used: a new one is made unnoticed when it broke.
const TRIED_AFTER: Duration = Duration::from_secs(1);

/// A connected server.
#[derive(Debug)]
pub(crate) struct Server {
    readers: PgPool,
    writers: PgPool,
    /// Whether transactions run as `mandate_app`.
    as_app: bool,
    pub(crate) tenants: Tenants,
    /// The place of the one process, where it was asked for.
    place: Option<Place>,
}

/// In whose name a transaction runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Name {
    /// One tenant, by number.
    Tenant(i64),
    /// Nobody: finding and making tenants.
    Door,
}

impl Server {
    /// Connects and migrates.
    pub(crate) async fn open(url: &str, options: &OpenOptions) -> Result<Self> {
        let milliseconds = |time: std::time::Duration| time.as_millis().to_string();
        let connect =
            PgConnectOptions::from_str(url)?.application_name("mandate").statement_cache_capacity(256).options([
                ("statement_timeout", milliseconds(options.statement_timeout)),
                ("lock_timeout", milliseconds(options.statement_timeout)),
                ("idle_in_transaction_session_timeout", milliseconds(options.statement_timeout * 2)),
                // Acknowledged means on disk, whatever the server's default.
                ("synchronous_commit", "on".to_owned()),
            ]);
        let place = if options.alone { Some(Place::take(&connect, options.acquire_timeout).await?) } else { None };
        let pool = |connections| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(options.acquire_timeout)
                .test_before_acquire(false)
                .before_acquire(|connection, rested| {
                    Box::pin(async move {
                        if rested.idle_for >= TRIED_AFTER {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                })
        };
        let readers = pool(options.readers).connect_with(connect.clone()).await?;
        // Writing waits for no reader, however slow.
        let writers = pool(WRITERS).connect_lazy_with(connect);
        let mut connection = readers.acquire().await?;
        migrate::postgres(&mut connection).await?;
        let as_app: bool = sqlx::query_scalar(MAY_BE_APP).fetch_one(&mut *connection).await?;
        if !as_app && sqlx::query_scalar(PASSES_WALLS).fetch_one(&mut *connection).await? {
            tracing::warn!("this login passes row-level security, and there is no role `mandate_app` to work as");
        }
        drop(connection);
        let server = Self { readers, writers, as_app, tenants: Tenants::default(), place };
        server.extend_partitions().await;
        Ok(server)
    }

    /// Makes the coming months' partitions, when the login may; else events go to the default one.
    pub(crate) async fn extend_partitions(&self) {
        if let Err(error) = sqlx::query(EXTEND_PARTITIONS).execute(&self.writers).await {
            tracing::debug!(%error, "this login makes no partitions; the owner may, with extend_event_partitions()");
        }
    }

    /// A transaction that reads only. Dropping it ends it.
    pub(crate) async fn read(&self, name: Name) -> Result<Reader> {
        Ok(Reader::Pg(self.open_transaction(&self.readers, "BEGIN READ ONLY", name).await?))
    }

    /// A transaction that writes.
    pub(crate) async fn begin(&self, name: Name) -> Result<Transaction<'static, Postgres>> {
        self.open_transaction(&self.writers, "BEGIN", name).await
    }

    /// Begins, takes the role and the tenant's name in one round trip.
    async fn open_transaction(&self, pool: &PgPool, begin: &str, name: Name) -> Result<Transaction<'static, Postgres>> {
        let role = if self.as_app { "SET LOCAL ROLE mandate_app;" } else { "" };
        let name = match name {
            Name::Tenant(number) => format!("SET LOCAL mandate.tenant = '{number}'"),
            Name::Door => "SET LOCAL mandate.door = 'tenants'".to_owned(),
        };
        let (pool, text) = (pool.clone(), AssertSqlSafe(format!("{begin};{role}{name}")));
        Ok(Beginning(Some(Box::pin(async move { pool.begin_with(text).await }))).await?)
    }

    /// Closes the pools.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
        if let Some(place) = &self.place {
            place.leave().await;
        }
    }

    /// Whether no other process can have begun to work on this database.
    pub(crate) async fn keeps_its_place(&self) -> bool {
        match &self.place {
            Some(place) => place.is_kept().await,
            None => true,
        }
    }

    /// Whether the server answers.
    pub(crate) async fn ping(&self) -> Result<()> {
        Ok(self.readers.acquire().await?.ping().await?)
    }
}

/// The place of the one process that works on a database: a lock that goes with the connection that took it.
#[derive(Debug)]
struct Place {
    connect: PgConnectOptions,
    /// None while the server is away.
    held: Mutex<Option<PgConnection>>,
}

impl Place {
    async fn take(connect: &PgConnectOptions, patience: Duration) -> Result<Self> {
        let held = take_place(connect, patience).await?;
        Ok(Self { connect: connect.clone(), held: Mutex::new(Some(held)) })
    }

    /// Looks whether the connection is still there, and takes the place again when it is not. While the server is away
    /// nobody can take it, and nothing can be written either.
    async fn is_kept(&self) -> bool {
        let mut held = self.held.lock().await;
        if let Some(connection) = &mut *held
            && connection.ping().await.is_ok()
        {
            return true;
        }
        *held = None;
        match take_place(&self.connect, TAKE_PLACE_AGAIN * 10).await {
            Ok(connection) => {
                *held = Some(connection);
                true
            }
            Err(error) => error != Error::InUse,
        }
    }

    async fn leave(&self) {
        if let Some(connection) = self.held.lock().await.take() {
            // However it ends, the server frees the place.
            let _ = connection.close().await;
        }
    }
}

/// Takes the place of the one process that works on this database, on a connection of its own.
async fn take_place(connect: &PgConnectOptions, patience: Duration) -> Result<PgConnection> {
    let mut connection = PgConnection::connect_with(connect).await?;
    let taken = async {
        while !sqlx::query_scalar(TAKE_PLACE).fetch_one(&mut connection).await? {
            tokio::time::sleep(TAKE_PLACE_AGAIN).await;
        }
        Ok(())
    };
    tokio::time::timeout(patience, taken).await.unwrap_or(Err(Error::InUse))?;
    Ok(connection)
}

type Begun = sqlx::Result<Transaction<'static, Postgres>>;

/// A transaction on its way, which goes on when nobody waits for it any more, so that dropping it can end it.
///
/// Streams and handlers are dropped wherever they wait. Before the server has answered `BEGIN`, the connection does not
/// know of the transaction, would go back to the pool inside it, and the next writer would find itself reading only.
struct Beginning(Option<Pin<Box<dyn Future<Output = Begun> + Send>>>);

impl Future for Beginning {
    type Output = Begun;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Begun> {
        let Some(beginning) = &mut self.0 else { return Poll::Pending };
        let begun = ready!(beginning.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(begun)
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        // Without a runtime the pool and its connections are gone as well. The task ends with the server's answer.
        if let (Some(beginning), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { drop(beginning.await) });
        }
    }
}
