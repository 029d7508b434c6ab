//! One fresh store of each kind for a case, with a tenant in it.

use std::path::PathBuf;

use mandate_core::id::{TenantId, uuid_v7};
use mandate_core::time::Millis;
use mandate_store::sim::{Call, Fault, Sim};
use mandate_store::{Address, OpenOptions, Store};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use super::server::{Database, Server};

/// Which store a case runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
    Sim,
}

/// A store, and what it takes to get behind its back.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) tenant: TenantId,
    behind: Behind,
}

enum Behind {
    Sqlite { folder: tempfile::TempDir },
    Postgres { database: Database },
    Sim(Sim),
}

/// The tenant's id.
pub(crate) fn tenant_id(number: u8) -> TenantId {
    TenantId(uuid_v7(Millis(1_767_225_600_000), [number; 16]))
}

fn options() -> OpenOptions {
    OpenOptions { ballast: false, ..OpenOptions::default() }
}

impl World {
    /// A fresh store.
    pub(crate) async fn new(kind: Kind) -> Self {
        let (store, behind) = match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let address = Address::Sqlite(folder.path().join("test.db"));
                (Store::open(&address, options()).await.unwrap(), Behind::Sqlite { folder })
            }
            Kind::Postgres => {
                let database = Server::get().await.database().await;
                let store = Store::open(&database.address().await, options()).await.unwrap();
                (store, Behind::Postgres { database })
            }
            Kind::Sim => {
                let sim = Sim::new(Millis(1_767_225_600_000), |_call: Call| Fault::None);
                (sim.store(), Behind::Sim(sim))
            }
        };
        let tenant = tenant_id(1);
        store.create_tenant("default", tenant, [1; 32], [2; 32]).await.unwrap();
        Self { store, tenant, behind }
    }

    /// The file, for cases that only SQLite has.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        match &self.behind {
            Behind::Sqlite { folder } => Some(folder.path().join("test.db")),
            _ => None,
        }
    }

    /// The simulated store, for cases that only it has.
    pub(crate) fn sim(&self) -> Option<&Sim> {
        match &self.behind {
            Behind::Sim(sim) => Some(sim),
            _ => None,
        }
    }

    /// The database, for cases that only Postgres has.
    pub(crate) fn database(&self) -> Option<&Database> {
        match &self.behind {
            Behind::Postgres { database } => Some(database),
            _ => None,
        }
    }

    /// Drops the store without closing it, as a crash does, and opens it again.
    pub(crate) async fn crash(&mut self) {
        let store = match &self.behind {
            Behind::Sqlite { folder } => {
                let nowhere = Sim::new(Millis(0), |_call: Call| Fault::None).store();
                drop(std::mem::replace(&mut self.store, nowhere));
                let address = Address::Sqlite(folder.path().join("test.db"));
                Store::open(&address, options()).await.unwrap()
            }
            Behind::Postgres { database } => Store::open(&database.address().await, options()).await.unwrap(),
            Behind::Sim(sim) => sim.store(),
        };
        self.store = store;
    }

    /// Runs statements behind the store's back, on Postgres as the superuser. Does nothing in memory.
    pub(crate) async fn raw(&self, lite: &str, pg: &str) -> Option<Result<(), String>> {
        let done = match &self.behind {
            Behind::Sqlite { folder } => {
                let path = format!("sqlite:{}", folder.path().join("test.db").display());
                let mut connection = SqliteConnection::connect(&path).await.unwrap();
                let text = format!("PRAGMA recursive_triggers = ON; {lite}");
                let done = sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await.map(drop);
                connection.close().await.unwrap();
                done
            }
            Behind::Postgres { database } => database.run(pg).await,
            Behind::Sim(_) => return None,
        };
        Some(done.map_err(|error| error.to_string()))
    }

    /// Removes what the case made.
    pub(crate) async fn finish(self) {
        self.store.close().await;
        if let Behind::Postgres { database } = &self.behind {
            database.remove().await;
        }
    }
}
