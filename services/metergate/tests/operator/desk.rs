//! The program, and a database that it may reach as the operator.

use std::process::Command;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use test_support::process::Process;
use test_support::{TestDatabase, wait};

/// How long anything in these tests may take.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// A migrated database with a login role of the operator's group.
pub(crate) struct Desk {
    pub(crate) database: TestDatabase,
    login: String,
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) ok: bool,
    /// Both of its outputs.
    pub(crate) output: String,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let name = format!("operator_{}", database.name());
        let create =
            format!("CREATE ROLE {name} LOGIN PASSWORD 'fictional' IN ROLE metergate_operator");
        database.sql(&create).await.unwrap();
        let login = database.url_as(&name, "fictional");
        Self { database, login }
    }

    /// The same on a server that keeps what is committed: by default the cluster of the tests does not.
    pub(crate) async fn durable() -> Self {
        let desk = Self::new().await;
        for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
            desk.sql(&format!("ALTER SYSTEM SET {setting} = on")).await;
        }
        desk.sql("SELECT pg_reload_conf()").await;
        let on = "current_setting('fsync') || current_setting('full_page_writes')
                  || current_setting('synchronous_commit')";
        desk.until(on, "ononon").await;
        desk
    }

    /// The same where what is committed may be lost in a crash.
    pub(crate) async fn forgetful() -> Self {
        let desk = Self::new().await;
        let name = desk.database.name();
        desk.sql(&format!(
            "ALTER DATABASE \"{name}\" SET synchronous_commit = off"
        ))
        .await;
        desk
    }

    /// The address for the operator's login.
    pub(crate) fn login(&self) -> &str {
        &self.login
    }

    pub(crate) async fn connect(&self) -> AsyncPgConnection {
        self.database.connect().await.unwrap()
    }

    pub(crate) async fn sql(&self, statement: &str) {
        self.database.sql(statement).await.unwrap();
    }

    /// The one text that a query answers.
    pub(crate) async fn text(&self, query: &str) -> Option<String> {
        self.database.text(query).await.unwrap()
    }

    pub(crate) async fn until(&self, query: &str, expected: &str) {
        wait::until(DEADLINE, &format!("{query} to be {expected}"), async || {
            (self.text(query).await.as_deref() == Some(expected)).then_some(())
        })
        .await;
    }

    /// Starts the program with nothing in its environment but the database and these.
    pub(crate) fn start(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Process {
        start(
            arguments,
            &[
                &[("METERGATE_DATABASE_URL", self.login.as_str())],
                environment,
            ]
            .concat(),
        )
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
        ended(self.start(arguments, environment)).await
    }
}

/// Starts the program with nothing in its environment but these.
pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_metergate"));
    command
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied());
    Process::spawn("metergate", command).unwrap()
}

pub(crate) async fn ended(mut process: Process) -> Ended {
    let ended = tokio::task::spawn_blocking(move || {
        let status = process.wait(DEADLINE).unwrap();
        Ended {
            ok: status.success(),
            output: process.output(),
        }
    });
    ended.await.unwrap()
}
