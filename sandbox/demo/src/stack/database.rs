//! A stack's database.

use test_support::{DatabaseError, Occupied};

use super::{DATABASE, Stack, StackError};

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
