//! What an endpoint's answer means.

use hyper::header::{HeaderMap, LOCATION, RETRY_AFTER};
use hyper::{StatusCode, Uri};
use mandate_core::delivery::Answer;
use mandate_core::time::{HOUR, SECOND, Span};

/// Reads the head of an answer that came about `now` (Unix seconds).
pub(super) fn read(status: StatusCode, headers: &HeaderMap, now: i64) -> Answer {
    let code = status.as_u16();
    match code {
        200..=299 => Answer::Sent { status: code, receipt: None },
        300..=399 => Answer::Refused {
            why: format!("the endpoint answered {code}{}; redirects are not followed", target(headers)),
        },
        401 | 403 => Answer::Broken {
            why: format!(
                "the endpoint answered {code}: it does not accept our signature; check the secret on both sides"
            ),
        },
        410 => Answer::Broken { why: "the endpoint answered 410: it asks to be left alone for good".to_owned() },
        408 | 425 | 429 | 500..=599 => {
            Answer::Retry { after: retry_after(headers, now), why: format!("the endpoint answered {code}") }
        }
        _ => Answer::Refused { why: format!("the endpoint answered {code}") },
    }
}

/// Where a redirect points, without user, path and query, which may hold secrets.
fn target(headers: &HeaderMap) -> String {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Ok(uri) = location.parse::<Uri>() else { return String::new() };
    match (uri.scheme_str(), uri.host(), uri.port_u16()) {
        (Some(scheme), Some(host), Some(port)) => format!(" to {scheme}://{host}:{port}"),
        (Some(scheme), Some(host), None) => format!(" to {scheme}://{host}"),
        (None, None, None) if location.starts_with('/') => " to another path".to_owned(),
        _ => String::new(),
    }
}

/// The wait that `retry-after` asks for, in seconds or as an HTTP date: never negative, at most one hour.
fn retry_after(headers: &HeaderMap, now: i64) -> Option<Span> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().unwrap_or(i64::MAX)
    } else {
        http_date(text)?.saturating_sub(now)
    };
    Some(SECOND.times(seconds.clamp(0, HOUR.0 / SECOND.0)))
}

/// Unix seconds of an HTTP date: the form in use, and the two obsolete ones that a recipient must read.
fn http_date(text: &str) -> Option<i64> {
    if let Ok(at) = jiff::fmt::rfc2822::parse(text) {
        return Some(at.timestamp().as_second());
    }
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"].iter().find_map(|form| {
        let at = jiff::civil::DateTime::strptime(form, text).ok()?;
        Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sunday, 6 November 1994, 08:49:37 UTC.
    const NOW: i64 = 784_111_777;

    fn check(status: u16, header: Option<(&'static str, &str)>, expect: &str) {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, value.parse().unwrap());
        }
        let outcome = read(StatusCode::from_u16(status).unwrap(), &headers, NOW);
        let told = match outcome {
            Answer::Sent { status, .. } => format!("sent {status}"),
            Answer::Retry { after, why } => {
                format!("retry {}: {why}", after.map_or("-".into(), |after| after.to_string()))
            }
            Answer::Refused { why } => format!("refused: {why}"),
            Answer::Broken { why } => format!("broken: {why}"),
        };
        assert_eq!(told, expect);
    }

    #[test]
    fn every_status_has_one_meaning() {
        for status in [200, 201, 202, 204, 299] {
            check(status, None, &format!("sent {status}"));
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 529, 599] {
            check(status, None, &format!("retry -: the endpoint answered {status}"));
        }
        for status in [400, 402, 404, 405, 409, 411, 413, 415, 418, 422, 451, 499, 600] {
            check(status, None, &format!("refused: the endpoint answered {status}"));
        }
        for status in [401, 403] {
            check(
                status,
                None,
                &format!(
                    "broken: the endpoint answered {status}: it does not accept our signature; check the secret on both sides"
                ),
            );
        }
        check(410, None, "broken: the endpoint answered 410: it asks to be left alone for good");
    }

    #[test]
    fn redirects_are_named_without_their_secrets() {
        let check = |location: Option<&str>, told: &str| {
            let why = format!("refused: the endpoint answered 302{told}; redirects are not followed");
            check(302, location.map(|location| ("location", location)), &why);
        };
        check(Some("http://127.0.0.1/admin?token=1"), " to http://127.0.0.1");
        check(Some("https://user:word@[::1]:8443/x"), " to https://[::1]:8443");
        check(Some("/login?next=secret"), " to another path");
        check(Some("not a place"), "");
        check(None, "");
    }

    #[test]
    fn retry_after_is_read_in_all_its_forms_and_bounded() {
        let check = |value: &str, after: &str| {
            for status in [429, 503] {
                let told = format!("retry {after}: the endpoint answered {status}");
                check(status, Some(("retry-after", value)), &told);
            }
        };
        check("0", "0ms");
        check(" 120 ", "2m");
        check("3600", "1h");
        check("3601", "1h");
        check("99999999999999999999999", "1h");
        check("Sun, 06 Nov 1994 08:49:57 GMT", "20s");
        check("Sunday, 06-Nov-94 08:49:57 GMT", "20s");
        check("Sun Nov  6 08:49:57 1994", "20s");
        check("Sun, 06 Nov 1994 08:49:00 GMT", "0ms");
        check("Mon, 07 Nov 1994 08:49:57 GMT", "1h");
        check("-5", "-");
        check("soon", "-");
        check("", "-");
    }
}
