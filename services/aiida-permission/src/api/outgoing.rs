//! What the eligible party sends to a home: commands and inbound data. Both are stored with their job in one
//! transaction, under the permission's lock; aiida-stream publishes them.

use actix_web::http::header::LOCATION;
use actix_web::web::{self, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use diesel_async::AsyncConnection as _;
use permission::command::{Command, CommandError};
use permission::{Direction, Generation, PermissionId, Schema, Status};
use serde::Deserialize;
use serde_json::json;
use service_kit::problem::Problem;
use storage::aiida::OutgoingId;
use storage::aiida::outgoing::{self, Kind, NewOutgoing};
use storage::aiida::permission::{self as store, Permission};
use storage::audit;
use storage::kinds::AiidaCommand;
use utoipa::{IntoParams, ToSchema};

use super::auth::Party;
use super::input::{JSON_LIMIT, bytes, query, words};
use super::must_exist;
use super::page::{self, MOST, USUAL};
use super::refused::Refused;
use super::view::{OutgoingList, OutgoingView, Taken};
use crate::Service;

/// Most bytes of inbound data: what brokers take by default (1 MiB) leaves room for more.
const INBOUND_LIMIT: usize = 256 * 1024;

/// A command for a home.
#[expect(dead_code, reason = "describes: the crate permission reads it")]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct CommandDocument {
    /// `UPDATE_TRANSMISSION_SCHEDULE` or `SET_TRANSMISSION_ENABLED`, if the data need grants it.
    #[schema(example = "UPDATE_TRANSMISSION_SCHEDULE")]
    action: String,
    /// Cron with seconds; with `UPDATE_TRANSMISSION_SCHEDULE` only.
    #[schema(example = "*/10 * * * * *")]
    transmission_schedule: Option<String>,
    /// With `SET_TRANSMISSION_ENABLED` only.
    enabled: Option<bool>,
}

/// Sends a command to the home.
///
/// It is retained at the broker: a home that is offline finds it when it is
/// back, and a newer one of the same action replaces it. Nothing is sent before the permission's first day.
///
/// Homes of 2025 know no commands but the end, so one that scanned the older code is refused. Homes from 2026-02-05
/// scan the same code as those from 2026-06-02, which were the first to know commands: they cannot be told apart, and
/// such a home does not hear what is sent to it.
#[utoipa::path(post, operation_id = "sendCommand", path = "/api/v1/permissions/{id}/commands", tag = "To the home",
    params(("id" = Uuid, Path, description = "The permission")), request_body = CommandDocument,
    responses((status = 202, description = "Taken; see the outgoing of the permission", body = Taken),
              (status = 409, description = "The data need does not grant it, the home knows no commands, or the permission is not ACCEPTED or has not begun")))]
pub(crate) async fn command(
    service: Data<Service>,
    party: Party,
    id: Path<PermissionId>,
    payload: web::Payload,
) -> Result<HttpResponse, Refused> {
    let command = read_command(&bytes(payload, JSON_LIMIT).await?)?;
    let (id, name) = (*id, command.name());
    let body = command.payload(id);
    let check = |permission: &Permission| {
        command
            .check(&permission.data_need)
            .map_err(|refused| Refused::conflict(capital(&refused.to_string())))?;
        if permission.code == Some(Generation::Single) {
            return Err(Refused::conflict(
                "The home is of 2025 and knows no commands: what it does can only be ended.",
            ));
        }
        Ok(())
    };
    send(&service, party, id, Kind::Command, name, &body, check).await
}

fn read_command(body: &[u8]) -> Result<Command, Refused> {
    let command = Command::parse(body).map_err(|error| match error {
        CommandError::Json(error) => Refused::from(Problem::bad_request(words(&error))),
        CommandError::Missing(..) | CommandError::Superfluous(..) => {
            Refused::meaningless(format!("{}.", capital(&error.to_string())))
        }
    })?;
    match command {
        Command::Terminate => Err(Refused::meaningless(
            "A permission is ended by POST /api/v1/permissions/{id}/terminate: there is more to it than the command.",
        )),
        Command::UpdateTransmissionSchedule(ref schedule) => {
            schedule
                .parse::<permission::Schedule>()
                .map_err(|error| Refused::meaningless(capital(&error.to_string())))?;
            Ok(command)
        }
        Command::SetTransmissionEnabled(_) => Ok(command),
    }
}

/// Sends data to the home, as it is.
///
/// It is retained at the broker: the home has the latest of each schema,
/// also when it was offline. Nothing is sent before the permission's first day.
#[utoipa::path(put, operation_id = "putInbound", path = "/api/v1/permissions/{id}/inbound/{schema}", tag = "To the home",
    params(("id" = Uuid, Path, description = "The permission"),
           ("schema" = String, Path, description = "`MIN-MAX-ENVELOPE-CIM-V1-12` or `OPAQUE`, in either case", example = "opaque")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
                 description = "What the home receives: at least one byte, at most 262144"),
    responses((status = 202, description = "Taken; see the outgoing of the permission", body = Taken),
              (status = 409, description = "Not among the data need's schemas, not an inbound permission, not ACCEPTED, or not begun"),
              (status = 413, description = "Too many bytes")))]
