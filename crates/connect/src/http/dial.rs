//! Opens connections: looks the name up, hands only permitted addresses to TCP.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::guard::{Forbidden, Reach, literal, refusal};

/// How long one address is tried while others are left to try.
const TRY_NEXT_AFTER: Duration = Duration::from_secs(1);

/// How long the last address is tried. A request may be over sooner; its connection is opened to the end, for the next.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);

/// A boxed future, as trait objects need it.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Looks names up. A trait, so that tests and split-horizon set-ups bring their own.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of `host`, in the order to try them.
    ///
    /// # Errors
    /// When the name does not exist or could not be looked up.
    fn resolve(&self, host: &str) -> Boxed<io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> Boxed<io::Result<Vec<IpAddr>>> {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The connector under the HTTP client: one [`Reach`], checked for every connection.
#[derive(Clone)]
pub struct Dial {
    resolver: Arc<dyn Resolve>,
    reach: Reach,
}

impl Dial {
    /// Dials what `reach` allows.
    #[must_use]
    pub fn new(resolver: Arc<dyn Resolve>, reach: Reach) -> Self {
        Self { resolver, reach }
    }

    async fn open(self, uri: Uri) -> io::Result<TokioIo<TcpStream>> {
        let host = uri.host().ok_or_else(|| io::Error::other("the address names no host"))?;
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let found = match literal(host) {
            Some(address) => vec![address],
            None => self.resolver.resolve(host).await?,
        };
        let permitted = permitted(host, found, self.reach)?;
        let stream = connect(&permitted, port).await?;
        stream.set_nodelay(true)?;
        Ok(TokioIo::new(stream))
    }
}

impl tower::Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Boxed<io::Result<TokioIo<TcpStream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().open(uri))
    }
}

/// The addresses that may be dialled; an error naming the first refused one when none is left.
fn permitted(host: &str, found: Vec<IpAddr>, reach: Reach) -> io::Result<Vec<IpAddr>> {
    let mut refused = None;
    let mut left = Vec::with_capacity(found.len());
    for address in found {
        match refusal(address, reach) {
            None => left.push(address),
            Some(why) => refused = refused.or(Some(Forbidden { host: host.to_owned(), address, why })),
        }
    }
    match refused {
        Some(forbidden) if left.is_empty() => Err(io::Error::new(io::ErrorKind::PermissionDenied, forbidden)),
        _ => Ok(left),
    }
}

async fn connect(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut rest = addresses.iter();
    while let Some(address) = rest.next() {
        let attempt = TcpStream::connect(SocketAddr::new(*address, port));
        let patience = if rest.len() == 0 { GIVE_UP_AFTER } else { TRY_NEXT_AFTER };
        match tokio::time::timeout(patience, attempt).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_permitted_addresses_are_dialled() {
        let check = |found: &[&str], reach, expect: Result<&[&str], &str>| {
            let found = found.iter().map(|text| text.parse().unwrap()).collect();
            let answer = permitted("hooks.example", found, reach).map_err(|error| error.to_string());
            let left = answer.map(|left| left.iter().map(IpAddr::to_string).collect::<Vec<_>>());
            assert_eq!(left, expect.map(|list| list.iter().map(ToString::to_string).collect()).map_err(str::to_owned));
        };
        check(&["8.8.8.8", "2606:4700::1"], Reach::Public, Ok(&["8.8.8.8", "2606:4700::1"]));
        check(&["10.0.0.1", "8.8.8.8", "::1"], Reach::Public, Ok(&["8.8.8.8"]));
        check(&["10.0.0.1", "169.254.169.254"], Reach::Private, Ok(&["10.0.0.1"]));
        check(&[], Reach::Public, Ok(&[]));
        check(
            &["10.0.0.1", "::1"],
            Reach::Public,
            Err("`hooks.example` leads to 10.0.0.1, a private network address; set `allow_private: true` to reach it"),
        );
        check(
            &["169.254.169.254"],
            Reach::Private,
            Err("`hooks.example` leads to 169.254.169.254, a cloud metadata address, which no channel may reach"),
        );
    }
}
