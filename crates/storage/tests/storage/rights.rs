//! Each service's queries under its own role: a missing grant fails here, not in production. The
//! database belongs to an ordinary role. Every function of this crate that a service calls is called.

mod fetcher;
mod kinds;
mod matrix;
mod operator;

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use futures_util::TryStreamExt;
use permission::PermissionId;
use serde_json::json;
use storage::aiida::erasure::{Erased, erase, find};
use storage::kinds::{
    CsvExport, MqttRevoke, OutputExpire, SmdCollect, SmdFetch, SmdRecheck, SmdRelease,
};
use storage::smd::authorization::{self, Stage};
use storage::smd::budget::{self, Limits, Slot};
use storage::smd::export::{self, Files};
use storage::smd::notice::{self, Notice};
use storage::smd::{erasure, login, plan, progress, reading};
use storage::{audit, check_version};
use uuid::Uuid;

use crate::fixture::{Fixture, Role, authorize, fetched, hour, planned, ticket, uuid};

const LIMITS: Limits = Limits {
    spacing: Duration::from_millis(1),
    per_hour: 2_000,
    per_day: 20_000,
};
const MONTH: Duration = Duration::from_hours(30 * 24);

/// What a service does when it starts and with every job: the schema, audit, claim, hold, finish.
async fn starts_and_works(conn: &mut AsyncPgConnection, kind: Option<&str>) {
    #[derive(QueryableByName)]
    struct Claimed {
        #[diesel(sql_type = BigInt)]
        id: i64,
        #[diesel(sql_type = SqlUuid)]
        lease_token: Uuid,
    }
    #[derive(QueryableByName)]
    struct State {
        #[diesel(sql_type = Nullable<Text>)]
        state: Option<String>,
    }
    #[derive(QueryableByName)]
    struct Held {
        #[diesel(sql_type = Bool)]
        held: bool,
    }
    check_version(conn).await.unwrap();
    audit::record(conn, "test.tried", Some(uuid()), &json!({ "a": 1 }))
        .await
        .unwrap();
    let Some(kind) = kind else { return };
    let claimed: Claimed = diesel::sql_query("SELECT id, lease_token FROM jobs.claim($1, 1)")
        .bind::<Text, _>(kind)
        .get_result(conn)
        .await
        .unwrap();
    let held: Held =
        diesel::sql_query("SELECT jobs.hold($1, $2) AND jobs.progressed($1, $2) AS held")
            .bind::<BigInt, _>(claimed.id)
            .bind::<SqlUuid, _>(claimed.lease_token)
            .get_result(conn)
            .await
            .unwrap();
    assert!(held.held);
    let ended: State =
        diesel::sql_query("SELECT jobs.finish($1, $2, 'completed', NULL, NULL, 0) AS state")
            .bind::<BigInt, _>(claimed.id)
            .bind::<SqlUuid, _>(claimed.lease_token)
            .get_result(conn)
            .await
            .unwrap();
    assert_eq!(ended.state.as_deref(), Some("completed"));
    for standing in [
        "SELECT * FROM jobs.maintain()",
        "SELECT * FROM jobs.depth('{smd.fetch}')",
    ] {
        diesel::sql_query(standing).execute(conn).await.unwrap();
    }
}

/// What the shared budget asks of the database.
async fn budget_works(conn: &mut AsyncPgConnection) {
    let slot = budget::reserve(conn, LIMITS, Duration::from_secs(30))
        .await
        .unwrap();
    assert!(matches!(slot, Slot::In(_)));
    budget::close(conn, Duration::ZERO).await.unwrap();
    budget::closed_for(conn).await.unwrap();
}

