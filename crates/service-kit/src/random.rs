//! Randomness is passed in, so that tests can foresee tokens and nonces.
//!
//! Only this module asks the machine for random bytes (`clippy.toml` forbids it elsewhere).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A source of random bytes, fit for tokens, nonces and keys when it is [`SystemRandom`].
pub trait Random: Send + Sync + std::fmt::Debug {
    /// Fills `bytes` completely.
    fn fill(&self, bytes: &mut [u8]);

    /// A token of `bytes` random bytes in base64url without padding (4 characters for 3 bytes):
    /// safe in URLs, cookies and file names. 32 bytes cannot be guessed.
    fn token(&self, bytes: usize) -> String {
        let mut buffer = vec![0; bytes];
        self.fill(&mut buffer);
        URL_SAFE_NO_PAD.encode(buffer)
    }

    /// A random (version 4) UUID.
    fn uuid(&self) -> Uuid {
        let mut buffer = [0; 16];
        self.fill(&mut buffer);
        uuid::Builder::from_random_bytes(buffer).into_uuid()
    }
}

/// A source that several parts of a program share.
pub type SharedRandom = Arc<dyn Random>;

/// The operating system's source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl SystemRandom {
    /// The operating system's source, ready to be shared.
    #[must_use]
    pub fn shared() -> SharedRandom {
        Arc::new(Self)
    }
}

impl Random for SystemRandom {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine for random bytes"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Every answer but stopping would hand out tokens and nonces that can be guessed.
            tracing::error!(
                %error,
                "the operating system gives no random bytes; the process ends: \
                 check that getrandom(2) or /dev/urandom is available to it"
            );
            std::process::abort();
        }
    }
}

/// A source for tests: the same seed gives the same bytes in the same order. Never for production.
#[derive(Debug)]
pub struct SeededRandom {
    seed: u64,
    block: AtomicU64,
}

impl SeededRandom {
    /// A source that repeats itself for equal seeds.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            block: AtomicU64::new(0),
        }
    }

    /// The same, ready to be shared.
    #[must_use]
    pub fn shared(seed: u64) -> SharedRandom {
        Arc::new(Self::new(seed))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = self.block.fetch_add(1, Ordering::Relaxed);
            let digest = Sha256::new()
                .chain_update(self.seed.to_be_bytes())
                .chain_update(block.to_be_bytes())
                .finalize();
            for (target, byte) in chunk.iter_mut().zip(digest) {
                *target = byte;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_repeat_and_differ() {
        let (one, same, other) = (
            SeededRandom::new(7),
            SeededRandom::new(7),
            SeededRandom::new(8),
        );
        let tokens: Vec<String> = (0..3).map(|_| one.token(32)).collect();
        assert_eq!(tokens, (0..3).map(|_| same.token(32)).collect::<Vec<_>>());
        assert_ne!(tokens[0], other.token(32));
        assert_ne!(tokens[0], tokens[1]);
        let mut long = [0; 100];
        other.fill(&mut long);
        assert_ne!(long[..32], long[32..64], "blocks must not repeat");
    }

    #[test]
    fn tokens_are_url_safe_and_as_long_as_asked() {
        let token = SystemRandom.token(32);
        assert_eq!(token.len(), 43);
        assert!(
            token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
        assert_ne!(token, SystemRandom.token(32));
    }

    #[test]
    fn uuids_are_version_4() {
        let id = SeededRandom::new(1).uuid();
        assert_eq!(id.get_version_num(), 4);
        assert_eq!(id, SeededRandom::new(1).uuid());
        assert_ne!(SystemRandom.uuid(), SystemRandom.uuid());
    }
}
