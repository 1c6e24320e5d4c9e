-- What the broker reads: who may connect, and who may do what. Written by mqtt-iam alone, from aiida.credential
-- and the data need of the permission. The broker's role sees these two tables and nothing else.
CREATE TABLE aiida.aiida_mqtt_user (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username      text NOT NULL UNIQUE,     -- the permission's id
    password_hash text NOT NULL,            -- bcrypt; EMQX breaks on NULL
    is_superuser  boolean NOT NULL DEFAULT false CHECK (NOT is_superuser),
    created_at    timestamptz NOT NULL DEFAULT now(),
    permission_id uuid NOT NULL REFERENCES aiida.permission ON DELETE CASCADE
);

-- Tried in the order of ids, the first match wins.
CREATE TABLE aiida.aiida_mqtt_acl (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username      text NOT NULL REFERENCES aiida.aiida_mqtt_user (username) ON DELETE CASCADE,
    action        text NOT NULL CHECK (action IN ('PUBLISH', 'SUBSCRIBE', 'ALL')),
    acl_type      text NOT NULL CHECK (acl_type IN ('ALLOW', 'DENY')),
    topic         text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    permission_id uuid NOT NULL REFERENCES aiida.permission ON DELETE CASCADE
);
CREATE INDEX aiida_mqtt_acl_username ON aiida.aiida_mqtt_acl (username, id);
CREATE INDEX aiida_mqtt_acl_permission ON aiida.aiida_mqtt_acl (permission_id);
CREATE INDEX aiida_mqtt_user_permission ON aiida.aiida_mqtt_user (permission_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON aiida.aiida_mqtt_user, aiida.aiida_mqtt_acl TO metergate_mqtt_iam;
GRANT SELECT ON aiida.aiida_mqtt_user, aiida.aiida_mqtt_acl TO emqx;
GRANT SELECT (id, username, is_superuser, created_at, permission_id) ON aiida.aiida_mqtt_user TO metergate_operator;
GRANT SELECT ON aiida.aiida_mqtt_acl TO metergate_operator;
