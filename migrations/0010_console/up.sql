-- The operator's console: a role for its pages, what its lists need, and what the sweep has found at the custodian.

-- As in 0001: roles belong to the cluster and may be there already.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'metergate_console') THEN
        BEGIN
            CREATE ROLE metergate_console NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
    IF NOT EXISTS (
        SELECT FROM pg_auth_members
        WHERE roleid = 'metergate_service'::regrole AND member = 'metergate_console'::regrole
    ) THEN
        BEGIN
            GRANT metergate_service TO metergate_console;
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
    END IF;
END
$$;

-- An index keeps those who write waiting. The jobs' first, as services hold their job before anything else: so nobody
-- waits for this while this waits for them.

-- Work that was given up: the newest first, and that of one authorization or permission.
CREATE INDEX job_discarded_list ON jobs.job (id) WHERE state = 'discarded';
CREATE INDEX job_discarded_about ON jobs.job (unique_key) WHERE state = 'discarded';
-- Lists are walked by these, from any place and however long they are; counts by stage and status read them alone.
CREATE INDEX authorization_list ON smd.authorization (authorized_at, id);
CREATE INDEX authorization_stage ON smd.authorization (stage, authorized_at, id);
CREATE INDEX permission_status ON aiida.permission (status, created_at, id);
-- Words of names, by their beginnings; connection ids by theirs.
CREATE INDEX authorization_name ON smd.authorization USING gin (to_tsvector('simple', customer_name))
    WHERE customer_name IS NOT NULL;
CREATE INDEX permission_connection_prefix ON aiida.permission (connection_id text_pattern_ops);
CREATE INDEX authorization_subscription ON smd.authorization (subscription_id);
CREATE INDEX usage_point_id ON smd.usage_point (usage_point_id);

-- The last comparison of the custodian's list with ours, by smd.sweep.
CREATE TABLE smd.comparison (
    only_one    boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    compared_at timestamptz,
    unknown     integer NOT NULL DEFAULT 0 CHECK (unknown >= 0)     -- active there, not known here
);
INSERT INTO smd.comparison DEFAULT VALUES;
GRANT UPDATE (compared_at, unknown) ON smd.comparison TO metergate_smd_fetcher;

-- The console sees what the operator's commands see. No token, no password's hash, no ticket; of payloads, what was
-- refused alone.
GRANT USAGE ON SCHEMA smd, aiida TO metergate_console;
GRANT SELECT (id, subscription_id, authorization_uri, stage, failure, authorized_at, seen_at, customer_name, time_zone,
              history_from, history_until, planned_at, fetched_at, released_at, exported_at, export_error,
              electricity_file, gas_file, files_removed_at)
    ON smd.authorization TO metergate_console;
GRANT SELECT ON smd.usage_point, smd.pull, smd.budget, smd.comparison TO metergate_console;
GRANT EXECUTE ON FUNCTION smd.budget_used TO metergate_console;
GRANT SELECT (id, bundle_id, connection_id, data_need_id, data_need, meter_id, status, created_at, status_at, sent_at,
              starts_on, ends_on, code, aiida_id, accepted_at, granted_at, removed_at, first_message_at,
              last_message_at)
    ON aiida.permission TO metergate_console;
GRANT SELECT ON aiida.permission_event, aiida.webhook, aiida.reading, aiida.refusal, aiida.refused_message
    TO metergate_console;
GRANT SELECT ON jobs.job, jobs.kind TO metergate_console;
GRANT EXECUTE ON FUNCTION jobs.retry, jobs.discard TO metergate_console;
GRANT SELECT ON audit.event TO metergate_console;

-- To erase a customer, as the operator's command does.
GRANT UPDATE (stage, failure, customer_name, ticket_hash, subscription_id, authorization_uri, export_error,
              electricity_file, gas_file, access_token, access_key_id, access_expires_at, refresh_token, refresh_key_id)
    ON smd.authorization TO metergate_console;
GRANT SELECT (authorization_id), DELETE ON smd.series, smd.notice TO metergate_console;
GRANT DELETE ON smd.usage_point TO metergate_console;
GRANT SELECT (permission_id), DELETE ON aiida.message TO metergate_console;
GRANT DELETE ON aiida.permission, aiida.reading, aiida.refusal, aiida.refused_message TO metergate_console;
