//! Permissions: list, detail, history, request and end.

use actix_web::http::header::LINK;
use actix_web::web::{self, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use diesel_async::AsyncConnection as _;
use permission::{BundleId, DataNeedId, PermissionId, Status};
use serde::{Deserialize, Serialize};
use storage::aiida::event::Cause;
use storage::aiida::permission::{self as store, Filter};
use storage::aiida::{event, reading};
use storage::audit;
use utoipa::{IntoParams, ToSchema};

use super::auth::Party;
use super::input::{JSON_LIMIT, json, query};
use super::page::{self, MOST, USUAL};
use super::refused::Refused;
use super::view::{History, PermissionDetail, PermissionPage, PermissionView, StatusName};
use crate::Service;
use crate::requests::{self, By, CreateError, Wanted};
use crate::terminate::{self, TerminateError};
use crate::tokens::SignError;

/// Random bytes of the address of the household's page.
const TICKET: usize = 24;

/// Which permissions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only those that stand here.
    #[param(inline, value_type = Option<StatusName>)]
    status: Option<Status>,
    /// Only those of this customer.
    connection_id: Option<String>,
    /// Only those under this data need.
    #[param(value_type = Option<Uuid>)]
    data_need_id: Option<DataNeedId>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Lists permissions, the newest first.
///
/// Those that exist when the first page is read are on the pages once
/// each, whatever is added meanwhile.
#[utoipa::path(get, operation_id = "listPermissions", path = "/api/v1/permissions", tag = "Permissions", params(ListQuery),
    responses((status = 200, description = "A page", body = PermissionPage,
               headers(("Link" = Option<String>, description = "rel=next, unless it is the last page")))))]
pub(crate) async fn list(
    service: Data<Service>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let asked: ListQuery = query(&request)?;
    let limit = page::limit(asked.limit, USUAL, MOST)?;
    let filter = Filter {
        connection_id: asked.connection_id.as_deref(),
        data_need: asked.data_need_id,
        status: asked.status,
        after: asked
            .cursor
            .as_deref()
            .map(page::permission_key)
            .transpose()?,
        ..Filter::default()
    };
    let mut conn = service.database.get().await?;
    let mut rows = store::list(&mut conn, &filter, page::one_more(limit)).await?;
    drop(conn);
    let next_cursor = page::cut(&mut rows, limit, |last| {
        page::permission_cursor(last.created_at, last.id)
    });
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &next_cursor {
        response.insert_header((LINK, page::next_link(&request, cursor)));
    }
    Ok(response.json(PermissionPage {
        permissions: rows.iter().map(PermissionView::from).collect(),
        next_cursor,
    }))
}

/// One permission with its data need and what was refused of its home.
#[utoipa::path(get, operation_id = "getPermission", path = "/api/v1/permissions/{id}", tag = "Permissions",
    params(("id" = Uuid, Path, description = "The permission")),
    responses((status = 200, description = "The permission", body = PermissionDetail)))]
pub(crate) async fn detail(
    service: Data<Service>,
    id: Path<PermissionId>,
) -> Result<HttpResponse, Refused> {
    let mut conn = service.database.get().await?;
    let permission = store::get(&mut conn, *id)
        .await?
        .ok_or_else(Refused::no_permission)?;
    let refusals = reading::refusals(&mut conn, *id).await?;
    Ok(HttpResponse::Ok().json(PermissionDetail::new(permission, refusals)))
}

/// Every change of its status.
#[utoipa::path(get, operation_id = "listEventsOfPermission", path = "/api/v1/permissions/{id}/events", tag = "Permissions",
    params(("id" = Uuid, Path, description = "The permission")),
    responses((status = 200, description = "Oldest first", body = History)))]
pub(crate) async fn history(
    service: Data<Service>,
    id: Path<PermissionId>,
) -> Result<HttpResponse, Refused> {
    let mut conn = service.database.get().await?;
    let events = event::of(&mut conn, *id).await?;
    // A permission is born with its first event.
    if events.is_empty() {
        return Err(Refused::no_permission());
    }
    Ok(HttpResponse::Ok().json(History {
        events: events.into_iter().map(Into::into).collect(),
    }))
}

/// Whom to ask for what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PermissionRequest {
    /// Your name for the customer; not blank.
    connection_id: String,
    /// One permission is asked for under each.
    #[schema(value_type = Vec<Uuid>, min_items = 1)]
    data_need_ids: Vec<String>,
    /// The meter, if it matters which.
    #[serde(default)]
    meter_id: Option<String>,
}

/// A code of an older home: it is for one permission.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OlderCode {
    #[schema(value_type = Uuid)]
    permission_id: PermissionId,
    /// What the QR picture holds.
    code: String,
}

