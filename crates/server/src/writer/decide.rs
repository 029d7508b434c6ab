//! Deciding one batch: each input in turn is observed, planned and applied. Synchronous, no I/O.

mod respond;
mod storm;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mandate_core::audit::{self, AuditEntry};
use mandate_core::chain::Hash;
use mandate_core::change::{
    AgentRow, Changes, ConfigRow, EventRow, FeedEntry, Head, HistoryRow, KeyRow, NotificationRow, OutcomeRow, ReviewRow,
};
use mandate_core::checkpoint;
use mandate_core::dedupe::Known;
use mandate_core::delivery::{self, Next};
use mandate_core::event::{Decision, Flag, Times};
use mandate_core::history::{History, Observed, Seen};
use mandate_core::id::{ConfigId, EventId, IdSource, NotificationId};
use mandate_core::plan::{self, Process, Snapshot, Why};
use mandate_core::review;
use mandate_core::seal::{self, Assigned, SealedRouting};
use mandate_core::storm::Storm;
use mandate_core::time::Millis;
use mandate_store::{Erasure, Tenant};
use uuid::Uuid;

use super::lookup::View;
use crate::env::Env;
use crate::input::{
    AgentStateInput, Agents, ApplyConfigInput, Asker, CreateKeyInput, Delivery, EraseInput, EventsInput, Input,
    ItemAnswer, OutcomeInput, Prepared, Recorded, Refusal, Responded, RevokeKeyInput,
};

/// What an input's sender is told once the batch is committed.
#[derive(Debug)]
pub(super) enum Answer {
    Events(Vec<ItemAnswer>),
    Outcome(bool),
    Agents(Vec<AgentRow>),
    Responded(Box<Responded>),
    Key(KeyRow),
    Config(ConfigId, Hash),
    Done,
    Refused(Refusal),
}

impl Answer {
    /// Gives the answer to whoever waits for the input; nobody may wait any more.
    pub(super) fn give(self, input: Input) {
        fn send<T>(reply: crate::input::Reply<T>, answer: Result<T, Refusal>) {
            let _ = reply.send(answer);
        }
        match (input, self) {
            (Input::Events(input), Self::Events(items)) => send(input.reply, Ok(items)),
            (Input::Events(input), Self::Refused(refusal)) => send(input.reply, Err(refusal)),
            (Input::Outcome(input), Self::Outcome(first)) => send(input.reply, Ok(first)),
            (Input::Outcome(input), Self::Refused(refusal)) => send(input.reply, Err(refusal)),
            (Input::AgentState(input), Self::Agents(rows)) => send(input.reply, Ok(rows)),
            (Input::AgentState(input), Self::Refused(refusal)) => send(input.reply, Err(refusal)),
            (Input::Respond(input), Self::Responded(responded)) => send(input.reply, Ok(*responded)),
            (Input::Respond(input), Self::Refused(refusal)) => send(input.reply, Err(refusal)),
            (Input::CreateKey(input), Self::Key(row)) => send(input.reply, Ok(row)),
            (Input::CreateKey(input), Self::Refused(refusal)) => send(input.reply, Err(refusal)),
            (Input::RevokeKey(input), Self::Key(row)) => send(input.reply, Ok(row)),
            (Input::RevokeKey(input), Self::Refused(refusal)) => send(input.reply, Err(refusal)),
            (Input::ApplyConfig(input), Self::Config(id, hash)) => send(input.reply, Ok((id, hash))),
            (Input::ApplyConfig(input), Self::Refused(refusal)) => send(input.reply, Err(refusal)),
            (Input::Erase(input), Self::Done) => send(input.reply, Ok(())),
            (Input::Erase(input), Self::Refused(refusal)) => send(input.reply, Err(refusal)),
            // Nobody waits for deliveries, audit entries and ticks.
            _ => {}
        }
    }
}

/// What a batch came to.
pub(super) struct Decided {
    pub(super) changes: Changes,
    pub(super) head: Head,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) checkpointed: (Millis, i64, i64),
    pub(super) broken: BTreeSet<Arc<str>>,
    pub(super) erasures: Vec<Erasure>,
    /// How many of the events touched something that nobody owns.
    pub(super) unowned: u64,
}

