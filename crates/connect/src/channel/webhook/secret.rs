//! Signing secrets and what is made with them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The fewest bytes a key may have; the specification asks for 24 to 64.
const LEAST_BYTES: usize = 24;

const PREFIX: &str = "whsec_";

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One signing secret, its key schedule done once. Never prints.
#[derive(Clone)]
pub struct Secret {
    key: Hmac<Sha256>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// Reads `whsec_` and base64 (padded or not), or else takes the text's own bytes as the key.
    ///
    /// The receiver of a secret without the prefix has to use its bytes too; the libraries of the standard
    /// want it as `whsec_` + base64 of those bytes.
    ///
    /// # Errors
    /// When what follows the prefix is not base64, or the key is shorter than 24 bytes. Never shows the secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bytes = match text.strip_prefix(PREFIX) {
            Some(encoded) => {
                LENIENT.decode(encoded).map_err(|_| "what follows `whsec_` in the secret is not base64".to_owned())?
            }
            None => text.as_bytes().to_vec(),
        };
        if bytes.len() < LEAST_BYTES {
            return Err(format!(
                "the secret has {} bytes, at least {LEAST_BYTES} are needed; make one with `echo whsec_$(openssl rand -base64 32)`",
                bytes.len()
            ));
        }
        let key = Hmac::new_from_slice(&bytes).map_err(|error| error.to_string())?;
        Ok(Self { key })
    }

    /// Appends `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body` to `header`.
    pub(super) fn sign_into(&self, id: &str, timestamp: &str, body: &[u8], header: &mut String) {
        let mut mac = self.key.clone();
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        header.push_str("v1,");
        STANDARD.encode_string(mac.finalize().into_bytes(), header);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(secret: &str, id: &str, timestamp: &str, body: &str) -> String {
        let mut header = String::new();
        Secret::parse(secret).unwrap().sign_into(id, timestamp, body.as_bytes(), &mut header);
        header
    }

    #[test]
    fn signatures_match_the_published_vectors() {
        let check = |secret, id, timestamp, body, expect| assert_eq!(sign(secret, id, timestamp, body), expect);
        let (secret, unprefixed) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "raw-secret-of-28-bytes-long!");
        // The vector that the standard's reference libraries test with.
        check(
            secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        );
        let same_key = format!("whsec_{}", STANDARD.encode(unprefixed));
        assert_eq!(sign(unprefixed, "a", "1", "{}"), sign(&same_key, "a", "1", "{}"));
        assert_eq!(sign(same_key.trim_end_matches('='), "a", "1", "{}"), sign(&same_key, "a", "1", "{}"));
    }

    #[test]
    fn weak_or_broken_secrets_are_refused_without_being_shown() {
        let check = |text: &str, expect: &str| {
            let error = Secret::parse(text).unwrap_err();
            assert!(error.starts_with(expect), "{error}");
            assert!(text.len() < 8 || !error.contains(text), "{error}");
        };
        check("", "the secret has 0 bytes");
        check("whsec_", "the secret has 0 bytes");
        check("too-short-for-a-secret!", "the secret has 23 bytes");
        check("whsec_c2hvcnRlci10aGFuLTI0LWJ5dGVz!", "what follows `whsec_`");
        check("whsec_c2hvcnQ=", "the secret has 5 bytes");
        assert_eq!(format!("{:?}", Secret::parse("raw-secret-of-28-bytes-long!").unwrap()), "Secret(…)");
    }
}
