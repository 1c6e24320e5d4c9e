//! `output.expire`: removes files whose time is over or whose customer was erased.

use std::time::Duration;

use job_queue::{Handler, Job, Lease, Outcome};
use storage::kinds::OutputExpire;
use storage::smd::export;

use crate::Exporter;
use crate::companion;
use crate::export::{ExportError, remove};
use crate::place::{FileName, Place, PlaceError};

/// What is younger may belong to an export that is under way.
const YOUNG: Duration = Duration::from_hours(1);

impl Handler<OutputExpire> for Exporter {
    async fn run(&self, job: Job<OutputExpire>) -> Outcome {
        match self.expire(&job.lease).await {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::retry(&error),
        }
    }
}

impl Exporter {
    async fn expire(&self, lease: &Lease) -> Result<(), ExportError> {
        let expired = {
            let mut conn = self.database.get().await?;
            export::expired(&mut conn, self.config.retention.files()).await?
        };
        let mut first = Ok(());
        for one in expired {
            // One file that cannot be removed does not keep the others.
            match remove(self, lease, one.id, &one.files).await {
                Ok(()) => {
                    let erased = one.erased;
                    tracing::info!(authorization = %one.id, erased, "files removed");
                }
                Err(error) => {
                    tracing::error!(authorization = %one.id, %error, "files that must go are still there");
                    first = first.and(Err(error));
                }
            }
        }
        first?;
        self.place.clean_up()?;
        self.remove_orphans()
    }

    /// A replica of an older version removes the tables and knows of nothing beside them.
    fn remove_orphans(&self) -> Result<(), ExportError> {
        let present = self.place.files()?;
        for name in companion::orphans(&present) {
            if is_left_alone(&self.place, name)? && self.place.remove(name)? {
                tracing::warn!("a report or readme whose tables are gone was removed");
            }
        }
        Ok(())
    }
}

/// Whether a report or readme has no table indeed. A folder is not listed in one moment: a table that was put in place
/// meanwhile may be missing in the list, so each is looked for by its name.
fn is_left_alone(place: &Place, beside: &FileName) -> Result<bool, PlaceError> {
    for table in companion::tables(beside).into_iter().flatten() {
        if place.contains(&table)? {
            return Ok(false);
        }
    }
    Ok(place.age(beside)?.is_some_and(|age| age >= YOUNG))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn put(place: &Place, name: &str, age: Duration) -> FileName {
        let name: FileName = name.parse().unwrap();
        let file = File::create(place.path_of(&name)).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        file.set_modified(written - age).unwrap();
        name
    }

    #[test]
    fn what_an_export_has_just_put_in_place_stays() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::open(folder.path()).unwrap();
        let old = YOUNG * 2;
        let report = put(&place, "Eve-9-20260101T000000Z-report.html", old);
        let young = put(&place, "Joe-8-20260101T000000Z-report.html", YOUNG / 2);
        assert!(is_left_alone(&place, &report).unwrap());
        assert!(!is_left_alone(&place, &young).unwrap());
        put(&place, "Eve-9-20260101T000000Z-gas.csv", old);
        assert!(!is_left_alone(&place, &report).unwrap());
        let gone: FileName = "Ann-7-20260101T000000Z-report.html".parse().unwrap();
        assert!(!is_left_alone(&place, &gone).unwrap());
    }
}