/// Works through one batch.
pub(super) struct Decider<'a> {
    env: &'a Env,
    tenant: &'a Tenant,
    process: &'a Process,
    snapshot: Arc<Snapshot>,
    history: &'a mut History,
    storm: &'a mut Storm,
    /// Messages that no longer wait for their first sending.
    left_queue: usize,
    /// Channels that are known to be broken, and lanes of which something was given up.
    broken: BTreeSet<Arc<str>>,
    view: View,
    head: Head,
    ids: IdSource,
    now: Millis,
    checkpointed: (Millis, i64, i64),
    changes: Changes,
    /// Rows of agents that this batch changed; whether their state changed too.
    agents: BTreeMap<String, AgentRow>,
    erasures: Vec<Erasure>,
    first_event: i64,
    /// The history is kept beside a checkpoint, as it is at the end of the batch.
    keep_history: bool,
    unowned: u64,
}

impl<'a> Decider<'a> {
    #[expect(clippy::too_many_arguments, reason = "one call site; each is a part of the writer's state")]
    pub(super) fn new(
        env: &'a Env,
        tenant: &'a Tenant,
        process: &'a Process,
        snapshot: Arc<Snapshot>,
        history: &'a mut History,
        storm: &'a mut Storm,
        broken: BTreeSet<Arc<str>>,
        view: View,
        head: Head,
        now: Millis,
        checkpointed: (Millis, i64, i64),
    ) -> Self {
        Self {
            env,
            tenant,
            process,
            snapshot,
            history,
            storm,
            left_queue: 0,
            broken,
            view,
            head,
            ids: IdSource::after(head.last_id_at),
            now,
            checkpointed,
            changes: Changes::default(),
            agents: BTreeMap::new(),
            erasures: Vec::new(),
            first_event: head.events.next_seq(),
            keep_history: false,
            unowned: 0,
        }
    }

    /// Decides one input. A call that its client named and sent before is not carried out again.
    pub(super) fn decide(&mut self, input: &Input) -> Answer {
        let Some(once) = input.once() else { return self.carry_out(input) };
        match once.judge(self.now, |key| self.view.seen.get(&key).copied()) {
            Known::New(key) => {
                let answer = self.carry_out(input);
                if !matches!(answer, Answer::Refused(_)) {
                    let filed = once.filed(key, self.head.position);
                    self.view.seen.insert(key, filed);
                    self.changes.seen.push(filed);
                }
                answer
            }
            Known::Same { .. } => self.again(input),
            Known::Reused(_) => Answer::Refused(Refusal::Conflict(
                "this `Idempotency-Key` was used for the same call with another content; name each call anew"
                    .to_owned(),
            )),
        }
    }

    /// The answer to a call that was carried out before.
    fn again(&mut self, input: &Input) -> Answer {
        match input {
            Input::Outcome(_) => Answer::Outcome(true),
            Input::AgentState(state) => {
                let ids = self.named(&state.agents);
                Answer::Agents(ids.iter().map(|id| self.agent_row(id)).collect())
            }
            Input::Respond(respond) => self.responded_before(respond),
            Input::RevokeKey(revoke) => self.revoke_key(revoke),
            _ => Answer::Refused(Refusal::Conflict(
                "an earlier call with this `Idempotency-Key` made a key, whose text is kept nowhere; list the keys, revoke \
                 that one and make another"
                    .to_owned(),
            )),
        }
    }

    fn carry_out(&mut self, input: &Input) -> Answer {
        match input {
            Input::Events(events) => Answer::Events(self.events(events)),
            Input::Outcome(outcome) => self.outcome(outcome),
            Input::AgentState(state) => self.agent_state(state),
            Input::Respond(respond) => self.respond(respond),
            Input::Deliveries(deliveries) => self.deliveries(deliveries),
            Input::CreateKey(create) => self.create_key(create),
            Input::RevokeKey(revoke) => self.revoke_key(revoke),
            Input::ApplyConfig(apply) => self.apply_config(apply),
            Input::Alert(trouble) => {
                let cause = Uuid::from_bytes(self.env.random());
                self.alert(cause, trouble);
                Answer::Done
            }
            Input::Audit(entry) => {
                self.audit(entry.clone());
                Answer::Done
            }
            Input::Erase(erase) => self.erase(erase),
            Input::Tick => {
                self.tell_overdue();
                self.checkpoint(false)
            }
            Input::Checkpoint => self.checkpoint(true),
        }
    }

