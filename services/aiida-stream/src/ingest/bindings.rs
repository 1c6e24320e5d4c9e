//! What is known of permissions, for a few seconds each: a revocation is effective soon, and the database is asked
//! once per batch at most, however many messages of unknown permissions come. And the time, by the database's clock: a
//! replica whose own clock is wrong must not take every message for one of the future.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use permission::PermissionId;
use storage::aiida::stream::binding::{self, Binding};
use storage::{Database, DatabaseError, clock};
use tokio::time::Instant;

use super::memory::Memory;

/// How long a permission is taken for what it was.
pub(super) const KNOWN_FOR: Duration = Duration::from_secs(2);

/// How long an id is taken for nobody's. A permission exists long before its home may publish.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// How long the database's clock is taken to go as quickly as ours.
const TIME_KNOWN_FOR: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(crate) struct Bindings {
    /// `None` where an id is nobody's.
    known: Memory<Option<Binding>>,
    /// What the database's clock showed, and when that was.
    time: Option<(Timestamp, Instant)>,
}

impl Bindings {
    /// Asks the database for those of these that are not remembered, in one query.
    pub(crate) async fn refresh(
        &mut self,
        database: &Database,
        wanted: &BTreeSet<PermissionId>,
    ) -> Result<(), DatabaseError> {
        let now = Instant::now();
        self.known.make_room(wanted.len(), now);
        let wanted = wanted.iter().copied();
        let asked: Vec<PermissionId> = wanted.filter(|id| !self.known.is_fresh(*id, now)).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let mut conn = database.get().await?;
        if self
            .time
            .is_none_or(|(_, since)| since + TIME_KNOWN_FOR < now)
        {
            let time = clock::now(&mut conn).await?;
            self.time = Some((time, Instant::now()));
        }
        let found = binding::of(&mut conn, &asked).await?;
        for id in asked {
            self.known.keep(id, None, now + UNKNOWN_FOR);
        }
        for binding in found {
            self.known
                .keep(binding.permission, Some(binding), now + KNOWN_FOR);
        }
        Ok(())
    }

    /// What is remembered of a permission; `None` when there is none of this id.
    pub(crate) fn get(&self, id: PermissionId) -> Option<&Binding> {
        self.known.get(id)?.as_ref()
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