/// What was asked for, and how the household answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionsAsked {
    #[schema(value_type = Uuid)]
    eddie_id: BundleId,
    /// In the order of the data needs.
    #[schema(value_type = Vec<Uuid>)]
    permission_ids: Vec<PermissionId>,
    /// What the QR picture holds, for homes from 2026-02-05.
    code: String,
    /// The same for homes of 2025, for each permission that they can serve.
    older_codes: Vec<OlderCode>,
    /// The page with the picture and the state as it changes. Whoever has the address can see it: give it to
    /// the customer only.
    page_url: String,
}

/// Asks for permissions for a customer, as a connect button does.
///
/// Show the customer the page, or the code as
/// a QR picture.
#[utoipa::path(post, operation_id = "askForPermissions", path = "/api/v1/permissions", tag = "Permissions", request_body = PermissionRequest,
    responses((status = 201, description = "Asked for; the codes are good from now on", body = PermissionsAsked)))]
pub(crate) async fn create(
    service: Data<Service>,
    party: Party,
    payload: web::Payload,
) -> Result<HttpResponse, Refused> {
    let asked: PermissionRequest = json(payload, JSON_LIMIT).await?;
    let wanted = Wanted::parse(
        Some(&asked.connection_id),
        &asked.data_need_ids,
        asked.meter_id.as_deref(),
    )
    .map_err(|mistakes| Refused::meaningless(format!("{}.", mistakes.join("; "))))?;
    let ticket = service.random.token(TICKET);
    let by = By::Party(party.actor());
    let created = requests::create(&service, &wanted, Some(&ticket), by).await?;
    let mut conn = service.database.get().await?;
    let asked_for = store::by_bundle(&mut conn, created.bundle).await?;
    drop(conn);
    let base = service.public_url.as_str();
    let sign = |error: SignError| Refused::ours(&error);
    let code = service
        .bundle(created.bundle, &created.permissions, created.at)
        .map_err(sign)?;
    let mut older_codes = Vec::new();
    for permission in &asked_for {
        if let Some(code) = service.single(permission, created.at).map_err(sign)? {
            older_codes.push(OlderCode {
                permission_id: permission.id,
                code: code.to_text(),
            });
        }
    }
    Ok(HttpResponse::Created().json(PermissionsAsked {
        eddie_id: created.bundle,
        permission_ids: created.permissions,
        code: code.to_text(),
        older_codes,
        page_url: format!("{}/permissions/{ticket}", base.trim_end_matches('/')),
    }))
}

impl From<CreateError> for Refused {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Needs(mistakes) => Self::meaningless(mistakes.join(" ")),
            CreateError::Database(error) => error.into(),
            CreateError::Query(error) => error.into(),
            CreateError::Queue(error) => error.into(),
            // Strangers only are turned away.
            error @ (CreateError::Closed | CreateError::Full) => Self::ours(&error),
            CreateError::Process(error) => Self::ours(&error),
        }
    }
}

/// Ends a permission.
///
/// The home is told and confirms it; one that does not answer is cut off at the broker
/// after some days. Asked again, it answers how far that is.
#[utoipa::path(post, operation_id = "terminatePermission", path = "/api/v1/permissions/{id}/terminate", tag = "Permissions",
    params(("id" = Uuid, Path, description = "The permission")),
    responses((status = 200, description = "It is ending, or has ended by termination", body = PermissionView),
              (status = 409, description = "It is not ACCEPTED and was not terminated before")))]
pub(crate) async fn terminate(
    service: Data<Service>,
    party: Party,
    id: Path<PermissionId>,
) -> Result<HttpResponse, Refused> {
    let id = *id;
    let mut conn = service.database.get().await?;
    let ended = conn
        .transaction(async |conn| {
            terminate::terminate(&service, conn, id, Cause::Party, None).await?;
            audit::record(
                conn,
                "aiida.permission.terminated",
                Some(id.uuid()),
                &party.actor(),
            )
            .await?;
            Ok::<_, TerminateError>(())
        })
        .await;
    match ended {
        Ok(()) | Err(TerminateError::NotAccepted) => {}
        Err(TerminateError::Query(error)) => return Err(error.into()),
        Err(TerminateError::Queue(error)) => return Err(error.into()),
        Err(TerminateError::Process(error)) => return Err(Refused::ours(&error)),
    }
    let permission = store::get(&mut conn, id)
        .await?
        .ok_or_else(Refused::no_permission)?;
    match permission.status {
        Status::Terminated
        | Status::RequiresExternalTermination
        | Status::FailedToTerminate
        | Status::ExternallyTerminated => {
            Ok(HttpResponse::Ok().json(PermissionView::from(&permission)))
        }
        status => Err(Refused::conflict(format!(
            "The permission is {status}: only one that is ACCEPTED can be terminated."
        ))),
    }
}
