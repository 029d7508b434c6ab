-- Tables whose key is `no` hold a tenant's entries in order: no = tenant << 44 | place. One integer key needs no
-- second index, and each tenant's entries lie together.

CREATE TABLE tenant (
  no INTEGER PRIMARY KEY CHECK (no BETWEEN 1 AND 524287),
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  name TEXT NOT NULL UNIQUE,
  secret BLOB NOT NULL CHECK (length(secret) = 32),
  signing_seed BLOB NOT NULL CHECK (length(signing_seed) = 32)
) STRICT;

CREATE TABLE head (
  tenant INTEGER PRIMARY KEY REFERENCES tenant (no),
  position INTEGER NOT NULL,
  event_seq INTEGER NOT NULL,
  event_hash BLOB NOT NULL,
  audit_seq INTEGER NOT NULL,
  audit_hash BLOB NOT NULL,
  last_id_at INTEGER NOT NULL,
  config BLOB
) STRICT;

CREATE TABLE event (
  no INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  position INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT,
  action TEXT,
  session TEXT,
  decision TEXT NOT NULL,
  resources TEXT NOT NULL,
  hash BLOB NOT NULL,
  sealed BLOB NOT NULL,
  content BLOB,
  plan BLOB NOT NULL,
  tenant INTEGER GENERATED ALWAYS AS (no >> 44) VIRTUAL,
  seq INTEGER GENERATED ALWAYS AS (no & 17592186044415) VIRTUAL
) STRICT;
CREATE UNIQUE INDEX event_by_id ON event (tenant, id);
-- The key stands at the end of every index entry, so this one is in chain order within an actor.
CREATE INDEX event_by_actor ON event (tenant, actor);

