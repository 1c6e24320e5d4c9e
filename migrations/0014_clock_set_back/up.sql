-- A database whose clock ran ahead and was set back: the schedules and the request budget must not stand still for as
-- long as that was.

-- A due time further away than its period was written by a clock that was ahead; it counts as due. One at infinity is
-- never due.
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
        WHERE k.every IS NOT NULL
          AND (s.due_at <= clock_timestamp() OR (s.due_at > clock_timestamp() + k.every AND isfinite(s.due_at)))
        FOR UPDATE OF s SKIP LOCKED
    LOOP
        -- A due time that was missed while nothing ran is made up for once, not as often as it was missed.
        UPDATE jobs.schedule SET due_at = CASE WHEN due_at > clock_timestamp() THEN clock_timestamp() + due.every
            ELSE greatest(due_at + due.every, clock_timestamp() + due.every / 2) END
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

-- What the clock showed when the request budget was last asked.
CREATE TABLE smd.budget_clock (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    shown_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO smd.budget_clock DEFAULT VALUES;

-- Locks the budget and answers the time. Where the clock has gone back since the budget was last asked, what then seems
-- to lie ahead goes back by as much. That keeps the distances between slots; the time that passed meanwhile is not known
-- and counts as none. A clock that goes back and then forward again makes that jump count as time, as any jump forward.
CREATE FUNCTION smd.budget_clock_read() RETURNS timestamptz
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    now_at timestamptz;
    back interval;
BEGIN
    PERFORM FROM smd.budget FOR UPDATE;
    now_at := clock_timestamp();     -- after the lock: waiting for it must not date the slot back
    -- Not as days, which are not all equally long.
    SELECT make_interval(secs => extract(epoch FROM shown_at - now_at)) INTO back FROM smd.budget_clock;
    IF back > interval '0' THEN
        UPDATE smd.budget_slot SET slot_at = slot_at - back WHERE slot_at > now_at;
        UPDATE smd.budget SET
            last_slot_at = CASE WHEN last_slot_at > now_at THEN last_slot_at - back ELSE last_slot_at END,
            closed_until = CASE WHEN closed_until > now_at THEN closed_until - back ELSE closed_until END;
    END IF;
    UPDATE smd.budget_clock SET shown_at = now_at;
    RETURN now_at;
END
$$;
REVOKE EXECUTE ON FUNCTION smd.budget_clock_read FROM PUBLIC;

CREATE OR REPLACE FUNCTION smd.reserve_slot(p_spacing_ms bigint, p_per_hour bigint, p_per_day bigint, p_wait_ms bigint)
    RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    b smd.budget;
    now_at timestamptz;
    at timestamptz;
    wait_ms bigint;
BEGIN
    now_at := smd.budget_clock_read();
    SELECT * INTO b FROM smd.budget;
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
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    now_at timestamptz;
BEGIN
    now_at := smd.budget_clock_read();
    UPDATE smd.budget SET closed_until = greatest(closed_until, now_at + p_ms * interval '1 millisecond');
END
$$;
