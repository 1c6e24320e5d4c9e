//! The status message stream that `Location` names in the answer to a request: each status of these permissions, the
//! present one first. Address, token and form of the messages are EDDIE's.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use pages::sse::{Events, Gone};
use permission::{DataNeedId, PermissionId, REGION_CONNECTOR, Status};
use serde_json::json;
use storage::DatabaseError;
use storage::aiida::permission::{self as table};

use crate::feed::Change;
use crate::refusal::Refusal;
use crate::{Service, handshake};

/// Its address.
pub(crate) const PATH: &str = "/api/connection-status-messages";

/// The parameter, once per permission.
const PARAMETER: &str = "permission-id";

/// Until a look that failed is repeated.
const AGAIN: Duration = Duration::from_secs(1);

/// The address for these permissions.
pub(crate) fn location(permissions: &[PermissionId]) -> String {
    let query: Vec<String> = permissions
        .iter()
        .map(|id| format!("{PARAMETER}={id}"))
        .collect();
    format!("{PATH}?{}", query.join("&"))
}

/// `GET /api/connection-status-messages?permission-id=…` with the access token of that request.
pub(crate) async fn stream(
    service: Data<Service>,
    request: HttpRequest,
) -> Result<HttpResponse, Refusal> {
    let ids = wanted(request.query_string())?;
    let access = handshake::bearer(&service, &request)?;
    if !ids.iter().all(|id| access.is_for(*id)) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "The access token is not for these permissions.",
        ));
    }
    let place = service.streams.place().ok_or_else(|| {
        Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many are watching: come back later.",
        )
    })?;
    let teller = service.clone();
    Ok(service
        .streams
        .answer(place, move |events| tell(teller, ids, events)))
}

pub(crate) async fn only_get() -> HttpResponse {
    Refusal::method("GET").error_response()
}

/// Once each, or separated by commas.
fn wanted(query: &str) -> Result<Vec<PermissionId>, Refusal> {
    let wrong = || {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("{PARAMETER}: must be UUIDs of permissions"),
        )
    };
    let ids = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == PARAMETER)
        .flat_map(|(_, value)| value.split(',').map(str::to_owned).collect::<Vec<_>>())
        .map(|id| id.trim().parse().map_err(|_| wrong()))
        .collect::<Result<Vec<_>, _>>()?;
    if ids.is_empty() {
        return Err(wrong());
    }
    Ok(ids)
}

async fn tell(service: Data<Service>, ids: Vec<PermissionId>, events: Events) -> Result<(), Gone> {
    let mut watch = service.feed.watch();
    let mut told: Vec<(PermissionId, Status)> = Vec::new();
    let mut change = Change::Look;
    loop {
        let messages = match change {
            Change::Event(event) if ids.contains(&event.permission) => {
                let message = message(
                    &event.connection_id,
                    event.permission,
                    event.data_need,
                    event.status,
                    event.at,
                );
                vec![((event.permission, event.status), message)]
            }
            Change::Event(_) => Vec::new(),
            Change::Look => match look(&service, &ids).await {
                Ok(messages) => messages,
                Err(error) => {
                    tracing::warn!(%error, "a status message stream is behind");
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            },
        };
        for (what, message) in messages {
            if !told.contains(&what) {
                events.send("", &message).await?;
                told.push(what);
            }
        }
        change = watch.next().await;
    }
}

/// As they stand.
async fn look(
    service: &Service,
    ids: &[PermissionId],
) -> Result<Vec<((PermissionId, Status), String)>, DatabaseError> {
    let mut conn = service.database.get().await?;
    let mut messages = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(it) = table::get(&mut conn, *id).await? {
            let message = message(
                &it.connection_id,
                it.id,
                it.data_need.id,
                it.status,
                it.status_at,
            );
            messages.push(((it.id, it.status), message));
        }
    }
    Ok(messages)
}

fn message(
    connection_id: &str,
    permission: PermissionId,
    data_need: DataNeedId,
    status: Status,
    at: jiff::Timestamp,
) -> String {
    json!({
        "connectionId": connection_id,
        "permissionId": permission,
        "dataNeedId": data_need,
        "dataSourceInformation": {
            "countryCode": REGION_CONNECTOR,
            "meteredDataAdministratorId": REGION_CONNECTOR,
            "permissionAdministratorId": REGION_CONNECTOR,
            "regionConnectorId": REGION_CONNECTOR,
        },
        "timestamp": at.to_string(),
        "status": status,
        "message": "",
    })
    .to_string()
}
