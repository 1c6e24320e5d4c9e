//! Everything that is stored about one customer, table by table, for an access request (GDPR article 15 and 20, CCPA
//! 1798.110). Roles: operator, which reads no token and no password's hash: whose they are is in the documents.
//!
//! Call it in one transaction of isolation level REPEATABLE READ: then all tables are of the same moment.

use diesel::sql_types::{Array, Json, Nullable, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::{Stream, TryStreamExt as _};
use serde_json::Value;
use uuid::Uuid;

/// Rows of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// What they are called, as a file name without an ending.
    pub name: &'static str,
    /// What they are, in words.
    pub about: &'static str,
    /// Their columns; `payload` is bytes, written as `\x` and hexadecimal digits.
    pub columns: &'static [&'static str],
    /// Which rows; `$1` is the array of the customer's ids.
    from: &'static str,
}

/// What an authorization or a permission is, as one document each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Documents {
    /// What they are called, as a file name without an ending.
    pub name: &'static str,
    /// What they are, in words.
    pub about: &'static str,
    query: &'static str,
}

/// Share My Data: the authorizations themselves.
pub const AUTHORIZATIONS: Documents = Documents {
    name: "authorizations",
    about: "authorizations at the custodian, with the name that it told; tokens are stored encrypted and left out",
    query: "SELECT row_to_json(a) AS document FROM (
                SELECT id, subscription_id, authorization_uri, stage, failure, authorized_at, seen_at, customer_name,
                       time_zone, history_from, history_until, planned_at, fetched_at, released_at, exported_at,
                       export_error, electricity_file, gas_file, files_removed_at,
                       access_expires_at IS NOT NULL AS has_tokens, access_expires_at
                FROM smd.authorization WHERE id = ANY ($1) ORDER BY authorized_at, id) a",
};

/// AIIDA: the permissions themselves.
pub const PERMISSIONS: Documents = Documents {
    name: "permissions",
    about: "permissions to near-real-time data, with the data need that was agreed to; the hash of the password is left out",
    query: "SELECT row_to_json(p) AS document FROM (
                SELECT p.id, p.bundle_id, p.connection_id, p.data_need_id, p.data_need, p.meter_id, p.status, p.created_at,
                       p.status_at, p.sent_at, p.starts_on, p.ends_on, p.code, p.aiida_id, p.accepted_at, p.granted_at,
                       p.removed_at, p.first_message_at, p.last_message_at, c.created_at AS password_stored_at
                FROM aiida.permission p LEFT JOIN aiida.credential c ON c.permission_id = p.id
                WHERE p.id = ANY ($1) ORDER BY p.created_at, p.id) p",
};

/// What is stored under authorizations.
pub const OF_AUTHORIZATIONS: [Table; 4] = [
    Table {
        name: "usage_points",
        about: "service agreements",
        columns: &["authorization_id", "usage_point_id"],
        from: "smd.usage_point WHERE authorization_id = ANY ($1) ORDER BY authorization_id, usage_point_id",
    },
    Table {
        name: "windows",
        about: "requests for usage data and what became of them",
        columns: &[
            "authorization_id",
            "usage_point_id",
            "number",
            "starts_at",
            "ends_at",
            "requested_at",
            "accepted_at",
            "accepted",
            "received_at",
            "readings",
        ],
        from: "smd.pull WHERE authorization_id = ANY ($1) ORDER BY authorization_id, usage_point_id, number",
    },
    Table {
        name: "readings",
        about: "usage: value x 10^multiplier in the unit, cost in 1/100000 of the currency, codes of ESPI 1.1",
        columns: &[
            "authorization_id",
            "usage_point_id",
            "commodity",
            "flow",
            "unit",
            "accumulation",
            "kind",
            "phase",
            "series_tou",
            "qualifier",
            "currency",
            "default_quality",
            "starts_at",
            "duration",
            "value",
            "multiplier",
            "quality",
            "tou",
            "cpp",
            "cost",
            "published_at",
        ],
        from: "(SELECT s.authorization_id, s.usage_point_id, s.commodity, s.flow, s.unit, s.accumulation, s.kind, s.phase,
                       s.tou AS series_tou, s.qualifier, s.currency, s.default_quality, r.starts_at, r.duration, r.value, r.multiplier,
                       array_to_string(r.quality, ' ') AS quality, r.tou, r.cpp, r.cost, r.published_at
                FROM smd.series s JOIN smd.reading r ON r.series_id = s.id WHERE s.authorization_id = ANY ($1)) r
               ORDER BY authorization_id, usage_point_id, commodity, flow, starts_at, duration",
    },
    Table {
        name: "notices",
        about: "announcements of the custodian",
        columns: &[
            "id",
            "authorization_id",
            "usage_point_id",
            "link",
            "received_at",
            "collected_at",
        ],
        from: "smd.notice WHERE authorization_id = ANY ($1) ORDER BY received_at, id",
    },
];

