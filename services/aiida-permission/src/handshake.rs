//! What connect buttons and homes call, under `/region-connectors/aiida`: paths, keys and codes are EDDIE's.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use diesel_async::AsyncPgConnection;
use permission::data_need::TimeFrame;
use permission::handshake::{Details, Operation, Patch, Request};
use permission::{PermissionId, Status};
use serde::Deserialize;
use service_kit::http;
use storage::aiida::permission::{self as table, Permission};
use uuid::Uuid;

use crate::accept;
use crate::refusal::Refusal;
use crate::requests::{self, By, CreateError, Wanted};
use crate::tokens::Access;
use crate::{Service, status_messages};

/// Body of `POST permission-request`. What is missing is named together with what is wrong.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    #[serde(default)]
    connection_id: Option<String>,
    #[serde(default)]
    data_need_ids: Option<Vec<String>>,
    #[serde(default)]
    meter_id: Option<String>,
}

impl Asked {
    /// What is asked for, or each mistake in words.
    pub(crate) fn wanted(&self) -> Result<Wanted, Vec<String>> {
        Wanted::parse(
            self.connection_id.as_deref(),
            self.data_need_ids.as_deref().unwrap_or_default(),
            self.meter_id.as_deref(),
        )
    }
}

/// `POST /permission-request`.
pub(crate) async fn create(
    service: Data<Service>,
    asked: Json<Asked>,
) -> Result<HttpResponse, Refusal> {
    let wanted = asked
        .wanted()
        .map_err(|mistakes| Refusal::with(StatusCode::BAD_REQUEST, mistakes))?;
    let created = requests::create(&service, &wanted, None, By::Anybody).await?;
    let code = service
        .bundle(created.bundle, &created.permissions, created.at)
        .map_err(|error| Refusal::unavailable(&error))?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, status_messages::location(&created.permissions)))
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(code))
}

impl From<CreateError> for Refusal {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Needs(mistakes) => Self::with(StatusCode::BAD_REQUEST, mistakes),
            CreateError::Closed => Self::new(
                StatusCode::FORBIDDEN,
                "Permissions are not asked for here: ask the eligible party for a code.",
            ),
            CreateError::Full => Self::full(
                "Too many requests are waiting for an answer: try again later. The operator can allow more \
                 (METERGATE_AIIDA_OPEN_PERMISSIONS).",
            ),
            error => Self::unavailable(&error),
        }
    }
}

/// `GET /permission-request/{permissionId}`. While the code is shown, the days are resolved now: a home takes no
/// start that is over. Once answered, they are what the household has agreed to.
pub(crate) async fn details(
    service: Data<Service>,
    path: Path<Uuid>,
    request: HttpRequest,
) -> Result<HttpResponse, Refusal> {
    let id = PermissionId::from(path.into_inner());
    let access = authorize(&service, &request, id)?;
    let mut conn = service.database.get().await?;
    let mut permission = find(&mut conn, id).await?;
    let frame = match permission.status {
        Status::SentToPermissionAdministrator => {
            let frame = frame(&service, &permission)?;
            if table::describe(&mut conn, id, access.code, frame).await? {
                frame
            } else {
                // Answered in this very moment.
                permission = find(&mut conn, id).await?;
                agreed(&permission).unwrap_or(frame)
            }
        }
        _ => match agreed(&permission) {
            Some(frame) => frame,
            None => frame(&service, &permission)?,
        },
    };
    let asked = Request {
        bundle: permission.bundle,
        permission: id,
        connection_id: &permission.connection_id,
        meter_id: permission.meter_id.as_deref(),
        data_need: &permission.data_need,
        frame,
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Details::new(&asked, access.code)))
}

/// `PATCH /permission-request/{permissionId}`: the home's answer.
pub(crate) async fn answer(
    service: Data<Service>,
    path: Path<Uuid>,
    request: HttpRequest,
    decided: Json<Patch>,
) -> Result<HttpResponse, Refusal> {
    let started = std::time::Instant::now();
    let id = PermissionId::from(path.into_inner());
    let operation = match decided.operation {
        Operation::Accept => "ACCEPT",
        Operation::Reject => "REJECT",
        Operation::Unfulfillable => "UNFULFILLABLE",
    };
    let answered = async {
        let access = authorize(&service, &request, id)?;
        match decided.operation {
            Operation::Accept => accept::accept(&service, id, &access, decided.aiida_id).await,
            Operation::Reject => {
                accept::decline(&service, id, &access, decided.aiida_id, Status::Rejected).await
            }
            Operation::Unfulfillable => {
                accept::decline(
                    &service,
                    id,
                    &access,
                    decided.aiida_id,
                    Status::Unfulfillable,
                )
                .await
            }
        }
    };
    let answered = answered.await;
    let status = match &answered {
        Ok(response) => response.status(),
        Err(refusal) => refusal.status_code(),
    };
    metrics::counter!(
        "aiida_handshakes_total", "operation" => operation, "status" => status.as_u16().to_string()
    )
    .increment(1);
    if decided.operation == Operation::Accept && answered.is_ok() {
        metrics::histogram!("aiida_accept_seconds").record(started.elapsed());
    }
    answered
}

pub(crate) async fn only_post() -> HttpResponse {
    Refusal::method("POST").error_response()
}

pub(crate) async fn only_get_and_patch() -> HttpResponse {
    Refusal::method("GET, PATCH").error_response()
}

/// The bearer's token, good for this permission.
fn authorize(
    service: &Service,
    request: &HttpRequest,
    id: PermissionId,
) -> Result<Access, Refusal> {
    let access = bearer(service, request)?;
    if access.is_for(id) {
        Ok(access)
    } else {
        Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "The access token is not for this permission.",
        ))
    }
}

/// What the request's token is good for.
pub(crate) fn bearer(service: &Service, request: &HttpRequest) -> Result<Access, Refusal> {
    let token = http::bearer(request.headers()).ok_or_else(|| {
        Refusal::unauthorized("This needs the access token of the code: Authorization: Bearer …")
    })?;
    service
        .tokens
        .check(token, service.clock.now())
        .map_err(|error| Refusal::unauthorized(error.to_string()))
}

/// A permission that a good token names; it is gone only if it was erased or pruned.
async fn find(conn: &mut AsyncPgConnection, id: PermissionId) -> Result<Permission, Refusal> {
    table::get(conn, id).await?.ok_or_else(gone)
}

/// No such permission.
pub(crate) fn gone() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "There is no such permission (any more).",
    )
}

/// The days, if they have been told.
pub(crate) fn agreed(permission: &Permission) -> Option<TimeFrame> {
    Some(TimeFrame {
        start: permission.starts_on?,
        end: permission.ends_on,
    })
}

/// The days as of today.
pub(crate) fn frame(service: &Service, permission: &Permission) -> Result<TimeFrame, Refusal> {
    permission
        .data_need
        .resolve(service.today())
        .map_err(|error| {
            Refusal::new(
                StatusCode::CONFLICT,
                format!("This can no longer be asked for: {error}."),
            )
        })
}
