//! Whom a rule tells.

use std::fmt;
use std::sync::Arc;

use crate::diagnostic::nearest;

/// One entry of a rule's `notify` (RTE-4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// `resource.owners`: whoever owns the resource, with the fallback behind them.
    ResourceOwners,
    /// `resource.team.oncall`: who is on call in the owning team; the whole team until schedules exist.
    TeamOncall,
    /// `resource.team.lead`: the lead of the owning team.
    TeamLead,
    /// `@x`: a person or a team.
    Handle(Arc<str>),
    /// `#x`: a chat channel.
    Channel(Arc<str>),
    /// `pagerduty:SERVICE`.
    PagerDuty(Arc<str>),
    /// `playbook:NAME`.
    Playbook(Arc<str>),
    /// `email:ADDRESS`.
    Email(Arc<str>),
    /// A bare name: an escalation.
    Escalation(Arc<str>),
}

const WORDS: [&str; 3] = ["resource.owners", "resource.team.oncall", "resource.team.lead"];
const SCHEMES: [&str; 3] = ["pagerduty", "playbook", "email"];

impl Target {
    /// Reads a target as files write it; handles and channels keep their `@` and `#`.
    ///
    /// # Errors
    /// Says what is wrong with it, and the nearest target when there is one.
    pub fn parse(text: &str) -> Result<Self, (String, Option<String>)> {
        let named = |name: &str| -> Result<Arc<str>, (String, Option<String>)> {
            if name.is_empty() || name.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
                return Err((format!("`{text}` is not a name; it may not be empty or hold spaces"), None));
            }
            Ok(name.into())
        };
        match text {
            "resource.owners" => return Ok(Self::ResourceOwners),
            "resource.team.oncall" => return Ok(Self::TeamOncall),
            "resource.team.lead" => return Ok(Self::TeamLead),
            _ => {}
        }
        if let Some(name) = text.strip_prefix('@') {
            return named(name).map(|_| Self::Handle(text.into()));
        }
        if let Some(name) = text.strip_prefix('#') {
            return named(name).map(|_| Self::Channel(text.into()));
        }
        if text.starts_with("resource.") {
            let help = nearest(text, WORDS)
                .map_or_else(|| format!("one of `{}`", WORDS.join("`, `")), |near| format!("did you mean `{near}`?"));
            return Err((format!("`{text}` is nobody to tell"), Some(help)));
        }
        let Some((scheme, name)) = text.split_once(':') else {
            if let Some(near) = nearest(text, WORDS) {
                return Err((format!("`{text}` is nobody to tell"), Some(format!("did you mean `{near}`?"))));
            }
            return named(text).map(Self::Escalation);
        };
        let name = named(name)?;
        match scheme {
            "pagerduty" => Ok(Self::PagerDuty(name)),
            "playbook" => Ok(Self::Playbook(name)),
            "email" if !name.contains('@') => Err((format!("`{name}` is not an e-mail address"), None)),
            "email" => Ok(Self::Email(name)),
            _ => {
                let help = nearest(scheme, SCHEMES).map(|near| format!("did you mean `{near}:`?"));
                let help = help.or_else(|| Some("one of `pagerduty:`, `playbook:`, `email:`".to_owned()));
                Err((format!("`{scheme}:` is no kind of target"), help))
            }
        }
    }

    /// Whether notices can go there in this version; those that cannot go to the fallback instead.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        matches!(self, Self::ResourceOwners | Self::TeamOncall | Self::TeamLead | Self::Handle(_))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResourceOwners => f.write_str("resource.owners"),
            Self::TeamOncall => f.write_str("resource.team.oncall"),
            Self::TeamLead => f.write_str("resource.team.lead"),
            Self::Handle(name) | Self::Channel(name) | Self::Escalation(name) => f.write_str(name),
            Self::PagerDuty(name) => write!(f, "pagerduty:{name}"),
            Self::Playbook(name) => write!(f, "playbook:{name}"),
            Self::Email(name) => write!(f, "email:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_reads_back_as_it_was_written() {
        for text in [
            "resource.owners",
            "resource.team.oncall",
            "resource.team.lead",
            "@alice",
            "#payments",
            "pagerduty:checkout",
            "playbook:restart-payments",
            "email:oncall@acme.example",
            "default-escalation",
        ] {
            assert_eq!(Target::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_nobody_says_so() {
        let help = |text: &str| Target::parse(text).expect_err(text).1.unwrap_or_default();
        assert_eq!(help("resource.owner"), "did you mean `resource.owners`?");
        assert_eq!(help("resource.id"), "one of `resource.owners`, `resource.team.oncall`, `resource.team.lead`");
        assert_eq!(help("pagerdty:x"), "did you mean `pagerduty:`?");
        for text in ["", "@", "#", "@a b", "email:", "email:nobody", "smoke:signal"] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
    }
}
