-- AIIDA: permissions to near-real-time data, from the QR code to their end. States and topics: crates/permission.
CREATE SCHEMA aiida;

-- As in 0001: roles belong to the cluster and may be there already. `emqx` is the broker's.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY[
        'metergate_aiida_permission',
        'metergate_mqtt_iam',
        'metergate_aiida_stream',
        'emqx'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
        IF wanted <> 'emqx' AND NOT EXISTS (
            SELECT FROM pg_auth_members
            WHERE roleid = 'metergate_service'::regrole AND member = wanted::regrole
        ) THEN
            BEGIN
                EXECUTE format('GRANT metergate_service TO %I', wanted);
            EXCEPTION WHEN unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
END
$$;

-- Data needs of an operator who manages them by the API; with a file of data needs this stays empty.
CREATE TABLE aiida.data_need (
    id         uuid PRIMARY KEY,
    document   jsonb NOT NULL,      -- as in the file: EDDIE's keys
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- A permission: what one home is asked for. Its status is that of its last event.
CREATE TABLE aiida.permission (
    id               uuid PRIMARY KEY,
    bundle_id        uuid NOT NULL,         -- eddieId: the same for all permissions of one request
    connection_id    text NOT NULL,         -- the eligible party's name for the customer
    data_need_id     uuid NOT NULL,
    data_need        jsonb NOT NULL,        -- as it was when the household was asked: that is what it agrees to
    meter_id         text,
    ticket_hash      bytea,                 -- opens the household's page; shared by the permissions of one request
    status           text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    status_at        timestamptz NOT NULL DEFAULT now(),
    sent_at          timestamptz,
    -- Resolved each time the home asks for the details, fixed when it accepts. The end is inclusive; NULL is open.
    starts_on        date,
    ends_on          date,
    -- The code that the home scanned: 'single' (homes of 2025) or 'bundle' (2026). NULL until it has asked.
    code             text CHECK (code IN ('single', 'bundle')),
    aiida_id         uuid,
    accepted_at      timestamptz,
    granted_at       timestamptz,           -- mqtt-iam: the credentials open the broker's door
    removed_at       timestamptz,           -- mqtt-iam: no rows, no connection, no retained message is left
    first_message_at timestamptz,           -- aiida-stream: the first record that was stored
    last_message_at  timestamptz,
    CHECK (ends_on >= starts_on)
);
CREATE INDEX permission_bundle ON aiida.permission (bundle_id);
CREATE INDEX permission_ticket ON aiida.permission (ticket_hash);
CREATE INDEX permission_list ON aiida.permission (created_at, id);
CREATE INDEX permission_connection ON aiida.permission (connection_id);
-- What time can change.
CREATE INDEX permission_open ON aiida.permission (status, status_at)
    WHERE status IN ('CREATED', 'VALIDATED', 'UNABLE_TO_SEND', 'SENT_TO_PERMISSION_ADMINISTRATOR', 'ACCEPTED',
                     'TERMINATED', 'FULFILLED', 'UNFULFILLABLE', 'REVOKED', 'REQUIRES_EXTERNAL_TERMINATION',
                     'FAILED_TO_TERMINATE');
-- What may be forgotten some day.
CREATE INDEX permission_ended ON aiida.permission (status_at)
    WHERE status IN ('MALFORMED', 'TIMED_OUT', 'REJECTED', 'INVALID', 'REVOKED', 'FULFILLED', 'UNFULFILLABLE',
                     'FAILED_TO_TERMINATE', 'EXTERNALLY_TERMINATED');

-- Every change of a permission's status, in the order of commits (the writer holds an advisory lock), so that a
-- reader who has seen an id has seen all before it. Append only.
CREATE TABLE aiida.permission_event (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    permission_id uuid NOT NULL REFERENCES aiida.permission ON DELETE CASCADE,
    status        text NOT NULL,
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Who brought it about: 'request', 'handshake', 'home', 'party', 'clock', 'operator'.
    cause         text NOT NULL,
    detail        text
);
CREATE INDEX permission_event_permission ON aiida.permission_event (permission_id, id);

-- How far the eligible party's webhook has been told.
CREATE TABLE aiida.webhook (
    only_one      boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    told          bigint NOT NULL DEFAULT 0,
    failing_since timestamptz
);
INSERT INTO aiida.webhook DEFAULT VALUES;

-- What ACCEPT has handed out: the hash only, the password is in that answer and nowhere else.
CREATE TABLE aiida.credential (
    permission_id uuid PRIMARY KEY REFERENCES aiida.permission ON DELETE CASCADE,
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- Commands and inbound data on their way to a home; published by aiida-stream, in the order of `number`.
CREATE TABLE aiida.outgoing (
    id            uuid PRIMARY KEY,
    number        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    permission_id uuid NOT NULL REFERENCES aiida.permission ON DELETE CASCADE,
    kind          text NOT NULL CHECK (kind IN ('command', 'inbound')),
    name          text NOT NULL,            -- the action, or the schema
    payload       bytea NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    published_at  timestamptz,
    dropped       text                      -- why it was not published
);
CREATE INDEX outgoing_permission ON aiida.outgoing (permission_id, number);

-- Keys of the eligible party's API; hashes of random tokens.
CREATE TABLE aiida.api_key (
    id         uuid PRIMARY KEY,
    name       text NOT NULL,
    key_hash   bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

GRANT USAGE ON SCHEMA aiida
    TO metergate_aiida_permission, metergate_mqtt_iam, metergate_aiida_stream, metergate_operator, emqx;

-- The permission service alone changes a permission's status, and forgets those that ended long ago. It writes the hash
-- of a password and never reads it back.
GRANT SELECT, INSERT, UPDATE, DELETE ON aiida.data_need TO metergate_aiida_permission;
GRANT SELECT, INSERT, DELETE, UPDATE (status, status_at, sent_at, starts_on, ends_on, code, aiida_id, accepted_at)
    ON aiida.permission TO metergate_aiida_permission;
GRANT SELECT, INSERT ON aiida.permission_event TO metergate_aiida_permission;
GRANT SELECT, UPDATE ON aiida.webhook TO metergate_aiida_permission;
GRANT INSERT, SELECT (permission_id, created_at) ON aiida.credential TO metergate_aiida_permission;
GRANT SELECT, INSERT ON aiida.outgoing TO metergate_aiida_permission;
GRANT SELECT ON aiida.api_key TO metergate_aiida_permission, metergate_aiida_stream;

-- What opens the household's page is for nobody else; of whom a permission is, mqtt-iam need not know.
GRANT SELECT (id, data_need, status, accepted_at, granted_at, removed_at), UPDATE (granted_at, removed_at)
    ON aiida.permission TO metergate_mqtt_iam;
GRANT SELECT, DELETE ON aiida.credential TO metergate_mqtt_iam;

GRANT SELECT (id, bundle_id, connection_id, data_need_id, data_need, meter_id, status, created_at, status_at, sent_at,
              starts_on, ends_on, code, aiida_id, accepted_at, granted_at, removed_at, first_message_at,
              last_message_at),
      UPDATE (first_message_at, last_message_at)
    ON aiida.permission TO metergate_aiida_stream;
GRANT SELECT, UPDATE (published_at, dropped), DELETE ON aiida.outgoing TO metergate_aiida_stream;

GRANT SELECT ON aiida.data_need, aiida.permission, aiida.permission_event, aiida.webhook, aiida.outgoing
    TO metergate_operator;
GRANT SELECT, INSERT, UPDATE (revoked_at) ON aiida.api_key TO metergate_operator;
-- To erase a customer; what refers to the permission goes with it.
GRANT DELETE ON aiida.permission TO metergate_operator;
