//! What the name of a field tells about its value.

mod personal;
mod words;

use std::collections::BTreeSet;

pub(crate) use personal::{Personal, personal};
pub(crate) use words::Words;

use crate::shape::{is_call, is_digest, is_mixed, is_placeholder, is_random, is_uuid};

/// How much a telling name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// Whatever stands there is a secret.
    Always,
    /// A secret unless it is an id or a digest; in prose it must also look like one.
    UnlessId,
    /// As [`Tier::UnlessId`], and in text it must look like a secret however it is written.
    Wary,
    /// A secret only when it looks random.
    Random,
}

/// A name that tells of a secret, and the kind of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Telling {
    pub(crate) tier: Tier,
    pub(crate) kind: &'static str,
}

/// How a value stands beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    /// A member of a JSON value.
    Member,
    /// An assignment, a flag, a header, a quoted value.
    Assigned,
    /// `name: value` in running text.
    Prose,
}

/// The longest value that is judged by its looks, in bytes.
const MOST_JUDGED: usize = 1024;

impl Telling {
    /// Whether `value`, standing so beside the name, is a secret.
    pub(crate) fn accepts(self, value: &str, beside: Beside) -> bool {
        let is_id = || is_uuid(value) || is_digest(value);
        // No id, and nothing that people write, is so long without a space; judging it anew at every name in it would
        // take quadratic time.
        let is_blob = beside != Beside::Member && value.len() > MOST_JUDGED && !value.contains(char::is_whitespace);
        !is_placeholder(value)
            && (is_blob
                || match (self.tier, beside) {
                    (Tier::Always, _) => true,
                    (Tier::UnlessId | Tier::Wary, Beside::Prose | Beside::Assigned) if is_call(value) => false,
                    (Tier::UnlessId, Beside::Prose) | (Tier::Wary, Beside::Prose | Beside::Assigned) => {
                        !is_id() && is_mixed(value)
                    }
                    (Tier::UnlessId | Tier::Wary, _) => !is_id(),
                    (Tier::Random, _) => is_random(value),
                })
    }
}

/// The names that a tenant has spoken for.
#[derive(Clone, Default)]
pub(crate) struct Exemptions {
    allow: BTreeSet<String>,
    keep: BTreeSet<String>,
}

impl Exemptions {
    pub(crate) fn new(allow: &[String], keep: &[String]) -> Self {
        let normal = |names: &[String]| names.iter().map(|name| Words::of(name).as_str().to_owned()).collect();
        Self { allow: normal(allow), keep: normal(keep) }
    }

    /// Whether a field of this name is left as it is.
    pub(crate) fn allows(&self, name: &Words) -> bool {
        !self.allow.is_empty() && self.allow.contains(name.as_str())
    }

    /// Whether personal data in a field of this name stays.
    pub(crate) fn keeps(&self, name: &Words) -> bool {
        !self.keep.is_empty() && self.keep.contains(name.as_str())
    }
}

/// What `name` tells, if anything.
///
/// Every word counts (`DB_PASSWORD_PROD`), but a last word such as `id` or `count` makes it a name of something else.
pub(crate) fn telling(name: &Words) -> Option<Telling> {
    let name = name.as_str();
    let mut last = "";
    let mut found: Option<Telling> = None;
    let mut count = 0;
    for word in name.split('_').filter(|word| !word.is_empty()) {
        let here = tells(last, word);
        if let Some(here) = here
            && found.is_none_or(|found| here.tier <= found.tier)
        {
            found = Some(here);
        }
        last = word;
        count += 1;
    }
    let found = found.filter(|_| !is_harmless(last))?;
    // Alone, these are words of their own: the working directory, the outcome of a test.
    let tier = if count == 1 && matches!(last, "pass" | "pwd") { Tier::Wary } else { found.tier };
    Some(Telling { tier, ..found })
}

/// Whether `name` can be [`telling`] or [`personal()`] at all, at a fraction of their cost: nearly all names are not.
pub(crate) fn may_tell(name: &str) -> bool {
    let bytes = name.as_bytes();
    let ends_in_ip = matches!(bytes, [.., b'i' | b'I', b'p' | b'P'] | [.., b'i' | b'I', b'p' | b'P', b's' | b'S']);
    ends_in_ip
        || bytes.windows(3).any(|three| {
            let &[a, b, c] = three else { return false };
            matches!(
                &[a.to_ascii_lowercase(), b.to_ascii_lowercase(), c.to_ascii_lowercase()],
                b"pas"
                    | b"pwd"
                    | b"key"
                    | b"tok"
                    | b"sec"
                    | b"aut"
                    | b"cre"
                    | b"coo"
                    | b"bea"
                    | b"ssn"
                    | b"cvv"
                    | b"cvc"
                    | b"ccn"
                    | b"car"
                    | b"otp"
                    | b"sig"
                    | b"add"
                    | b"ipv"
                    | b"pho"
                    | b"mob"
                    | b"tel"
                    | b"msi"
                    | b"fax"
                    | b"for"
                    | b"num"
                    | b"cel"
            )
        })
}

