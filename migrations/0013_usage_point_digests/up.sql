-- Which authorizations are of the same customer, also when the data of one has gone: its files and the custodian's ids of
-- it stay longer, and an erasure has to find them. Kept until the authorization is erased.
--
-- A digest serves to compare, and that is all it is needed for. It is no secret: whoever can read it can try all the
-- ids of ten digits.
--
-- No foreign key: making one would lock the authorizations as well, in another order than services do, and no
-- authorization is ever deleted.
CREATE TABLE smd.usage_point_digest (
    authorization_id uuid NOT NULL,
    digest           bytea NOT NULL,    -- SHA-256 of the usage point's id
    PRIMARY KEY (authorization_id, digest)
);
CREATE INDEX usage_point_digest_equal ON smd.usage_point_digest (digest);

-- By the database, so that a service of a release before, which knows nothing of it, leaves it as well.
CREATE FUNCTION smd.keep_digests() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO smd.usage_point_digest (authorization_id, digest)
    SELECT authorization_id, sha256(convert_to(usage_point_id, 'UTF8')) FROM added
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION smd.keep_digests FROM PUBLIC;
-- From here on who stores usage points waits for the end of this migration: none is stored between the two statements.
-- Those that were erased before are gone, and nothing links their authorizations.
CREATE TRIGGER keep_digests AFTER INSERT ON smd.usage_point REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION smd.keep_digests();
INSERT INTO smd.usage_point_digest (authorization_id, digest)
SELECT authorization_id, sha256(convert_to(usage_point_id, 'UTF8')) FROM smd.usage_point;

-- Who erases deletes, and the sweep what a service of a release before has left on a tombstone; who looks for a customer
-- compares.
GRANT SELECT (authorization_id), DELETE ON smd.usage_point_digest TO metergate_smd_fetcher;
GRANT SELECT, DELETE ON smd.usage_point_digest TO metergate_operator, metergate_console;
