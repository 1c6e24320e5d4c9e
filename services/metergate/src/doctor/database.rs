//! The database: reached, migrated, with a clock that agrees and settings that keep what is committed.

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use service_kit::clock::{Clock as _, SystemClock};
use storage::database::BESIDE_POOL;
use storage::kinds::role;
use storage::server::{self, Settings};
use storage::{Database, DatabaseError};

use super::report::Report;
use crate::config::Config;

/// A clock that is off by more than this breaks tokens and leases' logs, seconds.
const CLOCK_TOLERANCE: i64 = 5;
/// The broker's pools, one to let in and one for access rules, as infra/emqx has them.
const BROKER_POOLS: usize = 2 * 8;

/// The database, when it is reached and its schema is this binary's.
pub(super) async fn check(report: &mut Report<'_>, config: &Config) -> Option<Database> {
    let reached = async {
        let database = Database::new(&config.gateway.database)?;
        let conn = database.get().await?;
        Ok::<_, DatabaseError>((database, conn))
    };
    let (database, mut conn) = match reached.await {
        Ok(reached) => reached,
        Err(error) => {
            report.failed("database", error);
            return None;
        }
    };
    report.ok("database", "reached");
    let schema = storage::check_version(&mut conn).await;
    let is_current = schema.is_ok();
    report.result("schema", schema.map(|()| "up to date"));
    report.result("clock", clock_skew(&mut conn).await);
    match server::settings(&mut conn).await {
        Ok(settings) => {
            durability(report, &settings);
            connections(report, config, &settings);
        }
        Err(error) => report.failed("server settings", error),
    }
    is_current.then_some(database)
}

fn durability(report: &mut Report<'_>, settings: &Settings) {
    let name = "durability";
    if settings.read_only {
        report.failed(
            name,
            "the server is a standby or read-only: write the primary's address into METERGATE_DATABASE_URL",
        );
    } else if settings.forgetful.is_empty() {
        report.ok(name, "what is committed stays");
    } else {
        let off = settings.forgetful.join(", ");
        report.unfit(
            name,
            format_args!(
                "{off} off: after a crash of the server, tokens and messages that were acknowledged may be gone; set on in postgresql.conf (or ALTER DATABASE … SET synchronous_commit = on)"
            ),
        );
    }
}

/// One replica of each service has to find room, and a command of the operator's.
fn connections(report: &mut Report<'_>, config: &Config, settings: &Settings) {
    let pool = config.gateway.database.database_connections;
    let near_real_time = config.has_near_real_time();
    let history = config.has_history() || !near_real_time;
    let (services, needed) = needed(pool, history, near_real_time);
    let Settings {
        connections,
        connected,
        ..
    } = settings;
    if i64::try_from(needed).unwrap_or(i64::MAX) >= *connections {
        report.failed(
            "connections",
            format_args!(
                "{services} services with METERGATE_DATABASE_CONNECTIONS={pool} need up to {needed}, the server has {connections}: raise max_connections or lower the setting"
            ),
        );
    } else {
        report.ok(
            "connections",
            format_args!(
                "one replica of each service needs up to {needed} of {connections}; {connected} are open now"
            ),
        );
    }
}

/// How many services run on these sides, and the connections that they and the broker open at most; docs/production.md
/// counts the same.
fn needed(pool: usize, history: bool, near_real_time: bool) -> (usize, usize) {
    // The console runs with either side.
    let (mut services, mut elsewhere) = (1, 0);
    if history {
        services += role::HISTORY.len();
    }
    if near_real_time {
        services += role::NEAR_REAL_TIME.len();
        elsewhere = aiida_stream::LIVE_CONNECTIONS + BROKER_POOLS;
    }
    let needed = pool.saturating_add(BESIDE_POOL).saturating_mul(services);
    (services, needed.saturating_add(elsewhere))
}

async fn clock_skew(conn: &mut AsyncPgConnection) -> Result<String, String> {
    #[derive(QueryableByName)]
    struct Seconds {
        #[diesel(sql_type = BigInt)]
        seconds: i64,
    }
    let there: Seconds =
        diesel::sql_query("SELECT extract(epoch FROM clock_timestamp())::bigint AS seconds")
            .get_result(conn)
            .await
            .map_err(|error| error.to_string())?;
    compare(SystemClock.now().as_second(), there.seconds)
}

fn compare(here: i64, there: i64) -> Result<String, String> {
    let skew = here - there;
    if skew.abs() > CLOCK_TOLERANCE {
        return Err(format!(
            "this machine and the database differ by {skew} s: synchronise both with NTP"
        ));
    }
    Ok("agrees with the database's".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_a_little() {
        assert!(compare(100, 105).is_ok());
        let off = compare(100, 94).unwrap_err();
        assert!(off.contains("differ by 6 s"), "{off}");
    }

    #[test]
    fn all_who_connect_are_counted() {
        assert_eq!(needed(8, true, true), (7, 7 * 9 + 4 + 16));
        assert_eq!(needed(8, true, false), (4, 4 * 9));
        assert_eq!(needed(8, false, true), (4, 4 * 9 + 4 + 16));
    }

    #[test]
    fn the_brokers_pools_are_as_configured() {
        let conf = include_str!("../../../../infra/emqx/emqx.conf");
        let sizes = conf
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pool_size = "));
        let sizes: usize = sizes.map(|size| size.parse::<usize>().unwrap()).sum();
        assert_eq!(sizes, BROKER_POOLS);
    }

    #[test]
    fn a_standby_takes_nothing() {
        let settings = Settings {
            version: 170_000,
            forgetful: Vec::new(),
            read_only: true,
            connections: 97,
            connected: 1,
        };
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, true);
        durability(&mut report, &settings);
        assert_eq!(report.end().unwrap(), 1);
    }
}
