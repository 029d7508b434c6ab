//! Where the demo's notices arrive: a receiver that believes none without a right signature.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::failure::{Failure, plain};
use crate::machine;

/// A notice as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    /// When, Unix milliseconds.
    pub(crate) at: i64,
    /// What it says.
    pub(crate) notice: Notice,
}

/// What the demo reads of a notice.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Notice {
    /// Who is told.
    pub(crate) recipient: String,
    /// Why.
    pub(crate) why_you: WhyYou,
    /// Of which event.
    pub(crate) event: Option<EventRef>,
}

/// Why somebody is told.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct WhyYou {
    /// In a sentence.
    pub(crate) reason: String,
}

/// The event that a notice speaks of.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EventRef {
    /// Its place in the chain.
    pub(crate) seq: i64,
}

/// The receiver, bound and not yet serving.
#[derive(Debug)]
pub(crate) struct Sink {
    listener: TcpListener,
    key: Vec<u8>,
}

#[derive(Clone)]
struct Receiver {
    key: Vec<u8>,
    arrived: mpsc::UnboundedSender<Arrived>,
}

impl Sink {
    /// Binds a free port on loopback and makes a secret.
    pub(crate) async fn bind() -> Result<Self, Failure> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let listener =
            listener.map_err(|error| Failure::Failed(format!("cannot listen on loopback: {}", plain(&error))))?;
        let mut key = vec![0; 24];
        machine::entropy(&mut key);
        Ok(Self { listener, key })
    }

    /// Where notices go.
    pub(crate) fn url(&self) -> Result<String, Failure> {
        let address = self.listener.local_addr().map_err(|error| Failure::Failed(plain(&error)))?;
        Ok(format!("http://{address}/hook"))
    }

    /// What they are signed with.
    pub(crate) fn secret(&self) -> String {
        format!("whsec_{}", STANDARD.encode(&self.key))
    }

    /// Takes notices for as long as it is polled.
    pub(crate) async fn serve(self, arrived: mpsc::UnboundedSender<Arrived>) {
        let router = Router::new().route("/hook", post(take)).with_state(Receiver { key: self.key, arrived });
        // It ends only by being dropped.
        let _ = axum::serve(self.listener, router).await;
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    #[derive(Deserialize)]
    struct Message {
        data: Notice,
    }
    let at = machine::now();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_genuine(&receiver.key, header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"), &body)
    {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(message) = serde_json::from_slice::<Message>(&body) else { return StatusCode::BAD_REQUEST };
    // Nobody listens only when the demo is over.
    let _ = receiver.arrived.send(Arrived { at, notice: message.data });
    StatusCode::NO_CONTENT
}

/// Whether one of the signatures is HMAC-SHA256 of `id.timestamp.body` under the key (Standard Webhooks).
fn is_genuine(key: &[u8], id: &str, timestamp: &str, signatures: &str, body: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    signatures
        .split(' ')
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .any(|signature| mac.clone().verify_slice(&signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_signature_is_believed() {
        // The example of the Standard Webhooks specification's own libraries.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let (id, at, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#);
        let right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert!(is_genuine(&key, id, at, right, body));
        assert!(is_genuine(&key, id, at, &format!("v1,AAAA {right}"), body));
        assert!(!is_genuine(&key, id, "1614265331", right, body));
        assert!(!is_genuine(&key, id, at, "", body));
    }
}
