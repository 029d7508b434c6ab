//! Finds and replaces secrets and personal data. Pure and keyed.
//!
//! The agent side scrubs before anything leaves the machine; the server scrubs again before anything is
//! stored, because it does not trust the sender. So the first law is that scrubbing twice, even under
//! another key, changes nothing more. The second is that equal secrets stay equal under one key: a
//! replacement reads `[redacted:aws_key:3fa9c1]`, the kind and six hex digits of HMAC-SHA-256(key, secret).
//!
//! # What is found
//! - **By shape, anywhere:** keys and tokens of known formats, private keys in PEM, JWTs, card numbers
//!   (Luhn and a known prefix), US social security numbers, e-mail addresses, `+` phone numbers.
//! - **By a telling name:** the value beside `password`, `api_key`, `authorization`, `token`, … as a JSON
//!   member, in `key=value`, `key: value`, `--key value`, `<key>value</key>`, a query parameter or a URL's
//!   `user:password@`. Below a telling JSON name every string and number goes, at any depth.
//! - **By randomness** only beside names such as `auth` or `signature`.
//! - **By a tenant's own patterns**, see [`Settings`].
//!
//! # What is left alone
//! UUIDs, git hashes, `sha256:…` digests, trace and span ids and Mandate's own ids have no telling name. Beside
//! `token`, `secret` or `credential` a UUID and a prefixed digest still stay; beside `password` or
//! `api_key` nothing does. Booleans, nulls, `${PLACEHOLDERS}` and masks such as `****` stay everywhere.
//!
//! # Personal data
//! Attributes ([`Scrubber::scrub_object`]) lose e-mail, phone, IP and person-name fields by name, and by
//! shape: e-mails and phone numbers anywhere in a string, an IP address when it is the whole string
//! (loopback and unspecified addresses name nobody and stay; so does an address with a port). A bare `name`
//! goes only when an e-mail or phone field stands beside it: alone it is the name of a branch or a service.
//! Free text ([`Scrubber::scrub_text`], also used for resource ids) loses e-mails and `+` phone numbers;
//! an IP address stays, since `10.0.0.1:5432` must remain routable, unless its field is named `ip`.
//! `git@host:path` is an address of a repository and stays.

mod find;
mod json;
mod key;
mod mark;
mod scrubber;
mod settings;
mod shape;
mod text;

pub use scrubber::Scrubber;
pub use settings::{Settings, SettingsError, TenantPattern};