    /// Closes the batch.
    pub(super) fn finish(mut self) -> Decided {
        self.tell_due();
        self.changes.agents = self.agents.into_values().collect();
        let last_event = self.head.events.seq;
        if last_event >= self.first_event {
            // Events come first in the feed of a commit: their positions were given as they were decided.
            self.changes.feed.insert(0, FeedEntry::Events { from: self.first_event, to: last_event });
        }
        self.head.position += self.changes.positions();
        if self.keep_history {
            // INVARIANT: texts and integers always serialise.
            let body = serde_json::to_vec(&*self.history).unwrap_or_default();
            let (position, event_seq) = (self.head.position, self.head.events.seq);
            self.changes.history = Some(HistoryRow { position, event_seq, body });
        }
        self.head.last_id_at = self.ids.last().max(self.head.last_id_at);
        Decided {
            changes: self.changes,
            head: self.head,
            snapshot: self.snapshot,
            checkpointed: self.checkpointed,
            broken: self.broken,
            erasures: self.erasures,
            unowned: self.unowned,
        }
    }

    fn events(&mut self, input: &EventsInput) -> Vec<ItemAnswer> {
        self.changes.rejected.extend(input.rejected.iter().cloned());
        input
            .items
            .iter()
            .map(|item| {
                let known = item.identity.judge(self.now, |key| self.view.seen.get(&key).copied());
                match known {
                    Known::New(key) => ItemAnswer::Accepted(self.event(input, item, key, false)),
                    Known::Reused(key) => ItemAnswer::Accepted(self.event(input, item, key, true)),
                    Known::Same { seq } => match self.view.repeated.get(&seq) {
                        Some(first) => ItemAnswer::Duplicate(first.clone()),
                        // The row it was filed with is gone (retention): it is new again.
                        None => match item.identity.lookups().next() {
                            Some(key) => ItemAnswer::Accepted(self.event(input, item, key, false)),
                            None => ItemAnswer::Invalid(Vec::new()),
                        },
                    },
                }
            })
            .collect()
    }

