//! `/output/`: the finished files of the download folder, by customer. The files themselves are nginx's.
//!
//! The names of the whole folder are read for each page, and nothing else of it; kept, with sizes and dates, are those
//! alone that are shown.

mod folder;
mod group;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;
use storage::DatabaseError;
use storage::console::customers;

use crate::Service;
use crate::error::Trouble;
use crate::frame;
use crate::guard::Reader;
use crate::typed::Typed;
use folder::Found;
use group::Group;

/// Customers of a page.
const GROUPS: usize = 30;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    q: Typed,
    /// The key of the last group of the page before.
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "output.html")]
struct View {
    q: String,
    /// The same for an address.
    q_link: String,
    groups: Vec<Group>,
    total: usize,
    next: Option<String>,
    is_first: bool,
    days: u32,
    is_cut: bool,
}

/// `GET /output/`.
pub(crate) async fn output(
    service: Data<Service>,
    _: Reader,
    asked: Query<Asked>,
) -> Result<HttpResponse, Trouble> {
    let Asked { q, after } = asked.into_inner();
    let path = service.config.output.output_dir.clone();
    let wanted = q.wanted().unwrap_or_default().to_lowercase();
    let (q, place) = (q.into_text(), after.clone());
    let read = move || folder::read(&path, &wanted, &place, GROUPS);
    let mut found = tokio::task::spawn_blocking(read)
        .await
        .map_err(std::io::Error::other)??;
    let days = service.config.retention.retention_files_days;
    // Before any is left out: the next page begins after it all the same.
    let next = found.groups.last().filter(|_| found.more);
    let next = next.map(|group| group::encoded(&group.key));
    if let Err(error) = compare(&service, &mut found, days).await {
        tracing::warn!(%error, "the download page does not say when files expire");
    }
    let view = View {
        next,
        groups: found.groups,
        total: found.total,
        is_cut: found.is_cut,
        is_first: after.is_empty(),
        days,
        q_link: group::encoded(&q),
        q,
    };
    Ok(frame::downloads().respond(StatusCode::OK, &view))
}

/// When the files of these groups will be removed: as long after their first export as they are kept. Those of erased
/// customers are left out: they are about to go, and their names name the customer.
async fn compare(service: &Service, found: &mut Found, days: u32) -> Result<(), DatabaseError> {
    let groups = &mut found.groups;
    let times: Vec<_> = groups.iter().filter_map(|group| group.authorized).collect();
    if times.is_empty() {
        return Ok(());
    }
    let mut conn = service.database.get().await?;
    let exports = customers::exports(&mut conn, &times).await?;
    let kept = jiff::SignedDuration::from_hours(i64::from(days) * 24);
    for export in exports {
        let names = [export.electricity_file, export.gas_file];
        let names: Vec<&String> = names.iter().flatten().collect();
        let owner = groups
            .iter()
            .position(|group| group.files.iter().any(|file| names.contains(&&file.name)));
        match owner {
            Some(owner) if export.is_erased => {
                groups.remove(owner);
                found.total = found.total.saturating_sub(1);
            }
            Some(owner) => {
                if let Some(group) = groups.get_mut(owner) {
                    group.expires = export.exported_at.checked_add(kept).ok();
                }
            }
            None => {}
        }
    }
    Ok(())
}
