//! Walks both chains and says what is wrong with them, and where: in an export line by line, or in the store.
//!
//! [`Verifier`] is fed receipts and checkpoints first, then events in order, then audit entries in order;
//! [`Verifier::finish`] compares the ends and the erasures of one log with the other's.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use mandate_core::audit::{AuditRow, SealedAudit};
use mandate_core::chain::{Break, BreakKind, Checker, Entry, Hash, Tip};
use mandate_core::change::{CheckpointRow, EventRow};
use mandate_core::event::Flag;
use mandate_core::id::TenantId;
use mandate_core::seal::{Parts, SealedEvent, from_stored_form};
use mandate_core::{checkpoint, json};
use mandate_store::{ERASE_ACTION, StoredEvent};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `events`, `audit` or `checkpoints`.
    pub log: &'static str,
    /// The line of the export.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What, and at which place of the chain.
    #[serde(flatten)]
    pub found: Break,
}

impl Finding {
    pub(super) fn derived(seq: i64, detail: String) -> Self {
        Self { log: "events", line: None, found: Break { seq, kind: BreakKind::DerivedChanged, detail } }
    }

    /// The kind's word, such as `missing`.
    #[must_use]
    pub fn kind(&self) -> String {
        serde_json::to_value(self.found.kind).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// How one chain ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainVerdict {
    /// How many entries were read.
    pub entries: u64,
    /// How many of them had their content erased.
    pub erased: u64,
    /// The last entry's place and hash.
    pub head: Tip,
}

/// What a whole verification came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// The chain of events.
    pub events: ChainVerdict,
    /// The audit chain; null when it was not read, and then erasures are not matched.
    pub audit: Option<ChainVerdict>,
    /// How many receipts were compared.
    pub receipts: u64,
    /// How many checkpoints were compared.
    pub checkpoints: u64,
    /// The last event that a checkpoint speaks for; 0 without any.
    pub checkpoints_reach: i64,
    /// The keys that signed them, hex. Whose they are, the reader must know.
    pub signed_by: Vec<String>,
    /// What is wrong, in the order it was found.
    pub findings: Vec<Finding>,
}

/// One stored entry of either chain, taken apart.
pub(super) struct Seen<'a> {
    line: Option<u64>,
    seq: i64,
    hash: Hash,
    sealed: Cow<'a, [u8]>,
    content: Option<Cow<'a, [u8]>>,
    /// Whether it says that its content was erased.
    marked: bool,
}

impl<'a> Seen<'a> {
    pub(super) fn of_event(stored: &'a StoredEvent) -> Self {
        let row = &stored.row;
        Self {
            line: None,
            seq: row.seq,
            hash: row.hash,
            sealed: Cow::Borrowed(&row.sealed),
            content: row.content.as_deref().map(Cow::Borrowed),
            marked: stored.erased.is_some(),
        }
    }

    pub(super) fn of_audit(row: &'a AuditRow) -> Self {
        Self {
            line: None,
            seq: row.seq,
            hash: row.hash,
            sealed: Cow::Borrowed(&row.sealed),
            content: row.content.as_deref().map(Cow::Borrowed),
            marked: row.content.is_none(),
        }
    }
}

/// What somebody kept of a place in a chain.
#[derive(Debug)]
struct Anchor {
    hash: Hash,
    source: String,
}

/// One chain on its way to a verdict.
#[derive(Debug)]
struct Chain {
    log: &'static str,
    checker: Checker,
    anchors: BTreeMap<i64, Vec<Anchor>>,
    /// Places found missing, by their finding, so that one that turns up later is named as out of its place.
    missing: BTreeMap<i64, usize>,
}

impl Chain {
    fn new(log: &'static str) -> Self {
        Self { log, checker: Checker::after(Tip::EMPTY), anchors: BTreeMap::new(), missing: BTreeMap::new() }
    }

    fn anchor(&mut self, tip: Tip, source: String) {
        if tip.seq > 0 {
            self.anchors.entry(tip.seq).or_default().push(Anchor { hash: tip.hash, source });
        }
    }

