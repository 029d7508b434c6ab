//! Where a server may listen (SEC-9).

use super::ServerSettings;

/// Refuses to listen beyond loopback without TLS, unless told to in so many words.
///
/// # Errors
/// Says what to do instead.
pub fn check_listen(server: &ServerSettings) -> Result<(), String> {
    let address = server.listen;
    if address.ip().to_canonical().is_loopback() || server.tls.is_some() || server.allow_insecure_public {
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
    use crate::settings::TlsFiles;

    #[test]
    fn beyond_loopback_takes_tls_or_a_word() {
        let check = |address: &str, tls: bool, allowed| {
            let files = TlsFiles { cert: "c".into(), key: "k".into() };
            check_listen(&ServerSettings {
                listen: address.parse().unwrap(),
                public_url: None,
                tls: tls.then_some(files),
                allow_insecure_public: allowed,
            })
            .is_ok()
        };
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
