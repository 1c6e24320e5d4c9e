//! Rows that must not be there when everything has come to rest. Each query finds what is wrong.

use demo::{Claims, Stack};
use serde_json::Value;

/// How many of the wrong rows are shown.
const SHOWN: &str = " LIMIT 5";

/// What must be true, and who would show the contrary.
const NONE: &[(&str, &str)] = &[
    (
        "no job is orphaned, waiting or given up",
        // A periodic one may be at work just now.
        "SELECT id, kind, state, attempt, errors FROM jobs.job WHERE state NOT IN ('completed', 'cancelled')
            AND (state = 'discarded' OR lease_expires_at < clock_timestamp() OR kind NOT IN (SELECT kind FROM jobs.schedule))",
    ),
    (
        "every authorization has ended at the custodian, and that was confirmed",
        "SELECT id, stage, failure FROM smd.authorization WHERE released_at IS NULL OR stage = 'fetching'",
    ),
    (
        "no customer's history failed",
        "SELECT id, failure FROM smd.authorization WHERE stage = 'failed'",
    ),
    (
        "what is fetched is exported",
        "SELECT id, export_error FROM smd.authorization WHERE stage = 'fetched'
            AND (exported_at IS NULL OR export_error IS NOT NULL OR num_nonnulls(electricity_file, gas_file) = 0)",
    ),
    (
        "no window is missing in what is fetched",
        "SELECT id, number FROM smd.pull JOIN smd.authorization ON id = authorization_id
            WHERE stage = 'fetched' AND received_at IS NULL",
    ),
    (
        "nothing is kept of what was not delivered",
        "SELECT a.id, stage FROM smd.authorization a JOIN smd.series s ON s.authorization_id = a.id WHERE stage <> 'fetched'",
    ),
    (
        "no token is left",
        "SELECT id, stage FROM smd.authorization
            WHERE num_nonnulls(access_token, refresh_token, access_key_id, refresh_key_id) > 0",
    ),
    (
        "nothing is left half read",
        "SELECT batch, count(*) FROM smd.staged_reading GROUP BY batch",
    ),
    (
        "every permission begins as created and stands where its last event says",
        "SELECT p.id, p.status, e.story FROM aiida.permission p LEFT JOIN (
            SELECT permission_id, array_agg(status ORDER BY id) AS story FROM aiida.permission_event GROUP BY 1) e
            ON e.permission_id = p.id
         WHERE e.story IS NULL OR e.story[1] <> 'CREATED' OR e.story[cardinality(e.story)] <> p.status",
    ),
    (
        "every step of a permission is one of the process model",
        "SELECT permission_id, before, status FROM (
            SELECT permission_id, status, lag(status) OVER (PARTITION BY permission_id ORDER BY id) AS before
            FROM aiida.permission_event) step
         WHERE before IS NOT NULL AND (before, status) NOT IN (
            ('CREATED', 'VALIDATED'), ('CREATED', 'MALFORMED'),
            ('VALIDATED', 'SENT_TO_PERMISSION_ADMINISTRATOR'), ('VALIDATED', 'UNABLE_TO_SEND'),
            ('UNABLE_TO_SEND', 'VALIDATED'),
            ('SENT_TO_PERMISSION_ADMINISTRATOR', 'ACCEPTED'), ('SENT_TO_PERMISSION_ADMINISTRATOR', 'REJECTED'),
            ('SENT_TO_PERMISSION_ADMINISTRATOR', 'UNFULFILLABLE'), ('SENT_TO_PERMISSION_ADMINISTRATOR', 'TIMED_OUT'),
            ('SENT_TO_PERMISSION_ADMINISTRATOR', 'INVALID'),
            ('ACCEPTED', 'REVOKED'), ('ACCEPTED', 'FULFILLED'), ('ACCEPTED', 'TERMINATED'), ('ACCEPTED', 'UNFULFILLABLE'),
            ('TERMINATED', 'REQUIRES_EXTERNAL_TERMINATION'), ('FULFILLED', 'REQUIRES_EXTERNAL_TERMINATION'),
            ('UNFULFILLABLE', 'REQUIRES_EXTERNAL_TERMINATION'),
            ('REQUIRES_EXTERNAL_TERMINATION', 'EXTERNALLY_TERMINATED'),
            ('REQUIRES_EXTERNAL_TERMINATION', 'FAILED_TO_TERMINATE'),
            ('FAILED_TO_TERMINATE', 'REQUIRES_EXTERNAL_TERMINATION'))",
    ),
    (
        "no permission stops half way",
        "SELECT id, status FROM aiida.permission
            WHERE status IN ('CREATED', 'VALIDATED', 'UNABLE_TO_SEND', 'TERMINATED', 'FAILED_TO_TERMINATE')",
    ),
    (
        "the broker lets in whom a live permission says, with its credential and all its rules, and nobody else",
        "SELECT p.id, p.status, live.wanted, u.username, r.rules, c.permission_id IS NOT NULL AS credential
            FROM aiida.permission p
            CROSS JOIN LATERAL (SELECT p.status IN ('ACCEPTED', 'REQUIRES_EXTERNAL_TERMINATION') AS wanted) live
            LEFT JOIN aiida.aiida_mqtt_user u ON u.username = p.id::text AND u.permission_id = p.id
            LEFT JOIN aiida.credential c ON c.permission_id = p.id
            CROSS JOIN LATERAL (SELECT count(*) AS rules FROM aiida.aiida_mqtt_acl a WHERE a.username = p.id::text) r
         WHERE CASE WHEN live.wanted
            THEN u.password_hash IS DISTINCT FROM c.password_hash OR c.password_hash IS NULL OR r.rules <> 5
                OR p.granted_at IS NULL OR p.removed_at IS NOT NULL
            ELSE num_nonnulls(u.username, c.password_hash) + r.rules > 0
                OR (p.accepted_at IS NOT NULL AND p.removed_at IS NULL) END",
    ),
    (
        "the broker knows nobody without a permission",
        "SELECT username FROM aiida.aiida_mqtt_user u LEFT JOIN aiida.permission p ON p.id::text = u.username
            WHERE p.id IS NULL OR u.is_superuser",
    ),
    (
        "every command was published or dropped",
        "SELECT id, name FROM aiida.outgoing WHERE published_at IS NULL AND dropped IS NULL",
    ),
    (
        "no message is stored twice",
        "SELECT permission_id, schema, count(*) FROM aiida.message
            GROUP BY permission_id, channel, schema, payload HAVING count(*) > 1",
    ),
    (
        "readings belong to messages, and no message lacks its readings",
        "SELECT coalesce(m.permission_id, r.permission_id) AS permission, m.sent_at, r.nr FROM aiida.message m
            FULL JOIN aiida.reading r USING (permission_id, sent_at, digest)
            WHERE m.schema IS NULL OR (r.nr IS NULL AND m.channel = 'data')",
    ),
];

/// Looks for them.
pub(super) async fn look(stack: &Stack, claims: &mut Claims) {
    for (claim, query) in NONE {
        match stack.rows(&format!("{query}{SHOWN}")).await {
            Ok(rows) => claims.note(*claim, rows.is_empty(), Value::from(rows)),
            Err(error) => claims.note(*claim, false, String::from(error)),
        }
    }
}
