-- How much of the request budget is used, for the operator's dashboard. Slots that are reserved and still to come count.
CREATE FUNCTION smd.budget_used(OUT last_hour bigint, OUT last_day bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) FILTER (WHERE slot_at > clock_timestamp() - interval '1 hour'), count(*)
    FROM smd.budget_slot WHERE slot_at > clock_timestamp() - interval '1 day'
$$;
REVOKE EXECUTE ON FUNCTION smd.budget_used FROM PUBLIC;
GRANT EXECUTE ON FUNCTION smd.budget_used TO metergate_smd_auth, metergate_smd_fetcher, metergate_operator;