    fn event(
        &mut self,
        input: &EventsInput,
        item: &Prepared,
        key: mandate_core::change::SeenKey,
        reused: bool,
    ) -> Recorded {
        let captured = self.snapshot.captured(&item.submission);
        let submission = captured.as_ref().unwrap_or(&item.submission);
        let times = Times {
            timestamp: submission.timestamp.unwrap_or(input.received_at),
            received_at: input.received_at,
            processed_at: self.now,
        };
        let id = EventId(self.ids.next(self.now, self.env.random()));
        let seen = Seen::of(submission, self.now);
        let observed = Observed { key_reused: reused, ..self.history.observe(seen) };
        let plan = plan::plan(&self.snapshot, &observed, submission, id, times);
        let is_unowned = plan.flags.contains(Flag::Unowned) || plan.flags.contains(Flag::NoResource);
        self.unowned += u64::from(is_unowned);

        let at = if plan.flags.contains(Flag::ClockSkew) { times.received_at } else { times.timestamp };
        let routing = SealedRouting {
            decision: plan.decision,
            notifications_planned: u32::try_from(plan.notices.len()).unwrap_or(u32::MAX),
            rule_matched: plan.rule.to_string(),
        };
        let (sealed, tip) = seal::seal(
            submission,
            Assigned {
                tenant: self.tenant.id,
                id,
                key: input.key,
                times,
                flags: plan.flags.clone(),
                routing: routing.clone(),
                tip: self.head.events,
                content_hash: item.content.hash,
            },
        );
        let mut resources: Vec<String> = submission.resources().iter().map(|resource| resource.address()).collect();
        resources.sort_unstable();
        resources.dedup();
        self.changes.events.push(EventRow {
            seq: tip.seq,
            id,
            position: self.head.position + 1 + (tip.seq - self.first_event),
            at,
            actor: submission.actor_id().map(str::to_owned),
            action: submission.action_type().map(str::to_owned),
            session: submission.session_id().map(str::to_owned),
            decision: plan.decision,
            resources,
            hash: tip.hash,
            sealed,
            content: Some(item.content.bytes.clone()),
            plan: plan.record(&self.snapshot, &observed),
        });
        self.notify(&plan, submission, tip);
        if plan.decision == Decision::Flagged {
            let within = plan.review_within.unwrap_or(review::WITHIN);
            let row = ReviewRow::open(id, tip.seq, &format!("rule:{}", plan.rule), self.now, within);
            self.changes.reviews.push(row);
        }
        let filed = item.identity.filed(key, tip.seq);
        self.view.seen.insert(key, filed);
        self.changes.seen.push(filed);
        self.head.events = tip;
        if let (Some(seen), Some(actor)) = (seen, &submission.actor) {
            if self.history.actor(&actor.id).is_none() {
                let mut row = self.agent_row(&actor.id);
                if row.sighted(actor, self.now) {
                    self.agents.insert(row.id.clone(), row);
                }
                // Whom the configuration names is known by the name it gives.
                if let Some(person) = &item.person
                    && self.snapshot.directory.by_id(person.id).is_none()
                {
                    self.changes.people.push(person.clone());
                }
            }
            self.history.apply(seen);
        }
        let recorded = Recorded { id, tip, routing };
        self.view.repeated.insert(tip.seq, recorded.clone());
        recorded
    }

    /// Writes a notice that is born without an event.
    fn tell(&mut self, row: NotificationRow) {
        self.changes.feed.push(FeedEntry::Notification { id: row.id });
        self.changes.notifications.push(row);
    }

    fn outcome(&mut self, input: &OutcomeInput) -> Answer {
        let Some(event) = self.view.events.get(&input.event) else {
            return Answer::Refused(Refusal::NotFound(format!("the event `{}`", input.event)));
        };
        let actor = event.actor.clone();
        if let Some(bound) = &input.bound_to
            && !crate::auth::Binding::new(bound).allows(actor.as_deref().unwrap_or_default())
        {
            let refused = AuditEntry::done(by_key(input.key), "event.outcome", format!("event:{}", input.event));
            self.audit(refused.refused().with_key(input.key));
            let detail = format!("the key is bound to `{bound}`, which did not do this");
            return Answer::Refused(Refusal::NotYours(detail));
        }
        if !self.view.outcomes.insert(input.event) {
            return Answer::Outcome(false);
        }
        if let Some(actor) = &actor
            && input.failed
        {
            self.history.apply_failure(actor, self.now);
        }
        let row = OutcomeRow { event: input.event, at: self.now, failed: input.failed, body: input.body.clone() };
        self.changes.outcomes.push(row);
        self.changes.feed.push(FeedEntry::Outcome { event: input.event });
        let status = if input.failed { "failed" } else { "completed" };
        let entry = AuditEntry::done(by_key(input.key), "event.outcome", format!("event:{}", input.event));
        self.audit(entry.with_key(input.key).with("new_value", status));
        Answer::Outcome(true)
    }

    fn agent_row(&self, id: &str) -> AgentRow {
        let known = self.agents.get(id).or_else(|| self.view.agents.get(id));
        known.cloned().unwrap_or_else(|| AgentRow::unknown(id))
    }

    /// The ids of the agents that are meant.
    fn named(&self, agents: &Agents) -> Vec<String> {
        match agents {
            Agents::One(id) => vec![id.clone()],
            Agents::All => {
                let mut ids: Vec<String> = self.view.agents.keys().chain(self.agents.keys()).cloned().collect();
                ids.sort_unstable();
                ids.dedup();
                ids
            }
        }
    }

