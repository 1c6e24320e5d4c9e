//! What came from a home as it came: the records that were stored, and the last ones that were refused.

use actix_web::http::header::LINK;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use permission::PermissionId;
use serde::Deserialize;
use service_kit::problem::Problem;
use storage::aiida::reading::{self, Messages, Range};
use utoipa::IntoParams;

use super::input::{moment, query};
use super::must_exist;
use super::page::{self, MOST, USUAL};
use super::refused::Refused;
use super::view::{MessagePage, MessageView, RefusalView, RefusedPage, RefusedView};
use crate::Service;

/// Most bytes of a page's records, whatever the number of rows: a record may have hundreds of thousands.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageQuery {
    /// Those that the home made at this moment or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Those that the home made before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// Records of a page; it ends earlier when they have more than 4 MiB.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Records of a permission as they were received, by their own time: data and acknowledgements.
#[utoipa::path(get, operation_id = "listMessages", path = "/api/v1/permissions/{id}/messages", tag = "Data",
    params(("id" = Uuid, Path, description = "The permission"), MessageQuery),
    responses((status = 200, description = "A page", body = MessagePage,
               headers(("Link" = Option<String>, description = "rel=next, unless it is the last page")))))]
pub(crate) async fn messages(
    service: Data<Service>,
    id: Path<PermissionId>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let asked: MessageQuery = query(&request)?;
    let limit = page::limit(asked.limit, USUAL, MOST)?;
    let after = asked.cursor.as_deref().map(page::record_key).transpose()?;
    let range = Range {
        from: moment(asked.from)?,
        until: moment(asked.until)?,
    };
    let mut conn = service.database.get().await?;
    must_exist(&mut conn, *id).await?;
    let Messages { messages, more } =
        reading::messages(&mut conn, *id, range, after.as_ref(), limit, MOST_BYTES).await?;
    drop(conn);
    let last = messages.last().filter(|_| more);
    let next_cursor = last.map(|last| page::record_cursor(&last.key()));
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &next_cursor {
        response.insert_header((LINK, page::next_link(&request, cursor)));
    }
    Ok(response.json(MessagePage {
        messages: messages.into_iter().map(MessageView::from).collect(),
        next_cursor,
    }))
}

/// Which refused messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RefusedQuery {
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// Messages of a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// What was refused of a permission's home: counted for ever, the last messages kept.
#[utoipa::path(get, operation_id = "listRefused", path = "/api/v1/permissions/{id}/refused", tag = "Data",
    params(("id" = Uuid, Path, description = "The permission"), RefusedQuery),
    responses((status = 200, description = "A page, the newest first", body = RefusedPage,
               headers(("Link" = Option<String>, description = "rel=next, unless it is the last page")))))]
pub(crate) async fn refused(
    service: Data<Service>,
    id: Path<PermissionId>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let asked: RefusedQuery = query(&request)?;
    let limit = page::limit(asked.limit, USUAL, MOST)?;
    let number = |cursor: &str| {
        cursor.parse::<i64>().map_err(|_| {
            Problem::bad_request("The query of the address: cursor is the nextCursor of a page.")
        })
    };
    let before = asked.cursor.as_deref().map(number).transpose()?;
    let mut conn = service.database.get().await?;
    must_exist(&mut conn, *id).await?;
    let counts = reading::refusals(&mut conn, *id).await?;
    let mut rows = reading::refused(&mut conn, *id, before, page::one_more(limit)).await?;
    drop(conn);
    let next_cursor = page::cut(&mut rows, limit, |last| last.id.to_string());
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &next_cursor {
        response.insert_header((LINK, page::next_link(&request, cursor)));
    }
    Ok(response.json(RefusedPage {
        counts: counts.into_iter().map(RefusalView::from).collect(),
        refused: rows.into_iter().map(RefusedView::from).collect(),
        next_cursor,
    }))
}
