//! A stack's database.

use custodian::model::{Calendar, DayRange};
use jiff::Timestamp;
use test_support::{DatabaseError, Occupied, rows};

use super::{DATABASE, Stack, StackError};
use crate::BoxError;

impl Stack {
    /// The database's address for its owner.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.cluster.url(DATABASE)
    }

    /// Runs a statement in the database; an exception that it raises is an error.
    pub async fn sql(&self, statement: &str) -> Result<(), StackError> {
        Ok(self.cluster.sql(DATABASE, statement).await?)
    }

    /// The rows of a query in the database, as JSON objects.
    pub async fn rows(&self, query: &str) -> Result<Vec<serde_json::Value>, StackError> {
        Ok(self.cluster.rows(DATABASE, query).await?)
    }

    /// The one number that a query answers.
    pub async fn number(&self, query: &str) -> Result<i64, StackError> {
        let mut conn = self.cluster.connect(DATABASE).await?;
        Ok(rows::number(&mut conn, query).await?)
    }

    /// The one value that a query answers, as text; `None` where there is no row, or no value in it.
    pub async fn text(&self, query: &str) -> Result<Option<String>, StackError> {
        let mut conn = self.cluster.connect(DATABASE).await?;
        Ok(rows::text(&mut conn, query).await?)
    }

    /// The days that a delivered authorization, by the custodian's id, owed its customer: so many months up to where
    /// its row says that the history ends.
    pub async fn owed_days(&self, authorization: u64, months: i32) -> Result<DayRange, BoxError> {
        let query = format!(
            "SELECT authorized_at, history_until FROM smd.authorization WHERE subscription_id = '{authorization}'"
        );
        let rows = self.rows(&query).await?;
        let time = |column: &str| -> Result<Timestamp, BoxError> {
            let text = rows.first().and_then(|row| row.get(column)?.as_str());
            let text = text.ok_or_else(|| format!("{authorization} has no {column}"))?;
            Ok(text.parse()?)
        };
        let until = Calendar::pacific()?.day_of(time("history_until")?);
        Ok(DayRange::owed(until, months, time("authorized_at")?)?)
    }

    /// Cuts every connection to the database.
    pub async fn terminate_backends(&self) -> Result<(), StackError> {
        Ok(self.cluster.terminate_backends(DATABASE).await?)
    }

    /// Takes every connection that the server has, also those that others had.
    pub async fn occupy_connections(&self) -> Result<Occupied, StackError> {
        let mut taken = self.cluster.occupy("postgres").await;
        taken.cut_off(DATABASE).await?;
        taken.take_more(&self.cluster, "postgres").await;
        Ok(taken)
    }

    /// Whether an SQL condition is true in the database.
    pub async fn holds(&self, condition: &str) -> Result<bool, StackError> {
        const NO: &str = "the condition does not hold";
        let statement = format!(
            "DO $$ BEGIN IF ({condition}) IS NOT TRUE THEN RAISE EXCEPTION '{NO}'; END IF; END $$"
        );
        match self.sql(&statement).await {
            Ok(()) => Ok(true),
            Err(StackError::Database(DatabaseError::Statement { source, .. }))
                if source.to_string().contains(NO) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
