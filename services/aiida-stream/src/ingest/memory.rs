//! What is remembered of permissions for a short while each.

use std::collections::HashMap;
use std::time::Duration;

use permission::PermissionId;
use tokio::time::Instant;

/// Permissions that are remembered at most; the next would have all of them forgotten.
const MOST: usize = 50_000;

/// How often what is over is looked for.
const SWEEP: Duration = Duration::from_secs(10);

/// A value for each of some permissions, until a moment of its own. It is kept a little longer: what was asked of a
/// batch's permissions is there while the batch is gone through.
pub(super) struct Memory<V> {
    entries: HashMap<PermissionId, Entry<V>>,
    swept: Option<Instant>,
}

struct Entry<V> {
    value: V,
    until: Instant,
}

impl<V> Default for Memory<V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            swept: None,
        }
    }
}

impl<V> Memory<V> {
    /// Before so many are added: forgets what is over, now and then, and everything where it would be too much.
    pub(super) fn make_room(&mut self, more: usize, now: Instant) {
        if self.swept.is_none_or(|at| at + SWEEP <= now) {
            self.entries.retain(|_, entry| entry.until > now);
            self.swept = Some(now);
        }
        if self.entries.len() + more > MOST {
            self.entries.clear();
        }
    }

    /// Takes the place of what was remembered.
    pub(super) fn keep(&mut self, id: PermissionId, value: V, until: Instant) {
        self.entries.insert(id, Entry { value, until });
    }

    /// Whether there is one that is not over.
    pub(super) fn is_fresh(&self, id: PermissionId, now: Instant) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.until > now)
    }

    /// The value, also one that has been over for a little while.
    pub(super) fn get(&self, id: PermissionId) -> Option<&V> {
        Some(&self.entries.get(&id)?.value)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: usize) -> PermissionId {
        Uuid::from_u128(u128::try_from(number).unwrap()).into()
    }

    #[test]
    fn what_is_over_is_forgotten_and_never_too_much_is_kept() {
        let start = Instant::now();
        let mut memory = Memory::default();
        memory.make_room(2, start);
        memory.keep(id(1), "short", start + Duration::from_secs(1));
        memory.keep(id(2), "long", start + Duration::from_mins(1));
        let later = start + Duration::from_secs(2);
        memory.make_room(0, later);
        assert!(!memory.is_fresh(id(1), later) && memory.is_fresh(id(2), later));
        assert_eq!(memory.get(id(1)), Some(&"short"), "for its batch");
        memory.make_room(0, start + SWEEP);
        assert_eq!(
            (memory.get(id(1)), memory.get(id(2))),
            (None, Some(&"long"))
        );
        memory.make_room(MOST, start + SWEEP);
        assert_eq!(memory.get(id(2)), None);
    }
}