CREATE TABLE event_resource (
  tenant INTEGER NOT NULL,
  resource TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (tenant, resource, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE erased (
  tenant INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  audit_seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (tenant, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  no INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  hash BLOB NOT NULL,
  sealed BLOB NOT NULL,
  content BLOB,
  tenant INTEGER GENERATED ALWAYS AS (no >> 44) VIRTUAL,
  seq INTEGER GENERATED ALWAYS AS (no & 17592186044415) VIRTUAL
) STRICT;

CREATE TABLE checkpoint (
  tenant INTEGER NOT NULL,
  event_seq INTEGER NOT NULL,
  audit_seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  event_hash BLOB NOT NULL,
  audit_hash BLOB NOT NULL,
  public_key TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (tenant, event_seq, audit_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE notification (
  tenant INTEGER NOT NULL,
  id BLOB NOT NULL,
  event_seq INTEGER,
  recipient TEXT NOT NULL,
  channel TEXT NOT NULL,
  lane TEXT NOT NULL,
  urgency TEXT NOT NULL,
  impact TEXT,
  reason BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  lease_until INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  log BLOB NOT NULL,
  delivered_at INTEGER,
  receipt TEXT,
  edition INTEGER NOT NULL,
  settled INTEGER NOT NULL,
  told_in BLOB,
  because TEXT,
  waits INTEGER NOT NULL GENERATED ALWAYS AS
    (state = 'queued' OR (state = 'delivered' AND receipt IS NOT NULL AND edition > settled)) STORED
) STRICT;
CREATE UNIQUE INDEX notification_by_id ON notification (tenant, id);
CREATE INDEX notification_by_event ON notification (tenant, event_seq) WHERE event_seq IS NOT NULL;
CREATE INDEX notification_waits ON notification (tenant, lane, due_at) WHERE waits;
CREATE INDEX notification_told_in ON notification (tenant, told_in, created_at) WHERE told_in IS NOT NULL;
CREATE INDEX notification_held ON notification (tenant, told_in) WHERE state = 'held';

-- What people answered. A note stands in the erasable half of the audit entry.
CREATE TABLE response (
  tenant INTEGER NOT NULL,
  id BLOB NOT NULL,
  notification BLOB NOT NULL,
  event_seq INTEGER,
  intervention TEXT NOT NULL,
  undoes BLOB,
  assignee TEXT,
  by TEXT NOT NULL,
  via TEXT NOT NULL,
  at INTEGER NOT NULL,
  since_sent INTEGER,
  first INTEGER NOT NULL,
  effect TEXT NOT NULL,
  audit_seq INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX response_by_id ON response (tenant, id);
CREATE INDEX response_by_notification ON response (tenant, notification);
CREATE INDEX response_by_event ON response (tenant, event_seq) WHERE event_seq IS NOT NULL;

CREATE TABLE review (
  tenant INTEGER NOT NULL,
  event_seq INTEGER NOT NULL,
  event BLOB NOT NULL,
  opened_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  opened_by TEXT NOT NULL,
  closed_at INTEGER,
  closed_by TEXT,
  escalated_at INTEGER,
  PRIMARY KEY (tenant, event_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX review_open ON review (tenant, due_at, event_seq) WHERE closed_at IS NULL;
CREATE INDEX review_overdue ON review (tenant, due_at) WHERE closed_at IS NULL AND escalated_at IS NULL;
CREATE INDEX review_closed ON review (tenant, closed_at, event_seq) WHERE closed_at IS NOT NULL;

CREATE TABLE outcome (
  tenant INTEGER NOT NULL,
  event BLOB NOT NULL,
  at INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (tenant, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE rejected (
  tenant INTEGER NOT NULL,
  id BLOB NOT NULL,
  at INTEGER NOT NULL,
  key BLOB NOT NULL,
  errors BLOB NOT NULL,
  item TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT;

CREATE TABLE seen (
  tenant INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  digest BLOB NOT NULL,
  content BLOB NOT NULL,
  seq INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, hour, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent (
  tenant INTEGER NOT NULL,
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT,
  framework TEXT,
  first_seen_at INTEGER,
  paused INTEGER NOT NULL,
  version INTEGER NOT NULL,
  reason TEXT,
  by TEXT,
  since INTEGER,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
  tenant INTEGER NOT NULL,
  id BLOB NOT NULL,
  hash BLOB NOT NULL,
  scope TEXT NOT NULL,
  name TEXT,
  agent TEXT,
  person TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE config (
  tenant INTEGER NOT NULL,
  id BLOB NOT NULL,
  hash BLOB NOT NULL,
  files BLOB NOT NULL,
  at INTEGER NOT NULL,
  by TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX config_by_id ON config (tenant, id);

CREATE TABLE person (
  tenant INTEGER NOT NULL,
  id BLOB NOT NULL,
  handle TEXT NOT NULL,
  name TEXT,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
  tenant INTEGER PRIMARY KEY,
  position INTEGER NOT NULL,
  event_seq INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;

-- One row a commit; the key's place is the last position it covers.
CREATE TABLE feed (
  no INTEGER PRIMARY KEY,
  first INTEGER NOT NULL,
  entries TEXT NOT NULL,
  tenant INTEGER GENERATED ALWAYS AS (no >> 44) VIRTUAL,
  last INTEGER GENERATED ALWAYS AS (no & 17592186044415) VIRTUAL
) STRICT;

-- Logs are only added to. REPLACE fires the delete triggers because connections set recursive_triggers.

CREATE TRIGGER event_never_goes BEFORE DELETE ON event
BEGIN SELECT RAISE (ABORT, 'append-only: an event never goes'); END;

CREATE TRIGGER event_never_changes
BEFORE UPDATE OF no, id, position, at, actor, action, session, decision, resources, hash, sealed, plan ON event
BEGIN SELECT RAISE (ABORT, 'append-only: an event never changes'); END;

CREATE TRIGGER event_erase_door BEFORE UPDATE OF content ON event
WHEN new.content IS NOT NULL
  OR NOT EXISTS (SELECT 1 FROM erased WHERE tenant = old.no >> 44 AND seq = old.no & 17592186044415)
BEGIN SELECT RAISE (ABORT, 'append-only: content goes only with a record of its erasure'); END;

-- The head moves last in a transaction, so an audit entry beyond it was written in this one.
CREATE TRIGGER erased_needs_audit BEFORE INSERT ON erased
WHEN NOT EXISTS (
  SELECT 1 FROM audit a, head h, event e
  WHERE a.no = (new.tenant << 44) | new.audit_seq AND h.tenant = new.tenant AND new.audit_seq > h.audit_seq
    AND e.no = (new.tenant << 44) | new.seq
    AND json_extract(CAST(a.sealed AS TEXT), '$.action') = 'event.erase'
    AND json_extract(CAST(a.sealed AS TEXT), '$.resource') = 'event:' || lower(
      substr(hex(e.id), 1, 8) || '-' || substr(hex(e.id), 9, 4) || '-' || substr(hex(e.id), 13, 4) || '-'
      || substr(hex(e.id), 17, 4) || '-' || substr(hex(e.id), 21)))
BEGIN SELECT RAISE (ABORT, 'append-only: an erasure needs its audit entry in the same transaction'); END;

CREATE TRIGGER erased_never_goes BEFORE DELETE ON erased
BEGIN SELECT RAISE (ABORT, 'append-only: the record of an erasure never goes'); END;

CREATE TRIGGER erased_never_changes BEFORE UPDATE ON erased
BEGIN SELECT RAISE (ABORT, 'append-only: the record of an erasure never changes'); END;

CREATE TRIGGER event_resource_never_goes BEFORE DELETE ON event_resource
BEGIN SELECT RAISE (ABORT, 'append-only: what an event touched never goes'); END;

CREATE TRIGGER event_resource_never_changes BEFORE UPDATE ON event_resource
BEGIN SELECT RAISE (ABORT, 'append-only: what an event touched never changes'); END;

CREATE TRIGGER audit_never_goes BEFORE DELETE ON audit
BEGIN SELECT RAISE (ABORT, 'append-only: an audit entry never goes'); END;

CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit
BEGIN SELECT RAISE (ABORT, 'append-only: an audit entry never changes'); END;

CREATE TRIGGER checkpoint_never_goes BEFORE DELETE ON checkpoint
BEGIN SELECT RAISE (ABORT, 'append-only: a checkpoint never goes'); END;

CREATE TRIGGER checkpoint_never_changes BEFORE UPDATE ON checkpoint
BEGIN SELECT RAISE (ABORT, 'append-only: a checkpoint never changes'); END;

CREATE TRIGGER config_never_goes BEFORE DELETE ON config
BEGIN SELECT RAISE (ABORT, 'append-only: a version of the configuration never goes'); END;

CREATE TRIGGER config_never_changes BEFORE UPDATE ON config
BEGIN SELECT RAISE (ABORT, 'append-only: a version of the configuration never changes'); END;

CREATE TRIGGER response_never_goes BEFORE DELETE ON response
BEGIN SELECT RAISE (ABORT, 'append-only: what somebody answered never goes'); END;

CREATE TRIGGER response_never_changes BEFORE UPDATE ON response
BEGIN SELECT RAISE (ABORT, 'append-only: what somebody answered never changes'); END;
