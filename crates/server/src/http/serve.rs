//! Carrying connections to the router, with or without TLS, and stopping in order.
//!
//! Stopping: no new connections, streams end, requests under way are answered (what they handed the writer is
//! committed, since the writer goes on until its queue is empty), then connections are closed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tower::Service as _;

use super::router;
use super::stream::listener::HangUp;
use crate::app::App;
use crate::tasks::Tasks;

/// A connection may take this long to say what it wants.
const HEADERS: Duration = Duration::from_secs(10);
/// A TLS handshake may take this long.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Requests under way are given this long when the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// Streams are given this long to say goodbye.
const STREAMS_END: Duration = Duration::from_secs(2);
/// After an accept failed, mostly for want of file descriptors, the next one waits this long.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Serves, over TLS when its configuration is given, until `stop` is done; then stops in order.
pub async fn serve(
    app: App,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    stop: impl Future<Output = ()> + Send,
) {
    let tls = tls.map(TlsAcceptor::from);
    let router = router(app.clone());
    let connections = Tasks::default();
    let room = Arc::new(Semaphore::new(app.settings.limits.connections));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        // Whoever finds no room waits where the system lets connections wait, and files are left for the store.
        let accepted = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        // Answers are whole when written; waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        let (router, watcher, tls) = (router.clone(), graceful.watcher(), tls.clone());
        connections.spawn("connection", async move {
            let _permit = permit;
            match tls {
                None => connection(stream, peer, router, watcher).await,
                Some(tls) => {
                    if let Some(stream) = handshake(&tls, stream, peer).await {
                        connection(stream, peer, router, watcher).await;
                    }
                }
            }
        });
    }
    drop(listener);
    app.http.close_streams();
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!(seconds = GRACE.as_secs(), "some requests were still under way and are cut off");
    }
    connections.abort().await;
    if tokio::time::timeout(STREAMS_END, app.http.streams_ended(&app.settings)).await.is_err() {
        tracing::warn!("some streams did not end in time");
    }
}

async fn handshake(
    tls: &TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no TLS handshake");
            None
        }
        Err(_) => None,
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    router: axum::Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let hang_up = HangUp::default();
    let (handle, asked) = (hang_up.clone(), Arc::new(AtomicBool::new(false)));
    let asks = Arc::clone(&asked);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        asks.store(true, Ordering::Relaxed);
        let (mut router, handle) = (router.clone(), handle.clone());
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            if request.version() < Version::HTTP_2 {
                request.extensions_mut().insert(handle);
            }
            let response: Result<_, Infallible> = router.call(request).await;
            response
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(30)));
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(watcher.watch(connection.into_owned()));
    // Until its first bytes tell which HTTP it speaks, no timer of that HTTP runs.
    let silent = async {
        tokio::time::sleep(HEADERS).await;
        if asked.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        biased;
        () = hang_up.wanted() => Err("its stream was not read".into()),
        ended = &mut connection => ended,
        () = silent => return,
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, error, "a connection ended badly");
    }
}
