-- One group role per service, without a login of its own: the operator's login roles are made members.
-- Roles belong to the cluster, not to the database: another database may have made them already, or
-- may be making them at this moment. Then what is there is taken, and needs no right to grant it.
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
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
        IF wanted <> 'metergate_service' AND NOT EXISTS (
            SELECT FROM pg_auth_members
            WHERE roleid = 'metergate_service'::regrole AND member = wanted::regrole
        ) THEN
            BEGIN
                EXECUTE format('GRANT metergate_service TO %I', wanted);
            EXCEPTION WHEN unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
END
$$;

-- Every service checks that the schema is the one it was built for.
GRANT SELECT ON __diesel_schema_migrations TO metergate_service;
