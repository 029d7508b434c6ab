//! Postgres: a pool of connections, each transaction in one tenant's name.

use std::future::Future;
use std::pin::Pin;
use std::str::FromStr as _;
use std::task::{Context, Poll, ready};

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, Postgres};
use sqlx::{AssertSqlSafe, Connection as _, Transaction};

use crate::error::Result;
use crate::migrate;
use crate::sql::Reader;
use crate::store::{OpenOptions, Tenants};

/// Whether the login may work as the role that the migrations grant things to.
const MAY_BE_APP: &str = "SELECT EXISTS (SELECT FROM pg_roles \
     WHERE rolname = 'mandate_app' AND pg_has_role(current_user, oid, 'MEMBER'))";
const PASSES_WALLS: &str = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
const EXTEND_PARTITIONS: &str = "SELECT extend_event_partitions(2)";

/// A connected server.
#[derive(Debug)]
pub(crate) struct Server {
    pool: PgPool,
    /// Whether transactions run as `mandate_app`.
    as_app: bool,
    pub(crate) tenants: Tenants,
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
        let pool = PgPoolOptions::new()
            .max_connections(options.readers.saturating_add(2))
            .acquire_timeout(options.acquire_timeout)
            .connect_with(connect)
            .await?;
        let mut connection = pool.acquire().await?;
        migrate::postgres(&mut connection).await?;
        let as_app: bool = sqlx::query_scalar(MAY_BE_APP).fetch_one(&mut *connection).await?;
        if !as_app && sqlx::query_scalar(PASSES_WALLS).fetch_one(&mut *connection).await? {
            tracing::warn!("this login passes row-level security, and there is no role `mandate_app` to work as");
        }
        drop(connection);
        let server = Self { pool, as_app, tenants: Tenants::default() };
        server.extend_partitions().await;
        Ok(server)
    }

    /// Makes the coming months' partitions, when the login may; else events go to the default one.
    pub(crate) async fn extend_partitions(&self) {
        if let Err(error) = sqlx::query(EXTEND_PARTITIONS).execute(&self.pool).await {
            tracing::debug!(%error, "this login makes no partitions; the owner may, with extend_event_partitions()");
        }
    }

    /// A transaction that reads only. Dropping it ends it.
    pub(crate) async fn read(&self, name: Name) -> Result<Reader> {
        Ok(Reader::Pg(self.open_transaction("BEGIN READ ONLY", name).await?))
    }

    /// A transaction that writes.
    pub(crate) async fn begin(&self, name: Name) -> Result<Transaction<'static, Postgres>> {
        self.open_transaction("BEGIN", name).await
    }

    /// Begins, takes the role and the tenant's name in one round trip.
    async fn open_transaction(&self, begin: &str, name: Name) -> Result<Transaction<'static, Postgres>> {
        let role = if self.as_app { "SET LOCAL ROLE mandate_app;" } else { "" };
        let name = match name {
            Name::Tenant(number) => format!("SET LOCAL mandate.tenant = '{number}'"),
            Name::Door => "SET LOCAL mandate.door = 'tenants'".to_owned(),
        };
        let (pool, text) = (self.pool.clone(), AssertSqlSafe(format!("{begin};{role}{name}")));
        Ok(Beginning(Some(Box::pin(async move { pool.begin_with(text).await }))).await?)
    }

    /// Closes the pool.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether the server answers.
    pub(crate) async fn ping(&self) -> Result<()> {
        Ok(self.pool.acquire().await?.ping().await?)
    }
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
