GRANT DELETE ON aiida.message, aiida.reading, aiida.refusal TO metergate_aiida_stream;
