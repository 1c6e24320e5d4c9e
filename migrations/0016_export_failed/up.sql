-- A history that no file can hold is given up by the exporter, which alone finds out: this step, and no other stage.
-- False for one that was exported before, or is not to be exported any more.
CREATE FUNCTION smd.fail_export(p_id uuid, p_failure text, p_error text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE smd.authorization SET stage = 'failed', failure = p_failure, export_error = p_error
    WHERE id = p_id AND stage = 'fetched' AND exported_at IS NULL;
    RETURN FOUND;
END
$$;
REVOKE EXECUTE ON FUNCTION smd.fail_export FROM PUBLIC;
GRANT EXECUTE ON FUNCTION smd.fail_export TO metergate_csv_exporter;