/// What is stored under permissions.
pub const OF_PERMISSIONS: [Table; 7] = [
    Table {
        name: "permission_events",
        about: "changes of the permissions' status",
        columns: &["id", "permission_id", "status", "at", "cause", "detail"],
        from: "aiida.permission_event WHERE permission_id = ANY ($1) ORDER BY id",
    },
    Table {
        name: "access_rules",
        about: "what the home may do at the broker",
        columns: &["username", "action", "acl_type", "topic", "created_at"],
        from: "aiida.aiida_mqtt_acl WHERE permission_id = ANY ($1) ORDER BY id",
    },
    Table {
        name: "sent_to_home",
        about: "commands and data for the home",
        columns: &[
            "id",
            "permission_id",
            "kind",
            "name",
            "payload",
            "created_at",
            "published_at",
            "dropped",
        ],
        from: "aiida.outgoing WHERE permission_id = ANY ($1) ORDER BY number",
    },
    Table {
        name: "messages",
        about: "records of the home as they came",
        columns: &[
            "permission_id",
            "sent_at",
            "received_at",
            "channel",
            "schema",
            "payload",
        ],
        from: "aiida.message WHERE permission_id = ANY ($1) ORDER BY permission_id, sent_at, digest",
    },
    Table {
        name: "measurements",
        about: "values of these records; obis may be quantity:<type>, a type of CIM without a code",
        columns: &[
            "permission_id",
            "sent_at",
            "measured_at",
            "obis",
            "value",
            "unit",
            "quality",
        ],
        from: "aiida.reading WHERE permission_id = ANY ($1) ORDER BY permission_id, sent_at, digest, nr",
    },
    Table {
        name: "refusals",
        about: "how many messages of the home were refused",
        columns: &["permission_id", "reason", "messages", "last_at"],
        from: "aiida.refusal WHERE permission_id = ANY ($1) ORDER BY permission_id, reason",
    },
    Table {
        name: "refused_messages",
        about: "the last of them, their beginning",
        columns: &[
            "permission_id",
            "topic",
            "reason",
            "received_at",
            "payload",
        ],
        from: "aiida.refused_message
               WHERE permission_id = ANY ($1)
                  OR (permission_id IS NULL AND split_part(topic, '/', 3) = ANY ($1::uuid[]::text[]))
               ORDER BY id",
    },
];

/// What is stored about either.
pub const OF_BOTH: [Table; 2] = [
    Table {
        name: "jobs",
        about: "steps that are under way or were done in the last day",
        columns: &[
            "id",
            "kind",
            "payload_ids",
            "state",
            "attempt",
            "run_at",
            "created_at",
            "finished_at",
            "errors",
        ],
        from: "(SELECT id, kind, payload::text AS payload_ids, state, attempt, run_at, created_at, finished_at,
                       array_to_string(errors, '; ') AS errors
                FROM jobs.job
                WHERE coalesce(payload ->> 'authorization', payload ->> 'permission') = ANY ($1::uuid[]::text[])
                   OR payload ->> 'notice' IN (SELECT id::text FROM smd.notice WHERE authorization_id = ANY ($1))
                   OR payload ->> 'message' IN (SELECT id::text FROM aiida.outgoing WHERE permission_id = ANY ($1))) j
               ORDER BY id",
    },
    Table {
        name: "audit",
        about: "what was done to these data, by whom",
        columns: &["at", "actor", "action", "subject", "detail"],
        from: "audit.event WHERE subject = ANY ($1) ORDER BY id",
    },
];

/// Cells of a row in the order of the columns; `None` is NULL.
pub type Cells = Vec<Option<String>>;

/// The rows of a table, one at a time. Values are Postgres's own text: numbers exact, times in ISO 8601.
pub async fn rows<'conn>(
    conn: &'conn mut AsyncPgConnection,
    table: &Table,
    ids: &[Uuid],
) -> diesel::QueryResult<impl Stream<Item = diesel::QueryResult<Cells>> + use<'conn>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Array<Nullable<Text>>)]
        cells: Cells,
    }
    let query = format!(
        "SELECT ARRAY(SELECT e.value FROM json_each_text(row_to_json(t)) WITH ORDINALITY AS e (key, value, nr) ORDER BY nr)
                AS cells
         FROM (SELECT {} FROM {}) t",
        table.columns.join(", "),
        table.from
    );
    let rows = sql_query(query)
        .bind::<Array<SqlUuid>, _>(ids)
        .load_stream::<Row>(conn)
        .await?;
    Ok(rows.map_ok(|row| row.cells))
}

/// The documents.
pub async fn documents(
    conn: &mut AsyncPgConnection,
    documents: Documents,
    ids: &[Uuid],
) -> diesel::QueryResult<Vec<Value>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Json)]
        document: Value,
    }
    let rows: Vec<Row> = sql_query(documents.query)
        .bind::<Array<SqlUuid>, _>(ids)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| row.document).collect())
}
