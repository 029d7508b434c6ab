//! `mandate keys`: over HTTP, or on the store itself while the server is stopped.

use axum::http::Method;
use mandate_agent::client::path_segment;
use mandate_api::{Key, KeyRequest, KeyScope, NewKey, Page};
use mandate_server::offline::KeyDraft;

use crate::command::StoreArgs;
use crate::connection::ServerArgs;
use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::words;

/// API keys.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum KeysCommand {
    /// Makes a key and shows it, this once
    Create(CreateArgs),
    /// Lists keys, without what opens anything
    List(ListArgs),
    /// Takes a key back
    Revoke(RevokeArgs),
}

/// What `keys create` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// What it may do
    #[arg(long, value_enum, value_name = "SCOPE")]
    scope: Scope,
    /// What people call it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The person it speaks for, such as @alice
    #[arg(long, value_name = "HANDLE")]
    person: Option<String>,
    /// Binds an ingest key to an agent: an id, a glob with *, or a list with commas
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// What `keys list` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// What `keys revoke` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    /// The key's id
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Scope {
    /// Writes events
    Ingest,
    /// Reads
    Read,
    /// Reads, pauses and resumes
    Respond,
    /// Everything
    Admin,
}

impl Scope {
    const fn on_the_wire(self) -> KeyScope {
        match self {
            Self::Ingest => KeyScope::Ingest,
            Self::Read => KeyScope::Read,
            Self::Respond => KeyScope::Respond,
            Self::Admin => KeyScope::Admin,
        }
    }
}

fn word(scope: KeyScope) -> &'static str {
    match scope {
        KeyScope::Ingest => "ingest",
        KeyScope::Read => "read",
        KeyScope::Respond => "respond",
        KeyScope::Admin => "admin",
    }
}

/// Does what was asked.
pub(crate) async fn run(command: KeysCommand, screen: &Screen) -> Result<(), Failure> {
    match command {
        KeysCommand::Create(args) => create(args, screen).await,
        KeysCommand::List(args) => list(args, screen).await,
        KeysCommand::Revoke(args) => revoke(args, screen).await,
    }
}

async fn create(args: CreateArgs, screen: &Screen) -> Result<(), Failure> {
    let scope = args.scope.on_the_wire();
    let made: NewKey = match args.store.open(true).await? {
        Some(store) => {
            let draft =
                KeyDraft { scope: word(scope).to_owned(), name: args.name, agent: args.agent, person: args.person };
            let made = store.create_key(draft).await;
            store.close().await;
            made.map_err(Failure::Failed)?
        }
        None => {
            let request =
                KeyRequest { scope, name: args.name, agent: args.agent, person: args.person, expires_at: None };
            args.server.client()?.post_json("/v1/keys", &request).await?
        }
    };
    if screen.json {
        return Ok(screen.document(&made)?);
    }
    screen.say(format!("{} key {}, shown this once:", word(made.row.scope), made.row.id));
    Ok(screen.line(&made.key)?)
}

async fn list(args: ListArgs, screen: &Screen) -> Result<(), Failure> {
    let items = match args.store.open(false).await? {
        Some(store) => {
            let keys = store.keys().await;
            store.close().await;
            keys.map_err(Failure::Failed)?
        }
        None => online(&args.server).await?,
    };
    if screen.json {
        return Ok(screen.document(&Page { items, next_cursor: None })?);
    }
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    Ok(screen.table(&["id", "scope", "for", "name", "made", "state"], &rows)?)
}

async fn online(server: &ServerArgs) -> Result<Vec<Key>, Failure> {
    let client = server.client()?;
    let mut keys = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let after = cursor.as_deref().map(|cursor| format!("?cursor={}", path_segment(cursor))).unwrap_or_default();
        let page: Page<Key> = client.get_json(&format!("/v1/keys{after}")).await?;
        keys.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(keys);
        }
    }
}

fn row(key: &Key) -> Vec<String> {
    let whom = key.agent.clone().or(key.person.clone()).unwrap_or_else(|| "-".to_owned());
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", words::date(at)),
        (None, Some(at)) => format!("until {}", words::date(at)),
        (None, None) => "in force".to_owned(),
    };
    vec![
        key.id.to_string(),
        word(key.scope).to_owned(),
        whom,
        key.name.clone().unwrap_or_else(|| "-".to_owned()),
        words::date(key.created_at),
        state,
    ]
}

async fn revoke(args: RevokeArgs, screen: &Screen) -> Result<(), Failure> {
    match args.store.open(false).await? {
        Some(store) => {
            let revoked = store.revoke_key(&args.id).await;
            store.close().await;
            revoked.map_err(Failure::Failed)?;
        }
        None => {
            let path = format!("/v1/keys/{}", path_segment(&args.id));
            args.server.client()?.request(Method::DELETE, &path, None).await?;
        }
    }
    if screen.json {
        return Ok(screen.document(&serde_json::json!({"id": args.id, "revoked": true}))?);
    }
    Ok(screen.line(format!("{} {}", args.id, screen.paint(Style::Warn, "is revoked")))?)
}
