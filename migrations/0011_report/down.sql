REVOKE SELECT (history_from, history_until) ON smd.authorization FROM metergate_csv_exporter;
