//! Passwords of homes, made before they are asked for: the hash of one takes a processor for tens of milliseconds, and
//! an acceptance should not wait for it. As the password is ours to choose, a few are kept ready with their hashes
//! (`docs/adr/0011`); homes that come when all are taken wait for the next ones in the order in which they asked.

use bcrypt::{BcryptError, Version};
use service_kit::random::SharedRandom;
use service_kit::secret::Secret;
use tokio::sync::{Mutex, Semaphore, TryAcquireError, mpsc};
use tokio::task::{JoinError, spawn_blocking};

/// 18 random bytes are 24 characters.
const PASSWORD_BYTES: usize = 18;
/// Kept ready, beside the one that each processor has just made: enough for all homes that accept in one second.
const READY: usize = 16;
/// Homes that may wait for each processor: with the usual cost, the last one waits for less than five seconds.
const WAITING: usize = 64;

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// More homes accept at this moment than this process can serve.
    #[error("too many homes accept at once: run another replica of aiida-permission")]
    Full(#[from] TryAcquireError),
    #[error("nobody makes passwords any more: the service is stopping")]
    Closed,
    #[error("the password's hash cannot be computed")]
    Bcrypt(#[from] BcryptError),
    #[error("the password's hash was not computed to its end")]
    Cut(#[from] JoinError),
}

/// A password that nobody has been given yet.
#[derive(Debug)]
pub(crate) struct Password {
    /// For the home's answer, and nothing else.
    pub(crate) text: Secret,
    /// bcrypt, `$2b$…`: for the broker's table.
    pub(crate) hash: String,
}

/// The passwords that are ready. Each is given away once; dropping this ends their making.
#[derive(Debug)]
pub(crate) struct Passwords {
    ready: Mutex<mpsc::Receiver<Result<Password, PasswordError>>>,
    /// For those who wait.
    places: Semaphore,
}

impl Passwords {
    /// Begins to make passwords with hashes of this cost, as many at a time as there are processors.
    pub(crate) fn new(processors: usize, cost: u32, random: &SharedRandom) -> Self {
        let places = processors.saturating_mul(WAITING);
        Self::with_room(processors, READY, places, cost, random)
    }

    fn with_room(
        processors: usize,
        ready: usize,
        places: usize,
        cost: u32,
        random: &SharedRandom,
    ) -> Self {
        let (made, ready) = mpsc::channel(ready);
        for _ in 0..processors {
            tokio::spawn(keep_making(made.clone(), cost, SharedRandom::clone(random)));
        }
        Self {
            ready: Mutex::new(ready),
            places: Semaphore::new(places),
        }
    }

    /// The next password: at once while some are ready, else in turn.
    pub(crate) async fn take(&self) -> Result<Password, PasswordError> {
        let _place = self.places.try_acquire()?;
        let mut ready = self.ready.lock().await;
        ready.recv().await.unwrap_or(Err(PasswordError::Closed))
    }
}

/// One at a time, on a thread that may block, until nobody can take them any more.
async fn keep_making(
    made: mpsc::Sender<Result<Password, PasswordError>>,
    cost: u32,
    random: SharedRandom,
) {
    loop {
        let random = SharedRandom::clone(&random);
        let password = match spawn_blocking(move || make(cost, &random)).await {
            Ok(password) => password.map_err(PasswordError::from),
            Err(cut) => Err(PasswordError::from(cut)),
        };
        if made.send(password).await.is_err() {
            return;
        }
    }
}

fn make(cost: u32, random: &SharedRandom) -> Result<Password, BcryptError> {
    let text = random.token(PASSWORD_BYTES);
    let mut salt = [0; 16];
    random.fill(&mut salt);
    let hash = bcrypt::hash_with_salt(&text, cost, salt)?.format_for_version(Version::TwoB);
    Ok(Password {
        text: Secret::from(text),
        hash,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use service_kit::random::SystemRandom;
    use service_kit::secret::ExposeSecret as _;
    use test_support::wait;

    use super::*;

    #[tokio::test]
    async fn each_password_is_given_once_and_fits_its_hash() {
        let passwords = Passwords::with_room(2, 4, 8, 4, &SystemRandom::shared());
        let mut seen = HashSet::new();
        // More than are kept ready.
        for _ in 0..20 {
            let password = passwords.take().await.unwrap();
            let text = password.text.expose_secret();
            assert_eq!(text.len(), 24);
            assert!(bcrypt::verify(text, &password.hash).unwrap());
            assert!(password.hash.starts_with("$2b$04$"), "{}", password.hash);
            assert!(seen.insert(text.to_owned()), "given twice");
        }
    }

    #[tokio::test]
    async fn no_more_wait_than_there_are_places_for() {
        let passwords = Passwords::with_room(1, 1, 2, 8, &SystemRandom::shared());
        // Polled in this order: the first two have their places when the third asks.
        let (one, two, three) = tokio::join!(passwords.take(), passwords.take(), passwords.take());
        assert!(one.is_ok() && two.is_ok());
        assert!(matches!(three, Err(PasswordError::Full(_))));
        assert!(passwords.take().await.is_ok(), "the places are free again");
    }

    #[tokio::test]
    async fn they_are_ready_before_anybody_asks_and_then_no_more_are_made() {
        let passwords = Passwords::with_room(1, 3, 8, 4, &SystemRandom::shared());
        let held = async || passwords.ready.lock().await.len();
        let limit = Duration::from_secs(30);
        wait::until(limit, "all to be ready", async || {
            (held().await == 3).then_some(())
        })
        .await;
        for _ in 0..3 {
            let taking = tokio::time::timeout(Duration::ZERO, passwords.take());
            assert!(
                taking.await.unwrap().is_ok(),
                "one that is ready costs no wait"
            );
        }
        wait::until(limit, "as many again", async || {
            (held().await == 3).then_some(())
        })
        .await;
    }

    #[tokio::test]
    async fn whoever_goes_away_leaves_its_place_and_its_turn() {
        let passwords = Passwords::with_room(1, 1, 1, 8, &SystemRandom::shared());
        for _ in 0..2 {
            passwords.take().await.unwrap();
        }
        // May be ready by now or not.
        drop(tokio::time::timeout(Duration::ZERO, passwords.take()).await);
        assert!(passwords.take().await.is_ok());
    }

    #[tokio::test]
    async fn a_cost_that_bcrypt_does_not_know_is_an_error() {
        let passwords = Passwords::with_room(1, 1, 1, 99, &SystemRandom::shared());
        assert!(matches!(
            passwords.take().await,
            Err(PasswordError::Bcrypt(_))
        ));
    }
}
