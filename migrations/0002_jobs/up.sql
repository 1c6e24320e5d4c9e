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
    -- No foreign key: whoever enqueues has looked at jobs.kind, and kinds are never removed.
    kind             text NOT NULL,
    payload          jsonb NOT NULL,
    state            text NOT NULL DEFAULT 'available'
                     CHECK (state IN ('available', 'running', 'completed', 'discarded', 'cancelled')),
    priority         smallint NOT NULL DEFAULT 0,     -- higher first
    attempt          integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    max_attempts     integer,
    run_at           timestamptz NOT NULL,
    unique_key       text,
    -- Enqueued once more while it was running: after this run it runs again, not before this time.
    again_at         timestamptz,
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
    CHECK (again_at IS NULL OR state = 'running'),
    CHECK ((state IN ('completed', 'discarded', 'cancelled')) = (finished_at IS NOT NULL))
);

CREATE UNIQUE INDEX job_unique_among_live ON jobs.job (kind, unique_key)
    WHERE state IN ('available', 'running') AND unique_key IS NOT NULL;
CREATE INDEX job_due ON jobs.job (kind, priority DESC, run_at, id) WHERE state = 'available';
CREATE INDEX job_leased ON jobs.job (lease_expires_at) WHERE state = 'running';
CREATE INDEX job_finished ON jobs.job (finished_at) WHERE state IN ('completed', 'cancelled');
CREATE INDEX job_discarded ON jobs.job (kind, finished_at) WHERE state = 'discarded';
-- The table is small and hot: dead rows must not pile up.
ALTER TABLE jobs.job SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, fillfactor = 80);

-- True when the session is the owner of these functions or a member of the named role.
CREATE FUNCTION jobs.acts_as(role_name text) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN session_user = current_user OR pg_has_role(session_user, role_name, 'MEMBER');
END
$$;

