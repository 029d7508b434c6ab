//! Where a store is: `sqlite:PATH` or `postgres://…`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::Error;

/// Where a store is. Prints without its password.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// One file.
    Sqlite(PathBuf),
    /// A server, as its URL.
    Postgres(String),
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            // `sqlite://PATH` is how other programs write it.
            let path = path.strip_prefix("//").unwrap_or(path);
            if !path.is_empty() && path != ":memory:" {
                return Ok(Self::Sqlite(path.into()));
            }
        } else if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(Error::Address(without_password(text)))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The address with the password, and any query that may hold one, taken out.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = rest.split('?').next().unwrap_or_default();
    let Some((user, host)) = rest.rsplit_once('@') else { return format!("{scheme}://{rest}") };
    let user = user.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}@{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_hides_passwords() {
        let cases = [
            ("sqlite:mandate.db", Some("sqlite:mandate.db")),
            ("sqlite:///var/lib/mandate.db", Some("sqlite:/var/lib/mandate.db")),
            ("postgres://app:s3cret@db/mandate?password=x", Some("postgres://app@db/mandate")),
            ("postgresql://db/mandate", Some("postgresql://db/mandate")),
            ("sqlite:", None),
            ("sqlite::memory:", None),
            ("mysql://app:s3cret@db/mandate", None),
            ("mandate.db", None),
        ];
        for (text, expected) in cases {
            match (text.parse::<Address>(), expected) {
                (Ok(address), Some(expected)) => assert_eq!(address.to_string(), expected),
                (Err(error), None) => assert!(!error.to_string().contains("s3cret"), "{error}"),
                (got, _) => panic!("`{text}` gave {got:?}"),
            }
        }
    }
}
