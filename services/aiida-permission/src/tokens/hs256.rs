//! The only algorithm there is: the JWT library brings none of its own here, so no token can talk us into another
//! (`none`, a key of another kind).

use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, Result};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use sha2::Sha256;

static HS256: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes it the JWT library's cryptography in this process. Once is enough; more do no harm.
pub(super) fn install() {
    if HS256.install_default().is_err() {
        tracing::trace!("the cryptography of access tokens was already installed");
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is the library's"
)]
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    let keyed = Keyed::new(*algorithm, key.family(), key.as_bytes())?;
    Ok(Box::new(keyed))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is the library's"
)]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let keyed = Keyed::new(*algorithm, key.family(), key.try_get_as_bytes()?)?;
    Ok(Box::new(keyed))
}

struct Keyed(Hmac<Sha256>);

impl Keyed {
    fn new(algorithm: Algorithm, family: AlgorithmFamily, key: &[u8]) -> Result<Self> {
        if algorithm != Algorithm::HS256 || family != AlgorithmFamily::Hmac {
            return Err(Error::from(ErrorKind::InvalidAlgorithm));
        }
        Hmac::new_from_slice(key)
            .map(Self)
            .map_err(|_| Error::from(ErrorKind::InvalidKeyFormat))
    }
}

impl Signer<Vec<u8>> for Keyed {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        let mac = self.0.clone().chain_update(message);
        Ok(mac.finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Keyed {
    /// In constant time.
    fn verify(&self, message: &[u8], mac: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        let expected = self.0.clone().chain_update(message);
        expected
            .verify_slice(mac)
            .map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Keyed {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Keyed {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
