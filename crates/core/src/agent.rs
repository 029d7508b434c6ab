//! Agents: first sight, pause and resume.

use crate::change::{AgentRow, EventRow};
use crate::event::{Actor, ActorKind};
use crate::time::Millis;

impl AgentRow {
    /// An agent that nobody heard of before.
    #[must_use]
    pub fn unknown(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind: ActorKind::Agent,
            name: None,
            framework: None,
            first_seen_at: None,
            paused: false,
            version: 0,
            reason: None,
            by: None,
            since: None,
        }
    }

    /// Takes in what an event says of its actor. Says whether anything is new; never of a person, whom nobody pauses.
    pub fn sighted(&mut self, actor: &Actor, at: Millis) -> bool {
        if actor.kind == ActorKind::Human {
            return false;
        }
        let before = self.clone();
        self.kind = actor.kind;
        self.name = actor.name.clone().or(self.name.take());
        self.framework = actor.framework.clone().or(self.framework.take());
        self.first_seen_at = self.first_seen_at.or(Some(at));
        *self != before
    }

    /// Pauses or resumes. Says whether that changed anything: the same again with the same reason does not.
    pub fn set_paused(&mut self, paused: bool, reason: Option<&str>, by: &str, at: Millis) -> bool {
        let same_reason = !paused || self.reason.as_deref() == reason;
        if self.paused == paused && same_reason {
            return false;
        }
        self.paused = paused;
        self.version += 1;
        self.reason = reason.map(str::to_owned);
        self.by = Some(by.to_owned());
        self.since = Some(at);
        true
    }
}

impl EventRow {
    /// The agent that acted; none when it was a person, or nobody that is known.
    #[must_use]
    pub fn agent(&self) -> Option<&str> {
        self.actor.as_deref().filter(|actor| !actor.starts_with("person:"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_holds_whatever_is_seen_later() {
        let mut row = AgentRow::unknown("deployer");
        assert!(row.set_paused(true, Some("bad deploys"), "person:1", Millis(5)));
        assert!(!row.set_paused(true, Some("bad deploys"), "person:2", Millis(6)), "the same again is no change");
        assert!(row.set_paused(true, Some("worse"), "person:2", Millis(6)), "another reason is told");
        let actor = Actor { framework: Some("mcp".into()), id: "deployer".into(), name: None, kind: ActorKind::Agent };
        assert!(row.sighted(&actor, Millis(7)));
        assert!(!row.sighted(&actor, Millis(8)));
        assert_eq!((row.paused, row.version, row.first_seen_at), (true, 2, Some(Millis(7))));
        assert!(row.set_paused(false, None, "person:1", Millis(9)));
        assert!(!row.set_paused(false, Some("again"), "person:1", Millis(9)));
        assert_eq!(row.version, 3);
    }

    #[test]
    fn a_person_is_no_agent() {
        let mut row = AgentRow::unknown("person:1");
        let actor = Actor { framework: None, id: "person:1".into(), name: None, kind: ActorKind::Human };
        assert!(!row.sighted(&actor, Millis(1)));
        assert_eq!(row, AgentRow::unknown("person:1"));
    }
}
