//! One acceptance of a permission at a time: whoever sends the same ACCEPT again and again holds up nobody.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use permission::PermissionId;

/// The permissions that are being accepted in this process.
#[derive(Debug, Default)]
pub(crate) struct Acceptances(Arc<Mutex<HashSet<PermissionId>>>);

/// An acceptance under way: dropped, its permission is free again.
#[derive(Debug)]
pub(crate) struct UnderWay {
    all: Arc<Mutex<HashSet<PermissionId>>>,
    id: PermissionId,
}

impl Acceptances {
    /// Begins one; `None` while another one of the same permission is under way.
    pub(crate) fn begin(&self, id: PermissionId) -> Option<UnderWay> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(id).then(|| UnderWay {
            all: Arc::clone(&self.0),
            id,
        })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_permission_has_one_acceptance_at_a_time() {
        let id = |number| PermissionId::from(Uuid::from_u128(number));
        let acceptances = Acceptances::default();
        let first = acceptances.begin(id(1)).unwrap();
        assert!(acceptances.begin(id(1)).is_none());
        assert!(acceptances.begin(id(2)).is_some());
        drop(first);
        assert!(acceptances.begin(id(1)).is_some());
    }
}
