//! Services that run while a newer release migrates, and those that are started on the wrong schema.

use std::time::Duration;

use demo::StackOptions;
use end_to_end::houses::{World, named, start_with};
use test_support::ports;
use test_support::process::Process;

use crate::customers::{SLOWLY, assert_delivered, authorize, until_received};
use crate::operator::metergate;

/// A migration of a release to come, and one that keeps the busiest table from everybody for a while.
const NEWER: &str = "BEGIN;
    ALTER TABLE jobs.job ADD COLUMN of_tomorrow text;
    CREATE TABLE smd.of_tomorrow (id uuid);
    SELECT pg_sleep(2);
    INSERT INTO __diesel_schema_migrations (version) VALUES ('9999'); COMMIT";

#[tokio::test(flavor = "multi_thread")]
async fn services_go_on_over_a_migration_and_none_starts_on_the_wrong_schema() {
    let world = start_with(StackOptions {
        services: named(SLOWLY),
        ..StackOptions::default()
    });
    let mut world = world.await;
    let mut customer = authorize(&world.stack, "fable").await;
    until_received(&world, 3).await;
    world.stack.sql(NEWER).await.unwrap();
    until_received(&world, 6).await;
    assert_eq!(world.stack.fallen().unwrap(), Vec::<String>::new());

    let newer = [
        "has the newer migrations 9999",
        "run a newer Metergate, or restore an older backup",
    ];
    refused(&world, &newer);
    let said = metergate(&world.stack, &["migrate"]);
    assert!(!said.ok && said.text.contains(newer[0]), "{}", said.text);

    // And on an older one, that the newest migration has not been run on.
    let older = "DELETE FROM __diesel_schema_migrations WHERE version = '9999';
        CREATE TABLE public.kept AS SELECT * FROM __diesel_schema_migrations WHERE version = '0009';
        DELETE FROM __diesel_schema_migrations WHERE version = '0009'";
    world.stack.sql(older).await.unwrap();
    refused(
        &world,
        &["lacks the migrations 0009", "run `metergate migrate`"],
    );

    let as_it_was = "INSERT INTO __diesel_schema_migrations SELECT * FROM public.kept";
    world.stack.sql(as_it_was).await.unwrap();
    world.stack.replace("smd-fetcher").unwrap();
    assert_delivered(&world, &mut customer).await;
    let given_up = "SELECT count(*) FROM jobs.job WHERE state = 'discarded'";
    assert_eq!(world.count(given_up).await, 0);
}

/// Neither a service nor a command works on it, and each says why.
#[track_caller]
fn refused(world: &World, words: &[&str]) {
    let mut command = world.stack.metergate().unwrap();
    command.args(["serve", "smd-fetcher"]).env(
        "METERGATE_INTERNAL_ADDRESS",
        format!("127.0.0.1:{}", ports::free()),
    );
    let mut service = Process::spawn("smd-fetcher", command).unwrap();
    let ended = service.wait(Duration::from_secs(20)).unwrap();
    assert!(!ended.success());
    let doctor = metergate(&world.stack, &["doctor", "--offline"]);
    let list = metergate(&world.stack, &["customers", "list"]);
    assert!(!doctor.ok && !list.ok);
    for (who, said) in [
        ("service", service.output()),
        ("doctor", doctor.text),
        ("list", list.text),
    ] {
        for word in words {
            assert!(said.contains(word), "{who}: {word}: {said}");
        }
    }
}
