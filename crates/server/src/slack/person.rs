//! Who did something in Slack: a person of `ownership.yaml`, by the contact that is theirs.

use std::sync::Arc;

use mandate_connect::channel::slack::address::SlackUser;
use mandate_core::change::Scope;
use mandate_core::dedupe::Identity;
use mandate_core::id::{KeyId, PersonId};
use mandate_core::time::Millis;

use crate::app::{App, TenantHandle};
use crate::channel::slack::SlackChannel;
use crate::input::{Asker, Input};

/// A known person.
#[derive(Debug)]
pub(super) struct Presser {
    /// The tenant that knows them.
    pub(super) tenant: Arc<TenantHandle>,
    /// As logs name them.
    pub(super) id: PersonId,
    /// As people name them.
    pub(super) handle: String,
    /// What they may do: answer, or everything when they look after Mandate.
    scope: Scope,
}

/// Somebody who is no contact of anybody, and what can be done about it.
#[derive(Debug)]
pub(super) struct Stranger {
    pub(super) words: String,
    pub(super) lines: Option<String>,
}

/// The person whose contact a user of the workspace is. The user's team must be the workspace's own: an id means
/// nothing elsewhere.
pub(super) async fn find(app: &App, channel: &SlackChannel, who: &SlackUser) -> Result<Presser, Stranger> {
    let identity = channel.identity().await.map_err(|_| Stranger {
        words: "Mandate cannot find out which workspace this is; try again in a moment".to_owned(),
        lines: None,
    })?;
    if identity.team != who.team {
        let words = "you belong to another workspace than the one Mandate is installed in, so nothing was done";
        return Err(Stranger { words: words.to_owned(), lines: None });
    }
    let found = app.tenants.values().find_map(|tenant| {
        let snapshot = tenant.snapshot.borrow().clone();
        let person = snapshot.directory.people().find(|person| {
            let mut contacts = person.contacts.iter();
            contacts.any(|contact| contact.channel == channel.name && contact.address.as_deref() == Some(&*who.user))
        })?;
        let name = format!("person:{}", person.id);
        let is_admin = snapshot.looks_after(&name);
        let scope = if is_admin { Scope::Admin } else { Scope::Respond };
        Some(Presser { tenant: Arc::clone(tenant), id: person.id, handle: person.handle.to_string(), scope })
    });
    found.ok_or_else(|| Stranger {
        words:
            "Mandate does not know you, so nothing was done. Add these lines to `people:` in ownership.yaml, with your \
                own handle:"
                .to_owned(),
        lines: Some(format!("- handle: \"@you\"\n  contacts: [{{channel: {}, address: {}}}]", channel.name, who.user)),
    })
}

impl Presser {
    /// Why they may not do what needs this scope; none when they may.
    pub(super) fn objection(&self, needs: Scope) -> Option<String> {
        (needs == Scope::Admin && self.scope != Scope::Admin).then(|| {
            "only those who look after Mandate (`admins` in mandate.yaml) may do this, so nothing was done".to_owned()
        })
    }

    /// Records that they were refused.
    pub(super) fn audit_refusal(&self, what: &str) {
        let entry = self.asker().did("access.refused", format!("slack:{what}")).refused();
        // The server is stopping: what is refused now is refused by being gone, too.
        let _ = self.tenant.intake.push_control(Input::Audit(entry));
    }

    /// Who asks, for what has no second delivery.
    pub(super) fn asker(&self) -> Asker {
        Asker {
            actor: format!("person:{}", self.id),
            key: None,
            ip: None,
            user_agent: Some("Slack".to_owned()),
            once: None,
        }
    }

    /// Who asks, and what makes a second delivery the same.
    pub(super) fn asker_once(&self, dedupe: &str, now: Millis) -> Asker {
        let client = KeyId(self.id.0);
        let once = Identity::of_call(client, "slack", dedupe, b"", now, &self.tenant.tenant.secret);
        Asker { once: Some(once), ..self.asker() }
    }
}
