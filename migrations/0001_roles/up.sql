-- One group role per service, without a login of its own: the operator's login roles are made members.
-- Roles belong to the cluster, not to the database: another database may have made them already.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY[
        'metergate_service',        -- what every service may do: the job functions
        'metergate_smd_auth',
        'metergate_smd_fetcher',
        'metergate_csv_exporter',
        'metergate_operator'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
    END LOOP;
    GRANT metergate_service TO
        metergate_smd_auth, metergate_smd_fetcher, metergate_csv_exporter, metergate_operator;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    -- Another database of this cluster was migrated at the same moment.
    RAISE EXCEPTION 'the roles were being created by another migration: run it again'
        USING ERRCODE = 'serialization_failure';
END
$$;

-- Every service checks that the schema is the one it was built for.
GRANT SELECT ON __diesel_schema_migrations TO metergate_service;
