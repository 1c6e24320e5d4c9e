//! What is known of permissions, for a few seconds each: a revocation is effective soon, and the database is asked
//! once per batch at most, however many messages of unknown permissions come.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use permission::PermissionId;
use storage::aiida::stream::binding::{self, Binding};
use storage::{Database, DatabaseError};
use tokio::time::Instant;

/// How long a permission is taken for what it was.
const KNOWN_FOR: Duration = Duration::from_secs(2);

/// How long an id is taken for nobody's. A permission exists long before its home may publish.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// Ids that are remembered.
const MOST: usize = 50_000;

#[derive(Default)]
pub(crate) struct Bindings(HashMap<PermissionId, Remembered>);

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
        if self.0.len() + wanted.len() > MOST {
            self.0.clear();
        }
        let fresh = |id: &PermissionId| self.0.get(id).is_some_and(|known| known.until > now);
        let asked: Vec<PermissionId> = wanted.iter().filter(|id| !fresh(id)).copied().collect();
        if asked.is_empty() {
            return Ok(());
        }
        let found = binding::of(&mut *database.get().await?, &asked).await?;
        for id in asked {
            let until = now + UNKNOWN_FOR;
            self.0.insert(
                id,
                Remembered {
                    binding: None,
                    until,
                },
            );
        }
        for binding in found {
            let until = now + KNOWN_FOR;
            self.0.insert(
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
        self.0.get(&id)?.binding.as_ref()
    }
}
