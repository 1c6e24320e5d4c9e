//! What is known of permissions, for a few seconds each: a revocation is effective soon, and the database is asked
//! once per batch at most, however many messages of unknown permissions come. And the time, by the database's clock: a
//! replica whose own clock is wrong must not take every message for one of the future.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use permission::PermissionId;
use storage::aiida::stream::binding::{self, Binding};
use storage::{Database, DatabaseError};
use tokio::time::Instant;

/// How long a permission is taken for what it was.
pub(super) const KNOWN_FOR: Duration = Duration::from_secs(2);

/// How long an id is taken for nobody's. A permission exists long before its home may publish.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// How long the database's clock is taken to go as quickly as ours.
const TIME_KNOWN_FOR: Duration = Duration::from_mins(1);

/// Ids that are remembered.
const MOST: usize = 50_000;

#[derive(Default)]
pub(crate) struct Bindings {
    known: HashMap<PermissionId, Remembered>,
    /// What the database's clock showed, and when that was.
    time: Option<(Timestamp, Instant)>,
}

struct Remembered {
    binding: Option<Binding>,
    until: Instant,
}

impl Bindings {
    /// Asks the database for those of these that are not remembered, in one query.
    pub(crate) async fn refresh(
        &mut self,
        database: &Database,
        wanted: &BTreeSet<PermissionId>,
    ) -> Result<(), DatabaseError> {
        let now = Instant::now();
        if self.known.len() + wanted.len() > MOST {
            self.known.clear();
        }
        let fresh = |id: &PermissionId| self.known.get(id).is_some_and(|known| known.until > now);
        let asked: Vec<PermissionId> = wanted.iter().filter(|id| !fresh(id)).copied().collect();
        if asked.is_empty() {
            return Ok(());
        }
        let mut conn = database.get().await?;
        if self
            .time
            .is_none_or(|(_, since)| since + TIME_KNOWN_FOR < now)
        {
            let time = binding::now(&mut conn).await?;
            self.time = Some((time, Instant::now()));
        }
        let found = binding::of(&mut conn, &asked).await?;
        for id in asked {
            let until = now + UNKNOWN_FOR;
            self.known.insert(
                id,
                Remembered {
                    binding: None,
                    until,
                },
            );
        }
        for binding in found {
            let until = now + KNOWN_FOR;
            self.known.insert(
                binding.permission,
                Remembered {
                    binding: Some(binding),
                    until,
                },
            );
        }
        Ok(())
    }

    /// What is remembered of a permission; `None` when there is none of this id.
    pub(crate) fn get(&self, id: PermissionId) -> Option<&Binding> {
        self.known.get(&id)?.binding.as_ref()
    }

    /// What the database's clock showed at a moment; `None` before it was asked.
    pub(crate) fn time(&self, moment: Instant) -> Option<Timestamp> {
        let (time, since) = self.time?;
        let passed = SignedDuration::try_from(moment.saturating_duration_since(since)).ok()?;
        let before = SignedDuration::try_from(since.saturating_duration_since(moment)).ok()?;
        time.saturating_add(passed - before).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_databases_time_goes_on_as_moments_do() {
        let (shown, since) = ("2026-11-22T10:00:00Z".parse().unwrap(), Instant::now());
        let mut bindings = Bindings::default();
        assert_eq!(bindings.time(since), None);
        bindings.time = Some((shown, since));
        let second = Duration::from_secs(1);
        let times = [since - second, since, since + second].map(|it| bindings.time(it).unwrap());
        let expected = ["09:59:59Z", "10:00:00Z", "10:00:01Z"];
        let expected = expected.map(|time| format!("2026-11-22T{time}").parse().unwrap());
        assert_eq!(times, expected);
    }
}
