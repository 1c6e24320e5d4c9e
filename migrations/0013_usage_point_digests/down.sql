DROP TRIGGER keep_digests ON smd.usage_point;
DROP FUNCTION smd.keep_digests();
DROP TABLE smd.usage_point_digest;
