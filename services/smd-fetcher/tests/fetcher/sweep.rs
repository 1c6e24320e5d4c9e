//! What was left lying is found.

use storage::kinds::{OutputExpire, SmdSweep};
use test_support::wait;

use crate::harness::{DEADLINE, World};

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_without_a_job_gets_its_next_step() {
    let world = World::start(&[], &[]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    // Each step lost its job: the fetch, the release and the export.
    let granted = world.authorize("newcomer", &[0]).await;
    world.store(&granted).await;
    world.enqueue(&SmdSweep {}).await;
    world.until_delivered(&granted).await;
    world.assert_complete(&granted).await;
    world
        .sql("DELETE FROM jobs.job; UPDATE smd.authorization SET released_at = NULL, exported_at = NULL")
        .await;
    world.enqueue(&SmdSweep {}).await;
    world.until_delivered(&granted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_goes_when_its_time_is_over() {
    let world = World::start(&[], &[]).await;
    let (_fetcher, _exporter) = (world.fetcher(), world.exporter());
    let granted = world.grant_some("newcomer", &[0]).await;
    world.until_delivered(&granted).await;
    let sweep = world.enqueue(&SmdSweep {}).await;
    world.until_ended(sweep).await;
    assert!(world.readings(&granted).await > 0, "gone before its time");
    world
        .sql("UPDATE smd.authorization SET exported_at = now() - interval '31 days'")
        .await;
    world.enqueue(&SmdSweep {}).await;
    world.until_row(granted.id, "customer_name IS NULL").await;
    assert_eq!(world.readings(&granted).await, 0);
    let job = world.enqueue(&OutputExpire {}).await;
    world.until_ended(job).await;
    assert_eq!(world.files().len(), 3, "the files stay longer");
    world
        .sql("UPDATE smd.authorization SET exported_at = now() - interval '91 days'")
        .await;
    world.enqueue(&OutputExpire {}).await;
    world
        .until_row(
            granted.id,
            "files_removed_at IS NOT NULL AND electricity_file IS NULL",
        )
        .await;
    assert!(world.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_cannot_be_erased_keeps_nothing_else() {
    let world = World::start(&[], &[]).await;
    // The first one cannot be erased; one after it can; the last one has lost the job of its next step.
    world
        .sql(
            "INSERT INTO smd.authorization (id, stage, customer_name, authorized_at, released_at)
                 SELECT gen_random_uuid(), 'withdrawn', name, now() - age, now()
                 FROM (VALUES ('stuck', interval '2 days'), ('next', interval '1 day')) AS due (name, age);
             INSERT INTO smd.authorization (id, stage, exported_at) VALUES (gen_random_uuid(), 'fetched', now());
             CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'this one stays'; END $$;
             CREATE TRIGGER refuse BEFORE UPDATE ON smd.authorization FOR EACH ROW
                 WHEN (OLD.customer_name = 'stuck') EXECUTE FUNCTION public.refuse()",
        )
        .await;
    let _fetcher = world.fetcher();
    let sweep = world.enqueue(&SmdSweep {}).await;
    assert_eq!(world.until_ended(sweep).await, "discarded");
    let named = "(SELECT string_agg(customer_name, ' ') FROM smd.authorization)";
    world
        .until("the next one to go", &format!("{named} = 'stuck'"))
        .await;
    let next_step = "EXISTS (SELECT FROM jobs.job WHERE kind = 'smd.release')";
    world.until("the next step", next_step).await;
    world.sql("DROP TRIGGER refuse ON smd.authorization").await;
    let sweep = world.enqueue(&SmdSweep {}).await;
    assert_eq!(world.until_ended(sweep).await, "completed");
    world
        .until("the first one to go", &format!("{named} IS NULL"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_on_their_way_of_killed_workers_go() {
    let world = World::start(&[], &[]).await;
    world
        .sql(
            "INSERT INTO smd.staged_reading (batch, series, starts_at, duration, value, quality, staged_at)
             SELECT gen_random_uuid(), 0, now(), 900, 1, '{}', now() - age FROM unnest('{3 hours,1 hour}'::interval[]) age",
        )
        .await;
    let _fetcher = world.fetcher();
    world.enqueue(&SmdSweep {}).await;
    world
        .until(
            "the older one to go",
            "(SELECT count(*) FROM smd.staged_reading) = 1",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_that_we_lost_raises_the_alarm() {
    let metrics = service_kit::metrics::install().unwrap();
    let world = World::start(&[], &[]).await;
    // The process died between the code and the commit.
    let _lost = world.authorize("fable", &[0]).await;
    let fetcher = world.fetcher();
    // Other tests of this process sweep too, and know of nothing lost.
    wait::until(DEADLINE, "the alarm", async || {
        let job = world.enqueue(&SmdSweep {}).await;
        world.until_ended(job).await;
        metrics
            .render()
            .contains("smd_unknown_authorizations 1")
            .then_some(())
    })
    .await;
    let noted = "(SELECT unknown FROM smd.comparison) = 1";
    world.until("the note", noted).await;
    // The next process has no look before its first one, which takes nothing back.
    fetcher.stop().await;
    let _next = world.fetcher();
    let job = world.enqueue(&SmdSweep {}).await;
    assert_eq!(world.until_ended(job).await, "completed");
    world.until("the same note", noted).await;
}
