//! Tokens of known formats: a prefix that its issuer chose, then letters of a known alphabet.

use super::Finding;
use crate::text::Text;

/// How a format's tokens read.
struct Format {
    kind: &'static str,
    /// What they begin with.
    prefix: &'static str,
    /// What may follow.
    tail: fn(u8) -> bool,
    /// How much must follow, in bytes.
    least: usize,
    /// Whether the tail must hold a digit, because words of prose could follow the prefix too.
    digit: bool,
}

const fn format(kind: &'static str, prefix: &'static str, tail: fn(u8) -> bool, least: usize) -> Format {
    Format { kind, prefix, tail, least, digit: false }
}

const fn digited(kind: &'static str, prefix: &'static str, tail: fn(u8) -> bool, least: usize) -> Format {
    Format { kind, prefix, tail, least, digit: true }
}

fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

fn dotted(byte: u8) -> bool {
    base64url(byte) || byte == b'.'
}

fn capital(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

/// Formats whose prefix ends in `_`, where the search stops.
static UNDERSCORED: [Format; 19] = [
    format("github_token", "ghp_", word, 16),
    format("github_token", "gho_", word, 16),
    format("github_token", "ghu_", word, 16),
    format("github_token", "ghs_", word, 16),
    format("github_token", "ghr_", word, 16),
    format("github_token", "github_pat_", word, 16),
    format("stripe_key", "sk_live_", alphanumeric, 10),
    format("stripe_key", "sk_test_", alphanumeric, 10),
    format("stripe_key", "rk_live_", alphanumeric, 10),
    format("stripe_key", "rk_test_", alphanumeric, 10),
    format("webhook_secret", "whsec_", base64, 16),
    format("webhook_secret", "whsk_", base64, 16),
    digited("npm_token", "npm_", alphanumeric, 30),
    digited("hugging_face_token", "hf_", alphanumeric, 30),
    format("digitalocean_token", "dop_v1_", alphanumeric, 40),
    format("linear_key", "lin_api_", alphanumeric, 30),
    digited("mandate_key", "mk_", base64url, 16),
    format("shopify_token", "shpat_", alphanumeric, 30),
    format("databricks_token", "dapi_", alphanumeric, 30),
];

/// Formats whose prefix ends in `-`.
static DASHED: [Format; 14] = [
    format("slack_token", "xoxb-", base64url, 10),
    format("slack_token", "xoxp-", base64url, 10),
    format("slack_token", "xoxa-", base64url, 10),
    format("slack_token", "xoxr-", base64url, 10),
    format("slack_token", "xoxs-", base64url, 10),
    format("slack_token", "xoxo-", base64url, 10),
    format("slack_token", "xoxc-", base64url, 10),
    format("slack_token", "xoxd-", |byte| base64url(byte) || byte == b'%', 10),
    format("slack_token", "xoxe-", base64url, 10),
    format("slack_token", "xoxe.xoxp-", base64url, 10),
    format("slack_token", "xapp-", base64url, 10),
    format("pypi_token", "pypi-", base64url, 32),
    format("gitlab_token", "glpat-", base64url, 16),
    digited("ai_key", "sk-", base64url, 20),
];

static GOOGLE: Format = format("google_key", "AIza", base64url, 30);
static AWS: [Format; 2] = [format("aws_key", "AKIA", capital, 16), format("aws_key", "ASIA", capital, 16)];
static SENDGRID: Format = digited("sendgrid_key", "SG.", dotted, 30);

/// How far into its tail a random token is sure to have shown a digit, in bytes.
const DIGIT_WITHIN: usize = 64;

fn is_digit(letter: char) -> bool {
    letter.is_ascii_digit()
}

impl Format {
    /// The token whose prefix starts at `start`.
    fn token(&self, text: Text<'_>, start: usize) -> Option<Finding<'static>> {
        if !text.from(start).starts_with(self.prefix.as_bytes()) {
            return None;
        }
        let tail = start + self.prefix.len();
        if self.digit && !text.slice(tail..text.run_within(tail, DIGIT_WITHIN, self.tail)).contains(is_digit) {
            return None;
        }
        let end = text.run(tail, self.tail);
        (end - tail >= self.least).then_some(Finding { start, end, kind: self.kind })
    }

    fn token_before(&self, text: Text<'_>, end_of_prefix: usize) -> Option<Finding<'static>> {
        self.token(text, end_of_prefix.checked_sub(self.prefix.len())?)
    }
}

/// A token whose prefix ends with the `_` at `at`.
pub(super) fn at_underscore(text: Text<'_>, at: usize) -> Option<Finding<'static>> {
    // The last two letters of some prefix; nearly every `_` ends here.
    if !matches!(
        (text.before(at.saturating_sub(1)), text.before(at)),
        (b'h', b'p' | b'o' | b'u' | b's' | b'r' | b'f')
            | (b'a', b't')
            | (b'v', b'e' | b'1')
            | (b's', b't' | b'k')
            | (b'p', b'm' | b'i')
            | (b'e', b'c')
            | (b'm', b'k')
    ) {
        return None;
    }
    UNDERSCORED.iter().find_map(|format| format.token_before(text, at + 1)).filter(|token| {
        // Short prefixes are also endings of words: `alchemk_…` is a name.
        token.kind != "mandate_key" || text.word_starts(token.start)
    })
}

/// A token whose prefix ends with the `-` at `at`.
pub(super) fn at_dash(text: Text<'_>, at: usize) -> Option<Finding<'static>> {
    if !matches!(
        (text.before(at.saturating_sub(1)), text.before(at)),
        (b'x', _) | (b'p', b'p' | b'i') | (b'a', b't') | (b's', b'k')
    ) {
        return None;
    }
    DASHED.iter().find_map(|format| format.token_before(text, at + 1)).filter(|token| {
        // `task-…` and `disk-…` are names.
        token.kind != "ai_key" || text.word_starts(token.start)
    })
}

/// A token found by a letter inside its prefix: the `J` of `eyJ`, the `z` of `AIza`, the `S` of `SG.`.
pub(super) fn at_letter(text: Text<'_>, at: usize) -> Option<Finding<'static>> {
    match text.at(at) {
        b'J' => jwt(text, at.checked_sub(2)?),
        b'z' => GOOGLE.token(text, at.checked_sub(2)?),
        _ if text.at(at + 1) == b'I' => AWS.iter().find_map(|format| format.token(text, at.checked_sub(1)?)),
        _ => SENDGRID.token(text, at).filter(|token| text.word_starts(token.start)),
    }
}

/// The longest first part of a JSON web token, in bytes. Bounded, since the search looks anew at each `eyJ`.
const MOST_JWT_HEAD: usize = 2048;

/// The JSON web token that starts at `start`: two or more parts of base64url, the first a JSON object.
fn jwt(text: Text<'_>, start: usize) -> Option<Finding<'static>> {
    let bytes = text.from(start);
    if !bytes.starts_with(b"eyJ") {
        return None;
    }
    let head = text.run_within(start, MOST_JWT_HEAD, base64url);
    let body = text.run_within(head + 1, 16, base64url);
    if text.at(head) != b'.' || head - start < 12 || body - head < 9 {
        return None;
    }
    let mut end = text.run(start, dotted);
    while text.before(end) == b'.' && end > body {
        end -= 1;
    }
    Some(Finding { start, end, kind: "jwt" })
}

/// How far from an AWS key id its secret is looked for, in bytes.
const NEAR: usize = 160;

/// The AWS key id whose `K` is at `at`, and the secret key beside it, before or after.
pub(super) fn aws(text: Text<'_>, at: usize, found: &mut Vec<Finding<'_>>) {
    let Some(id) = at.checked_sub(1).and_then(|start| AWS.iter().find_map(|format| format.token(text, start))) else {
        return;
    };
    found.push(id);
    let is_secret = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut next = id.start.saturating_sub(NEAR);
    while next < id.end + NEAR && next < text.len() {
        let start = text.run_within(next, NEAR, |byte| !is_secret(byte));
        let end = text.run_within(start, NEAR, is_secret);
        if end - start == 40 && !is_secret(text.before(start)) && is_aws_secret(text.slice(start..end)) {
            found.push(Finding { start, end, kind: "aws_secret" });
        }
        next = end.max(next + 1);
    }
}

/// Whether 40 bytes of base64 are drawn at random rather than a git hash or a path.
fn is_aws_secret(run: &str) -> bool {
    let has = |test: fn(&u8) -> bool| run.as_bytes().iter().any(test);
    has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
}

/// The kind of `value` when the whole of it is one token of a known format.
///
/// So a token is marked alike whether its name told of it or its shape.
pub(crate) fn known(value: &str) -> Option<&'static str> {
    let text = Text(value);
    let formats = UNDERSCORED.iter().chain(&DASHED).chain(&AWS).chain([&GOOGLE, &SENDGRID]);
    formats
        .filter_map(|format| format.token(text, 0))
        .chain(jwt(text, 0))
        .find(|token| token.end == value.len())
        .map(|token| token.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_at_its_anchor() {
        for format in UNDERSCORED.iter().chain(&DASHED) {
            let token = format!("{}{}", format.prefix, "a7".repeat(32));
            let at = format.prefix.len() - 1;
            let found =
                if format.prefix.ends_with('_') { at_underscore(Text(&token), at) } else { at_dash(Text(&token), at) };
            assert_eq!(
                found.map(|found| (found.kind, found.end)),
                Some((format.kind, token.len())),
                "{}",
                format.prefix
            );
        }
    }
}
