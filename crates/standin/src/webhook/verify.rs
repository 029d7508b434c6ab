//! The receiver's half of Standard Webhooks, written from the specification alone.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::HeaderMap;
use sha2::Sha256;

/// How far a message's timestamp may lie from now, either way, in seconds.
pub const TOLERANCE: i64 = 5 * 60;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a message was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// One of the three headers is missing, twice, or not text.
    #[error("a required header is missing or malformed")]
    Headers,
    /// The id is empty or holds a `.`, which would blur where it ends in the signed text.
    #[error("the id is empty or holds a dot")]
    Id,
    /// The timestamp is not a number.
    #[error("the timestamp is not a number of seconds")]
    Timestamp,
    /// The timestamp is more than [`TOLERANCE`] ago.
    #[error("the timestamp is too old")]
    TooOld,
    /// The timestamp is more than [`TOLERANCE`] ahead.
    #[error("the timestamp is too far ahead")]
    TooNew,
    /// No signature of a known version fits any secret.
    #[error("no signature matches")]
    Signature,
}

/// Holds the secrets a receiver accepts.
pub struct Verifier {
    keys: Vec<Hmac<Sha256>>,
}

impl Verifier {
    /// Reads `whsec_` + base64, or base64 alone, padded or not.
    ///
    /// # Errors
    /// When there is no secret, or one is empty or not base64.
    pub fn new(secrets: &[String]) -> Result<Self, String> {
        let read = |secret: &String| {
            let bytes = BASE64.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok();
            let bytes = bytes.filter(|bytes| !bytes.is_empty());
            bytes.and_then(|bytes| Hmac::new_from_slice(&bytes).ok())
        };
        let keys: Option<Vec<_>> = secrets.iter().map(read).collect();
        let keys = keys.filter(|keys| !keys.is_empty());
        Ok(Self { keys: keys.ok_or("a secret is needed: `whsec_` and base64")? })
    }

    /// Accepts or rejects one message as it came, `now` in Unix seconds.
    ///
    /// # Errors
    /// The first reason found, in the order of [`Rejected`].
    pub fn check(&self, headers: &HeaderMap, body: &[u8], now: i64) -> Result<(), Rejected> {
        let one = |name| {
            let mut values = headers.get_all(name).iter();
            let value = values.next().filter(|_| values.next().is_none());
            value.and_then(|value| value.to_str().ok()).ok_or(Rejected::Headers)
        };
        let (id, timestamp, signatures) = (one("webhook-id")?, one("webhook-timestamp")?, one("webhook-signature")?);
        if id.is_empty() || id.contains('.') {
            return Err(Rejected::Id);
        }
        let at: i64 = timestamp.parse().map_err(|_| Rejected::Timestamp)?;
        if now.saturating_sub(at) > TOLERANCE {
            return Err(Rejected::TooOld);
        }
        if at.saturating_sub(now) > TOLERANCE {
            return Err(Rejected::TooNew);
        }
        let mut given = signatures.split(' ').filter_map(|one| BASE64.decode(one.strip_prefix("v1,")?).ok());
        let matches = |signature: Vec<u8>| {
            self.keys.iter().any(|key| {
                let mut mac = key.clone();
                for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                    mac.update(part);
                }
                mac.verify_slice(&signature).is_ok()
            })
        };
        given.any(matches).then_some(()).ok_or(Rejected::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const AT: i64 = 1_614_265_330;
    const BODY: &str = r#"{"test": 2432232314}"#;

    fn check(change: impl FnOnce(&mut HeaderMap), body: &str, now: i64, expect: Result<(), Rejected>) {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".parse().unwrap());
        headers.insert("webhook-timestamp", "1614265330".parse().unwrap());
        headers.insert("webhook-signature", SIGNATURE.parse().unwrap());
        change(&mut headers);
        let verifier = Verifier::new(&[SECRET.to_owned()]).unwrap();
        assert_eq!(verifier.check(&headers, body.as_bytes(), now), expect);
    }

    fn set(name: &'static str, value: &str) -> impl FnOnce(&mut HeaderMap) {
        let value = value.parse().unwrap();
        move |headers| drop(headers.insert(name, value))
    }

    #[test]
    fn messages_are_judged_as_the_specification_says() {
        check(|_| (), BODY, AT, Ok(()));
        check(|_| (), BODY, AT + TOLERANCE, Ok(()));
        check(|_| (), BODY, AT - TOLERANCE, Ok(()));
        check(|_| (), BODY, AT + TOLERANCE + 1, Err(Rejected::TooOld));
        check(|_| (), BODY, AT - TOLERANCE - 1, Err(Rejected::TooNew));
        check(|_| (), "{}", AT, Err(Rejected::Signature));
        check(set("webhook-id", "msg_other"), BODY, AT, Err(Rejected::Signature));
        check(set("webhook-timestamp", "1614265331"), BODY, AT, Err(Rejected::Signature));
        check(set("webhook-timestamp", "now"), BODY, AT, Err(Rejected::Timestamp));
        check(set("webhook-id", "a.b"), BODY, AT, Err(Rejected::Id));
        check(set("webhook-id", ""), BODY, AT, Err(Rejected::Id));
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            check(|headers| drop(headers.remove(name)), BODY, AT, Err(Rejected::Headers));
            check(|headers| assert!(headers.append(name, "1".parse().unwrap())), BODY, AT, Err(Rejected::Headers));
        }
        let rotated = format!("v1a,AAAA v1,AAAA {SIGNATURE}");
        check(set("webhook-signature", &rotated), BODY, AT, Ok(()));
        check(set("webhook-signature", &SIGNATURE.replace("v1", "v2")), BODY, AT, Err(Rejected::Signature));
        check(set("webhook-signature", ""), BODY, AT, Err(Rejected::Signature));
        for none in [&[][..], &["".to_owned()], &["whsec_".to_owned()], &["whsec_*".to_owned()]] {
            assert!(Verifier::new(none).is_err());
        }
    }
}
