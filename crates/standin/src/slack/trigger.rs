//! Trigger ids, which open one view within three seconds, and response URLs, which take five messages within half
//! an hour.

use std::collections::HashMap;

use super::refusal::Refusal;

/// How often a response URL may be used.
const USES: u32 = 5;
/// How long it lives, in milliseconds.
const LIFE: i64 = 30 * 60 * 1_000;

/// What a response URL answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) channel: String,
    pub(super) user: String,
    /// The message that was pressed; none for a slash command.
    pub(super) ts: Option<String>,
}

/// What was handed out with interactions.
#[derive(Default)]
pub(super) struct Handed {
    triggers: HashMap<String, Trigger>,
    responses: HashMap<String, Response>,
}

struct Trigger {
    user: String,
    expires_at: i64,
    used: bool,
}

struct Response {
    origin: Origin,
    expires_at: i64,
    uses: u32,
}

impl Handed {
    pub(super) fn trigger(&mut self, id: &str, user: &str, expires_at: i64) {
        let user = user.to_owned();
        self.triggers.insert(id.to_owned(), Trigger { user, expires_at, used: false });
    }

    pub(super) fn response(&mut self, path: &str, origin: Origin, now: i64) {
        self.responses.insert(path.to_owned(), Response { origin, expires_at: now + LIFE, uses: 0 });
    }

    /// Uses a trigger up; says who made it.
    pub(super) fn exchange(&mut self, id: &str, now: i64) -> Result<String, Refusal> {
        let trigger = self.triggers.get_mut(id).ok_or_else(|| Refusal::new("invalid_trigger_id"))?;
        if trigger.used {
            return Err(Refusal::new("exchanged_trigger_id"));
        }
        if now > trigger.expires_at {
            return Err(Refusal::new("expired_trigger_id"));
        }
        trigger.used = true;
        Ok(trigger.user.clone())
    }

    /// Counts a use of a response URL.
    pub(super) fn respond(&mut self, path: &str, now: i64) -> Result<Origin, &'static str> {
        let response = self.responses.get_mut(path).ok_or("no_service")?;
        if now > response.expires_at {
            return Err("expired_url");
        }
        if response.uses >= USES {
            return Err("used_url");
        }
        response.uses += 1;
        Ok(response.origin.clone())
    }
}
