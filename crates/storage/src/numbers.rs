//! What Prometheus is told of the database with each scrape: this process's pools, and how many authorizations and
//! permissions stand where. Labels are stages and statuses, never ids.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use job_queue::Pool;
use permission::Status;
use service_kit::metrics::Measure;

use crate::smd::authorization::{self, Stage};
use crate::{Database, DatabaseError, aiida};

/// Measures a pool. A process may have several of them (all services in one): each adds its share.
pub(crate) struct PoolMeasure {
    pool: Pool,
    counted: Mutex<Share>,
}

/// What one pool has added to the gauges.
#[derive(Default, Clone, Copy)]
struct Share {
    in_use: f64,
    idle: f64,
    max: f64,
    waiting: f64,
}

impl PoolMeasure {
    pub(crate) fn new(pool: Pool) -> Self {
        describe();
        Self {
            pool,
            counted: Mutex::default(),
        }
    }
}

#[async_trait]
impl Measure for PoolMeasure {
    async fn measure(&self) {
        let status = self.pool.status();
        let now = Share {
            in_use: count(status.size.saturating_sub(status.available)),
            idle: count(status.available),
            max: count(status.max_size),
            waiting: count(status.waiting),
        };
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        metrics::gauge!("database_pool_connections", "state" => "in_use")
            .increment(now.in_use - counted.in_use);
        metrics::gauge!("database_pool_connections", "state" => "idle")
            .increment(now.idle - counted.idle);
        metrics::gauge!("database_pool_connections_max").increment(now.max - counted.max);
        metrics::gauge!("database_pool_waiting").increment(now.waiting - counted.waiting);
        *counted = now;
    }
}

/// Counts authorizations by stage.
#[derive(Debug)]
pub struct AuthorizationMeasure(Database);

impl AuthorizationMeasure {
    /// For a service that may read all of them.
    #[must_use]
    pub fn new(database: Database) -> Self {
        metrics::describe_gauge!(
            "smd_authorizations",
            "Authorizations that are not forgotten, by stage"
        );
        Self(database)
    }

    async fn counts(&self) -> Result<HashMap<String, i64>, DatabaseError> {
        Ok(authorization::counts(&mut *self.0.get().await?).await?)
    }
}

#[async_trait]
impl Measure for AuthorizationMeasure {
    async fn measure(&self) {
        match self.counts().await {
            Ok(counts) => {
                for stage in Stage::ALL.map(Stage::as_str) {
                    metrics::gauge!("smd_authorizations", "stage" => stage)
                        .set(rows(counts.get(stage)));
                }
            }
            Err(error) => tracing::debug!(%error, "authorizations are not counted"),
        }
    }
}

/// Counts permissions by status.
#[derive(Debug)]
pub struct PermissionMeasure(Database);

impl PermissionMeasure {
    /// For a service that may read all of them.
    #[must_use]
    pub fn new(database: Database) -> Self {
        metrics::describe_gauge!(
            "aiida_permissions",
            "Permissions that are not forgotten, by status"
        );
        Self(database)
    }

    async fn counts(&self) -> Result<HashMap<String, i64>, DatabaseError> {
        Ok(aiida::permission::counts(&mut *self.0.get().await?).await?)
    }
}

#[async_trait]
impl Measure for PermissionMeasure {
    async fn measure(&self) {
        match self.counts().await {
            Ok(counts) => {
                for status in Status::ALL.map(Status::name) {
                    metrics::gauge!("aiida_permissions", "status" => status)
                        .set(rows(counts.get(status)));
                }
            }
            Err(error) => tracing::debug!(%error, "permissions are not counted"),
        }
    }
}

fn rows(counted: Option<&i64>) -> f64 {
    let counted = counted.copied().unwrap_or_default();
    f64::from(u32::try_from(counted).unwrap_or(u32::MAX))
}

fn count(connections: usize) -> f64 {
    f64::from(u32::try_from(connections).unwrap_or(u32::MAX))
}

fn describe() {
    metrics::describe_gauge!(
        "database_pool_connections",
        "Connections to Postgres that the pool of this process has open"
    );
    metrics::describe_gauge!(
        "database_pool_connections_max",
        "Most connections that the pool may open (METERGATE_DATABASE_CONNECTIONS)"
    );
    metrics::describe_gauge!(
        "database_pool_waiting",
        "Tasks that wait for a connection of the pool"
    );
}
