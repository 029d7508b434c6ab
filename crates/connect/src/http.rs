//! How a request leaves: pooled connections, and a guard that looks at the address actually dialled.
//!
//! One [`HttpClient`] is shared by all adapters of a process. It keeps two pools, one a [`Reach`], so that a
//! guarded channel never rides on a connection that a channel with `allow_private` opened.

pub(crate) mod address;
pub mod dial;
pub mod guard;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tower::Service as _;

use dial::{Dial, Resolve, SystemResolver};
use guard::Reach;

/// Idle connections kept per host and port; above the widest lane, so that a lane never reconnects for want of room.
const IDLE_PER_HOST: usize = 64;

/// How long an idle connection is kept.
const IDLE_FOR: Duration = Duration::from_secs(30);

/// The longest status line and headers read from anyone, in bytes.
const HEAD_BYTES: usize = 64 * 1024;

type Connector = HttpsConnector<Dial>;
type Pool = Client<Connector, Full<Bytes>>;

/// One connection of its own, in the clear or through TLS, for a protocol that is not HTTP.
pub(crate) type Stream = TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>;

/// A shared HTTP/1.1 client: keep-alive, TLS 1.2 and 1.3 with the bundled public roots, no redirects, no proxy.
///
/// Cheap to clone. Connections end when the last clone is dropped.
#[derive(Clone)]
pub struct HttpClient {
    public: (Connector, Pool),
    private: (Connector, Pool),
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpClient")
    }
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new(Arc::new(SystemResolver))
    }
}

impl HttpClient {
    /// A client that looks names up with `resolver`. Opens nothing until the first request.
    #[must_use]
    pub fn new(resolver: Arc<dyn Resolve>) -> Self {
        Self { public: pool(resolver.clone(), Reach::Public), private: pool(resolver, Reach::Private) }
    }

    /// Sends one request and answers with the head of its response; the body is still to be read.
    ///
    /// Has no timeout of its own: the caller wraps it together with the reading of the body.
    ///
    /// # Errors
    /// Whatever kept the head from arriving; [`guard::forbidden`] tells whether it was the guard.
    pub async fn request(&self, reach: Reach, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
        let (_, pool) = self.reaching(reach);
        pool.request(request).await
    }

    /// Opens a connection of its own, past the pools but not past the guard.
    pub(crate) async fn open(
        &self,
        reach: Reach,
        uri: Uri,
    ) -> Result<Stream, Box<dyn std::error::Error + Send + Sync>> {
        let (connector, _) = self.reaching(reach);
        Ok(TokioIo::new(connector.clone().call(uri).await?))
    }

    fn reaching(&self, reach: Reach) -> &(Connector, Pool) {
        match reach {
            Reach::Public => &self.public,
            Reach::Private => &self.private,
        }
    }
}

fn pool(resolver: Arc<dyn Resolve>, reach: Reach) -> (Connector, Pool) {
    let connector = HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .wrap_connector(Dial::new(resolver, reach));
    let pool = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_FOR)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .http1_max_buf_size(HEAD_BYTES)
        .build(connector.clone());
    (connector, pool)
}

/// What an error comes down to.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
