//! Looking into a database, and standing in others' way there.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{
    AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _,
};
use serde_json::Value;

use crate::{Cluster, DatabaseError};

#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = Text)]
    rows: String,
}

/// Connections that somebody else cannot have; dropping it gives them back.
pub struct Occupied(Vec<AsyncPgConnection>);

impl Occupied {
    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there was none left to take.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Cuts every connection of others to `database`.
    pub async fn cut_off(&mut self, database: &str) -> Result<(), DatabaseError> {
        let Some(connection) = self.0.first_mut() else {
            return Ok(());
        };
        let statement = crate::database::cut_off(database);
        let done = connection.batch_execute(&statement).await;
        done.map_err(|source| DatabaseError::Statement { statement, source })
    }

    /// Takes what has become free.
    pub async fn take_more(&mut self, cluster: &Cluster, database: &str) {
        while let Ok(connection) = cluster.connect(database).await {
            self.0.push(connection);
        }
    }
}

impl Cluster {
    /// A connection of the superuser's to `database`.
    pub(crate) async fn connect(&self, database: &str) -> Result<AsyncPgConnection, DatabaseError> {
        let connected = AsyncPgConnection::establish(&self.url(database)).await;
        connected.map_err(|source| DatabaseError::Connect {
            log: self.log(),
            source,
        })
    }

    /// The rows of a query in `database`, as JSON objects; the superuser asks.
    pub async fn rows(&self, database: &str, query: &str) -> Result<Vec<Value>, DatabaseError> {
        let query = format!("SELECT coalesce(json_agg(q), '[]')::text AS rows FROM ({query}) q");
        let mut connection = self.connect(database).await?;
        let found: Result<Rows, _> = diesel::sql_query(&query).get_result(&mut connection).await;
        let found = found.map_err(|source| DatabaseError::Statement {
            statement: query.clone(),
            source,
        })?;
        serde_json::from_str(&found.rows).map_err(|source| DatabaseError::Rows {
            statement: query,
            source,
        })
    }

    /// Takes every connection that the server has left, until it refuses one more.
    pub async fn occupy(&self, database: &str) -> Occupied {
        let mut taken = Occupied(Vec::new());
        taken.take_more(self, database).await;
        taken
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn rows_come_as_objects_and_none_as_none() {
        let cluster = Cluster::shared();
        let rows = cluster
            .rows("postgres", "SELECT 1 AS one, 'two' AS text")
            .await;
        assert_eq!(rows.unwrap(), [json!({ "one": 1, "text": "two" })]);
        let none = cluster.rows("postgres", "SELECT 1 WHERE false").await;
        assert!(none.unwrap().is_empty());
        assert!(cluster.rows("postgres", "SELECT nothing").await.is_err());
    }

    #[tokio::test]
    async fn nobody_else_gets_in_while_all_connections_are_taken() {
        let cluster = Cluster::start().unwrap();
        let taken = cluster.occupy("postgres").await;
        assert!(taken.len() > 100, "{}", taken.len());
        assert!(cluster.sql("postgres", "SELECT 1").await.is_err());
        drop(taken);
        let again = async || cluster.sql("postgres", "SELECT 1").await.ok();
        crate::wait::until(std::time::Duration::from_secs(20), "a connection", again).await;
    }
}
