//! Hashes of homes' passwords. Each takes a processor for tens of milliseconds and anybody who has a code can ask for
//! one, so their number is bounded, and a permission has one acceptance under way at a time: whoever sends the same
//! ACCEPT again and again holds up nobody.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bcrypt::{BcryptError, Version};
use permission::PermissionId;
use tokio::sync::{AcquireError, Semaphore, TryAcquireError};
use tokio::task::JoinError;

/// Hashes that may wait for each processor: with the usual cost, the last one waits for less than five seconds.
const WAITING: usize = 64;

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    /// More homes accept at this moment than this process can serve.
    #[error("too many homes accept at once: run another replica of aiida-permission")]
    Full(#[from] TryAcquireError),
    #[error("nobody computes hashes any more")]
    Closed(#[from] AcquireError),
    #[error("the password's hash cannot be computed")]
    Bcrypt(#[from] BcryptError),
    #[error("the password's hash was not computed to its end")]
    Cut(#[from] JoinError),
}

/// Computes hashes, a few at a time and in the order in which they were asked for.
#[derive(Debug)]
pub(crate) struct Hashing {
    /// For those that wait and those that are computed.
    places: Arc<Semaphore>,
    /// For those that are computed: more than there are processors would only make each of them late.
    processors: Arc<Semaphore>,
    under_way: Arc<Mutex<HashSet<PermissionId>>>,
}

/// An acceptance under way; its permission is free again when the last copy is dropped.
#[derive(Debug, Clone)]
pub(crate) struct UnderWay(#[expect(dead_code, reason = "frees by being dropped")] Arc<Entry>);

#[derive(Debug)]
struct Entry {
    all: Arc<Mutex<HashSet<PermissionId>>>,
    id: PermissionId,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&self.id);
    }
}

impl Hashing {
    pub(crate) fn new(processors: usize) -> Self {
        Self::with_places(processors, processors.saturating_mul(WAITING))
    }

    fn with_places(processors: usize, places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            processors: Arc::new(Semaphore::new(processors)),
            under_way: Arc::default(),
        }
    }

    /// Begins an acceptance; `None` while another one of the same permission is under way.
    pub(crate) fn begin(&self, id: PermissionId) -> Option<UnderWay> {
        let mut all = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.insert(id).then(|| {
            UnderWay(Arc::new(Entry {
                all: Arc::clone(&self.under_way),
                id,
            }))
        })
    }

    /// bcrypt, on a thread that may block. Once it is being computed, processor and permission stay taken to its end,
    /// also when whoever asked has gone.
    pub(crate) async fn hash(
        &self,
        under_way: &UnderWay,
        password: &str,
        cost: u32,
        salt: [u8; 16],
    ) -> Result<String, HashError> {
        let place = Arc::clone(&self.places).try_acquire_owned()?;
        let processor = Arc::clone(&self.processors).acquire_owned().await?;
        let taken = (place, processor, under_way.clone());
        let password = password.to_owned();
        let computing = tokio::task::spawn_blocking(move || {
            let parts = bcrypt::hash_with_salt(password, cost, salt);
            drop(taken);
            parts
        });
        Ok(computing.await??.format_for_version(Version::TwoB))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use test_support::wait;
    use uuid::Uuid;

    use super::*;

    const SALT: [u8; 16] = [7; 16];

    fn id(number: u128) -> PermissionId {
        Uuid::from_u128(number).into()
    }

    #[test]
    fn a_permission_has_one_acceptance_at_a_time() {
        let hashing = Hashing::new(1);
        let first = hashing.begin(id(1)).unwrap();
        let copy = first.clone();
        assert!(hashing.begin(id(1)).is_none());
        assert!(hashing.begin(id(2)).is_some());
        drop(first);
        assert!(hashing.begin(id(1)).is_none(), "a copy is still there");
        drop(copy);
        assert!(hashing.begin(id(1)).is_some());
    }

    #[tokio::test]
    async fn no_more_wait_than_there_are_places_for() {
        let hashing = Hashing::with_places(1, 2);
        let acceptances: Vec<_> = (0..3)
            .map(|number| hashing.begin(id(number)).unwrap())
            .collect();
        let [first, second, third] = acceptances.as_slice() else {
            panic!("three");
        };
        // Polled in this order: the first two have their places when the third asks.
        let (one, two, three) = tokio::join!(
            hashing.hash(first, "a", 4, SALT),
            hashing.hash(second, "b", 4, SALT),
            hashing.hash(third, "c", 4, SALT)
        );
        assert!(bcrypt::verify("a", &one.unwrap()).unwrap());
        assert!(bcrypt::verify("b", &two.unwrap()).unwrap());
        assert!(matches!(three, Err(HashError::Full(_))));
        let again = hashing.hash(third, "c", 4, SALT).await.unwrap();
        assert!(again.starts_with("$2b$04$"), "{again}");
    }

    #[tokio::test]
    async fn whoever_goes_away_leaves_no_room_for_more() {
        let hashing = Hashing::with_places(1, 1);
        let acceptance = hashing.begin(id(1)).unwrap();
        // Long enough to be looked at.
        let mut asked = Box::pin(hashing.hash(&acceptance, "a", 12, SALT));
        let cut = tokio::time::timeout(Duration::ZERO, &mut asked).await;
        assert!(cut.is_err());
        drop(asked);
        drop(acceptance);
        assert!(hashing.begin(id(1)).is_none(), "it is still computed");
        let other = hashing.begin(id(2)).unwrap();
        let refused = hashing.hash(&other, "b", 4, SALT).await;
        assert!(matches!(refused, Err(HashError::Full(_))));
        wait::until(Duration::from_secs(30), "the hash to end", async || {
            hashing.begin(id(1))
        })
        .await;
    }
}
