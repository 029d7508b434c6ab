-- `tenant` in every table is the tenant's number; row-level security compares it with the setting mandate.tenant,
-- which each transaction of the store sets.

CREATE TABLE tenant (
  no BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id UUID NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  secret BYTEA NOT NULL CHECK (length(secret) = 32),
  signing_seed BYTEA NOT NULL CHECK (length(signing_seed) = 32)
);

CREATE TABLE head (
  tenant BIGINT PRIMARY KEY REFERENCES tenant (no),
  position BIGINT NOT NULL,
  event_seq BIGINT NOT NULL,
  event_hash BYTEA NOT NULL,
  audit_seq BIGINT NOT NULL,
  audit_hash BYTEA NOT NULL,
  last_id_at BIGINT NOT NULL,
  config UUID
);

-- The order of ids is the order of the chain, so partitions by id are partitions by time. `seq` cannot be unique
-- here; the head's compare-and-set guards it.
CREATE TABLE event (
  tenant BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  id UUID NOT NULL,
  position BIGINT NOT NULL,
  at BIGINT NOT NULL,
  actor TEXT COLLATE "C",
  action TEXT COLLATE "C",
  session TEXT COLLATE "C",
  decision TEXT NOT NULL,
  resources TEXT NOT NULL,
  hash BYTEA NOT NULL,
  sealed BYTEA NOT NULL,
  content BYTEA,
  plan BYTEA NOT NULL,
  PRIMARY KEY (tenant, id)
) PARTITION BY RANGE (id);
CREATE TABLE event_default PARTITION OF event DEFAULT;
CREATE INDEX event_by_seq ON event (tenant, seq);
CREATE INDEX event_by_actor ON event (tenant, actor, seq);

CREATE TABLE event_resource (
  tenant BIGINT NOT NULL,
  resource TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (tenant, resource, seq)
);

CREATE TABLE erased (
  tenant BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  audit_seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (tenant, seq)
);

CREATE TABLE audit (
  tenant BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  sealed BYTEA NOT NULL,
  content BYTEA,
  PRIMARY KEY (tenant, seq)
);

CREATE TABLE checkpoint (
  tenant BIGINT NOT NULL,
  event_seq BIGINT NOT NULL,
  audit_seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  event_hash BYTEA NOT NULL,
  audit_hash BYTEA NOT NULL,
  public_key TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (tenant, event_seq, audit_seq)
);

