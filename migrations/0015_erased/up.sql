-- Nothing is stored of a permission that is gone, so nothing is to be deleted after it: `aiida.forget` is no kind any more.
REVOKE DELETE ON aiida.message, aiida.reading, aiida.refusal FROM metergate_aiida_stream;
UPDATE jobs.job SET state = 'cancelled', finished_at = clock_timestamp() WHERE kind = 'aiida.forget' AND state = 'available';
