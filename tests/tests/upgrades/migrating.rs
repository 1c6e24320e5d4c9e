//! From the schema of the release before to the newest.

use std::time::{Duration, Instant};

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use serde_json::{Value, json};
use test_support::process::Process;
use test_support::{Cluster, wait};

use crate::released::{BOOKS, DATABASE, RELEASED, SINCE, cluster, command, metergate, note, up};

const LIMIT: Duration = Duration::from_secs(30);
/// Stops a migration in its middle, as long as somebody holds this lock.
const STOP: &str = "
CREATE FUNCTION public.stop_here() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'aiida.refusal') THEN
        PERFORM pg_advisory_xact_lock(4242);
    END IF;
END $$;
CREATE EVENT TRIGGER stop_here ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.stop_here()";

async fn connect(cluster: &Cluster) -> AsyncPgConnection {
    AsyncPgConnection::establish(&cluster.url(DATABASE))
        .await
        .unwrap()
}

async fn rows(cluster: &Cluster, query: &str) -> Vec<Value> {
    cluster.rows(DATABASE, query).await.unwrap()
}

async fn versions(cluster: &Cluster) -> Vec<Value> {
    rows(
        cluster,
        "SELECT version FROM __diesel_schema_migrations ORDER BY 1",
    )
    .await
}

/// A service of the release before goes on over the migration: what it does meanwhile is neither refused nor kept
/// waiting, and nothing that was stored is changed.
#[tokio::test(flavor = "multi_thread")]
async fn from_the_release_before_with_data_and_services_at_work() {
    let cluster = cluster().await;
    let before = rows(&cluster, BOOKS).await;
    let said = metergate(&cluster, &["customers", "list"]);
    assert!(!said.ok, "{}", said.text);
    for text in [
        "lacks the migrations 0005, 0006, 0007, 0008, 0009",
        "run `metergate migrate`",
    ] {
        assert!(said.text.contains(text), "{text}: {}", said.text);
    }
    // As smd-auth and smd-fetcher work: pages, jobs, the shared budget.
    let mut working = connect(&cluster).await;
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let work = tokio::spawn(async move {
        let (mut rounds, mut longest) = (0, Duration::ZERO);
        while stopped.try_recv().is_err() {
            let started = Instant::now();
            let statements = "BEGIN; UPDATE smd.authorization SET failure = failure WHERE subscription_id = '7';
                SELECT jobs.depth('{smd.fetch}'); SELECT smd.reserve_slot(0, 1000000, 1000000, 1000); COMMIT";
            working.batch_execute(statements).await.unwrap();
            longest = longest.max(started.elapsed());
            rounds += 1;
        }
        (rounds, longest)
    });
    // Both at once: one waits for the other, and finds nothing left to do.
    let two = [0, 1].map(|_| command(&cluster, &["migrate"]).spawn().unwrap());
    for mut one in two {
        let ended = tokio::task::spawn_blocking(move || one.wait())
            .await
            .unwrap();
        assert!(ended.unwrap().success());
    }
    stop.send(()).unwrap();
    let (rounds, longest) = work.await.unwrap();
    assert!(rounds > 10, "{rounds}");
    assert!(
        longest < Duration::from_secs(2),
        "kept waiting for {longest:?}"
    );
    assert_eq!(
        rows(&cluster, BOOKS).await,
        before,
        "a migration changed what was stored"
    );
    assert_eq!(versions(&cluster).await.len(), RELEASED.len() + SINCE.len());
    // What was stored before is linked as what is stored from now on.
    let digests = "SELECT count(*) AS unlike FROM smd.usage_point u FULL JOIN smd.usage_point_digest d
        ON u.authorization_id = d.authorization_id AND d.digest = sha256(convert_to(u.usage_point_id, 'UTF8'))
        WHERE u.authorization_id IS NULL OR d.authorization_id IS NULL";
    assert_eq!(
        rows(&cluster, digests).await,
        [json!({ "unlike": 0 })],
        "usage points without a digest"
    );
    let said = metergate(&cluster, &["customers", "list", "--limit", "1"]);
    assert!(said.ok, "{}", said.text);
}