    fn next(&mut self, seen: &Seen<'_>, findings: &mut Vec<Finding>) {
        let (log, line) = (self.log, seen.line);
        let entry = Entry { seq: seen.seq, hash: seen.hash, sealed: &seen.sealed, content: seen.content.as_deref() };
        let expected = self.checker.tip().next_seq();
        for mut found in self.checker.next(entry) {
            match found.kind {
                BreakKind::Missing => {
                    self.missing.extend((expected..seen.seq).map(|seq| (seq, findings.len())));
                }
                BreakKind::NotLinked if seen.seq < expected => {
                    if let Some(at) = self.missing.remove(&seen.seq)
                        && let Some(told) = findings.get_mut(at)
                        && !self.missing.values().any(|other| *other == at)
                    {
                        // Nothing is missing there: it only stands further down.
                        let seq = seen.seq;
                        told.found.kind = BreakKind::NotLinked;
                        told.found.detail =
                            format!("entry {seq} does not stand in its place; it was swapped with a later one");
                        continue;
                    }
                    found.detail = format!("entry {} stands again, after entry {}", seen.seq, expected - 1);
                }
                _ => {}
            }
            findings.push(Finding { log, line, found });
        }
        for anchor in self.anchors.get(&seen.seq).into_iter().flatten().filter(|anchor| anchor.hash != seen.hash) {
            let detail =
                format!("entry {} is {}, but {} holds {} for it", seen.seq, seen.hash, anchor.source, anchor.hash);
            findings.push(Finding { log, line, found: Break { seq: seen.seq, kind: BreakKind::Rewritten, detail } });
        }
    }

    fn end(&self, findings: &mut Vec<Finding>) -> ChainVerdict {
        let head = self.checker.tip();
        if let Some((seq, anchor)) = self
            .anchors
            .range(head.seq.saturating_add(1)..)
            .next_back()
            .and_then(|(seq, all)| Some((seq, all.first()?)))
        {
            let detail = format!("the chain ends with entry {}, but {} has entry {seq}", head.seq, anchor.source);
            let found = Break { seq: head.next_seq(), kind: BreakKind::TailLost, detail };
            findings.push(Finding { log: self.log, line: None, found });
        }
        let (entries, erased) = self.checker.counts();
        ChainVerdict { entries, erased, head }
    }
}

/// Checks both chains, entry by entry.
#[derive(Debug)]
pub struct Verifier {
    events: Chain,
    audit: Chain,
    /// Whether the audit log was read, be it empty.
    audit_was_read: bool,
    tenant: Option<TenantId>,
    receipts: u64,
    checkpoints: Vec<(CheckpointRow, String)>,
    /// Erased events, by the name that audit entries give them.
    erased: BTreeMap<String, i64>,
    audited: BTreeSet<String>,
    findings: Vec<Finding>,
}

impl Default for Verifier {
    fn default() -> Self {
        Self {
            events: Chain::new("events"),
            audit: Chain::new("audit"),
            audit_was_read: false,
            tenant: None,
            receipts: 0,
            checkpoints: Vec::new(),
            erased: BTreeMap::new(),
            audited: BTreeSet::new(),
            findings: Vec::new(),
        }
    }
}

