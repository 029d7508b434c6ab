//! What a new key is to be, and what makes no sense in one. Whoever makes keys asks here, over HTTP and without.

use mandate_core::change::Scope;
use mandate_core::time::Millis;

use super::Binding;

const MAX_TEXT: usize = 256;

/// What a new key is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyWish {
    /// What it may do.
    pub scope: Scope,
    /// What people call it.
    pub name: Option<String>,
    /// The agents it is bound to, see [`Binding`].
    pub agent: Option<String>,
    /// The person it speaks for, as their handle.
    pub person: Option<String>,
    /// When it stops working by itself.
    pub expires_at: Option<Millis>,
}

/// What makes no sense in a wish.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{member}`: {detail}")]
pub struct WrongWish {
    /// The member that is wrong.
    pub member: &'static str,
    /// A stable word for what is wrong with it.
    pub code: &'static str,
    /// The same for a person.
    pub detail: String,
}

impl KeyWish {
    /// Lets a wish on that makes sense at this time.
    ///
    /// # Errors
    /// The first member that does not.
    pub fn checked(self, now: Millis) -> Result<Self, WrongWish> {
        let wrong = |member, code, detail: String| Err(WrongWish { member, code, detail });
        for (member, text) in [("name", &self.name), ("agent", &self.agent), ("person", &self.person)] {
            let Some(text) = text else { continue };
            if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
                return wrong(member, "invalid_text", format!("1 to {MAX_TEXT} bytes without control characters"));
            }
        }
        if let Some(agent) = &self.agent {
            if self.scope != Scope::Ingest {
                let detail = "only an ingest key is bound to an agent; leave `agent` out";
                return wrong("agent", "not_here", detail.to_owned());
            }
            let letters =
                |pattern: &str| pattern.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:@/-*?".contains(&byte));
            if let Some(bad) = Binding::new(agent).patterns().find(|pattern| pattern.is_empty() || !letters(pattern)) {
                return wrong("agent", "invalid_id", format!("`{bad}` is no agent id and no glob with `*` and `?`"));
            }
        }
        if let Some(person) = &self.person
            && !person.starts_with('@')
        {
            return wrong("person", "invalid_handle", format!("`{person}` is no handle; write `@` and the name"));
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            let detail = "`expires_at` is a time in the future, in Unix milliseconds";
            return wrong("expires_at", "in_the_past", detail.to_owned());
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_makes_sense() {
        let wish = |scope| KeyWish { scope, name: None, agent: None, person: None, expires_at: None };
        let agent = |scope, text: &str| KeyWish { agent: Some(text.to_owned()), ..wish(scope) };
        let person = |text: &str| KeyWish { person: Some(text.to_owned()), ..wish(Scope::Read) };
        let cases = [
            (agent(Scope::Ingest, "ci/*, deployer"), ""),
            (KeyWish { name: Some("laptop".to_owned()), expires_at: Some(Millis(6)), ..person("@alice") }, ""),
            (agent(Scope::Read, "deployer"), "agent"),
            (agent(Scope::Ingest, "a b"), "agent"),
            (agent(Scope::Ingest, "a,,b"), "agent"),
            (person("alice"), "person"),
            (KeyWish { name: Some("a\nb".to_owned()), ..wish(Scope::Read) }, "name"),
            (KeyWish { expires_at: Some(Millis(5)), ..wish(Scope::Read) }, "expires_at"),
        ];
        for (wish, expect) in cases {
            let got = wish.clone().checked(Millis(5)).map_or_else(|wrong| wrong.member, |_| "");
            assert_eq!(got, expect, "{wish:?}");
        }
    }
}