pub(crate) async fn inbound(
    service: Data<Service>,
    party: Party,
    path: Path<(PermissionId, String)>,
    payload: web::Payload,
) -> Result<HttpResponse, Refused> {
    let (id, schema) = path.into_inner();
    let schema: Schema = schema.to_ascii_uppercase().parse().map_err(|_| {
        Problem::not_found("There is no such schema; data needs name those that there are.")
    })?;
    let body = bytes(payload, INBOUND_LIMIT).await?;
    if body.is_empty() {
        // At the broker an empty retained message would only remove the one before.
        return Err(Refused::meaningless(
            "The body is empty: send what the home is to receive.",
        ));
    }
    let check = |permission: &Permission| covers(permission, schema);
    send(
        &service,
        party,
        id,
        Kind::Inbound,
        schema.name(),
        &body,
        check,
    )
    .await
}

/// The same as `PUT`.
#[utoipa::path(post, operation_id = "postInbound", path = "/api/v1/permissions/{id}/inbound/{schema}", tag = "To the home",
    params(("id" = Uuid, Path, description = "The permission"),
           ("schema" = String, Path, description = "As with `PUT`", example = "opaque")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "As with `PUT`"),
    responses((status = 202, description = "Taken; see the outgoing of the permission", body = Taken),
              (status = 409, description = "As with `PUT`"), (status = 413, description = "Too many bytes")))]
pub(crate) async fn post_inbound(
    service: Data<Service>,
    party: Party,
    path: Path<(PermissionId, String)>,
    payload: web::Payload,
) -> Result<HttpResponse, Refused> {
    inbound(service, party, path, payload).await
}

fn covers(permission: &Permission, schema: Schema) -> Result<(), Refused> {
    let need = &permission.data_need;
    if need.direction != Direction::Inbound {
        return Err(Refused::conflict(
            "The permission is for data from the home: its data need is outbound-aiida.",
        ));
    }
    if !need.schemas.contains(&schema) {
        let covered: Vec<_> = need.schemas.iter().map(|schema| schema.name()).collect();
        return Err(Refused::conflict(format!(
            "The permission does not cover {schema}; its data need names {}.",
            covered.join(", ")
        )));
    }
    Ok(())
}

/// Stores what is to be published, if the permission stands and `check` agrees.
async fn send(
    service: &Service,
    party: Party,
    id: PermissionId,
    kind: Kind,
    name: &str,
    body: &[u8],
    check: impl Fn(&Permission) -> Result<(), Refused> + Send + Sync,
) -> Result<HttpResponse, Refused> {
    let message = OutgoingId::from(service.random.uuid());
    let mut conn = service.database.get().await?;
    conn.transaction(async |conn| {
        job_queue::enqueue_one(conn, &AiidaCommand { message }).await?;
        let permission = store::lock(conn, id)
            .await?
            .ok_or_else(Refused::no_permission)?;
        check(&permission)?;
        if permission.status != Status::Accepted {
            return Err(Refused::conflict(format!(
                "The permission is {}: only the home of an ACCEPTED one is sent anything.",
                permission.status
            )));
        }
        if let Some(start) = permission.starts_on.filter(|start| service.today() < *start) {
            return Err(Refused::conflict(format!(
                "The permission begins on {start} (UTC): the household has agreed to nothing before."
            )));
        }
        let new = NewOutgoing {
            id: message,
            permission: id,
            kind,
            name,
            payload: body,
        };
        outgoing::insert(conn, &new).await?;
        let mut detail = party.actor();
        if let Some(detail) = detail.as_object_mut() {
            detail.insert("kind".to_owned(), json!(kind.name()));
            detail.insert("name".to_owned(), json!(name));
            detail.insert("outgoing".to_owned(), json!(message));
        }
        audit::record(conn, "aiida.sent", Some(id.uuid()), &detail).await?;
        Ok::<_, Refused>(())
    })
    .await?;
    Ok(HttpResponse::Accepted()
        .insert_header((LOCATION, format!("/api/v1/permissions/{id}/outgoing")))
        .json(Taken { id: message }))
}

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OutgoingQuery {
    /// How many of the last ones.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// The last commands and inbound data of a permission, with what became of them.
#[utoipa::path(get, operation_id = "listOutgoing", path = "/api/v1/permissions/{id}/outgoing", tag = "To the home",
    params(("id" = Uuid, Path, description = "The permission"), OutgoingQuery),
    responses((status = 200, description = "The newest first", body = OutgoingList)))]
pub(crate) async fn list(
    service: Data<Service>,
    id: Path<PermissionId>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let asked: OutgoingQuery = query(&request)?;
    let limit = page::limit(asked.limit, USUAL, MOST)?;
    let mut conn = service.database.get().await?;
    must_exist(&mut conn, *id).await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = outgoing::list(&mut conn, *id, limit).await?;
    Ok(HttpResponse::Ok().json(OutgoingList {
        outgoing: rows.into_iter().map(OutgoingView::from).collect(),
    }))
}

/// A sentence begins with a capital letter.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
