-- Share My Data: authorizations, what is pulled under them, and the request budget towards the custodian.
CREATE SCHEMA smd;

-- A started authorization: the one-time state of RFC 6749, bound to the browser by a cookie. Hashes only.
CREATE TABLE smd.login (
    state_hash   bytea PRIMARY KEY,
    browser_hash bytea NOT NULL,
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
);
CREATE INDEX login_expiry ON smd.login (expires_at);

-- stage: fetching → fetched | failed | withdrawn | superseded | erased.
--   fetched     every window is in; release and export are on their way or done
--   failed      given up; the failure says why in words for the customer (while fetching: what delays it)
--   withdrawn   the customer ended the authorization at the custodian before we had finished
--   superseded  the same customer authorized again: the newer authorization counts
--   erased      the operator erased the customer: a tombstone that the export respects
CREATE TABLE smd.authorization (
    id                uuid PRIMARY KEY,
    subscription_id   text,
    authorization_uri text,
    ticket_hash       bytea UNIQUE,
    stage             text NOT NULL DEFAULT 'fetching'
                      CHECK (stage IN ('fetching', 'fetched', 'failed', 'withdrawn', 'superseded', 'erased')),
    failure           text,
    access_token      bytea,
    access_key_id     text,
    access_expires_at timestamptz,
    refresh_token     bytea,
    refresh_key_id    text,
    authorized_at     timestamptz NOT NULL DEFAULT now(),
    -- The authorization's URI answered 200 at this time: only then does a later 404 mean "gone".
    seen_at           timestamptz,
    customer_name     text,
    time_zone         text,
    history_from      timestamptz,
    history_until     timestamptz,      -- exclusive
    planned_at        timestamptz,      -- the list of windows was fixed
    fetched_at        timestamptz,
    released_at       timestamptz,      -- the custodian confirmed the end of the authorization
    exported_at       timestamptz,
    export_error      text,
    electricity_file  text,
    gas_file          text,
    files_removed_at  timestamptz,
    CHECK ((access_token IS NULL) = (access_key_id IS NULL)),
    CHECK ((refresh_token IS NULL) = (refresh_key_id IS NULL))
);
-- The custodian ends an older authorization of a subscription by granting a newer one: of each, one is live.
CREATE UNIQUE INDEX authorization_live_subscription ON smd.authorization (subscription_id)
    WHERE released_at IS NULL;
CREATE INDEX authorization_open ON smd.authorization (authorized_at)
    WHERE released_at IS NULL OR exported_at IS NULL;

CREATE TABLE smd.usage_point (
    authorization_id uuid NOT NULL REFERENCES smd.authorization ON DELETE CASCADE,
    usage_point_id   text NOT NULL,
    PRIMARY KEY (authorization_id, usage_point_id)
);

-- One request for usage data: [starts_at, ends_at) of one usage point. Fixed once, then each is a checkpoint.
CREATE TABLE smd.pull (
    authorization_id uuid NOT NULL,
    usage_point_id   text NOT NULL,
    number           integer NOT NULL,
    starts_at        timestamptz NOT NULL,
    ends_at          timestamptz NOT NULL CHECK (ends_at > starts_at),
    requested_at     timestamptz,       -- written before the request leaves
    accepted_at      timestamptz,       -- answered 202: the data comes by notification
    accepted         integer NOT NULL DEFAULT 0,
    received_at      timestamptz,
    readings         integer,
    PRIMARY KEY (authorization_id, usage_point_id, number),
    FOREIGN KEY (authorization_id, usage_point_id) REFERENCES smd.usage_point ON DELETE CASCADE,
    CHECK ((received_at IS NULL) = (readings IS NULL))
);
-- Notifications are matched by usage point against what is asked for and not in.
CREATE INDEX pull_open ON smd.pull (usage_point_id) WHERE received_at IS NULL;

-- What a row of readings means (codes of ESPI 1.1; 0 where the feed says nothing).
CREATE TABLE smd.series (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    authorization_id uuid NOT NULL REFERENCES smd.authorization ON DELETE CASCADE,
    usage_point_id   text NOT NULL,
    commodity        integer NOT NULL,
    flow             integer NOT NULL,
    unit             integer NOT NULL,
    accumulation     integer NOT NULL,
    kind             integer NOT NULL,
    phase            integer NOT NULL,
    tou              integer NOT NULL,
    qualifier        integer NOT NULL,
    currency         integer NOT NULL,
    default_quality  integer NOT NULL,  -- of readings that state none
    UNIQUE (authorization_id, usage_point_id, commodity, flow, unit, accumulation, kind, phase, tou, qualifier, currency)
);

