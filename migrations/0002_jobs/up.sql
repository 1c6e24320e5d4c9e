-- The job table: everything one service asks of another goes through it.
-- At-least-once. Leases and due times use this database's clock. Services have no right on the
-- tables: they call the functions below, which run with the owner's rights and check the caller.
CREATE SCHEMA jobs;

-- What the code declares of each kind of job; written by `metergate migrate` (crates/storage/src/kinds).
CREATE TABLE jobs.kind (
    name          text PRIMARY KEY,
    run_by        text NOT NULL,
    enqueued_by   text[] NOT NULL,
    max_attempts  integer CHECK (max_attempts > 0),   -- NULL: never given up
    lease         interval NOT NULL,
    deadline      interval NOT NULL,
    backoff_first interval NOT NULL,
    backoff_limit interval NOT NULL,
    on_discard    text REFERENCES jobs.kind DEFERRABLE INITIALLY DEFERRED,
    every         interval,
    announced     boolean NOT NULL
);

CREATE TABLE jobs.schedule (
    kind   text PRIMARY KEY REFERENCES jobs.kind ON DELETE CASCADE,
    due_at timestamptz NOT NULL
);

CREATE TABLE jobs.job (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind             text NOT NULL REFERENCES jobs.kind,
    payload          jsonb NOT NULL,
    state            text NOT NULL DEFAULT 'available'
                     CHECK (state IN ('available', 'running', 'completed', 'discarded', 'cancelled')),
    priority         smallint NOT NULL DEFAULT 0,     -- higher first
    attempt          integer NOT NULL DEFAULT 0,
    max_attempts     integer,
    run_at           timestamptz NOT NULL,
    unique_key       text,
    -- Enqueued once more while it was running: it runs again after this run.
    again            boolean NOT NULL DEFAULT false,
    lease_token      uuid,
    lease_expires_at timestamptz,
    deadline_at      timestamptz,
    result           jsonb,
    errors           text[] NOT NULL DEFAULT '{}',
    traceparent      text,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at       timestamptz,
    finished_at      timestamptz,
    CHECK ((state = 'running') = (lease_token IS NOT NULL)),
    CHECK ((state IN ('completed', 'discarded', 'cancelled')) = (finished_at IS NOT NULL))
);

CREATE UNIQUE INDEX job_unique_among_live ON jobs.job (kind, unique_key) WHERE state IN ('available', 'running');
CREATE INDEX job_due ON jobs.job (kind, priority DESC, run_at, id) WHERE state = 'available';
CREATE INDEX job_leased ON jobs.job (lease_expires_at) WHERE state = 'running';
CREATE INDEX job_finished ON jobs.job (finished_at) WHERE state IN ('completed', 'cancelled');
CREATE INDEX job_discarded ON jobs.job (kind, finished_at) WHERE state = 'discarded';
-- The table is small and hot: dead rows must not pile up.
ALTER TABLE jobs.job SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, fillfactor = 80);

