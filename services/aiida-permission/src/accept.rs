//! A home's answer to a request. Its ACCEPT is the one request that must not fail for a reason of ours: the home has
//! stored ACCEPTED before it sends this and will not send it again.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use bcrypt::{BcryptError, Version};
use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use jiff::Timestamp;
use job_queue::{NewJob, QueueError};
use permission::data_need::TimeFrame;
use permission::handshake::Credentials;
use permission::{IllegalStep, PermissionId, Status, Step};
use service_kit::config::chain;
use storage::DatabaseError;
use storage::aiida::credential;
use storage::aiida::permission::{self as table, Answer, Permission};
use storage::kinds::MqttGrant;
use tokio::task::JoinError;
use uuid::Uuid;

use crate::Service;
use crate::handshake::{agreed, find, frame};
use crate::refusal::Refusal;
use crate::tokens::Access;

/// 18 random bytes are 24 characters.
const PASSWORD_BYTES: usize = 18;

/// A database that restarts just now must not strand a home.
const ATTEMPTS: u32 = 6;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
enum AnswerError {
    /// Somebody or time was first; nothing has changed.
    #[error("the permission is not waiting for an answer any more")]
    Late,
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Process(#[from] IllegalStep),
}

#[derive(Debug, thiserror::Error)]
enum HashError {
    #[error("the password's hash cannot be computed")]
    Bcrypt(#[from] BcryptError),
    #[error("the password's hash was not computed to its end")]
    Cut(#[from] JoinError),
}

impl From<AnswerError> for Refusal {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Late => late(),
            error => Self::unavailable(&error),
        }
    }
}

fn late() -> Refusal {
    Refusal::new(
        StatusCode::CONFLICT,
        "The permission is not waiting for an answer (any more): nothing was changed.",
    )
}

/// REJECT and UNFULFILLABLE.
pub(crate) async fn decline(
    service: &Service,
    id: PermissionId,
    access: &Access,
    aiida_id: Option<Uuid>,
    to: Status,
) -> Result<HttpResponse, Refusal> {
    let mut conn = service.database.get().await?;
    let (_, answer) = waiting(service, &mut conn, id, access, aiida_id).await?;
    let taken = conn.transaction(async |conn| {
        service.announce(conn, Vec::new()).await?;
        or_late(table::answer(conn, id, step(to)?, &answer).await?)
    });
    taken.await?;
    tracing::info!(permission = %id, status = %to, "a home has answered");
    Ok(HttpResponse::NoContent().finish())
}

/// ACCEPT: credentials at the broker, handed out once. The hash is computed before anything is locked; the grant is
/// waited for afterwards, because a home does not try its first connection again.
pub(crate) async fn accept(
    service: &Service,
    id: PermissionId,
    access: &Access,
    aiida_id: Option<Uuid>,
) -> Result<HttpResponse, Refusal> {
    let (permission, answer) = {
        let mut conn = service.database.get().await?;
        waiting(service, &mut conn, id, access, aiida_id).await?
    };
    let password = service.random.token(PASSWORD_BYTES);
    let hash = hash(service, &password)
        .await
        .map_err(|error| Refusal::unavailable(&error))?;
    let job = commit(service, id, &answer, &hash).await?;
    // From here on nothing may fail.
    tracing::info!(permission = %id, "accepted");
    wait_for_grant(service, id, job).await;
    let broker = &service.homes_url;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Credentials::new(
            broker,
            id,
            &password,
            &permission.data_need,
        )))
}

/// The permission, if it waits for an answer, and what is stored with one. Looked at without a lock: the step itself
/// looks again.
async fn waiting(
    service: &Service,
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    access: &Access,
    aiida_id: Option<Uuid>,
) -> Result<(Permission, Answer), Refusal> {
    let permission = find(conn, id).await?;
    if permission.status != Status::SentToPermissionAdministrator {
        return Err(late());
    }
    let frame: TimeFrame = match agreed(&permission) {
        Some(frame) => frame,
        None => frame(service, &permission)?,
    };
    let answer = Answer {
        aiida_id,
        code: access.code,
        frame,
    };
    Ok((permission, answer))
}

