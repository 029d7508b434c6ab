//! What Slack's answer means. HTTP says 200 even when a call failed; `ok` in the body decides.

use hyper::StatusCode;
use hyper::header::{HeaderMap, RETRY_AFTER};
use mandate_core::delivery::Answer;
use mandate_core::time::{HOUR, SECOND, Span};
use serde_json::Value;

/// A call that was not done, or of which nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it means for the delivery: [`Answer::Retry`], [`Answer::Refused`] or [`Answer::Broken`].
    pub answer: Answer,
    /// Slack's word for it, such as `channel_not_found`; nothing when none came.
    pub code: Option<String>,
    /// Whether Slack may have done it all the same: the message may stand there, without a receipt.
    pub ambiguous: bool,
}

impl Failure {
    /// No answer came that could be understood.
    pub(super) fn unanswered(why: String, ambiguous: bool) -> Self {
        Self { answer: Answer::Retry { after: None, why }, code: None, ambiguous }
    }

    pub(super) fn refused(why: String) -> Self {
        Self { answer: Answer::Refused { why }, code: None, ambiguous: false }
    }
}

/// Nothing, as long as nobody mends the token or the app.
const BROKEN: [&str; 10] = [
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "org_login_required",
    "two_factor_setup_required",
    "team_added_to_org",
    "missing_scope",
    "not_allowed_token_type",
];

/// Not now.
const RETRY: [&str; 6] =
    ["ratelimited", "rate_limited", "service_unavailable", "request_timeout", "internal_error", "fatal_error"];

/// Slack may have done part of it before it failed.
const AMBIGUOUS: [&str; 3] = ["request_timeout", "internal_error", "fatal_error"];

/// What to do about the refusals that somebody can mend.
const HINTS: [(&str, &str); 9] = [
    ("channel_not_found", "use the channel's id, and invite the app to it when it is private"),
    ("not_in_channel", "invite the app to the channel"),
    ("is_archived", "choose another channel"),
    ("missing_scope", "add the scope to the app and install it again"),
    ("token_revoked", "install the app again and put its new token into the configuration"),
    ("invalid_auth", "put the app's bot token into the configuration"),
    ("account_inactive", "install the app again and put its new token into the configuration"),
    ("not_allowed_token_type", "`token` wants `xoxb-…`, `app_token` wants `xapp-…`"),
    ("messages_tab_disabled", "switch on the messages tab in the app's home"),
];

/// The body of a call that was done, or what became of it.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Value, Failure> {
    let told: Option<Value> = serde_json::from_slice(body).ok();
    let ok = told.as_ref().and_then(|told| told.get("ok")?.as_bool());
    let code = told.as_ref().and_then(|told| told.get("error")?.as_str()).map(str::to_owned);
    match (ok, told, code) {
        (Some(true), Some(told), _) if status.is_success() => Ok(told),
        (Some(false), Some(told), Some(code)) => Err(failed(code, &told, headers)),
        _ => Err(unexplained(status, headers)),
    }
}