CREATE FUNCTION jobs.require_runner(kind_name text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
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

-- Adds jobs without asking who wants them. The arrays are of equal length; delays are in milliseconds.
CREATE FUNCTION jobs.add(p_kinds text[], p_payloads jsonb[], p_unique_keys text[], p_delays bigint[],
                         p_priorities smallint[], p_traceparent text) RETURNS bigint[]
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ids bigint[];
BEGIN
    WITH wanted AS MATERIALIZED (
        SELECT nextval('jobs.job_id_seq') AS id, w.kind, w.payload, w.unique_key, w.priority, w.nr,
               clock_timestamp() + w.delay * interval '1 millisecond' AS run_at
        FROM unnest(p_kinds, p_payloads, p_unique_keys, p_delays, p_priorities)
             WITH ORDINALITY AS w (kind, payload, unique_key, delay, priority, nr)
    ), free AS (
        -- Without a key there is no twin to look for.
        INSERT INTO jobs.job (id, kind, payload, run_at, priority, traceparent, max_attempts)
        OVERRIDING SYSTEM VALUE
        SELECT w.id, w.kind, w.payload, w.run_at, w.priority, p_traceparent, k.max_attempts
        FROM wanted w JOIN jobs.kind k ON k.name = w.kind WHERE w.unique_key IS NULL
    ), keyed AS (
        INSERT INTO jobs.job AS live (id, kind, payload, unique_key, run_at, priority, traceparent, max_attempts)
        OVERRIDING SYSTEM VALUE
        -- A key once per statement; always in the order of keys, so that two callers do not deadlock.
        SELECT DISTINCT ON (w.kind, w.unique_key)
               w.id, w.kind, w.payload, w.unique_key, w.run_at, w.priority, p_traceparent, k.max_attempts
        FROM wanted w JOIN jobs.kind k ON k.name = w.kind WHERE w.unique_key IS NOT NULL
        ORDER BY w.kind, w.unique_key, w.run_at, w.nr
        -- A live twin: it runs as early as either asks, and once more if it is running already,
        -- because what it has read so far may be older than the reason for this call.
        ON CONFLICT (kind, unique_key) WHERE state IN ('available', 'running') AND unique_key IS NOT NULL DO UPDATE
        SET priority = greatest(live.priority, excluded.priority),
            run_at = CASE live.state WHEN 'available' THEN least(live.run_at, excluded.run_at) ELSE live.run_at END,
            again_at = CASE live.state WHEN 'running' THEN least(live.again_at, excluded.run_at) END
        RETURNING live.id, live.kind, live.unique_key
    )
    SELECT array_agg(coalesce(keyed.id, wanted.id) ORDER BY wanted.nr) INTO ids
    FROM wanted LEFT JOIN keyed ON keyed.kind = wanted.kind AND keyed.unique_key = wanted.unique_key;
    -- Postgres sends equal notifications of one transaction once: one per kind.
    PERFORM pg_notify('jobs_ready', due.kind)
    FROM (SELECT DISTINCT w.kind FROM unnest(p_kinds, p_delays) AS w (kind, delay) WHERE w.delay <= 0) due;
    RETURN ids;
END
$$;

-- Enqueues in the caller's transaction; see jobs.add.
CREATE FUNCTION jobs.enqueue(p_kinds text[], p_payloads jsonb[], p_unique_keys text[], p_delays bigint[],
                             p_priorities smallint[], p_traceparent text) RETURNS bigint[]
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    refused text;
BEGIN
    SELECT wanted.kind INTO refused FROM (SELECT DISTINCT w.kind FROM unnest(p_kinds) AS w (kind)) wanted
    LEFT JOIN jobs.kind k ON k.name = wanted.kind
    WHERE k.name IS NULL OR NOT (
        session_user = current_user
        OR EXISTS (SELECT FROM unnest(k.enqueued_by) AS r (role_name) WHERE jobs.acts_as(r.role_name)))
    LIMIT 1;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'role % may not enqueue jobs of kind % (or the kind is unknown: run metergate migrate)',
            session_user, refused USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN jobs.add(p_kinds, p_payloads, p_unique_keys, p_delays, p_priorities, p_traceparent);
END
$$;

-- Takes up to p_limit due jobs of one kind and leases them to the caller.
CREATE FUNCTION jobs.claim(p_kind text, p_limit integer)
    RETURNS TABLE (id bigint, payload jsonb, attempt integer, max_attempts integer, lease_token uuid,
                   lease_ms bigint, deadline_ms bigint, traceparent text, age_ms bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    spec jobs.kind;
    claimed_at timestamptz;
BEGIN
    PERFORM jobs.require_runner(p_kind);
    SELECT * INTO spec FROM jobs.kind WHERE name = p_kind;
    -- A claim that a crash of the database undoes is made again: nobody needs to wait for the disk.
    PERFORM set_config('synchronous_commit', 'off', true);
    claimed_at := clock_timestamp();
    RETURN QUERY
    -- Materialized: run twice in a join, it would lock more than the limit.
    WITH due AS MATERIALIZED (
        SELECT d.id FROM jobs.job d
        WHERE d.kind = p_kind AND d.state = 'available' AND d.run_at <= claimed_at
        ORDER BY d.priority DESC, d.run_at, d.id
        LIMIT p_limit FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs.job j
    SET state = 'running', attempt = j.attempt + 1, lease_token = gen_random_uuid(), started_at = claimed_at,
        lease_expires_at = claimed_at + least(spec.lease, spec.deadline), deadline_at = claimed_at + spec.deadline
    FROM due WHERE j.id = due.id
    RETURNING j.id, j.payload, j.attempt, j.max_attempts, j.lease_token,
              (date_part('epoch', spec.lease) * 1000)::bigint, (date_part('epoch', spec.deadline) * 1000)::bigint,
              j.traceparent, (date_part('epoch', claimed_at - j.created_at) * 1000)::bigint;
END
$$;

-- Renews leases; answers the ids that the caller still holds. The deadline bounds every renewal.
-- A row that is locked is passed over, because waiting for one would cost all others their lease:
-- its own run is writing (then nobody else can take it), or the next heartbeat tells.
CREATE FUNCTION jobs.heartbeat(p_ids bigint[], p_tokens uuid[]) RETURNS SETOF bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    WITH free AS MATERIALIZED (
        SELECT j.id FROM unnest(p_ids, p_tokens) AS asked (id, token)
        JOIN jobs.job j ON j.id = asked.id AND j.lease_token = asked.token
        WHERE j.deadline_at > clock_timestamp()
        FOR NO KEY UPDATE OF j SKIP LOCKED
    ), renewed AS (
        UPDATE jobs.job j SET lease_expires_at = least(clock_timestamp() + k.lease, j.deadline_at)
        FROM free, jobs.kind k WHERE j.id = free.id AND k.name = j.kind
    )
    SELECT j.id FROM unnest(p_ids, p_tokens) AS asked (id, token)
    JOIN jobs.job j ON j.id = asked.id AND j.lease_token = asked.token
    WHERE j.deadline_at > clock_timestamp();
END
$$;

-- True while the caller holds the lease. The row stays locked until the caller's transaction ends, so
-- that nobody takes the lease away between this check and the commit: whoever does that locks FOR
-- UPDATE. Heartbeats and enqueuers, who change other columns only, need not wait for this lock.
CREATE FUNCTION jobs.hold(p_id bigint, p_token uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM jobs.job WHERE id = p_id AND lease_token = p_token FOR KEY SHARE;
    RETURN FOUND;
END
$$;

-- The work went on since the last claim: the attempts before it no longer count.
CREATE FUNCTION jobs.progressed(p_id bigint, p_token uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE jobs.job SET attempt = 1 WHERE id = p_id AND lease_token = p_token;
    RETURN FOUND;
END
$$;

-- Any text as one short line.
CREATE FUNCTION jobs.one_line(p_text text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN left(btrim(regexp_replace(coalesce(p_text, 'no reason given'), '[[:space:][:cntrl:]]+', ' ', 'g')), 300);
END
$$;

-- One short line per attempt; of many the last twenty.
CREATE FUNCTION jobs.with_error(p_errors text[], p_attempt integer, p_error text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (p_errors || format('attempt %s: %s', p_attempt, jobs.one_line(p_error)))
           [greatest(1, cardinality(p_errors) - 18):];
END
$$;

-- Wakes whoever waits for the end of this job, if its kind is announced.
CREATE FUNCTION jobs.announce(p_id bigint, p_kind text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_notify('jobs_done', p_id::text) FROM jobs.kind WHERE name = p_kind AND announced;
END
$$;

-- Gives a locked job up and carries out what its kind declares for that case.
CREATE FUNCTION jobs.give_up(p_id bigint, p_error text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone jobs.job;
    next_kind text;
BEGIN
    UPDATE jobs.job SET state = 'discarded', lease_token = NULL, lease_expires_at = NULL, deadline_at = NULL,
        again_at = NULL, finished_at = clock_timestamp(), errors = jobs.with_error(errors, attempt, p_error)
    WHERE id = p_id RETURNING * INTO gone;
    SELECT on_discard INTO next_kind FROM jobs.kind WHERE name = gone.kind;
    IF next_kind IS NOT NULL THEN
        PERFORM jobs.add(ARRAY[next_kind], ARRAY[gone.payload], ARRAY[gone.unique_key], ARRAY[0::bigint],
                         ARRAY[gone.priority], gone.traceparent);
    END IF;
    PERFORM jobs.announce(p_id, gone.kind);
END
$$;

-- Makes a locked job wait for its next run. A run that was asked for meanwhile comes as early as that
-- call wanted it.
CREATE FUNCTION jobs.wait_until(p_id bigint, p_run_at timestamptz, p_attempt integer, p_errors text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE jobs.job SET state = 'available', lease_token = NULL, lease_expires_at = NULL, deadline_at = NULL,
        run_at = least(p_run_at, again_at), again_at = NULL, attempt = p_attempt, errors = p_errors
    WHERE id = p_id;
    PERFORM pg_notify('jobs_ready', kind) FROM jobs.job WHERE id = p_id AND run_at <= clock_timestamp();
END
$$;

-- Puts a failed attempt back, after its back-off unless told otherwise, or gives the job up.
CREATE FUNCTION jobs.put_back(p_id bigint, p_error text, p_at_once boolean) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    failed jobs.job;
    backoff interval;
    is_last boolean;
BEGIN
    SELECT * INTO failed FROM jobs.job WHERE id = p_id;
    is_last := coalesce(failed.attempt >= failed.max_attempts, false);
    IF is_last AND failed.again_at IS NULL THEN
        PERFORM jobs.give_up(p_id, p_error);
        RETURN 'discarded';
    END IF;
    -- The jitter shortens only: the limit is one.
    SELECT least(backoff_first * power(2, least(greatest(failed.attempt, 1) - 1, 30)), backoff_limit) * (1 - random() / 4)
    INTO backoff FROM jobs.kind WHERE name = failed.kind;
    PERFORM jobs.wait_until(p_id, clock_timestamp() + CASE WHEN p_at_once THEN interval '0' ELSE backoff END,
                            -- Asked for anew during its last attempt: that call has all attempts.
                            CASE WHEN is_last THEN 0 ELSE failed.attempt END,
                            jobs.with_error(failed.errors, failed.attempt, p_error));
    RETURN 'available';
END
$$;

-- Ends the caller's run of a job. Outcomes: completed, cancelled, retry, fail, snooze, hand_back.
-- Answers the new state, or NULL when the caller no longer holds the lease: then nothing has changed.
CREATE FUNCTION jobs.finish(p_id bigint, p_token uuid, p_outcome text, p_note text, p_result jsonb, p_delay_ms bigint)
    RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held jobs.job;
BEGIN
    -- Not FOR UPDATE: a transaction that this run left behind must not keep it from ending.
    SELECT * INTO held FROM jobs.job WHERE id = p_id AND lease_token = p_token FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    CASE p_outcome
    WHEN 'retry' THEN
        RETURN jobs.put_back(p_id, p_note, false);
    WHEN 'fail' THEN
        IF held.max_attempts IS NULL THEN
            -- Never given up, whatever the handler thinks of it.
            RETURN jobs.put_back(p_id, p_note, false);
        END IF;
        PERFORM jobs.give_up(p_id, p_note);
        RETURN 'discarded';
    WHEN 'snooze' THEN
        PERFORM jobs.wait_until(p_id, clock_timestamp() + p_delay_ms * interval '1 millisecond', held.attempt - 1, held.errors);
        RETURN 'available';
    WHEN 'hand_back' THEN
        -- It keeps its place among the due jobs.
        PERFORM jobs.wait_until(p_id, held.run_at, held.attempt - 1, held.errors);
        RETURN 'available';
    WHEN 'completed', 'cancelled' THEN
        IF held.again_at IS NOT NULL THEN
            -- Asked for meanwhile: a new job in the old one's row.
            UPDATE jobs.job SET created_at = clock_timestamp() WHERE id = p_id;
            PERFORM jobs.wait_until(p_id, held.again_at, 0, held.errors);
            RETURN 'available';
        END IF;
        UPDATE jobs.job SET state = p_outcome, lease_token = NULL, lease_expires_at = NULL, deadline_at = NULL,
            result = p_result, finished_at = clock_timestamp(),
            errors = CASE WHEN p_note IS NULL THEN errors ELSE jobs.with_error(errors, attempt, p_note) END
        WHERE id = p_id;
        PERFORM jobs.announce(p_id, held.kind);
        RETURN p_outcome;
    ELSE
        RAISE EXCEPTION 'unknown outcome %', p_outcome USING ERRCODE = 'invalid_parameter_value';
    END CASE;
END
$$;

-- Completes many runs of plain success in one statement, as jobs.finish does one; answers the ids
-- whose lease the caller held.
CREATE FUNCTION jobs.complete(p_ids bigint[], p_tokens uuid[]) RETURNS SETOF bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A completion that a crash of the database undoes costs another run: every handler is idempotent.
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN QUERY
    WITH ended AS (
        UPDATE jobs.job j
        SET state = CASE WHEN j.again_at IS NULL THEN 'completed' ELSE 'available' END,
            finished_at = CASE WHEN j.again_at IS NULL THEN clock_timestamp() END,
            created_at = CASE WHEN j.again_at IS NULL THEN j.created_at ELSE clock_timestamp() END,
            attempt = CASE WHEN j.again_at IS NULL THEN j.attempt ELSE 0 END,
            run_at = coalesce(j.again_at, j.run_at),
            again_at = NULL, lease_token = NULL, lease_expires_at = NULL, deadline_at = NULL
        FROM unnest(p_ids, p_tokens) AS held (id, token)
        WHERE j.id = held.id AND j.lease_token = held.token
        RETURNING j.id, j.kind, j.state, j.run_at
    ), told AS (
        SELECT pg_notify(CASE e.state WHEN 'available' THEN 'jobs_ready' ELSE 'jobs_done' END,
                         CASE e.state WHEN 'available' THEN e.kind ELSE e.id::text END)
        FROM ended e JOIN jobs.kind k ON k.name = e.kind
        WHERE CASE e.state WHEN 'available' THEN e.run_at <= clock_timestamp() ELSE k.announced END
    )
    SELECT e.id FROM ended e WHERE (SELECT count(*) FROM told) >= 0;
END
$$;

-- What must happen whichever service is alive: orphans of killed workers run again (or are given up, with
-- their discard action), periodic kinds are enqueued once per due time, old finished rows are pruned.
-- Answers the kinds of the orphans and of those given up, one element per job.
CREATE FUNCTION jobs.maintain() RETURNS TABLE (rescued text[], given_up text[], scheduled bigint, pruned bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    orphan record;
    due record;
BEGIN
    rescued := '{}'; given_up := '{}'; scheduled := 0; pruned := 0;
    FOR orphan IN
        SELECT id, kind FROM jobs.job
        WHERE state = 'running' AND lease_expires_at < clock_timestamp()
        ORDER BY lease_expires_at LIMIT 500 FOR UPDATE SKIP LOCKED
    LOOP
        rescued := rescued || orphan.kind;
        IF jobs.put_back(orphan.id, 'the worker vanished or ran into the deadline', true) = 'discarded' THEN
            given_up := given_up || orphan.kind;
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
        PERFORM jobs.add(ARRAY[due.kind], ARRAY['{}'::jsonb], ARRAY['schedule'], ARRAY[0::bigint], ARRAY[0::smallint], NULL);
        scheduled := scheduled + 1;
    END LOOP;

    WITH old AS (
        SELECT id FROM jobs.job
        WHERE state IN ('completed', 'cancelled') AND finished_at < clock_timestamp() - interval '1 day'
        LIMIT 5000 FOR UPDATE SKIP LOCKED
    ), gone AS (DELETE FROM jobs.job j USING old WHERE j.id = old.id RETURNING 1)
    SELECT count(*) INTO pruned FROM gone;
    RETURN NEXT;
END
$$;

-- Where a job stands, for wait_for and for pages that follow one; no row when there is no such job.
CREATE FUNCTION jobs.standing(p_id bigint) RETURNS TABLE (state text, result jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT state, result FROM jobs.job WHERE id = p_id
$$;

-- True when a job of this kind and key is waiting or running; sweepers ask it.
CREATE FUNCTION jobs.is_live(p_kind text, p_unique_key text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM jobs.job
                   WHERE kind = p_kind AND unique_key = p_unique_key AND state IN ('available', 'running'))
$$;

-- Depth and age for metrics and readiness. Ages are in milliseconds.
CREATE FUNCTION jobs.depth(p_kinds text[])
    RETURNS TABLE (kind text, available bigint, running bigint, discarded bigint, oldest_ready_ms bigint, oldest_ms bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- The operator's retry of a discarded job (also: run a waiting one now). False when it is neither, or
-- when another job with its key is live.
CREATE FUNCTION jobs.retry(p_id bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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
EXCEPTION WHEN unique_violation THEN
    RETURN false;
END
$$;

-- The operator gives a waiting or running job up, with its discard action. False when it has ended already.
CREATE FUNCTION jobs.discard(p_id bigint, p_reason text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM jobs.job WHERE id = p_id AND state IN ('available', 'running') FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM jobs.give_up(p_id, p_reason);
    RETURN true;
END
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;
GRANT USAGE ON SCHEMA jobs TO metergate_service;
GRANT EXECUTE ON FUNCTION jobs.enqueue, jobs.claim, jobs.heartbeat, jobs.hold, jobs.progressed, jobs.finish,
    jobs.complete, jobs.maintain, jobs.standing, jobs.is_live, jobs.depth TO metergate_service;
GRANT EXECUTE ON FUNCTION jobs.retry, jobs.discard TO metergate_operator;
GRANT SELECT ON jobs.job, jobs.kind TO metergate_operator;