/// Killed in the middle of the third of five: what is complete stays, the rest leaves nothing, and the next one goes on
/// from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_is_killed_is_run_again() {
    let cluster = cluster().await;
    let before = rows(&cluster, BOOKS).await;
    cluster.sql(DATABASE, STOP).await.unwrap();
    let mut holder = connect(&cluster).await;
    holder
        .batch_execute("SELECT pg_advisory_lock(4242)")
        .await
        .unwrap();
    let mut first = Process::spawn("migrate", command(&cluster, &["migrate"])).unwrap();
    wait::until(LIMIT, "the migration to stand in its middle", async || {
        let query =
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4242 AND NOT granted";
        (!rows(&cluster, query).await.is_empty()).then_some(())
    })
    .await;
    first.kill().unwrap();
    first.wait(LIMIT).unwrap();
    // The database does not know yet that nobody is there any more: the next one waits until it does.
    let mut second = Process::spawn("migrate", command(&cluster, &["migrate"])).unwrap();
    let half = json!({ "version": "0006" });
    assert_eq!(versions(&cluster).await.last(), Some(&half));
    assert_eq!(
        rows(&cluster, "SELECT to_regclass('aiida.stream_slot') AS found").await,
        [json!({ "found": null })]
    );
    drop(holder);
    let ended = second.wait(LIMIT).unwrap();
    assert!(ended.success(), "{}", second.output());
    assert_eq!(versions(&cluster).await.len(), RELEASED.len() + SINCE.len());
    assert_eq!(rows(&cluster, BOOKS).await, before);
    let said = metergate(&cluster, &["migrate"]);
    assert!(said.ok, "{}", said.text);
}

/// What a migration locks of that which was there before, so that services wait for it: nothing but what is written
/// here. A new migration that rewrites a table or keeps readers out fails this, and belongs into the changelog.
#[tokio::test(flavor = "multi_thread")]
async fn migrations_keep_no_service_waiting() {
    let cluster = cluster().await;
    let mut conn = connect(&cluster).await;
    let watch = "CREATE TABLE public.locked (migration text, relation text, mode text);
        CREATE TABLE public.known AS SELECT oid FROM pg_class";
    conn.batch_execute(watch).await.unwrap();
    for migration in SINCE {
        let run = format!(
            "TRUNCATE public.known; INSERT INTO public.known SELECT oid FROM pg_class;
             BEGIN; {};
             INSERT INTO public.locked SELECT '{migration}', c.oid::regclass::text, l.mode
                FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN public.known USING (oid)
                JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND n.nspname IN ('jobs', 'smd', 'audit', 'aiida')
                  AND c.relkind IN ('r', 'p')
                  AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock');
             {}; COMMIT",
            up(migration),
            note(migration)
        );
        conn.batch_execute(&run).await.unwrap();
    }
    let locked = rows(
        &cluster,
        "SELECT migration, relation, mode FROM public.locked ORDER BY 1, 2, 3",
    )
    .await;
    let lock = |migration: &str, relation: &str, mode: &str| json!({ "migration": migration, "relation": relation, "mode": mode });
    let known = [
        // Foreign keys of new tables; the table was made by 0005, so no service of a release has it yet.
        lock("0006_iam", "aiida.permission", "ShareRowExclusiveLock"),
        // Indexes: who writes waits for as long as it takes to read the table once, who reads does not wait.
        lock("0010_console", "aiida.permission", "ShareLock"),
        lock("0010_console", "jobs.job", "ShareLock"),
        lock("0010_console", "smd.\"authorization\"", "ShareLock"),
        lock("0010_console", "smd.usage_point", "ShareLock"),
        // A trigger, and what was there before it: who stores or erases usage points waits while they are read once.
        lock(
            "0013_usage_point_digests",
            "smd.usage_point",
            "ShareRowExclusiveLock",
        ),
    ];
    assert_eq!(locked, known);
    // It sees one that does.
    let rewriting = "BEGIN; ALTER TABLE smd.authorization ADD COLUMN another text;
        INSERT INTO public.locked SELECT 'another', 'smd.authorization', mode FROM pg_locks
        WHERE pid = pg_backend_pid() AND relation = 'smd.authorization'::regclass AND mode = 'AccessExclusiveLock'; COMMIT";
    conn.batch_execute(rewriting).await.unwrap();
    let seen = rows(
        &cluster,
        "SELECT mode FROM public.locked WHERE migration = 'another'",
    )
    .await;
    assert_eq!(seen.len(), 1);
}