/// The same for a response URL, which says `ok` in plain text when it was done.
pub(super) fn responded(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<(), Failure> {
    match read(status, headers, body) {
        Err(Failure { code: None, .. }) if status.is_success() => Ok(()),
        other => other.map(drop),
    }
}

fn failed(code: String, told: &Value, headers: &HeaderMap) -> Failure {
    let known = code.as_str();
    let mut why = format!("slack answered `{}`", shown(known));
    if let Some(needed) = told.get("needed").and_then(Value::as_str) {
        why.push_str(&format!(" (`{}`)", shown(needed)));
    }
    let detail = told.pointer("/response_metadata/messages/0").and_then(Value::as_str);
    if let Some(detail) = detail {
        why.push_str(&format!(": {}", shown(detail)));
    }
    if let Some((_, hint)) = HINTS.iter().find(|(hinted, _)| *hinted == known) {
        why.push_str(&format!("; {hint}"));
    }
    let ambiguous = AMBIGUOUS.contains(&known);
    let answer = match known {
        _ if BROKEN.contains(&known) => Answer::Broken { why },
        _ if RETRY.contains(&known) => Answer::Retry { after: retry_after(headers), why },
        _ => Answer::Refused { why },
    };
    Failure { answer, code: Some(code), ambiguous }
}

fn unexplained(status: StatusCode, headers: &HeaderMap) -> Failure {
    let code = status.as_u16();
    let why = format!("slack answered {code} without saying why");
    let after = retry_after(headers);
    let (answer, ambiguous) = match code {
        401 => (Answer::Broken { why }, false),
        408 | 500..=599 => (Answer::Retry { after, why }, true),
        425 | 429 => (Answer::Retry { after, why }, false),
        // Something between us and Slack answered, or Slack said yes in a way we do not know.
        200..=299 => (Answer::Retry { after, why: format!("slack answered {code} with what is not an answer") }, true),
        _ => (Answer::Refused { why }, false),
    };
    Failure { answer, code: None, ambiguous }
}

/// Slack's own words, as far as they belong into a line.
fn shown(text: &str) -> String {
    super::text::plain(text, 200)
}

/// Slack writes seconds; at most one hour is believed.
fn retry_after(headers: &HeaderMap) -> Option<Span> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| SECOND.times(text.parse().unwrap_or(i64::MAX).clamp(0, HOUR.0 / SECOND.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(status: u16, after: Option<&str>, body: &str) -> String {
        let mut headers = HeaderMap::new();
        if let Some(after) = after {
            headers.insert(RETRY_AFTER, after.parse().unwrap());
        }
        match read(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes()) {
            Ok(_) => "done".to_owned(),
            Err(Failure { answer, ambiguous, .. }) => {
                let told = match answer {
                    Answer::Sent { .. } => unreachable!("a failure is never sent"),
                    Answer::Retry { after: None, why } => format!("retry: {why}"),
                    Answer::Retry { after: Some(after), why } => format!("retry in {after}: {why}"),
                    Answer::Refused { why } => format!("refused: {why}"),
                    Answer::Broken { why } => format!("broken: {why}"),
                };
                if ambiguous { format!("{told} (perhaps done)") } else { told }
            }
        }
    }

    #[test]
    fn the_body_decides() {
        let check = |status, after: Option<&str>, body: &str, expect: &str| {
            assert_eq!(told(status, after, body), expect, "{status} {body}");
        };
        let error = |code: &str| format!(r#"{{"ok":false,"error":"{code}"}}"#);
        check(200, None, r#"{"ok":true}"#, "done");
        check(200, None, r#"{"ok":true,"warning":"missing_charset"}"#, "done");
        check(429, Some("30"), &error("ratelimited"), "retry in 30s: slack answered `ratelimited`");
        check(200, Some("7"), &error("rate_limited"), "retry in 7s: slack answered `rate_limited`");
        check(200, None, &error("rate_limited"), "retry: slack answered `rate_limited`");
        check(429, Some("99999"), "", "retry in 1h: slack answered 429 without saying why");
        check(200, None, &error("service_unavailable"), "retry: slack answered `service_unavailable`");
        check(200, None, &error("fatal_error"), "retry: slack answered `fatal_error` (perhaps done)");
        check(500, None, &error("internal_error"), "retry: slack answered `internal_error` (perhaps done)");
        check(503, None, "<html>", "retry: slack answered 503 without saying why (perhaps done)");
        check(200, None, "<html>", "retry: slack answered 200 with what is not an answer (perhaps done)");
        check(200, None, r#"{"ok":false}"#, "retry: slack answered 200 with what is not an answer (perhaps done)");
        check(404, None, "", "refused: slack answered 404 without saying why");
        check(302, None, "", "refused: slack answered 302 without saying why");
        check(401, None, "", "broken: slack answered 401 without saying why");
        check(200, None, &error("message_not_found"), "refused: slack answered `message_not_found`");
        check(
            200,
            None,
            &error("restricted_action_read_only_channel"),
            "refused: slack answered `restricted_action_read_only_channel`",
        );
        check(
            200,
            None,
            &error("not_in_channel"),
            "refused: slack answered `not_in_channel`; invite the app to the channel",
        );
        check(
            200,
            None,
            r#"{"ok":false,"error":"missing_scope","needed":"chat:write"}"#,
            "broken: slack answered `missing_scope` (`chat:write`); add the scope to the app and install it again",
        );
        check(
            200,
            None,
            r#"{"ok":false,"error":"invalid_arguments","response_metadata":{"messages":["[ERROR] must be more than 0 characters"]}}"#,
            "refused: slack answered `invalid_arguments`: [ERROR] must be more than 0 characters",
        );
        for code in BROKEN {
            assert!(told(200, None, &error(code)).starts_with("broken: "), "{code}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_has_a_meaning(status in 100u16..1_000, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), &body);
        }
    }
}
