//! Whether a request comes from Slack: HMAC-SHA256 over its raw bytes and the moment it was sent.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How far Slack's clock and ours may be apart, in seconds, either way.
pub const WINDOW: u64 = 300;

/// The header that carries the moment of sending, in Unix seconds.
pub const TIMESTAMP: &str = "x-slack-request-timestamp";
/// The header that carries the signature.
pub const SIGNATURE: &str = "x-slack-signature";

/// A signing secret, its key schedule done once. Never prints.
#[derive(Clone)]
pub struct SigningSecret {
    key: Hmac<Sha256>,
}

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

impl SigningSecret {
    /// Takes the secret as the app's page shows it.
    ///
    /// # Errors
    /// When it is blank: everybody could sign with that. Never shows it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("`signing_secret` is blank: anybody could sign with that".to_owned());
        }
        let key = Hmac::new_from_slice(text.trim().as_bytes()).map_err(|error| error.to_string())?;
        Ok(Self { key })
    }
}

/// Why a request is not taken for Slack's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is not signed.
    #[error("the request has no signature or no time stamp")]
    Unsigned,
    /// What stands there is no signature.
    #[error("the signature or the time stamp cannot be read")]
    Malformed,
    /// It was sent at another time, or is sent again.
    #[error("the request was signed more than {WINDOW} s from now; check this machine's clock")]
    Stale,
    /// It was signed with another secret, or changed since.
    #[error("the signature does not match; check `signing_secret`")]
    Mismatch,
}

/// Checks a request by the values of its two headers, [`TIMESTAMP`] and [`SIGNATURE`], and its bytes before
/// anything was read from them. `now` is in Unix seconds. One of the secrets has to match; while one is being
/// replaced there are two. Without secrets nothing matches.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(
    secrets: &[SigningSecret],
    timestamp: Option<&[u8]>,
    signature: Option<&[u8]>,
    body: &[u8],
    now: i64,
) -> Result<(), Rejected> {
    let (Some(timestamp), Some(signature)) = (timestamp, signature) else { return Err(Rejected::Unsigned) };
    let digits = timestamp.len() <= 19 && !timestamp.is_empty() && timestamp.iter().all(u8::is_ascii_digit);
    let sent = std::str::from_utf8(timestamp).ok().filter(|_| digits).and_then(|text| text.parse::<i64>().ok());
    let sent = sent.ok_or(Rejected::Malformed)?;
    let mut given = [0; 32];
    let encoded = signature.strip_prefix(b"v0=").ok_or(Rejected::Malformed)?;
    hex::decode_to_slice(encoded, &mut given).map_err(|_| Rejected::Malformed)?;
    if now.abs_diff(sent) > WINDOW {
        return Err(Rejected::Stale);
    }
    let matches = secrets.iter().any(|secret| {
        let mut mac = secret.key.clone();
        for part in [b"v0:".as_slice(), timestamp, b":", body] {
            mac.update(part);
        }
        mac.verify_slice(&given).is_ok()
    });
    if matches { Ok(()) } else { Err(Rejected::Mismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of Slack's documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const SENT: i64 = 1_531_420_618;
    const SIGNED: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

    fn secrets(texts: &[&str]) -> Vec<SigningSecret> {
        texts.iter().map(|text| SigningSecret::parse(text).unwrap()).collect()
    }

    #[test]
    fn the_published_example_verifies_and_nothing_near_it() {
        let check = |texts: &[&str], timestamp: Option<&str>, signature: Option<&str>, body: &[u8], now, expect| {
            let (timestamp, signature) = (timestamp.map(str::as_bytes), signature.map(str::as_bytes));
            assert_eq!(verify(&secrets(texts), timestamp, signature, body, now), expect);
        };
        let sent = SENT.to_string();
        let (at, signed) = (Some(sent.as_str()), Some(SIGNED));
        check(&[SECRET], at, signed, BODY, SENT, Ok(()));
        check(&["another", SECRET], at, signed, BODY, SENT, Ok(()));
        for late in [-300, -299, 299, 300] {
            check(&[SECRET], at, signed, BODY, SENT + late, Ok(()));
        }
        for late in [-301, 301, 86_400, i64::MIN / 2] {
            check(&[SECRET], at, signed, BODY, SENT + late, Err(Rejected::Stale));
        }
        check(&[SECRET], None, signed, BODY, SENT, Err(Rejected::Unsigned));
        check(&[SECRET], at, None, BODY, SENT, Err(Rejected::Unsigned));
        for signature in ["", "v0=", "v0=zz", &SIGNED[3..], &SIGNED[..66], &format!("{SIGNED}00"), "v1=00"] {
            check(&[SECRET], at, Some(signature), BODY, SENT, Err(Rejected::Malformed));
        }
        for timestamp in ["", "-1", "+1531420618", "1e9", "99999999999999999999", " 1531420618"] {
            check(&[SECRET], Some(timestamp), signed, BODY, SENT, Err(Rejected::Malformed));
        }
        check(&["another"], at, signed, BODY, SENT, Err(Rejected::Mismatch));
        check(&[], at, signed, BODY, SENT, Err(Rejected::Mismatch));
        check(&[SECRET], at, signed, &BODY[1..], SENT, Err(Rejected::Mismatch));
        check(&[SECRET], Some("1531420619"), signed, BODY, SENT, Err(Rejected::Mismatch));
        assert!(SigningSecret::parse(" \n").is_err());
        assert_eq!(format!("{:?}", secrets(&[SECRET])), "[SigningSecret(…)]");
    }

    proptest! {
        #[test]
        fn nothing_unsigned_passes_and_nothing_panics(
            timestamp in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..24)),
            signature in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..80)),
            body in proptest::collection::vec(any::<u8>(), 0..200),
            now in any::<i64>(),
        ) {
            let answer = verify(&secrets(&[SECRET]), timestamp.as_deref(), signature.as_deref(), &body, now);
            prop_assert!(answer.is_err());
        }
    }
}
