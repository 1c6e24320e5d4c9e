//! Encryption at rest with rotation of keys.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) with a random 24-byte nonce per value. What a
//! value belongs to (table, row, column) and the id of its key are bound in as associated data: a
//! ciphertext copied to another row or column does not open.
//!
//! Rotation: put the new key behind the old one until every process that opens values knows it, then
//! in front: new values are sealed with the first key, old ones still open. Once no row names the old
//! key any more, remove it.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::zeroize::{Zeroize as _, Zeroizing};
use secrecy::{ExposeSecret as _, SecretBox};

use super::{Secret, SecretError};
use crate::random::{SharedRandom, SystemRandom};

const NAME: &str = "METERGATE_ENCRYPTION_KEYS";
const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;

/// Where the keys for encryption at rest come from.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct KeyringConfig {
    /// Keys that encrypt tokens in the database: `id:key[,id:key…]`, where id is 1 to 32 letters,
    /// digits, `-`, `_` or `.`, and key is 32 random bytes in base64 (`openssl rand -base64 32`).
    /// The first seals, all open. No default. Losing a key means losing the tokens under it:
    /// their customers must authorize again.
    #[arg(
        long = "encryption-keys",
        env = "METERGATE_ENCRYPTION_KEYS",
        hide_env_values = true
    )]
    pub encryption_keys: Option<Secret>,

    /// A file that holds the same text, instead of the variable.
    #[arg(long = "encryption-keys-file", env = "METERGATE_ENCRYPTION_KEYS_FILE")]
    pub encryption_keys_file: Option<PathBuf>,
}

impl KeyringConfig {
    /// Reads and checks the keys.
    pub fn load(&self) -> Result<Keyring, KeyringError> {
        let text = super::read(
            NAME,
            self.encryption_keys.as_ref(),
            self.encryption_keys_file.as_deref(),
        )?;
        Keyring::parse(&text)
    }
}

/// What can be wrong with keys, or with a value that they are to open. No message shows a key, a
/// plain text or a row.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The keys cannot be found.
    #[error(transparent)]
    Read(#[from] SecretError),
    /// The text holds no key.
    #[error("{NAME} holds no key: set it to id:key, the key made by `openssl rand -base64 32`")]
    Empty,
    /// An entry is not `id:key`.
    #[error(
        "entry {position} of {NAME} is not id:key with an id of 1 to 32 letters, digits, '-', '_' or '.'"
    )]
    Entry {
        /// Counted from 1.
        position: usize,
    },
    /// A key is not 32 bytes in base64.
    #[error(
        "key {id} in {NAME} is not 32 bytes in base64: make one with `openssl rand -base64 32`"
    )]
    Key {
        /// The id of the key.
        id: String,
    },
    /// An id occurs twice.
    #[error("key id {id} occurs twice in {NAME}: give each key its own id")]
    Twice {
        /// The id of the keys.
        id: String,
    },
    /// The text is too long to be sealed.
    #[error("the value is too long to be sealed")]
    TooLong,
    /// The key that sealed the value is not in the ring.
    #[error(
        "the value was sealed with key {id}, which is not in {NAME}: add it behind the current one"
    )]
    UnknownKey {
        /// The id of the key.
        id: String,
    },
    /// Wrong key material, wrong place, or changed bytes.
    #[error(
        "the value does not open with key {id}: it was changed, moved from another row or column, or sealed with a different key of that id"
    )]
    DoesNotOpen {
        /// The id of the key.
        id: String,
    },
    /// The plain bytes are not UTF-8.
    #[error("the value opened with key {id} is not text")]
    NotText {
        /// The id of the key.
        id: String,
    },
}

/// An encrypted value as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key opens it.
    pub key_id: String,
    /// A 24-byte nonce, the ciphertext, and a 16-byte tag.
    pub bytes: Vec<u8>,
}

/// The keys for encryption at rest: the first seals, all open.
pub struct Keyring {
    first: NamedKey,
    others: Vec<NamedKey>,
    random: SharedRandom,
}

struct NamedKey {
    id: String,
    bytes: SecretBox<[u8; KEY_BYTES]>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring")
            .field("ids", &self.ids())
            .finish_non_exhaustive()
    }
}

