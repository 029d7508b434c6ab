//! Which server a command talks to, and with which key.
//!
//! The address: `--url`, `MANDATE_URL`, the credentials file, then this machine's default port. The key:
//! `MANDATE_KEY`, the credentials file when it is for that address, then, for a server on this machine, the key
//! file that `serve` wrote beside the store. A key is never a flag: other processes can read command lines.

use std::path::{Path, PathBuf};

use clap::Args;
use mandate_agent::Client;

use crate::failure::Failure;
use crate::machine;

/// Where a server listens unless told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:7878";
/// Where the store is unless told otherwise.
pub(crate) const DEFAULT_STORE: &str = "sqlite:mandate.db";

/// The server a command talks to.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServerArgs {
    /// The server's address, such as http://127.0.0.1:7878
    #[arg(long, env = "MANDATE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) url: Option<String>,
}

/// Address and key of a server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    /// The address.
    pub(crate) url: String,
    /// The key; none when none was found.
    pub(crate) key: Option<String>,
}

impl ServerArgs {
    /// Finds address and key.
    pub(crate) fn connection(&self) -> Result<Connection, Failure> {
        let credentials = match machine::credentials_file() {
            Some(path) => read_credentials(&path)?,
            None => Credentials::default(),
        };
        let stored_url = credentials.url.as_deref();
        let url = self.url.as_deref().or(stored_url).unwrap_or(DEFAULT_URL).trim_end_matches('/').to_owned();
        let is_for = stored_url.is_none_or(|stored| stored.trim_end_matches('/') == url);
        let stored_key = credentials.key.filter(|_| is_for);
        let key =
            machine::var("MANDATE_KEY").or(stored_key).or_else(|| if is_here(&url) { beside_store() } else { None });
        Ok(Connection { url, key })
    }

    /// A client with that key.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        self.connection()?.client()
    }
}

impl Connection {
    /// A client with this key.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(&self.url, self.key.as_deref())?)
    }
}

/// What `~/.config/mandate/credentials` holds: `url=` and `key=` lines.
#[derive(Debug, Default, PartialEq, Eq)]
struct Credentials {
    url: Option<String>,
    key: Option<String>,
}

fn read_credentials(path: &Path) -> Result<Credentials, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Credentials::default()),
        Err(error) => return Err(Failure::file("read", path, &error)),
    };
    use std::os::unix::fs::MetadataExt as _;
    if std::fs::metadata(path).is_ok_and(|data| data.mode() & 0o077 != 0) {
        let path = path.display();
        return Err(Failure::Usage(format!("others can read `{path}`, which holds a key; run `chmod 600 {path}`")));
    }
    parse_credentials(&text).map_err(|line| {
        let path = path.display();
        Failure::Usage(format!("{path}:{line}: not a `url=…` or `key=…` line"))
    })
}

/// Reads the lines, or gives the number of the one that cannot be read.
fn parse_credentials(text: &str) -> Result<Credentials, usize> {
    let mut credentials = Credentials::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(number + 1)?;
        let value = Some(value.trim().trim_matches('"').to_owned());
        match name.trim() {
            "url" => credentials.url = value,
            "key" => credentials.key = value,
            _ => return Err(number + 1),
        }
    }
    Ok(credentials)
}

fn is_here(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|here| host.strip_prefix(here).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])))
}

fn beside_store() -> Option<String> {
    let store = machine::var("MANDATE_STORE").unwrap_or_else(|| DEFAULT_STORE.to_owned());
    let text = std::fs::read_to_string(key_file_of(&store)).ok()?;
    Some(text.trim().to_owned()).filter(|key| !key.is_empty())
}

/// Where `serve` writes the first admin key unless told otherwise: beside the store.
pub(crate) fn key_file_of(store: &str) -> PathBuf {
    match store.strip_prefix("sqlite:") {
        Some(path) => Path::new(path.strip_prefix("//").unwrap_or(path)).with_extension("key"),
        None => PathBuf::from("mandate.key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_two_lines() {
        let read = parse_credentials("# mine\nurl = http://mandate.example\nkey=\"mk_1\"\n");
        let expect = Credentials { url: Some("http://mandate.example".into()), key: Some("mk_1".into()) };
        assert_eq!(read, Ok(expect));
        assert_eq!(parse_credentials("url=x\ntoken=y"), Err(2));
        assert_eq!(parse_credentials("\n\nkey"), Err(3));
    }

    #[test]
    fn the_key_file_is_only_for_this_machine() {
        for (url, here) in [
            ("http://127.0.0.1:7878", true),
            ("http://localhost", true),
            ("http://[::1]:1/x", true),
            ("http://127.0.0.1.example.com", false),
            ("https://mandate.example", false),
        ] {
            assert_eq!(is_here(url), here, "{url}");
        }
        assert_eq!(key_file_of("sqlite:/var/lib/m.db"), PathBuf::from("/var/lib/m.key"));
        assert_eq!(key_file_of("sqlite:///var/lib/m.db"), PathBuf::from("/var/lib/m.key"));
        assert_eq!(key_file_of("postgres://db/x"), PathBuf::from("mandate.key"));
    }
}
