//! Where a world's store is: a file in its folder, or a database of its own on a scratch server.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Tells the databases of one process apart.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A store's place.
#[derive(Debug)]
pub(super) struct Place {
    address: String,
    /// The database, when it is one.
    database: Option<String>,
}

/// The URL of the scratch server that tests may fill, when there is one.
pub(super) fn server() -> Option<String> {
    std::env::var_os("MANDATE_TEST_POSTGRES").map(|url| url.into_string().expect("the URL is text"))
}

impl Place {
    /// A file in a folder.
    pub(super) fn file(folder: &Path) -> Self {
        Self { address: format!("sqlite:{}", folder.join("mandate.db").display()), database: None }
    }

    /// A new database.
    pub(super) async fn database() -> Self {
        let url = server().expect("a server");
        let name = format!("mandate_world_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        execute(&url, &format!("CREATE DATABASE {name}")).await;
        let (before, query) =
            url.split_once('?').map_or((url.as_str(), String::new()), |(url, q)| (url, format!("?{q}")));
        let (server, _) = before.rsplit_once('/').expect("a URL with a database");
        Self { address: format!("{server}/{name}{query}"), database: Some(name) }
    }

    /// Its address.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Removes what goes with no folder.
    pub(super) async fn remove(self) {
        if let (Some(name), Some(url)) = (self.database, server()) {
            execute(&url, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

async fn execute(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.expect("the scratch server answers");
    // Copies of one template wait for each other, and fail while another copy is under way.
    sqlx::raw_sql("SELECT pg_advisory_lock(78)").execute(&mut connection).await.expect("a lock");
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.expect("a database");
    connection.close().await.expect("a goodbye");
}
