//! Ending a permission by hand. The permission service alone changes a status, so this asks it by a job and waits.

use std::io::Write;
use std::time::Duration;

use permission::{PermissionId, Status};
use service_kit::shutdown::Shutdown;
use storage::{Connection, Database, operator};

use super::get;
use crate::command::CommandError;

#[derive(Debug, clap::Args)]
pub(super) struct Terminate {
    /// Its id.
    id: PermissionId,
    /// Seconds to wait for aiida-permission.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait_seconds: u64,
}

impl Terminate {
    pub(super) async fn run(
        self,
        database: &Database,
        mut conn: Connection,
        out: &mut impl Write,
    ) -> Result<(), CommandError> {
        let id = self.id;
        let status = get(&mut conn, id).await?.status;
        if status != Status::Accepted {
            return Err(CommandError::NotAccepted { id, status });
        }
        let job = operator::terminate(&mut conn, id, None).await?;
        drop(conn);
        let shutdown = Shutdown::new();
        let listener = database.listen(&shutdown);
        let limit = Duration::from_secs(self.wait_seconds);
        let waited = job_queue::wait_for(database.pool(), &listener, job, limit).await;
        shutdown.begin_hard();
        // What counts is where it stands now: somebody else may have ended it meanwhile.
        let status = get(&mut *database.get().await?, id).await?.status;
        if status == Status::Accepted {
            let reason =
                waited.map_or_else(|error| error.to_string(), |_| "still ACCEPTED".to_owned());
            return Err(CommandError::NotYet {
                what: format!("the end of permission {id}"),
                reason,
                service: "aiida-permission",
            });
        }
        writeln!(out, "permission {id} is {status}")?;
        Ok(())
    }
}
