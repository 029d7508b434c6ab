//! The store itself, while no server holds it: keys, export, verification.

use std::sync::Arc;

use mandate_core::change::{KeyRow, Scope};
use mandate_core::id::{KeyId, TenantId, uuid_v7};
use mandate_core::{audit, seal, storm};
use mandate_store::{Address, OpenOptions, Store, Tenant};
use serde_json::Value;
use tokio::sync::oneshot;

use super::verify::{self, Finding, Verdict, Verifier};
use crate::auth::{self, KeyWish};
use crate::env::Env;
use crate::input::{Asker, CreateKeyInput, Input, Refusal, Reply, RevokeKeyInput};
use crate::writer::Writer;

/// How many rows one short transaction reads.
const PAGE: u32 = 1_000;

/// One of the two logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// What agents did.
    Events,
    /// What was done to Mandate.
    Audit,
}

/// A key to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyDraft {
    /// `ingest`, `read`, `respond` or `admin`.
    pub scope: String,
    /// What people call it.
    pub name: Option<String>,
    /// The agents it is bound to.
    pub agent: Option<String>,
    /// The person it speaks for, as their handle.
    pub person: Option<String>,
}

/// The store of one tenant, opened without a server.
#[derive(Debug)]
pub struct OfflineStore {
    store: Store,
    tenant: Tenant,
    env: Env,
}

impl OfflineStore {
    /// Opens the store at an address, `sqlite:PATH` or `postgres://…`, for the tenant of this name; with `make`,
    /// store and tenant are made when there are none.
    ///
    /// # Errors
    /// Says what is in the way, such as the process that holds the store.
    pub async fn open(address: &str, tenant: &str, make: bool, env: Env) -> Result<Self, String> {
        let address: Address = address.parse().map_err(|error: mandate_store::Error| error.to_string())?;
        if let (Address::Sqlite(path), false) = (&address, make)
            && !path.exists()
        {
            return Err(format!("there is no store at `{}`", path.display()));
        }
        let store = Store::open(&address, OpenOptions { alone: true, ..OpenOptions::default() })
            .await
            .map_err(|error| error.to_string())?;
        let found = match store.tenant(tenant).await.map_err(|error| error.to_string())? {
            None if make => {
                let id = TenantId(uuid_v7(env.now(), env.random()));
                let made = store.create_tenant(tenant, id, env.random(), env.random()).await;
                Some(made.map_err(|error| error.to_string())?)
            }
            found => found,
        };
        match found {
            Some(tenant) => Ok(Self { store, tenant, env }),
            None => {
                let known: Vec<String> = store
                    .tenants()
                    .await
                    .unwrap_or_default()
                    .into_iter()
                    .map(|tenant| format!("`{}`", tenant.name))
                    .collect();
                store.close().await;
                let known = if known.is_empty() {
                    "it has none yet".to_owned()
                } else {
                    format!("it has {}", known.join(", "))
                };
                Err(format!("the store has no tenant `{tenant}`; {known}"))
            }
        }
    }

    /// Lets go of the store.
    pub async fn close(self) {
        self.store.close().await;
    }

    /// Every key, revoked ones too, oldest first.
    ///
    /// # Errors
    /// What the store said.
    pub async fn keys(&self) -> Result<Vec<mandate_api::Key>, String> {
        let rows = self.store.keys(self.tenant.id).await.map_err(|error| error.to_string())?;
        rows.into_iter().map(|row| shown(&row)).collect()
    }

