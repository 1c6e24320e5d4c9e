//! Against mosquitto, with `mosquitto_sub` as the home.

use ::permission::{Command, Direction, PermissionId, Status};
use service_kit::program::Context;
use service_kit::shutdown::Shutdown;
use storage::DatabaseConfig;
use storage::aiida::outgoing::Kind;
use tokio::task::JoinHandle;

use super::*;
use crate::testing::{DEADLINE, Mosquitto, World, lines, settings};

const SETTLED: &str =
    "SELECT bool_and(published_at IS NOT NULL OR dropped IS NOT NULL) FROM aiida.outgoing";

/// A worker with a connection of its own to the broker.
struct Replica {
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Replica {
    fn start(world: &World, port: u16) -> Self {
        Self::with(world, port, &[])
    }

    fn with(world: &World, port: u16, line: &[&str]) -> Self {
        let context = Context::new();
        let database: DatabaseConfig = settings(&["--database-url", &world.login]);
        let database = Database::new(&database).unwrap();
        let broker = settings(&["--mqtt-url", &format!("mqtt://127.0.0.1:{port}")]);
        let outbound = Outbound {
            database: database.clone(),
            link: Arc::new(Link::new(&broker, &*context.random)),
            retain_inbound: settings::<OutboundConfig>(line).stream_retain_inbound,
        };
        let shutdown = context.shutdown;
        let worker = job_queue::Worker::new(
            database.pool().clone(),
            database.listen(&shutdown),
            shutdown.clone(),
            job_queue::WorkerSettings::default(),
        )
        .handle::<AiidaCommand, _>(CONCURRENCY, outbound.clone());
        let task = tokio::spawn(async move {
            worker.run().await;
            outbound.close().await;
        });
        Self { shutdown, task }
    }

    async fn stop(self) {
        self.shutdown.begin_soft();
        self.task.await.unwrap();
        assert!(self.shutdown.finish().await);
    }
}

struct Place {
    world: World,
    broker: Mosquitto,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let broker = Mosquitto::start(folder.path(), test_support::ports::free(), None);
        Self {
            world: World::new().await,
            broker,
            folder,
        }
    }

    fn replica(&self) -> Replica {
        Replica::start(&self.world, self.broker.port())
    }
}

fn schedule(second: usize) -> Command {
    Command::UpdateTransmissionSchedule(format!("{second} * * * * *"))
}

/// The numbers in what a home was told, in that order.
fn seconds(lines: &[String]) -> Vec<usize> {
    let second = |line: &String| {
        let (_, rest) = line.split_once("\"transmissionSchedule\":\"").unwrap();
        rest.split_once(' ').unwrap().0.parse().unwrap()
    };
    lines.iter().map(second).collect()
}

fn all_of(id: PermissionId) -> String {
    format!("aiida/v1/{id}/#")
}