impl Verifier {
    /// Takes a receipt, `{"seq", "hash"}` and whatever else; `source` names it in findings. Before the events.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn add_receipt(&mut self, text: &str, source: &str) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Receipt {
            seq: i64,
            hash: Hash,
        }
        let receipt: Receipt = serde_json::from_str(text).map_err(|error| error.to_string())?;
        self.receipts += 1;
        self.events.anchor(Tip { seq: receipt.seq, hash: receipt.hash }, source.to_owned());
        Ok(())
    }

    /// Takes a checkpoint as the server writes them. Before the events.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn add_checkpoint_text(&mut self, text: &str, source: &str) -> Result<(), String> {
        let row: CheckpointRow = serde_json::from_str(text).map_err(|error| error.to_string())?;
        self.add_checkpoint(row, source);
        Ok(())
    }

    pub(super) fn add_checkpoint(&mut self, row: CheckpointRow, source: &str) {
        let name = format!("the checkpoint of {} in {source}", row.at.rfc3339());
        self.events.anchor(row.events, name.clone());
        self.audit.anchor(row.audit, name.clone());
        self.checkpoints.push((row, name));
    }

    /// Takes one line of an export of events.
    ///
    /// # Errors
    /// Says what makes it no stored event.
    pub fn event_line(&mut self, line: u64, text: &str) -> Result<(), String> {
        let event = json::read_stored(text).map_err(|error| error.to_string())?;
        let marked = event.get("erased").is_some();
        let Parts { seq, hash, sealed, content } = from_stored_form(&event)?;
        let content = content.map(Cow::Owned);
        self.event(Seen { line: Some(line), seq, hash, sealed: Cow::Owned(sealed), content, marked });
        Ok(())
    }

    /// Takes one line of an export of the audit log.
    ///
    /// # Errors
    /// Says what makes it no audit entry.
    pub fn audit_line(&mut self, line: u64, text: &str) -> Result<(), String> {
        let read = json::read_stored(text).map_err(|error| error.to_string())?;
        let Value::Object(mut entry) = read else { return Err("an audit entry is a JSON object".to_owned()) };
        let marked = entry.remove("erased").is_some();
        let hash = entry.remove("hash").and_then(|hash| Hash::parse(hash.as_str()?)).ok_or("`hash` is missing")?;
        let seq = entry.get("seq").and_then(Value::as_i64).ok_or("`seq` is missing")?;
        let parts: Map<String, Value> =
            ["content", "salt"].into_iter().filter_map(|name| Some((name.to_owned(), entry.remove(name)?))).collect();
        let content = (!parts.is_empty()).then(|| Cow::Owned(json::canonical(&Value::Object(parts))));
        let sealed = Cow::Owned(json::canonical(&Value::Object(entry)));
        self.audit_entry(Seen { line: Some(line), seq, hash, sealed, content, marked });
        Ok(())
    }

    /// Says that an audit export is there, so that erasures are matched even when it is empty.
    pub fn expect_audit(&mut self) {
        self.audit_was_read = true;
    }

    pub(super) fn event(&mut self, seen: Seen<'_>) {
        self.events.next(&seen, &mut self.findings);
        let Ok(event) = serde_json::from_slice::<SealedEvent>(&seen.sealed) else { return };
        let (seq, line) = (seen.seq, seen.line);
        let mut found =
            |kind, detail| self.findings.push(Finding { log: "events", line, found: Break { seq, kind, detail } });
        let tenant = *self.tenant.get_or_insert(event.tenant_id);
        if tenant != event.tenant_id {
            found(BreakKind::NotLinked, format!("entry {seq} belongs to another tenant, {}", event.tenant_id));
        }
        match (seen.content.is_some(), seen.marked) {
            (false, false) => {
                found(
                    BreakKind::ContentChanged,
                    format!("the content of entry {seq} is gone, and nothing says that it was erased"),
                );
            }
            (true, true) => {
                found(BreakKind::ContentChanged, format!("entry {seq} is said to be erased, but has its content"));
            }
            (false, true) => drop(self.erased.insert(format!("event:{}", event.id), seq)),
            (true, false) => {}
        }
    }

    pub(super) fn audit_entry(&mut self, seen: Seen<'_>) {
        self.audit_was_read = true;
        self.audit.next(&seen, &mut self.findings);
        let Ok(entry) = serde_json::from_slice::<SealedAudit>(&seen.sealed) else { return };
        let (seq, line) = (seen.seq, seen.line);
        let mut found =
            |kind, detail| self.findings.push(Finding { log: "audit", line, found: Break { seq, kind, detail } });
        let tenant = *self.tenant.get_or_insert(entry.tenant_id);
        if tenant != entry.tenant_id {
            found(BreakKind::NotLinked, format!("entry {seq} belongs to another tenant, {}", entry.tenant_id));
        }
        if seen.content.is_none() && !seen.marked {
            found(
                BreakKind::ContentChanged,
                format!("the content of entry {seq} is gone, and nothing says that it was erased"),
            );
        }
        if entry.action == ERASE_ACTION {
            self.audited.insert(entry.resource);
        }
    }

    pub(super) fn found(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Compares both ends with what the store's head says.
    pub(super) fn against_head(&mut self, events: Tip, audit: Tip) {
        self.audit_was_read = true;
        for (chain, head) in [(&self.events, events), (&self.audit, audit)] {
            let found = chain.checker.against_head(head);
            self.findings.extend(found.map(|found| Finding { log: chain.log, line: None, found }));
        }
    }

    /// Compares the ends with receipts and checkpoints, and erasures with the audit log.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        let mut findings = std::mem::take(&mut self.findings);
        let events = self.events.end(&mut findings);
        let audit = self.audit_was_read.then(|| self.audit.end(&mut findings));
        if self.audit_was_read {
            for (name, seq) in &self.erased {
                if !self.audited.contains(name) {
                    let detail = format!("entry {seq} is erased, but the audit log does not say so");
                    let found = Break { seq: *seq, kind: BreakKind::ContentChanged, detail };
                    findings.push(Finding { log: "events", line: None, found });
                }
            }
        }
        for (row, name) in &self.checkpoints {
            if self.tenant.is_some_and(|tenant| !checkpoint::is_genuine(tenant, row)) {
                let detail = format!("{name} does not carry the signature of its key");
                let found = Break { seq: row.events.seq, kind: BreakKind::Changed, detail };
                findings.push(Finding { log: "checkpoints", line: None, found });
            }
        }
        let signed_by: BTreeSet<String> = self.checkpoints.iter().map(|(row, _)| row.public_key.clone()).collect();
        Verdict {
            ok: findings.is_empty(),
            events,
            audit,
            receipts: self.receipts,
            checkpoints: self.checkpoints.len() as u64,
            checkpoints_reach: self.checkpoints.iter().map(|(row, _)| row.events.seq).max().unwrap_or(0),
            signed_by: signed_by.into_iter().collect(),
            findings,
        }
    }
}

