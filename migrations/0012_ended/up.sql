-- When a permission ended is what its events say: messages of before are stored, whenever they arrive.
GRANT SELECT (id, permission_id, status, at) ON aiida.permission_event TO metergate_aiida_stream;