-- True when the session is the owner of these functions or a member of the named role.
CREATE FUNCTION jobs.acts_as(role_name text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT session_user = current_user OR pg_has_role(session_user, role_name, 'MEMBER')
$$;

CREATE FUNCTION jobs.require_runner(kind_name text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    runner text;
BEGIN
    SELECT run_by INTO runner FROM jobs.kind WHERE name = kind_name;
    IF runner IS NULL THEN
        RAISE EXCEPTION 'job kind % is unknown here: run metergate migrate', kind_name USING ERRCODE = 'undefined_object';
    END IF;
    IF NOT jobs.acts_as(runner) THEN
        RAISE EXCEPTION 'role % may not run jobs of kind %', session_user, kind_name USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;

CREATE FUNCTION jobs.insert_job(p_kind text, p_payload jsonb, p_unique_key text, p_run_at timestamptz,
                                p_priority smallint, p_traceparent text) RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    job_id bigint;
BEGIN
    INSERT INTO jobs.job (kind, payload, unique_key, run_at, priority, traceparent, max_attempts)
    SELECT p_kind, p_payload, p_unique_key, p_run_at, p_priority, p_traceparent, k.max_attempts
    FROM jobs.kind k WHERE k.name = p_kind
    -- A live twin: it runs as early as either asks, and once more if it is running already,
    -- because what it has read so far may be older than the reason for this call.
    ON CONFLICT (kind, unique_key) WHERE state IN ('available', 'running') DO UPDATE
    SET run_at = least(job.run_at, excluded.run_at), again = job.state = 'running'
    RETURNING id INTO job_id;
    -- Postgres sends equal notifications of one transaction once: one per kind.
    IF p_run_at <= clock_timestamp() THEN
        PERFORM pg_notify('jobs_ready', p_kind);
    END IF;
    RETURN job_id;
END
$$;

-- Enqueues in the caller's transaction. The arrays are of equal length; delays are in milliseconds.
CREATE FUNCTION jobs.enqueue(p_kinds text[], p_payloads jsonb[], p_unique_keys text[], p_delays bigint[],
                             p_priorities smallint[], p_traceparent text) RETURNS bigint[]
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    ids bigint[];
    refused text;
BEGIN
    SELECT wanted INTO refused FROM unnest(p_kinds) wanted
    LEFT JOIN jobs.kind k ON k.name = wanted
    WHERE k.name IS NULL OR NOT (
        session_user = current_user
        OR EXISTS (SELECT FROM unnest(k.enqueued_by) r WHERE jobs.acts_as(r)))
    LIMIT 1;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'role % may not enqueue jobs of kind % (or the kind is unknown: run metergate migrate)',
            session_user, refused USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT array_agg(jobs.insert_job(kind, payload, unique_key, clock_timestamp() + delay * interval '1 millisecond',
                                     priority, p_traceparent) ORDER BY nr)
    INTO ids
    FROM unnest(p_kinds, p_payloads, p_unique_keys, p_delays, p_priorities)
         WITH ORDINALITY AS wanted (kind, payload, unique_key, delay, priority, nr);
    RETURN ids;
END
$$;

-- Takes up to p_limit due jobs of one kind and leases them to the caller.
CREATE FUNCTION jobs.claim(p_kind text, p_limit integer)
    RETURNS TABLE (id bigint, payload jsonb, attempt integer, max_attempts integer, lease_token uuid,
                   lease_ms bigint, deadline_ms bigint, traceparent text, age_ms bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM jobs.require_runner(p_kind);
    RETURN QUERY
    UPDATE jobs.job j
    SET state = 'running', attempt = j.attempt + 1, lease_token = gen_random_uuid(), again = false,
        started_at = clock_timestamp(),
        lease_expires_at = clock_timestamp() + least(k.lease, k.deadline),
        deadline_at = clock_timestamp() + k.deadline
    FROM (
        SELECT due.id FROM jobs.job due
        WHERE due.kind = p_kind AND due.state = 'available' AND due.run_at <= clock_timestamp()
        ORDER BY due.priority DESC, due.run_at, due.id
        LIMIT p_limit FOR UPDATE SKIP LOCKED
    ) due, jobs.kind k
    WHERE j.id = due.id AND k.name = p_kind
    RETURNING j.id, j.payload, j.attempt, j.max_attempts, j.lease_token,
              (extract(epoch FROM k.lease) * 1000)::bigint, (extract(epoch FROM k.deadline) * 1000)::bigint,
              j.traceparent, (extract(epoch FROM clock_timestamp() - j.created_at) * 1000)::bigint;
END
$$;

-- Renews leases; answers the ids that the caller still holds. The deadline bounds every renewal.
CREATE FUNCTION jobs.heartbeat(p_ids bigint[], p_tokens uuid[]) RETURNS SETOF bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE jobs.job j
    SET lease_expires_at = least(clock_timestamp() + k.lease, j.deadline_at)
    FROM unnest(p_ids, p_tokens) AS held (id, token), jobs.kind k
    WHERE j.id = held.id AND j.lease_token = held.token AND k.name = j.kind AND j.deadline_at > clock_timestamp()
    RETURNING j.id
$$;

-- True while the caller holds the lease; the row stays locked until the caller's transaction ends,
-- so that the lease cannot be lost between this check and the commit.
CREATE FUNCTION jobs.hold(p_id bigint, p_token uuid) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM jobs.job WHERE id = p_id AND lease_token = p_token FOR UPDATE)
$$;

-- The work went on since the last claim: the attempts before it no longer count.
CREATE FUNCTION jobs.progressed(p_id bigint, p_token uuid) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH changed AS (
        UPDATE jobs.job SET attempt = 1 WHERE id = p_id AND lease_token = p_token RETURNING 1)
    SELECT EXISTS (SELECT FROM changed)
$$;

-- Gives a locked job up and carries out what its kind declares for that case.
CREATE FUNCTION jobs.give_up(p_id bigint, p_error text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    gone jobs.job;
    next_kind text;
BEGIN
    UPDATE jobs.job SET state = 'discarded', lease_token = NULL, lease_expires_at = NULL, deadline_at = NULL,
        finished_at = clock_timestamp(), errors = errors || p_error
    WHERE id = p_id RETURNING * INTO gone;
    SELECT on_discard INTO next_kind FROM jobs.kind WHERE name = gone.kind;
    IF next_kind IS NOT NULL THEN
        PERFORM jobs.insert_job(next_kind, gone.payload, gone.unique_key, clock_timestamp(), gone.priority, gone.traceparent);
    END IF;
END
$$;

-- One short line per attempt; a job that is never given up keeps the last twenty.
CREATE FUNCTION jobs.with_error(p_errors text[], p_attempt integer, p_error text) RETURNS text[]
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT (p_errors || format('attempt %s: %s', p_attempt, left(p_error, 300)))[greatest(1, cardinality(p_errors) - 18):]
$$;

-- Puts a failed attempt back after its back-off (with jitter), or gives the job up.
CREATE FUNCTION jobs.put_back(p_id bigint, p_error text) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    failed jobs.job;
    wait interval;
BEGIN
    SELECT * INTO failed FROM jobs.job WHERE id = p_id;
    IF failed.max_attempts IS NOT NULL AND failed.attempt >= failed.max_attempts THEN
        PERFORM jobs.give_up(p_id, format('attempt %s: %s', failed.attempt, left(p_error, 300)));
        RETURN 'discarded';
    END IF;
    SELECT least(backoff_first * power(2, least(failed.attempt - 1, 30)), backoff_limit) * (0.75 + random() / 2)
    INTO wait FROM jobs.kind WHERE name = failed.kind;
    UPDATE jobs.job SET state = 'available', lease_token = NULL, lease_expires_at = NULL, deadline_at = NULL,
        run_at = clock_timestamp() + CASE WHEN again THEN interval '0' ELSE wait END, again = false,
        errors = jobs.with_error(errors, attempt, p_error)
    WHERE id = p_id;
    RETURN 'available';
END
$$;

-- Ends the caller's run of a job. Outcomes: completed, cancelled, retry, fail, snooze, hand_back.
-- Answers the new state, or NULL when the caller no longer holds the lease: then nothing has changed.
CREATE FUNCTION jobs.finish(p_id bigint, p_token uuid, p_outcome text, p_note text, p_result jsonb, p_delay_ms bigint)
    RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    held jobs.job;
BEGIN
    SELECT * INTO held FROM jobs.job WHERE id = p_id AND lease_token = p_token FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    CASE p_outcome
    WHEN 'retry' THEN
        RETURN jobs.put_back(p_id, p_note);
    WHEN 'fail' THEN
        PERFORM jobs.give_up(p_id, format('attempt %s: %s', held.attempt, left(p_note, 300)));
        RETURN 'discarded';
    WHEN 'snooze', 'hand_back' THEN
        UPDATE jobs.job SET state = 'available', lease_token = NULL, lease_expires_at = NULL, deadline_at = NULL,
            attempt = attempt - 1, again = false,
            run_at = clock_timestamp() + CASE WHEN again THEN 0 ELSE p_delay_ms END * interval '1 millisecond'
        WHERE id = p_id;
        IF p_outcome = 'hand_back' OR held.again THEN
            PERFORM pg_notify('jobs_ready', held.kind);
        END IF;
        RETURN 'available';
    WHEN 'completed', 'cancelled' THEN
        IF held.again AND p_outcome = 'completed' THEN
            UPDATE jobs.job SET state = 'available', lease_token = NULL, lease_expires_at = NULL, deadline_at = NULL,
                attempt = 0, again = false, run_at = clock_timestamp()
            WHERE id = p_id;
            PERFORM pg_notify('jobs_ready', held.kind);
            RETURN 'available';
        END IF;
        UPDATE jobs.job SET state = p_outcome, lease_token = NULL, lease_expires_at = NULL, deadline_at = NULL,
            result = p_result, finished_at = clock_timestamp(),
            errors = CASE WHEN p_note IS NULL THEN errors ELSE jobs.with_error(errors, attempt, p_note) END
        WHERE id = p_id;
        IF (SELECT announced FROM jobs.kind WHERE name = held.kind) THEN
            PERFORM pg_notify('jobs_done', p_id::text);
        END IF;
        RETURN p_outcome;
    ELSE
        RAISE EXCEPTION 'unknown outcome %', p_outcome USING ERRCODE = 'invalid_parameter_value';
    END CASE;
END
$$;

-- Completes many runs of plain success in one statement; answers the ids that are no longer running.
CREATE FUNCTION jobs.complete(p_ids bigint[], p_tokens uuid[]) RETURNS SETOF bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN QUERY
    UPDATE jobs.job j
    SET state = CASE WHEN j.again THEN 'available' ELSE 'completed' END,
        finished_at = CASE WHEN j.again THEN NULL ELSE clock_timestamp() END,
        attempt = CASE WHEN j.again THEN 0 ELSE j.attempt END,
        run_at = CASE WHEN j.again THEN clock_timestamp() ELSE j.run_at END,
        again = false, lease_token = NULL, lease_expires_at = NULL, deadline_at = NULL
    FROM unnest(p_ids, p_tokens) AS held (id, token)
    WHERE j.id = held.id AND j.lease_token = held.token
    RETURNING j.id;
    PERFORM pg_notify('jobs_done', j.id::text)
    FROM jobs.job j JOIN jobs.kind k ON k.name = j.kind
    WHERE j.id = ANY (p_ids) AND k.announced AND j.state = 'completed';
    PERFORM pg_notify('jobs_ready', j.kind) FROM jobs.job j WHERE j.id = ANY (p_ids) AND j.state = 'available';
END
$$;

-- What must happen whichever service is alive: orphans of killed workers run again (or are given up, with
-- their discard action), periodic kinds are enqueued once per due time, old finished rows are pruned.
CREATE FUNCTION jobs.maintain() RETURNS TABLE (rescued bigint, scheduled bigint, pruned bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    orphan record;
    due record;
BEGIN
    rescued := 0; scheduled := 0; pruned := 0;
    FOR orphan IN
        SELECT id, kind, attempt, max_attempts FROM jobs.job
        WHERE state = 'running' AND lease_expires_at < clock_timestamp()
        ORDER BY lease_expires_at LIMIT 100 FOR UPDATE SKIP LOCKED
    LOOP
        rescued := rescued + 1;
        IF orphan.max_attempts IS NOT NULL AND orphan.attempt >= orphan.max_attempts THEN
            PERFORM jobs.give_up(orphan.id, format('attempt %s: the worker vanished or ran into the deadline', orphan.attempt));
        ELSE
            UPDATE jobs.job SET state = 'available', lease_token = NULL, lease_expires_at = NULL, deadline_at = NULL,
                run_at = clock_timestamp(), again = false,
                errors = jobs.with_error(errors, attempt, 'the worker vanished or ran into the deadline')
            WHERE id = orphan.id;
            PERFORM pg_notify('jobs_ready', orphan.kind);
        END IF;
    END LOOP;

    FOR due IN
        SELECT s.kind, k.every FROM jobs.schedule s JOIN jobs.kind k ON k.name = s.kind
        WHERE s.due_at <= clock_timestamp() AND k.every IS NOT NULL
        FOR UPDATE OF s SKIP LOCKED
    LOOP
        -- A due time that was missed while nothing ran is made up for once, not as often as it was missed.
        UPDATE jobs.schedule SET due_at = greatest(due_at + due.every, clock_timestamp() + due.every / 2)
        WHERE kind = due.kind;
        PERFORM jobs.insert_job(due.kind, '{}', 'schedule', clock_timestamp(), 0::smallint, NULL);
        scheduled := scheduled + 1;
    END LOOP;

    WITH old AS (
        SELECT id FROM jobs.job
        WHERE state IN ('completed', 'cancelled') AND finished_at < clock_timestamp() - interval '1 day'
        LIMIT 1000 FOR UPDATE SKIP LOCKED
    ), gone AS (DELETE FROM jobs.job j USING old WHERE j.id = old.id RETURNING 1)
    SELECT count(*) INTO pruned FROM gone;
    RETURN NEXT;
END
$$;

-- Where a job stands, for wait_for and for pages that follow one; no row when there is no such job.
CREATE FUNCTION jobs.standing(p_id bigint) RETURNS TABLE (state text, result jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT state, result FROM jobs.job WHERE id = p_id
$$;

-- True when a job of this kind and key is waiting or running; sweepers ask it.
CREATE FUNCTION jobs.is_live(p_kind text, p_unique_key text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM jobs.job
                   WHERE kind = p_kind AND unique_key = p_unique_key AND state IN ('available', 'running'))
$$;

-- Depth and age for metrics and readiness. Ages are in milliseconds.
CREATE FUNCTION jobs.depth(p_kinds text[])
    RETURNS TABLE (kind text, available bigint, running bigint, discarded bigint, oldest_ready_ms bigint, oldest_ms bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT k.name,
           count(*) FILTER (WHERE j.state = 'available'),
           count(*) FILTER (WHERE j.state = 'running'),
           count(*) FILTER (WHERE j.state = 'discarded'),
           coalesce(max(extract(epoch FROM clock_timestamp() - j.run_at) * 1000)
                    FILTER (WHERE j.state = 'available' AND j.run_at <= clock_timestamp()), 0)::bigint,
           coalesce(max(extract(epoch FROM clock_timestamp() - j.created_at) * 1000)
                    FILTER (WHERE j.state IN ('available', 'running')), 0)::bigint
    FROM jobs.kind k
    LEFT JOIN jobs.job j ON j.kind = k.name AND j.state IN ('available', 'running', 'discarded')
    WHERE k.name = ANY (p_kinds)
    GROUP BY k.name
$$;

-- The operator's retry of a discarded job (also: run a waiting one now). False when it is neither.
CREATE FUNCTION jobs.retry(p_id bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    revived text;
BEGIN
    UPDATE jobs.job SET state = 'available', attempt = 0, run_at = clock_timestamp(), finished_at = NULL
    WHERE id = p_id AND state IN ('discarded', 'available') RETURNING kind INTO revived;
    IF revived IS NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_notify('jobs_ready', revived);
    RETURN true;
END
$$;

-- The operator gives a waiting or running job up, with its discard action. False when it has ended already.
CREATE FUNCTION jobs.discard(p_id bigint, p_reason text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM FROM jobs.job WHERE id = p_id AND state IN ('available', 'running') FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM jobs.give_up(p_id, left(p_reason, 300));
    RETURN true;
END
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;
GRANT USAGE ON SCHEMA jobs TO metergate_service;
GRANT EXECUTE ON FUNCTION jobs.enqueue, jobs.claim, jobs.heartbeat, jobs.hold, jobs.progressed, jobs.finish,
    jobs.complete, jobs.maintain, jobs.standing, jobs.is_live, jobs.depth TO metergate_service;
GRANT EXECUTE ON FUNCTION jobs.retry, jobs.discard TO metergate_operator;
GRANT SELECT ON jobs.job, jobs.kind TO metergate_operator;