CREATE TABLE notification (
  tenant BIGINT NOT NULL,
  id UUID NOT NULL,
  event_seq BIGINT,
  recipient TEXT NOT NULL,
  channel TEXT NOT NULL,
  lane TEXT COLLATE "C" NOT NULL,
  urgency TEXT NOT NULL,
  impact TEXT,
  reason BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  state TEXT NOT NULL,
  due_at BIGINT NOT NULL,
  lease_until BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  log BYTEA NOT NULL,
  delivered_at BIGINT,
  receipt TEXT,
  edition BIGINT NOT NULL,
  settled BIGINT NOT NULL,
  told_in UUID,
  because TEXT,
  waits BOOLEAN NOT NULL GENERATED ALWAYS AS
    (state = 'queued' OR (state = 'delivered' AND receipt IS NOT NULL AND edition > settled)) STORED,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX notification_by_event ON notification (tenant, event_seq) WHERE event_seq IS NOT NULL;
CREATE INDEX notification_waits ON notification (tenant, lane, due_at) WHERE waits;
CREATE INDEX notification_told_in ON notification (tenant, told_in, created_at) WHERE told_in IS NOT NULL;
CREATE INDEX notification_held ON notification (tenant, told_in) WHERE state = 'held';

-- What people answered. A note stands in the erasable half of the audit entry.
CREATE TABLE response (
  tenant BIGINT NOT NULL,
  id UUID NOT NULL,
  notification UUID NOT NULL,
  event_seq BIGINT,
  intervention TEXT NOT NULL,
  undoes UUID,
  assignee TEXT,
  by TEXT NOT NULL,
  via TEXT NOT NULL,
  at BIGINT NOT NULL,
  since_sent BIGINT,
  first BOOLEAN NOT NULL,
  effect TEXT NOT NULL,
  audit_seq BIGINT NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX response_by_notification ON response (tenant, notification);
CREATE INDEX response_by_event ON response (tenant, event_seq) WHERE event_seq IS NOT NULL;

CREATE TABLE review (
  tenant BIGINT NOT NULL,
  event_seq BIGINT NOT NULL,
  event UUID NOT NULL,
  opened_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  opened_by TEXT NOT NULL,
  closed_at BIGINT,
  closed_by TEXT,
  escalated_at BIGINT,
  PRIMARY KEY (tenant, event_seq)
);
CREATE INDEX review_open ON review (tenant, due_at, event_seq) WHERE closed_at IS NULL;
CREATE INDEX review_overdue ON review (tenant, due_at) WHERE closed_at IS NULL AND escalated_at IS NULL;
CREATE INDEX review_closed ON review (tenant, closed_at, event_seq) WHERE closed_at IS NOT NULL;

CREATE TABLE outcome (
  tenant BIGINT NOT NULL,
  event UUID NOT NULL,
  at BIGINT NOT NULL,
  failed BOOLEAN NOT NULL,
  body BYTEA NOT NULL,
  PRIMARY KEY (tenant, event)
);

CREATE TABLE rejected (
  tenant BIGINT NOT NULL,
  id UUID NOT NULL,
  at BIGINT NOT NULL,
  key UUID NOT NULL,
  errors BYTEA NOT NULL,
  item TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
);

CREATE TABLE seen (
  tenant BIGINT NOT NULL,
  hour BIGINT NOT NULL,
  digest BYTEA NOT NULL,
  content BYTEA NOT NULL,
  seq BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, hour, digest)
);

CREATE TABLE agent (
  tenant BIGINT NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  kind TEXT NOT NULL,
  name TEXT,
  framework TEXT,
  first_seen_at BIGINT,
  paused BOOLEAN NOT NULL,
  version BIGINT NOT NULL,
  reason TEXT,
  by TEXT,
  since BIGINT,
  PRIMARY KEY (tenant, id)
);

CREATE TABLE api_key (
  tenant BIGINT NOT NULL,
  id UUID NOT NULL,
  hash BYTEA NOT NULL,
  scope TEXT NOT NULL,
  name TEXT,
  agent TEXT,
  person TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  PRIMARY KEY (tenant, id)
);

CREATE TABLE config (
  tenant BIGINT NOT NULL,
  id UUID NOT NULL,
  hash BYTEA NOT NULL,
  files BYTEA NOT NULL,
  at BIGINT NOT NULL,
  by TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
);

CREATE TABLE person (
  tenant BIGINT NOT NULL,
  id UUID NOT NULL,
  handle TEXT NOT NULL,
  name TEXT,
  PRIMARY KEY (tenant, id)
);

CREATE TABLE history (
  tenant BIGINT PRIMARY KEY,
  position BIGINT NOT NULL,
  event_seq BIGINT NOT NULL,
  body BYTEA NOT NULL
);

-- One row a commit.
CREATE TABLE feed (
  tenant BIGINT NOT NULL,
  last BIGINT NOT NULL,
  first BIGINT NOT NULL,
  entries TEXT NOT NULL,
  PRIMARY KEY (tenant, last)
);

-- Logs are only added to.

CREATE FUNCTION only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'append-only: % is a log', TG_TABLE_NAME;
END $$;

CREATE FUNCTION event_erase_door() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (to_jsonb(NEW) - 'content') IS DISTINCT FROM (to_jsonb(OLD) - 'content') THEN
    RAISE EXCEPTION 'append-only: an event never changes';
  END IF;
  IF NEW.content IS NOT NULL
     OR NOT EXISTS (SELECT FROM erased WHERE erased.tenant = OLD.tenant AND erased.seq = OLD.seq) THEN
    RAISE EXCEPTION 'append-only: content goes only with a record of its erasure';
  END IF;
  RETURN NEW;
END $$;

-- The head moves last in a transaction, so an audit entry beyond it was written in this one.
CREATE FUNCTION erased_needs_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM audit a
    JOIN head h ON h.tenant = a.tenant AND a.seq > h.audit_seq
    JOIN event e ON e.tenant = a.tenant AND e.seq = NEW.seq
    WHERE a.tenant = NEW.tenant AND a.seq = NEW.audit_seq
      AND convert_from(a.sealed, 'UTF8')::json ->> 'action' = 'event.erase'
      AND convert_from(a.sealed, 'UTF8')::json ->> 'resource' = 'event:' || e.id::text
  ) THEN
    RAISE EXCEPTION 'append-only: an erasure needs its audit entry in the same transaction';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER event_never_changes BEFORE UPDATE ON event FOR EACH ROW EXECUTE FUNCTION event_erase_door();
