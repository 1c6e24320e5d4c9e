//! A home's answer to a request. Its ACCEPT is the one request that must not fail for a reason of ours: the home has
//! stored ACCEPTED before it sends this and will not send it again.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use jiff::Timestamp;
use job_queue::{NewJob, QueueError};
use permission::data_need::TimeFrame;
use permission::handshake::Credentials;
use permission::{IllegalStep, PermissionId, Status, Step};
use service_kit::config::chain;
use service_kit::secret::ExposeSecret as _;
use storage::DatabaseError;
use storage::aiida::credential;
use storage::aiida::permission::{self as table, Answer, Permission};
use storage::kinds::MqttGrant;
use tokio::time::Instant;
use uuid::Uuid;

use crate::Service;
use crate::handshake::{agreed, frame, gone};
use crate::passwords::PasswordError;
use crate::refusal::Refusal;
use crate::tokens::Access;

/// A database that restarts just now must not strand a home: this long an acceptance is tried, from the first look at
/// the permission to the commit. With the wait for the grant it stays below what nginx and homes wait.
const PATIENCE: Duration = Duration::from_secs(20);
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
enum AnswerError {
    /// Somebody or time was first; nothing has changed.
    #[error("the permission is not waiting for an answer any more")]
    Late,
    /// There is nothing to answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Process(#[from] IllegalStep),
}

impl AnswerError {
    /// Another attempt would end in the same way.
    const fn is_final(&self) -> bool {
        matches!(self, Self::Late | Self::Refused(_) | Self::Process(_))
    }
}

impl From<AnswerError> for Refusal {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Late => late(),
            AnswerError::Refused(refusal) => refusal,
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

/// ACCEPT: credentials at the broker, handed out once. The password is taken before anything is locked, and by one
/// acceptance of a permission at a time; the grant is waited for afterwards, because a home does not try its first
/// connection again.
pub(crate) async fn accept(
    service: &Service,
    id: PermissionId,
    access: &Access,
    aiida_id: Option<Uuid>,
) -> Result<HttpResponse, Refusal> {
    let under_way = service.acceptances.begin(id).ok_or_else(|| {
        Refusal::new(
            StatusCode::CONFLICT,
            "Another answer of the same home is being handled: nothing was changed by this one.",
        )
    })?;
    let deadline = Instant::now() + PATIENCE;
    let (permission, answer) = patiently(id, deadline, async || {
        let mut conn = service.database.get().await?;
        waiting(service, &mut conn, id, access, aiida_id).await
    })
    .await?;
    let password = service.passwords.take().await;
    let password = password.map_err(|error| no_password(&error))?;
    // When the connection breaks while it commits, nobody has told us whether it did: then the next attempt looks.
    let mut tried = Vec::new();
    let job = patiently(id, deadline, async || {
        attempt_to(service, id, &answer, &password.hash, &mut tried).await
    })
    .await?;
    drop(under_way);
    // From here on nothing may fail.
    tracing::info!(permission = %id, "accepted");
    wait_for_grant(service, id, job).await;
    let broker = &service.homes_url;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Credentials::new(
            broker,
            id,
            password.text.expose_secret(),
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
) -> Result<(Permission, Answer), AnswerError> {
    let permission = table::get(conn, id).await?.ok_or_else(gone)?;
    if permission.status != Status::SentToPermissionAdministrator {
        return Err(AnswerError::Late);
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

/// Logs the cause.
fn no_password(error: &PasswordError) -> Refusal {
    if matches!(error, PasswordError::Full(_)) {
        metrics::counter!("aiida_hashes_refused_total").increment(1);
    }
    Refusal::unavailable(error)
}

/// Tries until it succeeds, another attempt would be of no use, or the deadline has passed.
async fn patiently<T>(
    id: PermissionId,
    deadline: Instant,
    mut attempt: impl AsyncFnMut() -> Result<T, AnswerError>,
) -> Result<T, AnswerError> {
    loop {
        let error = match attempt().await {
            Err(error) if !error.is_final() => error,
            ended => return ended,
        };
        if Instant::now() + BETWEEN_ATTEMPTS > deadline {
            return Err(error);
        }
        tracing::warn!(
            permission = %id,
            error = chain(&error),
            "a home's answer could not be handled yet"
        );
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