    fn agent_state(&mut self, input: &AgentStateInput) -> Answer {
        let ids = self.named(&input.agents);
        let pause = |id: &String| self.set_paused(id, input.paused, input.reason.as_deref(), &input.by);
        Answer::Agents(ids.iter().map(pause).collect())
    }

    /// Pauses or resumes one agent; gives it as it is then.
    fn set_paused(&mut self, id: &str, paused: bool, reason: Option<&str>, by: &Asker) -> AgentRow {
        let word = |paused| if paused { "paused" } else { "running" };
        let mut row = self.agent_row(id);
        let before = word(row.paused);
        if row.set_paused(paused, reason, &by.actor, self.now) {
            let action = if paused { "agent.pause" } else { "agent.resume" };
            let mut entry = by.did(action, format!("agent:{id}"));
            entry = entry.with("old_value", before).with("new_value", word(row.paused));
            if let Some(reason) = reason {
                entry = entry.with("reason", reason);
            }
            self.audit(entry);
            self.changes.feed.push(FeedEntry::Agent { id: id.to_owned() });
            self.agents.insert(id.to_owned(), row.clone());
        }
        row
    }

    fn deliveries(&mut self, deliveries: &[Delivery]) -> Answer {
        for delivery in deliveries {
            let mut row = delivery.row.clone();
            let [jitter] = self.env.random::<1>();
            let next = delivery::after_attempt(&mut row, &delivery.attempt, self.now, jitter, self.storm.edit_every());
            let hands_on = matches!(next, Next::Alternate | Next::WaitAndAlternate);
            let alternate = if hands_on { self.tell_alternate(&row) } else { None };
            self.regroup(delivery, &row, next, alternate);
            self.watch_channel(&row, &delivery.attempt.answer, next);
            if let (Some(seq), Some(at)) = (row.event_seq, row.delivered_at) {
                // Somebody may answer it in this very batch.
                self.view.first_sent.entry(seq).or_insert(at);
            }
            self.changes.feed.push(FeedEntry::Notification { id: row.id });
            self.changes.deliveries.push(row);
        }
        Answer::Done
    }

    /// Those who look after Mandate are told once that a channel is broken, and once that it did not take what one
    /// recipient was to get, until it works again (NTF-4).
    fn watch_channel(&mut self, row: &NotificationRow, answer: &delivery::Answer, next: Next) {
        let channel = || Arc::clone(&row.channel);
        let (known_by, trouble) = match answer {
            delivery::Answer::Sent { .. } => {
                self.broken.remove(&row.channel);
                self.broken.remove(&row.lane);
                return;
            }
            delivery::Answer::Broken { why } => {
                (&row.channel, Why::ChannelBroken { channel: channel(), said: why.clone() })
            }
            delivery::Answer::Refused { why } => (&row.lane, Why::NotTaken { channel: channel(), said: why.clone() }),
            delivery::Answer::Retry { why, .. } if matches!(next, Next::Alternate | Next::GiveUp) => {
                (&row.lane, Why::NotTaken { channel: channel(), said: why.clone() })
            }
            delivery::Answer::Retry { .. } => return,
        };
        if next == Next::LeaveAsItIs && known_by == &row.lane {
            // The recipient was told; that the message no longer says how things stand is in its log.
            return;
        }
        if self.broken.insert(Arc::clone(known_by)) {
            self.alert(row.id.0, &trouble);
        }
    }

    fn alert(&mut self, cause: Uuid, trouble: &Why) {
        for alert in plan::alert(&self.snapshot, cause, trouble, self.now) {
            self.tell(alert);
        }
    }

    fn tell_alternate(&mut self, row: &NotificationRow) -> Option<NotificationId> {
        let alternate = plan::alternate(&self.snapshot, row, self.now);
        let id = alternate.as_ref().map(|row| row.id);
        match alternate {
            Some(alternate) => self.tell(alternate),
            None => tracing::error!(
                notification = %row.id, recipient = %row.recipient, channel = %row.channel,
                "a notice did not arrive and no alternate channel is left; see `fallback` in mandate.yaml"
            ),
        }
        id
    }

