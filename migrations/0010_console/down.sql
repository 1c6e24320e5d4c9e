DROP TABLE smd.comparison;
DROP INDEX jobs.job_discarded_about, jobs.job_discarded_list;
DROP INDEX smd.usage_point_id, smd.authorization_name, smd.authorization_subscription, smd.authorization_stage,
    smd.authorization_list;
DROP INDEX aiida.permission_connection_prefix, aiida.permission_status;
REVOKE ALL ON ALL TABLES IN SCHEMA smd, aiida, jobs, audit FROM metergate_console;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA smd, jobs FROM metergate_console;
REVOKE ALL ON SCHEMA smd, aiida FROM metergate_console;
