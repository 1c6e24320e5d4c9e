DROP FUNCTION aiida.make_partitions(date[]), aiida.drop_partitions(date);
DROP TABLE aiida.refused_message, aiida.refusal, aiida.reading, aiida.message, aiida.stream_slot;