/// What stands beside an event's sealed bytes in the store and disagrees with them, in words.
pub(super) fn derived(row: &EventRow) -> Vec<String> {
    // Sealed bytes that cannot be read are the chain's finding.
    let Ok(event) = serde_json::from_slice::<SealedEvent>(&row.sealed) else { return Vec::new() };
    let at = if event.flags.contains(Flag::ClockSkew) { event.received_at } else { event.timestamp };
    let touched = event.scope.iter().filter_map(|scope| scope.resources.as_ref()).flatten();
    let mut resources: Vec<String> = touched.map(|resource| resource.address()).collect();
    resources.sort_unstable();
    resources.dedup();
    let columns = [
        ("id", row.id.to_string(), event.id.to_string()),
        ("at", row.at.0.to_string(), at.0.to_string()),
        ("actor", shown(row.actor.as_deref()), shown(event.actor.as_ref().map(|actor| actor.id.as_str()))),
        (
            "action",
            shown(row.action.as_deref()),
            shown(event.action.as_ref().and_then(|action| action.kind.as_deref())),
        ),
        (
            "session",
            shown(row.session.as_deref()),
            shown(event.metadata.as_ref().and_then(|metadata| metadata.session_id.as_deref())),
        ),
        ("decision", row.decision.to_string(), event.routing.decision.to_string()),
        ("resources", row.resources.join(" "), resources.join(" ")),
    ];
    let differ = columns.into_iter().filter(|(_, column, sealed)| column != sealed);
    differ
        .map(|(name, column, sealed)| {
            format!("the column `{name}` of entry {} says `{column}`, the sealed event `{sealed}`", row.seq)
        })
        .collect()
}

fn shown(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}
