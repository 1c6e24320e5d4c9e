DROP TABLE aiida.refused_message, aiida.refusal, aiida.reading, aiida.message, aiida.stream_slot;
