//! Who is asking: the extractor in front of every call that needs a key.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use mandate_core::change::KeyRow;
use mandate_core::dedupe::Identity;
use mandate_core::event::ActorKind;
use mandate_core::ownership::person_id;
use mandate_core::time::Millis;
use serde::Serialize;

use super::layer::RequestId;
use super::problem::{Code, Refused};
use crate::app::{App, TenantHandle};
use crate::auth::{Binding, Known, Rejected, Right};
use crate::input::{Asker, Input};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Leaves room for `#` and an index within the 256 bytes of an event's own key.
const MAX_IDEMPOTENCY_KEY: usize = 250;

/// Who is asking, with the tenant their key opens.
#[derive(Debug, Clone)]
pub struct Caller {
    app: App,
    /// The tenant.
    pub tenant: Arc<TenantHandle>,
    /// The key.
    pub known: Arc<Known>,
    /// From where, when the connection says.
    pub ip: Option<IpAddr>,
    /// With what.
    pub user_agent: Option<HeaderValue>,
    /// The request's id.
    pub request_id: HeaderValue,
    /// How the client named the call, so that a repeat does nothing twice.
    pub idempotency_key: Option<String>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let ip = peer(parts);
        let text = bearer(&parts.headers).ok_or("send an API key as `Authorization: Bearer mk_…`");
        let known = match text {
            Ok(text) => identify(app, text, ip)?,
            Err(hint) => {
                stranger(app, ip)?;
                return Err(Refused::new(Code::Unauthenticated, hint));
            }
        };
        Self::new(app, known, ip, parts)
    }
}

/// From where a request came, when the connection says.
pub(super) fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match key.to_str() {
        Ok(key) if (1..=MAX_IDEMPOTENCY_KEY).contains(&key.len()) => Ok(Some(key)),
        _ => Err(Refused::new(
            Code::InvalidRequest,
            format!("`Idempotency-Key` is 1 to {MAX_IDEMPOTENCY_KEY} visible ASCII letters"),
        )),
    }
}

/// The key in a request's headers.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, text) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| text.trim())
}

/// The key with this text, if it opens anything.
pub(super) fn identify(app: &App, text: &str, ip: Option<IpAddr>) -> Result<Arc<Known>, Refused> {
    match app.keys.find(text, app.env.now()) {
        Ok(known) => Ok(known),
        Err(rejected) => {
            stranger(app, ip)?;
            if let Rejected::Expired(known) | Rejected::Revoked(known) = &rejected {
                audit_rejected(app, known, ip);
            }
            Err(Refused::new(Code::Unauthenticated, rejected.to_string()))
        }
    }
}

/// Writes to the audit log that somebody uses a key whose time is over (ITG-3): it may have fallen into other hands.
fn audit_rejected(app: &App, known: &Known, ip: Option<IpAddr>) {
    let key = known.row.id;
    let Some(tenant) = app.tenants.get(&known.tenant) else { return };
    if app.http.audited.take(&[(key, 1)], app.env.now()).is_err() {
        return;
    }
    let asker = Asker {
        actor: format!("key:{key}"),
        key: Some(key),
        ip: ip.map(|ip| ip.to_string()),
        user_agent: None,
        once: None,
    };
    let entry = asker.did("key.use", format!("key:{key}")).refused();
    // The server is stopping: what is refused now is refused by being gone, too.
    let _ = tenant.intake.push_control(Input::Audit(entry));
}

/// Counts an attempt without a key that opens anything; too many from one address are told to wait (EVT-5).
fn stranger(app: &App, ip: Option<IpAddr>) -> Result<(), Refused> {
    let Some(ip) = ip else { return Ok(()) };
    app.http.strangers.take(&[(ip, 1)], app.env.now()).map_err(|wait| {
        Refused::new(Code::RateLimited, "too many requests without a usable API key; wait, then send a key")
            .retry_after(wait)
    })
}

impl Caller {
    /// Who has this key and sent this request.
    pub(super) fn new(app: &App, known: Arc<Known>, ip: Option<IpAddr>, parts: &Parts) -> Result<Self, Refused> {
        let tenant = app.tenants.get(&known.tenant).map(Arc::clone);
        let tenant = tenant.ok_or_else(|| Refused::internal("a key of a tenant that is not loaded"))?;
        let idempotency_key = idempotency_key(&parts.headers)?.map(str::to_owned);
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
        Ok(Self {
            app: app.clone(),
            tenant,
            known,
            ip,
            user_agent: parts.headers.get(header::USER_AGENT).cloned(),
            request_id: request_id.unwrap_or_else(|| HeaderValue::from_static("")),
            idempotency_key,
        })
    }

    /// The key's row.
    #[must_use]
    pub fn key(&self) -> &KeyRow {
        &self.known.row
    }

