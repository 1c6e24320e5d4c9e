-- How much of the request budget is used, and how many milliseconds away its next free slot is, for the operator's
-- dashboard: the limits as for reserve_slot. Slots that are reserved and still to come count. Takes no lock: those who
-- reserve do not wait for those who look.
CREATE FUNCTION smd.budget_used(p_spacing_ms bigint, p_per_hour bigint, p_per_day bigint,
                                OUT last_hour bigint, OUT last_day bigint, OUT next_slot_ms bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.last_hour, u.last_day,
        greatest(0, ceil(extract(epoch FROM greatest(clock_timestamp(), nullif(b.closed_until, '-infinity'),
            b.last_slot_at + p_spacing_ms * interval '1 millisecond',
            (SELECT slot_at + interval '1 hour' FROM smd.budget_slot WHERE number = b.slots + 1 - p_per_hour),
            (SELECT slot_at + interval '1 day' FROM smd.budget_slot WHERE number = b.slots + 1 - p_per_day))
            - clock_timestamp()) * 1000))::bigint
    FROM smd.budget b,
        (SELECT count(*) FILTER (WHERE slot_at > clock_timestamp() - interval '1 hour') AS last_hour, count(*) AS last_day
         FROM smd.budget_slot WHERE slot_at > clock_timestamp() - interval '1 day') u
$$;
REVOKE EXECUTE ON FUNCTION smd.budget_used FROM PUBLIC;
GRANT EXECUTE ON FUNCTION smd.budget_used TO metergate_smd_auth, metergate_smd_fetcher;
