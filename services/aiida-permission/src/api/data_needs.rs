//! Data needs over the database. With a file of data needs they can be read and not be changed.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{self, Data, Path};
use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use permission::DataNeedId;
use permission::data_need::{DataNeed, DataNeedError};
use serde_json::Value;
use service_kit::problem::Problem;
use storage::aiida::data_need;
use storage::audit;

use super::auth::Party;
use super::input::{JSON_LIMIT, json, words};
use super::refused::Refused;
use super::view::{DataNeedDocument, DataNeedList};
use crate::Service;

/// All data needs.
#[utoipa::path(get, operation_id = "listDataNeeds", path = "/api/v1/data-needs", tag = "Data needs",
    responses((status = 200, description = "In the order of their ids", body = DataNeedList)))]
pub(crate) async fn list(service: Data<Service>) -> Result<HttpResponse, Refused> {
    let mut conn = service.database.get().await?;
    let data_needs = service.data_needs.list(&mut conn).await?;
    let kept_in = if service.data_needs.is_file() {
        "file"
    } else {
        "database"
    };
    Ok(HttpResponse::Ok().json(DataNeedList {
        kept_in,
        data_needs,
    }))
}

/// One data need.
#[utoipa::path(get, operation_id = "getDataNeed", path = "/api/v1/data-needs/{id}", tag = "Data needs",
    params(("id" = Uuid, Path, description = "The data need")),
    responses((status = 200, description = "The data need", body = DataNeedDocument)))]
pub(crate) async fn get(
    service: Data<Service>,
    id: Path<DataNeedId>,
) -> Result<HttpResponse, Refused> {
    let mut conn = service.database.get().await?;
    let need = service.data_needs.get(&mut conn, *id).await?;
    Ok(HttpResponse::Ok().json(need.ok_or_else(no_data_need)?))
}

/// Adds a data need.
///
/// Without an `id` it is given one.
#[utoipa::path(post, operation_id = "addDataNeed", path = "/api/v1/data-needs", tag = "Data needs", request_body = DataNeedDocument,
    responses((status = 201, description = "The data need as it is kept", body = DataNeedDocument,
               headers(("Location" = String, description = "Where it is"))),
              (status = 409, description = "The id is taken, or the data needs are kept in a file")))]
pub(crate) async fn add(
    service: Data<Service>,
    party: Party,
    payload: web::Payload,
) -> Result<HttpResponse, Refused> {
    must_be_ours(&service)?;
    let mut document: Value = json(payload, JSON_LIMIT).await?;
    if let Some(keys) = document.as_object_mut() {
        let fresh = || Value::from(service.random.uuid().to_string());
        keys.entry("id").or_insert_with(fresh);
    }
    let need = read(document)?;
    let id = need.id;
    let mut conn = service.database.get().await?;
    conn.transaction(async |conn| {
        if !data_need::insert(conn, &need).await? {
            return Err(Refused::conflict(
                "There is a data need with this id; PUT replaces it.",
            ));
        }
        record(conn, "aiida.data_need.added", id, party).await
    })
    .await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/api/v1/data-needs/{id}")))
        .json(need))
}

/// Replaces a data need.
///
/// Permissions that were asked for before keep theirs.
#[utoipa::path(put, operation_id = "replaceDataNeed", path = "/api/v1/data-needs/{id}", tag = "Data needs", request_body = DataNeedDocument,
    params(("id" = Uuid, Path, description = "The data need")),
    responses((status = 200, description = "The data need as it is kept", body = DataNeedDocument),
              (status = 409, description = "The data needs are kept in a file")))]
pub(crate) async fn replace(
    service: Data<Service>,
    party: Party,
    id: Path<DataNeedId>,
    payload: web::Payload,
) -> Result<HttpResponse, Refused> {
    must_be_ours(&service)?;
    let need = read(json(payload, JSON_LIMIT).await?)?;
    if need.id != *id {
        return Err(Refused::meaningless(
            "The id in the body is not the one in the address: a data need keeps its id.",
        ));
    }
    let mut conn = service.database.get().await?;
    conn.transaction(async |conn| {
        if !data_need::replace(conn, &need).await? {
            return Err(no_data_need());
        }
        record(conn, "aiida.data_need.replaced", need.id, party).await
    })
    .await?;
    Ok(HttpResponse::Ok().json(need))
}

/// Removes a data need: nobody is asked for it any more.
///
/// Permissions that were asked for before keep theirs.
#[utoipa::path(delete, operation_id = "removeDataNeed", path = "/api/v1/data-needs/{id}", tag = "Data needs",
    params(("id" = Uuid, Path, description = "The data need")),
    responses((status = 204, description = "It is removed"),
              (status = 409, description = "The data needs are kept in a file")))]
pub(crate) async fn remove(
    service: Data<Service>,
    party: Party,
    id: Path<DataNeedId>,
) -> Result<HttpResponse, Refused> {
    must_be_ours(&service)?;
    let mut conn = service.database.get().await?;
    conn.transaction(async |conn| {
        if !data_need::remove(conn, *id).await? {
            return Err(no_data_need());
        }
        record(conn, "aiida.data_need.removed", *id, party).await
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn must_be_ours(service: &Service) -> Result<(), Refused> {
    if service.data_needs.is_file() {
        return Err(Refused::conflict(
            "The data needs are kept in the file that METERGATE_AIIDA_DATA_NEEDS names: change that and restart the \
             service, or unset it to keep them here.",
        ));
    }
    Ok(())
}

fn read(document: Value) -> Result<DataNeed, Refused> {
    if has_zero(&document) {
        return Err(Refused::meaningless(
            "The data need: a text has a zero character, which no home could show.",
        ));
    }
    DataNeed::from_value(document).map_err(|error| match error {
        DataNeedError::Json(error) => Problem::bad_request(words(&error)).into(),
        other => Refused::meaningless(format!("The data need: {}.", chain(&other))),
    })
}

/// The database keeps no text with a zero character.
fn has_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_zero),
        Value::Object(keys) => keys.values().any(has_zero),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn chain(error: &DataNeedError) -> String {
    service_kit::config::chain(error)
}

fn no_data_need() -> Refused {
    Problem::not_found("There is no data need with this id.").into()
}

async fn record(
    conn: &mut AsyncPgConnection,
    action: &str,
    id: DataNeedId,
    party: Party,
) -> Result<(), Refused> {
    Ok(audit::record(conn, action, Some(id.uuid()), &party.actor()).await?)
}
