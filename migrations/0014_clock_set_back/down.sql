CREATE OR REPLACE FUNCTION smd.reserve_slot(p_spacing_ms bigint, p_per_hour bigint, p_per_day bigint, p_wait_ms bigint)
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

CREATE OR REPLACE FUNCTION smd.close_budget(p_ms bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE smd.budget SET closed_until = greatest(closed_until, clock_timestamp() + p_ms * interval '1 millisecond')
$$;

CREATE OR REPLACE FUNCTION jobs.maintain() RETURNS TABLE (rescued text[], given_up text[], scheduled bigint, pruned bigint)
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

DROP FUNCTION smd.budget_clock_read();
DROP TABLE smd.budget_clock;