CREATE TRIGGER event_never_goes BEFORE DELETE ON event FOR EACH ROW EXECUTE FUNCTION only_added_to();
CREATE TRIGGER event_never_emptied BEFORE TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION only_added_to();
CREATE TRIGGER event_never_emptied BEFORE TRUNCATE ON event_default FOR EACH STATEMENT EXECUTE FUNCTION only_added_to();
CREATE TRIGGER erased_needs_audit BEFORE INSERT ON erased FOR EACH ROW EXECUTE FUNCTION erased_needs_audit();

DO $$
DECLARE log TEXT;
BEGIN
  FOREACH log IN ARRAY ARRAY['erased', 'event_resource', 'audit', 'checkpoint', 'config', 'response'] LOOP
    EXECUTE format('CREATE TRIGGER %1$s_never_changes BEFORE UPDATE OR DELETE ON %1$I
      FOR EACH ROW EXECUTE FUNCTION only_added_to()', log);
    EXECUTE format('CREATE TRIGGER %1$s_never_emptied BEFORE TRUNCATE ON %1$I
      FOR EACH STATEMENT EXECUTE FUNCTION only_added_to()', log);
  END LOOP;
END $$;

-- Makes the partitions of this month and the ones that follow. What is in the default partition already stays there.
CREATE FUNCTION extend_event_partitions(months INT) RETURNS INT LANGUAGE plpgsql AS $$
DECLARE
  start TIMESTAMP := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
  made INT := 0;
  named TEXT;
  bounds UUID[];
BEGIN
  FOR month IN 0..months LOOP
    named := 'event_p' || to_char(start, 'YYYYMM');
    IF to_regclass(named) IS NULL THEN
      -- The first 48 bits of an id are its time in milliseconds.
      SELECT array_agg((lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid ORDER BY at)
        INTO bounds FROM unnest(ARRAY[start, start + INTERVAL '1 month']) AS at;
      BEGIN
        EXECUTE format('CREATE TABLE %I PARTITION OF event FOR VALUES FROM (%L) TO (%L)', named, bounds[1], bounds[2]);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', named);
        EXECUTE format('CREATE TRIGGER event_never_emptied BEFORE TRUNCATE ON %I
          FOR EACH STATEMENT EXECUTE FUNCTION only_added_to()', named);
        made := made + 1;
      EXCEPTION WHEN check_violation THEN
        RAISE NOTICE 'events of % stay in the default partition', named;
      END;
    END IF;
    start := start + INTERVAL '1 month';
  END LOOP;
  RETURN made;
END $$;
SELECT extend_event_partitions(2);

-- Tenants are walled from each other in every table, for the owner too. Partitions have no policy: only the
-- table they belong to opens them.
CREATE FUNCTION current_tenant() RETURNS BIGINT LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT NULLIF(current_setting('mandate.tenant', true), '')::bigint
$$;

DO $$
DECLARE each TEXT;
BEGIN
  FOR each IN SELECT relname FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname <> 'schema_version' LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', each);
    IF each NOT LIKE 'event\_default' AND each NOT LIKE 'event\_p______' AND each <> 'tenant' THEN
      EXECUTE format('CREATE POLICY tenant_wall ON %I USING (tenant = (SELECT current_tenant()))', each);
    END IF;
  END LOOP;
END $$;
-- Finding and making tenants has a door of its own.
CREATE POLICY tenant_wall ON tenant
  USING (no = (SELECT current_tenant()) OR current_setting('mandate.door', true) = 'tenants');

-- The role that the store works as, see ../README.md.
DO $$
BEGIN
  BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mandate_app') THEN
      CREATE ROLE mandate_app NOLOGIN;
    END IF;
  EXCEPTION
    WHEN insufficient_privilege THEN RAISE NOTICE 'the role mandate_app cannot be made by this login';
    WHEN duplicate_object OR unique_violation THEN NULL;
  END;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mandate_app') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO mandate_app', current_schema());
    GRANT SELECT ON schema_version TO mandate_app;
    GRANT SELECT, INSERT ON tenant, event, event_resource, erased, audit, checkpoint, outcome, config, response TO mandate_app;
    GRANT UPDATE (content) ON event TO mandate_app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON head, notification, review, rejected, seen, agent, api_key, person, history, feed
      TO mandate_app;
    BEGIN
      IF NOT pg_has_role(current_user, 'mandate_app', 'MEMBER') THEN
        EXECUTE format('GRANT mandate_app TO %I', current_user);
      END IF;
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
  END IF;
END $$;
