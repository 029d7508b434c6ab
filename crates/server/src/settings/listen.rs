//! Where a server may listen (SEC-9).

use std::net::SocketAddr;

/// Refuses to listen beyond loopback without TLS, unless told to in so many words.
///
/// # Errors
/// Says what to do instead.
pub fn check_listen(address: SocketAddr, tls: bool, allow_insecure: bool) -> Result<(), String> {
    if address.ip().to_canonical().is_loopback() || tls || allow_insecure {
        return Ok(());
    }
    Err(format!(
        "refusing to listen on `{address}` without TLS: API keys would cross the network readable; set `server.tls`, \
         listen on 127.0.0.1 behind a proxy that ends TLS, or pass `--allow-insecure-listen`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_loopback_takes_tls_or_a_word() {
        let check = |address: &str, tls, allowed| check_listen(address.parse().unwrap(), tls, allowed).is_ok();
        for address in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(check(address, false, false), "{address}");
        }
        for address in ["0.0.0.0:1", "[::]:1", "192.168.0.1:1", "[::ffff:10.0.0.1]:1"] {
            assert!(!check(address, false, false), "{address}");
            assert!(check(address, true, false), "{address}");
            assert!(check(address, false, true), "{address}");
        }
    }
}
