//! `infra/emqx/emqx.conf` is not run here, but its queries are: as the broker's role, on what a grant has written. And
//! the role sees nothing else.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};
use permission::Status;

use crate::world::{HASH, World, expected_rules, grant};

const CONF: &str = include_str!("../../../../infra/emqx/emqx.conf");
const PLACEHOLDER: &str = "${username}";

/// The queries with a bound parameter, as EMQX prepares them: who comes in, and who may do what.
fn queries() -> [String; 2] {
    let queries: Vec<_> = settings()
        .filter_map(|line| line.strip_prefix("query = "))
        .map(|value| {
            let query = value.trim_matches('"');
            assert_eq!(query.matches(PLACEHOLDER).count(), 1, "{query}");
            query.replace(PLACEHOLDER, "$1")
        })
        .collect();
    queries.try_into().expect("two queries")
}

/// The lines without comments.
fn settings() -> impl Iterator<Item = &'static str> {
    let lines = CONF.lines().map(|line| match line.split_once(" #") {
        Some((setting, _)) => setting.trim(),
        None => line.trim(),
    });
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[derive(QueryableByName)]
struct UserRow {
    #[diesel(sql_type = Text)]
    password_hash: String,
}

#[derive(QueryableByName)]
struct RuleRow {
    #[diesel(sql_type = Text)]
    permission: String,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Text)]
    topic: String,
}

#[tokio::test]
async fn the_queries_answer_what_a_grant_has_written_in_its_order() {
    let mut world = World::start().await;
    let id = world.accepted(Status::Accepted).await;
    let other = world.accepted(Status::Accepted).await;
    let mut conn = world.as_service().await;
    grant(&mut conn, id).await.unwrap();
    grant(&mut conn, other).await.unwrap();
    // Also when the rows lie in another order on the disk.
    world
        .sql("UPDATE aiida.aiida_mqtt_acl SET created_at = now() WHERE acl_type = 'DENY'")
        .await;
    let [who, what] = queries();
    let mut broker = world.as_broker().await;
    // Nor does the order come from the index by chance.
    broker
        .batch_execute("SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off")
        .await
        .unwrap();
    let users: Vec<UserRow> = diesel::sql_query(&who)
        .bind::<Text, _>(id.to_string())
        .load(&mut broker)
        .await
        .unwrap();
    assert_eq!(users.len(), 1);
    assert_eq!(users[0].password_hash, HASH);
    let rules: Vec<RuleRow> = diesel::sql_query(&what)
        .bind::<Text, _>(id.to_string())
        .load(&mut broker)
        .await
        .unwrap();
    let told: Vec<_> = rules
        .iter()
        .map(|row| {
            // EMQX passes a row over whose words are not in lower case.
            let upper = |text: &str| (text.to_lowercase() == text).then(|| text.to_uppercase());
            let (permission, action) = (upper(&row.permission), upper(&row.action));
            format!("{} {} {}", permission.unwrap(), action.unwrap(), row.topic)
        })
        .collect();
    assert_eq!(told, expected_rules(id));
    // Nobody is nobody, whatever the name.
    for name in ["", "mallory", "' OR true --", "%"] {
        let nobody: Vec<UserRow> = diesel::sql_query(&who)
            .bind::<Text, _>(name)
            .load(&mut broker)
            .await
            .unwrap();
        assert!(nobody.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn the_broker_reads_two_tables_and_nothing_else() {
    let mut world = World::start().await;
    let readable = "SELECT string_agg(c.oid::regclass::text, ' ' ORDER BY c.relname)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
           AND has_schema_privilege('emqx', n.oid, 'USAGE') AND has_any_column_privilege('emqx', c.oid, 'SELECT')";
    assert_eq!(
        world.text(readable).await.as_deref(),
        Some("aiida.aiida_mqtt_acl aiida.aiida_mqtt_user")
    );
    let mut broker = world.as_broker().await;
    for forbidden in [
        "SELECT * FROM aiida.credential",
        "SELECT * FROM aiida.permission",
        "SELECT * FROM jobs.job",
        "SELECT * FROM audit.event",
        "INSERT INTO aiida.aiida_mqtt_user (username, password_hash, permission_id) VALUES ('x', 'x', gen_random_uuid())",
        "UPDATE aiida.aiida_mqtt_user SET password_hash = 'x'",
        "DELETE FROM aiida.aiida_mqtt_acl",
        "SELECT jobs.depth('{mqtt.grant}')",
        "CREATE TABLE aiida.mine ()",
    ] {
        let refused = broker.batch_execute(forbidden).await.unwrap_err();
        assert!(
            refused.to_string().contains("permission denied"),
            "{forbidden}: {refused}"
        );
    }
}

/// What the security of the homes rests on, and what must not be there.
#[test]
fn the_rules_that_must_stand_do() {
    let settings: Vec<_> = settings().collect();
    for needed in [
        "no_match = deny",
        "deny_action = disconnect",
        "cache { enable = false }",
        "clientid_override = \"concat([username, '/', clientid])\"",
        "shared_subscription = false",
        "zone = homes",
        "zone = party",
        // A home must not make lists that cannot be read, nor fill the broker.
        "max_clientid_len = 128",
        "messages_rate = \"50/s\"",
        "bytes_rate = \"1MB/s\"",
        "max_conn_rate = \"200/s\"",
        "max_retained_messages = 1000000",
        // Would be allowed as the topic after it, and published after the home was shut out.
        "delayed.enable = false",
        // The session with 100,000 messages is not to be ended for its size.
        "max_mailbox_size = 200000",
        "password_hash_algorithm { name = bcrypt }",
        "listeners.tcp.default.enable = false",
        "listeners.ssl.default.enable = false",
        "listeners.ws.default.enable = false",
        "listeners.wss.default.enable = false",
    ] {
        assert!(settings.contains(&needed), "{needed}");
    }
    // Who comes in where: homes by the tables, Metergate by the file, and on any other listener nobody.
    let backends: Vec<_> = settings
        .iter()
        .filter(|line| {
            [
                "listeners.",
                "authentication = ",
                "backend = ",
                "bootstrap_file = ",
            ]
            .iter()
            .any(|start| line.starts_with(start))
                && !line.ends_with("= false")
        })
        .collect();
    assert_eq!(
        backends,
        [
            &"listeners.ssl.homes {",
            &"authentication = [",
            &"backend = postgresql",
            &"listeners.tcp.party {",
            &"authentication = [",
            &"backend = built_in_database",
            &"bootstrap_file = \"/run/metergate/users.csv\"",
            &"authentication = [",
            &"backend = built_in_database",
        ]
    );
    let types: Vec<_> = settings
        .iter()
        .filter(|line| line.starts_with("type = "))
        .collect();
    // The store of retained messages, and the one source of access rules.
    assert_eq!(types, [&"type = built_in_database", &"type = postgresql"]);
    for (open, close) in [('{', '}'), ('[', ']')] {
        let count = |c| {
            settings
                .iter()
                .map(|line| line.matches(c).count())
                .sum::<usize>()
        };
        assert_eq!(count(open), count(close), "{open}{close}");
    }
    let secrets: Vec<_> = settings
        .iter()
        .filter(|line| line.starts_with("password = "))
        .collect();
    assert!(
        secrets.iter().all(|line| line.contains("\"file:///")),
        "{secrets:?}"
    );
    assert_eq!(secrets.len(), 2);
}
