//! `metergate doctor`: checks everything that can be checked, and says the remedy.

use std::fmt::Display;
use std::io::Write;
use std::sync::Arc;

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use service_kit::clock::{Clock, SystemClock};
use smd_client::certificate::EXPIRES_SOON;
use smd_client::{Budget, Client, PostgresBudget, Unlimited, Wait};
use storage::Database;

use crate::config::Config;
use crate::jobs::{CommandError, block_on};

/// A clock that is off by more than this breaks tokens and leases' logs, seconds.
const CLOCK_TOLERANCE: i64 = 5;
/// Longest wait for a turn of the request budget, which running services share.
const LONGEST_WAIT: Wait = Wait::at_most(std::time::Duration::from_secs(30));

/// Checks configuration and database, and for each side that is configured: keys, certificate, output folder and
/// custodian; permission facade, stream and broker.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    #[command(flatten)]
    config: Config,
    /// Leave the custodian and the broker out: no request is sent.
    #[arg(long)]
    offline: bool,
}

/// Something is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// The command itself.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The output.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
    /// Checks that failed.
    #[error("{0} of the checks failed")]
    Failed(usize),
}

/// Prints a line per check.
struct Report<'a, W> {
    out: &'a mut W,
    failed: usize,
}

impl<W: Write> Report<'_, W> {
    fn line(
        &mut self,
        name: &str,
        outcome: Result<impl Display, impl Display>,
    ) -> Result<(), std::io::Error> {
        match outcome {
            Ok(found) => writeln!(self.out, "ok      {name}: {found}"),
            Err(trouble) => {
                self.failed += 1;
                writeln!(self.out, "FAILED  {name}: {trouble}")
            }
        }
    }
}

impl Doctor {
    /// Runs all checks; fails when one of them did.
    pub fn run(self, out: &mut impl Write) -> Result<(), DoctorError> {
        service_kit::http::install_tls_provider();
        block_on(async {
            let mut report = Report { out, failed: 0 };
            let budget = self.database(&mut report).await?;
            let (history, near_real_time) =
                (self.config.has_history(), self.config.has_near_real_time());
            if history || !near_real_time {
                self.keys(&mut report)?;
                self.output(&mut report)?;
                self.custodian(&mut report, budget).await?;
            }
            if near_real_time {
                self.aiida(&mut report).await?;
            }
            match report.failed {
                0 => Ok(()),
                failed => Err(DoctorError::Failed(failed)),
            }
        })?
    }

    fn keys<W: Write>(&self, report: &mut Report<'_, W>) -> Result<(), DoctorError> {
        let keys = self.config.gateway.keys.load();
        Ok(report.line(
            "encryption keys",
            keys.map(|keys| format!("{} loaded", keys.ids().len())),
        )?)
    }

    /// The budget to keep towards the custodian: everybody's, where the database has it.
    async fn database<W: Write>(
        &self,
        report: &mut Report<'_, W>,
    ) -> Result<Arc<dyn Budget>, DoctorError> {
        let reached = async {
            let database = Database::new(&self.config.gateway.database)?;
            let conn = database.get().await?;
            Ok::<_, storage::DatabaseError>((database, conn))
        };
        let (database, mut conn) = match reached.await {
            Ok(reached) => reached,
            Err(error) => {
                report.line("database", Err::<String, _>(error))?;
                return Ok(Arc::new(Unlimited));
            }
        };
        report.line("database", Ok::<_, String>("reached"))?;
        let schema = storage::check_version(&mut conn).await;
        let is_current = schema.is_ok();
        report.line("schema", schema.map(|()| "up to date"))?;
        report.line("clock", clock_skew(&mut conn).await)?;
        if !is_current {
            return Ok(Arc::new(Unlimited));
        }
        Ok(Arc::new(PostgresBudget::new(
            database,
            &self.config.gateway.budget,
        )))
    }

    fn output<W: Write>(&self, report: &mut Report<'_, W>) -> Result<(), DoctorError> {
        // A draft that is dropped leaves nothing.
        let tried = self
            .config
            .output
            .place()
            .and_then(|place| place.begin().map(drop));
        Ok(report.line("output folder", tried.map(|()| "takes files"))?)
    }

    async fn custodian<W: Write>(
        &self,
        report: &mut Report<'_, W>,
        budget: Arc<dyn Budget>,
    ) -> Result<(), DoctorError> {
        let client = match Client::new(&self.config.gateway.smd, budget) {
            Ok(client) => client.waiting(LONGEST_WAIT),
            Err(error) => return Ok(report.line("custodian", Err::<String, _>(error))?),
        };
        report.line("certificate", certificate(&client))?;
        if self.offline {
            return Ok(());
        }
        // PG&E's own connection test, one request after the other.
        let token = client.client_token().await;
        report.line("custodian: token", token.map(|_| "received"))?;
        let status = client.service_status().await;
        report.line(
            "custodian: status",
            status.map(|status| format!("{status:?}")),
        )?;
        let sample = client.download_sample_data().await;
        report.line(
            "custodian: sample data",
            sample.map(|sample| format!("{} bytes", sample.bytes)),
        )?;
        Ok(())
    }
}

impl Doctor {
    /// What AIIDA needs beside the database.
    async fn aiida<W: Write>(&self, report: &mut Report<'_, W>) -> Result<(), DoctorError> {
        let facade = aiida_permission::Config::from(self.config.clone()).check();
        report.line("permission facade", facade.map(|()| "configured"))?;
        let stream = aiida_stream::Config::from(self.config.clone()).check();
        let stream_is_configured = stream.is_ok();
        report.line("stream", stream.map(|()| "configured"))?;
        if stream_is_configured && !self.offline {
            let login = aiida_stream::try_broker(&self.config.broker).await;
            report.line(
                "broker's login",
                login.map(|()| "let in, subscriptions taken"),
            )?;
        }
        let broker = mqtt_iam::broker::Broker::new(&self.config.iam.broker);
        let broker = match broker {
            Ok(broker) if self.offline => {
                drop(broker);
                return Ok(report.line("broker's management", Ok::<_, String>("configured"))?);
            }
            Ok(broker) => broker.ready().await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        Ok(report.line("broker's management", broker.map(|()| "answers"))?)
    }
}

fn certificate(client: &Client) -> Result<String, String> {
    let (report, now) = (
        client.certificate().map_err(|error| error.to_string())?,
        SystemClock.now(),
    );
    match report.warning(now, EXPIRES_SOON) {
        Some(warning) => Err(warning),
        None => Ok(format!(
            "matches its key, expires in {} days",
            report.days_left(now)
        )),
    }
}

async fn clock_skew(conn: &mut diesel_async::AsyncPgConnection) -> Result<String, String> {
    use diesel_async::RunQueryDsl as _;

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
    let skew = SystemClock.now().as_second() - there.seconds;
    if skew.abs() > CLOCK_TOLERANCE {
        return Err(format!(
            "this machine and the database differ by {skew} s: synchronise both with NTP"
        ));
    }
    Ok("agrees with the database's".to_owned())
}
