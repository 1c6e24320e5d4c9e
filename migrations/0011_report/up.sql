-- The report says which part of the period that was asked for was delivered.
GRANT SELECT (history_from, history_until) ON smd.authorization TO metergate_csv_exporter;