/// bcrypt on the blocking pool, as many at a time as there are processors.
async fn hash(service: &Service, password: &str) -> Result<String, HashError> {
    let cost = service.config.facade.aiida_bcrypt_cost;
    let mut salt = [0; 16];
    service.random.fill(&mut salt);
    let password = password.to_owned();
    // Never closed.
    let turn = service.hashing.acquire().await.ok();
    let parts = tokio::task::spawn_blocking(move || bcrypt::hash_with_salt(password, cost, salt));
    let parts = parts.await??;
    drop(turn);
    Ok(parts.format_for_version(Version::TwoB))
}

/// Commits the acceptance and answers the job of its grant. When the connection breaks while it commits, nobody has
/// told us whether it did: then we look.
async fn commit(
    service: &Service,
    id: PermissionId,
    answer: &Answer,
    hash: &str,
) -> Result<i64, AnswerError> {
    let mut tried = Vec::new();
    let mut attempt = 1;
    loop {
        let error = match attempt_to(service, id, answer, hash, &mut tried).await {
            Ok(job) => return Ok(job),
            Err(error @ (AnswerError::Late | AnswerError::Process(_))) => return Err(error),
            Err(error) => error,
        };
        if attempt >= ATTEMPTS {
            return Err(error);
        }
        tracing::warn!(
            permission = %id,
            attempt,
            error = chain(&error),
            "an acceptance could not be stored yet"
        );
        attempt += 1;
        tokio::time::sleep(BETWEEN_ATTEMPTS).await;
    }
}

/// One attempt. `tried` are the times at which attempts before have stored the hash, whether they have committed or
/// not: no two have the same.
async fn attempt_to(
    service: &Service,
    id: PermissionId,
    answer: &Answer,
    hash: &str,
    tried: &mut Vec<Timestamp>,
) -> Result<i64, AnswerError> {
    let mut conn = service.database.get().await?;
    let before = tried.clone();
    if is_ours(&mut conn, id, &before).await? {
        return Ok(job_queue::enqueue_one(&mut conn, &MqttGrant { permission: id }).await?);
    }
    match store(service, &mut conn, id, answer, hash, tried).await {
        // The broken connection's commit may have come through only now.
        Err(AnswerError::Late) if is_ours(&mut conn, id, &before).await? => {
            Ok(job_queue::enqueue_one(&mut conn, &MqttGrant { permission: id }).await?)
        }
        other => other,
    }
}

/// Whether the credential is of one of these times.
async fn is_ours(
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    times: &[Timestamp],
) -> diesel::QueryResult<bool> {
    if times.is_empty() {
        return Ok(false);
    }
    let stored_at = credential::stored_at(conn, id).await?;
    Ok(stored_at.is_some_and(|at| times.contains(&at)))
}

async fn store(
    service: &Service,
    conn: &mut AsyncPgConnection,
    id: PermissionId,
    answer: &Answer,
    hash: &str,
    tried: &mut Vec<Timestamp>,
) -> Result<i64, AnswerError> {
    let step = step(Status::Accepted)?;
    let grant = NewJob::new(&MqttGrant { permission: id })?;
    conn.transaction(async |conn| {
        let ids = service.announce(conn, vec![grant]).await?;
        // A credential that is there already belongs to somebody who was first.
        let stored_at = credential::store(conn, id, hash).await?;
        tried.push(stored_at.ok_or(AnswerError::Late)?);
        or_late(table::answer(conn, id, step, answer).await?)?;
        let id = ids.into_iter().next();
        id.ok_or(AnswerError::Queue(QueueError::NoId("mqtt.grant")))
    })
    .await
}

/// Up to the configured time. A grant that is late comes all the same; the home's own client connects then, if it
/// tries again, and the household's page says what to do if it does not.
async fn wait_for_grant(service: &Service, id: PermissionId, job: i64) {
    let limit = service.config.grant_wait();
    let pool = service.database.pool();
    if let Err(error) = job_queue::wait_for(pool, &service.listener, job, limit).await {
        metrics::counter!("aiida_grants_late_total").increment(1);
        tracing::warn!(
            permission = %id,
            error = chain(&error),
            "a home was answered before the broker knows it: check that mqtt-iam runs"
        );
    }
}

fn step(to: Status) -> Result<Step, IllegalStep> {
    Status::SentToPermissionAdministrator.step(to)
}

const fn or_late(taken: bool) -> Result<(), AnswerError> {
    if taken {
        Ok(())
    } else {
        Err(AnswerError::Late)
    }
}
