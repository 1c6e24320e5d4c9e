//! Event streams: `GET /api/v1/permissions/{id}/live` tells the eligible party each reading of a permission
//! within a second of its storing, and every change of its status.
//!
//! Any replica serves any permission, because a stream reads the database and not this process's memory. A
//! stream ends with an `end` event: the permission has ended, its key was revoked, or the process stops.

mod config;
mod event;
mod follow;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use futures_util::stream::poll_fn;
use permission::PermissionId;
use service_kit::http::{HttpError, PublicServer, bearer};
use service_kit::problem::Problem;
use service_kit::program::Context;
use service_kit::secret::Secret;
use service_kit::shutdown::Shutdown;
use storage::aiida::{api_key, live};
use storage::{Database, DatabaseConfig, DatabaseError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use event::End;
use follow::{Follower, Start, has_ended};

pub use config::LiveConfig;

/// Connections for all streams: each needs one for milliseconds at a time. A pool of its own, because a
/// connection ends with the server's thread that made it.
pub const CONNECTIONS: usize = 4;

/// Events on their way to one reader. More would only be more to lose when it is gone.
const BUFFERED: usize = 32;

/// When to come back to a process that has no room.
const CROWDED: Duration = Duration::from_secs(5);

/// Why there are no event streams.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// No pool.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The public port.
    #[error(transparent)]
    Http(#[from] HttpError),
}

struct Live {
    database: Database,
    streams: Arc<Semaphore>,
    heartbeat: Duration,
    shutdown: Shutdown,
}

/// Serves event streams on a socket that listens already, until the shutdown.
pub(crate) async fn serve(
    server: PublicServer,
    config: &LiveConfig,
    database: &DatabaseConfig,
    context: &Context,
) -> Result<(), LiveError> {
    metrics::describe_gauge!(
        "aiida_live_streams",
        "Event streams to the eligible party that are open"
    );
    let database = Database::new(&DatabaseConfig {
        database_connections: CONNECTIONS,
        ..database.clone()
    })?;
    let live = Data::new(Live {
        database,
        streams: Arc::new(Semaphore::new(config.streams)),
        heartbeat: config.heartbeat(),
        shutdown: context.shutdown.clone(),
    });
    server
        .run(&context.shutdown, move |app| routes(app, &live))
        .await?;
    Ok(())
}

fn routes(app: &mut ServiceConfig, live: &Data<Live>) {
    app.app_data(live.clone()).service(
        web::resource("/api/v1/permissions/{id}/live")
            .route(web::get().to(stream))
            .default_service(web::to(only_get)),
    );
}

async fn only_get() -> HttpResponse {
    let problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "An event stream is read with GET.",
    );
    let mut response = problem.error_response();
    response
        .headers_mut()
        .insert(header::ALLOW, header::HeaderValue::from_static("GET"));
    response
}

/// Why a reader gets no stream.
enum Refused {
    Key,
    Permission,
    Crowded,
    Database(DatabaseError),
}

impl<E: Into<DatabaseError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("METERGATE_AIIDA_STREAM_LIVE_STREAMS event streams are open already")]
struct Crowded;

impl Refused {
    fn answer(self) -> HttpResponse {
        match self {
            Self::Key => {
                let problem = Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "Send an API key that has not been revoked: `Authorization: Bearer mgk_…`.",
                );
                let mut response = problem.error_response();
                response.headers_mut().insert(
                    header::WWW_AUTHENTICATE,
                    header::HeaderValue::from_static("Bearer"),
                );
                response
            }
            Self::Permission => {
                Problem::not_found("There is no permission with this id.").error_response()
            }
            Self::Crowded => Problem::unavailable(
                "Too many event streams are open: close one, or come back later.",
                CROWDED,
                &Crowded,
            )
            .error_response(),
            Self::Database(error) => Problem::unavailable(
                "The database does not answer at the moment.",
                CROWDED,
                &error,
            )
            .error_response(),
        }
    }
}

/// `GET /api/v1/permissions/{id}/live`.
async fn stream(live: Data<Live>, request: HttpRequest) -> HttpResponse {
    match open(&live, &request).await {
        Ok(response) => response,
        Err(refused) => refused.answer(),
    }
}

async fn open(live: &Live, request: &HttpRequest) -> Result<HttpResponse, Refused> {
    let key = bearer(request.headers()).ok_or(Refused::Key)?;
    let mut conn = live.database.get().await?;
    let known = api_key::verify(&mut conn, key).await?;
    known.ok_or(Refused::Key)?;
    let id = request.match_info().get("id").unwrap_or_default();
    let id: PermissionId = id.parse().map_err(|_| Refused::Permission)?;
    let head = live::head(&mut conn, id)
        .await?
        .ok_or(Refused::Permission)?;
    drop(conn);

    let last = request.headers().get("last-event-id");
    if last.is_some() && has_ended(head.status) {
        // A reader that has seen the end and comes back all the same: 204 makes browsers stay away.
        return Ok(HttpResponse::NoContent().finish());
    }
    let permit = Arc::clone(&live.streams).try_acquire_owned();
    let permit = permit.map_err(|_| Refused::Crowded)?;
    let start = Start {
        head,
        seen: last
            .and_then(|last| last.to_str().ok())
            .and_then(event::time_of),
    };
    let key = Secret::from(key.to_owned());
    let follower = Follower::new(live.database.clone(), id, key, live.heartbeat, start);
    Ok(respond(follower, permit, &live.shutdown))
}

/// The follower runs beside the response and waits for the reader, so that a slow one holds up nobody, and
/// one that takes nothing at all is ended.
fn respond(follower: Follower, permit: OwnedSemaphorePermit, shutdown: &Shutdown) -> HttpResponse {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(BUFFERED);
    let soft = shutdown.soft().clone();
    shutdown.tasks().spawn(async move {
        let _permit = permit;
        let open = metrics::gauge!("aiida_live_streams");
        open.increment(1);
        tokio::select! {
            biased;
            () = soft.cancelled() => {
                // A reader with a full buffer sees the end of the response all the same.
                let _: Result<(), _> = sender.try_send(event::end(End::Restart));
            }
            () = sender.closed() => {}
            () = follower.run(&sender) => {}
        }
        open.decrement(1);
    });
    let events = poll_fn(move |context| {
        receiver
            .poll_recv(context)
            .map(|event| event.map(Ok::<_, Infallible>))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // nginx would hold events back until its buffer is full.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(events)
}

#[cfg(test)]
mod tests;
