use std::process::Command;

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};

use super::*;
use crate::{TestDatabase, rows};

async fn connect(url: &str) -> AsyncPgConnection {
    AsyncPgConnection::establish(url).await.unwrap()
}

async fn fill(url: String) -> Result<(), diesel::result::Error> {
    let mut connection = connect(&url).await;
    connection
        .batch_execute("CREATE TABLE note (text text); INSERT INTO note VALUES ('a')")
        .await
}

async fn noted(cluster: &Arc<Cluster>) -> TestDatabase {
    let template = cluster.template("notes", fill).await.unwrap();
    TestDatabase::from_template(cluster, &template)
        .await
        .unwrap()
}

const NOTES: &str = "SELECT count(*) FROM note";

#[tokio::test]
async fn each_test_has_its_own_copy_of_the_template() {
    let cluster = Cluster::shared();
    let (one, other) = (noted(&cluster).await, noted(&cluster).await);
    one.sql("INSERT INTO note VALUES ('b')").await.unwrap();
    assert_eq!(one.number(NOTES).await.unwrap(), 2);
    assert_eq!(other.number(NOTES).await.unwrap(), 1);
}

#[test]
fn several_runtimes_share_a_cluster_and_a_template() {
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    let database = noted(&Cluster::shared()).await;
                    database.number(NOTES).await.unwrap()
                })
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 1);
    }
}

#[tokio::test]
async fn cloning_takes_milliseconds() {
    let cluster = Cluster::shared();
    drop(noted(&cluster).await);
    let started = std::time::Instant::now();
    let databases = [
        noted(&cluster).await,
        noted(&cluster).await,
        noted(&cluster).await,
    ];
    let each = started.elapsed() / 3;
    println!("one clone takes {each:?}");
    assert!(each < Duration::from_secs(1), "{each:?}");
    drop(databases);
}

#[tokio::test]
async fn a_failed_template_says_why_and_can_be_made_again() {
    let cluster = Cluster::shared();
    let failing = async |_| Err::<(), _>("the third migration is broken");
    let error = cluster
        .template("fails", failing)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("the third migration is broken"), "{error}");
    assert!(cluster.template("fails", fill).await.is_ok());
}

#[tokio::test]
async fn dropped_databases_vanish() {
    let cluster = Cluster::shared();
    let database = TestDatabase::empty(&cluster).await.unwrap();
    let name = database.name().to_owned();
    let _open = connect(&database.url()).await;
    drop(database);
    let mut admin = connect(&cluster.url("postgres")).await;
    let query = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    wait::until(
        Duration::from_secs(20),
        "the database to vanish",
        async || (rows::number(&mut admin, &query).await.unwrap() == 0).then_some(()),
    )
    .await;
}

#[tokio::test]
async fn passwords_of_roles_are_checked() {
    let database = TestDatabase::empty(&Cluster::shared()).await.unwrap();
    let create = "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'right'";
    database.sql(create).await.unwrap();
    let mut connection = connect(&database.url_as("reader", "right")).await;
    let user = rows::text(&mut connection, "SELECT current_user").await;
    assert_eq!(user.unwrap().as_deref(), Some("reader"));
    let refused = AsyncPgConnection::establish(&database.url_as("reader", "wrong")).await;
    let reason = refused.err().unwrap().to_string();
    assert!(
        reason.contains("password authentication failed"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_new_database_has_the_current_schema() {
    let (one, other) = (TestDatabase::new().await, TestDatabase::new().await);
    assert_ne!(one.name(), other.name());
    let jobs = "SELECT count(*) FROM pg_tables WHERE schemaname = 'jobs'";
    assert!(one.number(jobs).await.unwrap() > 0);
    storage::migrate(&other.url()).await.unwrap();
}

#[tokio::test]
async fn connections_can_be_cut() {
    let database = TestDatabase::empty(&Cluster::shared()).await.unwrap();
    let mut connection = connect(&database.url()).await;
    database.terminate_backends().await.unwrap();
    assert!(connection.batch_execute("SELECT 1").await.is_err());
    assert!(
        connect(&database.url())
            .await
            .batch_execute("SELECT 1")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_cluster_survives_a_restart_and_a_crash_and_leaves_nothing() {
    let cluster = Arc::new(Cluster::start().unwrap());
    let folder = cluster.folder.path().to_owned();
    let database = noted(&cluster).await;
    let url = database.url();

    cluster.restart().unwrap();
    assert_eq!(
        rows::number(&mut connect(&url).await, NOTES).await.unwrap(),
        1
    );
    cluster.stop().unwrap();
    assert!(AsyncPgConnection::establish(&url).await.is_err());
    cluster.start_again().unwrap();
    database.sql("INSERT INTO note VALUES ('b')").await.unwrap();
    cluster.sql("postgres", "CHECKPOINT").await.unwrap();
    cluster.crash().unwrap();
    cluster.start_again().unwrap();
    assert_eq!(
        rows::number(&mut connect(&url).await, NOTES).await.unwrap(),
        2
    );

    drop(database);
    let port = cluster.port();
    drop(cluster);
    // The thread that drops the database holds the cluster a moment longer.
    assert!(
        wait::blocking(LIMIT, || !folder.exists()),
        "{} is left",
        folder.display()
    );
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

/// Run by the test below in a process of its own: starts a cluster, says where, and waits for its
/// death.
#[test]
#[ignore = "run by a_killed_process_leaves_no_cluster"]
fn helper_that_is_killed() {
    let cluster = Cluster::start().unwrap();
    println!(
        "cluster {} {}",
        cluster.port(),
        cluster.folder.path().display()
    );
    std::thread::sleep(LIMIT);
}

#[test]
fn a_killed_process_leaves_no_cluster() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--ignored",
        "--nocapture",
        "--exact",
        "cluster::tests::helper_that_is_killed",
    ]);
    let mut helper = crate::process::Process::spawn("helper", command).unwrap();
    helper
        .wait_for("its cluster", LIMIT, |helper| {
            cluster_of(&helper.output()).is_some()
        })
        .unwrap();
    let (port, folder) = cluster_of(&helper.output()).unwrap();
    assert!(folder.join("data").is_dir());

    helper.kill().unwrap();
    assert!(
        wait::blocking(LIMIT, || !folder.exists()),
        "{} is left",
        folder.display()
    );
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

fn cluster_of(output: &str) -> Option<(u16, PathBuf)> {
    let (_, line) = output.split_once("cluster ")?;
    let (line, _) = line.split_once('\n')?;
    let (port, folder) = line.split_once(' ')?;
    Some((port.parse().ok()?, PathBuf::from(folder)))
}
