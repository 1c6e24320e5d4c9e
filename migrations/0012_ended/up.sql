-- When a permission ended is what its events say: messages of before are stored, whenever they arrive.
GRANT SELECT (id, permission_id, status, at) ON aiida.permission_event TO metergate_aiida_stream;

-- To delete what was on its way when a customer was erased.
GRANT DELETE ON aiida.message, aiida.reading, aiida.refusal TO metergate_aiida_stream;
