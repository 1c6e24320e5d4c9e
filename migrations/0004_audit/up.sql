-- What was done to a customer's data, by whom, when. No personal data: ids of ours only.
CREATE SCHEMA audit;
CREATE TABLE audit.event (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor   text NOT NULL DEFAULT session_user,
    action  text NOT NULL,
    subject uuid,
    detail  jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX event_subject ON audit.event (subject, at);
GRANT USAGE ON SCHEMA audit TO metergate_service;
-- Append only: no service may change or remove what it has written.
GRANT INSERT (action, subject, detail) ON audit.event TO metergate_service;
GRANT SELECT ON audit.event TO metergate_operator;
