REVOKE SELECT (permission_id, created_at) ON aiida.credential FROM metergate_operator;
REVOKE SELECT ON aiida.message, aiida.reading FROM metergate_operator;
GRANT SELECT (permission_id) ON aiida.message, aiida.reading TO metergate_operator;