    /// The server's clock.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.app.env.now()
    }

    /// Lets a call go on that this key may make; a refused one is written to the audit log.
    ///
    /// # Errors
    /// 403 that says which scope is needed.
    pub fn may(&self, right: Right, call: &str) -> Result<(), Refused> {
        if right.is_given_by(self.key().scope) {
            return Ok(());
        }
        self.audit_refusal("access.refused", format!("call:{call}"));
        Err(Refused::forbidden(right, self.key().scope))
    }

    /// The agents the key is bound to; none when it may speak for all.
    #[must_use]
    pub fn binding(&self) -> Option<Binding<'_>> {
        self.key().agent.as_deref().map(Binding::new)
    }

    /// The sub-queue of what this key sends without naming an agent.
    #[must_use]
    pub fn queue(&self) -> String {
        let only = self.binding().and_then(|binding| binding.only()).map(str::to_owned);
        only.unwrap_or_else(|| format!("key:{}", self.key().id))
    }

    /// Takes what each actor's events cost (EVT-5).
    ///
    /// # Errors
    /// 429 when one sends too much; then nothing was taken from anybody.
    pub fn take_tokens<'a>(&self, counts: impl IntoIterator<Item = (&'a str, u32)>) -> Result<(), Refused> {
        let tenant = self.tenant.tenant.id;
        let wants: Vec<_> = counts.into_iter().map(|(actor, count)| ((tenant, actor.to_owned()), count)).collect();
        self.app.http.actors.take(&wants, self.app.env.now()).map_err(|wait| {
            let limit = self.app.settings.limits.actor_per_second;
            let detail = format!("an agent may send {limit} events a second; nothing was taken, send it again later");
            Refused::new(Code::RateLimited, detail).retry_after(wait)
        })
    }

    /// Writes a refusal to the audit log, unless this key filled its share of it: then to the server's log.
    pub fn audit_refusal(&self, action: &'static str, resource: String) {
        let key = self.key().id;
        if self.app.http.audited.take(&[(key, 1)], self.app.env.now()).is_err() {
            tracing::warn!(%key, action, resource, "a refusal was left out of the audit log: too many by this key");
            return;
        }
        let entry = self.asker().did(action, resource).refused();
        // The server is stopping: what is refused now is refused by being gone, too.
        let _ = self.tenant.intake.push_control(Input::Audit(entry));
    }

    /// An actor as the audit log may name it: a person by the id that stands for them.
    #[must_use]
    pub fn logged(&self, kind: ActorKind, id: &str) -> String {
        match kind {
            ActorKind::Human if !id.starts_with("person:") => {
                format!("person:{}", person_id(&self.tenant.tenant.secret, id))
            }
            _ => id.to_owned(),
        }
    }

    /// Writes to the audit log what an agent's client had to drop, so that the gap is known (EVT-9).
    pub fn note_dropped(&self, agent: &str, dropped: mandate_api::Dropped) {
        let mandate_api::Dropped { count, since, until } = dropped;
        tracing::warn!(agent, count, since, until, "a client dropped events while it could not reach us");
        if self.app.http.audited.take(&[(self.key().id, 1)], self.app.env.now()).is_err() {
            return;
        }
        let entry = self.asker().did("client.dropped", format!("agent:{agent}"));
        let entry = entry.with("count", count).with("since", since).with("until", until);
        // The server is stopping: the client was not answered, and will say it again.
        let _ = self.tenant.intake.push_control(Input::Audit(entry));
    }

    /// Who this is, for the audit log and for those who are told.
    #[must_use]
    pub fn asker(&self) -> Asker {
        let key = self.key();
        let actor = match &key.person {
            Some(handle) => format!("person:{}", person_id(&self.tenant.tenant.secret, handle)),
            None => format!("key:{}", key.id),
        };
        Asker {
            actor,
            key: Some(key.id),
            ip: self.ip.map(|ip| ip.to_string()),
            user_agent: self.user_agent.as_ref().and_then(|value| value.to_str().ok()).map(str::to_owned),
            once: None,
        }
    }

    /// The same, for a call that does nothing when it is repeated under its client's name for it. `content` is what the
    /// call says, with what it is about.
    #[must_use]
    pub fn asker_once(&self, call: &str, content: &impl Serialize) -> Asker {
        Asker { once: self.once(call, content), ..self.asker() }
    }

    /// What makes a repeat of a call the same one, when its client named it.
    #[must_use]
    pub fn once(&self, call: &str, content: &impl Serialize) -> Option<Identity> {
        let name = self.idempotency_key.as_deref()?;
        // INVARIANT: what calls take always serialises.
        let content = serde_json::to_vec(content).unwrap_or_default();
        let (now, secret) = (self.app.env.now(), &self.tenant.tenant.secret);
        Some(Identity::of_call(self.key().id, call, name, &content, now, secret))
    }
}
