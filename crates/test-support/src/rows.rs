//! Looking into a database, and standing in others' way there.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{
    AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Cluster, DatabaseError};

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Text)]
    json: String,
}

/// What a query with one row of one column answers, read from JSON; null where there is nothing.
async fn answer<T: DeserializeOwned>(
    connection: &mut AsyncPgConnection,
    query: &str,
) -> Result<T, DatabaseError> {
    let statement = format!("SELECT coalesce(({query})::text, 'null') AS json");
    let answer: Result<Answer, _> = diesel::sql_query(&statement).get_result(connection).await;
    match answer {
        Ok(Answer { json }) => {
            serde_json::from_str(&json).map_err(|source| DatabaseError::Rows { statement, source })
        }
        Err(source) => Err(DatabaseError::Statement { statement, source }),
    }
}

/// The first column of a query's rows, as text, in their order; all of them have a value.
pub async fn texts(
    connection: &mut AsyncPgConnection,
    query: &str,
) -> Result<Vec<String>, DatabaseError> {
    let query = format!("SELECT coalesce(json_agg(cell::text), '[]') FROM ({query}) q (cell)");
    answer(connection, &query).await
}

/// The one value that a query answers, as text; `None` where there is no row, or no value in it.
pub async fn text(
    connection: &mut AsyncPgConnection,
    query: &str,
) -> Result<Option<String>, DatabaseError> {
    answer(connection, &format!("SELECT to_json(({query})::text)")).await
}

/// The one number that a query answers.
pub async fn number(connection: &mut AsyncPgConnection, query: &str) -> Result<i64, DatabaseError> {
    answer(connection, &format!("SELECT ({query})::bigint")).await
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
    pub async fn connect(&self, database: &str) -> Result<AsyncPgConnection, DatabaseError> {
        let connected = AsyncPgConnection::establish(&self.url(database)).await;
        connected.map_err(|source| DatabaseError::Connect {
            log: self.log(),
            source,
        })
    }

    /// The rows of a query in `database`, as JSON objects; the superuser asks.
    pub async fn rows(&self, database: &str, query: &str) -> Result<Vec<Value>, DatabaseError> {
        let query = format!("SELECT coalesce(json_agg(q), '[]') FROM ({query}) q");
        answer(&mut self.connect(database).await?, &query).await
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
    async fn single_values_come_as_what_they_are() {
        let mut connection = Cluster::shared().connect("postgres").await.unwrap();
        let column = "SELECT a, 2 FROM (VALUES (2, 'b'), (1, NULL)) AS v (a, b) ORDER BY a";
        assert_eq!(texts(&mut connection, column).await.unwrap(), ["1", "2"]);
        let none = texts(&mut connection, "SELECT 1 WHERE false").await;
        assert!(none.unwrap().is_empty());
        let hole = texts(&mut connection, "VALUES ('a'), (NULL)").await;
        assert!(hole.is_err(), "{hole:?}");
        let word = text(&mut connection, "SELECT 'a'").await.unwrap();
        assert_eq!(word.as_deref(), Some("a"));
        for nothing in ["SELECT NULL", "SELECT 1 WHERE false"] {
            assert_eq!(text(&mut connection, nothing).await.unwrap(), None);
            let missing = number(&mut connection, nothing).await.unwrap_err();
            assert!(missing.to_string().contains(nothing), "{missing}");
        }
        let sum = number(&mut connection, "SELECT sum(1.0)").await.unwrap();
        assert_eq!(sum, 1);
        let two = "SELECT generate_series(1, 2)";
        assert!(number(&mut connection, two).await.is_err());
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
