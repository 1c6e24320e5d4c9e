-- Near-real-time data as it came in, and what could not be taken.

-- Client ids at the broker are slots: a replica leases one, and whoever takes the slot of a fallen one adopts its
-- session with what the broker keeps for it. A released slot stays as an expired row: its session is still there.
CREATE TABLE aiida.stream_slot (
    number           integer PRIMARY KEY CHECK (number >= 0),
    holder           uuid NOT NULL,
    lease_expires_at timestamptz NOT NULL
);

-- One record as received: partitioned by its own time, kept apart from what was read out of it.
-- `digest` tells a record that came twice: the first 16 bytes of a SHA-256 over channel, schema and payload.
CREATE TABLE aiida.message (
    permission_id uuid NOT NULL,
    sent_at       timestamptz NOT NULL,     -- by the home's clock; by ours when the record names no time
    digest        bytea NOT NULL,
    channel       text NOT NULL,            -- 'data' or 'acknowledgement'
    schema        text NOT NULL,
    received_at   timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it was stored
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
    obis          text NOT NULL,            -- OBIS code; 'quantity:<type>' for a type of CIM without one
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

-- Both tables have one partition per day (UTC) of `sent_at`; those who write may not make tables, so these two
-- functions do it for them. A partition is attached, not created in place: that does not wait for writers.
CREATE FUNCTION aiida.make_partitions(p_days date[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    today constant date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    parent text;
    child text;
    day date;
    made integer := 0;
BEGIN
    IF cardinality(p_days) > 400 OR EXISTS (
        SELECT FROM unnest(p_days) AS d (day) WHERE d.day IS NULL OR d.day NOT BETWEEN today - 3660 AND today + 32
    ) THEN
        RAISE EXCEPTION 'partitions are made for at most 400 days, from ten years ago to a month ahead'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR day IN SELECT DISTINCT d.day FROM unnest(p_days) AS d (day) ORDER BY 1 LOOP
        FOREACH parent IN ARRAY ARRAY['message', 'reading'] LOOP
            child := parent || '_' || to_char(day, 'YYYYMMDD');
            CONTINUE WHEN to_regclass('aiida.' || child) IS NOT NULL;
            -- One maker at a time; who waited for another looks again. A lock of a table, because an advisory lock
            -- does not make this session notice what others have made. Writers and readers need not wait for it.
            LOCK TABLE aiida.message IN SHARE UPDATE EXCLUSIVE MODE;
            CONTINUE WHEN to_regclass('aiida.' || child) IS NOT NULL;
            EXECUTE format('CREATE TABLE aiida.%I (LIKE aiida.%I INCLUDING ALL)', child, parent);
            EXECUTE format('ALTER TABLE aiida.%I ATTACH PARTITION aiida.%I FOR VALUES FROM (%L) TO (%L)', parent, child,
                           to_char(day, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00');
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;

-- Drops the partitions of the days before p_before, which is yesterday at the latest.
CREATE FUNCTION aiida.drop_partitions(p_before date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    child text;
    dropped integer := 0;
BEGIN
    IF p_before IS NULL OR p_before >= (clock_timestamp() AT TIME ZONE 'UTC')::date THEN
        RAISE EXCEPTION 'only partitions of days before today are dropped' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    LOCK TABLE aiida.message IN SHARE UPDATE EXCLUSIVE MODE;
    FOR child IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN ('aiida.message'::regclass, 'aiida.reading'::regclass)
          AND right(c.relname, 8) ~ '^[0-9]{8}$' AND right(c.relname, 8) < to_char(p_before, 'YYYYMMDD')
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE aiida.%I', child);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;

REVOKE ALL ON FUNCTION aiida.make_partitions(date[]), aiida.drop_partitions(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION aiida.make_partitions(date[]), aiida.drop_partitions(date) TO metergate_aiida_stream;

GRANT SELECT, INSERT, UPDATE, DELETE ON aiida.stream_slot TO metergate_aiida_stream;
GRANT SELECT, INSERT ON aiida.message, aiida.reading TO metergate_aiida_stream;
GRANT SELECT, INSERT, UPDATE ON aiida.refusal TO metergate_aiida_stream;
GRANT SELECT, INSERT, DELETE ON aiida.refused_message TO metergate_aiida_stream;
GRANT SELECT ON aiida.message, aiida.reading, aiida.refusal, aiida.refused_message TO metergate_aiida_permission;
-- The counts go with their permission.
GRANT DELETE ON aiida.refusal TO metergate_aiida_permission;
GRANT SELECT ON aiida.refusal, aiida.refused_message TO metergate_operator;
-- To erase a customer, without a look at what was measured.
GRANT SELECT (permission_id), DELETE ON aiida.message, aiida.reading TO metergate_operator;
GRANT DELETE ON aiida.refusal, aiida.refused_message TO metergate_operator;
GRANT SELECT ON aiida.stream_slot TO metergate_operator;
