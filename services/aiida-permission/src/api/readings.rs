//! Readings, as JSON and as CSV, a page at a time.

use actix_web::http::header::{ACCEPT, LINK};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use permission::PermissionId;
use serde::Deserialize;
use storage::aiida::reading::{self, Range, Reading};
use utoipa::{IntoParams, ToSchema};

use super::input::{moment, query};
use super::must_exist;
use super::page::{self, MOST_READINGS};
use super::refused::Refused;
use super::table;
use super::view::{ReadingPage, ReadingView};
use crate::Service;

/// Readings of a page when the caller does not say.
const USUAL: u32 = 1_000;

/// How the readings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// JSON.
    Json,
    /// CSV.
    Csv,
}

/// Which readings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadingQuery {
    /// Those of records that the home made at this moment or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Those of records that the home made before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Only this OBIS code.
    #[param(example = "1-0:1.8.0")]
    obis: Option<String>,
    /// `nextCursor` of the page before (with CSV, it is in `Link`).
    cursor: Option<String>,
    /// Readings of a page.
    #[param(minimum = 1, maximum = 10000, default = 1000)]
    limit: Option<u32>,
    /// Outranks `Accept`.
    #[param(inline)]
    format: Option<Format>,
}

/// Readings of a permission, in the order of their records.
///
/// A range of time is one of the records' own
/// times (`sentAt`): consecutive ranges bring each reading exactly once. Values are exact decimals, as text.
/// `Accept: text/csv` or `format=csv` brings CSV with the same columns.
#[utoipa::path(get, operation_id = "listReadings", path = "/api/v1/permissions/{id}/readings", tag = "Data",
    params(("id" = Uuid, Path, description = "The permission"), ReadingQuery),
    responses((status = 200, description = "A page", content((ReadingPage = "application/json"), (String = "text/csv")),
               headers(("Link" = Option<String>, description = "rel=next, unless it is the last page")))))]
pub(crate) async fn readings(
    service: Data<Service>,
    id: Path<PermissionId>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let asked: ReadingQuery = query(&request)?;
    let limit = page::limit(asked.limit, USUAL, MOST_READINGS)?;
    let after = asked.cursor.as_deref().map(page::reading_key).transpose()?;
    let range = Range {
        from: moment(asked.from)?,
        until: moment(asked.until)?,
    };
    let mut conn = service.database.get().await?;
    must_exist(&mut conn, *id).await?;
    let mut rows = reading::readings(
        &mut conn,
        *id,
        range,
        asked.obis.as_deref(),
        after.as_ref(),
        page::one_more(limit),
    )
    .await?;
    drop(conn);
    let next_cursor = page::cut(&mut rows, limit, |last: &Reading| {
        page::reading_cursor(&last.key())
    });
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &next_cursor {
        response.insert_header((LINK, page::next_link(&request, cursor)));
    }
    let format = asked.format.unwrap_or_else(|| accepted(&request));
    if format == Format::Csv {
        let csv = table::csv(&rows).map_err(|error| Refused::ours(&error))?;
        return Ok(response
            .content_type("text/csv; charset=utf-8; header=present")
            .body(csv));
    }
    Ok(response.json(ReadingPage {
        readings: rows.into_iter().map(ReadingView::from).collect(),
        next_cursor,
    }))
}

/// CSV when the caller names it and not JSON; nothing finer is needed for two formats.
fn accepted(request: &HttpRequest) -> Format {
    let accept = request
        .headers()
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    if accept.contains("text/csv") && !accept.contains("json") {
        Format::Csv
    } else {
        Format::Json
    }
}