fn tells(before: &str, word: &str) -> Option<Telling> {
    let always = |kind| Some(Telling { tier: Tier::Always, kind });
    let unless_id = |kind| Some(Telling { tier: Tier::UnlessId, kind });
    let wary = |kind| Some(Telling { tier: Tier::Wary, kind });
    let random = |kind| Some(Telling { tier: Tier::Random, kind });
    let word = word.trim_end_matches(|digit: char| digit.is_ascii_digit());
    match word {
        "pwd" | "passcode" | "passwords" => always("password"),
        "pass" => unless_id("password"),
        "authorization" => always("authorization"),
        "bearer" => always("bearer"),
        "cookie" | "cookies" => always("cookie"),
        "ssn" => always("ssn"),
        "cvv" | "cvc" | "ccn" | "creditcard" | "cardnumber" => always("card"),
        "otp" => unless_id("otp"),
        "number" if before == "card" => always("card"),
        "card" if matches!(before, "credit" | "debit") => always("card"),
        "key" | "keys" => match before {
            "private" => always("private_key"),
            "api" | "secret" | "encryption" | "signing" | "master" | "access" | "shared" | "hmac" => always("api_key"),
            "auth" | "account" | "webhook" | "license" | "app" | "application" | "consumer" | "storage"
            | "subscription" | "deploy" | "ssh" | "stripe" | "openai" | "anthropic" | "datadog" | "sendgrid" => {
                wary("api_key")
            }
            _ => None,
        },
        "token" => match before {
            "page" | "next" | "continuation" | "sync" | "cancellation" | "cancel" | "per" | "eos" | "bos" | "pad"
            | "stop" | "unknown" | "first" | "last" => None,
            "access" | "refresh" | "auth" | "bearer" | "session" | "bot" | "api" | "oauth" | "security" => {
                always("token")
            }
            _ => unless_id("token"),
        },
        "secret" if matches!(before, "client" | "consumer" | "shared" | "webhook" | "signing" | "app" | "jwt") => {
            always("secret")
        }
        "secret" => unless_id("secret"),
        "credential" | "credentials" | "creds" => unless_id("credential"),
        "tokens" => wary("token"),
        "secrets" => wary("secret"),
        "auth" | "oauth" => random("auth"),
        "signature" | "sig" => random("signature"),
        // `pgpassword`, `dbpasswd`, `mysecret`, `authtoken`, `apikey` are one word to most who write them.
        _ if ends_with_any(word, &["password", "passwd", "passphrase"]) => always("password"),
        _ if ends_with_any(word, &["privatekey"]) => always("private_key"),
        _ if ends_with_any(word, &["apikey", "secretkey", "accesskey", "signingkey", "apitoken"]) => always("api_key"),
        _ if ends_with_any(word, &["pagetoken", "nexttoken"]) => None,
        _ if word.ends_with("token") => always("token"),
        _ if word.ends_with("secret") => always("secret"),
        _ => None,
    }
}

fn ends_with_any(word: &str, ends: &[&str]) -> bool {
    ends.iter().any(|end| word.ends_with(end))
}

/// Last words that make a name harmless: it names, counts or places the secret instead of holding it.
pub(crate) fn is_harmless(last: &str) -> bool {
    matches!(
        last,
        "id" | "ids"
            | "name"
            | "names"
            | "type"
            | "types"
            | "count"
            | "counts"
            | "kind"
            | "limit"
            | "limits"
            | "length"
            | "len"
            | "size"
            | "url"
            | "urls"
            | "uri"
            | "endpoint"
            | "path"
            | "paths"
            | "file"
            | "files"
            | "filename"
            | "dir"
            | "ttl"
            | "expiry"
            | "expires"
            | "expiration"
            | "at"
            | "in"
            | "method"
            | "methods"
            | "mode"
            | "policy"
            | "version"
            | "ref"
            | "refs"
            | "arn"
            | "status"
            | "state"
            | "enabled"
            | "disabled"
            | "required"
            | "provider"
            | "usage"
            | "budget"
            | "used"
            | "max"
            | "min"
            | "rotation"
            | "strength"
            | "field"
            | "fields"
            | "present"
            | "scope"
            | "scopes"
            | "format"
            | "algorithm"
            | "alg"
            | "issuer"
            | "audience"
            | "prefix"
            | "suffix"
            | "template"
            | "index"
            | "position"
            | "role"
            | "date"
            | "time"
            | "age"
            | "title"
            | "description"
            | "header"
            | "param"
            | "rate"
            | "error"
            | "errors"
            | "message"
            | "total"
            | "cost"
            | "price"
            | "window"
            | "host"
            | "port"
            | "region"
            | "subject"
            | "reset"
            | "changed"
            | "updated"
            | "created"
            | "server"
            | "service"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 42] = [
        "password",
        "PGPASSWORD",
        "pwd",
        "db_pass",
        "passcode",
        "Authorization",
        "bearer",
        "Set-Cookie",
        "ssn",
        "cvv",
        "CVC2",
        "ccn",
        "cardNumber",
        "credit_card",
        "otp",
        "private-key",
        "apiKey",
        "APIKEY",
        "signing_key",
        "STRIPE_KEY",
        "token",
        "accessToken",
        "tokens",
        "client_secret",
        "secrets",
        "creds",
        "credentials",
        "auth",
        "oauth",
        "sig",
        "X-Signature",
        "passphrase",
        "client_ip",
        "ips",
        "ipv4",
        "remoteAddr",
        "x_forwarded_for",
        "phone",
        "mobile",
        "msisdn",
        "telephone",
        "contact_number",
    ];

    #[test]
    fn names_that_tell_may_tell() {
        for name in NAMES {
            let words = Words::of(name);
            assert!(telling(&words).is_some() || personal(&words).is_some(), "{name} should tell");
            assert!(may_tell(name), "{name} may tell");
        }
    }

    #[test]
    fn names_of_other_things_do_not_tell() {
        for name in [
            "id",
            "trace_id",
            "session_id",
            "max_tokens_count",
            "token_type",
            "author",
            "idempotency_key",
            "monkey",
            "primaryKey",
            "tokenizer",
            "name",
            "zip",
            "secret_name",
            "password_file",
            "next_page_token",
        ] {
            let words = Words::of(name);
            assert!(telling(&words).is_none() && personal(&words).is_none(), "{name} should not tell");
        }
    }
}
