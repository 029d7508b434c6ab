//! Reads the addresses that channels are configured with.

use hyper::Uri;
use hyper::header::HeaderValue;

use super::guard::{Reach, literal, refusal};

/// The address and its `host` header; else what is wrong with it and what would be right.
pub(crate) fn read(url: &str, reach: Reach) -> Result<(Uri, HeaderValue), String> {
    let uri: Uri = url.parse().map_err(|_| "is not an address; write `https://host/path`".to_owned())?;
    match (uri.scheme_str(), reach) {
        (Some("https"), _) | (Some("http"), Reach::Private) => {}
        (Some("http"), Reach::Public) => {
            return Err(
                "is not encrypted; use `https://`, or set `allow_private: true` for a private endpoint".to_owned()
            );
        }
        _ => return Err("has no scheme that channels use; write `https://host/path`".to_owned()),
    }
    let authority = uri.authority().filter(|authority| !authority.host().is_empty());
    let authority = authority.ok_or("names no host; write `https://host/path`")?;
    if authority.as_str().contains('@') {
        return Err("holds a user name or password; a secret of its own is what authenticates a channel".to_owned());
    }
    let host = authority.host();
    if let Some(why) = literal(host).and_then(|address| refusal(address, reach)) {
        return Err(format!("leads to {why}"));
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if reach == Reach::Public && (name == "localhost" || name.ends_with(".localhost")) {
        return Err("leads to a loopback address; set `allow_private: true` to reach it".to_owned());
    }
    let header =
        HeaderValue::from_str(authority.as_str()).map_err(|_| "names a host that cannot be sent".to_owned())?;
    Ok((uri, header))
}

/// The address as errors may show it: scheme, host and port.
pub(crate) fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}