impl Keyring {
    /// Parses `id:base64key[,id:base64key…]`; white space around entries is ignored.
    pub fn parse(text: &Secret) -> Result<Self, KeyringError> {
        let mut keys: Vec<NamedKey> = Vec::new();
        let entries = text.expose_secret().split(',').map(str::trim).enumerate();
        for (index, entry) in entries.filter(|(_, entry)| !entry.is_empty()) {
            let key = NamedKey::parse(entry, index + 1)?;
            if keys.iter().any(|known| known.id == key.id) {
                return Err(KeyringError::Twice { id: key.id });
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(KeyringError::Empty)?;
        Ok(Self {
            first,
            others: keys.collect(),
            random: SystemRandom::shared(),
        })
    }

    /// The same keys with nonces from `random`: for tests that need the same bytes twice.
    #[must_use]
    pub fn with_random(self, random: SharedRandom) -> Self {
        Self { random, ..self }
    }

    /// The ids of the keys, the sealing one first.
    #[must_use]
    pub fn ids(&self) -> Vec<&str> {
        std::iter::once(&self.first)
            .chain(&self.others)
            .map(|key| key.id.as_str())
            .collect()
    }

    /// Seals `plain` with the first key. `context` says where the value lives, for example
    /// `smd.authorization/5b7c…/access_token`; the same text is needed to open it.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Sealed, KeyringError> {
        let mut nonce = [0; NONCE_BYTES];
        self.random.fill(&mut nonce);
        let aad = associated_data(&self.first.id, context);
        let ciphertext = self
            .first
            .cipher()
            .encrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: plain,
                    aad: &aad,
                },
            )
            .map_err(|_| KeyringError::TooLong)?;
        let bytes = [nonce.as_slice(), &ciphertext].concat();
        Ok(Sealed {
            key_id: self.first.id.clone(),
            bytes,
        })
    }

    /// Opens what [`seal`](Self::seal) sealed for the same `context`.
    pub fn open(&self, context: &str, sealed: &Sealed) -> Result<Secret, KeyringError> {
        let id = || sealed.key_id.clone();
        let key = std::iter::once(&self.first)
            .chain(&self.others)
            .find(|key| key.id == sealed.key_id)
            .ok_or_else(|| KeyringError::UnknownKey { id: id() })?;
        let (nonce, ciphertext) = sealed
            .bytes
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or_else(|| KeyringError::DoesNotOpen { id: id() })?;
        let aad = associated_data(&key.id, context);
        let plain = key
            .cipher()
            .decrypt(
                &XNonce::from(*nonce),
                Payload {
                    msg: ciphertext,
                    aad: &aad,
                },
            )
            .map_err(|_| KeyringError::DoesNotOpen { id: id() })?;
        match String::from_utf8(plain) {
            Ok(text) => Ok(Secret::from(text)),
            Err(error) => {
                error.into_bytes().zeroize();
                Err(KeyringError::NotText { id: id() })
            }
        }
    }
}

impl NamedKey {
    fn parse(entry: &str, position: usize) -> Result<Self, KeyringError> {
        let (id, key) = entry
            .split_once(':')
            .ok_or(KeyringError::Entry { position })?;
        let id_is_plain = (1..=32).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !id_is_plain {
            return Err(KeyringError::Entry { position });
        }
        let decoded = STANDARD
            .decode(key)
            .or_else(|_| STANDARD_NO_PAD.decode(key));
        let decoded = Zeroizing::new(decoded.unwrap_or_default());
        let bytes = <[u8; KEY_BYTES]>::try_from(decoded.as_slice())
            .map_err(|_| KeyringError::Key { id: id.to_owned() })?;
        Ok(Self {
            id: id.to_owned(),
            bytes: SecretBox::new(Box::new(bytes)),
        })
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.bytes.expose_secret()))
    }
}

/// The key's id and the context, each behind its length, so that no two pairs read the same.
fn associated_data(key_id: &str, context: &str) -> Vec<u8> {
    format!(
        "metergate 1\n{}:{key_id}\n{}:{context}",
        key_id.len(),
        context.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests;