#[tokio::test]
async fn smd_auth_takes_a_customer_from_the_start_to_the_progress_page() {
    let it = Fixture::with_roles().await;
    let mut conn = it.connect_as(Role::SmdAuth).await;
    starts_and_works(&mut conn, None).await;
    budget_works(&mut conn).await;

    login::start(&mut conn, "state", "browser", Duration::from_mins(10))
        .await
        .unwrap();
    assert_eq!(
        login::redeem(&mut conn, "state", Some("browser"))
            .await
            .unwrap(),
        Ok(())
    );
    assert_eq!(
        login::redeem(&mut conn, "state", None).await.unwrap(),
        Err(login::Refused::Foreign)
    );

    // The second one ends the first.
    let older = authorize(&mut conn, "100").await;
    let id = authorize(&mut conn, "100").await;
    conn.transaction(async |conn| {
        job_queue::enqueue_one(conn, &SmdFetch { authorization: id }).await
    })
    .await
    .unwrap();
    let seen = progress::of_ticket(&mut conn, &ticket(older))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(seen.stage, Stage::Superseded);
    let seen = progress::of_ticket(&mut conn, &ticket(id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(seen.stage, Stage::Fetching);
}

#[tokio::test]
async fn smd_auth_takes_notifications() {
    let mut it = Fixture::with_roles().await;
    let id = planned(&mut it.conn, "100", &["up-1"]).await;
    let pull = plan::pulls(&mut it.conn, id).await.unwrap().remove(0);
    plan::mark_requested(&mut it.conn, id, &pull).await.unwrap();

    let mut conn = it.connect_as(Role::SmdAuth).await;
    assert_eq!(
        authorization::live_of_subscription(&mut conn, "100")
            .await
            .unwrap(),
        Some(id)
    );
    assert!(plan::any_outstanding(&mut conn).await.unwrap());
    notice::bulk_of_the_hour(&mut conn).await.unwrap();
    notice::waiting(&mut conn, Some(id)).await.unwrap();
    job_queue::enqueue_one(&mut conn, &SmdRecheck { authorization: id })
        .await
        .unwrap();
    for owner in [Some(id), None, Some(id)] {
        let note = Notice {
            id: uuid().into(),
            link: "https://custodian.example/Batch/Bulk/1".to_owned(),
            authorization: owner,
            usage_point: owner.map(|_| "up-1".to_owned()),
            collected: false,
        };
        let notice = notice::insert(&mut conn, &note).await.unwrap();
        job_queue::enqueue_one(&mut conn, &SmdCollect { notice })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn csv_exporter_exports_and_removes() {
    let mut it = Fixture::with_roles().await;
    let id = fetched(&mut it.conn, "100").await;
    let erased = fetched(&mut it.conn, "200").await;
    job_queue::enqueue_one(&mut it.conn, &CsvExport { authorization: id })
        .await
        .unwrap();

    let mut conn = it.connect_as(Role::CsvExporter).await;
    starts_and_works(&mut conn, Some("csv.export")).await;
    let names = Files {
        electricity: Some("e.csv".to_owned()),
        gas: None,
    };
    for one in [id, erased] {
        export::get(&mut conn, one).await.unwrap().unwrap();
        assert!(export::name_files(&mut conn, one, &names).await.unwrap());
    }
    let series = reading::series_of(&mut conn, id).await.unwrap();
    let read: Vec<_> = reading::in_order(&mut conn, &series)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!((read.len(), read[0].starts_at), (10, hour(0)));
    export::note_error(&mut conn, id, "words").await.unwrap();
    assert!(export::mark_exported(&mut conn, id).await.unwrap());
    let late = export::mark_failed(&mut conn, id, "words", "words").await;
    assert!(!late.unwrap());

    erasure::erase(&mut it.conn, erased).await.unwrap();
    authorization::mark_released(&mut it.conn, erased)
        .await
        .unwrap();
    let expired = export::expired(&mut conn, MONTH).await.unwrap();
    assert_eq!(expired.len(), 1);
    conn.transaction(async |conn| {
        export::mark_removed(conn, erased).await?;
        erasure::finish(conn, erased).await
    })
    .await
    .unwrap();
    assert_eq!(
        authorization::known_subscriptions(&mut it.conn)
            .await
            .unwrap(),
        ["100"]
    );
}

#[tokio::test]
async fn the_operator_erases_and_minds_jobs() {
    let mut it = Fixture::with_roles().await;
    let id = fetched(&mut it.conn, "100").await;
    let waiting = job_queue::enqueue_one(&mut it.conn, &SmdFetch { authorization: id })
        .await
        .unwrap();

    let mut conn = it.connect_as(Role::Operator).await;
    starts_and_works(&mut conn, None).await;
    assert_eq!(erasure::find(&mut conn, "100").await.unwrap(), [id]);
    let removal = conn
        .transaction(async |conn| {
            assert!(!authorization::lock(conn, id).await?.unwrap().released);
            erasure::erase(conn, id).await?;
            audit::record(conn, "smd.erased", Some(id.uuid()), &json!({})).await?;
            job_queue::enqueue_one(conn, &SmdRelease { authorization: id })
                .await
                .unwrap();
            Ok::<_, diesel::result::Error>(
                job_queue::enqueue_one(conn, &OutputExpire {})
                    .await
                    .unwrap(),
            )
        })
        .await
        .unwrap();
    assert!(removal > waiting);
    assert_eq!(it.stage_of(id).await, Stage::Erased);

    assert!(
        !job_queue::operate::list(&mut conn, None, Some("smd.fetch"), 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        job_queue::operate::show(&mut conn, waiting)
            .await
            .unwrap()
            .is_some()
    );
    assert!(job_queue::operate::retry(&mut conn, waiting).await.unwrap());
    assert!(
        job_queue::operate::discard(&mut conn, waiting, "a test")
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn the_operator_erases_what_homes_have_sent() {
    let it = Fixture::with_roles().await;
    let mut conn = it.connect_as(Role::Operator).await;
    let permission = PermissionId::from(uuid());
    job_queue::enqueue_one(&mut conn, &MqttRevoke { permission })
        .await
        .unwrap();
    assert!(find(&mut conn, "a customer").await.unwrap().is_empty());
    assert!(
        find(&mut conn, &permission.to_string())
            .await
            .unwrap()
            .is_empty()
    );
    let erased = erase(&mut conn, permission).await.unwrap();
    assert_eq!(erased, Erased::default());
}

/// The actor of a line in the audit log is the session's role, and nobody can write another.
#[tokio::test]
async fn the_audit_log_tells_who() {
    let mut it = Fixture::with_roles().await;
    let mut conn = it.connect_as(Role::CsvExporter).await;
    audit::record(&mut conn, "test.tried", None, &json!({}))
        .await
        .unwrap();
    let told = "SELECT count(*) FROM audit.event WHERE actor = 'login_of_csv_exporter' AND subject IS NULL";
    assert_eq!(it.number(told).await, 1);
}
