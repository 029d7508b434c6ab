//! Values of command line flags: `--token value`, `-u user:password`.

use super::value::value;
use super::{Finding, Search, assignment};
use crate::key::{Beside, Telling, Tier, Words, telling};
use crate::text::{is_blank, is_word};

/// The value of the flag whose first `-` is at `at`.
pub(super) fn find(search: &Search<'_>, at: usize) -> Option<Finding<'static>> {
    let text = search.text;
    if text.before(at).is_ascii_alphanumeric() || text.before(at) == b'-' {
        return None;
    }
    let start = text.run(at, |byte| byte == b'-');
    let end = text.run(start, is_word).min(start + 64);
    let name = text.slice(start..end);
    if name.is_empty() || start - at > 2 || !is_blank(text.at(end)) {
        return None;
    }
    let value = value(text, end);
    if text.at(value.range.start) == b'-' && !value.is_quoted {
        return None;
    }
    if (start - at == 1 && name == "u") || name == "user" {
        let password = password_of(text.slice(value.range.clone()))?;
        let telling = Telling { tier: Tier::Always, kind: "password" };
        return assignment::found(search, value.range.end - password.len(), value.range.end, telling, Beside::Assigned);
    }
    let words = Words::of(name);
    let telling = telling(&words).filter(|_| start - at == 2 && !search.exempt.allows(&words))?;
    let beside = if telling.tier == Tier::Wary { Beside::Assigned } else { Beside::Member };
    assignment::found(search, value.range.start, value.range.end, telling, beside)
}

/// The password in `user:password`; `1000:1000` and `node:node` are a user and a group.
fn password_of(pair: &str) -> Option<&str> {
    let (user, password) = pair.split_once(':')?;
    let is_group = user == password || password.bytes().all(|byte| byte.is_ascii_digit()) && password.len() < 6;
    (!is_group && !password.is_empty()).then_some(password)
}