#[tokio::test(flavor = "multi_thread")]
async fn homes_that_connect_later_are_told_in_the_words_of_either_generation() {
    let it = Place::new().await;
    let replica = it.replica();
    let id = it.world.accepted(Direction::Outbound).await;
    it.world
        .command(id, &Command::SetTransmissionEnabled(false))
        .await;
    it.world.until(SETTLED, "true").await;
    it.world.becomes(id, Status::Terminated).await;
    it.world.command(id, &Command::Terminate).await;
    it.world.until(SETTLED, "true").await;

    let common = format!("\"regionConnectorId\":\"aiida\",\"permissionId\":\"{id}\"");
    assert_eq!(
        it.broker.home(&format!("aiida/v1/{id}/command/+"), 2).await,
        [
            format!(
                "1 aiida/v1/{id}/command/SET_TRANSMISSION_ENABLED \
                 {{\"action\":\"SET_TRANSMISSION_ENABLED\",{common},\"enabled\":false}}"
            ),
            format!("1 aiida/v1/{id}/command/TERMINATE {{\"action\":\"TERMINATE\",{common}}}"),
        ]
    );
    assert_eq!(
        it.broker
            .home(&format!("aiida/v1/{id}/termination"), 1)
            .await,
        [format!("1 aiida/v1/{id}/termination {id}")]
    );
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_command_never_takes_the_place_of_a_newer_one() {
    let it = Place::new().await;
    let id = it.world.accepted(Direction::Outbound).await;
    let home = it.broker.connected_home(&all_of(id)).await;
    let replicas = [it.replica(), it.replica()];
    for second in 0..50 {
        it.world.command(id, &schedule(second)).await;
    }
    it.world.until(SETTLED, "true").await;
    it.world
        .until(
            "SELECT bool_and(state = 'completed') FROM jobs.job WHERE kind = 'aiida.command'",
            "true",
        )
        .await;

    let kept = it.broker.retained(&all_of(id)).await;
    assert_eq!(seconds(&kept), [49]);
    test_support::wait::until(DEADLINE, "the home to hear the last", async || {
        (seconds(&lines(&home)).last() == Some(&49)).then_some(())
    })
    .await;
    let heard = seconds(&lines(&home));
    assert!(heard.is_sorted_by(|a, b| a < b), "{heard:?}");
    // Whatever was not published says why, and the last one was.
    let dropped =
        "SELECT count(*) FROM aiida.outgoing WHERE dropped = 'a newer one took its place'";
    assert_eq!(
        it.world.text(dropped).await,
        Some((50 - heard.len()).to_string())
    );
    for replica in replicas {
        replica.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inbound_data_reaches_the_home_whole_and_in_order() {
    let it = Place::new().await;
    let id = it.world.accepted(Direction::Inbound).await;
    let home = it.broker.connected_home(&all_of(id)).await;
    for number in 0..40_usize {
        it.world
            .ask(id, Kind::Inbound, "OPAQUE", number.to_string().as_bytes())
            .await;
    }
    let replicas = [it.replica(), it.replica()];
    it.world.until(SETTLED, "true").await;
    let topic = format!("aiida/v1/{id}/data/inbound/opaque");
    let expected: Vec<_> = (0..40)
        .map(|number| format!("0 {topic} {number}"))
        .collect();
    test_support::wait::until(DEADLINE, "the home to hear the last", async || {
        (lines(&home).len() >= 40).then_some(())
    })
    .await;
    assert_eq!(lines(&home), expected);
    assert_eq!(
        it.broker.retained(&all_of(id)).await,
        [format!("1 {topic} 39")]
    );
    for replica in replicas {
        replica.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inbound_data_is_not_kept_where_that_is_switched_off() {
    let it = Place::new().await;
    let id = it.world.accepted(Direction::Inbound).await;
    let home = it.broker.connected_home(&all_of(id)).await;
    let replica = Replica::with(
        &it.world,
        it.broker.port(),
        &["--aiida-stream-retain-inbound", "false"],
    );
    it.world.ask(id, Kind::Inbound, "OPAQUE", b"once").await;
    it.world.until(SETTLED, "true").await;
    test_support::wait::until(DEADLINE, "the home to hear it", async || {
        (lines(&home).len() == 1).then_some(())
    })
    .await;
    assert!(it.broker.retained(&all_of(id)).await.is_empty());
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_told_is_dropped_with_a_reason_and_not_tried_for_ever() {
    let it = Place::new().await;
    let enabled = Command::SetTransmissionEnabled(true);
    let revoked = it.world.accepted(Direction::Outbound).await;
    it.world.becomes(revoked, Status::Revoked).await;
    let over = it.world.accepted(Direction::Outbound).await;
    it.world
        .sql(&format!(
            "UPDATE aiida.permission SET starts_on = '2026-01-01', ends_on = '2026-01-31' WHERE id = '{over}'"
        ))
        .await;
    let outbound = it.world.accepted(Direction::Outbound).await;
    let asked = [
        (
            it.world.command(revoked, &enabled).await,
            "the permission is REVOKED",
        ),
        (
            it.world.command(over, &enabled).await,
            "the last day of the permission was 2026-01-31",
        ),
        (
            it.world.ask(outbound, Kind::Inbound, "OPAQUE", b"x").await,
            "the data need does not cover it",
        ),
        (
            it.world.command(outbound, &Command::Terminate).await,
            "the permission is ACCEPTED",
        ),
        (
            it.world
                .ask(
                    outbound,
                    Kind::Command,
                    "EXPLODE",
                    b"{\"action\":\"EXPLODE\"}",
                )
                .await,
            "it is no command and no data that homes know",
        ),
    ];
    let replica = it.replica();
    for (id, reason) in asked {
        let dropped = format!("SELECT dropped FROM aiida.outgoing WHERE id = '{id}'");
        it.world.until(&dropped, reason).await;
        let published = format!("SELECT published_at FROM aiida.outgoing WHERE id = '{id}'");
        assert_eq!(it.world.text(&published).await, None);
    }
    it.world
        .until(
            "SELECT count(*) FROM jobs.job WHERE kind = 'aiida.command' AND state = 'completed'",
            "5",
        )
        .await;
    assert!(it.broker.retained("aiida/#").await.is_empty());
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_commits_late_does_not_take_the_place_of_what_is_published() {
    let it = Place::new().await;
    let id = it.world.accepted(Direction::Inbound).await;
    let replica = it.replica();
    it.world.ask(id, Kind::Inbound, "OPAQUE", b"new").await;
    it.world.until(SETTLED, "true").await;
    let late = it
        .world
        .ask(id, Kind::Inbound, "OPAQUE", b"kept back")
        .await;
    // As if its transaction had begun before the other one.
    it.world.until(SETTLED, "true").await;
    it.world
        .sql(&format!(
            "ALTER TABLE aiida.outgoing ALTER COLUMN number DROP IDENTITY;
             UPDATE aiida.outgoing SET number = -1, payload = 'old', published_at = NULL WHERE id = '{late}';"
        ))
        .await;
    let mut conn = it.world.connect().await;
    job_queue::enqueue_one(&mut conn, &AiidaCommand { message: late })
        .await
        .unwrap();
    it.world
        .until(
            &format!("SELECT dropped FROM aiida.outgoing WHERE id = '{late}'"),
            "a newer one took its place",
        )
        .await;
    let kept = it.broker.retained(&all_of(id)).await;
    assert_eq!(
        kept,
        [format!("1 aiida/v1/{id}/data/inbound/opaque kept back")]
    );
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_the_broker_is_down() {
    let Place {
        world,
        broker,
        folder,
    } = Place::new().await;
    let port = broker.port();
    let replica = Replica::start(&world, port);
    let id = world.accepted(Direction::Outbound).await;
    world.command(id, &schedule(1)).await;
    world.until(SETTLED, "true").await;

    broker.stop();
    world.command(id, &schedule(2)).await;
    let tried =
        "SELECT attempt > 1 FROM jobs.job WHERE kind = 'aiida.command' AND state <> 'completed'";
    world.until(tried, "true").await;
    assert_eq!(world.text(SETTLED).await.as_deref(), Some("false"));

    let broker = Mosquitto::start(folder.path(), port, None);
    world.until(SETTLED, "true").await;
    assert_eq!(seconds(&broker.retained(&all_of(id)).await), [2]);
    replica.stop().await;
}

/// Makes whoever says that a message is published fail, after the broker has it: as a crash before the commit.
const CRASH: &str = "CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'crashed on purpose'; END $$;
    CREATE TRIGGER crash BEFORE UPDATE ON aiida.outgoing FOR EACH ROW EXECUTE FUNCTION crash()";
const MEND: &str = "DROP TRIGGER crash ON aiida.outgoing";

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_commit_publishes_the_same_again() {
    let it = Place::new().await;
    let id = it.world.accepted(Direction::Outbound).await;
    let home = it.broker.connected_home(&all_of(id)).await;
    it.world.sql(CRASH).await;
    let replica = it.replica();
    it.world.command(id, &schedule(1)).await;
    test_support::wait::until(DEADLINE, "the first publishing", async || {
        (!lines(&home).is_empty()).then_some(())
    })
    .await;
    assert_eq!(it.world.text(SETTLED).await.as_deref(), Some("false"));
    it.world.sql(MEND).await;
    it.world.until(SETTLED, "true").await;
    test_support::wait::until(DEADLINE, "the second publishing", async || {
        (lines(&home).len() >= 2).then_some(())
    })
    .await;
    let heard = seconds(&lines(&home));
    assert!(heard.iter().all(|second| *second == 1), "{heard:?}");
    assert_eq!(seconds(&it.broker.retained(&all_of(id)).await), [1]);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_nothing_at_the_broker_for_a_home_that_was_shut_out_meanwhile() {
    let it = Place::new().await;
    let id = it.world.accepted(Direction::Outbound).await;
    it.world.sql(CRASH).await;
    let replica = it.replica();
    it.world.command(id, &schedule(1)).await;
    it.broker.home(&all_of(id), 1).await;
    it.world.becomes(id, Status::Revoked).await;
    it.world.sql(MEND).await;
    it.world
        .until(
            "SELECT dropped FROM aiida.outgoing",
            "the permission is REVOKED",
        )
        .await;
    assert!(it.broker.retained(&all_of(id)).await.is_empty());
    replica.stop().await;
}
