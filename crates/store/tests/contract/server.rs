//! A Postgres server for tests: the one that `MANDATE_TEST_POSTGRES` names (a superuser's URL of a scratch server),
//! else one started from the system's binaries in a temporary folder. The started one ends with this process,
//! however that ends: it watches a pipe that only this process holds open.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use mandate_store::{Address, OpenOptions, Store};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::OnceCell;

static SERVER: OnceCell<Server> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A running server with a template database.
pub(crate) struct Server {
    /// The URL with `{user}` and `{database}` to be filled in.
    url: String,
    superuser: String,
    template: String,
    _watched: Option<Child>,
}

/// One database made for one test.
#[derive(Clone)]
pub(crate) struct Database {
    name: String,
}

const LOGIN: &str = "mandate_tester";

/// Makes a folder, runs the server in it, and ends and removes it when its input closes. Nothing needs to survive, so
/// nothing is synced, unless a benchmark sets it otherwise. A socket's path must be short, hence `/tmp`.
const RUN: &str = r#"
set -e
folder=$(mktemp -d /tmp/mandate-pg-XXXXXXXX)
"$1/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >"$folder/log" 2>&1
echo "fsync = off" >>"$folder/data/postgresql.conf"
"$1/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c shared_buffers=128MB -c max_connections=200 \
  >>"$folder/log" 2>&1 &
server=$!
until "$1/pg_isready" -q -h "$folder" -U postgres; do kill -0 $server; sleep 0.05; done
echo "ready $folder"
cat >/dev/null || true
kill -INT $server
wait $server || true
rm -rf "$folder"
"#;

impl Server {
    /// The server of this process.
    pub(crate) async fn get() -> &'static Self {
        SERVER.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let (url, superuser, watched) = match std::env::var_os("MANDATE_TEST_POSTGRES") {
            Some(url) => {
                let url = url.into_string().expect("the URL is text");
                let (scheme, rest) = url.split_once("://").expect("a URL");
                let (login, rest) = rest.split_once('@').expect("a URL with a user");
                let (host, query) = rest.split_once('?').map_or((rest, String::new()), |(h, q)| (h, format!("?{q}")));
                let host = host.split('/').next().unwrap_or_default();
                (format!("{scheme}://{{user}}@{host}/{{database}}{query}"), login.to_owned(), None)
            }
            None => {
                let (folder, child) = spawn();
                let url = format!("postgres://{{user}}@localhost/{{database}}?host={folder}");
                (url, "postgres".to_owned(), Some(child))
            }
        };
        let template = format!("mandate_template_{}", std::process::id());
        let server = Self { url, superuser, template, _watched: watched };
        server.prepare().await;
        server
    }

    /// Makes the template, migrated by the superuser, and a login without rights of its own.
    async fn prepare(&self) {
        let template = &self.template;
        self.run("postgres", &format!("CREATE DATABASE {template}")).await.expect("a scratch server");
        let address: Address = self.url(&self.superuser, template).parse().expect("an address");
        let store = Store::open(&address, OpenOptions::default()).await.expect("migrations apply");
        store.close().await;
        let login = format!(
            "DO $$ BEGIN CREATE ROLE {LOGIN} LOGIN PASSWORD '{LOGIN}' IN ROLE mandate_app;
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        );
        self.run("postgres", &login).await.expect("a login");
    }

    /// A fresh database.
    pub(crate) async fn database(&self) -> Database {
        let name = format!("mandate_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // Copies of one template wait for each other, and fail while another copy is under way.
        let create = format!(
            "SELECT pg_advisory_lock(77); CREATE DATABASE {name} TEMPLATE {} STRATEGY FILE_COPY; SELECT pg_advisory_unlock(77)",
            self.template
        );
        let mut connection = self.connect("postgres").await;
        for statement in create.split("; ") {
            connection.execute(AssertSqlSafe(statement.to_owned())).await.expect("a copy of the template");
        }
        Database { name }
    }

    /// Runs statements in a database as the superuser.
    pub(crate) async fn run(&self, database: &str, text: &str) -> Result<(), sqlx::Error> {
        let mut connection = self.connect(database).await;
        let done = sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut connection).await;
        connection.close().await?;
        done.map(drop)
    }

    /// A superuser's connection.
    pub(crate) async fn connect(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.url(&self.superuser, database)).await.expect("the server answers")
    }

    fn url(&self, user: &str, database: &str) -> String {
        self.url.replace("{user}", user).replace("{database}", database)
    }
}

impl Database {
    /// Its name on the server.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its address for a login that row-level security holds.
    pub(crate) async fn address(&self) -> Address {
        let login = format!("{LOGIN}:{LOGIN}");
        Server::get().await.url(&login, &self.name).parse().expect("an address")
    }

    /// Its address for the superuser.
    pub(crate) async fn superuser_address(&self) -> Address {
        let server = Server::get().await;
        server.url(&server.superuser, &self.name).parse().expect("an address")
    }

    /// Runs statements in it as the superuser.
    pub(crate) async fn run(&self, text: &str) -> Result<(), sqlx::Error> {
        Server::get().await.run(&self.name, text).await
    }

    /// Removes it.
    pub(crate) async fn remove(&self) {
        let _ = Server::get().await.run("postgres", &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

/// Starts a server, waits until it answers, and gives the folder of its socket.
fn spawn() -> (String, Child) {
    use std::io::{BufRead as _, BufReader};

    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    let mut command = if root {
        // The server refuses to run as root.
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    let mut child = command
        .current_dir("/")
        .args(["-c", RUN, "sh"])
        .arg(binaries())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut line = String::new();
    let output = child.stdout.take().expect("its output");
    BufReader::new(output).read_line(&mut line).expect("its output");
    let folder = line.trim().strip_prefix("ready ");
    (folder.expect("Postgres did not start; set MANDATE_TEST_POSTGRES to a scratch server's URL").to_owned(), child)
}

/// Where the server's programs are: the newest version's folder, else where the search path finds them.
fn binaries() -> PathBuf {
    let mut folders: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let searched = std::env::split_paths(&path).filter_map(|folder| folder.join("postgres").canonicalize().ok());
    folders.extend(searched.filter_map(|program| program.parent().map(Path::to_owned)));
    let found = folders.into_iter().rev().find(|folder| folder.join("initdb").exists());
    found.expect("Postgres is not installed; set MANDATE_TEST_POSTGRES to a scratch server's URL")
}
