//! What a client wants to hear.

use mandate_api::StreamFilter;
use mandate_core::change::EventRow;
use mandate_core::event::Decision;
use mandate_core::seal::SealedEvent;

use crate::http::events::address;

/// What a client wants to hear.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) events: bool,
    pub(super) notifications: bool,
    pub(super) agents: bool,
    /// Addresses of services, `service:ID`.
    services: Vec<String>,
    tags: Vec<String>,
    filter: StreamFilter,
}

impl Wanted {
    /// Reads the channels and the filter of a client.
    ///
    /// # Errors
    /// A code, and what is wrong with it.
    pub(super) fn read(channels: Option<&[String]>, filter: StreamFilter) -> Result<Self, (&'static str, String)> {
        if let Some(word) = &filter.decision
            && Decision::from_word(word).is_none()
        {
            let detail = format!("`{word}` is not a decision; it is one of {}", Decision::WORDS.join(", "));
            return Err(("invalid_filter", detail));
        }
        if let Some(resource) = &filter.resource {
            address(resource.clone()).map_err(|refused| ("invalid_filter", refused.detail().to_owned()))?;
        }
        let mut wanted = Self { filter, ..Self::default() };
        let Some(channels) = channels else {
            return Ok(Self { events: true, notifications: true, agents: true, ..wanted });
        };
        for channel in channels {
            match channel.split_once(':') {
                None if channel == "events" => wanted.events = true,
                None if channel == "notifications" => wanted.notifications = true,
                None if channel == "agents" => wanted.agents = true,
                Some(("service", id)) if !id.is_empty() => wanted.services.push(channel.clone()),
                Some(("tag", tag)) if !tag.is_empty() => wanted.tags.push(tag.to_owned()),
                None if channel == "incidents" => return Err(later(channel)),
                Some(("incident", _)) => return Err(later(channel)),
                _ => {
                    let detail = format!(
                        "`{channel}` is no channel; there are events, notifications, agents, service:ID and tag:T"
                    );
                    return Err(("unknown_channel", detail));
                }
            }
        }
        Ok(wanted)
    }

    /// Whether every event is wanted.
    pub(super) fn every_event(&self) -> bool {
        self.events && self.filter == StreamFilter::default()
    }

    /// Whether an event is wanted.
    pub(super) fn takes(&self, row: &EventRow) -> bool {
        fn is(asked: Option<&String>, has: Option<&str>) -> bool {
            asked.is_none_or(|asked| Some(asked.as_str()) == has)
        }
        let filter = &self.filter;
        is(filter.actor.as_ref(), row.actor.as_deref())
            && is(filter.kind.as_ref(), row.action.as_deref())
            && is(filter.session.as_ref(), row.session.as_deref())
            && is(filter.decision.as_ref(), Some(row.decision.as_str()))
            && filter.resource.as_ref().is_none_or(|resource| row.resources.contains(resource))
            && self.on_a_channel(row)
    }

    fn on_a_channel(&self, row: &EventRow) -> bool {
        self.events
            || self.services.iter().any(|service| row.resources.contains(service))
            || (!self.tags.is_empty() && self.has_tag(row))
    }

    fn has_tag(&self, row: &EventRow) -> bool {
        let Ok(event) = serde_json::from_slice::<SealedEvent>(&row.sealed) else { return false };
        let resources = event.scope.and_then(|scope| scope.resources).unwrap_or_default();
        resources.iter().flat_map(|resource| resource.tags.iter().flatten()).any(|tag| self.tags.contains(tag))
    }
}

fn later(channel: &str) -> (&'static str, String) {
    ("not_available", format!("the channel `{channel}` is not available yet"))
}

#[cfg(test)]
mod tests {
    use mandate_core::chain::Hash;
    use mandate_core::id::EventId;
    use mandate_core::time::Millis;

    use super::*;

    fn row() -> EventRow {
        EventRow {
            seq: 1,
            id: EventId(uuid::Uuid::nil()),
            position: 1,
            at: Millis(0),
            actor: Some("deployer".into()),
            action: Some("deploy".into()),
            session: None,
            decision: Decision::Monitored,
            resources: vec!["service:payments".into()],
            hash: Hash::GENESIS,
            sealed: Vec::new(),
            content: None,
            plan: Vec::new(),
        }
    }

    fn check(channels: Option<&[&str]>, filter: &str, expect: Result<bool, &str>) {
        let channels: Option<Vec<String>> = channels.map(|all| all.iter().map(|one| (*one).to_owned()).collect());
        let wanted = Wanted::read(channels.as_deref(), serde_json::from_str(filter).unwrap());
        let got = wanted.map(|wanted| wanted.takes(&row())).map_err(|(code, _)| code);
        assert_eq!(got, expect, "{channels:?} {filter}");
    }

    #[test]
    fn a_client_hears_what_it_asked_for() {
        check(None, "{}", Ok(true));
        check(Some(&["notifications"]), "{}", Ok(false));
        check(Some(&["service:payments"]), "{}", Ok(true));
        check(Some(&["service:other"]), "{}", Ok(false));
        check(Some(&["events"]), r#"{"actor":"deployer","type":"deploy","resource":"service:payments"}"#, Ok(true));
        check(Some(&["events"]), r#"{"actor":"other"}"#, Ok(false));
        check(Some(&["events"]), r#"{"session":"s"}"#, Ok(false));
        check(Some(&["events"]), r#"{"decision":"flagged"}"#, Ok(false));
        check(Some(&["events"]), r#"{"decision":"maybe"}"#, Err("invalid_filter"));
        check(None, r#"{"decision":"maybe"}"#, Err("invalid_filter"));
        check(None, r#"{"resource":"payments"}"#, Err("invalid_filter"));
        check(None, r#"{"resource":"servise:payments"}"#, Err("invalid_filter"));
        check(Some(&["incidents"]), "{}", Err("not_available"));
        check(Some(&["incident:1"]), "{}", Err("not_available"));
        check(Some(&["service:"]), "{}", Err("unknown_channel"));
    }
}
