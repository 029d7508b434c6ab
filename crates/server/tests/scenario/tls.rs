//! The server behind a certificate of its own: who trusts it is served, and what cannot be used is told at start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mandate_server::settings::TlsFiles;
use mandate_testkit::world::{Setup, scenario, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A certificate that only who knows it trusts, and its key.
fn files() -> TlsFiles {
    let folder = folder();
    TlsFiles { cert: folder.join("cert.pem"), key: folder.join("key.pem") }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario/tls")
}

fn connector(trusted: impl IntoIterator<Item = CertificateDer<'static>>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for one in trusted {
        roots.add(one).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[test]
fn who_trusts_the_certificate_is_served() {
    let TlsFiles { cert, key } = files();
    let trusted = CertificateDer::from_pem_file(&cert).unwrap();
    let (cert, key) = (cert.display(), key.display());
    let setup =
        Setup { settings: format!("server: {{tls: {{cert: \"{cert}\", key: \"{key}\"}}}}\n"), ..Setup::default() };
    scenario(setup, async move |world| {
        let name = || ServerName::try_from("localhost").unwrap();
        let plain = TcpStream::connect(world.address()).await.unwrap();
        let mut stream = within("the handshake", connector([trusted.clone()]).connect(name(), plain)).await.unwrap();
        let head = "GET /v1/status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
        let request = format!("{head}authorization: Bearer {}\r\n\r\n", world.admin);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within("the answer", stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"ready\":true"), "{answer}");

        let plain = TcpStream::connect(world.address()).await.unwrap();
        let refused = within("the handshake", connector([]).connect(name(), plain)).await;
        assert!(refused.unwrap_err().to_string().contains("UnknownIssuer"), "nobody else vouches for it");
        assert!(world.send("GET", "/healthz", &[], b"").await.is_none(), "and nothing is said without TLS");
    });
}

#[test]
fn files_that_cannot_be_used_are_told_before_anything_is_served() {
    scenario(Setup::default(), async |world| {
        let (good, folder) = (files(), folder());
        let [text, nowhere, other] = ["README.md", "nowhere.pem", "other.key.pem"].map(|name| folder.join(name));
        for (cert, key, wrong) in [
            (&text, &good.key, &text),
            (&nowhere, &good.key, &nowhere),
            (&good.cert, &text, &text),
            (&good.cert, &nowhere, &nowhere),
            (&good.cert, &other, &good.cert),
        ] {
            let files = TlsFiles { cert: cert.clone(), key: key.clone() };
            let refused = world.try_start(|settings| settings.server.tls = Some(files)).await.unwrap_err().to_string();
            assert!(refused.starts_with(&format!("cannot use `{}` for TLS: ", wrong.display())), "{refused}");
        }
    });
}
