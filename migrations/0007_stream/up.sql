-- Near-real-time data as it came in, and what could not be taken.

-- Client ids at the broker are slots: a replica leases one, and whoever takes the slot of a fallen one adopts its
-- session with what the broker keeps for it.
CREATE TABLE aiida.stream_slot (
    number           integer PRIMARY KEY CHECK (number >= 0),
    holder           uuid NOT NULL,
    lease_expires_at timestamptz NOT NULL
);

-- One record as received: partitioned by its own time, kept apart from what was read out of it.
-- `digest` tells a record that came twice.
CREATE TABLE aiida.message (
    permission_id uuid NOT NULL,
    sent_at       timestamptz NOT NULL,
    digest        bytea NOT NULL,
    channel       text NOT NULL,            -- 'data' or 'acknowledgement'
    schema        text NOT NULL,
    received_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    payload       bytea NOT NULL,
    PRIMARY KEY (permission_id, sent_at, digest)
) PARTITION BY RANGE (sent_at);

-- The values of a record. `value` is exact, in `unit` as the home sent it.
CREATE TABLE aiida.reading (
    permission_id uuid NOT NULL,
    sent_at       timestamptz NOT NULL,
    digest        bytea NOT NULL,
    nr            smallint NOT NULL,        -- its place in the record
    measured_at   timestamptz NOT NULL,
    obis          text NOT NULL,            -- OBIS code
    value         numeric NOT NULL,
    unit          text NOT NULL,
    quality       text,
    PRIMARY KEY (permission_id, sent_at, digest, nr)
) PARTITION BY RANGE (sent_at);

-- What was refused: counted for ever, the last ones kept to look at.
CREATE TABLE aiida.refusal (
    permission_id uuid,                     -- of the topic; NULL when the topic names none that we know
    reason        text NOT NULL,
    messages      bigint NOT NULL,
    last_at       timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (permission_id, reason)
);
CREATE TABLE aiida.refused_message (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    permission_id uuid,
    topic         text NOT NULL,
    reason        text NOT NULL,
    received_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    payload       bytea NOT NULL            -- its beginning
);
CREATE INDEX refused_message_permission ON aiida.refused_message (permission_id, id);

GRANT SELECT, INSERT, UPDATE, DELETE ON aiida.stream_slot TO metergate_aiida_stream;
GRANT SELECT, INSERT ON aiida.message, aiida.reading TO metergate_aiida_stream;
GRANT SELECT, INSERT, UPDATE ON aiida.refusal TO metergate_aiida_stream;
GRANT SELECT, INSERT, DELETE ON aiida.refused_message TO metergate_aiida_stream;
GRANT SELECT ON aiida.message, aiida.reading, aiida.refusal, aiida.refused_message TO metergate_aiida_permission;
GRANT SELECT ON aiida.refusal, aiida.refused_message TO metergate_operator;
GRANT SELECT ON aiida.stream_slot TO metergate_operator;
