//! What the operator's commands ask, under the operator's role; and the change of a key, under the fetcher's.

use diesel_async::SimpleAsyncConnection as _;
use futures_util::TryStreamExt as _;
use storage::retention::{self, Clocks};
use storage::smd::{overview, rotation};
use storage::{aiida, audit, iam, server, subject};

use crate::fixture::{Fixture, Role, fetched, keyring, uuid};

#[tokio::test]
async fn the_operator_looks_at_everything_but_keys() {
    let mut it = Fixture::with_roles().await;
    let id = fetched(&mut it.conn, "100").await;
    it.sql(&format!(
        "INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, status)
         VALUES ('{id}', '{id}', 'c', '{id}', '{{}}', 'REVOKED')"
    ))
    .await;
    let mut conn = it.connect_as(Role::Operator).await;
    assert_eq!(overview::list(&mut conn, None, 9).await.unwrap().len(), 1);
    let one = overview::get(&mut conn, id).await.unwrap().unwrap();
    assert_eq!((one.windows, one.usage_points), (2, 1));
    let clocks = Clocks {
        readings: 1,
        files: 1,
        stream: 1,
        permissions: 1,
    };
    assert_eq!(
        retention::report(&mut conn, clocks).await.unwrap()[0].count,
        1
    );
    audit::list(&mut conn, audit::Filter::default(), 9)
        .await
        .unwrap();
    server::settings(&mut conn).await.unwrap();
    assert_eq!(
        server::unreadable_for_broker(&mut conn).await.unwrap(),
        Vec::<String>::new()
    );
    let groups = server::groups(&mut conn, &["metergate_smd_auth", "nobody"])
        .await
        .unwrap();
    assert!(groups[0].logins.contains(&"login_of_smd_auth".to_owned()));
    assert!(!groups[0].logins.contains(&"login_of_operator".to_owned()));
    assert!(!groups[1].exists);
    assert_eq!(iam::sample(&mut conn, 9).await.unwrap().permissions, 0);
    aiida::api_key::any(&mut conn).await.unwrap();

    let ids = [id.uuid(), uuid()];
    for documents in [subject::AUTHORIZATIONS, subject::PERMISSIONS] {
        let found = subject::documents(&mut conn, documents, &ids).await;
        assert_eq!(found.unwrap().len(), 1, "{}", documents.name);
    }
    let tables = subject::OF_AUTHORIZATIONS
        .iter()
        .chain(&subject::OF_PERMISSIONS)
        .chain(&subject::OF_BOTH);
    for table in tables {
        let rows = subject::rows(&mut conn, table, &ids).await.unwrap();
        let rows: Vec<_> = rows.try_collect().await.unwrap();
        for row in rows {
            assert_eq!(row.len(), table.columns.len(), "{}", table.name);
        }
    }
    conn.batch_execute("SELECT access_token FROM smd.authorization")
        .await
        .unwrap_err();
}

#[tokio::test]
async fn the_fetcher_changes_the_key_of_tokens() {
    let mut it = Fixture::with_roles().await;
    let id = crate::fixture::authorize(&mut it.conn, "100").await;
    let mut conn = it.connect_as(Role::SmdFetcher).await;
    let found = rotation::sealed_otherwise(&mut conn, "b", None, 9).await;
    assert_eq!(found.unwrap(), [id]);
    rotation::reseal(&mut conn, &keyring(&["b", "a"]), id)
        .await
        .unwrap();
    let used = rotation::in_use(&mut conn).await.unwrap();
    assert_eq!(
        (used[0].key_id.as_str(), used[0].access, used[0].refresh),
        ("b", 1, 1)
    );
    assert_eq!(used.len(), 1);
    let after = rotation::sealed_otherwise(&mut conn, "c", Some(id), 9).await;
    assert_eq!(after.unwrap(), []);
}