    fn create_key(&mut self, input: &CreateKeyInput) -> Answer {
        let entry = input.by.did("key.create", format!("key:{}", input.row.id));
        let agent = input.row.agent.clone().unwrap_or_default();
        self.audit(entry.with("new_value", input.row.scope.as_str()).with("agent", agent));
        self.changes.feed.push(FeedEntry::Key { id: input.row.id });
        self.changes.keys.push(input.row.clone());
        Answer::Key(input.row.clone())
    }

    fn revoke_key(&mut self, input: &RevokeKeyInput) -> Answer {
        let Some(mut row) = self.view.keys.get(&input.id).cloned() else {
            return Answer::Refused(Refusal::NotFound(format!("the key `{}`", input.id)));
        };
        if row.revoked_at.is_none() {
            row.revoked_at = Some(self.now);
            self.audit(input.by.did("key.revoke", format!("key:{}", input.id)));
            self.changes.feed.push(FeedEntry::Key { id: input.id });
            self.changes.keys.push(row.clone());
            self.view.keys.insert(input.id, row.clone());
        }
        Answer::Key(row)
    }

    fn apply_config(&mut self, input: &ApplyConfigInput) -> Answer {
        let (snapshot, problems) = Snapshot::load(&input.files, self.process, &self.tenant.secret);
        if let Some(problem) = problems.iter().find(|problem| problem.is_error()) {
            let place = format!("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message);
            return Answer::Refused(Refusal::Invalid(place));
        }
        let files = serde_json::to_vec(&input.files).unwrap_or_default();
        let (old, hash) = (self.snapshot.id, snapshot.id);
        if let Some(id) = self.head.config
            && old == hash
        {
            return Answer::Config(id, hash);
        }
        let id = ConfigId(self.ids.next(self.now, self.env.random()));
        let row = ConfigRow { id, hash, files, at: self.now, by: input.by.actor.clone() };
        let entry = input.by.did("config.apply", format!("config:{id}"));
        self.audit(entry.with("old_value", old.to_string()).with("new_value", hash.to_string()));
        self.changes.people.extend(snapshot.people());
        self.changes.configs.push(row);
        self.changes.feed.push(FeedEntry::Config { id });
        self.head.config = Some(id);
        self.snapshot = Arc::new(snapshot);
        Answer::Config(id, hash)
    }

    fn erase(&mut self, input: &EraseInput) -> Answer {
        let Some(event) = self.view.events.get(&input.event) else {
            return Answer::Refused(Refusal::NotFound(format!("the event `{}`", input.event)));
        };
        if event.content.is_some() {
            let seq = event.seq;
            let entry = input.by.did(mandate_store::ERASE_ACTION, format!("event:{}", input.event));
            self.audit(entry.with("reason", input.reason.as_str()));
            self.erasures.push(Erasure {
                event: input.event,
                seq,
                audit_seq: self.head.audit.seq,
                at: self.now,
                reason: input.reason.clone(),
            });
        }
        Answer::Done
    }

    /// A checkpoint of the chains and of the history, when anything was added and one is due or wanted now.
    fn checkpoint(&mut self, now: bool) -> Answer {
        let (at, events, audit) = self.checkpointed;
        let moved = self.head.events.seq > events || self.head.audit.seq > audit;
        let due = self.now.since(at) >= checkpoint::EVERY || self.head.events.seq - events >= checkpoint::EVERY_EVENTS;
        if moved && (now || due) {
            let (tenant, head) = (self.tenant, self.head);
            let row = checkpoint::sign(tenant.id, self.now, head.events, head.audit, &tenant.signing_seed);
            self.checkpointed = (self.now, head.events.seq, head.audit.seq);
            self.changes.checkpoints.push(row);
            self.keep_history = true;
        }
        Answer::Done
    }

    fn audit(&mut self, entry: AuditEntry) {
        let (row, tip) = audit::seal(entry, self.tenant.id, self.now, self.head.audit, self.env.random());
        self.head.audit = tip;
        self.changes.audit.push(row);
    }
}

fn by_key(key: Option<mandate_core::id::KeyId>) -> String {
    key.map_or_else(|| "system".to_owned(), |key| format!("key:{key}"))
}
