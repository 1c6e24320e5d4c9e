REVOKE DELETE ON aiida.message, aiida.reading, aiida.refusal FROM metergate_aiida_stream;
REVOKE SELECT (id, permission_id, status, at) ON aiida.permission_event FROM metergate_aiida_stream;
