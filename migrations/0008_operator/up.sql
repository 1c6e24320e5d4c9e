-- What the operator's commands read: an access request answers with everything that is stored about one customer, and
-- that includes what was measured. Every such request is a line of the audit log. No password's hash, no token.
GRANT SELECT ON aiida.message, aiida.reading TO metergate_operator;
GRANT SELECT (permission_id, created_at) ON aiida.credential TO metergate_operator;