-- Energy is value × 10^multiplier in the unit of the series; cost is in 1/100000 of the currency.
CREATE TABLE smd.reading (
    series_id    bigint NOT NULL REFERENCES smd.series ON DELETE CASCADE,
    starts_at    timestamptz NOT NULL,
    duration     integer NOT NULL,      -- seconds
    value        bigint NOT NULL,
    multiplier   smallint NOT NULL,
    quality      integer[] NOT NULL,
    tou          integer,
    cpp          integer,
    cost         bigint,
    published_at timestamptz,
    PRIMARY KEY (series_id, starts_at, duration)
);

-- Readings of a feed that is still being read. A feed that breaks leaves nothing in smd.reading.
-- Unlogged: after a crash of the database the pull is repeated anyway; the count is checked on merging.
CREATE UNLOGGED TABLE smd.staged_reading (
    batch        uuid NOT NULL,
    series       integer NOT NULL,
    nr           bigint GENERATED ALWAYS AS IDENTITY,
    starts_at    timestamptz NOT NULL,
    duration     integer NOT NULL,
    value        bigint NOT NULL,
    quality      integer[] NOT NULL,
    tou          integer,
    cpp          integer,
    cost         bigint,
    published_at timestamptz,
    staged_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX staged_reading_batch ON smd.staged_reading (batch, series);

-- A link of a notification that we decided to follow.
CREATE TABLE smd.notice (
    id               uuid PRIMARY KEY,
    link             text NOT NULL UNIQUE,
    -- NULL for a bulk link, which is fetched with the client token and bound by its content.
    authorization_id uuid REFERENCES smd.authorization ON DELETE CASCADE,
    usage_point_id   text,
    received_at      timestamptz NOT NULL DEFAULT now(),
    collected_at     timestamptz
);
CREATE INDEX notice_age ON smd.notice (received_at);
CREATE INDEX notice_authorization ON smd.notice (authorization_id);

-- The custodian's request budget: one row for the vendor, and the last slots handed out: all of the last
-- day, and never more than that day's limit of older ones.
CREATE TABLE smd.budget (
    vendor       boolean PRIMARY KEY DEFAULT true CHECK (vendor),
    slots        bigint NOT NULL DEFAULT 0,
    last_slot_at timestamptz NOT NULL DEFAULT '-infinity',
    closed_until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO smd.budget DEFAULT VALUES;
CREATE TABLE smd.budget_slot (
    number  bigint PRIMARY KEY,
    slot_at timestamptz NOT NULL
);

-- Reserves the next request slot if it lies within p_wait_ms; answers the milliseconds to wait for it.
-- A negative answer: no slot was reserved, the next one is that many milliseconds away.
-- The n-th slot is never earlier than the limits allow after slot n-1, n-per_hour and n-per_day.
-- pg_temp last, here and below: a caller's temporary types must not be taken for the real ones.
CREATE FUNCTION smd.reserve_slot(p_spacing_ms bigint, p_per_hour bigint, p_per_day bigint, p_wait_ms bigint)
    RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    b smd.budget;
    now_at timestamptz;
    at timestamptz;
    wait_ms bigint;
BEGIN
    SELECT * INTO b FROM smd.budget FOR UPDATE;
    now_at := clock_timestamp();     -- after the lock: waiting for it must not date the slot back
    at := greatest(now_at, b.closed_until, b.last_slot_at + p_spacing_ms * interval '1 millisecond',
        (SELECT slot_at + interval '1 hour' FROM smd.budget_slot WHERE number = b.slots + 1 - p_per_hour),
        (SELECT slot_at + interval '1 day' FROM smd.budget_slot WHERE number = b.slots + 1 - p_per_day));
    wait_ms := ceil(extract(epoch FROM at - now_at) * 1000);
    IF wait_ms > p_wait_ms THEN
        RETURN -wait_ms;
    END IF;
    UPDATE smd.budget SET slots = b.slots + 1, last_slot_at = at;
    INSERT INTO smd.budget_slot VALUES (b.slots + 1, at);
    DELETE FROM smd.budget_slot WHERE number <= b.slots - p_per_day AND slot_at < now_at - interval '1 day';
    RETURN wait_ms;
END
$$;

-- The custodian throttled somebody: nobody asks before this time. Answers the milliseconds until then.
CREATE FUNCTION smd.close_budget(p_ms bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE smd.budget SET closed_until = greatest(closed_until, clock_timestamp() + p_ms * interval '1 millisecond')
$$;

-- Milliseconds until the budget opens again; 0 when it is open. Asked again when a reserved slot has come.
CREATE FUNCTION smd.budget_closed_ms() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT greatest(0, ceil(extract(epoch FROM nullif(closed_until, '-infinity') - clock_timestamp()) * 1000))::bigint
    FROM smd.budget
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA smd FROM PUBLIC;
GRANT USAGE ON SCHEMA smd TO metergate_smd_auth, metergate_smd_fetcher, metergate_csv_exporter, metergate_operator;
GRANT EXECUTE ON FUNCTION smd.reserve_slot, smd.close_budget, smd.budget_closed_ms
    TO metergate_smd_auth, metergate_smd_fetcher, metergate_operator;

-- The browser side makes authorizations and reads their progress; it never reads a token back.
GRANT SELECT, INSERT, UPDATE (used_at) ON smd.login TO metergate_smd_auth;
GRANT INSERT ON smd.authorization TO metergate_smd_auth;
GRANT SELECT (id, subscription_id, ticket_hash, stage, failure, authorized_at, planned_at, fetched_at, released_at,
              exported_at, export_error) ON smd.authorization TO metergate_smd_auth;
-- What a newer authorization does to the older one of the same subscription.
GRANT UPDATE (stage, released_at, access_token, access_key_id, access_expires_at, refresh_token, refresh_key_id,
              released_at) ON smd.authorization TO metergate_smd_auth;
GRANT SELECT ON smd.usage_point, smd.pull TO metergate_smd_auth;
GRANT SELECT, INSERT, UPDATE (authorization_id, usage_point_id, received_at, collected_at) ON smd.notice
    TO metergate_smd_auth;

-- The fetcher makes no authorization and never removes one.
GRANT SELECT, UPDATE ON smd.authorization TO metergate_smd_fetcher;
GRANT SELECT, INSERT, UPDATE, DELETE ON smd.usage_point, smd.pull, smd.series, smd.reading, smd.staged_reading
    TO metergate_smd_fetcher;
GRANT SELECT, UPDATE (collected_at), DELETE ON smd.notice TO metergate_smd_fetcher;
GRANT SELECT (expires_at), DELETE ON smd.login TO metergate_smd_fetcher;

GRANT SELECT (id, subscription_id, stage, authorized_at, customer_name, time_zone, fetched_at, released_at, exported_at,
              electricity_file, gas_file, files_removed_at) ON smd.authorization TO metergate_csv_exporter;
-- Taking the custodian's ids off a tombstone is the last step of an erasure, whoever comes last.
GRANT UPDATE (electricity_file, gas_file, exported_at, export_error, files_removed_at, subscription_id, authorization_uri)
    ON smd.authorization TO metergate_csv_exporter;
GRANT SELECT ON smd.series, smd.reading TO metergate_csv_exporter;

-- The operator looks at everything but tokens, and erases.
GRANT SELECT (id, subscription_id, authorization_uri, stage, failure, access_expires_at, authorized_at, seen_at,
              customer_name, time_zone, history_from, history_until, planned_at, fetched_at, released_at, exported_at,
              export_error, electricity_file, gas_file, files_removed_at)
    ON smd.authorization TO metergate_operator;
GRANT UPDATE (stage, failure, customer_name, ticket_hash, subscription_id, authorization_uri, export_error,
              electricity_file, gas_file, access_token, access_key_id, access_expires_at, refresh_token, refresh_key_id)
    ON smd.authorization TO metergate_operator;
GRANT SELECT, DELETE ON smd.usage_point, smd.pull, smd.series, smd.reading, smd.notice TO metergate_operator;
GRANT SELECT ON smd.budget, smd.budget_slot TO metergate_operator;