    /// Makes a key, in the audit log as the command line's doing; gives its text, which is never shown again.
    ///
    /// # Errors
    /// Says what is wrong with the draft, or what the store said.
    pub async fn create_key(&self, draft: KeyDraft) -> Result<mandate_api::NewKey, String> {
        let scope = Scope::from_word(&draft.scope)
            .ok_or_else(|| format!("`{}` is no scope; use one of {}", draft.scope, Scope::WORDS.join(", ")))?;
        let KeyDraft { name, agent, person, .. } = draft;
        let wish = KeyWish { scope, name, agent, person, expires_at: None };
        let wish = wish.checked(self.env.now()).map_err(|wrong| wrong.to_string())?;
        let (key, row) = auth::generate(&self.env, wish);
        let row = self.ask(|reply| Input::CreateKey(CreateKeyInput { row, by: command_line(), reply })).await?;
        Ok(mandate_api::NewKey { key, row: shown(&row)? })
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// Says that there is none of this id, or what the store said.
    pub async fn revoke_key(&self, id: &str) -> Result<mandate_api::Key, String> {
        let id: KeyId = id.parse().map_err(|_| format!("`{id}` is no key's id; `mandate keys list` shows them"))?;
        let row = self.ask(|reply| Input::RevokeKey(RevokeKeyInput { id, by: command_line(), reply })).await?;
        shown(&row)
    }

    /// Hands the writer one input, as a server would.
    async fn ask<T>(&self, input: impl FnOnce(Reply<T>) -> Input) -> Result<T, String> {
        let mut writer = Writer::new(
            self.env.clone(),
            self.store.clone(),
            self.tenant.clone(),
            Arc::default(),
            storm::Settings::default(),
        );
        writer.load().await.map_err(|error| error.to_string())?;
        let (reply, answer) = oneshot::channel();
        writer.step(vec![input(reply)]).await;
        answer.await.unwrap_or(Err(Refusal::Stopping)).map_err(|refusal| refusal.to_string())
    }

    /// The entries of a log from a place on, as exports have them, at most a page; empty at the end.
    ///
    /// # Errors
    /// What the store said, or which row cannot be read.
    pub async fn export(&self, log: Log, from: i64) -> Result<Vec<Value>, String> {
        match log {
            Log::Events => {
                let rows =
                    self.store.events_from(self.tenant.id, from, PAGE).await.map_err(|error| error.to_string())?;
                let one = |stored: &mandate_store::StoredEvent| {
                    let row = &stored.row;
                    seal::stored_form(&row.sealed, row.content.as_deref(), row.hash, stored.erased.as_ref())
                        .map_err(|error| format!("event {}: {error}", row.seq))
                };
                rows.iter().map(one).collect()
            }
            Log::Audit => {
                let rows =
                    self.store.audit_from(self.tenant.id, from, PAGE).await.map_err(|error| error.to_string())?;
                rows.iter()
                    .map(|row| audit::stored_form(row).map_err(|error| format!("audit entry {}: {error}", row.seq)))
                    .collect()
            }
        }
    }

    /// Walks both chains against `verifier`'s receipts and checkpoints and the store's own, compares every
    /// derived column with the sealed bytes, and both ends with the head.
    ///
    /// # Errors
    /// What the store said.
    pub async fn verify(&self, mut verifier: Verifier) -> Result<Verdict, String> {
        let said = |error: mandate_store::Error| error.to_string();
        let tenant = self.tenant.id;
        let mut after = (0, -1);
        loop {
            let rows = self.store.checkpoints(tenant, after, PAGE).await.map_err(said)?;
            let Some(last) = rows.last() else { break };
            after = (last.events.seq, last.audit.seq);
            rows.into_iter().for_each(|row| verifier.add_checkpoint(row, "the store"));
        }
        let head = self.store.head(tenant).await.map_err(said)?;
        let mut from = 1;
        loop {
            let rows = self.store.events_from(tenant, from, PAGE).await.map_err(said)?;
            let Some(last) = rows.last() else { break };
            for stored in &rows {
                verifier.event(verify::Seen::of_event(stored));
                for detail in verify::derived(&stored.row) {
                    verifier.found(Finding::derived(stored.row.seq, detail));
                }
            }
            let lost = self.store.unindexed_resources(tenant, from, last.row.seq).await.map_err(said)?;
            for (seq, resource) in lost {
                let detail = format!("entry {seq} touches `{resource}`, which a search by resource would not find");
                verifier.found(Finding::derived(seq, detail));
            }
            from = last.row.seq.saturating_add(1);
        }
        let mut from = 1;
        loop {
            let rows = self.store.audit_from(tenant, from, PAGE).await.map_err(said)?;
            let Some(last) = rows.last() else { break };
            rows.iter().for_each(|row| verifier.audit_entry(verify::Seen::of_audit(row)));
            from = last.seq.saturating_add(1);
        }
        verifier.against_head(head.events, head.audit);
        Ok(verifier.finish())
    }
}

/// Who asks when nobody but the machine's own user can.
fn command_line() -> Asker {
    Asker { user_agent: Some("mandate keys --store".to_owned()), ..Asker::system() }
}

fn shown(row: &KeyRow) -> Result<mandate_api::Key, String> {
    let word = serde_json::Value::String(row.scope.to_string());
    Ok(mandate_api::Key {
        id: row.id.0,
        scope: serde_json::from_value(word).map_err(|error| error.to_string())?,
        name: row.name.clone(),
        agent: row.agent.clone(),
        person: row.person.clone(),
        created_at: row.created_at.0,
        expires_at: row.expires_at.map(|at| at.0),
        revoked_at: row.revoked_at.map(|at| at.0),
    })
}
